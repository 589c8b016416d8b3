// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {BadStatus, EvidenceMissing, NotFound} from "../../../contracts/types/Errors.sol";
import {NO_PARTY} from "../../../contracts/types/Ids.sol";
import {ACTION_TRANSFER, GrantId, GrantStatus, Inactive, Policy} from "../../../contracts/types/Policy.sol";
import {datasetSubject, grantSubject, KIND_GRANT, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {LicensedLedger} from "./LicensedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice GrantStatus.tree, leaf by leaf.
contract GrantStatusTest is LicensedLedger {
    GrantId private root;
    GrantId private child;

    function setUp() public override {
        super.setUp();
        Policy memory terms = deep(4);
        terms.actions |= ACTION_TRANSFER;
        root = grantOf(terms);
        child = issueAs(taker, subTerms(root, store(deep(3)), other));
        takeLogs();
    }

    function _act(uint256 which, Actor memory actor, GrantId id, bytes32 reasonHash) private {
        vm.prank(actor.account);
        if (which == 0) licenses.suspend(id, reasonHash, NO_PARTY);
        else if (which == 1) licenses.resume(id, reasonHash, NO_PARTY);
        else licenses.revoke(id, reasonHash, NO_PARTY);
    }

    function _expect(bytes memory reason, uint256 which, Actor memory actor, GrantId id) private {
        vm.expectRevert(reason);
        _act(which, actor, id, REASON);
    }

    function testFuzz_RevertGiven_NoGrant(uint64 id) public {
        vm.assume(id == 0 || id > 2);
        bytes memory reason = abi.encodeWithSelector(NotFound.selector, KIND_GRANT, id);
        for (uint256 i = 0; i < 3; ++i) _expect(reason, i, holder, GrantId.wrap(id));
        vm.expectRevert(reason);
        licenses.grant(GrantId.wrap(id));
        vm.expectRevert(reason);
        licenses.inactivity(GrantId.wrap(id));
    }

    function test_RevertWhen_NotGranter() public {
        bytes memory reason = abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, taker.party);
        _expect(reason, 0, taker, root);
        _expect(reason, 2, taker, root);
        _expect(abi.encodeWithSelector(ILicenses.NotGranter.selector, holder.party), 0, holder, child);
        _expect(abi.encodeWithSelector(ILicenses.NotGranter.selector, other.party), 2, other, child);
    }

    function _badStatus(GrantStatus status) private view returns (bytes memory) {
        return abi.encodeWithSelector(BadStatus.selector, KIND_GRANT, GrantId.unwrap(root), status);
    }

    function test_RevertGiven_BadStatus() public {
        _expect(_badStatus(GrantStatus.ACTIVE), 1, holder, root);
        _act(0, holder, root, REASON);
        _expect(_badStatus(GrantStatus.SUSPENDED), 0, holder, root);
        _act(2, holder, root, REASON);
        for (uint256 i = 0; i < 3; ++i) _expect(_badStatus(GrantStatus.REVOKED), i, holder, root);
    }

    function test_RevertWhen_NoReason() public {
        for (uint256 i = 0; i < 3; i += 2) {
            vm.expectRevert(EvidenceMissing.selector);
            _act(i, holder, root, 0);
        }
        _act(0, holder, root, REASON);
        vm.expectRevert(EvidenceMissing.selector);
        _act(1, holder, root, 0);
    }

    function _assertStatus(GrantStatus status, Inactive own, Inactive below) private {
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], ILicenses.GrantStatusSet.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertEq(logs[0].topics[2], Subject.unwrap(grantSubject(root)));
        assertEq(logs[0].topics[3], Subject.unwrap(partySubject(holder.party)));
        assertEq(logs[0].data, abi.encode(status, REASON));
        assertEq(uint8(licenses.grant(root).status), uint8(status));
        assertEq(uint8(licenses.inactivity(root)), uint8(own));
        assertEq(uint8(licenses.inactivity(child)), uint8(below));
    }

    function test_SetStatus() public {
        _act(0, holder, root, REASON);
        _assertStatus(GrantStatus.SUSPENDED, Inactive.SUSPENDED, Inactive.PARENT);
        _act(1, holder, root, REASON);
        _assertStatus(GrantStatus.ACTIVE, Inactive.NONE, Inactive.NONE);
        _act(2, holder, root, REASON);
        _assertStatus(GrantStatus.REVOKED, Inactive.REVOKED, Inactive.PARENT);
    }

    function test_SayFollowsTitle() public {
        root = grantOf(deep(0));
        transferAs(holder, dataset, third, packUnits(10_000, 0, 0));
        bytes memory reason = abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.HOLD, holder.party);
        _expect(reason, 0, holder, root);
        assertEq(uint8(licenses.inactivity(root)), uint8(Inactive.NONE), "a title that changes hands keeps its grants");
        _act(0, third, root, REASON);
        // What an operator granted goes with OPERATE, whatever it holds of HOLD.
        transferAs(holder, dataset, other, packUnits(0, 10_000, 10_000));
        GrantId second = issueAs(other, rootTerms(store(deep(1))));
        reason = abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, third.party);
        _expect(reason, 2, third, second);
        _act(2, other, second, REASON);
    }

    function test_SayFollowsOperate() public {
        GrantId[3] memory operated;
        operated[0] = grantOf(only(uint32(1 << 20 | 1 << 22))); // distribute, commercial
        operated[1] = grantOf(only(uint32(1 << 0 | 1 << 22))); // store, commercial
        operated[2] = root; // use, license
        transferAs(holder, dataset, other, packUnits(0, 0, 10_000));
        bytes memory reason =
            abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.OPERATE, holder.party);
        for (uint256 i = 0; i < 3; ++i) {
            _expect(reason, 2, holder, operated[i]);
            _act(0, other, operated[i], REASON);
            _act(2, other, operated[i], REASON);
        }
    }

    function test_SayFollowsParent() public {
        vm.prank(taker.account);
        licenses.proposeAssignment(root, third.party, NO_PARTY);
        vm.prank(holder.account);
        licenses.consentToAssignment(root, third.party, NO_PARTY);
        vm.prank(third.account);
        licenses.acceptAssignment(root, NO_PARTY);
        _expect(abi.encodeWithSelector(ILicenses.NotGranter.selector, taker.party), 0, taker, child);
        _act(0, third, child, REASON);
    }
}
