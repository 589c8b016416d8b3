// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ITitles, PendingTransfer} from "../../../contracts/interfaces/ITitles.sol";
import {ACT_ACCEPT, ACT_TRANSFER} from "../../../contracts/types/Acts.sol";
import {
    BadStatus,
    HoldActive,
    InvalidField,
    NotFound,
    NotParty,
    PartyInactive
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_TITLE, SCOPES_ALL} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_PARTY, PartyId, TransferId} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_DATASET, partySubject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS, NO_UNITS, Right, Units} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice StartTransfer.tree, leaf by leaf.
contract StartTransferTest is FoldedLedger {
    Actor private supplier;
    Actor private buyer;
    Actor private other;
    DatasetId private dataset;
    uint48 private soon;

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        other = admit("other", ROLE_CONSUMER);
        dataset = registerAs(supplier, "root");
        soon = uint48(block.timestamp + 1);
        takeLogs();
    }

    function _expect(bytes memory error) private {
        vm.expectRevert(error);
        vm.prank(supplier.account);
        titles.startTransfer(dataset, buyer.party, ALL_UNITS, 0, soon, NO_PARTY);
    }

    function _some(uint48 seed) private pure returns (Units) {
        uint16 hold = uint16(seed) % 10_001;
        Units units = packUnits(hold, uint16(seed >> 16) % 10_001, uint16(seed >> 32) % 10_001);
        return units == NO_UNITS ? ALL_UNITS : units;
    }

    function testFuzz_RevertWhen_ByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        titles.startTransfer(dataset, buyer.party, ALL_UNITS, 0, soon, NO_PARTY);
    }

    function test_RevertWhen_NotDelegate() public {
        Delegation memory accepting = Delegation(0, ACT_ACCEPT, soon);
        vm.prank(supplier.account);
        parties.delegate(other.party, NO_DATASET, accepting);
        vm.expectRevert(
            abi.encodeWithSelector(IParties.NotDelegate.selector, supplier.party, other.party, ACT_TRANSFER)
        );
        vm.prank(other.account);
        titles.startTransfer(dataset, buyer.party, ALL_UNITS, 0, soon, supplier.party);
    }

    function testFuzz_RevertGiven_NoDataset(uint64 id) public {
        vm.assume(id != 1);
        dataset = DatasetId.wrap(id);
        _expect(abi.encodeWithSelector(NotFound.selector, KIND_DATASET, id));
    }

    function test_RevertGiven_Closed() public {
        vm.prank(supplier.account);
        datasets.deregister(dataset, REASON, NO_PARTY);
        _expect(abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, 1, 2));
    }

    function test_RevertGiven_Held() public {
        uint16 others = SCOPES_ALL & ~SCOPE_TITLE;
        vm.prank(spare);
        supervision.place(datasetSubject(dataset), HoldKind.FREEZE, others, NO_PARTY, REASON, 0);
        startAs(supplier, dataset, buyer, packUnits(1, 0, 0));
        vm.prank(spare);
        HoldId hold =
            supervision.place(datasetSubject(dataset), HoldKind.PLEDGE, SCOPE_TITLE, NO_PARTY, REASON, 0);
        _expect(abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_TITLE));
    }

    function test_RevertWhen_TakerIsGiver() public {
        buyer.party = supplier.party;
        _expect(abi.encodeWithSelector(InvalidField.selector, bytes32("taker")));
    }

    function testFuzz_RevertWhen_TakerInactive(uint64 taker) public {
        vm.assume(taker == 0 || taker > 3);
        vm.prank(rootAdmin);
        parties.suspend(buyer.party, REASON);
        _expect(abi.encodeWithSelector(PartyInactive.selector, buyer.party));
        buyer.party = PartyId.wrap(taker);
        _expect(abi.encodeWithSelector(PartyInactive.selector, taker));
    }

    function testFuzz_RevertWhen_ExpiresPast(uint48 expires) public {
        soon = uint48(bound(expires, 0, block.timestamp));
        _expect(abi.encodeWithSelector(InvalidField.selector, bytes32("expires")));
    }

    function testFuzz_RevertWhen_UnitsOutOfRange(uint16[3] memory units, uint8 lane) public {
        units[lane % 3] = uint16(bound(units[lane % 3], 10_001, type(uint16).max));
        Units[2] memory bad = [NO_UNITS, packUnits(units[0], units[1], units[2])];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("units")));
            vm.prank(supplier.account);
            titles.startTransfer(dataset, buyer.party, bad[i], 0, soon, NO_PARTY);
        }
    }

    function testFuzz_RevertWhen_UnitsMissing(uint48 first, uint48 second) public {
        Units reserved = _some(first);
        Units asked = _some(second);
        Units free = ALL_UNITS - reserved;
        vm.assume(!free.covers(asked));
        startAs(supplier, dataset, buyer, reserved);
        vm.expectRevert(
            abi.encodeWithSelector(ITitles.UnitsMissing.selector, dataset, supplier.party, free, asked)
        );
        vm.prank(supplier.account);
        titles.startTransfer(dataset, other.party, asked, 0, soon, NO_PARTY);
    }

    function testFuzz_RevertWhen_NotHolder(uint48 units) public {
        Units asked = _some(units);
        Right right = asked.unitsFor(Right.USE) == 0 ? Right.OPERATE : Right.USE;
        if (asked.unitsFor(Right.HOLD) != 0) right = Right.HOLD;
        vm.expectRevert(abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, right, buyer.party));
        vm.prank(buyer.account);
        titles.startTransfer(dataset, other.party, asked, 0, soon, NO_PARTY);
        // With a unit of another right it is a holder that has too few.
        transferAs(supplier, dataset, buyer, packUnits(0, 1, 0));
        asked = packUnits(1, 0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                ITitles.UnitsMissing.selector, dataset, buyer.party, packUnits(0, 1, 0), asked
            )
        );
        vm.prank(buyer.account);
        titles.startTransfer(dataset, other.party, asked, 0, soon, NO_PARTY);
    }

    function testFuzz_StartTransfer(uint48 seed, bytes32 agreement, uint48 expires) public {
        Units units = _some(seed);
        expires = uint48(bound(expires, block.timestamp + 1, type(uint48).max));
        TransferId id = TransferId.wrap(1);
        vm.expectEmit(address(titles));
        emit ITitles.TransferStarted(
            datasetSubject(dataset),
            partySubject(supplier.party),
            partySubject(buyer.party),
            id,
            units,
            agreement,
            expires
        );
        vm.prank(supplier.account);
        TransferId given = titles.startTransfer(dataset, buyer.party, units, agreement, expires, NO_PARTY);
        takeLogs(1);
        assertEq(TransferId.unwrap(given), 1);
        assertEq(titles.transferCount(), 1);
        PendingTransfer memory expected =
            PendingTransfer(dataset, supplier.party, buyer.party, units, expires, false);
        assertEq(abi.encode(titles.pendingTransfer(id)), abi.encode(expected));
        assertTrue(titles.unitsOf(dataset, supplier.party) == ALL_UNITS);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == ALL_UNITS - units);
        assertTrue(titles.unitsOf(dataset, buyer.party) == NO_UNITS);
        if (expires == type(uint48).max) return;
        vm.warp(uint256(expires) + 1);
        expected.lapsed = true;
        assertEq(abi.encode(titles.pendingTransfer(id)), abi.encode(expected));
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == ALL_UNITS);
    }

    function testFuzz_StartSeveral(uint48 first, uint48 second) public {
        Units a = _some(first);
        Units b = _some(second);
        vm.assume((ALL_UNITS - a).covers(b));
        startAs(supplier, dataset, buyer, a);
        startAs(supplier, dataset, other, b);
        takeLogs(2);
        assertEq(titles.transferCount(), 2);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == ALL_UNITS - a - b);
    }

    function testFuzz_StartByLaterHolder(uint48 first, uint48 second) public {
        Units held = _some(first);
        Units given = _some(second);
        vm.assume(held.covers(given));
        transferAs(supplier, dataset, buyer, held);
        startAs(buyer, dataset, other, given);
        takeLogs(3);
        assertTrue(titles.unitsOf(dataset, buyer.party) == held);
        assertTrue(titles.freeUnitsOf(dataset, buyer.party) == held - given);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == ALL_UNITS - held);
    }
}
