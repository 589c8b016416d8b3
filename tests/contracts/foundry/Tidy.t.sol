// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {NotFound} from "../../../contracts/types/Errors.sol";
import {NO_PARTY} from "../../../contracts/types/Ids.sol";
import {GrantId, GrantTerms, NO_GRANT} from "../../../contracts/types/Policy.sol";
import {KIND_GRANT} from "../../../contracts/types/Subject.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice Tidy.tree, leaf by leaf.
contract TidyTest is LicensedLedger {
    address private constant STRANGER = address(0x57a);

    function setUp() public override {
        super.setUp();
        takeLogs();
    }

    function _terms(uint32 actions, uint40 until, bool exclusive) private returns (GrantTerms memory terms) {
        terms = rootTerms(store(only(actions)));
        terms.notAfter = uint40(block.timestamp) + until;
        terms.exclusive = exclusive;
    }

    function _tidy(GrantId id, uint256 most) private {
        vm.prank(STRANGER);
        licenses.tidy(id, most);
    }

    function _assertPrevious(GrantId id, GrantId previous) private view {
        assertEq(GrantId.unwrap(licenses.grant(id).previous), GrantId.unwrap(previous));
    }

    function testFuzz_RevertGiven_NoGrant(uint64 id) public {
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_GRANT, id));
        licenses.tidy(GrantId.wrap(id), 1);
    }

    function test_AtMost() public {
        GrantTerms memory short = _terms(READ, 100, false);
        for (uint256 i = 0; i < 9; ++i) issueAs(holder, short);
        GrantId last = issueAs(holder, _terms(READ, 1_000, false));
        _tidy(last, 5);
        _assertPrevious(last, GrantId.wrap(9));
        moveOn(1, 101);
        _tidy(last, 0);
        _assertPrevious(last, GrantId.wrap(9));
        _tidy(last, 5);
        _assertPrevious(last, GrantId.wrap(4));
        takeLogs(0);
        _tidy(GrantId.wrap(4), 2);
        _assertPrevious(GrantId.wrap(4), GrantId.wrap(1));
        _tidy(last, type(uint256).max);
        _assertPrevious(last, NO_GRANT);
    }

    function test_ExclusiveCostsLess() public {
        GrantTerms memory short = _terms(READ, 100, false);
        for (uint256 i = 0; i < 100; ++i) issueAs(holder, short);
        GrantId last = issueAs(holder, _terms(READ, 1_000, false));
        moveOn(1, 101);
        GrantTerms memory sole = _terms(COMPUTE, 100, true);
        uint256 fresh = vm.snapshotState();
        uint256 dear = _costOf(sole);
        assertTrue(vm.revertToState(fresh));
        _tidy(last, 100);
        assertLt(_costOf(sole) + 100 * 2_000, dear);
    }

    function _costOf(GrantTerms memory terms) private returns (uint256 cost) {
        vm.cool(address(licenses));
        vm.prank(holder.account);
        cost = gasleft();
        licenses.issue(terms, NO_PARTY);
        cost -= gasleft();
    }

    function test_StandingStays() public {
        GrantTerms memory short = _terms(READ, 100, false);
        GrantTerms memory long = _terms(READ, 1_000, false);
        issueAs(holder, short);
        GrantId second = issueAs(holder, long);
        GrantId third_ = issueAs(holder, short);
        GrantId last = issueAs(holder, long);
        vm.startPrank(holder.account);
        licenses.suspend(second, REASON, NO_PARTY);
        licenses.revoke(third_, REASON, NO_PARTY);
        vm.stopPrank();
        moveOn(1, 101);
        _tidy(last, type(uint256).max);
        _assertPrevious(last, second);
        _assertPrevious(second, GrantId.wrap(1));
        GrantTerms memory sole = _terms(READ, 100, true);
        issueAs(holder, sole, abi.encodeWithSelector(ILicenses.ExclusiveConflict.selector, last));
        vm.prank(holder.account);
        licenses.revoke(last, REASON, NO_PARTY);
        issueAs(holder, sole, abi.encodeWithSelector(ILicenses.ExclusiveConflict.selector, second));
    }

    function test_SubGrant() public {
        GrantId last = chain(2);
        bytes memory before = abi.encode(licenses.grant(last));
        _tidy(last, type(uint256).max);
        assertEq(abi.encode(licenses.grant(last)), before);
    }
}
