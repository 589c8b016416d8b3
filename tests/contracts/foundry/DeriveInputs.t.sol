// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {Activity, ActivityId, ActivityKind, Input, Source} from "../../../contracts/types/Activity.sol";
import {VersionStatus} from "../../../contracts/types/Dataset.sol";
import {BadStatus, HoldActive, NotFound, NotModule} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_DERIVE, SCOPE_USE} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    Code,
    GrantId,
    GrantTerms,
    Inactive,
    NO_GRANT,
    NO_POLICY,
    Policy,
    PolicyId
} from "../../../contracts/types/Policy.sol";
import {
    datasetSubject,
    grantSubject,
    KIND_DATASET,
    KIND_VERSION,
    Subject
} from "../../../contracts/types/Subject.sol";
import {DerivedLedger} from "./DerivedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice DeriveInputs.tree, leaf by leaf.
contract DeriveInputsTest is DerivedLedger {
    function _notCovered(DatasetId id) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILineage.InputNotCovered.selector, id, 1);
    }

    function _hold(Subject target, uint16 scope) private returns (bytes memory reason) {
        vm.prank(spare);
        HoldId hold = supervision.place(target, HoldKind.FREEZE, scope, NO_PARTY, REASON, 0);
        return abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_USE | SCOPE_DERIVE);
    }

    function test_RevertGiven_NoVersion() public {
        refuse(byTitle(DatasetId.wrap(99), 1), abi.encodeWithSelector(NotFound.selector, KIND_DATASET, 99));
        refuse(byTitle(DatasetId.wrap(0), 1), abi.encodeWithSelector(NotFound.selector, KIND_DATASET, 0));
        refuse(inputsOf(dataset, 2, one), abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 2));
        refuse(inputsOf(dataset, 0, one), abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 0));
    }

    function test_RevertGiven_Withdrawn() public {
        vm.prank(holder.account);
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        bytes4 withdrawn = ILineage.InputWithdrawn.selector;
        refuse(inputsOf(dataset, 1, one), abi.encodeWithSelector(withdrawn, dataset, 1));
        vm.prank(holder.account);
        datasets.deregister(second, REASON, NO_PARTY);
        refuse(inputsOf(second, 1, two), abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, 2, 2));
    }

    function test_Superseded() public {
        vm.prank(holder.account);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        Source memory older = datasets.source(dataset, 1);
        assertTrue(older.status == VersionStatus.SUPERSEDED && older.registered);
        transform(inputsOf(dataset, 1, one), "out");
    }

    function test_RevertWhen_NotCovered() public {
        refuse(byTitle(dataset, 1), _notCovered(dataset));
        transferAs(holder, dataset, taker, packUnits(10_000, 5_000, 10_000));
        refuse(byTitle(dataset, 1), _notCovered(dataset));
        transferAs(holder, dataset, taker, packUnits(0, 1, 0));
        transform(byTitle(dataset, 1), "out");
    }

    function test_RevertGiven_HeldTitle() public {
        DatasetId own = registerAs(taker, "own");
        uint256 before = vm.snapshotState();
        refuse(byTitle(own, 1), _hold(datasetSubject(own), SCOPE_DERIVE));
        vm.revertToState(before);
        refuse(byTitle(own, 1), _hold(datasetSubject(own), SCOPE_USE));
    }

    function test_RevertWhen_CeilingForbids() public {
        Policy memory narrow = only(DERIVE | 1 << 13);
        DatasetId derived = transform(inputsOf(dataset, 1, grantOn(dataset, narrow)), "out");
        // Who holds it may do what its sources permit, and no more.
        transform(byTitle(derived, 1), "again");
        Activity memory what = details(ActivityKind.TRAIN);
        bytes memory reason =
            abi.encodeWithSelector(ILineage.CeilingForbids.selector, derived, 1, Code.ACTION_NOT_GRANTED, 17);
        deriveAs(taker, what, byTitle(derived, 1), outputOf("model"), reason);
        recordAs(taker, ActivityKind.TRAIN, byTitle(derived, 1), DatasetId.wrap(0), 0, reason);
        recordAs(taker, ActivityKind.DELETE, byTitle(derived, 1), DatasetId.wrap(0), 0);
    }

    function test_RevertWhen_GrantOfAnother() public {
        refuse(inputsOf(dataset, 1, two), _notCovered(dataset));
        refuse(inputsOf(dataset, 1, GrantId.wrap(99)), _notCovered(dataset));
        Activity memory what = details(ActivityKind.TRANSFORM);
        deriveAs(other, what, inputsOf(dataset, 1, one), outputOf("out"), _notCovered(dataset));
    }

    function test_RevertGiven_Inactive() public {
        vm.prank(holder.account);
        licenses.suspend(one, REASON, NO_PARTY);
        bytes4 inactive = ILicenses.GrantNotActive.selector;
        refuse(inputsOf(dataset, 1, one), abi.encodeWithSelector(inactive, one, Inactive.SUSPENDED));
        Policy memory timed = widest();
        timed.maxDuration = 60;
        GrantId dormant = grantOn(dataset, timed);
        refuse(inputsOf(dataset, 1, dormant), abi.encodeWithSelector(inactive, dormant, Inactive.NOT_ACTIVATED));
    }

    function test_RevertGiven_HeldGrant() public {
        uint256 before = vm.snapshotState();
        Subject[2] memory targets = [datasetSubject(dataset), grantSubject(one)];
        for (uint256 i = 0; i < 4; ++i) {
            refuse(inputsOf(dataset, 1, one), _hold(targets[i / 2], i % 2 == 0 ? SCOPE_USE : SCOPE_DERIVE));
            vm.revertToState(before);
        }
        // What derives nothing is stopped by a hold on use alone.
        _hold(datasetSubject(dataset), SCOPE_DERIVE);
        recordAs(taker, ActivityKind.APPLY, inputsOf(dataset, 1, one), DatasetId.wrap(0), 0);
    }

    function test_RevertWhen_ActionNotGranted() public {
        uint8[7] memory bits = [13, 13, 12, 15, 17, 16, 16];
        for (uint8 i = 0; i < 7; ++i) {
            Policy memory terms = widest();
            terms.actions &= ~(uint32(1) << bits[i]);
            Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, terms));
            Activity memory what = details(ActivityKind(2 + i));
            bytes memory reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, bits[i]);
            deriveAs(taker, what, inputs, outputOf("out"), reason);
            inputs = inputsOf(dataset, 1, grantOn(dataset, only(DERIVE | uint32(1) << bits[i])));
            deriveAs(taker, what, inputs, outputOf(bytes32(uint256(1 + i))));
        }
    }

    function test_RevertWhen_DerivativeForbidden() public {
        Policy memory terms = only(widest().actions & ~DERIVE & ~uint32(1 << 21));
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, terms));
        refuse(inputs, abi.encodeWithSelector(ILineage.DerivativeForbidden.selector, dataset, 1));
        recordAs(taker, ActivityKind.TRANSFORM, inputs, DatasetId.wrap(0), 0);
    }

    function test_RevertWhen_ContextForbidden() public {
        Policy memory terms = widest();
        (terms.purposes, terms.minSecurityGrade) = (2, 3);
        Input[] memory inputs = inputsOf(dataset, 1, grantOn(dataset, terms));
        refuse(inputs, abi.encodeWithSelector(ILicenses.PurposeNotAllowed.selector, 1));
        Activity memory what = details(ActivityKind.TRANSFORM);
        what.purpose = 2;
        bytes memory reason = abi.encodeWithSelector(ILicenses.SecurityGradeTooLow.selector, 3);
        deriveAs(taker, what, inputs, outputOf("out"), reason);
        what.securityGrade = 3;
        what.country = "cn";
        reason = abi.encodeWithSelector(ILicenses.TerritoryNotAllowed.selector, bytes2("cn"));
        deriveAs(taker, what, inputs, outputOf("out"), reason);
        what.country = "DE";
        deriveAs(taker, what, inputs, outputOf("out"));
    }

    function test_Charge() public {
        Policy memory terms = widest();
        terms.maxUses = 2;
        GrantTerms memory limited = rootTerms(store(terms));
        limited.uses = 2;
        GrantId grant = issueAs(holder, limited);
        takeLogs();
        DatasetId derived = transform(inputsOf(dataset, 1, grant), "out");
        Vm.Log[] memory logs = takeLogs(4);
        assertEq(logs[0].topics[0], ILicenses.GrantUsed.selector);
        assertEq(logs[0].data, abi.encode(uint40(1), uint40(1), uint32(1) << 13, bytes32(0)));
        assertEq(policies.policy(ceilingOf(derived)).maxUses, type(uint40).max, "uses are the source's");
        transform(inputsOf(dataset, 1, grant), "again");
        assertEq(licenses.grant(grant).usesLeft, 0);
        refuse(inputsOf(dataset, 1, grant), abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, 0, 1));
    }

    function test_RevertWhen_NotLineage() public {
        bytes memory reason = abi.encodeWithSelector(NotModule.selector, spare);
        Policy memory terms = widest();
        terms.maxUses = 2;
        GrantTerms memory limited = rootTerms(store(terms));
        limited.uses = 2;
        GrantId counted = issueAs(holder, limited);
        PolicyId[] memory ids = new PolicyId[](1);
        terms.purposes = 6;
        ids[0] = store(terms);
        takeLogs();
        vm.startPrank(spare);
        vm.expectRevert(reason);
        licenses.exercise(counted, dataset, taker.party, request(READ), false);
        vm.expectRevert(reason);
        policies.storeFold(NO_POLICY, ids);
        vm.expectRevert(reason);
        datasets.registerDerived(taker.party, classification(), SOURCE, contentOf("out"), NO_POLICY, false);
        vm.expectRevert(reason);
        datasets.publishDerived(taker.party, dataset, 2, contentOf("out"), false);
        vm.expectRevert(reason);
        datasets.setActivity(dataset, 1, ActivityId.wrap(1), NO_POLICY, false);
        // Where nothing would change, they answer anyone.
        (PolicyId policy, bool mayDerive) = licenses.exercise(one, dataset, taker.party, request(READ), false);
        assertTrue(policy == licenses.grant(one).policy && mayDerive);
        ids[0] = policy;
        assertTrue(policies.storeFold(NO_POLICY, ids) == policy, "known already");
        assertEq(takeLogs().length, 0);
        vm.stopPrank();
    }
}
