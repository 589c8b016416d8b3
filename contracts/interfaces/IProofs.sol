// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Inclusion} from "../libraries/Merkle.sol";
import {DatasetId} from "../types/Ids.sol";

/// @title Proofs of content, for other contracts
/// @notice Lets a contract act on a file being part of a registered version, which it is shown as an
/// entry line and a few hashes. It keeps no state, records nothing and is no module: anyone may
/// deploy one beside a ledger, and a ledger needs none.
interface IProofs {
    /// @notice True if the entry stands in the manifest with that root.
    /// @param root Root of a version.
    /// @param entry The entry line as the manifest has it, without its line feed.
    function verifyLeaf(bytes32 root, Inclusion calldata proof, bytes calldata entry) external pure returns (bool);

    /// @notice True if the entry stands in that version of that dataset, and the version was not
    /// withdrawn, nor its dataset deregistered.
    /// @dev Holds on the dataset are not looked at: whether they matter is the caller's affair.
    function verifyEntry(
        DatasetId dataset,
        uint32 version,
        bytes32 root,
        Inclusion calldata proof,
        bytes calldata entry
    ) external view returns (bool);
}
