// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ActivityId, ActivityKind, Input} from "../../../contracts/types/Activity.sol";
import {HoldActive, InvalidField, NotFound, NotModule} from "../../../contracts/types/Errors.sol";
import {
    HoldKind,
    SCOPE_DEREGISTER,
    SCOPE_DERIVE,
    SCOPE_GRANT,
    SCOPE_TITLE,
    SCOPE_USE,
    SCOPE_VERSION,
    SCOPES_ALL
} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_PARTY, PartyId, TransferId} from "../../../contracts/types/Ids.sol";
import {ACTION_TRANSFER, Code, GrantId, GrantTerms, NO_GRANT, OfferId, Policy} from "../../../contracts/types/Policy.sol";
import {KIND_PARTY, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS} from "../../../contracts/types/Units.sol";
import {DerivedLedger} from "./DerivedLedger.sol";

/// @notice HeldParties.tree, leaf by leaf. A spare module places the holds.
contract HeldPartiesTest is DerivedLedger {
    HoldId private hold;

    /// @dev Holds a party with every scope but one, which stops nothing, and then with that one.
    modifier onlyWithin(Actor memory actor, uint16 scope) {
        HoldId others = _place(actor.party, SCOPES_ALL & ~scope, 0);
        hold = _place(actor.party, scope, 0);
        _;
        _lift(hold);
        _lift(others);
    }

    function _place(PartyId party, uint16 scope, uint48 until) private returns (HoldId) {
        vm.prank(spare);
        return supervision.place(partySubject(party), HoldKind.FREEZE, scope, NO_PARTY, REASON, until);
    }

    function _lift(HoldId id) private {
        vm.prank(spare);
        supervision.lift(id, REASON);
    }

    function _held(uint16 scope) private view returns (bytes memory) {
        return abi.encodeWithSelector(HoldActive.selector, hold, scope);
    }

    /// @dev Makes the next call of `actor` fail.
    function _refuse(Actor memory actor, uint16 scope) private {
        vm.expectRevert(_held(scope));
        vm.prank(actor.account);
    }

    function testFuzz_RevertGiven_NoParty(uint64 id) public {
        vm.assume(id == 0 || id > parties.count());
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id));
        _place(PartyId.wrap(id), SCOPE_USE, 0);
    }

    function testFuzz_RevertWhen_KindUnknown(uint8 kind, uint64 id) public {
        vm.assume(kind > 3 || kind == 0);
        Subject target = Subject.wrap(bytes32((uint256(kind) << 248) | id));
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("target")));
        vm.prank(spare);
        supervision.place(target, HoldKind.FREEZE, SCOPE_USE, NO_PARTY, REASON, 0);
    }

    function _assertHeld(bool expected) private view {
        (bool active,, bool held) = parties.standingOf(taker.party);
        assertTrue(active && held == expected);
        assertEq(parties.party(taker.party).held, expected);
    }

    function test_Telling() public {
        _assertHeld(false);
        HoldId first = _place(taker.party, SCOPE_USE, 0);
        HoldId then = _place(taker.party, SCOPE_TITLE, uint48(block.timestamp + 1));
        _lift(first);
        vm.warp(block.timestamp + 2);
        _assertHeld(true); // lapsed, and not lifted
        _lift(then);
        _assertHeld(false);
    }

    function test_RevertWhen_TellingByOther() public {
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, spare));
        vm.prank(spare);
        parties.setHeld(taker.party, false);
    }

    function _start() private returns (TransferId) {
        vm.prank(holder.account);
        return titles.startTransfer(dataset, taker.party, ALL_UNITS, 0, uint48(block.timestamp + 9), NO_PARTY);
    }

    function _refuseTransfer(Actor memory held, TransferId started) private onlyWithin(held, SCOPE_TITLE) {
        vm.expectRevert(_held(SCOPE_TITLE));
        vm.prank(holder.account);
        titles.startTransfer(second, taker.party, ALL_UNITS, 0, uint48(block.timestamp + 9), NO_PARTY);
        _refuse(taker, SCOPE_TITLE);
        titles.acceptTransfer(started, 0, NO_PARTY);
    }

    function test_Transfer() public {
        TransferId started = _start();
        _refuseTransfer(holder, started);
        _refuseTransfer(taker, started);
        _place(taker.party, SCOPES_ALL & ~SCOPE_TITLE, 0);
        vm.prank(taker.account);
        titles.acceptTransfer(started, 0, NO_PARTY);
    }

    function _refuseIssue(Actor memory held, Actor memory granter, GrantTerms memory terms)
        private
        onlyWithin(held, SCOPE_GRANT)
    {
        issueAs(granter, terms, _held(SCOPE_GRANT));
    }

    function test_Issue() public {
        GrantTerms memory terms = rootTerms(store(deep(0)));
        _refuseIssue(holder, holder, terms);
        _refuseIssue(taker, holder, terms);
        GrantTerms memory below = subTerms(one, terms.policy, other);
        _refuseIssue(taker, taker, below);
        _refuseIssue(other, taker, below);
        _place(other.party, SCOPES_ALL & ~SCOPE_GRANT, 0);
        issueAs(taker, below);
    }

    function _refuseOffer(Actor memory held, OfferId id) private onlyWithin(held, SCOPE_GRANT) {
        _refuse(taker, SCOPE_GRANT);
        licenses.takeUp(id, NO_PARTY);
    }

    function test_Offer() public {
        OfferId id = offerAs(holder, deep(0));
        _refuseOffer(taker, id);
        _refuseOffer(holder, id);
        Policy memory terms = deep(0);
        terms.duties = 1;
        terms.notAfter = uint40(block.timestamp + 9);
        GrantTerms memory stored = rootTerms(store(terms));
        hold = _place(holder.party, SCOPE_GRANT, 0);
        _refuse(holder, SCOPE_GRANT);
        licenses.offer(dataset, stored.policy, terms.notAfter, 1, NO_PARTY);
        _lift(hold);
        takeUpAs(taker, id);
    }

    function _refuseAssignment(Actor memory held, GrantId id) private onlyWithin(held, SCOPE_GRANT) {
        _refuse(taker, SCOPE_GRANT);
        licenses.proposeAssignment(id, other.party, NO_PARTY);
        _refuse(other, SCOPE_GRANT);
        licenses.acceptAssignment(id, NO_PARTY);
    }

    function test_Assign() public {
        Policy memory terms = deep(0);
        terms.actions |= ACTION_TRANSFER;
        GrantId id = grantOf(terms);
        vm.prank(taker.account);
        licenses.proposeAssignment(id, other.party, NO_PARTY);
        vm.prank(holder.account);
        licenses.consentToAssignment(id, other.party, NO_PARTY);
        _refuseAssignment(taker, id);
        _refuseAssignment(other, id);
        vm.prank(other.account);
        licenses.acceptAssignment(id, NO_PARTY);
    }

    function test_Use() public onlyWithin(taker, SCOPE_USE) {
        (Code code, uint64 detail) = licenses.check(one, taker.party, request(READ));
        assertEq(uint8(code), uint8(Code.HOLD_ACTIVE));
        assertEq(detail, HoldId.unwrap(hold));
        _refuse(taker, SCOPE_USE);
        licenses.use(one, request(READ), 1, NO_PARTY);
        _refuse(taker, SCOPE_USE);
        licenses.report(one, 1, 1, REASON, NO_PARTY);
        _lift(hold);
        useAs(taker, one, 1);
        hold = _place(taker.party, SCOPE_USE, 0);
    }

    function test_Derive() public {
        Input[] memory inputs = inputsOf(dataset, 1, NO_GRANT);
        hold = _place(holder.party, SCOPE_DERIVE, 0);
        bytes memory reason = _held(SCOPE_USE | SCOPE_DERIVE);
        deriveAs(holder, details(ActivityKind.TRANSFORM), inputs, outputOf("refused"), reason);
        deriveAs(holder, details(ActivityKind.COLLECT), new Input[](0), outputOf("collected"));
        recordAs(holder, ActivityKind.APPLY, inputs, NO_DATASET, 0);
        hold = _place(holder.party, SCOPE_USE, 0);
        recordAs(holder, ActivityKind.APPLY, inputs, NO_DATASET, 0, _held(SCOPE_USE));
        hold = _place(taker.party, SCOPE_DERIVE, 0);
        refuse(bothInputs(), _held(SCOPE_USE | SCOPE_DERIVE));
        _lift(hold);
        _place(taker.party, SCOPES_ALL & ~(SCOPE_USE | SCOPE_DERIVE), 0);
        transform(bothInputs(), "derived");
    }

    function test_Publish() public {
        ActivityId id = recordAs(holder, ActivityKind.COLLECT, new Input[](0), dataset, 1);
        _refuseVersions(id);
        _place(holder.party, SCOPES_ALL & ~SCOPE_VERSION, 0);
        vm.prank(holder.account);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        supersedeAs(holder, id, ActivityKind.COLLECT, new Input[](0));
    }

    function _refuseVersions(ActivityId id) private onlyWithin(holder, SCOPE_VERSION) {
        _refuse(holder, SCOPE_VERSION);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        _refuse(holder, SCOPE_VERSION);
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        supersedeAs(holder, id, ActivityKind.COLLECT, new Input[](0), _held(SCOPE_VERSION));
        deriveAs(
            holder,
            details(ActivityKind.COLLECT),
            new Input[](0),
            outputOf("next", dataset, 2),
            _held(SCOPE_VERSION)
        );
    }

    function test_Deregister() public {
        _refuseDeregister();
        _place(holder.party, SCOPES_ALL & ~SCOPE_DEREGISTER, 0);
        vm.prank(holder.account);
        datasets.deregister(dataset, REASON, NO_PARTY);
    }

    function _refuseDeregister() private onlyWithin(holder, SCOPE_DEREGISTER) {
        _refuse(holder, SCOPE_DEREGISTER);
        datasets.deregister(dataset, REASON, NO_PARTY);
    }

    function test_NeverStopped() public {
        TransferId started = _start();
        OfferId id = offerAs(holder, deep(0));
        _place(holder.party, SCOPES_ALL, 0);
        vm.startPrank(holder.account);
        titles.cancelTransfer(started, NO_PARTY);
        licenses.closeOffer(id, NO_PARTY);
        licenses.suspend(one, REASON, NO_PARTY);
        licenses.revoke(one, REASON, NO_PARTY);
        vm.stopPrank();
        registerAs(holder, "third root");
    }

    function test_LapsesAndBindsNobodyElse() public {
        GrantId below = issueAs(taker, subTerms(one, store(deep(0)), other));
        hold = _place(taker.party, SCOPES_ALL, uint48(block.timestamp + 10));
        useAs(other, below, 1);
        moveOn(1, 10);
        _refuse(taker, SCOPE_USE);
        licenses.use(one, request(READ), 1, NO_PARTY);
        moveOn(1, 1);
        useAs(taker, one, 1);
        deriveAs(holder, details(ActivityKind.TRANSFORM), inputsOf(dataset, 1, NO_GRANT), outputOf("apart"));
    }
}
