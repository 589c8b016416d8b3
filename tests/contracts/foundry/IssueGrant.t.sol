// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {ACT_GRANT} from "../../../contracts/types/Acts.sol";
import {OpenClass} from "../../../contracts/types/Dataset.sol";
import {
    BadStatus,
    HoldActive,
    InvalidField,
    NotFound,
    NotParty,
    PartyInactive
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_GRANT} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {
    ACTION_EXPORT,
    ACTION_OPEN,
    ACTION_TRANSFER,
    Grant,
    GrantId,
    GrantStatus,
    GrantTerms,
    Inactive,
    MODES_ALL,
    NO_GRANT,
    Policy,
    PolicyId,
    TerritoryId,
    UNLIMITED_DURATION,
    WORLD
} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER, ROLE_FINANCIER, ROLE_SUPPLIER, ROLES_ALL} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_DATASET, KIND_POLICY, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {LicensedLedger} from "./LicensedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice IssueGrant.tree, leaf by leaf.
contract IssueGrantTest is LicensedLedger {
    uint32 private constant STORE = 1 << 0;
    uint32 private constant COMMERCIAL = 1 << 22;
    PolicyId private wide;

    function setUp() public override {
        super.setUp();
        wide = store(widest());
        takeLogs(1);
    }

    function _conflict(GrantId id) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILicenses.ExclusiveConflict.selector, id);
    }

    function test_RevertWhen_CallerMayNot() public {
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, address(this)));
        licenses.issue(rootTerms(wide), NO_PARTY);
        bytes memory reason =
            abi.encodeWithSelector(IParties.NotDelegate.selector, holder.party, other.party, ACT_GRANT);
        vm.expectRevert(reason);
        vm.prank(other.account);
        licenses.issue(rootTerms(wide), holder.party);
        vm.prank(holder.account);
        parties.delegate(other.party, dataset, Delegation(0, ACT_GRANT, uint48(block.timestamp + 1)));
        vm.prank(other.account);
        licenses.issue(rootTerms(wide), holder.party);
    }

    function testFuzz_RevertGiven_NoDataset(uint64 id) public {
        vm.assume(id != 1);
        GrantTerms memory terms = rootTerms(wide);
        terms.dataset = DatasetId.wrap(id);
        issueAs(holder, terms, abi.encodeWithSelector(NotFound.selector, KIND_DATASET, id));
    }

    function test_RevertGiven_Deregistered() public {
        vm.prank(holder.account);
        datasets.deregister(dataset, REASON, NO_PARTY);
        issueAs(holder, rootTerms(wide), abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, 1, 2));
    }

    function test_RevertGiven_Held() public {
        vm.prank(spare);
        HoldId hold =
            supervision.place(datasetSubject(dataset), HoldKind.FREEZE, SCOPE_GRANT, NO_PARTY, REASON, 0);
        issueAs(holder, rootTerms(wide), abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_GRANT));
        issueAs(other, rootTerms(wide), abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_GRANT));
    }

    function test_RevertWhen_NotHolder() public {
        bytes memory reason =
            abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, holder.party);
        // Half of two rights and all of USE permits nothing to be passed on.
        transferAs(holder, dataset, taker, packUnits(5_000, 0, 5_000));
        issueAs(holder, rootTerms(wide), reason);
    }

    function test_RevertWhen_ActionOfAnotherRight() public {
        transferAs(holder, dataset, other, packUnits(0, 10_000, 5_000));
        issueAs(holder, rootTerms(store(only(STORE))));
        bytes memory reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 8);
        issueAs(holder, rootTerms(store(only(STORE | READ | ACTION_EXPORT))), reason);
        reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 22);
        issueAs(holder, rootTerms(store(only(STORE | COMMERCIAL))), reason);
        issueAs(holder, rootTerms(store(only(STORE | ACTION_TRANSFER | ACTION_EXPORT))));
        transferAs(holder, dataset, other, packUnits(0, 0, 5_000));
        // An operator grants uses and operation, not what belongs to the holder.
        issueAs(other, rootTerms(store(only(READ | COMMERCIAL))));
        reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 0);
        issueAs(other, rootTerms(store(only(STORE | READ))), reason);
    }

    function testFuzz_RevertGiven_NoPolicy(uint64 id) public {
        vm.assume(id != 1);
        bytes memory reason = abi.encodeWithSelector(NotFound.selector, KIND_POLICY, id);
        issueAs(holder, rootTerms(PolicyId.wrap(id)), reason);
    }

    function test_RevertWhen_OpenClassForbids() public {
        Policy memory terms = only(READ | ACTION_OPEN);
        PolicyId forAll = store(terms);
        terms.purposes = 1;
        PolicyId forSome = store(terms);
        // Data that is not public may be opened freely.
        issueAs(holder, rootTerms(forAll));
        dataset = registerPublic(holder, OpenClass.OPEN);
        issueAs(holder, rootTerms(forAll));
        dataset = registerPublic(holder, OpenClass.CONDITIONAL);
        bytes4 forbids = ILicenses.OpenClassForbids.selector;
        issueAs(holder, rootTerms(forAll), abi.encodeWithSelector(forbids, OpenClass.CONDITIONAL));
        issueAs(holder, rootTerms(forSome));
        dataset = registerPublic(holder, OpenClass.CLOSED);
        issueAs(holder, rootTerms(forSome), abi.encodeWithSelector(forbids, OpenClass.CLOSED));
        issueAs(holder, rootTerms(wide));
    }

    function _expectConditional(Policy memory terms) private {
        issueAs(holder, rootTerms(store(terms)));
        // Sets nothing but what all of these tests need.
        assertFalse(policies.boundsOf(store(terms)).open);
    }

    function test_Conditional() public {
        dataset = registerPublic(holder, OpenClass.CONDITIONAL);
        Policy memory terms = only(READ | ACTION_OPEN);
        terms.duties = 1 << 1;
        _expectConditional(terms);
        terms.duties = 0;
        terms.territory = _territory("CN");
        _expectConditional(terms);
        terms.territory = WORLD;
        terms.modes = 1 << 1;
        _expectConditional(terms);
        terms.modes = MODES_ALL;
        terms.industries &= ~uint32(1 << 19);
        _expectConditional(terms);
        terms.industries = type(uint32).max;
        terms.purposes &= ~uint64(1 << 11);
        _expectConditional(terms);
        terms.purposes = type(uint64).max;
        terms.roles = ROLE_SUPPLIER;
        _expectConditional(terms);
        terms.roles = ROLES_ALL;
        terms.minSecurityGrade = 1;
        _expectConditional(terms);
    }

    function test_RevertWhen_ConditionIsNone() public {
        dataset = registerPublic(holder, OpenClass.CONDITIONAL);
        bytes memory reason = abi.encodeWithSelector(ILicenses.OpenClassForbids.selector, OpenClass.CONDITIONAL);
        Policy memory terms = only(READ | ACTION_OPEN);
        terms.purposes = type(uint64).max >> 1; // no purpose has the highest bit
        issueAs(holder, rootTerms(store(terms)), reason);
        terms.purposes = 0xFFF;
        terms.industries = 0xFFFFF;
        issueAs(holder, rootTerms(store(terms)), reason);
        terms.maxUses = 1;
        terms.maxDuration = 1;
        terms.notAfter = uint40(block.timestamp + 1);
        terms.offChainTerms = true;
        terms.prohibited = TRAIN;
        GrantTerms memory given = rootTerms(store(terms));
        (given.uses, given.notAfter) = (1, terms.notAfter);
        issueAs(holder, given, reason);
    }

    function _territory(bytes2 code) private returns (TerritoryId) {
        vm.prank(holder.account);
        return policies.storeTerritory(countries(code));
    }

    function test_RevertWhen_GranteeMayNot() public {
        Policy memory terms = widest();
        terms.roles = ROLE_FINANCIER;
        bytes memory reason = abi.encodeWithSelector(ILicenses.RoleNotAllowed.selector, ROLE_FINANCIER);
        issueAs(holder, rootTerms(store(terms)), reason);
        vm.prank(rootAdmin);
        parties.suspend(taker.party, REASON);
        issueAs(holder, rootTerms(wide), abi.encodeWithSelector(PartyInactive.selector, taker.party));
    }

    function test_RevertWhen_Empty() public {
        bytes memory reason = abi.encodeWithSelector(InvalidField.selector, bytes32("notAfter"));
        GrantTerms memory terms = rootTerms(wide);
        terms.notBefore = terms.notAfter;
        issueAs(holder, terms, reason);
        terms.notBefore = 0;
        terms.notAfter = uint40(block.timestamp);
        issueAs(holder, terms, reason);
        terms.notAfter += 1;
        terms.uses = 0;
        issueAs(holder, terms, abi.encodeWithSelector(InvalidField.selector, bytes32("uses")));
    }

    function test_RevertWhen_WiderThanPolicy() public {
        Policy memory limited = widest();
        limited.notBefore = 10;
        limited.notAfter = uint40(block.timestamp + 100);
        limited.maxUses = 500;
        GrantTerms memory terms = rootTerms(store(limited));
        (terms.notBefore, terms.notAfter, terms.uses) = (10, limited.notAfter, 500);
        issueAs(holder, terms);
        bytes4 exceeds = IPolicies.ScopeExceedsParent.selector;
        terms.notBefore = 9;
        issueAs(holder, terms, abi.encodeWithSelector(exceeds, bytes32("notBefore")));
        terms.notBefore = 10;
        terms.notAfter += 1;
        issueAs(holder, terms, abi.encodeWithSelector(exceeds, bytes32("notAfter")));
        terms.notAfter -= 1;
        terms.uses = 501;
        issueAs(holder, terms, abi.encodeWithSelector(exceeds, bytes32("uses")));
    }

    function testFuzz_Issue(
        uint40 notBefore,
        uint40 notAfter,
        uint40 uses,
        bool exclusive,
        bool timed,
        bool sold,
        bool operated
    ) public {
        Policy memory limited = deep(operated ? 4 : 0);
        limited.maxDuration = timed ? 1 days : UNLIMITED_DURATION;
        GrantTerms memory terms = rootTerms(store(limited));
        terms.notAfter = uint40(bound(notAfter, block.timestamp + 1, type(uint40).max));
        terms.notBefore = uint40(bound(notBefore, 0, terms.notAfter - 1));
        terms.uses = uint40(bound(uses, 1, type(uint40).max));
        terms.exclusive = exclusive;
        Actor memory granter = holder;
        if (sold) {
            transferAs(holder, dataset, other, packUnits(0, 10_000, 10_000));
            granter = other;
        }
        takeLogs();
        GrantId id = issueAs(granter, terms);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], ILicenses.GrantIssued.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(granter.party)));
        assertEq(logs[0].topics[3], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[0].data, abi.encode(id, terms, 0));
        assertEq(licenses.grantCount(), GrantId.unwrap(id));
        Grant memory expected = Grant({
            parent: NO_GRANT,
            policy: terms.policy,
            status: GrantStatus.ACTIVE,
            depth: 0,
            exclusive: exclusive,
            onHold: !sold && !operated,
            dormant: timed,
            notBefore: terms.notBefore,
            notAfter: terms.notAfter,
            dataset: dataset,
            grantee: taker.party,
            usesLeft: terms.uses,
            used: 0,
            previous: NO_GRANT
        });
        assertEq(abi.encode(licenses.grant(id)), abi.encode(expected));
        Inactive why = block.timestamp < terms.notBefore ? Inactive.NOT_YET : Inactive.NONE;
        if (timed && why == Inactive.NONE) why = Inactive.NOT_ACTIVATED;
        assertEq(uint8(licenses.inactivity(id)), uint8(why));
    }

    function _terms(uint32 actions, uint40 from, uint40 until, bool exclusive)
        private
        returns (GrantTerms memory terms)
    {
        terms = rootTerms(store(only(actions)));
        terms.notBefore = uint40(block.timestamp) + from;
        terms.notAfter = uint40(block.timestamp) + until;
        terms.exclusive = exclusive;
    }

    function test_RevertWhen_AgainstExclusive() public {
        GrantId first = issueAs(holder, _terms(READ | COMPUTE, 100, 200, true));
        issueAs(holder, _terms(READ, 200, 300, false), _conflict(first));
        issueAs(holder, _terms(COMPUTE | TRAIN, 0, 100, true), _conflict(first));
        vm.prank(holder.account);
        licenses.suspend(first, REASON, NO_PARTY);
        issueAs(holder, _terms(READ, 150, 160, false), _conflict(first));
    }

    function test_RevertWhen_ExclusiveTooLate() public {
        issueAs(holder, _terms(TRAIN, 0, 1_000, false));
        GrantId second = issueAs(holder, _terms(READ, 0, 300, false));
        issueAs(holder, _terms(COMPUTE, 0, 1_000, false));
        issueAs(holder, _terms(READ, 300, 400, true), _conflict(second));
    }

    function test_TwoExclusive() public {
        GrantId first = issueAs(holder, _terms(READ, 0, 300, true));
        GrantId second = issueAs(holder, _terms(COMPUTE, 0, 300, true));
        assertTrue(licenses.grant(second).previous == first);
        issueAs(holder, _terms(READ, 0, 300, false), _conflict(first));
        issueAs(holder, _terms(COMPUTE, 0, 300, false), _conflict(second));
        issueAs(holder, _terms(TRAIN, 0, 300, false));
        // The newer one being over does not free what the older one has.
        vm.prank(holder.account);
        licenses.revoke(second, REASON, NO_PARTY);
        issueAs(holder, _terms(READ, 0, 300, true), _conflict(first));
        issueAs(holder, _terms(COMPUTE, 0, 300, false));
    }

    function test_NotInTheWay() public {
        GrantTerms memory terms = _terms(READ | ACTION_EXPORT, 100, 200, true);
        GrantId first = issueAs(holder, terms);
        issueAs(holder, _terms(READ, 0, 99, false));
        issueAs(holder, _terms(READ, 201, 300, false));
        issueAs(holder, _terms(COMPUTE | ACTION_EXPORT | ACTION_TRANSFER, 0, 300, false));
        moveOn(1, 201);
        issueAs(holder, _terms(READ | ACTION_EXPORT, 0, 1, false));
        moveOn(1, 1_000);
        first = issueAs(holder, _terms(READ, 0, 100, true));
        issueAs(holder, _terms(READ, 0, 100, false), _conflict(first));
        vm.prank(holder.account);
        licenses.revoke(first, REASON, NO_PARTY);
        issueAs(holder, _terms(READ, 0, 100, false));
    }

    function test_RevertGiven_TooManyToCompare() public {
        GrantTerms memory terms = _terms(READ, 0, 100, false);
        for (uint256 i = 0; i < 64; ++i) issueAs(holder, terms);
        GrantTerms memory sole = _terms(COMPUTE, 0, 100, true);
        GrantId first = issueAs(holder, sole);
        _act(first);
        issueAs(holder, terms);
        bytes memory reason = abi.encodeWithSelector(ILicenses.TooManyGrants.selector, dataset, 64);
        issueAs(holder, sole, reason);
        _act(GrantId.wrap(30));
        issueAs(holder, sole);
        moveOn(1, 101);
        issueAs(holder, _terms(COMPUTE | READ, 0, 100, true));
    }

    function _act(GrantId over) private {
        vm.prank(holder.account);
        licenses.revoke(over, REASON, NO_PARTY);
    }

    function _assertPrevious(GrantId id, GrantId previous) private view {
        assertTrue(licenses.grant(id).previous == previous);
    }

    function test_OverLeavesList() public {
        GrantId[7] memory ids;
        GrantTerms memory long = _terms(READ, 0, 1_000, false);
        GrantTerms memory short = _terms(READ, 0, 100, false);
        for (uint256 i = 0; i < 7; ++i) ids[i] = issueAs(holder, i % 4 == 1 ? long : short);
        for (uint256 i = 1; i < 7; ++i) _assertPrevious(ids[i], ids[i - 1]);
        moveOn(1, 101);
        issueAs(holder, _terms(COMPUTE, 0, 100, true));
        GrantId last = issueAs(holder, long);
        _assertPrevious(last, ids[5]);
        _assertPrevious(ids[5], ids[1]);
        _assertPrevious(ids[1], NO_GRANT);
        issueAs(holder, _terms(READ, 0, 1, true), _conflict(last));
        _act(last);
        _act(ids[5]);
        issueAs(holder, _terms(READ, 0, 1, true), _conflict(ids[1]));
        _act(ids[1]);
        issueAs(holder, _terms(READ, 0, 1, true));
    }
}
