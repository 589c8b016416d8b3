// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {
    BadStatus,
    EvidenceMissing,
    HoldActive,
    InvalidField,
    NotFound,
    PartyInactive
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_DERIVE, SCOPE_EXPORT, SCOPE_USE} from "../../../contracts/types/Holds.sol";
import {HoldId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    ACTION_DERIVE,
    ACTION_EXPORT,
    Code,
    Grant,
    GrantId,
    GrantTerms,
    Inactive,
    Policy,
    TerritoryId,
    UNLIMITED_USES,
    UseRequest
} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, grantSubject, KIND_GRANT, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice UseGrant.tree, leaf by leaf.
contract UseGrantTest is LicensedLedger {
    GrantId private grant;

    function setUp() public override {
        super.setUp();
        Policy memory terms = deep(4);
        terms.actions |= ACTION_EXPORT;
        grant = grantOf(terms);
        takeLogs(2);
    }

    /// @dev `check` says the code and `use` reverts with the error of the same name.
    function _expect(GrantId id, UseRequest memory asked, Code code, uint64 detail, bytes memory reason) private {
        (Code found, uint64 more) = licenses.check(id, taker.party, asked);
        assertEq(uint8(found), uint8(code));
        assertEq(more, detail, "detail");
        vm.expectRevert(reason);
        vm.prank(taker.account);
        licenses.use(id, asked, 7, NO_PARTY);
    }

    function _expectNotActive(GrantId id, Inactive why) private {
        bytes memory reason = abi.encodeWithSelector(ILicenses.GrantNotActive.selector, id, why);
        _expect(id, request(READ), Code.GRANT_NOT_ACTIVE, uint64(why), reason);
        assertEq(uint8(licenses.inactivity(id)), uint8(why));
    }

    function _activate(Actor memory actor, GrantId id) private {
        vm.prank(actor.account);
        licenses.activate(id, NO_PARTY);
    }

    function test_RevertWhen_NotTheirs() public {
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_GRANT, 9));
        _activate(taker, GrantId.wrap(9));
        vm.expectRevert(abi.encodeWithSelector(ILicenses.NotGrantee.selector, grant, holder.party));
        _activate(holder, grant);
    }

    function test_RevertGiven_NotDormant() public {
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_GRANT, 1, 1));
        _activate(taker, grant);
    }

    function _dormant(uint32 duration, uint40 notBefore, uint40 notAfter) private returns (GrantId) {
        Policy memory terms = deep(2);
        terms.maxDuration = duration;
        GrantTerms memory cut = rootTerms(store(terms));
        (cut.notBefore, cut.notAfter) = (notBefore, notAfter);
        return issueAs(holder, cut);
    }

    function test_RevertGiven_ActivatedTooEarly() public {
        uint40 now_ = uint40(block.timestamp);
        GrantId id = _dormant(100, now_ + 10, now_ + 1_000);
        bytes4 notActive = ILicenses.GrantNotActive.selector;
        vm.expectRevert(abi.encodeWithSelector(notActive, id, Inactive.NOT_YET));
        _activate(taker, id);
        moveOn(1, 10);
        vm.prank(holder.account);
        licenses.suspend(id, REASON, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(notActive, id, Inactive.SUSPENDED));
        _activate(taker, id);
        vm.prank(holder.account);
        licenses.resume(id, REASON, NO_PARTY);
        _activate(taker, id);
        // One below it, of which the parent is suspended.
        Policy memory terms = deep(1);
        terms.maxDuration = 100;
        GrantTerms memory cut = subTerms(id, store(terms), other);
        (cut.notBefore, cut.notAfter) = (licenses.grant(id).notBefore, licenses.grant(id).notAfter);
        GrantId child = issueAs(taker, cut);
        vm.prank(holder.account);
        licenses.suspend(id, REASON, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(notActive, child, Inactive.PARENT));
        _activate(other, child);
    }

    function testFuzz_Activate(uint32 duration, uint40 notAfter, uint32 later) public {
        duration = uint32(bound(duration, 1, type(uint32).max - 1));
        notAfter = uint40(bound(notAfter, block.timestamp + 1, type(uint40).max));
        GrantId id = _dormant(duration, 0, notAfter);
        _expectNotActive(id, Inactive.NOT_ACTIVATED);
        moveOn(1, bound(later, 0, notAfter - block.timestamp));
        _activate(taker, id);
        uint256 end = block.timestamp + duration;
        if (end > notAfter) end = notAfter;
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], ILicenses.GrantActivated.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertEq(logs[0].topics[2], Subject.unwrap(grantSubject(id)));
        assertEq(logs[0].topics[3], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[0].data, abi.encode(end));
        assertEq(licenses.grant(id).notAfter, end);
        assertFalse(licenses.grant(id).dormant);
        useAs(taker, id, 1);
        moveOn(1, end - block.timestamp + 1);
        _expectNotActive(id, Inactive.EXPIRED);
    }

    function testFuzz_NotFound(uint64 id) public {
        vm.assume(id != 1);
        (Code code,) = licenses.check(GrantId.wrap(id), taker.party, request(READ));
        assertEq(uint8(code), uint8(Code.NOT_FOUND));
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_GRANT, id));
        useAs(taker, GrantId.wrap(id), 1);
    }

    function test_NotGrantee() public {
        (Code code,) = licenses.check(grant, other.party, request(READ));
        assertEq(uint8(code), uint8(Code.NOT_GRANTEE));
        vm.expectRevert(abi.encodeWithSelector(ILicenses.NotGrantee.selector, grant, other.party));
        useAs(other, grant, 1);
    }

    function test_PartyInactive() public {
        vm.prank(rootAdmin);
        parties.suspend(taker.party, REASON);
        bytes memory reason = abi.encodeWithSelector(PartyInactive.selector, taker.party);
        _expect(grant, request(READ), Code.PARTY_INACTIVE, 0, reason);
    }

    function _expectHeld(Subject target, uint16 scope, uint32 action, uint16 asked) private {
        vm.prank(spare);
        HoldId hold = supervision.place(target, HoldKind.FREEZE, scope, NO_PARTY, REASON, 0);
        bytes memory reason = abi.encodeWithSelector(HoldActive.selector, hold, asked);
        _expect(grant, request(action), Code.HOLD_ACTIVE, HoldId.unwrap(hold), reason);
        if (scope != SCOPE_USE) useAs(taker, grant, 1);
        vm.prank(spare);
        supervision.lift(hold, REASON);
    }

    function test_HoldActive() public {
        Subject[2] memory targets = [datasetSubject(dataset), grantSubject(grant)];
        for (uint256 i = 0; i < 2; ++i) {
            _expectHeld(targets[i], SCOPE_USE, READ, SCOPE_USE);
            _expectHeld(targets[i], SCOPE_DERIVE, ACTION_DERIVE, SCOPE_USE | SCOPE_DERIVE);
            _expectHeld(targets[i], SCOPE_EXPORT, ACTION_EXPORT, SCOPE_USE | SCOPE_EXPORT);
        }
    }

    function test_GrantNotActive() public {
        GrantTerms memory cut = rootTerms(store(deep(2)));
        cut.notBefore = uint40(block.timestamp + 10);
        cut.notAfter = uint40(block.timestamp + 20);
        GrantId timed = issueAs(holder, cut);
        _expectNotActive(timed, Inactive.NOT_YET);
        moveOn(1, 9);
        _expectNotActive(timed, Inactive.NOT_YET);
        moveOn(1, 1);
        useAs(taker, timed, 1);
        moveOn(1, 10);
        useAs(taker, timed, 1);
        moveOn(1, 1);
        _expectNotActive(timed, Inactive.EXPIRED);
        GrantId child = issueAs(taker, subTerms(grant, store(deep(3)), other));
        GrantId last = issueAs(other, subTerms(child, store(deep(2)), taker));
        vm.startPrank(holder.account);
        licenses.suspend(timed, REASON, NO_PARTY);
        _stopAndExpect(timed, Inactive.SUSPENDED);
        vm.startPrank(holder.account);
        licenses.suspend(grant, REASON, NO_PARTY);
        _stopAndExpect(last, Inactive.PARENT);
        vm.startPrank(holder.account);
        licenses.resume(grant, REASON, NO_PARTY);
        licenses.revoke(timed, REASON, NO_PARTY);
        datasets.deregister(dataset, REASON, NO_PARTY);
        _stopAndExpect(timed, Inactive.REVOKED);
        _expectNotActive(grant, Inactive.TITLE);
        _expectNotActive(last, Inactive.TITLE);
    }

    function _stopAndExpect(GrantId id, Inactive why) private {
        vm.stopPrank();
        _expectNotActive(id, why);
    }

    /// @dev Everything is wrong, then mended field by field, so that each reason comes first once.
    function test_EachReason() public {
        Policy memory terms = only(READ | COMPUTE);
        vm.prank(holder.account);
        TerritoryId china = policies.storeTerritory(countries("CN"));
        (terms.territory, terms.minSecurityGrade, terms.offChainTerms) = (china, 3, true);
        (terms.purposes, terms.industries, terms.modes, terms.roles) = (2, 2, 2, ROLE_CONSUMER);
        terms.maxUses = 1;
        GrantTerms memory cut = rootTerms(store(terms));
        cut.uses = 1;
        GrantId id = issueAs(holder, cut);
        vm.prank(taker.account);
        licenses.report(id, 1, 1, "receipts", NO_PARTY);
        vm.prank(rootAdmin);
        parties.setRoles(taker.party, 1 << 4);
        UseRequest memory asked = UseRequest(TRAIN, 3, 3, 3, "SG", 2);
        _expect(id, asked, Code.ACTION_NOT_GRANTED, 17, abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 17));
        asked.action = READ | COMPUTE;
        _expect(id, asked, Code.ACTION_NOT_GRANTED, 8, abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 8));
        asked.action = 0;
        _expect(id, asked, Code.ACTION_NOT_GRANTED, 0, abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 0));
        asked.action = READ;
        bytes memory reason = abi.encodeWithSelector(ILicenses.RoleNotAllowed.selector, ROLE_CONSUMER);
        _expect(id, asked, Code.ROLE_NOT_ALLOWED, ROLE_CONSUMER, reason);
        vm.prank(rootAdmin);
        parties.setRoles(taker.party, ROLE_CONSUMER);
        _expect(id, asked, Code.PURPOSE_NOT_ALLOWED, 0, abi.encodeWithSelector(ILicenses.PurposeNotAllowed.selector, 3));
        asked.purpose = 2;
        _expect(
            id, asked, Code.INDUSTRY_NOT_ALLOWED, 0, abi.encodeWithSelector(ILicenses.IndustryNotAllowed.selector, 3)
        );
        asked.industry = 2;
        _expect(id, asked, Code.MODE_NOT_ALLOWED, 0, abi.encodeWithSelector(ILicenses.ModeNotAllowed.selector, 3));
        asked.mode = 2;
        reason = abi.encodeWithSelector(ILicenses.TerritoryNotAllowed.selector, bytes2("SG"));
        _expect(id, asked, Code.TERRITORY_NOT_ALLOWED, uint16(bytes2("SG")), reason);
        asked.country = "CN";
        reason = abi.encodeWithSelector(ILicenses.SecurityGradeTooLow.selector, 3);
        _expect(id, asked, Code.SECURITY_GRADE_TOO_LOW, 3, reason);
        asked.securityGrade = 3;
        reason = abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, 0, 7);
        _expect(id, asked, Code.QUOTA_EXCEEDED, 0, reason);
    }

    function test_QuotaExceeded() public {
        GrantTerms memory cut = rootTerms(store(deep(1)));
        cut.uses = 500;
        GrantId id = issueAs(holder, cut);
        useAs(taker, id, 499);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, 1, 2));
        useAs(taker, id, 2);
        useAs(taker, id, 1);
        bytes memory reason = abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, 0, 7);
        _expect(id, request(READ), Code.QUOTA_EXCEEDED, 0, reason);
        // Reserving the last uses for a sub-grant exhausts them too.
        id = issueAs(holder, cut);
        cut = subTerms(id, store(deep(0)), other);
        cut.uses = 500;
        GrantId child = issueAs(taker, cut);
        reason = abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, 0, 7);
        _expect(id, request(READ), Code.QUOTA_EXCEEDED, 0, reason);
        useAs(other, child, 500);
    }

    function test_Undecided() public {
        Policy memory terms = deep(1);
        terms.offChainTerms = true;
        GrantId id = grantOf(terms);
        bytes memory reason = abi.encodeWithSelector(ILicenses.Undecided.selector, licenses.grant(id).policy);
        _expect(id, request(READ), Code.UNDECIDED, 0, reason);
        _expect(
            id, request(1), Code.ACTION_NOT_GRANTED, 0, abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, 0)
        );
    }

    function test_RevertWhen_NoUses() public {
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("uses")));
        useAs(taker, grant, 0);
    }

    function _limited(uint40 uses) private returns (GrantId id) {
        GrantTerms memory cut = rootTerms(store(deep(1)));
        cut.uses = uses;
        id = issueAs(holder, cut);
        takeLogs();
    }

    function testFuzz_Use(uint40 uses, uint40 first, uint40 second) public {
        uses = uint40(bound(uses, 2, UNLIMITED_USES - 1));
        first = uint40(bound(first, 1, uses - 1));
        second = uint40(bound(second, 1, uses - first));
        GrantId id = _limited(uses);
        (Code code, uint64 detail) = licenses.check(id, taker.party, request(READ));
        assertEq(uint8(code) + detail, 0);
        useAs(taker, id, first);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], ILicenses.GrantUsed.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertEq(logs[0].topics[2], Subject.unwrap(grantSubject(id)));
        assertEq(logs[0].topics[3], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[0].data, abi.encode(1, first, READ, bytes32(0)));
        useAs(taker, id, second);
        assertEq(takeLogs(1)[0].data, abi.encode(uint256(first) + 1, second, READ, bytes32(0)));
        Grant memory found = licenses.grant(id);
        assertEq(found.used, first + second);
        assertEq(found.usesLeft, uses - first - second);
    }

    function _report(Actor memory actor, GrantId id, uint40 first, uint40 uses, bytes32 receipts) private {
        vm.prank(actor.account);
        licenses.report(id, first, uses, receipts, NO_PARTY);
    }

    function test_RevertWhen_ReportMayNot() public {
        vm.expectRevert(abi.encodeWithSelector(ILicenses.NotGrantee.selector, grant, other.party));
        _report(other, grant, 1, 1, REASON);
        vm.prank(spare);
        HoldId hold = supervision.place(grantSubject(grant), HoldKind.FREEZE, SCOPE_USE, NO_PARTY, REASON, 0);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_USE));
        _report(taker, grant, 1, 1, REASON);
        vm.prank(spare);
        supervision.lift(hold, REASON);
        vm.prank(holder.account);
        licenses.revoke(grant, REASON, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.GrantNotActive.selector, grant, Inactive.REVOKED));
        _report(taker, grant, 1, 1, REASON);
    }

    function test_RevertWhen_ReportEmpty() public {
        vm.expectRevert(EvidenceMissing.selector);
        _report(taker, grant, 1, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("uses")));
        _report(taker, grant, 1, 0, REASON);
    }

    function testFuzz_RevertWhen_SequenceGap(uint40 first) public {
        vm.assume(first != 6);
        _report(taker, grant, 1, 5, REASON);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.SequenceGap.selector, 6, first));
        _report(taker, grant, first, 1, REASON);
    }

    function testFuzz_RevertWhen_ReportOver(uint40 uses, uint40 more) public {
        uses = uint40(bound(uses, 1, UNLIMITED_USES - 1));
        more = uint40(bound(more, uint256(uses) + 1, type(uint40).max));
        GrantId id = _limited(uses);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, uses, more));
        _report(taker, id, 1, more, REASON);
    }

    function test_UnlimitedSequence() public {
        uint40 most = type(uint40).max - 1;
        _report(taker, grant, 1, most, REASON);
        vm.expectRevert(abi.encodeWithSelector(ILicenses.QuotaExceeded.selector, 0, 1));
        _report(taker, grant, most + 1, 1, REASON);
        assertEq(licenses.grant(grant).usesLeft, UNLIMITED_USES);
    }

    function testFuzz_Report(uint40 uses, uint40 count, bytes32 receipts) public {
        vm.assume(receipts != 0);
        uses = uint40(bound(uses, 1, UNLIMITED_USES - 1));
        count = uint40(bound(count, 1, uses));
        GrantId id = _limited(uses);
        _report(taker, id, 1, count, receipts);
        assertEq(takeLogs(1)[0].data, abi.encode(1, count, 0, receipts));
        assertEq(licenses.grant(id).usesLeft, uses - count);
        assertEq(licenses.grant(id).used, count);
    }
}
