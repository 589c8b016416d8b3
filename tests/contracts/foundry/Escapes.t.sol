// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ACT_GRANT, ACT_USE} from "../../../contracts/types/Acts.sol";
import {ActivityId, ActivityKind} from "../../../contracts/types/Activity.sol";
import {OpenClass} from "../../../contracts/types/Dataset.sol";
import {HoldActive} from "../../../contracts/types/Errors.sol";
import {SCOPE_DERIVE} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {
    ACTION_LICENSE,
    ACTION_OPEN,
    ACTION_TRANSFER,
    Code,
    GrantId,
    GrantTerms,
    Inactive,
    NO_POLICY,
    Policy
} from "../../../contracts/types/Policy.sol";
import {DerivedLedger} from "./DerivedLedger.sol";

/// @notice Escapes.tree, leaf by leaf.
contract EscapesTest is DerivedLedger {
    uint32 private constant MODIFY = 1 << 13;
    uint16 private constant INFORM = 1 << 2; // does not stick to what is cut below

    function _grantOf(DatasetId id, Policy memory policy, Actor memory grantee)
        private
        returns (GrantTerms memory terms)
    {
        terms = rootTerms(store(policy));
        (terms.dataset, terms.grantee) = (id, grantee.party);
    }

    function _ceilingForbids(DatasetId id, Code code, uint64 detail) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILineage.CeilingForbids.selector, id, uint32(1), code, detail);
    }

    function test_RevertGiven_ContestedCopy() public {
        DatasetId copy = registerAs(taker, "root");
        refuse(byTitle(copy, 1), abi.encodeWithSelector(HoldActive.selector, HoldId.wrap(1), 16 | SCOPE_DERIVE | 8));
    }

    function test_RevertWhen_DerivedContentIsRegisteredAgain() public {
        GrantId narrow = grantOn(dataset, only(DERIVE | MODIFY));
        DatasetId derived = transform(inputsOf(dataset, 1, narrow), "out");
        assertTrue(ceilingOf(derived) != NO_POLICY);
        bytes memory evaded = abi.encodeWithSelector(IDatasets.CeilingEvaded.selector, derived);
        vm.expectRevert(evaded);
        this.registerFor("out");
        DatasetId own = registerAs(taker, "own");
        deriveAs(taker, details(ActivityKind.COLLECT), noInputs(), outputOf("out"), evaded);
        vm.expectRevert(evaded);
        vm.prank(taker.account);
        datasets.publish(own, 2, contentOf("out"), NO_PARTY);
        // What says its inputs is bound by them, and the next version by the dataset itself.
        transform(inputsOf(dataset, 1, narrow), "out");
        assertTrue(ceilingOf(transform(byTitle(own, 1), "out")) == NO_POLICY);
        vm.prank(taker.account);
        datasets.publish(derived, 2, contentOf("out"), NO_PARTY);
    }

    function registerFor(bytes32 root) external {
        registerAs(taker, root);
    }

    function test_RevertGiven_CeilingWasLowered() public {
        DatasetId derived = transform(inputsOf(dataset, 1, one), "out");
        GrantId mine = issueAs(taker, _grantOf(derived, deep(2), other));
        GrantId narrow = grantOn(dataset, only(DERIVE | MODIFY));
        ActivityId made = datasets.activityOf(derived, 1);
        vm.prank(taker.account);
        lineage.supersede(
            made, details(ActivityKind.TRANSFORM), inputsOf(dataset, 1, narrow), derived, 1, REASON, NO_PARTY
        );
        deriveAs(
            other,
            details(ActivityKind.TRAIN),
            inputsOf(derived, 1, mine),
            outputOf("model"),
            _ceilingForbids(derived, Code.ACTION_NOT_GRANTED, 17)
        );
        GrantTerms memory terms = subTerms(mine, store(deep(1)), third);
        terms.dataset = derived;
        issueAs(other, terms, abi.encodeWithSelector(IPolicies.PolicyExceedsCeiling.selector, bytes32("actions")));
    }

    function test_RevertGiven_CeilingHasEnded() public {
        Policy memory timed = only(DERIVE | MODIFY | READ);
        timed.notAfter = uint40(block.timestamp + 1000);
        GrantTerms memory terms = rootTerms(store(timed));
        terms.notAfter = timed.notAfter;
        DatasetId derived = transform(inputsOf(dataset, 1, issueAs(holder, terms)), "out");
        recordAs(taker, ActivityKind.APPLY, byTitle(derived, 1), NO_DATASET, 0);
        moveOn(1, 2000);
        bytes memory ended = _ceilingForbids(derived, Code.GRANT_NOT_ACTIVE, uint64(Inactive.EXPIRED));
        recordAs(taker, ActivityKind.APPLY, byTitle(derived, 1), NO_DATASET, 0, ended);
        recordAs(taker, ActivityKind.DELETE, byTitle(derived, 1), NO_DATASET, 0);
    }

    function test_RevertWhen_SubGrantOpensWithoutCondition() public {
        DatasetId open = registerPublic(holder, OpenClass.CONDITIONAL);
        Policy memory conditional = widest();
        conditional.actions |= ACTION_OPEN | ACTION_LICENSE;
        Policy memory free = deep(1);
        free.actions |= ACTION_OPEN;
        conditional.duties = INFORM;
        GrantId above = issueAs(holder, _grantOf(open, conditional, taker));
        GrantTerms memory terms = subTerms(above, store(free), other);
        terms.dataset = open;
        bytes memory forbidden = abi.encodeWithSelector(ILicenses.OpenClassForbids.selector, OpenClass.CONDITIONAL);
        issueAs(taker, terms, forbidden);
        free.duties = INFORM;
        terms.policy = store(free);
        issueAs(taker, terms);
    }

    function test_RevertWhen_DelegateForUseGivesAway() public {
        Policy memory passed = deep(2);
        passed.actions |= ACTION_TRANSFER;
        GrantId grant = grantOf(passed);
        vm.prank(taker.account);
        parties.delegate(other.party, NO_DATASET, Delegation(0, ACT_USE, uint48(block.timestamp + 60)));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotDelegate.selector, taker.party, other.party, ACT_GRANT));
        vm.prank(other.account);
        licenses.proposeAssignment(grant, other.party, taker.party);
    }
}
