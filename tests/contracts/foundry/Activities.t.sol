// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {ACT_DERIVE} from "../../../contracts/types/Acts.sol";
import {
    Activity,
    ActivityId,
    ActivityKind,
    Input,
    NO_ACTIVITY
} from "../../../contracts/types/Activity.sol";
import {Classification, Level, PiKind} from "../../../contracts/types/Dataset.sol";
import {
    BadStatus,
    EvidenceMissing,
    HoldActive,
    InvalidField,
    NotFound,
    NotParty
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_VERSION} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {NO_POLICY, Policy, PolicyId} from "../../../contracts/types/Policy.sol";
import {datasetSubject, KIND_ACTIVITY, KIND_VERSION, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {DerivedLedger} from "./DerivedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice Activities.tree, leaf by leaf.
contract ActivitiesTest is DerivedLedger {
    uint32 private constant MODIFY = 1 << 13;

    function _field(bytes32 name) private pure returns (bytes memory) {
        return abi.encodeWithSelector(InvalidField.selector, name);
    }

    function _notHolder(DatasetId id, Actor memory actor) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ITitles.NotHolder.selector, id, Right.HOLD, actor.party);
    }

    function _hold(DatasetId id) private returns (bytes memory reason) {
        vm.prank(spare);
        HoldId hold = supervision.place(datasetSubject(id), HoldKind.FREEZE, SCOPE_VERSION, NO_PARTY, REASON, 0);
        return abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_VERSION);
    }

    function _derived() private returns (ActivityId id, DatasetId derived) {
        return deriveAs(taker, details(ActivityKind.TRANSFORM), bothInputs(), outputOf("out"));
    }

    function test_RevertWhen_CallerMayNot() public {
        Activity memory what = details(ActivityKind.APPLY);
        Input[] memory inputs = byTitle(dataset, 1);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, address(this)));
        lineage.record(what, inputs, NO_DATASET, 0, NO_PARTY);
        bytes memory reason =
            abi.encodeWithSelector(IParties.NotDelegate.selector, holder.party, other.party, ACT_DERIVE);
        vm.expectRevert(reason);
        vm.prank(other.account);
        lineage.record(what, inputs, NO_DATASET, 0, holder.party);
    }

    function test_RevertWhen_KindWithOutput() public {
        recordAs(taker, ActivityKind.COLLECT, noInputs(), NO_DATASET, 0, _field("kind"));
        recordAs(taker, ActivityKind.NONE, bothInputs(), NO_DATASET, 0, _field("kind"));
        recordAs(holder, ActivityKind.TRANSFORM, byTitle(second, 1), dataset, 1, _field("kind"));
        recordAs(holder, ActivityKind.APPLY, byTitle(second, 1), dataset, 1, _field("kind"));
        recordAs(holder, ActivityKind.COLLECT, byTitle(second, 1), dataset, 1, _field("inputs"));
    }

    function test_RevertWhen_VersionOfNothing() public {
        recordAs(holder, ActivityKind.APPLY, byTitle(dataset, 1), NO_DATASET, 1, _field("version"));
    }

    function test_RevertWhen_NotPermitted() public {
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, only(TRAIN)));
        bytes4 refused = ILicenses.ActionNotGranted.selector;
        recordAs(taker, ActivityKind.APPLY, inputs, NO_DATASET, 0, abi.encodeWithSelector(refused, 8));
        recordAs(taker, ActivityKind.DELETE, inputs, NO_DATASET, 0, abi.encodeWithSelector(refused, 2));
        inputs = inputsOf(dataset, 1, grantOn(dataset, only(1 << 2)));
        recordAs(taker, ActivityKind.DELETE, inputs, NO_DATASET, 0);
    }

    function test_Delete() public {
        transferAs(holder, dataset, taker, packUnits(0, 10_000, 0));
        bytes memory reason = abi.encodeWithSelector(ILineage.InputNotCovered.selector, dataset, 1);
        recordAs(taker, ActivityKind.DELETE, byTitle(dataset, 1), NO_DATASET, 0, reason);
        vm.startPrank(holder.account);
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        datasets.deregister(dataset, REASON, NO_PARTY);
        vm.stopPrank();
        recordAs(holder, ActivityKind.DELETE, byTitle(dataset, 1), NO_DATASET, 0);
    }

    function testFuzz_Apply(bytes32 code) public {
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, only(READ)));
        takeLogs();
        Activity memory what = details(ActivityKind.APPLY);
        what.codeHash = code;
        vm.prank(taker.account);
        ActivityId id = lineage.record(what, inputs, NO_DATASET, 0, NO_PARTY);
        Vm.Log[] memory logs = takeLogs(2);
        assertEq(logs[0].topics[0], ILineage.ActivityRecorded.selector);
        assertEq(logs[0].topics[1], 0);
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(taker.party)));
        bytes memory data = abi.encode(id, uint32(0), what, NO_POLICY, false, NO_ACTIVITY, bytes32(0));
        assertEq(logs[0].data, data);
        assertEq(logs[1].topics[0], ILineage.DerivationRecorded.selector);
        assertEq(logs[1].topics[2], 0);
        assertEq(logs[1].data, abi.encode(id, uint32(1), uint32(0)));
        assertTrue(lineage.recordOf(id).party == taker.party);
        assertTrue(lineage.recordOf(id).supersededBy == NO_ACTIVITY);
    }

    function test_RevertWhen_MayNotCollect() public {
        recordAs(taker, ActivityKind.COLLECT, noInputs(), dataset, 1, _notHolder(dataset, taker));
        bytes memory reason = abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 2);
        recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 2, reason);
        reason = abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 0);
        recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 0, reason);
        recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 1, _hold(dataset));
    }

    function test_RevertGiven_Known() public {
        (ActivityId id, DatasetId derived) = _derived();
        bytes4 known = ILineage.ActivityKnown.selector;
        recordAs(taker, ActivityKind.COLLECT, noInputs(), derived, 1, abi.encodeWithSelector(known, id));
        id = recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 1);
        recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 1, abi.encodeWithSelector(known, id));
    }

    function test_Collect() public {
        vm.prank(holder.account);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        takeLogs();
        ActivityId id = recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 2);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertTrue(lineage.activityOf(dataset, 2) == id);
        assertTrue(lineage.activityOf(dataset, 1) == NO_ACTIVITY);
        assertEq(datasets.source(dataset, 2).order, 0, "it may be made from nothing");
        // And never comes from anything, since others may have been made from it.
        bytes memory reason = abi.encodeWithSelector(ILineage.LineageCycle.selector, second, 1);
        supersedeAs(holder, id, ActivityKind.TRANSFORM, byTitle(second, 1), reason);
    }

    function test_RevertGiven_NoActivity() public {
        bytes memory reason = abi.encodeWithSelector(NotFound.selector, KIND_ACTIVITY, 9);
        supersedeAs(taker, ActivityId.wrap(9), ActivityKind.JOIN, bothInputs(), reason);
        // Nor one for a version that nothing is said about, or that there is not.
        supersedeAs(holder, ActivityId.wrap(9), ActivityKind.JOIN, bothInputs(), dataset, 1, reason);
        supersedeAs(holder, ActivityId.wrap(9), ActivityKind.JOIN, bothInputs(), dataset, 0, reason);
        supersedeAs(holder, ActivityId.wrap(9), ActivityKind.JOIN, bothInputs(), DatasetId.wrap(99), 1, reason);
        vm.expectRevert(reason);
        lineage.recordOf(ActivityId.wrap(9));
    }

    function test_RevertWhen_OtherParty() public {
        ActivityId id = recordAs(taker, ActivityKind.APPLY, bothInputs(), NO_DATASET, 0);
        bytes memory reason = abi.encodeWithSelector(ILineage.NotActivityParty.selector, id, holder.party);
        supersedeAs(holder, id, ActivityKind.APPLY, byTitle(dataset, 1), reason);
        DatasetId derived;
        (id, derived) = _derived();
        transferAs(taker, derived, holder, packUnits(10_000, 0, 0));
        supersedeAs(taker, id, ActivityKind.JOIN, bothInputs(), _notHolder(derived, taker));
        // Who holds the output says what it came from.
        id = supersedeAs(holder, id, ActivityKind.JOIN, byTitle(dataset, 1));
        assertTrue(lineage.activityOf(derived, 1) == id);
    }

    function test_RevertWhen_OtherOutput() public {
        (ActivityId id, DatasetId derived) = _derived();
        (ActivityId next,) =
            deriveAs(taker, details(ActivityKind.JOIN), bothInputs(), outputOf("next", derived, 2));
        DatasetId elsewhere = transform(bothInputs(), "elsewhere");
        bytes4 known = ILineage.ActivityKnown.selector;
        bytes memory reason = abi.encodeWithSelector(known, next);
        supersedeAs(taker, id, ActivityKind.JOIN, bothInputs(), derived, 2, reason);
        reason = abi.encodeWithSelector(known, lineage.activityOf(elsewhere, 1));
        supersedeAs(taker, id, ActivityKind.JOIN, bothInputs(), elsewhere, 1, reason);
        reason = abi.encodeWithSelector(NotFound.selector, KIND_ACTIVITY, id);
        supersedeAs(taker, id, ActivityKind.JOIN, bothInputs(), NO_DATASET, 0, reason);
        ActivityId applied = recordAs(taker, ActivityKind.APPLY, bothInputs(), NO_DATASET, 0);
        reason = abi.encodeWithSelector(known, id);
        supersedeAs(taker, applied, ActivityKind.JOIN, bothInputs(), derived, 1, reason);
        supersedeAs(taker, applied, ActivityKind.APPLY, bothInputs(), NO_DATASET, 1, _field("version"));
    }

    function test_RevertGiven_Superseded() public {
        (ActivityId id,) = _derived();
        ActivityId again = supersedeAs(taker, id, ActivityKind.JOIN, bothInputs());
        bytes memory reason = abi.encodeWithSelector(ILineage.ActivityKnown.selector, again);
        supersedeAs(taker, id, ActivityKind.JOIN, bothInputs(), reason);
        supersedeAs(taker, again, ActivityKind.JOIN, bothInputs());
        id = recordAs(taker, ActivityKind.APPLY, bothInputs(), NO_DATASET, 0);
        again = supersedeAs(taker, id, ActivityKind.APPLY, bothInputs());
        reason = abi.encodeWithSelector(BadStatus.selector, KIND_ACTIVITY, id, 0);
        supersedeAs(taker, id, ActivityKind.APPLY, bothInputs(), reason);
        supersedeAs(taker, again, ActivityKind.APPLY, bothInputs());
    }

    function test_RevertWhen_NoReason() public {
        (ActivityId id, DatasetId derived) = _derived();
        Activity memory what = details(ActivityKind.JOIN);
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(taker.account);
        lineage.supersede(id, what, bothInputs(), derived, 1, 0, NO_PARTY);
    }

    function test_RevertWhen_Cycle() public {
        (ActivityId id, DatasetId derived) = _derived();
        DatasetId below = transform(byTitle(derived, 1), "below");
        bytes4 cycle = ILineage.LineageCycle.selector;
        supersedeAs(taker, id, ActivityKind.JOIN, byTitle(below, 1), abi.encodeWithSelector(cycle, below, 1));
        supersedeAs(taker, id, ActivityKind.JOIN, byTitle(derived, 1), abi.encodeWithSelector(cycle, derived, 1));
        // A correction does not make a version younger.
        ActivityId again = supersedeAs(taker, id, ActivityKind.JOIN, bothInputs());
        supersedeAs(taker, again, ActivityKind.JOIN, byTitle(below, 1), abi.encodeWithSelector(cycle, below, 1));
    }

    function test_RevertWhen_LevelDowngrade() public {
        Classification memory grave = classification();
        grave.level = Level.IMPORTANT;
        vm.prank(taker.account);
        DatasetId source = datasets.register(grave, SOURCE, contentOf("grave"), NO_PARTY);
        (ActivityId id,) = _derived();
        bytes memory reason = abi.encodeWithSelector(ILineage.LevelDowngrade.selector, Level.IMPORTANT, PiKind.NONE);
        supersedeAs(taker, id, ActivityKind.JOIN, byTitle(source, 1), reason);
    }

    function test_RevertWhen_Incompatible() public {
        Policy memory narrow = widest();
        narrow.purposes = 2;
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, narrow));
        Activity memory what = details(ActivityKind.TRANSFORM);
        what.purpose = 2;
        (ActivityId id,) = deriveAs(taker, what, inputs, outputOf("out"));
        narrow.purposes = 1;
        inputs = inputsOf(dataset, 1, grantOn(dataset, narrow));
        bytes memory reason = abi.encodeWithSelector(IPolicies.IncompatibleInputs.selector, bytes32("purposes"));
        supersedeAs(taker, id, ActivityKind.TRANSFORM, inputs, reason);
    }

    function test_RevertGiven_Held() public {
        (ActivityId id, DatasetId derived) = _derived();
        supersedeAs(taker, id, ActivityKind.JOIN, bothInputs(), _hold(derived));
    }

    function test_Narrow() public {
        (ActivityId id, DatasetId derived) = _derived();
        Policy memory narrow = widest();
        narrow.purposes = 1;
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, narrow));
        takeLogs();
        ActivityId again = supersedeAs(taker, id, ActivityKind.CLEAN, inputs);
        Vm.Log[] memory logs = takeLogs(2);
        PolicyId bound = ceilingOf(derived);
        bytes memory data = abi.encode(again, uint32(1), details(ActivityKind.CLEAN), bound, false, id, REASON);
        assertEq(logs[0].data, data);
        assertEq(policies.policy(bound).purposes, 1);
        assertTrue(lineage.activityOf(derived, 1) == again);
        assertEq(datasets.source(derived, 1).order, ActivityId.unwrap(id));
    }

    function test_NeverWiden() public {
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, only(DERIVE | MODIFY)));
        (ActivityId id, DatasetId derived) =
            deriveAs(taker, details(ActivityKind.TRANSFORM), inputs, outputOf("out"));
        PolicyId bound = ceilingOf(derived);
        takeLogs();
        id = supersedeAs(taker, id, ActivityKind.JOIN, bothInputs());
        takeLogs(3);
        assertTrue(ceilingOf(derived) == bound);
    }

    function test_RevertWhen_Collected() public {
        (ActivityId id, DatasetId derived) = _derived();
        bytes4 refused = ILineage.NotCollected.selector;
        supersedeAs(taker, id, ActivityKind.COLLECT, noInputs(), abi.encodeWithSelector(refused, id));
        // Nor after another correction, nor of a next version.
        id = supersedeAs(taker, id, ActivityKind.JOIN, bothInputs());
        supersedeAs(taker, id, ActivityKind.COLLECT, noInputs(), abi.encodeWithSelector(refused, id));
        (id,) = deriveAs(taker, details(ActivityKind.JOIN), bothInputs(), outputOf("next", derived, 2));
        supersedeAs(taker, id, ActivityKind.COLLECT, noInputs(), abi.encodeWithSelector(refused, id));
    }

    function test_CollectAgain() public {
        ActivityId known = recordAs(holder, ActivityKind.COLLECT, noInputs(), dataset, 1);
        known = supersedeAs(holder, known, ActivityKind.COLLECT, noInputs());
        supersedeAs(holder, known, ActivityKind.COLLECT, noInputs());
        (ActivityId id,) = deriveAs(holder, details(ActivityKind.COLLECT), noInputs(), outputOf("out"));
        id = supersedeAs(holder, id, ActivityKind.COLLECT, noInputs());
        id = supersedeAs(holder, id, ActivityKind.COLLECT, noInputs());
        // It may turn out to come from something, and that is never taken back.
        id = supersedeAs(holder, id, ActivityKind.TRANSFORM, byTitle(dataset, 1));
        bytes memory reason = abi.encodeWithSelector(ILineage.NotCollected.selector, id);
        supersedeAs(holder, id, ActivityKind.COLLECT, noInputs(), reason);
    }

    function test_WithoutOutput() public {
        ActivityId id = recordAs(taker, ActivityKind.APPLY, bothInputs(), NO_DATASET, 0);
        supersedeAs(taker, id, ActivityKind.COLLECT, noInputs(), _field("kind"));
        takeLogs();
        ActivityId again = supersedeAs(taker, id, ActivityKind.INFER, inputsOf(dataset, 1, one));
        Vm.Log[] memory logs = takeLogs(2);
        bytes memory data =
            abi.encode(again, uint32(0), details(ActivityKind.INFER), NO_POLICY, false, id, REASON);
        assertEq(logs[0].data, data);
        assertTrue(lineage.recordOf(id).supersededBy == again);
    }
}
