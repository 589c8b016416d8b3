// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForwardRequest} from "../../../contracts/interfaces/IForwarder.sol";
import {Hold, ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {
    EvidenceMissing,
    HoldActive,
    InvalidField,
    NotFound,
    NotModule
} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_TITLE, SCOPE_USE, SCOPES_ALL} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_DATASET, KIND_HOLD, LEDGER, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {SignedRequests} from "./SignedRequests.sol";

/// @notice Supervision.tree, leaf by leaf. A spare module places the holds.
contract SupervisionTest is FoldedLedger, SignedRequests {
    DatasetId private dataset;
    Subject private target;

    function setUp() public override {
        super.setUp();
        dataset = registerAs(admit("holder", ROLE_SUPPLIER), "root");
        target = datasetSubject(dataset);
        takeLogs();
    }

    function _place(uint16 scope, uint48 until) private returns (HoldId) {
        vm.prank(spare);
        return supervision.place(target, HoldKind.FREEZE, scope, NO_PARTY, REASON, until);
    }

    function testFuzz_RevertWhen_PlacedByNoModule(address caller) public {
        vm.assume(!directory.isModule(caller));
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, caller));
        vm.prank(caller);
        supervision.place(target, HoldKind.FREEZE, 1, NO_PARTY, REASON, 0);
    }

    function test_RevertWhen_PlaceRelayed() public {
        Actor memory actor = admit("supplier", ROLE_SUPPLIER);
        bytes memory data =
            abi.encodeCall(ISupervision.place, (target, HoldKind.FREEZE, 1, NO_PARTY, REASON, uint48(0)));
        ForwardRequest memory request = requestOf(actor.account, address(supervision), data);
        bytes memory signature = sign(actor.key, request);
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, address(forwarder)));
        forwarder.relay(request, signature);
        assertTrue(supervision.activeHold(target, SCOPES_ALL) == HoldId.wrap(0));
    }

    function _expectInvalid(bytes32 field, Subject on, HoldKind kind, uint16 scope, uint48 until) private {
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, field));
        vm.prank(spare);
        supervision.place(on, kind, scope, NO_PARTY, REASON, until);
    }

    function test_RevertWhen_KindZero() public {
        _expectInvalid("kind", target, HoldKind.NONE, 1, 0);
    }

    function testFuzz_RevertWhen_ScopeUnknown(uint16 scope) public {
        _expectInvalid("scope", target, HoldKind.FREEZE, 0, 0);
        vm.assume(scope > SCOPES_ALL);
        _expectInvalid("scope", target, HoldKind.FREEZE, scope, 0);
    }

    function test_RevertWhen_TargetLedger() public {
        _expectInvalid("target", LEDGER, HoldKind.FREEZE, 1, 0);
    }

    function testFuzz_RevertWhen_UntilPast(uint48 until) public {
        until = uint48(bound(until, 1, block.timestamp));
        _expectInvalid("until", target, HoldKind.FREEZE, 1, until);
    }

    function test_RevertWhen_CaseMissing() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(spare);
        supervision.place(target, HoldKind.FREEZE, 1, NO_PARTY, 0, 0);
    }

    function testFuzz_Place(uint8 kind, uint16 scope, uint64 beneficiary, bytes32 caseHash, uint48 until) public {
        HoldKind k = HoldKind(bound(kind, 1, uint8(type(HoldKind).max)));
        scope = uint16(bound(scope, 1, SCOPES_ALL));
        vm.assume(caseHash != 0);
        if (until != 0) until = uint48(bound(until, block.timestamp + 1, type(uint48).max));
        PartyId party = PartyId.wrap(beneficiary);
        vm.expectEmit(address(supervision));
        emit ISupervision.HoldPlaced(
            target, beneficiary == 0 ? LEDGER : partySubject(party), HoldId.wrap(1), k, scope, until, caseHash
        );
        vm.prank(spare);
        HoldId id = supervision.place(target, k, scope, party, caseHash, until);
        takeLogs(1);

        assertEq(HoldId.unwrap(id), 1);
        Hold memory expected = Hold(k, scope, until, 0, party, spare, target, caseHash);
        assertEq(abi.encode(supervision.hold(id)), abi.encode(expected));
        assertEq(supervision.standingHolds(target).length, 1);
        assertTrue(supervision.activeHold(target, scope) == id);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, id, scope));
        supervision.requireClear(target, scope);
        supervision.requireClear(target, SCOPES_ALL & ~scope);
        supervision.requireClear(datasetSubject(DatasetId.wrap(8)), SCOPES_ALL);
    }

    function testFuzz_RevertGiven_NoDataset(uint64 id) public {
        vm.assume(id > 1);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_DATASET, id));
        vm.prank(spare);
        supervision.place(datasetSubject(DatasetId.wrap(id)), HoldKind.FREEZE, 1, NO_PARTY, REASON, 0);
    }

    function test_RevertWhen_TellingByOther() public {
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, spare));
        vm.prank(spare);
        datasets.setHeld(dataset, false);
    }

    function _assertStanding(bool held) private view {
        (bool registered, bool found) = datasets.standing(dataset);
        assertTrue(registered && found == held);
        assertEq(datasets.source(dataset, 1).held, held);
    }

    function test_Telling() public {
        _assertStanding(false);
        HoldId first = _place(SCOPE_USE, 0);
        HoldId second = _place(SCOPE_TITLE, uint48(block.timestamp + 1));
        _assertStanding(true);
        vm.prank(spare);
        supervision.lift(first, REASON);
        _assertStanding(true);
        vm.warp(block.timestamp + 2);
        _assertStanding(true); // lapsed, and not lifted
        vm.prank(spare);
        supervision.lift(second, REASON);
        _assertStanding(false);
        _place(SCOPE_USE, 0);
        _assertStanding(true);
    }

    function testFuzz_RevertGiven_NoHold(uint64 id) public {
        bytes memory error = abi.encodeWithSelector(NotFound.selector, KIND_HOLD, id);
        vm.expectRevert(error);
        vm.prank(spare);
        supervision.lift(HoldId.wrap(id), REASON);
        vm.expectRevert(error);
        supervision.hold(HoldId.wrap(id));
    }

    function testFuzz_RevertWhen_LiftedByOther(address caller) public {
        vm.assume(caller != spare);
        HoldId id = _place(1, 0);
        bytes memory error = abi.encodeWithSelector(ISupervision.NotHoldIssuer.selector, id, caller);
        vm.expectRevert(error);
        vm.prank(caller);
        supervision.lift(id, REASON);
    }

    function test_RevertGiven_LiftedTwice() public {
        HoldId id = _place(1, 0);
        vm.startPrank(spare);
        supervision.lift(id, REASON);
        vm.expectRevert(abi.encodeWithSelector(ISupervision.HoldAlreadyLifted.selector, id));
        supervision.lift(id, REASON);
        vm.stopPrank();
    }

    function testFuzz_Lift(uint16 scope, uint16 other, bytes32 liftHash) public {
        scope = uint16(bound(scope, 1, SCOPES_ALL));
        other = uint16(bound(other, 1, SCOPES_ALL));
        HoldId id = _place(scope, 0);
        HoldId rest = _place(other, 0);
        takeLogs(2);
        vm.expectEmit(address(supervision));
        emit ISupervision.HoldLifted(target, LEDGER, id, liftHash);
        vm.prank(spare);
        supervision.lift(id, liftHash);
        takeLogs(1);

        assertEq(supervision.hold(id).liftedAt, block.timestamp);
        HoldId[] memory standing = supervision.standingHolds(target);
        assertEq(standing.length, 1);
        assertTrue(standing[0] == rest);
        supervision.requireClear(target, SCOPES_ALL & ~other);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, rest, other));
        supervision.requireClear(target, other);
    }

    function testFuzz_HoldsAddUp(uint16[5] memory scopes, uint256 order) public {
        HoldId[5] memory ids;
        bool[5] memory lifted;
        for (uint256 i = 0; i < 5; ++i) {
            scopes[i] = uint16(bound(scopes[i], 1, SCOPES_ALL));
            ids[i] = _place(scopes[i], 0);
        }
        for (uint256 left = 5; left > 0; --left) {
            uint16 union;
            for (uint256 i = 0; i < 5; ++i) if (!lifted[i]) union |= scopes[i];
            for (uint16 bit = 1; bit < SCOPES_ALL; bit <<= 1) {
                assertEq(supervision.activeHold(target, bit) != HoldId.wrap(0), union & bit != 0);
            }
            assertEq(supervision.standingHolds(target).length, left);
            uint256 next = order % 5;
            while (lifted[next]) next = (next + 1) % 5;
            order /= 5;
            lifted[next] = true;
            vm.prank(spare);
            supervision.lift(ids[next], REASON);
        }
        takeLogs(10);
        supervision.requireClear(target, SCOPES_ALL);
        assertEq(supervision.standingHolds(target).length, 0);
    }

    function testFuzz_Lapses(uint48 lasts) public {
        lasts = uint48(bound(lasts, 1, 3650 days));
        uint48 until = uint48(block.timestamp) + lasts;
        HoldId id = _place(SCOPE_TITLE, until);
        vm.warp(until);
        assertTrue(supervision.activeHold(target, SCOPE_TITLE) == id);
        vm.warp(until + 1);
        supervision.requireClear(target, SCOPES_ALL);
        assertEq(supervision.standingHolds(target).length, 1);
        vm.prank(spare);
        supervision.lift(id, REASON);
        takeLogs(2);
        assertEq(supervision.standingHolds(target).length, 0);
    }

    function test_LapsedHidesNothing() public {
        _place(SCOPE_TITLE, uint48(block.timestamp + 1));
        HoldId other = _place(SCOPE_USE, 0);
        HoldId standing = _place(SCOPE_TITLE, 0);
        vm.warp(block.timestamp + 2);
        assertTrue(supervision.activeHold(target, SCOPE_TITLE) == standing);
        assertTrue(supervision.activeHold(target, SCOPE_USE) == other);
        takeLogs(3);
    }
}
