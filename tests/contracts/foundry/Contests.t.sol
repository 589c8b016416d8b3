// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {ACT_CONCEDE} from "../../../contracts/types/Acts.sol";
import {Claim} from "../../../contracts/types/Dataset.sol";
import {BadStatus, EvidenceMissing, NotAuthorised, NotFound} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_TITLE, SCOPES_ALL, SCOPES_CONTESTED} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_HOLD, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {ROLE_ARBITER, ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_HOLD, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS, Right} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice Contests.tree, leaf by leaf.
contract ContestsTest is FoldedLedger {
    bytes32 private constant ROOT = "root";
    bytes32 private constant EVIDENCE = "evidence";

    Actor private supplier;
    Actor private rival;
    Actor private third;
    Actor private arbiter;
    DatasetId private earlier; // of the supplier
    DatasetId private later; // of the rival, held
    HoldId private hold;
    uint48 private since; // when the supplier registered

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        rival = admit("rival", ROLE_SUPPLIER);
        third = admit("third", ROLE_SUPPLIER | ROLE_CONSUMER);
        arbiter = admit("arbiter", ROLE_ARBITER);
        commitAs(third, "early", ROOT);
        moveOn(5, 60);
        since = uint48(block.number);
        earlier = registerAs(supplier, ROOT);
        moveOn(5, 60);
        commitAs(third, "between", ROOT);
        moveOn(5, 60);
        later = registerAs(rival, ROOT);
        hold = _holdOf(later);
        takeLogs();
    }

    function _holdOf(DatasetId dataset) private view returns (HoldId) {
        return supervision.activeHold(datasetSubject(dataset), SCOPE_TITLE);
    }

    function _concede(Actor memory by, HoldId which) private {
        vm.prank(by.account);
        datasets.concede(which, NO_PARTY);
    }

    function _decide(HoldId which, bool forLater) private {
        vm.prank(arbiter.account);
        datasets.decide(which, forLater, EVIDENCE, NO_PARTY);
    }

    function _expectBoth(bytes memory error, HoldId which) private {
        vm.expectRevert(error);
        _concede(supplier, which);
        vm.expectRevert(error);
        _decide(which, true);
    }

    function testFuzz_RevertGiven_NoContest(uint64 id) public {
        vm.assume(id != HoldId.unwrap(hold));
        _expectBoth(abi.encodeWithSelector(NotFound.selector, KIND_HOLD, id), HoldId.wrap(id));
        vm.prank(spare);
        HoldId other =
            supervision.place(datasetSubject(later), HoldKind.FREEZE, SCOPE_TITLE, NO_PARTY, REASON, 0);
        _expectBoth(abi.encodeWithSelector(NotFound.selector, KIND_HOLD, HoldId.unwrap(other)), other);
    }

    function test_RevertGiven_Ended() public {
        bytes memory error = abi.encodeWithSelector(BadStatus.selector, KIND_HOLD, HoldId.unwrap(hold), 0);
        uint256 before = vm.snapshotState();
        _concede(supplier, hold);
        _expectBoth(error, hold);
        for (uint256 i = 0; i < 2; ++i) {
            vm.revertToState(before);
            _decide(hold, i == 1);
            _expectBoth(error, hold);
        }
        vm.getRecordedLogs(); // of pasts that were taken back
    }

    function test_RevertWhen_ConcededByOther() public {
        Actor[3] memory others = [rival, third, arbiter];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory error =
                abi.encodeWithSelector(ITitles.NotHolder.selector, earlier, Right.HOLD, others[i].party);
            vm.expectRevert(error);
            _concede(others[i], hold);
        }
    }

    function test_RevertWhen_NotDelegate() public {
        vm.expectRevert(
            abi.encodeWithSelector(IParties.NotDelegate.selector, supplier.party, rival.party, ACT_CONCEDE)
        );
        vm.prank(rival.account);
        datasets.concede(hold, supplier.party);
    }

    function test_Concede() public {
        (Subject a, Subject b) = (datasetSubject(earlier), datasetSubject(later));
        vm.expectEmit(address(datasets));
        emit IDatasets.ClaimConceded(a, b, partySubject(supplier.party), hold);
        vm.expectEmit(address(supervision));
        emit ISupervision.HoldLifted(b, partySubject(supplier.party), hold, ROOT);
        _concede(supplier, hold);
        takeLogs(2);
        assertTrue(datasets.contest(hold).ended);
        assertTrue(_holdOf(later) == NO_HOLD);
        assertTrue(_holdOf(earlier) == NO_HOLD);
        assertEq(abi.encode(datasets.claimOf(ROOT)), abi.encode(Claim(later, 1, since, rival.party)));
        assertTrue(datasets.isVersion(earlier, 1, ROOT));
        transferAs(rival, later, third, ALL_UNITS);
        takeLogs(2);
    }

    function test_ConcedeByBuyer() public {
        transferAs(supplier, earlier, third, ALL_UNITS);
        vm.expectRevert(
            abi.encodeWithSelector(ITitles.NotHolder.selector, earlier, Right.HOLD, supplier.party)
        );
        _concede(supplier, hold);
        _concede(third, hold);
        takeLogs(4);
        assertTrue(_holdOf(later) == NO_HOLD);
    }

    function test_ConcededKeepsPrecedence() public {
        _concede(supplier, hold);
        DatasetId between = registerAs(third, contentOf(ROOT, "between"));
        takeLogs(5);
        assertTrue(_holdOf(later) == NO_HOLD);
        assertTrue(_holdOf(between) != NO_HOLD);
        assertTrue(datasets.contest(_holdOf(between)).earlier == later);
    }

    function test_ConcedeWithThird() public {
        DatasetId earliest = registerAs(third, contentOf(ROOT, "early"));
        takeLogs(3);
        _concede(supplier, hold);
        takeLogs(4);
        HoldId next = _holdOf(later);
        assertTrue(next != NO_HOLD && next != hold);
        assertTrue(datasets.contest(next).earlier == earliest);
        assertTrue(datasets.contest(next).later == later);
        assertTrue(supervision.hold(next).beneficiary == third.party);
        assertTrue(datasets.claimOf(ROOT).dataset == earliest);
        _concede(third, next);
        takeLogs(2);
        assertTrue(_holdOf(later) == NO_HOLD);
        assertTrue(datasets.claimOf(ROOT).dataset == later);
    }

    function test_RevertWhen_NotArbiter() public {
        bytes memory error = abi.encodeWithSelector(NotAuthorised.selector, ROLE_ARBITER);
        Actor[2] memory others = [supplier, rival];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(error);
            vm.prank(others[i].account);
            datasets.decide(hold, true, EVIDENCE, NO_PARTY);
        }
    }

    function test_RevertWhen_EvidenceMissing() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(arbiter.account);
        datasets.decide(hold, true, 0, NO_PARTY);
    }

    function testFuzz_DecideForEarlier(bytes32 evidence) public {
        vm.assume(evidence != 0);
        vm.expectEmit(address(datasets));
        emit IDatasets.ClaimDecided(
            datasetSubject(earlier), datasetSubject(later), partySubject(arbiter.party), hold, false, evidence
        );
        vm.prank(arbiter.account);
        datasets.decide(hold, false, evidence, NO_PARTY);
        takeLogs(1);
        assertTrue(datasets.contest(hold).ended);
        assertTrue(_holdOf(later) == hold);
        assertTrue(_holdOf(earlier) == NO_HOLD);
        assertTrue(datasets.claimOf(ROOT).dataset == earlier);
    }

    function testFuzz_DecideForLater(bytes32 evidence) public {
        vm.assume(evidence != 0);
        (Subject a, Subject b) = (datasetSubject(earlier), datasetSubject(later));
        HoldId moved = HoldId.wrap(HoldId.unwrap(hold) + 1);
        vm.expectEmit(address(datasets));
        emit IDatasets.ClaimDecided(a, b, partySubject(arbiter.party), hold, true, evidence);
        vm.expectEmit(address(supervision));
        emit ISupervision.HoldLifted(b, partySubject(supplier.party), hold, evidence);
        vm.expectEmit(address(supervision));
        emit ISupervision.HoldPlaced(
            a, partySubject(rival.party), moved, HoldKind.DISPUTE, SCOPES_CONTESTED, 0, evidence
        );
        vm.prank(arbiter.account);
        datasets.decide(hold, true, evidence, NO_PARTY);
        takeLogs(3);
        assertTrue(_holdOf(later) == NO_HOLD);
        assertTrue(_holdOf(earlier) == moved);
        assertTrue(datasets.contest(moved).earlier == NO_DATASET);
        assertEq(abi.encode(datasets.claimOf(ROOT)), abi.encode(Claim(later, 1, since, rival.party)));
        _expectBoth(abi.encodeWithSelector(NotFound.selector, KIND_HOLD, HoldId.unwrap(moved)), moved);
    }

    function test_DecideForLaterWithThird() public {
        DatasetId earliest = registerAs(third, contentOf(ROOT, "early"));
        _decide(hold, true);
        takeLogs();
        assertTrue(datasets.claimOf(ROOT).dataset == earliest);
        assertTrue(datasets.contest(_holdOf(later)).earlier == earliest);
        HoldId[] memory holds = supervision.standingHolds(datasetSubject(earlier));
        assertEq(holds.length, 2);
        assertTrue(datasets.contest(holds[0]).earlier == earliest);
        assertTrue(supervision.hold(holds[1]).beneficiary == rival.party);
        assertEq(supervision.hold(holds[1]).scope & SCOPES_ALL, SCOPES_CONTESTED);
    }

    function test_DecideOvertaken() public {
        DatasetId earliest = registerAs(third, contentOf(ROOT, "early"));
        HoldId overtaken = _holdOf(earlier);
        uint48 precedence = datasets.claimOf(ROOT).precedence;
        _decide(overtaken, true);
        takeLogs();
        assertTrue(_holdOf(earlier) == NO_HOLD);
        assertTrue(_holdOf(earliest) != NO_HOLD);
        assertTrue(_holdOf(later) == hold);
        assertEq(abi.encode(datasets.claimOf(ROOT)), abi.encode(Claim(earlier, 1, precedence, supplier.party)));
    }

    function testFuzz_RevertWhen_LiftedByOther(address caller) public {
        vm.assume(caller != address(datasets));
        vm.expectRevert(abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, hold, caller));
        vm.prank(caller);
        supervision.lift(hold, REASON);
    }
}
