// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDirectory} from "./interfaces/IDirectory.sol";
import {IHistory} from "./interfaces/IHistory.sol";
import {NotModule} from "./types/Errors.sol";
import {LEDGER, Subject} from "./types/Subject.sol";

/// @title History
/// @notice See {IHistory}. Only modules write; nothing is ever removed.
contract History is IHistory {
    // Frozen order: slot 0, slot 1.
    mapping(Subject subject => bytes32) private _heads;
    bytes32 private _ledgerHead;

    // A name in the directory never changes, so what was asked once need not be asked again.
    mapping(address caller => bool) private _known;

    IDirectory private immutable DIRECTORY;

    // Bytes 1 to 23 of a subject.
    bytes32 private constant PADDING = 0x00ffffffffffffffffffffffffffffffffffffffffffffff0000000000000000;

    constructor(IDirectory directory) {
        DIRECTORY = directory;
    }

    /// @inheritdoc IHistory
    function record(
        uint256 topics,
        bytes32, // selector, read as part of `packed`
        Subject a,
        Subject b,
        Subject c,
        bytes calldata data
    )
        external
    {
        if (!_known[msg.sender]) {
            if (!DIRECTORY.isModule(msg.sender)) revert NotModule(msg.sender);
            _known[msg.sender] = true;
        }
        if (topics == 0 || topics > 4) revert MalformedEvent();
        // The topics stand side by side in the calldata, after the function selector and `topics`.
        bytes calldata packed = msg.data[36:36 + 32 * topics];
        bytes32 h =
            sha256(abi.encodePacked(bytes1(0x10), uint64(block.number), msg.sender, uint8(topics), packed, data));
        if (topics > 1) _foldInto(a, h);
        if (topics > 2 && b != a) _foldInto(b, h);
        if (topics > 3 && c != a && c != b) _foldInto(c, h);
        _ledgerHead = _next(_orInitial(_ledgerHead, LEDGER), h);
    }

    /// @inheritdoc IHistory
    function headOf(Subject subject) external view returns (bytes32) {
        bytes32 stored = Subject.unwrap(subject) == 0 ? _ledgerHead : _heads[subject];
        return _orInitial(stored, subject);
    }

    function _orInitial(bytes32 head, Subject subject) private view returns (bytes32) {
        if (head != 0) return head;
        return sha256(abi.encodePacked(bytes1(0x11), block.chainid, address(this), subject));
    }

    function _foldInto(Subject subject, bytes32 h) private {
        if (subject == LEDGER) return;
        bytes32 word = Subject.unwrap(subject);
        if (word & PADDING != 0 || word[0] == 0 || uint64(uint256(word)) == 0) {
            revert MalformedEvent();
        }
        _heads[subject] = _next(_orInitial(_heads[subject], subject), h);
    }

    /// @dev `sha256(abi.encodePacked(bytes1(0x12), head, h))`, in memory that is used again for each
    /// fold: three or four are done in every act (gas.json).
    function _next(bytes32 head, bytes32 h) private view returns (bytes32 next) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 0x12)
            mstore(add(at, 1), head)
            mstore(add(at, 33), h)
            // The contract at 2 is SHA-256; it fails only for want of gas.
            if iszero(staticcall(gas(), 2, at, 65, 0, 32)) { revert(0, 0) }
            next := mload(0)
        }
    }
}
