// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {OpenClass} from "../../../contracts/types/Dataset.sol";
import {HoldActive, InvalidField, NotFound, PartyInactive} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_GRANT} from "../../../contracts/types/Holds.sol";
import {HoldId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    ACTION_OPEN,
    ACTION_SHARE_GOV,
    Grant,
    GrantId,
    GrantTerms,
    LICENSE_BIT,
    NO_GRANT,
    Offer,
    OfferId,
    Policy,
    PolicyId,
    TRANSFER_BIT
} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER, ROLE_PUBLIC_BODY} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_OFFER, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {LicensedLedger} from "./LicensedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice Offers.tree, leaf by leaf.
contract OffersTest is LicensedLedger {
    function _open() private pure returns (Policy memory) {
        return only(READ | ACTION_OPEN);
    }

    function _offer(Actor memory actor, PolicyId policy, uint40 notAfter, uint40 uses, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(actor.account);
        licenses.offer(dataset, policy, notAfter, uses, NO_PARTY);
    }

    function _takeUp(Actor memory actor, OfferId id, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(actor.account);
        licenses.takeUp(id, NO_PARTY);
    }

    function _close(Actor memory actor, OfferId id) private {
        vm.prank(actor.account);
        licenses.closeOffer(id, NO_PARTY);
    }

    function test_RevertWhen_OfferedByOther() public {
        PolicyId policy = store(_open());
        bytes memory reason =
            abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, other.party);
        _offer(other, policy, uint40(block.timestamp + 1), 1, reason);
        transferAs(holder, dataset, other, packUnits(0, 0, 5_000));
        reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 24);
        _offer(holder, policy, uint40(block.timestamp + 1), 1, reason);
    }

    function test_RevertWhen_OpenClassForbids() public {
        bytes4 forbids = ILicenses.OpenClassForbids.selector;
        Policy memory terms = only(READ); // an offer opens whatever its policy calls it
        PolicyId forAll = store(terms);
        terms.roles = ROLE_CONSUMER;
        PolicyId forSome = store(terms);
        terms.roles = ROLE_PUBLIC_BODY;
        PolicyId forBodies = store(terms);
        uint40 end = uint40(block.timestamp + 1);
        dataset = registerPublic(holder, OpenClass.CONDITIONAL);
        _offer(holder, forAll, end, 1, abi.encodeWithSelector(forbids, OpenClass.CONDITIONAL));
        vm.prank(holder.account);
        licenses.offer(dataset, forSome, end, 1, NO_PARTY);
        dataset = registerPublic(holder, OpenClass.CLOSED);
        _offer(holder, forSome, end, 1, abi.encodeWithSelector(forbids, OpenClass.CLOSED));
        vm.prank(holder.account);
        licenses.offer(dataset, forBodies, end, 1, NO_PARTY);
        dataset = registerPublic(holder, OpenClass.OPEN);
        vm.prank(holder.account);
        licenses.offer(dataset, forAll, end, 1, NO_PARTY);
    }

    function test_RevertWhen_BadTerms() public {
        Policy memory terms = _open();
        terms.maxGrants = 0;
        uint40 end = uint40(block.timestamp + 1);
        _offer(holder, store(terms), end, 1, abi.encodeWithSelector(InvalidField.selector, bytes32("maxGrants")));
        (terms.maxGrants, terms.maxUses, terms.notAfter) = (1, 5, end);
        PolicyId policy = store(terms);
        bytes4 invalid = InvalidField.selector;
        bytes4 exceeds = IPolicies.ScopeExceedsParent.selector;
        _offer(holder, policy, end - 1, 1, abi.encodeWithSelector(invalid, bytes32("notAfter")));
        _offer(holder, policy, end + 1, 1, abi.encodeWithSelector(exceeds, bytes32("notAfter")));
        _offer(holder, policy, end, 0, abi.encodeWithSelector(invalid, bytes32("uses")));
        _offer(holder, policy, end, 6, abi.encodeWithSelector(exceeds, bytes32("uses")));
    }

    function testFuzz_Offer(uint40 notAfter, uint40 uses, uint32 most) public {
        Policy memory terms = _open();
        terms.maxGrants = uint32(bound(most, 1, type(uint32).max));
        notAfter = uint40(bound(notAfter, block.timestamp + 1, type(uint40).max));
        uses = uint40(bound(uses, 1, type(uint40).max));
        PolicyId policy = store(terms);
        takeLogs(1);
        vm.prank(holder.account);
        OfferId id = licenses.offer(dataset, policy, notAfter, uses, NO_PARTY);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], ILicenses.OfferMade.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(holder.party)));
        assertEq(logs[0].data, abi.encode(id, policy, notAfter, uses));
        Offer memory expected = Offer(dataset, holder.party, policy, notAfter, false, terms.maxGrants, uses);
        assertEq(abi.encode(licenses.offerOf(id)), abi.encode(expected));
        assertEq(licenses.offerCount(), OfferId.unwrap(id));
    }

    function testFuzz_RevertGiven_NoOffer(uint64 id) public {
        bytes memory reason = abi.encodeWithSelector(NotFound.selector, KIND_OFFER, id);
        _takeUp(taker, OfferId.wrap(id), reason);
        vm.expectRevert(reason);
        _close(holder, OfferId.wrap(id));
        vm.expectRevert(reason);
        licenses.offerOf(OfferId.wrap(id));
    }

    function test_RevertWhen_TakenTwice() public {
        OfferId id = offerAs(holder, _open());
        GrantId first = takeUpAs(taker, id);
        bytes memory reason = abi.encodeWithSelector(ILicenses.OfferTaken.selector, id, first);
        _takeUp(taker, id, reason);
        vm.prank(holder.account);
        licenses.revoke(first, REASON, NO_PARTY);
        _takeUp(taker, id, reason);
    }

    function test_RevertGiven_Ended() public {
        Policy memory terms = _open();
        terms.maxGrants = 1;
        OfferId id = offerAs(holder, terms);
        takeUpAs(taker, id);
        bytes4 ended = ILicenses.OfferEnded.selector;
        _takeUp(other, id, abi.encodeWithSelector(ended, id));
        id = offerAs(holder, _open());
        _close(holder, id);
        _takeUp(other, id, abi.encodeWithSelector(ended, id));
        PolicyId policy = store(_open());
        vm.prank(holder.account);
        id = licenses.offer(dataset, policy, uint40(block.timestamp + 10), 1, NO_PARTY);
        moveOn(1, 10);
        takeUpAs(other, id);
        moveOn(1, 1);
        _takeUp(third, id, abi.encodeWithSelector(ended, id));
    }

    function test_RevertGiven_NotStanding() public {
        OfferId id = offerAs(holder, _open());
        vm.prank(spare);
        HoldId hold =
            supervision.place(datasetSubject(dataset), HoldKind.FREEZE, SCOPE_GRANT, NO_PARTY, REASON, 0);
        _takeUp(taker, id, abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_GRANT));
        vm.prank(spare);
        supervision.lift(hold, REASON);
        vm.prank(rootAdmin);
        parties.suspend(holder.party, REASON);
        _takeUp(taker, id, abi.encodeWithSelector(PartyInactive.selector, holder.party));
        vm.prank(rootAdmin);
        parties.restore(holder.party, REASON);
        transferAs(holder, dataset, other, packUnits(10_000, 10_000, 10_000));
        bytes memory reason =
            abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, holder.party);
        _takeUp(taker, id, reason);
    }

    function test_RevertWhen_RoleMissing() public {
        Policy memory terms = _open();
        terms.roles = ROLE_CONSUMER;
        OfferId id = offerAs(holder, terms);
        _takeUp(holder, id, abi.encodeWithSelector(ILicenses.RoleNotAllowed.selector, ROLE_CONSUMER));
        takeUpAs(taker, id);
    }

    function testFuzz_TakeUp(uint40 uses, uint32 most) public {
        Policy memory terms = _open();
        terms.maxGrants = uint32(bound(most, 1, type(uint32).max));
        terms.maxUses = uint40(bound(uses, 1, type(uint40).max));
        terms.notAfter = uint40(block.timestamp + 1_000);
        PolicyId policy = store(terms);
        vm.prank(holder.account);
        OfferId id = licenses.offer(dataset, policy, uint40(block.timestamp + 1), terms.maxUses, NO_PARTY);
        takeLogs();
        GrantId taken = takeUpAs(taker, id);
        Vm.Log[] memory logs = takeLogs(1);
        GrantTerms memory cut = rootTerms(policy);
        (cut.notAfter, cut.uses) = (terms.notAfter, terms.maxUses);
        assertEq(logs[0].topics[0], ILicenses.GrantIssued.selector);
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(holder.party)));
        assertEq(logs[0].topics[3], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[0].data, abi.encode(taken, cut, id));
        Grant memory found = licenses.grant(taken);
        assertTrue(found.grantee == taker.party && found.parent == NO_GRANT && found.policy == policy);
        assertEq(abi.encode(found.usesLeft, found.notAfter), abi.encode(terms.maxUses, terms.notAfter));
        assertEq(licenses.offerOf(id).left, terms.maxGrants - 1);
        assertTrue(licenses.takenUp(id, taker.party) == taken);
        assertTrue(licenses.takenUp(id, other.party) == NO_GRANT);
        useAs(taker, taken, 1);
    }

    function test_RevertWhen_ClosedByOther() public {
        OfferId id = offerAs(holder, _open());
        vm.expectRevert(abi.encodeWithSelector(ILicenses.NotGranter.selector, other.party));
        _close(other, id);
        _close(holder, id);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.OfferEnded.selector, id));
        _close(holder, id);
    }

    function test_Close() public {
        OfferId id = offerAs(holder, _open());
        GrantId taken = takeUpAs(taker, id);
        takeLogs();
        _close(holder, id);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], ILicenses.OfferClosed.selector);
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(holder.party)));
        assertEq(logs[0].data, abi.encode(id));
        assertTrue(licenses.offerOf(id).closed);
        useAs(taker, taken, 1);
    }

    function test_SharedWithGovernment() public {
        Actor memory body = admit("body", ROLE_PUBLIC_BODY);
        dataset = registerPublic(holder, OpenClass.CLOSED);
        Policy memory terms = only(READ | ACTION_SHARE_GOV);
        terms.roles = ROLE_PUBLIC_BODY;
        OfferId id = offerAs(holder, terms);
        _takeUp(other, id, abi.encodeWithSelector(ILicenses.RoleNotAllowed.selector, ROLE_PUBLIC_BODY));
        GrantId shared = takeUpAs(body, id);
        useAs(body, shared, 1);
        bytes memory reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, LICENSE_BIT);
        issueAs(body, subTerms(shared, store(only(READ)), other), reason);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, TRANSFER_BIT));
        vm.prank(body.account);
        licenses.proposeAssignment(shared, other.party, NO_PARTY);
    }
}
