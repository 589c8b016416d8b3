// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";

import {IDirectory} from "./interfaces/IDirectory.sol";
import {IHistory} from "./interfaces/IHistory.sol";
import {NotModule} from "./types/Errors.sol";
import {LEDGER, Subject} from "./types/Subject.sol";

/// @title What every module has in common
/// @notice A module finds those above it in the directory at deployment and keeps their addresses
/// for ever; it accepts requests relayed by the forwarder; it records each event in the history.
abstract contract LedgerModule is ERC2771Context {
    IDirectory internal immutable DIRECTORY;
    IHistory internal immutable HISTORY;

    // A name in the directory never changes, so what was asked once need not be asked again.
    mapping(bytes32 name => address) private _known;

    constructor(IDirectory directory) ERC2771Context(directory.addressOf("Forwarder")) {
        DIRECTORY = directory;
        HISTORY = IHistory(directory.addressOf("History"));
    }

    /// @dev For the few functions that only modules call.
    modifier onlyModules() {
        if (!DIRECTORY.isModule(msg.sender)) revert NotModule(msg.sender);
        _;
    }

    /// @dev For the few functions that one module below calls.
    modifier onlyModule(bytes32 name) {
        _requireModule(name);
        _;
    }

    function _requireModule(bytes32 name) internal {
        if (_known[name] == msg.sender) return;
        if (DIRECTORY.nameOf(msg.sender) != name) revert NotModule(msg.sender);
        _known[name] = msg.sender;
    }

    // Events are written by the functions below, never by `emit`: they put the same bytes into the
    // log and into the history, so that the two cannot differ, and encode them once (gas.json).

    /// @dev Emits and records an event about nobody: it goes into the head of the ledger alone.
    /// @param selector Topic 0.
    /// @param data `abi.encode` of the parameters that are not indexed.
    function _log(bytes32 selector, bytes memory data) internal {
        assembly ("memory-safe") {
            log1(add(data, 32), mload(data), selector)
        }
        HISTORY.record(1, selector, LEDGER, LEDGER, LEDGER, data);
    }

    /// @dev Emits and records an event about one subject.
    function _log(bytes32 selector, Subject a, bytes memory data) internal {
        assembly ("memory-safe") {
            log2(add(data, 32), mload(data), selector, a)
        }
        HISTORY.record(2, selector, a, LEDGER, LEDGER, data);
    }

    /// @dev Emits and records an event about two subjects.
    function _log(bytes32 selector, Subject a, Subject b, bytes memory data) internal {
        assembly ("memory-safe") {
            log3(add(data, 32), mload(data), selector, a, b)
        }
        HISTORY.record(3, selector, a, b, LEDGER, data);
    }

    /// @dev Emits and records an event about three subjects.
    function _log(bytes32 selector, Subject a, Subject b, Subject c, bytes memory data) internal {
        assembly ("memory-safe") {
            log4(add(data, 32), mload(data), selector, a, b, c)
        }
        HISTORY.record(4, selector, a, b, c, data);
    }
}
