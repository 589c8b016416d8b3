// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {PartyAccounts} from "./PartyAccounts.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IParties} from "./interfaces/IParties.sol";
import {ISupervision} from "./interfaces/ISupervision.sol";
import {lowestBit} from "./libraries/Bits.sol";
import {ACTS_ALL} from "./types/Acts.sol";
import {EvidenceMissing, InvalidField, BadStatus, NotAuthorised, NotFound, PartyInactive} from "./types/Errors.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId} from "./types/Ids.sol";
import {Delegation, FLAG_FOREIGN_INVESTED, FLAGS_ALL, Party, PartyKind, PartyStatus, Profile} from "./types/Party.sol";
import {
    ROLE_CUSTODIAN,
    ROLE_REGULATOR,
    ROLE_SERVICE_PROVIDER,
    ROLES_ALL,
    ROLES_SUPERVISION,
    ROLES_TRADING,
    ROLES_VENUE
} from "./types/Roles.sol";
import {KIND_PARTY, partySubject, Subject} from "./types/Subject.sol";

/// @title Parties
/// @notice See {IParties}. This file: admission, roles, status, delegates; keys are in
/// {PartyAccounts}.
contract Parties is PartyAccounts {
    // By epoch too: whom a thief has named loses its power with the stolen key.
    mapping(
        PartyId principal
            => mapping(uint16 epoch => mapping(PartyId delegate => mapping(DatasetId dataset => Delegation)))
    ) private _delegations;

    // One word for all who read it, and how many parties stand behind each of its bits.
    uint256 private _suspects;
    mapping(uint256 bit => uint64) private _suspended;

    constructor(IDirectory directory) LedgerModule(directory) {}

    /// @inheritdoc IParties
    function register(address account, Profile calldata profile, uint32 roles) external returns (PartyId id) {
        if (roles == 0 || roles & ~ROLES_ALL != 0) revert InvalidField("roles");
        _requireAdminOfAll(roles);
        id = PartyId.wrap(++_count);
        _requireCompatible(id, roles, profile.flags);
        Party storage record = _parties[id];
        record.status = PartyStatus.ACTIVE;
        record.roles = roles;
        record.admission = lowestBit(roles);
        _setProfile(record, profile);
        _bind(id, record, account);
        Subject subject = partySubject(id);
        _log(PartyRegistered.selector, subject, abi.encode(account, profile, roles));
    }

    /// @inheritdoc IParties
    function update(PartyId id, Profile calldata profile) external {
        Party storage record = _existing(id);
        _requireOffice(record);
        _requireCompatible(id, record.roles, profile.flags);
        _setProfile(record, profile);
        Subject subject = partySubject(id);
        _log(PartyUpdated.selector, subject, abi.encode(profile));
    }

    /// @inheritdoc IParties
    function setRoles(PartyId id, uint32 roles) external {
        Party storage record = _existing(id);
        if (roles & ~ROLES_ALL != 0) revert InvalidField("roles");
        uint32 previous = record.roles;
        // Changing nothing takes no admin, and would let anyone write into the party's history.
        if (roles == previous) revert InvalidField("roles");
        _requireAdminOfAll(previous ^ roles);
        _requireCompatible(id, roles, record.flags);
        record.roles = roles;
        Subject subject = partySubject(id);
        _log(RolesSet.selector, subject, abi.encode(previous, roles));
    }

    /// @inheritdoc IParties
    function setRoleAdmin(uint32 roles, PartyId admin) external {
        if (_msgSender() != DIRECTORY.rootAdmin()) revert IDirectory.NotRootAdmin(_msgSender());
        if (roles == 0 || roles & ~ROLES_ALL != 0) revert InvalidField("roles");
        Subject subject = partySubject(admin);
        if (admin == NO_PARTY) subject = Subject.wrap(0);
        else _existing(admin);
        for (uint32 rest = roles; rest != 0; rest &= rest - 1) {
            _roleAdmins[rest & (~rest + 1)] = admin;
        }
        _log(RoleAdminSet.selector, subject, abi.encode(roles));
    }

    /// @inheritdoc IParties
    function suspend(PartyId id, bytes32 reasonHash) external {
        _setStatus(id, PartyStatus.ACTIVE, PartyStatus.SUSPENDED, reasonHash);
    }

    /// @inheritdoc IParties
    function restore(PartyId id, bytes32 reasonHash) external {
        _setStatus(id, PartyStatus.SUSPENDED, PartyStatus.ACTIVE, reasonHash);
    }

    /// @inheritdoc IParties
    function setHeld(PartyId id, bool held) external onlyModule("Supervision") {
        _existing(id).held = held;
    }

    /// @inheritdoc IParties
    function delegate(PartyId to, DatasetId dataset, Delegation calldata delegation_) external {
        PartyId id = _activeCaller();
        _existing(to);
        if (to == id) revert InvalidField("to");
        if (delegation_.acts & ~ACTS_ALL != 0) revert InvalidField("acts");
        if (delegation_.roles & ~ROLES_ALL != 0) revert InvalidField("roles");
        bool withdrawn = delegation_.until == 0 && delegation_.acts == 0 && delegation_.roles == 0;
        if (!withdrawn && delegation_.until <= block.timestamp) revert InvalidField("until");
        _delegations[id][_parties[id].epoch][to][dataset] = delegation_;
        Subject subject = partySubject(id);
        Subject other = partySubject(to);
        _log(Delegated.selector, subject, other, abi.encode(dataset, delegation_));
    }

    /// @inheritdoc IParties
    function delegation(PartyId principal, PartyId to, DatasetId dataset) external view returns (Delegation memory) {
        return _delegations[principal][_parties[principal].epoch][to][dataset];
    }

    /// @inheritdoc IParties
    function actingParty(address account, PartyId onBehalfOf, uint32 act, DatasetId dataset, uint32 roles)
        external
        view
        returns (PartyId principal)
    {
        PartyId own = _requireActiveParty(account);
        uint32 usable = type(uint32).max;
        principal = own;
        if (onBehalfOf != NO_PARTY && onBehalfOf != own) {
            principal = onBehalfOf;
            if (!isActive(principal)) revert PartyInactive(principal);
            usable = _delegatedRoles(principal, own, act, dataset);
        }
        if (roles != 0 && _parties[principal].roles & usable & roles == 0) {
            revert NotAuthorised(roles);
        }
    }

    /// @inheritdoc IParties
    function requireClear(PartyId id, uint16 scope) external view {
        _requireClear(id, scope);
    }

    /// @inheritdoc IParties
    function requireBothClear(PartyId giver, PartyId taker, uint16 scope) external view returns (uint32 roles) {
        if (!isActive(giver)) revert PartyInactive(giver);
        _requireClear(giver, scope);
        if (!isActive(taker)) revert PartyInactive(taker);
        _requireClear(taker, scope);
        return _parties[taker].roles;
    }

    /// @inheritdoc IParties
    function suspects() external view returns (uint256) {
        return _suspects;
    }

    /// @dev Supervision is deployed after this, so it is looked up where something is held.
    function _requireClear(PartyId id, uint16 scope) private view {
        if (!_parties[id].held) return;
        ISupervision(DIRECTORY.addressOf("Supervision")).requireClear(partySubject(id), scope);
    }

    /// @dev The roles that a delegate may exercise for an act, from the delegation for this dataset
    /// or else from the one for any.
    function _delegatedRoles(PartyId principal, PartyId to, uint32 act, DatasetId dataset)
        private
        view
        returns (uint32)
    {
        mapping(DatasetId => Delegation) storage delegations = _delegations[principal][_parties[principal].epoch][to];
        Delegation memory named = delegations[dataset];
        if (block.timestamp > named.until || named.acts & act == 0) {
            named = delegations[NO_DATASET];
        }
        if (block.timestamp > named.until || named.acts & act == 0) {
            revert NotDelegate(principal, to, act);
        }
        return named.roles;
    }

    function _setStatus(PartyId id, PartyStatus from, PartyStatus to, bytes32 reasonHash) private {
        Party storage record = _existing(id);
        bool regulator = _callerIsRegulator();
        if (!regulator) _requireOffice(record);
        if (record.status != from) {
            revert BadStatus(KIND_PARTY, PartyId.unwrap(id), uint8(record.status));
        }
        if (reasonHash == 0) revert EvidenceMissing();
        // What supervision has stopped, the market does not start again.
        if (record.barred && !regulator) revert NotAuthorised(ROLE_REGULATOR);
        record.barred = regulator && to == PartyStatus.SUSPENDED;
        record.status = to;
        _suspect(PartyId.unwrap(id) % 256, to == PartyStatus.SUSPENDED);
        Subject subject = partySubject(id);
        _log(PartyStatusSet.selector, subject, abi.encode(to, reasonHash));
    }

    function _suspect(uint256 bit, bool more) private {
        uint64 left = more ? _suspended[bit] + 1 : _suspended[bit] - 1;
        _suspended[bit] = left;
        _suspects = left == 0 ? _suspects & ~(1 << bit) : _suspects | (1 << bit);
    }

    function _callerIsRegulator() private view returns (bool) {
        PartyId caller = partyOf(_msgSender());
        return isActive(caller) && _parties[caller].roles & ROLE_REGULATOR != 0;
    }

    function _setProfile(Party storage record, Profile calldata profile) private {
        if (profile.kind == PartyKind.NONE) revert InvalidField("kind");
        if (profile.flags & ~FLAGS_ALL != 0) revert InvalidField("flags");
        if (!_isCountry(profile.country)) revert InvalidField("country");
        record.kind = profile.kind;
        record.flags = profile.flags;
        record.country = profile.country;
        record.zone = profile.zone;
        record.sectors = profile.sectors;
        record.credentialHash = profile.credentialHash;
    }

    /// @dev Attestations are made by a module below, so until a party is re-admitted with one, a
    /// foreign-invested party is refused the roles that need it (deny by default).
    function _requireCompatible(PartyId id, uint32 roles, uint8 flags) private pure {
        _requireOneSide(roles & ROLES_TRADING, roles & ROLES_VENUE);
        _requireOneSide(roles & ROLES_TRADING, roles & ROLES_SUPERVISION);
        _requireOneSide(roles & ROLES_VENUE, roles & ROLES_SUPERVISION);
        if (flags & FLAG_FOREIGN_INVESTED != 0 && roles & (ROLE_CUSTODIAN | ROLE_SERVICE_PROVIDER) != 0) {
            revert MarketAccessMissing(id);
        }
    }

    function _requireOneSide(uint32 a, uint32 b) private pure {
        // x & -x is the lowest bit of x.
        if (a != 0 && b != 0) revert RoleConflict(a & (~a + 1), b & (~b + 1));
    }

    function _isCountry(bytes2 code) private pure returns (bool) {
        return code[0] >= "A" && code[0] <= "Z" && code[1] >= "A" && code[1] <= "Z";
    }
}
