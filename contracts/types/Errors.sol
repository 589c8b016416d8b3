// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {HoldId, PartyId} from "./Ids.sol";

// Refusals that more than one module raises; the others stand with their concept's interface.

/// @notice The caller is not an account of any party.
error NotParty(address account);

/// @notice The party is suspended.
error PartyInactive(PartyId party);

/// @notice The party has none of the roles that the act needs.
error NotAuthorised(uint32 roles);

/// @notice The caller is not the module that alone may call this.
error NotModule(address caller);

/// @notice There is no such thing.
error NotFound(uint8 kind, uint64 id);

/// @notice The thing is in a state in which the act is not possible.
error BadStatus(uint8 kind, uint64 id, uint8 status);

/// @notice A hold stops the act.
error HoldActive(HoldId hold, uint16 scope);

/// @notice A hash that must commit to evidence or a reason is zero.
error EvidenceMissing();

/// @notice A parameter is outside its range; `field` names it in ASCII.
error InvalidField(bytes32 field);
