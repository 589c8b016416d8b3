// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ForwardRequest, IForwarder} from "../../../contracts/interfaces/IForwarder.sol";
import {NO_PARTY} from "../../../contracts/types/Ids.sol";
import {ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {SignedRequests} from "./SignedRequests.sol";

/// @notice ForwarderBatch.tree, leaf by leaf.
contract ForwarderBatchTest is FoldedLedger, SignedRequests {
    Actor[3] private suppliers;

    function setUp() public override {
        super.setUp();
        suppliers[0] = admit("first", ROLE_SUPPLIER);
        suppliers[1] = admit("second", ROLE_SUPPLIER);
        suppliers[2] = admit("third", ROLE_SUPPLIER);
        takeLogs();
    }

    /// @dev Registrations, signed, by the suppliers in turn; with an empty root where asked to fail.
    function _batch(uint256 count, uint256 failing)
        private
        returns (ForwardRequest[] memory requests, bytes[] memory signatures)
    {
        requests = new ForwardRequest[](count);
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            Actor memory supplier = suppliers[i % 3];
            bytes32 root = failing & (1 << i) != 0 ? bytes32(0) : keccak256(abi.encode(i));
            bytes memory data =
                abi.encodeCall(IDatasets.register, (classification(), SOURCE, contentOf(root), NO_PARTY));
            requests[i] = requestOf(supplier.account, address(datasets), data);
            signatures[i] = sign(supplier.key, requests[i]);
        }
    }

    function _expectFailure(ForwardRequest memory request, bytes memory reason) private {
        vm.expectEmit(address(forwarder));
        emit IForwarder.RequestFailed(request.from, request.nonce, reason);
    }

    function testFuzz_RevertWhen_Mismatch(uint8 requests, uint8 signatures) public {
        vm.assume(requests != signatures);
        vm.expectRevert(abi.encodeWithSelector(IForwarder.BatchMismatch.selector, requests, signatures));
        forwarder.relayBatch(new ForwardRequest[](requests), new bytes[](signatures));
    }

    function test_EmptyBatch() public {
        assertEq(forwarder.relayBatch(new ForwardRequest[](0), new bytes[](0)).length, 0);
        takeLogs(0);
    }

    function testFuzz_RelayBatch(uint8 count) public {
        count = uint8(bound(count, 1, 20));
        (ForwardRequest[] memory requests, bytes[] memory signatures) = _batch(count, 0);
        for (uint256 i = 0; i < count; ++i) {
            vm.expectEmit(address(forwarder));
            emit IForwarder.RequestRelayed(requests[i].from, requests[i].nonce);
        }
        bool[] memory done = forwarder.relayBatch(requests, signatures);
        takeLogs(count);
        assertEq(done.length, count);
        for (uint256 i = 0; i < count; ++i) {
            assertTrue(done[i]);
            assertTrue(forwarder.isNonceUsed(requests[i].from, requests[i].nonce));
            assertTrue(datasets.claimOf(keccak256(abi.encode(i))).claimant == suppliers[i % 3].party);
        }
    }

    function testFuzz_SkipsFailing(uint8 failing) public {
        (ForwardRequest[] memory requests, bytes[] memory signatures) = _batch(8, failing);
        uint256 good;
        for (uint256 i = 0; i < 8; ++i) {
            if (failing & (1 << i) != 0) {
                _expectFailure(requests[i], abi.encodeWithSelector(IDatasets.EmptyRoot.selector));
            } else {
                ++good;
            }
        }
        bool[] memory done = forwarder.relayBatch(requests, signatures);
        takeLogs(good);
        assertEq(datasets.count(), good);
        for (uint256 i = 0; i < 8; ++i) {
            assertEq(done[i], failing & (1 << i) == 0);
            assertEq(forwarder.isNonceUsed(requests[i].from, requests[i].nonce), done[i]);
        }
    }

    function test_SkipsRefused() public {
        (ForwardRequest[] memory requests, bytes[] memory signatures) = _batch(5, 0);
        requests[0].deadline = uint48(block.timestamp - 1);
        requests[1].to = address(directory);
        signatures[2] = signatures[3];
        vm.prank(requests[3].from);
        forwarder.cancelNonce(requests[3].nonce);
        uint48 late = requests[0].deadline;
        address from = requests[3].from;
        _expectFailure(requests[0], abi.encodeWithSelector(IForwarder.RequestExpired.selector, late));
        _expectFailure(requests[1], abi.encodeWithSelector(IForwarder.NotTarget.selector, address(directory)));
        _expectFailure(requests[2], abi.encodeWithSelector(IForwarder.BadSignature.selector, requests[2].from));
        bytes memory used = abi.encodeWithSelector(IForwarder.NonceUsed.selector, from, requests[3].nonce);
        _expectFailure(requests[3], used);
        bool[] memory done = forwarder.relayBatch(requests, signatures);
        takeLogs(1);
        for (uint256 i = 0; i < 5; ++i) assertEq(done[i], i == 4);
    }

    function test_SameNonceTwice() public {
        (ForwardRequest[] memory requests, bytes[] memory signatures) = _batch(2, 0);
        (requests[1], signatures[1]) = (requests[0], signatures[0]);
        bytes memory used =
            abi.encodeWithSelector(IForwarder.NonceUsed.selector, requests[0].from, requests[0].nonce);
        _expectFailure(requests[1], used);
        bool[] memory done = forwarder.relayBatch(requests, signatures);
        takeLogs(1);
        assertTrue(done[0]);
        assertFalse(done[1]);
    }

    function testFuzz_GasTooLow(uint256 given) public {
        given = bound(given, 200_000, 2_000_000);
        (ForwardRequest[] memory requests, bytes[] memory signatures) = _batch(6, 0);
        bytes memory call = abi.encodeCall(IForwarder.relayBatch, (requests, signatures));
        (bool success, bytes memory result) = address(forwarder).call{gas: given}(call);
        uint256 good;
        if (success) {
            bool[] memory done = abi.decode(result, (bool[]));
            for (uint256 i = 0; i < 6; ++i) {
                if (done[i]) ++good;
                assertEq(forwarder.isNonceUsed(requests[i].from, requests[i].nonce), done[i]);
            }
        }
        takeLogs(good);
        assertEq(datasets.count(), good);
    }
}
