// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {
    Activity,
    ActivityId,
    ActivityKind,
    Input,
    NO_ACTIVITY,
    Output
} from "../../../contracts/types/Activity.sol";
import {ACT_DERIVE} from "../../../contracts/types/Acts.sol";
import {Classification, Level, PiKind} from "../../../contracts/types/Dataset.sol";
import {
    BadStatus,
    HoldActive,
    InvalidField,
    NotAuthorised,
    NotFound,
    NotParty
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_VERSION} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {NO_GRANT, NO_POLICY, Policy, PolicyId} from "../../../contracts/types/Policy.sol";
import {ROLES_SUPPLYING} from "../../../contracts/types/Roles.sol";
import {
    datasetSubject,
    grantSubject,
    KIND_ACTIVITY,
    KIND_DATASET,
    partySubject,
    Subject
} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {DerivedLedger} from "./DerivedLedger.sol";

/// @notice Derive.tree, leaf by leaf.
contract DeriveTest is DerivedLedger {
    function _field(bytes32 name) private pure returns (bytes memory) {
        return abi.encodeWithSelector(InvalidField.selector, name);
    }

    function _registerAs(Actor memory actor, Classification memory given, bytes32 root) private returns (DatasetId) {
        vm.prank(actor.account);
        return datasets.register(given, SOURCE, contentOf(root), NO_PARTY);
    }

    function test_RevertWhen_CallerMayNot() public {
        Activity memory what = details(ActivityKind.COLLECT);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, address(this)));
        lineage.derive(what, noInputs(), outputOf("out"), NO_PARTY);
        bytes memory reason =
            abi.encodeWithSelector(IParties.NotDelegate.selector, holder.party, other.party, ACT_DERIVE);
        vm.expectRevert(reason);
        vm.prank(other.account);
        lineage.derive(what, noInputs(), outputOf("out"), holder.party);
    }

    function test_RevertWhen_KindWithoutOutput() public {
        ActivityKind[3] memory kinds = [ActivityKind.NONE, ActivityKind.APPLY, ActivityKind.DELETE];
        for (uint256 i = 0; i < 3; ++i) {
            deriveAs(taker, details(kinds[i]), bothInputs(), outputOf("out"), _field("kind"));
        }
    }

    function test_RevertWhen_NumberOfInputs() public {
        deriveAs(taker, details(ActivityKind.COLLECT), bothInputs(), outputOf("out"), _field("inputs"));
        refuse(noInputs(), _field("inputs"));
        refuse(new Input[](17), _field("inputs"));
        Input[] memory twice = bothInputs();
        twice[1] = Input(dataset, 1, NO_GRANT);
        refuse(twice, _field("inputs"));
    }

    function test_RevertWhen_BadTimeRange() public {
        Activity memory what = details(ActivityKind.JOIN);
        what.startedAt = what.endedAt + 1;
        bytes4 bad = ILineage.BadTimeRange.selector;
        deriveAs(taker, what, bothInputs(), outputOf("out"), abi.encodeWithSelector(bad, what.startedAt, what.endedAt));
        what.endedAt = uint40(block.timestamp + 1);
        what.startedAt = what.endedAt;
        deriveAs(taker, what, bothInputs(), outputOf("out"), abi.encodeWithSelector(bad, what.startedAt, what.endedAt));
    }

    function test_RevertWhen_ActivityNamed() public {
        Output memory output = outputOf("out");
        output.content.activity = 1;
        deriveAs(taker, details(ActivityKind.JOIN), bothInputs(), output, _field("activity"));
        // Nor does it outside of lineage.
        vm.expectRevert(_field("activity"));
        vm.prank(holder.account);
        datasets.register(output.classification, SOURCE, output.content, NO_PARTY);
        vm.expectRevert(_field("activity"));
        vm.prank(holder.account);
        datasets.publish(dataset, 2, output.content, NO_PARTY);
    }

    function test_RevertWhen_LevelDowngrade() public {
        Classification memory grave = classification();
        (grave.level, grave.piKind) = (Level.IMPORTANT, PiKind.SENSITIVE);
        DatasetId source = _registerAs(taker, grave, "grave");
        bytes memory reason =
            abi.encodeWithSelector(ILineage.LevelDowngrade.selector, Level.IMPORTANT, PiKind.SENSITIVE);
        Output memory output = outputOf("out");
        output.classification.level = Level.IMPORTANT;
        output.classification.piKind = PiKind.PERSONAL;
        Activity memory what = details(ActivityKind.ANONYMIZE);
        deriveAs(taker, what, byTitle(source, 1), output, reason);
        output.classification.level = Level.GENERAL;
        output.classification.piKind = PiKind.SENSITIVE;
        deriveAs(taker, what, byTitle(source, 1), output, reason);
        DatasetId own = _registerAs(taker, classification(), "plain");
        deriveAs(taker, what, byTitle(source, 1), outputOf("out", own, 2), reason);
        output.classification.level = Level.IMPORTANT;
        deriveAs(taker, what, byTitle(source, 1), output);
    }

    function test_RevertWhen_NewWithOtherVersion() public {
        Output memory output = outputOf("out");
        output.version = 2;
        deriveAs(taker, details(ActivityKind.JOIN), bothInputs(), output, _field("version"));
    }

    function test_RevertWhen_NotRegistrable() public {
        Activity memory what = details(ActivityKind.JOIN);
        Output memory output = outputOf("out");
        output.sourceHash = 0;
        deriveAs(taker, what, bothInputs(), output, abi.encodeWithSelector(IDatasets.SourceProofMissing.selector));
        output = outputOf(0);
        deriveAs(taker, what, bothInputs(), output, abi.encodeWithSelector(IDatasets.EmptyRoot.selector));
        output = outputOf("out");
        output.classification.level = Level.CORE;
        deriveAs(taker, what, bothInputs(), output, abi.encodeWithSelector(IDatasets.CoreDataNotRegistrable.selector));
    }

    function testFuzz_DeriveNew(bytes32 code, uint40 started, bool titled, uint8 kind) public {
        Activity memory what = details(ActivityKind(2 + kind % 7));
        what.codeHash = code;
        what.startedAt = uint40(bound(started, 0, what.endedAt));
        Input[] memory inputs = titled ? _mixed() : bothInputs();
        takeLogs();
        (ActivityId id, DatasetId derived) = deriveAs(taker, what, inputs, outputOf("out"));
        Vm.Log[] memory logs = takeLogs();
        uint256 at = logs.length - 4;
        assertEq(logs[at].topics[0], IDatasets.DatasetRegistered.selector);
        _assertRecorded(logs[at + 1], id, derived, what);
        _assertInput(logs[at + 2], id, derived, inputs[0]);
        _assertInput(logs[at + 3], id, derived, inputs[1]);
        _assertKept(id, derived);
        // The terms of the only bound input, of which uses and number of grants are free already.
        assertTrue(ceilingOf(derived) == PolicyId.wrap(1), "the ceiling is stored by content");
    }

    function _mixed() private returns (Input[] memory inputs) {
        inputs = bothInputs();
        inputs[1] = Input(registerAs(taker, "own"), 1, NO_GRANT);
    }

    function _assertRecorded(Vm.Log memory log, ActivityId id, DatasetId derived, Activity memory what) private view {
        assertEq(log.topics[0], ILineage.ActivityRecorded.selector);
        assertEq(log.topics[1], Subject.unwrap(datasetSubject(derived)));
        assertEq(log.topics[2], Subject.unwrap(partySubject(taker.party)));
        assertEq(log.topics[3], 0, "the party itself");
        bytes memory data = abi.encode(id, uint32(1), what, ceilingOf(derived), false, NO_ACTIVITY, bytes32(0));
        assertEq(log.data, data);
    }

    function _assertInput(Vm.Log memory log, ActivityId id, DatasetId derived, Input memory input) private pure {
        assertEq(log.topics[0], ILineage.DerivationRecorded.selector);
        assertEq(log.topics[1], Subject.unwrap(datasetSubject(input.dataset)));
        assertEq(log.topics[2], Subject.unwrap(datasetSubject(derived)));
        bytes32 grant = input.grant != NO_GRANT ? Subject.unwrap(grantSubject(input.grant)) : bytes32(0);
        assertEq(log.topics[3], grant);
        assertEq(log.data, abi.encode(id, input.version, uint32(1)));
    }

    function _assertKept(ActivityId id, DatasetId derived) private {
        assertEq(ActivityId.unwrap(id), lineage.count());
        assertTrue(lineage.activityOf(derived, 1) == id);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_ACTIVITY, id));
        lineage.recordOf(id);
        assertTrue(titles.mayAct(derived, Right.HOLD, taker.party));
        assertEq(datasets.source(derived, 1).order, ActivityId.unwrap(id));
    }

    function test_RevertWhen_NotPublishable() public {
        Activity memory what = details(ActivityKind.CLEAN);
        DatasetId own = registerAs(taker, "own");
        Input[] memory inputs = byTitle(own, 1);
        bytes memory reason = abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.HOLD, taker.party);
        deriveAs(taker, what, inputs, outputOf("out", dataset, 2), reason);
        reason = abi.encodeWithSelector(IDatasets.VersionGap.selector, 2, 3);
        deriveAs(taker, what, inputs, outputOf("out", own, 3), reason);
        deriveAs(taker, what, inputs, outputOf(0, own, 2), abi.encodeWithSelector(IDatasets.EmptyRoot.selector));
        reason = abi.encodeWithSelector(NotFound.selector, KIND_DATASET, 99);
        deriveAs(taker, what, inputs, outputOf("out", DatasetId.wrap(99), 2), reason);
        vm.prank(spare);
        HoldId hold = supervision.place(datasetSubject(own), HoldKind.FREEZE, SCOPE_VERSION, NO_PARTY, REASON, 0);
        reason = abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_VERSION);
        deriveAs(taker, what, inputs, outputOf("out", own, 2), reason);
        DatasetId ended = registerAs(taker, "ended");
        vm.prank(taker.account);
        datasets.deregister(ended, REASON, NO_PARTY);
        reason = abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, DatasetId.unwrap(ended), 2);
        deriveAs(taker, what, inputs, outputOf("out", ended, 2), reason);
    }

    function test_RevertWhen_CeilingNarrower() public {
        DatasetId derived = transform(bothInputs(), "out");
        Policy memory narrow = widest();
        narrow.purposes = 1;
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, narrow));
        bytes memory reason = abi.encodeWithSelector(IPolicies.CeilingNarrower.selector, bytes32("purposes"));
        deriveAs(taker, details(ActivityKind.JOIN), inputs, outputOf("next", derived, 2), reason);
        narrow = widest();
        vm.prank(holder.account);
        narrow.territory = policies.storeTerritory(countries("CN"));
        inputs = inputsOf(dataset, 1, grantOn(dataset, narrow));
        reason = abi.encodeWithSelector(IPolicies.CeilingNarrower.selector, bytes32("territory"));
        deriveAs(taker, details(ActivityKind.JOIN), inputs, outputOf("next", derived, 2), reason);
    }

    function test_RevertWhen_NoCeilingYet() public {
        DatasetId own = registerAs(taker, "own");
        bytes memory reason = abi.encodeWithSelector(IPolicies.CeilingNarrower.selector, bytes32("ceiling"));
        deriveAs(taker, details(ActivityKind.JOIN), bothInputs(), outputOf("next", own, 2), reason);
        deriveAs(taker, details(ActivityKind.CLEAN), byTitle(own, 1), outputOf("next", own, 2));
        assertTrue(ceilingOf(own) == NO_POLICY);
    }

    function test_DeriveNext() public {
        Policy memory narrow = widest();
        narrow.purposes = 3;
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, narrow));
        DatasetId derived = transform(inputs, "out");
        PolicyId bound = ceilingOf(derived);
        takeLogs();
        Activity memory what = details(ActivityKind.JOIN);
        // Both allow as much, or more, than the ceiling.
        (ActivityId id,) = deriveAs(taker, what, bothInputs(), outputOf("next", derived, 2));
        Vm.Log[] memory logs = takeLogs(4);
        assertEq(logs[0].topics[0], IDatasets.VersionPublished.selector);
        assertEq(logs[1].topics[0], ILineage.ActivityRecorded.selector);
        bytes memory data = abi.encode(id, uint32(2), what, bound, false, NO_ACTIVITY, bytes32(0));
        assertEq(logs[1].data, data);
        assertEq(logs[3].data, abi.encode(id, uint32(1), uint32(2)));
        assertTrue(ceilingOf(derived) == bound, "it stays");
        assertTrue(lineage.activityOf(derived, 2) == id);
        assertEq(datasets.source(derived, 2).order, ActivityId.unwrap(id));
    }

    function test_Collect() public {
        bytes memory reason = abi.encodeWithSelector(NotAuthorised.selector, ROLES_SUPPLYING);
        deriveAs(other, details(ActivityKind.COLLECT), noInputs(), outputOf("collected"), reason);
        (ActivityId id, DatasetId found) =
            deriveAs(taker, details(ActivityKind.COLLECT), noInputs(), outputOf("collected"));
        takeLogs(2);
        assertTrue(lineage.activityOf(found, 1) == id);
        assertTrue(ceilingOf(found) == NO_POLICY && !isTainted(found));
    }

    function test_HomeTaint() public {
        Classification memory grave = classification();
        (grave.level, grave.piKind) = (Level.IMPORTANT, PiKind.PERSONAL);
        DatasetId home = _registerAs(taker, grave, "home");
        Output memory output = outputOf("out");
        output.classification = grave;
        (, DatasetId derived) = deriveAs(taker, details(ActivityKind.JOIN), byTitle(home, 1), output);
        assertFalse(isTainted(derived), "of the same origin");
        output.classification.originCountry = "DE";
        output.content = contentOf("abroad");
        (, derived) = deriveAs(taker, details(ActivityKind.JOIN), byTitle(home, 1), output);
        assertTrue(isTainted(derived), "of another origin");
        output.content = contentOf("further");
        (, DatasetId further) = deriveAs(taker, details(ActivityKind.JOIN), byTitle(derived, 1), output);
        assertTrue(isTainted(further), "from what is tainted");
        DatasetId abroad = _registerAs(taker, output.classification, "plain");
        takeLogs();
        deriveAs(taker, details(ActivityKind.JOIN), byTitle(derived, 1), outputOf("next", abroad, 2));
        Vm.Log[] memory logs = takeLogs(3);
        (,,,, bool tainted,,) = abi.decode(logs[1].data, (uint64, uint32, Activity, uint64, bool, uint64, bytes32));
        assertTrue(tainted && isTainted(abroad), "a next version taints");
        vm.prank(taker.account);
        datasets.publish(abroad, 3, contentOf("plain again"), NO_PARTY);
        deriveAs(taker, details(ActivityKind.JOIN), byTitle(abroad, 3), outputOf("after", abroad, 4));
        assertTrue(isTainted(abroad), "for ever");
    }

    function test_OnBehalfOf() public {
        vm.prank(taker.account);
        parties.delegate(other.party, NO_DATASET, Delegation(0, ACT_DERIVE, uint48(block.timestamp + 1)));
        takeLogs();
        Activity memory what = details(ActivityKind.TRAIN);
        vm.prank(other.account);
        (, DatasetId derived,) = lineage.derive(what, bothInputs(), outputOf("model"), taker.party);
        Vm.Log[] memory logs = takeLogs(4);
        assertEq(logs[1].topics[2], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[1].topics[3], Subject.unwrap(partySubject(other.party)));
        assertTrue(titles.mayAct(derived, Right.HOLD, taker.party));
    }
}
