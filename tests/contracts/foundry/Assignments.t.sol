// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {HoldActive, InvalidField, PartyInactive} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_GRANT} from "../../../contracts/types/Holds.sol";
import {HoldId, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {
    ACTION_TRANSFER,
    Assignment,
    GrantId,
    GrantTerms,
    Inactive,
    Policy,
    TRANSFER_BIT
} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER, ROLE_FINANCIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, grantSubject, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {LicensedLedger} from "./LicensedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice Assignments.tree, leaf by leaf.
contract AssignmentsTest is LicensedLedger {
    GrantId private grant;

    function setUp() public override {
        super.setUp();
        Policy memory terms = deep(2);
        terms.actions |= ACTION_TRANSFER;
        terms.roles = ROLE_CONSUMER;
        grant = grantOf(terms);
        takeLogs();
    }

    function _propose(Actor memory actor, PartyId to) private {
        vm.prank(actor.account);
        licenses.proposeAssignment(grant, to, NO_PARTY);
    }

    function _consent(Actor memory actor, PartyId to) private {
        vm.prank(actor.account);
        licenses.consentToAssignment(grant, to, NO_PARTY);
    }

    function _accept(Actor memory actor) private {
        vm.prank(actor.account);
        licenses.acceptAssignment(grant, NO_PARTY);
    }

    function _expectMissing() private {
        vm.expectRevert(abi.encodeWithSelector(ILicenses.AssignmentMissing.selector, grant));
    }

    function test_RevertWhen_ProposedByOther() public {
        vm.expectRevert(abi.encodeWithSelector(ILicenses.NotGrantee.selector, grant, holder.party));
        _propose(holder, other.party);
    }

    function test_RevertWhen_NotTransferable() public {
        vm.prank(holder.account);
        licenses.suspend(grant, REASON, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.GrantNotActive.selector, grant, Inactive.SUSPENDED));
        _propose(taker, other.party);
        grant = grantOf(deep(2));
        vm.expectRevert(abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, TRANSFER_BIT));
        _propose(taker, other.party);
    }

    function test_RevertWhen_RecipientMayNot() public {
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("to")));
        _propose(taker, taker.party);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.RoleNotAllowed.selector, ROLE_CONSUMER));
        _propose(taker, holder.party);
        vm.expectRevert(abi.encodeWithSelector(PartyInactive.selector, 99));
        _propose(taker, PartyId.wrap(99));
    }

    function _assertLog(bytes32 name, Subject a, Subject b, Subject c, bytes memory data) private {
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], name);
        assertEq(logs[0].topics[1], Subject.unwrap(a));
        assertEq(logs[0].topics[2], Subject.unwrap(b));
        assertEq(logs[0].topics[3], Subject.unwrap(c));
        assertEq(logs[0].data, data);
    }

    function _assertOpen(PartyId to, PartyId consenter) private view {
        assertEq(abi.encode(licenses.assignment(grant)), abi.encode(Assignment(to, consenter)));
    }

    function test_Propose() public {
        _propose(taker, other.party);
        bytes32 name = ILicenses.AssignmentProposed.selector;
        _assertLog(name, grantSubject(grant), partySubject(taker.party), partySubject(other.party), "");
        _assertOpen(other.party, NO_PARTY);
    }

    function test_Withdraw() public {
        _expectMissing();
        _propose(taker, NO_PARTY);
        _propose(taker, other.party);
        _consent(holder, other.party);
        takeLogs(2);
        _propose(taker, NO_PARTY);
        bytes32 name = ILicenses.AssignmentProposed.selector;
        _assertLog(name, grantSubject(grant), partySubject(taker.party), Subject.wrap(0), "");
        _assertOpen(NO_PARTY, NO_PARTY);
        _expectMissing();
        _accept(other);
    }

    function test_RevertWhen_ConsentByOther() public {
        _propose(taker, other.party);
        vm.expectRevert(abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, taker.party));
        _consent(taker, other.party);
    }

    function test_RevertWhen_ConsentToOther() public {
        _expectMissing();
        _consent(holder, other.party);
        _expectMissing();
        _consent(holder, NO_PARTY);
        _propose(taker, other.party);
        _expectMissing();
        _consent(holder, third.party);
    }

    function test_Consent() public {
        _propose(taker, other.party);
        takeLogs(1);
        _consent(holder, other.party);
        bytes32 name = ILicenses.AssignmentConsented.selector;
        _assertLog(name, grantSubject(grant), partySubject(holder.party), partySubject(other.party), "");
        _assertOpen(other.party, holder.party);
    }

    function _agree() private {
        _propose(taker, other.party);
        _consent(holder, other.party);
    }

    function test_RevertWhen_NotConsented() public {
        _propose(taker, other.party);
        _expectMissing();
        _accept(other);
        _consent(holder, other.party);
        _expectMissing();
        _accept(third);
    }

    function test_RevertGiven_Held() public {
        _agree();
        vm.prank(spare);
        HoldId hold = supervision.place(grantSubject(grant), HoldKind.FREEZE, SCOPE_GRANT, NO_PARTY, REASON, 0);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_GRANT));
        _accept(other);
    }

    function test_RevertGiven_ConsentStale() public {
        _agree();
        transferAs(holder, dataset, third, packUnits(0, 0, 5_000));
        vm.expectRevert(abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, holder.party));
        _accept(other);
        transferAs(holder, dataset, third, packUnits(0, 0, 1));
        _consent(third, other.party);
        _accept(other);
    }

    function test_RevertGiven_ProposalStale() public {
        _agree();
        vm.startPrank(holder.account);
        licenses.suspend(grant, REASON, NO_PARTY);
        licenses.resume(grant, REASON, NO_PARTY);
        vm.stopPrank();
        _assertOpen(NO_PARTY, NO_PARTY);
        _expectMissing();
        _accept(other);
        _agree();
        _propose(taker, third.party);
        _expectMissing();
        _accept(other);
        _expectMissing();
        _accept(third);
    }

    function test_RevertGiven_NotActive() public {
        GrantTerms memory terms = rootTerms(licenses.grant(grant).policy);
        terms.notAfter = uint40(block.timestamp + 10);
        grant = issueAs(holder, terms);
        _agree();
        vm.prank(rootAdmin);
        parties.setRoles(other.party, ROLE_FINANCIER);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.RoleNotAllowed.selector, ROLE_CONSUMER));
        _accept(other);
        moveOn(1, 11);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.GrantNotActive.selector, grant, Inactive.EXPIRED));
        _accept(other);
    }

    function test_Accept() public {
        useAs(taker, grant, 3);
        _agree();
        takeLogs();
        _accept(other);
        bytes32 name = ILicenses.GrantAssigned.selector;
        Subject to = partySubject(other.party);
        _assertLog(name, datasetSubject(dataset), partySubject(taker.party), to, abi.encode(grant));
        assertTrue(licenses.grant(grant).grantee == other.party);
        assertEq(licenses.grant(grant).used, 3);
        _assertOpen(NO_PARTY, NO_PARTY);
        _expectMissing();
        _accept(other);
        useAs(other, grant, 1);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.NotGrantee.selector, grant, taker.party));
        useAs(taker, grant, 1);
    }
}
