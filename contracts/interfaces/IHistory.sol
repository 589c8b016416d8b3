// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Subject} from "../types/Subject.sol";

/// @title Running heads of all histories
/// @notice One hash per subject and one for the whole ledger, over every event that a module
/// emitted. Whoever holds the raw logs of a subject folds them and compares one value: a missing,
/// reordered, invented or edited event shows at once.
///
///     event  h     = SHA-256(0x10 ‖ block number u64 ‖ module 20 ‖ number of topics 1 ‖ topics ‖ data)
///     first  head0 = SHA-256(0x11 ‖ chain id 32 ‖ History address 20 ‖ subject 32)
///     next   head' = SHA-256(0x12 ‖ head ‖ h)
///
/// Heads are kept at storage slots 0 (mapping by subject) and 1 (ledger), for ever: storage proofs
/// rest on it. A stored zero stands for head0.
interface IHistory {
    /// @notice There are not 1 to 4 topics, or one after the first is not a subject.
    error MalformedEvent();

    /// @notice Folds one event into the head of every subject among its topics and of the ledger.
    /// @dev Requirements: the caller is a module of the directory, else {NotModule}. A zero topic
    /// names nobody; a subject that stands twice is folded once. Topics beyond `topics` are ignored.
    /// @param topics Number of topics of the log, 1 to 4.
    /// @param selector Topic 0.
    /// @param a Topic 1.
    /// @param b Topic 2.
    /// @param c Topic 3.
    /// @param data The data of the log.
    function record(uint256 topics, bytes32 selector, Subject a, Subject b, Subject c, bytes calldata data) external;

    /// @notice The head of a subject; of the ledger for 32 zero bytes.
    function headOf(Subject subject) external view returns (bytes32);
}
