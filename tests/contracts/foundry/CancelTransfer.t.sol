// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {BadStatus, NotFound, NotParty} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPES_ALL} from "../../../contracts/types/Holds.sol";
import {DatasetId, NO_PARTY, TransferId} from "../../../contracts/types/Ids.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_TRANSFER, partySubject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS, NO_UNITS, Units} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice CancelTransfer.tree, leaf by leaf.
contract CancelTransferTest is FoldedLedger {
    Actor private supplier;
    Actor private buyer;
    Actor private other;
    DatasetId private dataset;
    TransferId private transfer; // of all, for a day

    Units private hold = packUnits(10_000, 0, 0);
    Units private use = packUnits(0, 10_000, 0);

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        other = admit("other", ROLE_CONSUMER);
        dataset = registerAs(supplier, "root");
        transfer = startAs(supplier, dataset, buyer, ALL_UNITS);
        takeLogs();
    }

    function _cancel(Actor memory by) private {
        vm.prank(by.account);
        titles.cancelTransfer(transfer, NO_PARTY);
    }

    function _start(Actor memory giver, Actor memory taker, Units units, uint256 lasts) private returns (TransferId) {
        uint48 expires = uint48(block.timestamp + lasts);
        vm.prank(giver.account);
        return titles.startTransfer(dataset, taker.party, units, 0, expires, NO_PARTY);
    }

    function _free(Actor memory holder) private view returns (uint48) {
        return Units.unwrap(titles.freeUnitsOf(dataset, holder.party));
    }

    function testFuzz_RevertGiven_NoTransfer(uint64 id) public {
        vm.assume(id != 1);
        transfer = TransferId.wrap(id);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_TRANSFER, id));
        _cancel(supplier);
    }

    function test_RevertGiven_Ended() public {
        _cancel(supplier);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_TRANSFER, 1, 0));
        _cancel(supplier);
        transfer = startAs(supplier, dataset, buyer, ALL_UNITS);
        acceptAs(buyer, transfer);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_TRANSFER, 2, 0));
        _cancel(buyer);
    }

    function testFuzz_RevertWhen_ByThird(uint32 later) public {
        vm.warp(block.timestamp + bound(later, 0, 1 days));
        vm.expectRevert(abi.encodeWithSelector(ITitles.NotTransferParty.selector, transfer, other.party));
        _cancel(other);
    }

    function testFuzz_RevertWhen_ByStranger(address caller, uint32 later) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        vm.warp(block.timestamp + later);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        titles.cancelTransfer(transfer, NO_PARTY);
    }

    function _assertCancelled(Actor memory by) private {
        vm.expectEmit(address(titles));
        emit ITitles.TransferCancelled(
            datasetSubject(dataset), partySubject(supplier.party), partySubject(buyer.party), transfer, by.party
        );
        _cancel(by);
        takeLogs(1);
        assertTrue(titles.unitsOf(dataset, supplier.party) == ALL_UNITS);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == ALL_UNITS);
        assertTrue(titles.unitsOf(dataset, buyer.party) == NO_UNITS);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_TRANSFER, 1, 0));
        titles.pendingTransfer(transfer);
    }

    function testFuzz_Cancel(bool byTaker, uint32 later) public {
        vm.warp(block.timestamp + later);
        _assertCancelled(byTaker ? buyer : supplier);
    }

    function testFuzz_CancelLapsed(uint32 later) public {
        vm.warp(block.timestamp + 1 days + 1 + later);
        _assertCancelled(other);
    }

    function test_CancelWhileHeld() public {
        vm.prank(spare);
        supervision.place(datasetSubject(dataset), HoldKind.FREEZE, SCOPES_ALL, NO_PARTY, REASON, 0);
        takeLogs(1);
        _assertCancelled(supplier);
    }

    function test_CancelWhenClosed() public {
        vm.prank(supplier.account);
        datasets.deregister(dataset, REASON, NO_PARTY);
        takeLogs(1);
        _assertCancelled(buyer);
    }

    function test_LapsedIsFree() public {
        assertEq(_free(supplier), 0);
        moveOn(1, 1 days);
        assertEq(_free(supplier), 0);
        moveOn(1, 1);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS));
        acceptAs(other, _start(supplier, other, ALL_UNITS, 1 days));
        takeLogs(2);
        assertTrue(titles.unitsOf(dataset, other.party) == ALL_UNITS);
        assertTrue(titles.unitsOf(dataset, supplier.party) == NO_UNITS);
        assertEq(_free(supplier), 0);
    }

    function test_RoundLastsAsItsLast() public {
        _cancel(supplier);
        _start(supplier, buyer, hold, 1 hours);
        _start(supplier, buyer, use, 2 hours);
        moveOn(1, 1 hours + 1);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS - hold - use));
        moveOn(1, 1 hours);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS));
    }

    function testFuzz_OldRoundFreesNothing(uint32 later) public {
        moveOn(1, 1 days + 1 + uint256(later));
        TransferId next = _start(supplier, other, hold, 1 days);
        takeLogs(1);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS - hold));
        _cancel(other);
        takeLogs(1);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS - hold));
        acceptAs(other, next);
        takeLogs(1);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS - hold));
        assertTrue(titles.unitsOf(dataset, supplier.party) == ALL_UNITS - hold);
    }

    function test_LapsedInRoundFreesItsUnits() public {
        _cancel(supplier);
        transfer = _start(supplier, buyer, hold, 1 hours);
        _start(supplier, buyer, use, 2 hours);
        moveOn(1, 1 hours + 1);
        _cancel(other);
        takeLogs(1);
        assertEq(_free(supplier), Units.unwrap(ALL_UNITS - use));
    }

    function test_RoundsOfLaterHolder() public {
        acceptAs(buyer, transfer);
        transfer = _start(buyer, other, hold, 1 hours);
        moveOn(1, 1 hours + 1);
        TransferId next = _start(buyer, supplier, use, 1 hours);
        assertEq(_free(buyer), Units.unwrap(ALL_UNITS - use));
        _cancel(supplier);
        assertEq(_free(buyer), Units.unwrap(ALL_UNITS - use));
        acceptAs(supplier, next);
        takeLogs();
        assertEq(_free(buyer), Units.unwrap(ALL_UNITS - use));
        assertEq(_free(supplier), Units.unwrap(use));
    }
}
