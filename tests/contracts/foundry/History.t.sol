// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDirectory, Predecessor} from "../../../contracts/interfaces/IDirectory.sol";
import {ForwardRequest} from "../../../contracts/interfaces/IForwarder.sol";
import {IHistory} from "../../../contracts/interfaces/IHistory.sol";
import {NotModule} from "../../../contracts/types/Errors.sol";
import {LEDGER, Subject} from "../../../contracts/types/Subject.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {SignedRequests} from "./SignedRequests.sol";

/// @notice History.tree, leaf by leaf. Events come from a spare module, so they can be anything.
contract HistoryTest is FoldedLedger, SignedRequests {
    bytes32 private constant TOPIC0 = keccak256("Anything()");

    function _subject(uint8 kind, uint64 id) private pure returns (Subject) {
        kind = uint8(bound(kind, 1, 255));
        return Subject.wrap(bytes32((uint256(kind) << 248) | bound(id, 1, type(uint64).max)));
    }

    function _record(uint256 topics, Subject a, Subject b, Subject c, bytes memory data) private {
        vm.prank(spare);
        history.record(topics, TOPIC0, a, b, c, data);
    }

    function _hash(uint256 count, Subject a, Subject b, Subject c, bytes memory data) private view returns (bytes32) {
        bytes32[4] memory all = [TOPIC0, Subject.unwrap(a), Subject.unwrap(b), Subject.unwrap(c)];
        bytes32[] memory topics = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) topics[i] = all[i];
        return eventHash(uint64(block.number), spare, topics, data);
    }

    function test_RevertWhen_CallerIsForwarder() public {
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, address(forwarder)));
        vm.prank(address(forwarder));
        history.record(1, TOPIC0, LEDGER, LEDGER, LEDGER, "");
    }

    function testFuzz_RevertWhen_CallerIsNoModule(address caller) public {
        vm.assume(!directory.isModule(caller));
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, caller));
        vm.prank(caller);
        history.record(1, TOPIC0, LEDGER, LEDGER, LEDGER, "");
    }

    function test_RevertWhen_Relayed() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        bytes memory data = abi.encodeCall(IHistory.record, (1, TOPIC0, LEDGER, LEDGER, LEDGER, ""));
        ForwardRequest memory request = requestOf(signer, address(history), data);
        bytes32 before = history.headOf(LEDGER);
        bytes memory signature = sign(key, request);
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, address(forwarder)));
        forwarder.relay(request, signature);
        assertEq(history.headOf(LEDGER), before);
    }

    function testFuzz_RevertWhen_TopicsOutOfRange(uint256 topics) public {
        topics = topics % 2 == 0 ? 0 : bound(topics, 5, type(uint256).max);
        vm.expectRevert(IHistory.MalformedEvent.selector);
        _record(topics, LEDGER, LEDGER, LEDGER, "");
    }

    function _expectMalformed(bytes32 word, uint8 place) private {
        Subject[3] memory topics;
        topics[place % 3] = Subject.wrap(word);
        vm.expectRevert(IHistory.MalformedEvent.selector);
        _record(4, topics[0], topics[1], topics[2], "");
    }

    function testFuzz_RevertWhen_PaddingNotZero(uint8 kind, uint64 id, uint8 at, uint8 place) public {
        uint256 bad = uint256(1) << bound(at, 64, 247);
        _expectMalformed(bytes32(uint256(Subject.unwrap(_subject(kind, id))) | bad), place);
    }

    function testFuzz_RevertWhen_KindZero(uint64 id, uint8 place) public {
        _expectMalformed(bytes32(bound(id, 1, type(uint64).max)), place);
    }

    function testFuzz_RevertWhen_IdZero(uint8 kind, uint8 place) public {
        _expectMalformed(bytes32(bound(kind, 1, 255) << 248), place);
    }

    function testFuzz_Record(uint256 topics, uint8[3] memory kinds, uint64[3] memory ids, bytes memory data) public {
        topics = bound(topics, 1, 4);
        Subject[3] memory s;
        for (uint256 i = 0; i < 3; ++i) s[i] = _subject(kinds[i], ids[i]);
        vm.assume(s[0] != s[1] && s[1] != s[2] && s[0] != s[2]);
        for (uint256 round = 0; round < 2; ++round) {
            bytes32 hash = _hash(topics, s[0], s[1], s[2], data);
            bytes32 ledger = nextHead(history.headOf(LEDGER), hash);
            bytes32[3] memory heads;
            for (uint256 i = 0; i < 3; ++i) {
                bytes32 head = history.headOf(s[i]);
                heads[i] = i + 1 < topics ? nextHead(head, hash) : head;
            }
            _record(topics, s[0], s[1], s[2], data);
            assertEq(history.headOf(LEDGER), ledger);
            for (uint256 i = 0; i < 3; ++i) assertEq(history.headOf(s[i]), heads[i]);
            vm.roll(block.number + 1);
        }
    }

    function testFuzz_RecordsRepeatedSubjectOnce(uint8 kind, uint64 id, uint8 places) public {
        Subject s = _subject(kind, id);
        Subject other = _subject(kind, id == 1 ? 2 : 1);
        vm.assume(s != other);
        Subject[3] memory topics = [s, s, s];
        if (places % 4 != 3) topics[places % 4] = other;
        bytes32 hash = _hash(4, topics[0], topics[1], topics[2], "data");
        bytes32 once = nextHead(history.headOf(s), hash);
        _record(4, topics[0], topics[1], topics[2], "data");
        assertEq(history.headOf(s), once);
    }

    function testFuzz_RecordsZeroTopicNowhere(uint8 kind, uint64 id) public {
        Subject s = _subject(kind, id);
        bytes32 hash = _hash(4, LEDGER, s, LEDGER, "data");
        bytes32 ledger = nextHead(history.headOf(LEDGER), hash);
        bytes32 head = nextHead(history.headOf(s), hash);
        _record(4, LEDGER, s, LEDGER, "data");
        assertEq(history.headOf(s), head);
        assertEq(history.headOf(LEDGER), ledger);
    }

    function testFuzz_IgnoresTopicsBeyondCount(uint8 kind, uint64 id, bytes32 junk) public {
        Subject s = _subject(kind, id);
        bytes32 head = nextHead(history.headOf(s), _hash(2, s, LEDGER, LEDGER, "data"));
        _record(2, s, Subject.wrap(junk), Subject.wrap(~junk), "data");
        assertEq(history.headOf(s), head);
    }

    function testFuzz_FirstHead(bytes32 subject, uint64 chainId) public {
        vm.assume(subject != 0);
        vm.chainId(bound(chainId, 1, type(uint64).max));
        assertEq(history.headOf(Subject.wrap(subject)), firstHead(block.chainid, address(history), subject));
    }

    function testFuzz_FrozenSlots(uint8 kind, uint64 id, bytes memory data) public {
        Subject s = _subject(kind, id);
        bytes32 slot = keccak256(abi.encode(s, uint256(0)));
        assertEq(vm.load(address(history), slot), 0);
        _record(2, s, LEDGER, LEDGER, data);
        assertEq(vm.load(address(history), slot), history.headOf(s));
        assertEq(vm.load(address(history), bytes32(uint256(1))), history.headOf(LEDGER));
    }

    function test_Vectors() public {
        string memory json = vm.readFile("tests/vectors/histories.json");
        vm.chainId(vm.parseJsonUint(json, ".chain_id"));
        Predecessor memory none;
        directory = IDirectory(deployCode("Directory.sol:Directory", abi.encode(address(this), none)));
        history = IHistory(vm.parseJsonAddress(json, ".history"));
        deployCodeTo("History.sol:History", abi.encode(directory), address(history));
        uint256 count;
        for (; vm.keyExistsJson(json, _at(count, "")); ++count) _replay(json, count);
        assertGt(count, 0, "logs in the file");
        string[] memory subjects = vm.parseJsonKeys(json, ".heads");
        for (uint256 i = 0; i < subjects.length; ++i) {
            bytes32 head = vm.parseJsonBytes32(json, string.concat(".heads['", subjects[i], "']"));
            assertEq(history.headOf(Subject.wrap(vm.parseBytes32(subjects[i]))), head, subjects[i]);
        }
    }

    function _at(uint256 i, string memory field) private pure returns (string memory) {
        return string.concat(".logs[", vm.toString(i), "]", field);
    }

    function _replay(string memory json, uint256 i) private {
        spare = vm.parseJsonAddress(json, _at(i, ".address"));
        if (spare.code.length == 0) {
            vm.etch(spare, hex"00");
            directory.add(bytes32(bytes20(spare)), spare);
        }
        vm.roll(vm.parseJsonUint(json, _at(i, ".block_number")));
        bytes32[] memory topics = vm.parseJsonBytes32Array(json, _at(i, ".topics"));
        bytes memory data = vm.parseJsonBytes(json, _at(i, ".data"));
        bytes32 hash = eventHash(uint64(block.number), spare, topics, data);
        assertEq(hash, vm.parseJsonBytes32(json, _at(i, ".hash")));
        bytes32[4] memory four;
        for (uint256 j = 0; j < topics.length; ++j) four[j] = topics[j];
        vm.prank(spare);
        history.record(
            topics.length, four[0], Subject.wrap(four[1]), Subject.wrap(four[2]), Subject.wrap(four[3]), data
        );
    }
}
