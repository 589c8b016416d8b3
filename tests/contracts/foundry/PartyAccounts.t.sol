// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {NotParty} from "../../../contracts/types/Errors.sol";
import {NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {Profile, Proposal} from "../../../contracts/types/Party.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {partySubject} from "../../../contracts/types/Subject.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice PartyAccounts.tree, leaf by leaf.
contract PartyAccountsTest is FoldedLedger {
    Actor private supplier;
    Actor private buyer;
    address private second = makeAddr("second key");

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        takeLogs();
    }

    function _propose(address account, address replaced) private {
        vm.prank(supplier.account);
        parties.proposeAccount(account, replaced);
    }

    function _join(address account, address replaced) private {
        _propose(account, replaced);
        vm.prank(account);
        parties.confirmAccount(supplier.party);
    }

    /// @dev An account without power may do nothing that needs a party, and never joins one again.
    function _assertPowerless(address account) private {
        assertTrue(parties.partyOf(account) == NO_PARTY);
        bytes memory error = abi.encodeWithSelector(NotParty.selector, account);
        vm.startPrank(account);
        vm.expectRevert(error);
        parties.proposeAccount(address(0), address(0));
        vm.expectRevert(error);
        parties.removeAccount(second);
        vm.expectRevert(error);
        datasets.register(classification(), SOURCE, contentOf("root"), NO_PARTY);
        vm.expectRevert(error);
        datasets.commit("commitment", NO_PARTY);
        vm.stopPrank();
        Profile memory profile = profileOf("again");
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, account));
        vm.prank(rootAdmin);
        parties.register(account, profile, ROLE_SUPPLIER);
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, account));
        vm.prank(buyer.account);
        parties.proposeAccount(account, address(0));
    }

    function testFuzz_RevertWhen_ProposedByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        parties.proposeAccount(second, address(0));
    }

    function test_RevertGiven_ProposedAccountTaken() public {
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, buyer.account));
        _propose(buyer.account, address(0));
        _join(second, address(0));
        vm.startPrank(supplier.account);
        parties.removeAccount(second);
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, second));
        parties.proposeAccount(second, address(0));
        vm.stopPrank();
    }

    function testFuzz_RevertWhen_ReplacedIsNotOwn(address replaced) public {
        vm.assume(replaced != address(0) && replaced != supplier.account);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, replaced));
        _propose(second, replaced);
    }

    function testFuzz_ProposeAccount(address account, bool replacing) public {
        vm.assume(account != address(0) && parties.partyOf(account) == NO_PARTY);
        address replaced = replacing ? supplier.account : address(0);
        vm.expectEmit(address(parties));
        emit IParties.AccountProposed(partySubject(supplier.party), account, replaced);
        _propose(account, replaced);
        takeLogs(1);
        Proposal memory expected = Proposal(account, 0, replaced);
        assertEq(abi.encode(parties.proposal(supplier.party)), abi.encode(expected));
        assertTrue(parties.partyOf(account) == NO_PARTY);
        assertTrue(parties.partyOf(supplier.account) == supplier.party);
    }

    function test_WithdrawProposal() public {
        _propose(second, address(0));
        _propose(address(0), address(0));
        takeLogs(2);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, supplier.party, second));
        vm.prank(second);
        parties.confirmAccount(supplier.party);
    }

    function testFuzz_RevertWhen_NotProposed(address caller, uint64 party) public {
        vm.assume(caller != second && caller != address(forwarder));
        _propose(second, address(0));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, party, caller));
        vm.prank(caller);
        parties.confirmAccount(PartyId.wrap(party));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, buyer.party, second));
        vm.prank(second);
        parties.confirmAccount(buyer.party);
    }

    function test_RevertGiven_JoinedElsewhere() public {
        _propose(second, address(0));
        vm.prank(buyer.account);
        parties.proposeAccount(second, address(0));
        vm.startPrank(second);
        parties.confirmAccount(buyer.party);
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, second));
        parties.confirmAccount(supplier.party);
        vm.stopPrank();
        takeLogs(3);
        assertTrue(parties.partyOf(second) == buyer.party);
    }

    function testFuzz_ConfirmAccount(address account) public {
        vm.assume(account != address(0) && account != address(forwarder) && parties.partyOf(account) == NO_PARTY);
        _propose(account, address(0));
        takeLogs(1);
        vm.expectEmit(address(parties));
        emit IParties.AccountAdded(partySubject(supplier.party), account);
        vm.prank(account);
        parties.confirmAccount(supplier.party);
        takeLogs(1);
        assertTrue(parties.partyOf(account) == supplier.party);
        assertTrue(parties.partyOf(supplier.account) == supplier.party);
        assertEq(parties.party(supplier.party).accounts, 2);
        assertEq(parties.proposal(supplier.party).account, address(0));
        vm.prank(account);
        datasets.register(classification(), SOURCE, contentOf("root"), NO_PARTY);
        takeLogs(1);
    }

    function testFuzz_RotateKey(address account) public {
        vm.assume(account != address(0) && account != address(forwarder) && parties.partyOf(account) == NO_PARTY);
        second = account;
        _propose(account, supplier.account);
        takeLogs(1);
        vm.expectEmit(address(parties));
        emit IParties.AccountAdded(partySubject(supplier.party), account);
        vm.expectEmit(address(parties));
        emit IParties.AccountRemoved(partySubject(supplier.party), supplier.account);
        vm.prank(account);
        parties.confirmAccount(supplier.party);
        takeLogs(2);
        assertTrue(parties.partyOf(account) == supplier.party);
        assertEq(parties.party(supplier.party).accounts, 1);
        _assertPowerless(supplier.account);
    }

    function test_RevertWhen_ConfirmedAfterRemoval() public {
        _join(second, address(0));
        address third = makeAddr("third key");
        vm.prank(second); // a thief's, who offers a place to a key of its own
        parties.proposeAccount(third, address(0));
        vm.prank(supplier.account);
        parties.removeAccount(second);
        assertEq(parties.proposal(supplier.party).account, address(0));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, supplier.party, third));
        vm.prank(third);
        parties.confirmAccount(supplier.party);
    }

    function testFuzz_RevertWhen_RemovedByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        parties.removeAccount(supplier.account);
    }

    function test_RevertWhen_RemovingAnothers() public {
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, buyer.account));
        vm.prank(supplier.account);
        parties.removeAccount(buyer.account);
    }

    function test_RevertWhen_RemovingLast() public {
        vm.expectRevert(abi.encodeWithSelector(IParties.LastAccount.selector, supplier.account));
        vm.prank(supplier.account);
        parties.removeAccount(supplier.account);
    }

    function test_RemoveAccount() public {
        _join(second, address(0));
        takeLogs(2);
        vm.expectEmit(address(parties));
        emit IParties.AccountRemoved(partySubject(supplier.party), supplier.account);
        vm.prank(second);
        parties.removeAccount(supplier.account);
        takeLogs(1);
        assertEq(parties.party(supplier.party).accounts, 1);
        _assertPowerless(supplier.account);
    }
}
