// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {Hold, ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {
    EvidenceMissing,
    InvalidField,
    NotAuthorised,
    NotFound,
    PartyInactive
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_USE, SCOPES_ALL} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_HOLD, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {ROLE_ARBITER, ROLE_REGULATOR, ROLE_SUPPLIER, ROLE_XB_AUTHORITY} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_HOLD, LEDGER, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice OrderedHolds.tree, leaf by leaf.
contract OrderedHoldsTest is FoldedLedger {
    Subject private target = datasetSubject(DatasetId.wrap(1));
    uint32 private roles = ROLE_REGULATOR | ROLE_XB_AUTHORITY;
    Actor private regulator;
    Actor private authority;
    Actor private supplier;
    Actor private arbiter;

    function setUp() public override {
        super.setUp();
        regulator = admit("regulator", ROLE_REGULATOR);
        authority = admit("authority", ROLE_XB_AUTHORITY);
        supplier = admit("supplier", ROLE_SUPPLIER);
        arbiter = admit("arbiter", ROLE_ARBITER);
        registerAs(supplier, "root");
        takeLogs();
    }

    function _order(Actor memory actor, HoldKind kind) private returns (HoldId) {
        vm.prank(actor.account);
        return supervision.order(target, kind, SCOPE_USE, supplier.party, REASON, 0);
    }

    function _release(Actor memory actor, HoldId hold, bytes32 reason) private {
        vm.prank(actor.account);
        supervision.release(hold, reason);
    }

    function test_RevertWhen_NotSupervisor() public {
        bytes memory refused = abi.encodeWithSelector(NotAuthorised.selector, roles);
        vm.expectRevert(refused);
        _order(supplier, HoldKind.FREEZE);
        vm.expectRevert(refused);
        _order(arbiter, HoldKind.FREEZE);
        vm.prank(rootAdmin);
        parties.suspend(regulator.party, REASON);
        vm.expectRevert(abi.encodeWithSelector(PartyInactive.selector, regulator.party));
        _order(regulator, HoldKind.FREEZE);
    }

    function test_RevertWhen_KindOfOthers() public {
        HoldKind[3] memory kinds = [HoldKind.NONE, HoldKind.DISPUTE, HoldKind.PLEDGE];
        for (uint256 i = 0; i < kinds.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("kind")));
            _order(regulator, kinds[i]);
        }
    }

    function test_RevertWhen_CaseMissing() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(regulator.account);
        supervision.order(target, HoldKind.FREEZE, SCOPE_USE, NO_PARTY, 0, 0);
    }

    function testFuzz_Order(bool byAuthority, uint8 which) public {
        Actor memory by = byAuthority ? authority : regulator;
        HoldKind kind = [HoldKind.FREEZE, HoldKind.RECTIFY, HoldKind.RECALL][which % 3];
        HoldId hold = _order(by, kind);
        Vm.Log[] memory logs = takeLogs(2);
        assertEq(logs[0].topics[0], ISupervision.HoldPlaced.selector);
        assertEq(logs[1].topics[0], ISupervision.HoldOrdered.selector);
        assertEq(logs[1].topics[1], Subject.unwrap(target));
        assertEq(logs[1].topics[2], Subject.unwrap(partySubject(by.party)));
        assertEq(logs[1].data, abi.encode(hold));
        assertTrue(supervision.orderedBy(hold) == by.party);
        Hold memory found = supervision.hold(hold);
        assertEq(uint8(found.kind), uint8(kind));
        assertEq(found.issuer, address(supervision));
        assertTrue(supervision.activeHold(target, SCOPES_ALL) == hold);
    }

    function _assertReleased(HoldId hold, Subject by) private {
        Vm.Log[] memory logs = takeLogs(2);
        assertEq(logs[0].topics[0], ISupervision.HoldLifted.selector);
        assertEq(logs[1].topics[0], ISupervision.HoldReleased.selector);
        assertEq(logs[1].topics[1], Subject.unwrap(target));
        assertEq(logs[1].topics[2], Subject.unwrap(by));
        assertEq(logs[1].data, abi.encode(hold));
        assertTrue(supervision.hold(hold).liftedAt != 0);
    }

    function test_RevertGiven_NoHold() public {
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_HOLD, 1));
        _release(regulator, HoldId.wrap(1), REASON);
    }

    function test_RevertWhen_ByOther() public {
        HoldId hold = _order(regulator, HoldKind.FREEZE);
        vm.expectRevert(abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, hold, authority.account));
        _release(authority, hold, REASON);
        vm.expectRevert(abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, hold, spare));
        vm.prank(spare);
        supervision.lift(hold, REASON);
        vm.startPrank(spare);
        HoldId other = supervision.place(target, HoldKind.DISPUTE, SCOPE_USE, NO_PARTY, REASON, 0);
        vm.stopPrank();
        assertTrue(supervision.orderedBy(other) == NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, ROLE_ARBITER));
        _release(regulator, other, REASON);
        vm.prank(rootAdmin);
        parties.setRoles(regulator.party, ROLE_ARBITER);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, roles));
        _release(regulator, hold, REASON);
    }

    function test_RevertGiven_Lifted() public {
        HoldId hold = _order(regulator, HoldKind.FREEZE);
        _release(regulator, hold, REASON);
        vm.expectRevert(abi.encodeWithSelector(ISupervision.HoldAlreadyLifted.selector, hold));
        _release(regulator, hold, REASON);
    }

    function test_RevertWhen_ReasonMissing() public {
        HoldId hold = _order(regulator, HoldKind.FREEZE);
        vm.expectRevert(EvidenceMissing.selector);
        _release(regulator, hold, 0);
    }

    function test_Release() public {
        HoldId hold = _order(regulator, HoldKind.FREEZE);
        HoldId other = _order(authority, HoldKind.RECALL);
        takeLogs();
        _release(regulator, hold, REASON);
        _assertReleased(hold, partySubject(regulator.party));
        assertTrue(supervision.activeHold(target, SCOPES_ALL) == other);
        _release(authority, other, REASON);
        _assertReleased(other, partySubject(authority.party));
        assertTrue(supervision.activeHold(target, SCOPES_ALL) == NO_HOLD);
        assertTrue(supervision.hold(hold).beneficiary == supplier.party);
    }

    function test_ReleaseBySuperior() public {
        HoldId hold = _order(authority, HoldKind.FREEZE);
        bytes memory refused = abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, hold, arbiter.account);
        vm.expectRevert(refused);
        _release(arbiter, hold, REASON);
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_REGULATOR, arbiter.party);
        vm.expectRevert(refused); // it gives another role
        _release(arbiter, hold, REASON);
        vm.startPrank(rootAdmin);
        parties.setRoleAdmin(ROLE_XB_AUTHORITY, arbiter.party);
        parties.suspend(arbiter.party, REASON);
        vm.stopPrank();
        vm.expectRevert(refused);
        _release(arbiter, hold, REASON);
        vm.prank(rootAdmin);
        parties.restore(arbiter.party, REASON);
        takeLogs();
        _release(arbiter, hold, REASON);
        _assertReleased(hold, partySubject(arbiter.party));
        hold = _order(regulator, HoldKind.RECTIFY);
        takeLogs();
        _release(arbiter, hold, REASON);
        _assertReleased(hold, partySubject(arbiter.party));
    }

    function test_ReleaseByRootAdmin() public {
        HoldId hold = _order(regulator, HoldKind.FREEZE);
        vm.prank(rootAdmin);
        parties.setRoles(regulator.party, ROLE_SUPPLIER);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, roles));
        _release(regulator, hold, REASON);
        takeLogs();
        vm.prank(rootAdmin);
        supervision.release(hold, REASON);
        _assertReleased(hold, LEDGER);
    }

    /// @dev Below an office of its own, a party without the role it ordered by lifts nothing.
    function test_RevertGiven_OwnOffice() public {
        vm.prank(rootAdmin);
        parties.setRoleAdmin(roles, regulator.party);
        HoldId hold = _order(regulator, HoldKind.FREEZE);
        vm.prank(regulator.account);
        parties.setRoles(regulator.party, 0);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, roles));
        _release(regulator, hold, REASON);
    }

    function test_ReleaseByArbiter() public {
        vm.startPrank(spare);
        HoldId dispute = supervision.place(target, HoldKind.DISPUTE, SCOPE_USE, NO_PARTY, REASON, 0);
        HoldId pledge = supervision.place(target, HoldKind.PLEDGE, SCOPE_USE, NO_PARTY, REASON, 0);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, pledge, arbiter.account));
        _release(arbiter, pledge, REASON);
        takeLogs();
        _release(arbiter, dispute, REASON);
        _assertReleased(dispute, partySubject(arbiter.party));
    }

    function test_RevertGiven_ContestOpen() public {
        target = datasetSubject(registerAs(admit("rival", ROLE_SUPPLIER), "root"));
        HoldId dispute = HoldId.wrap(1);
        vm.expectRevert(abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, dispute, arbiter.account));
        _release(arbiter, dispute, REASON);
        vm.prank(arbiter.account);
        datasets.decide(dispute, false, REASON, NO_PARTY);
        takeLogs();
        _release(arbiter, dispute, REASON);
        _assertReleased(dispute, partySubject(arbiter.party));
    }
}
