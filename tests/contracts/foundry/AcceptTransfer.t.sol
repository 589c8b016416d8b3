// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {ACT_ACCEPT} from "../../../contracts/types/Acts.sol";
import {BadStatus, HoldActive, NotFound, PartyInactive} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_TITLE} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_PARTY, TransferId} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {
    datasetSubject,
    KIND_DATASET,
    KIND_TRANSFER,
    partySubject,
    Subject
} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS, NO_UNITS, Units} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice AcceptTransfer.tree, leaf by leaf.
contract AcceptTransferTest is FoldedLedger {
    Units private constant HALF = Units.wrap((5_000 << 32) | (5_000 << 16) | 5_000);

    Actor private supplier;
    Actor private buyer;
    Actor private other;
    DatasetId private dataset;
    Subject private subject;
    TransferId private transfer; // of half of all to the buyer

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        other = admit("other", ROLE_CONSUMER);
        dataset = registerAs(supplier, "root");
        subject = datasetSubject(dataset);
        transfer = startAs(supplier, dataset, buyer, HALF);
        takeLogs();
    }

    function _accept(bytes32 head) private {
        vm.prank(buyer.account);
        titles.acceptTransfer(transfer, head, NO_PARTY);
    }

    function _expect(bytes memory error) private {
        vm.expectRevert(error);
        _accept(0);
    }

    function _some(uint48 seed) private pure returns (Units) {
        Units units = packUnits(uint16(seed) % 5_001, uint16(seed >> 16) % 5_001, uint16(seed >> 32) % 5_001);
        return units == NO_UNITS ? HALF : units;
    }

    function testFuzz_RevertGiven_NoTransfer(uint64 id) public {
        vm.assume(id != 1);
        transfer = TransferId.wrap(id);
        _expect(abi.encodeWithSelector(NotFound.selector, KIND_TRANSFER, id));
    }

    function test_RevertGiven_Ended() public {
        _accept(0);
        _expect(abi.encodeWithSelector(BadStatus.selector, KIND_TRANSFER, 1, 0));
        transfer = startAs(supplier, dataset, buyer, HALF);
        vm.prank(supplier.account);
        titles.cancelTransfer(transfer, NO_PARTY);
        _expect(abi.encodeWithSelector(BadStatus.selector, KIND_TRANSFER, 2, 0));
    }

    function test_RevertWhen_NotTaker() public {
        address[2] memory callers = [other.account, supplier.account];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory error =
                abi.encodeWithSelector(ITitles.NotTransferParty.selector, transfer, parties.partyOf(callers[i]));
            vm.expectRevert(error);
            vm.prank(callers[i]);
            titles.acceptTransfer(transfer, 0, NO_PARTY);
        }
        vm.expectRevert(
            abi.encodeWithSelector(IParties.NotDelegate.selector, buyer.party, other.party, ACT_ACCEPT)
        );
        vm.prank(other.account);
        titles.acceptTransfer(transfer, 0, buyer.party);
    }

    function testFuzz_RevertGiven_Lapsed(uint32 late) public {
        uint48 expires = titles.pendingTransfer(transfer).expires;
        vm.warp(uint256(expires) + 1 + late);
        _expect(abi.encodeWithSelector(ITitles.TransferExpired.selector, transfer, expires));
        vm.warp(expires);
        _accept(0);
        takeLogs(1);
    }

    function test_RevertGiven_Closed() public {
        vm.prank(supplier.account);
        datasets.deregister(dataset, REASON, NO_PARTY);
        _expect(abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, 1, 2));
    }

    function test_RevertGiven_Held() public {
        vm.prank(spare);
        HoldId hold = supervision.place(subject, HoldKind.DISPUTE, SCOPE_TITLE, NO_PARTY, REASON, 0);
        _expect(abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_TITLE));
        vm.prank(spare);
        supervision.lift(hold, REASON);
        _accept(0);
        takeLogs(3);
    }

    function test_RevertGiven_GiverSuspended() public {
        vm.prank(rootAdmin);
        parties.suspend(supplier.party, REASON);
        _expect(abi.encodeWithSelector(PartyInactive.selector, supplier.party));
    }

    function test_RevertGiven_TakerSuspended() public {
        vm.prank(rootAdmin);
        parties.suspend(buyer.party, REASON);
        _expect(abi.encodeWithSelector(PartyInactive.selector, buyer.party));
    }

    function testFuzz_RevertWhen_HeadMoved(bytes32 wrong) public {
        bytes32 seen = history.headOf(subject);
        vm.assume(wrong != 0 && wrong != seen);
        vm.expectRevert(abi.encodeWithSelector(ITitles.HeadMoved.selector, wrong, seen));
        _accept(wrong);
        vm.prank(supplier.account);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        bytes32 moved = history.headOf(subject);
        vm.expectRevert(abi.encodeWithSelector(ITitles.HeadMoved.selector, seen, moved));
        _accept(seen);
        _accept(moved);
        takeLogs(2);
    }

    function testFuzz_AcceptTransfer(uint48 seed, bool withHead) public {
        Units units = _some(seed);
        transfer = startAs(supplier, dataset, buyer, units);
        takeLogs(1);
        bytes32 head = withHead ? history.headOf(subject) : bytes32(0);
        vm.expectEmit(address(titles));
        emit ITitles.TransferAccepted(
            subject, partySubject(supplier.party), partySubject(buyer.party), transfer, units
        );
        _accept(head);
        takeLogs(1);
        assertTrue(titles.unitsOf(dataset, buyer.party) == units);
        assertTrue(titles.freeUnitsOf(dataset, buyer.party) == units);
        assertTrue(titles.unitsOf(dataset, supplier.party) == ALL_UNITS - units);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == ALL_UNITS - units - HALF);
        assertTrue(titles.registrantOf(dataset) == supplier.party);
        assertEq(titles.transferCount(), 2);
    }

    function testFuzz_AcceptSeveral(uint48 seed, bool firstLast) public {
        Units units = _some(seed);
        TransferId second = startAs(supplier, dataset, other, units);
        if (!firstLast) _accept(0);
        acceptAs(other, second);
        if (firstLast) _accept(0);
        takeLogs(3);
        assertTrue(titles.unitsOf(dataset, buyer.party) == HALF);
        assertTrue(titles.unitsOf(dataset, other.party) == units);
        assertTrue(titles.unitsOf(dataset, supplier.party) == HALF - units);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == HALF - units);
    }

    function testFuzz_AcceptBack(uint48 seed) public {
        Units units = _some(seed);
        _accept(0);
        transferAs(buyer, dataset, supplier, units);
        takeLogs(3);
        assertTrue(titles.unitsOf(dataset, buyer.party) == HALF - units);
        assertTrue(titles.unitsOf(dataset, supplier.party) == HALF + units);
    }

    function test_AcceptByDelegate() public {
        Delegation memory accepting = Delegation(0, ACT_ACCEPT, uint48(block.timestamp + 1));
        vm.prank(buyer.account);
        parties.delegate(other.party, dataset, accepting);
        vm.prank(other.account);
        titles.acceptTransfer(transfer, 0, buyer.party);
        takeLogs(2);
        assertTrue(titles.unitsOf(dataset, buyer.party) == HALF);
        assertTrue(titles.unitsOf(dataset, other.party) == NO_UNITS);
    }

    function testFuzz_RevertGiven_NotPending(uint64 id) public {
        vm.assume(id != 1);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_TRANSFER, id));
        titles.pendingTransfer(TransferId.wrap(id));
        _accept(0);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_TRANSFER, 1, 0));
        titles.pendingTransfer(transfer);
    }
}
