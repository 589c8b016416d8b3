// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForwardRequest, IForwarder} from "../../../contracts/interfaces/IForwarder.sol";
import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {NotAuthorised, NotParty} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER, ROLES_SUPPLYING} from "../../../contracts/types/Roles.sol";
import {ContractWallet, Witness} from "./ContractWallet.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {SignedRequests} from "./SignedRequests.sol";

/// @notice Forwarder.tree, leaf by leaf. The spare module is a {Witness}.
contract ForwarderTest is FoldedLedger, SignedRequests {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    Actor private supplier;

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        vm.etch(spare, type(Witness).runtimeCode);
        takeLogs();
    }

    function _note(bytes memory payload) private returns (ForwardRequest memory) {
        return requestOf(supplier.account, spare, abi.encodeCall(Witness.note, (payload)));
    }

    function _registration(bytes32 root) private returns (ForwardRequest memory) {
        bytes memory data =
            abi.encodeCall(IDatasets.register, (classification(), SOURCE, contentOf(root), NO_PARTY));
        return requestOf(supplier.account, address(datasets), data);
    }

    function _expectRefused(bytes memory error, ForwardRequest memory request, bytes memory signature) private {
        assertFalse(forwarder.verify(request, signature));
        bool used = forwarder.isNonceUsed(request.from, request.nonce);
        vm.expectRevert(error);
        forwarder.relay(request, signature);
        assertEq(forwarder.isNonceUsed(request.from, request.nonce), used);
    }

    function _badSignature() private view returns (bytes memory) {
        return abi.encodeWithSelector(IForwarder.BadSignature.selector, supplier.account);
    }

    function testFuzz_RevertWhen_Expired(uint48 deadline, uint32 late) public {
        ForwardRequest memory request = _note("");
        request.deadline = uint48(bound(deadline, block.timestamp, type(uint48).max - 1));
        bytes memory signature = sign(supplier.key, request);
        vm.warp(uint256(request.deadline) + 1 + late);
        _expectRefused(
            abi.encodeWithSelector(IForwarder.RequestExpired.selector, request.deadline), request, signature
        );
        vm.warp(request.deadline);
        forwarder.relay(request, signature);
    }

    function testFuzz_RevertGiven_Replayed(uint256 nonce) public {
        ForwardRequest memory request = _note("");
        request.nonce = nonce;
        bytes memory signature = sign(supplier.key, request);
        forwarder.relay(request, signature);
        bytes memory error = abi.encodeWithSelector(IForwarder.NonceUsed.selector, supplier.account, nonce);
        _expectRefused(error, request, signature);
        request.data = abi.encodeCall(Witness.note, ("other"));
        _expectRefused(error, request, sign(supplier.key, request));
    }

    function testFuzz_RevertGiven_Cancelled(uint256 nonce) public {
        ForwardRequest memory request = _note("");
        request.nonce = nonce;
        vm.prank(supplier.account);
        forwarder.cancelNonce(nonce);
        bytes memory error = abi.encodeWithSelector(IForwarder.NonceUsed.selector, supplier.account, nonce);
        _expectRefused(error, request, sign(supplier.key, request));
    }

    function testFuzz_RevertWhen_NotTarget(address to) public {
        vm.assume(!directory.isModule(to));
        address[3] memory targets = [to, address(forwarder), address(directory)];
        for (uint256 i = 0; i < 3; ++i) {
            ForwardRequest memory request = _note("");
            request.to = targets[i];
            bytes memory error = abi.encodeWithSelector(IForwarder.NotTarget.selector, targets[i]);
            _expectRefused(error, request, sign(supplier.key, request));
        }
    }

    function testFuzz_RevertWhen_SignedByOther(uint256 key) public {
        key = bound(key, 1, ORDER - 1);
        vm.assume(key != supplier.key);
        ForwardRequest memory request = _note("");
        _expectRefused(_badSignature(), request, sign(key, request));
    }

    function testFuzz_RevertWhen_Altered(uint8 field, uint256 by) public {
        ForwardRequest memory request = _note("payload");
        bytes memory signature = sign(supplier.key, request);
        field = uint8(bound(field, 0, 4));
        by = bound(by, 1, 1 days - 1);
        if (field == 0) request.from = address(uint160(request.from) ^ uint160(by));
        else if (field == 1) request.to = address(datasets);
        else if (field == 2) request.gas += by;
        else if (field == 3) request.nonce += by;
        else request.deadline -= uint48(by);
        _expectRefused(
            abi.encodeWithSelector(IForwarder.BadSignature.selector, request.from), request, signature
        );
        request = _note("payload");
        signature = sign(supplier.key, request);
        request.data[by % request.data.length] ^= 0x01;
        _expectRefused(_badSignature(), request, signature);
    }

    function test_RevertWhen_OtherChain() public {
        ForwardRequest memory request = _note("");
        bytes memory signature = sign(supplier.key, request);
        vm.chainId(block.chainid + 1);
        _expectRefused(_badSignature(), request, signature);
    }

    function test_RevertWhen_OtherForwarder() public {
        ForwardRequest memory request = _note("");
        IForwarder real = forwarder;
        forwarder = IForwarder(deployCode("Forwarder.sol:Forwarder", abi.encode(directory)));
        bytes memory signature = sign(supplier.key, request);
        forwarder = real;
        _expectRefused(_badSignature(), request, signature);
    }

    function test_RevertWhen_Mirrored() public {
        ForwardRequest memory request = _note("");
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(supplier.key, digestOf(request));
        bytes memory mirrored = abi.encodePacked(r, ORDER - uint256(s), v == 27 ? uint8(28) : uint8(27));
        _expectRefused(_badSignature(), request, mirrored);
    }

    function testFuzz_RevertWhen_SignatureLength(bytes memory signature) public {
        vm.assume(signature.length != 65);
        ForwardRequest memory request = _note("");
        _expectRefused(_badSignature(), request, signature);
        _expectRefused(_badSignature(), request, bytes.concat(sign(supplier.key, request), hex"00"));
    }

    function _wallet(string memory first, string memory second) private returns (ContractWallet, bytes[2] memory) {
        (address a, uint256 keyA) = makeAddrAndKey(first);
        (address b, uint256 keyB) = makeAddrAndKey(second);
        return (new ContractWallet(a, b), [abi.encode(keyA), abi.encode(keyB)]);
    }

    function test_RevertWhen_WalletHalfSigned() public {
        (ContractWallet wallet, bytes[2] memory keys) = _wallet("first", "second");
        ForwardRequest memory request = _note("");
        request.from = address(wallet);
        bytes memory half = sign(abi.decode(keys[0], (uint256)), request);
        bytes memory error = abi.encodeWithSelector(IForwarder.BadSignature.selector, address(wallet));
        _expectRefused(error, request, half);
        _expectRefused(error, request, bytes.concat(half, half));
    }

    function _expectBubble(bytes memory data, bytes memory error) private {
        ForwardRequest memory request = requestOf(supplier.account, spare, data);
        bytes memory signature = sign(supplier.key, request);
        vm.expectRevert(error);
        forwarder.relay(request, signature);
        assertFalse(forwarder.isNonceUsed(request.from, request.nonce));
    }

    function testFuzz_BubblesErrors(uint256 why) public {
        _expectBubble(abi.encodeCall(Witness.refuse, (why)), abi.encodeWithSelector(Witness.Refused.selector, why));
        _expectBubble(abi.encodeCall(Witness.panic, ()), abi.encodeWithSignature("Panic(uint256)", 1));
        _expectBubble(abi.encodeCall(Witness.burn, ()), "");
    }

    function test_BubblesErrorsOfModules() public {
        Actor memory buyer = admit("buyer", ROLE_CONSUMER);
        ForwardRequest memory request = _registration("root");
        request.from = buyer.account;
        bytes memory signature = sign(buyer.key, request);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, ROLES_SUPPLYING));
        forwarder.relay(request, signature);
        (address stranger, uint256 key) = makeAddrAndKey("stranger");
        request.from = stranger;
        signature = sign(key, request);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, stranger));
        forwarder.relay(request, signature);
    }

    function test_RevertWhen_Value() public {
        ForwardRequest memory request = _note("");
        bytes memory call = abi.encodeCall(IForwarder.relay, (request, sign(supplier.key, request)));
        vm.deal(address(this), 1);
        (bool success,) = address(forwarder).call{value: 1}(call);
        assertFalse(success);
    }

    function testFuzz_GasIsAsSignedOrReverts(uint256 asked, uint256 given, uint16 size) public {
        asked = bound(asked, 30_000, 1_000_000);
        given = bound(given, asked, asked + 200_000);
        ForwardRequest memory request = _note(new bytes(size));
        request.gas = 10_000_000;
        forwarder.relay(request, sign(supplier.key, request));
        uint256 spentBeforeLooking = request.gas - Witness(spare).gasGiven();
        request = _note(new bytes(size));
        request.gas = asked;
        bytes memory call = abi.encodeCall(IForwarder.relay, (request, sign(supplier.key, request)));
        (bool success,) = address(forwarder).call{gas: given}(call);
        if (success) assertEq(Witness(spare).gasGiven() + spentBeforeLooking, asked);
        assertEq(forwarder.isNonceUsed(supplier.account, request.nonce), success);
    }

    function testFuzz_Relay(address relayer, bytes32 root) public {
        vm.assume(root != 0);
        ForwardRequest memory request = _registration(root);
        bytes memory signature = sign(supplier.key, request);
        assertTrue(forwarder.verify(request, signature));
        vm.expectEmit(address(forwarder));
        emit IForwarder.RequestRelayed(supplier.account, request.nonce);
        vm.prank(relayer);
        bytes memory result = forwarder.relay(request, signature);
        takeLogs(1);
        assertEq(abi.decode(result, (uint64)), 1);
        assertTrue(titles.registrantOf(DatasetId.wrap(1)) == supplier.party);
        assertTrue(forwarder.isNonceUsed(supplier.account, request.nonce));
        assertTrue(datasets.claimOf(root).claimant == supplier.party);
    }

    function testFuzz_NoncesHaveNoOrder(uint256[4] memory nonces) public {
        for (uint256 i = 0; i < 4; ++i) {
            bool used = forwarder.isNonceUsed(supplier.account, nonces[i]);
            ForwardRequest memory request = _note("");
            request.nonce = nonces[i];
            bytes memory signature = sign(supplier.key, request);
            bytes memory error = abi.encodeWithSelector(IForwarder.NonceUsed.selector, request.from, nonces[i]);
            if (used) vm.expectRevert(error);
            forwarder.relay(request, signature);
        }
    }

    function testFuzz_AppendedAddressIsIgnored(address victim) public {
        (address stranger, uint256 key) = makeAddrAndKey("stranger");
        vm.assume(victim != stranger);
        ForwardRequest memory request = _registration("root");
        request.from = stranger;
        request.data = abi.encodePacked(request.data, supplier.account);
        bytes memory signature = sign(key, request);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, stranger));
        forwarder.relay(request, signature);
        request.to = spare;
        request.data = abi.encodePacked(abi.encodeCall(Witness.note, ("")), victim);
        forwarder.relay(request, sign(key, request));
        assertEq(Witness(spare).data(), abi.encodePacked(request.data, stranger));
    }

    function test_RelayForContractWallet() public {
        (ContractWallet wallet, bytes[2] memory keys) = _wallet("first", "second");
        vm.prank(rootAdmin);
        parties.register(address(wallet), profileOf("wallet"), ROLE_SUPPLIER);
        ForwardRequest memory request = _registration("root");
        request.from = address(wallet);
        bytes memory first = sign(abi.decode(keys[0], (uint256)), request);
        bytes memory signature = bytes.concat(first, sign(abi.decode(keys[1], (uint256)), request));
        assertTrue(forwarder.verify(request, signature));
        forwarder.relay(request, signature);
        vm.prank(vm.addr(abi.decode(keys[0], (uint256))));
        wallet.execute(address(datasets), _registration("other").data);
        takeLogs(3);
        assertTrue(titles.registrantOf(DatasetId.wrap(1)) == parties.partyOf(address(wallet)));
        assertTrue(titles.registrantOf(DatasetId.wrap(2)) == parties.partyOf(address(wallet)));
    }

    function testFuzz_RevertGiven_CancelledTwice(address caller, uint256 nonce) public {
        vm.startPrank(caller);
        forwarder.cancelNonce(nonce);
        vm.expectRevert(abi.encodeWithSelector(IForwarder.NonceUsed.selector, caller, nonce));
        forwarder.cancelNonce(nonce);
        vm.stopPrank();
    }

    function testFuzz_CancelNonce(address caller, uint256 nonce, uint256 other) public {
        vm.assume(other != nonce && caller != supplier.account);
        vm.prank(caller);
        forwarder.cancelNonce(nonce);
        assertTrue(forwarder.isNonceUsed(caller, nonce));
        assertFalse(forwarder.isNonceUsed(caller, other));
        assertFalse(forwarder.isNonceUsed(supplier.account, nonce));
    }

    function testFuzz_Verify(bool late, bool used, bool foreign, bool forged) public {
        ForwardRequest memory request = _note("");
        if (foreign) request.to = address(directory);
        if (late) request.deadline = uint48(block.timestamp - 1);
        bytes memory signature = sign(forged ? supplier.key + 1 : supplier.key, request);
        vm.prank(supplier.account);
        if (used) forwarder.cancelNonce(request.nonce);
        bool expected = !late && !used && !foreign && !forged;
        assertEq(forwarder.verify(request, signature), expected);
        if (!expected) vm.expectRevert();
        forwarder.relay(request, signature);
    }
}
