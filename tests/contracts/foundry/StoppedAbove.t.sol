// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {HoldActive, InvalidField, NotFound, NotModule} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_GRANT, SCOPE_TITLE, SCOPE_USE} from "../../../contracts/types/Holds.sol";
import {HoldId, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {Code, GrantId, Inactive} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER} from "../../../contracts/types/Roles.sol";
import {grantSubject, KIND_GRANT, Subject} from "../../../contracts/types/Subject.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice StoppedAbove.tree, leaf by leaf. Grants 1 to 4, each cut from the one before, to `taker`,
/// `other`, `taker` and `other`.
contract StoppedAboveTest is LicensedLedger {
    GrantId private last;

    function setUp() public override {
        super.setUp();
        last = chain(3);
        takeLogs();
    }

    function _place(Subject target, uint16 scope, uint48 until) private returns (HoldId hold) {
        vm.prank(spare);
        hold = supervision.place(target, HoldKind.FREEZE, scope, NO_PARTY, REASON, until);
    }

    function _lift(HoldId hold) private {
        vm.prank(spare);
        supervision.lift(hold, REASON);
    }

    function _assertCheck(GrantId grant, Actor memory actor, Code expected, uint64 detail) private view {
        (Code code, uint64 found) = licenses.check(grant, actor.party, request(READ));
        assertEq(uint8(code), uint8(expected), "code");
        assertEq(found, detail, "detail");
    }

    function test_RevertWhen_NotSupervision() public {
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, spare));
        vm.prank(spare);
        licenses.setHeld(last, false);
    }

    function testFuzz_RevertGiven_NoGrant(uint64 id) public {
        vm.assume(id == 0 || id > 4);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_GRANT, id));
        _place(grantSubject(GrantId.wrap(id)), SCOPE_USE, 0);
    }

    function test_HoldAbove() public {
        for (uint64 g = 1; g <= 4; ++g) {
            HoldId first = _place(grantSubject(GrantId.wrap(g)), SCOPE_USE, 0);
            HoldId second = _place(grantSubject(GrantId.wrap(g)), SCOPE_USE | SCOPE_GRANT, 0);
            _assertCheck(last, other, Code.HOLD_ACTIVE, HoldId.unwrap(first));
            _lift(first);
            _assertCheck(last, other, Code.HOLD_ACTIVE, HoldId.unwrap(second));
            vm.prank(other.account);
            vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, second, SCOPE_USE));
            licenses.report(last, 1, 1, REASON, NO_PARTY);
            bytes memory reason = abi.encodeWithSelector(HoldActive.selector, second, SCOPE_GRANT);
            issueAs(other, subTerms(last, store(deep(0)), taker), reason);
            _lift(second);
            useAs(other, last, 1);
        }
    }

    function test_HoldBelow() public {
        _place(grantSubject(last), SCOPE_USE, 0);
        _assertCheck(GrantId.wrap(3), taker, Code.PERMITTED, 0);
    }

    function test_HoldOfOtherScope() public {
        _place(grantSubject(GrantId.wrap(2)), SCOPE_TITLE, 0);
        _assertCheck(last, other, Code.PERMITTED, 0);
    }

    function test_HoldAboveLapses() public {
        HoldId hold = _place(grantSubject(GrantId.wrap(2)), SCOPE_USE, uint48(block.timestamp + 10));
        moveOn(1, 10);
        _assertCheck(last, other, Code.HOLD_ACTIVE, HoldId.unwrap(hold));
        moveOn(1, 1);
        _assertCheck(last, other, Code.PERMITTED, 0);
    }

    function test_RevertWhen_SubjectAlike() public {
        Subject alike = Subject.wrap(Subject.unwrap(grantSubject(last)) | bytes32(uint256(1) << 64));
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("target")));
        _place(alike, SCOPE_USE, 0);
    }

    function test_SuspendedAbove() public {
        vm.prank(rootAdmin);
        parties.suspend(taker.party, REASON);
        _assertCheck(last, other, Code.GRANT_NOT_ACTIVE, uint8(Inactive.PARENT));
        assertEq(uint8(licenses.inactivity(GrantId.wrap(1))), uint8(Inactive.NONE), "its own grant");
        bytes memory reason = abi.encodeWithSelector(ILicenses.GrantNotActive.selector, last, Inactive.PARENT);
        issueAs(other, subTerms(last, store(deep(0)), third), reason);
        vm.prank(rootAdmin);
        parties.restore(taker.party, REASON);
        useAs(other, last, 1);
    }

    /// @dev Two parties whose ids differ by 256 share a bit.
    function test_Suspects() public {
        uint256 bit = 1 << (PartyId.unwrap(taker.party) % 256);
        Actor memory twin;
        while (PartyId.unwrap(twin.party) != PartyId.unwrap(taker.party) + 256) {
            twin = admit(vm.toString(parties.count()), ROLE_CONSUMER);
        }
        assertEq(parties.suspects(), 0);
        vm.startPrank(rootAdmin);
        parties.suspend(twin.party, REASON);
        assertEq(parties.suspects(), bit);
        _assertCheck(last, other, Code.PERMITTED, 0);
        parties.suspend(taker.party, REASON);
        parties.restore(twin.party, REASON);
        assertEq(parties.suspects(), bit);
        _assertCheck(last, other, Code.GRANT_NOT_ACTIVE, uint8(Inactive.PARENT));
        parties.restore(taker.party, REASON);
        vm.stopPrank();
        assertEq(parties.suspects(), 0);
        _assertCheck(last, other, Code.PERMITTED, 0);
    }
}
