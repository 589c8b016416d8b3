// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {Subject} from "../../../contracts/types/Subject.sol";
import {DeclaredEvents} from "./DeclaredEvents.sol";
import {DeployedLedger} from "./DeployedLedger.sol";

/// @notice Folds the logs of all modules from the first on, byte by byte as design 4.4 writes it,
/// and holds the result against {IHistory.headOf} for every subject that was ever touched.
/// A test that moves to another block calls {moveOn}, since logs do not say their block.
abstract contract FoldedLedger is DeployedLedger, DeclaredEvents {
    mapping(bytes32 subject => bytes32) private _heads;
    bytes32[] private _touched;

    function setUp() public virtual {
        vm.recordLogs();
        deployLedger();
    }

    /// @dev Takes the logs since the last time, folds them and checks all heads.
    /// @return logs Those of modules, in order.
    function takeLogs() internal returns (Vm.Log[] memory logs) {
        Vm.Log[] memory all = vm.getRecordedLogs();
        uint256 count;
        for (uint256 i = 0; i < all.length; ++i) {
            if (!_isModule(all[i].emitter)) continue;
            _foldLog(all[i]);
            all[count++] = all[i];
        }
        logs = new Vm.Log[](count);
        for (uint256 i = 0; i < count; ++i) logs[i] = all[i];
        assertHeads();
    }

    /// @dev As {takeLogs}, and says how many there must be.
    function takeLogs(uint256 expected) internal returns (Vm.Log[] memory logs) {
        logs = takeLogs();
        assertEq(logs.length, expected, "logs");
    }

    function moveOn(uint256 blocks, uint256 time) internal {
        takeLogs();
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + time);
    }

    function assertHeads() internal view {
        assertHead(bytes32(0));
        for (uint256 i = 0; i < _touched.length; ++i) assertHead(_touched[i]);
    }

    function assertHead(bytes32 subject) internal view {
        assertEq(history.headOf(Subject.wrap(subject)), foldedHead(subject), "head");
    }

    /// @dev What the logs fold to.
    function foldedHead(bytes32 subject) internal view returns (bytes32) {
        bytes32 head = _heads[subject];
        return head != 0 ? head : firstHead(block.chainid, address(history), subject);
    }

    function firstHead(uint256 chainId, address at, bytes32 subject) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"11", bytes32(chainId), bytes20(at), subject));
    }

    function nextHead(bytes32 head, bytes32 event_) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"12", head, event_));
    }

    function eventHash(uint64 number, address module, bytes32[] memory topics, bytes memory data)
        internal
        pure
        returns (bytes32)
    {
        bytes memory joined;
        for (uint256 i = 0; i < topics.length; ++i) joined = bytes.concat(joined, topics[i]);
        bytes1 count = bytes1(uint8(topics.length));
        return sha256(bytes.concat(hex"10", bytes8(number), bytes20(module), count, joined, data));
    }

    function _isModule(address emitter) private view returns (bool) {
        return emitter == address(parties) || emitter == address(supervision) || emitter == address(titles)
            || emitter == address(datasets) || emitter == address(policies) || emitter == address(licenses)
            || emitter == address(lineage) || emitter == address(anchors);
    }

    function _foldLog(Vm.Log memory log) private {
        Shape memory shape = declared(log.topics[0]);
        assertEq(log.topics.length, shape.topics, "topics of an event as declared");
        assertEq(log.data.length, 32 * shape.words, "data of an event as declared");
        bytes32 hash = eventHash(uint64(block.number), log.emitter, log.topics, log.data);
        _foldInto(bytes32(0), hash);
        for (uint256 i = 1; i < log.topics.length; ++i) {
            bool again = log.topics[i] == 0;
            for (uint256 j = 1; j < i; ++j) again = again || log.topics[j] == log.topics[i];
            if (!again) _foldInto(log.topics[i], hash);
        }
    }

    function _foldInto(bytes32 subject, bytes32 hash) private {
        if (_heads[subject] == 0 && subject != 0) _touched.push(subject);
        _heads[subject] = nextHead(foldedHead(subject), hash);
    }
}
