// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {PartyId} from "../types/Ids.sol";
import {Subject} from "../types/Subject.sol";

/// @title One root for a batch of documents
/// @notice That these documents existed at a block, and that this party vouches for them. What they
/// say, and who can read them, is none of the chain's business. A leaf is
/// `SHA-256(0x00 ‖ nonce 16 ‖ type 1 ‖ SHA-256(document))` of an RFC 9162 tree (design 4.3).
interface IAnchors {
    event BatchAnchored(Subject indexed party, bytes32 root, uint64 count);

    /// @notice The party anchored the same root before.
    error AlreadyAnchored(bytes32 root, uint48 blockNumber);

    /// @notice Anchors a batch.
    /// @dev Emits {BatchAnchored}. Requirements: caller acts for `onBehalfOf`; root is not zero; 1 to
    /// 2^32 leaves; the party has not anchored the root before.
    /// @param count Number of leaves.
    /// @param onBehalfOf The party if the caller is its delegate; zero for the caller's party.
    function anchor(bytes32 root, uint64 count, PartyId onBehalfOf) external;

    /// @notice The block in which a party anchored a root, or zero.
    function anchoredAt(PartyId party, bytes32 root) external view returns (uint48 blockNumber);
}
