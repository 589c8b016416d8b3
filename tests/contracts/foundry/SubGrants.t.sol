// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {HoldActive, InvalidField, NotFound} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_GRANT} from "../../../contracts/types/Holds.sol";
import {HoldId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    Grant,
    GrantId,
    GrantTerms,
    Inactive,
    LICENSE_BIT,
    Policy,
    PolicyId,
    UNLIMITED_USES
} from "../../../contracts/types/Policy.sol";
import {datasetSubject, grantSubject, KIND_GRANT, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice SubGrants.tree, leaf by leaf.
contract SubGrantsTest is LicensedLedger {
    GrantId private parent;
    PolicyId private below;

    function setUp() public override {
        super.setUp();
        parent = grantOf(deep(2));
        below = store(deep(1));
        takeLogs(3);
    }

    function _notActive(GrantId id, Inactive why) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILicenses.GrantNotActive.selector, id, why);
    }

    function testFuzz_RevertGiven_NoParent(uint64 id) public {
        vm.assume(id > 1);
        GrantTerms memory terms = subTerms(GrantId.wrap(id), below, other);
        issueAs(taker, terms, abi.encodeWithSelector(NotFound.selector, KIND_GRANT, id));
    }

    function test_RevertWhen_NotGrantee() public {
        GrantTerms memory terms = subTerms(parent, below, other);
        issueAs(other, terms, abi.encodeWithSelector(ILicenses.NotGrantee.selector, parent, other.party));
        issueAs(holder, terms, abi.encodeWithSelector(ILicenses.NotGrantee.selector, parent, holder.party));
    }

    function test_RevertGiven_Held() public {
        Subject[2] memory targets = [datasetSubject(dataset), grantSubject(parent)];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(spare);
            HoldId hold = supervision.place(targets[i], HoldKind.FREEZE, SCOPE_GRANT, NO_PARTY, REASON, 0);
            issueAs(
                taker,
                subTerms(parent, below, other),
                abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_GRANT)
            );
            vm.prank(spare);
            supervision.lift(hold, REASON);
        }
    }

    function test_RevertGiven_ParentNotActive() public {
        GrantTerms memory terms = rootTerms(store(deep(3)));
        terms.notBefore = uint40(block.timestamp + 10);
        terms.notAfter = uint40(block.timestamp + 20);
        GrantId timed = issueAs(holder, terms);
        terms = subTerms(timed, below, other);
        issueAs(taker, terms, _notActive(timed, Inactive.NOT_YET));
        moveOn(1, 21);
        issueAs(taker, terms, _notActive(timed, Inactive.EXPIRED));
        Policy memory limited = deep(3);
        limited.maxDuration = 10;
        GrantId dormant = grantOf(limited);
        issueAs(taker, subTerms(dormant, below, other), _notActive(dormant, Inactive.NOT_ACTIVATED));
        GrantId child = issueAs(taker, subTerms(parent, below, other));
        PolicyId last = store(deep(0));
        vm.prank(holder.account);
        licenses.suspend(parent, REASON, NO_PARTY);
        issueAs(taker, subTerms(parent, below, other), _notActive(parent, Inactive.SUSPENDED));
        issueAs(other, subTerms(child, last, taker), _notActive(child, Inactive.PARENT));
        vm.startPrank(holder.account);
        licenses.resume(parent, REASON, NO_PARTY);
        datasets.deregister(dataset, REASON, NO_PARTY);
        vm.stopPrank();
        issueAs(other, subTerms(child, last, taker), _notActive(child, Inactive.TITLE));
        vm.prank(holder.account);
        licenses.revoke(parent, REASON, NO_PARTY);
        issueAs(taker, subTerms(parent, below, other), _notActive(parent, Inactive.REVOKED));
    }

    function test_RevertWhen_NotLicensed() public {
        GrantId closed = grantOf(deep(0));
        bytes memory reason = abi.encodeWithSelector(ILicenses.ActionNotGranted.selector, LICENSE_BIT);
        issueAs(taker, subTerms(closed, below, other), reason);
    }

    function test_RevertWhen_DepthUsedUp() public {
        GrantId child = issueAs(taker, subTerms(parent, store(deep(0)), other));
        bytes memory reason = abi.encodeWithSelector(ILicenses.SubLicenseDepth.selector, child);
        issueAs(other, subTerms(child, below, taker), reason);
    }

    function test_RevertWhen_Exclusive() public {
        GrantTerms memory terms = subTerms(parent, below, other);
        terms.exclusive = true;
        issueAs(taker, terms, abi.encodeWithSelector(InvalidField.selector, bytes32("exclusive")));
    }

    function _expectWider(bytes32 field, GrantTerms memory terms) private {
        issueAs(taker, terms, abi.encodeWithSelector(IPolicies.ScopeExceedsParent.selector, field));
    }

    function test_RevertWhen_FieldWider() public {
        GrantTerms memory terms = rootTerms(store(deep(2)));
        terms.notBefore = 100;
        terms.notAfter = uint40(block.timestamp + 100);
        GrantId narrow = issueAs(holder, terms);
        terms = subTerms(narrow, below, other);
        terms.notAfter = uint40(block.timestamp + 100);
        _expectWider("notBefore", terms);
        terms.notBefore = 100;
        terms.notAfter += 1;
        _expectWider("notAfter", terms);
        terms.notAfter -= 1;
        issueAs(taker, terms);
        terms.dataset = registerAs(holder, "another");
        _expectWider("dataset", terms);
        terms.dataset = dataset;
        // The fields of the policies: one for all, the others in PoliciesTest.
        terms.policy = store(deep(2));
        _expectWider("subDepth", terms);
        Policy memory wider = deep(1);
        wider.actions |= 1 << 22;
        terms.policy = store(wider);
        _expectWider("actions", terms);
    }

    function testFuzz_RevertWhen_UsesWider(uint40 uses, uint40 more) public {
        GrantTerms memory terms = rootTerms(store(deep(2)));
        terms.uses = uint40(bound(uses, 1, UNLIMITED_USES - 1));
        GrantId limited = issueAs(holder, terms);
        terms = subTerms(limited, below, other);
        terms.uses = uint40(bound(more, uint256(licenses.grant(limited).usesLeft) + 1, UNLIMITED_USES));
        _expectWider("uses", terms);
    }

    function testFuzz_SubGrant(uint40 uses, uint40 taken, bool unlimited) public {
        GrantTerms memory terms = rootTerms(store(deep(2)));
        if (!unlimited) terms.uses = uint40(bound(uses, 1, UNLIMITED_USES - 1));
        GrantId above = issueAs(holder, terms);
        terms = subTerms(above, below, other);
        terms.uses = uint40(bound(taken, 1, licenses.grant(above).usesLeft));
        Grant memory before = licenses.grant(above);
        takeLogs();
        GrantId id = issueAs(taker, terms);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[0].topics[3], Subject.unwrap(partySubject(other.party)));
        assertEq(logs[0].data, abi.encode(id, terms, 0));
        Grant memory found = licenses.grant(id);
        assertTrue(found.parent == above && found.grantee == other.party && found.dataset == dataset);
        assertEq(found.depth, 1);
        assertEq(found.usesLeft, terms.uses);
        assertEq(found.onHold, before.onHold);
        if (!unlimited) before.usesLeft -= terms.uses;
        assertEq(abi.encode(licenses.grant(above)), abi.encode(before), "reserved, and nothing else");
        vm.prank(taker.account);
        licenses.revoke(id, REASON, NO_PARTY);
        assertEq(licenses.grant(above).usesLeft, before.usesLeft, "reserved uses do not come back");
    }

    function test_Deepest() public {
        GrantId last = chain(4);
        assertEq(licenses.grant(last).depth, 4);
        bytes memory reason = abi.encodeWithSelector(ILicenses.SubLicenseDepth.selector, last);
        issueAs(taker, subTerms(last, below, other), reason);
    }
}
