// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ACT_REGISTER} from "../../../contracts/types/Acts.sol";
import {EvidenceMissing, NotFound, NotParty} from "../../../contracts/types/Errors.sol";
import {NO_DATASET, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {Delegation, Proposal} from "../../../contracts/types/Party.sol";
import {ROLE_CONSUMER, ROLE_EXCHANGE, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {KIND_PARTY, KIND_PROPOSAL, partySubject} from "../../../contracts/types/Subject.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice Recovery.tree, leaf by leaf.
contract RecoveryTest is FoldedLedger {
    uint48 private constant DELAY = 7 days;

    Actor private admin;
    Actor private supplier;
    Actor private buyer;
    address private next = makeAddr("next key");

    function setUp() public override {
        super.setUp();
        admin = admit("admin", ROLE_EXCHANGE);
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
        takeLogs();
    }

    function _propose(address account) private {
        vm.prank(admin.account);
        parties.proposeRecovery(supplier.party, account, REASON);
    }

    function _recover() private {
        _propose(next);
        moveOn(1, DELAY);
        vm.prank(next);
        parties.confirmRecovery(supplier.party);
    }

    function testFuzz_RevertGiven_NoParty(uint64 id) public {
        vm.assume(id == 0 || id > 3);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id));
        vm.prank(admin.account);
        parties.proposeRecovery(PartyId.wrap(id), next, REASON);
    }

    function testFuzz_RevertWhen_ProposedByNoAdmin(address caller) public {
        vm.assume(caller != admin.account && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER));
        vm.prank(caller);
        parties.proposeRecovery(supplier.party, next, REASON);
    }

    function test_RevertWhen_AccountTaken() public {
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, buyer.account));
        _propose(buyer.account);
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, address(0)));
        _propose(address(0));
    }

    function test_RevertWhen_ReasonMissing() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(admin.account);
        parties.proposeRecovery(supplier.party, next, 0);
    }

    function testFuzz_ProposeRecovery(address account, bytes32 reason) public {
        vm.assume(reason != 0 && account != address(0) && parties.partyOf(account) == NO_PARTY);
        uint48 notBefore = uint48(block.timestamp) + DELAY;
        vm.expectEmit(address(parties));
        emit IParties.RecoveryProposed(partySubject(supplier.party), account, notBefore, reason);
        vm.prank(admin.account);
        parties.proposeRecovery(supplier.party, account, reason);
        takeLogs(1);
        Proposal memory expected = Proposal(account, notBefore, address(0));
        assertEq(abi.encode(parties.recovery(supplier.party)), abi.encode(expected));
        assertTrue(parties.partyOf(supplier.account) == supplier.party);
    }

    function testFuzz_RevertWhen_ObjectionByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        _propose(next);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        parties.objectToRecovery();
    }

    function test_RevertGiven_NothingToObjectTo() public {
        _propose(next);
        uint64 id = PartyId.unwrap(buyer.party);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PROPOSAL, id));
        vm.prank(buyer.account);
        parties.objectToRecovery();
    }

    function test_Object() public {
        _propose(next);
        moveOn(1, DELAY);
        vm.expectEmit(address(parties));
        emit IParties.RecoveryObjected(partySubject(supplier.party), next);
        vm.prank(supplier.account);
        parties.objectToRecovery();
        takeLogs(1);
        assertEq(parties.recovery(supplier.party).account, address(0));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, supplier.party, next));
        vm.prank(next);
        parties.confirmRecovery(supplier.party);
    }

    function testFuzz_RevertWhen_ConfirmedByOther(address caller) public {
        vm.assume(caller != next && caller != address(forwarder));
        _propose(next);
        moveOn(1, DELAY);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, supplier.party, caller));
        vm.prank(caller);
        parties.confirmRecovery(supplier.party);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, buyer.party, next));
        vm.prank(next);
        parties.confirmRecovery(buyer.party);
    }

    function testFuzz_RevertWhen_NotDue(uint48 after_) public {
        _propose(next);
        uint48 notBefore = uint48(block.timestamp) + DELAY;
        moveOn(1, bound(after_, 0, DELAY - 1));
        vm.expectRevert(abi.encodeWithSelector(IParties.RecoveryNotDue.selector, notBefore));
        vm.prank(next);
        parties.confirmRecovery(supplier.party);
    }

    function test_RevertGiven_JoinedElsewhere() public {
        _propose(next);
        vm.prank(buyer.account);
        parties.proposeAccount(next, address(0));
        vm.prank(next);
        parties.confirmAccount(buyer.party);
        moveOn(1, DELAY);
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, next));
        vm.prank(next);
        parties.confirmRecovery(supplier.party);
    }

    function testFuzz_ConfirmRecovery(address account, uint32 after_) public {
        vm.assume(account != address(0) && account != address(forwarder) && parties.partyOf(account) == NO_PARTY);
        _propose(account);
        moveOn(1, uint256(DELAY) + after_);
        vm.expectEmit(address(parties));
        emit IParties.PartyRecovered(partySubject(supplier.party), account, 1);
        vm.prank(account);
        parties.confirmRecovery(supplier.party);
        takeLogs(1);
        assertTrue(parties.partyOf(account) == supplier.party);
        assertTrue(parties.partyOf(supplier.account) == NO_PARTY);
        assertEq(parties.party(supplier.party).epoch, 1);
        assertEq(parties.party(supplier.party).accounts, 1);
        assertEq(parties.recovery(supplier.party).account, address(0));
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, supplier.party, account));
        vm.prank(account);
        parties.confirmRecovery(supplier.party);
    }

    function test_RecoveryVoidsProposal() public {
        address thief = makeAddr("thief");
        vm.prank(supplier.account);
        parties.proposeAccount(thief, address(0));
        _recover();
        takeLogs(1);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotProposed.selector, supplier.party, thief));
        vm.prank(thief);
        parties.confirmAccount(supplier.party);
    }

    function test_RecoveryVoidsDelegations() public {
        Delegation memory delegation = Delegation(ROLE_SUPPLIER, ACT_REGISTER, type(uint48).max);
        Delegation memory none;
        vm.prank(supplier.account);
        parties.delegate(buyer.party, NO_DATASET, delegation);
        PartyId acting = parties.actingParty(buyer.account, supplier.party, ACT_REGISTER, NO_DATASET, ROLE_SUPPLIER);
        assertTrue(acting == supplier.party);
        _recover();
        takeLogs(1);
        assertEq(abi.encode(parties.delegation(supplier.party, buyer.party, NO_DATASET)), abi.encode(none));
        vm.expectRevert(
            abi.encodeWithSelector(IParties.NotDelegate.selector, supplier.party, buyer.party, ACT_REGISTER)
        );
        parties.actingParty(buyer.account, supplier.party, ACT_REGISTER, NO_DATASET, ROLE_SUPPLIER);
        vm.prank(next);
        parties.delegate(buyer.party, NO_DATASET, delegation);
        takeLogs(1);
        acting = parties.actingParty(buyer.account, supplier.party, ACT_REGISTER, NO_DATASET, ROLE_SUPPLIER);
        assertTrue(acting == supplier.party);
    }

    function test_OldKeyAfterRecovery() public {
        _recover();
        takeLogs(1);
        address old = supplier.account;
        bytes memory powerless = abi.encodeWithSelector(NotParty.selector, old);
        bytes memory taken = abi.encodeWithSelector(IParties.AccountTaken.selector, old);
        vm.startPrank(old);
        vm.expectRevert(powerless);
        parties.objectToRecovery();
        vm.expectRevert(powerless);
        parties.proposeAccount(makeAddr("other"), address(0));
        vm.expectRevert(powerless);
        parties.removeAccount(next);
        vm.expectRevert(powerless);
        datasets.register(classification(), SOURCE, contentOf("root"), NO_PARTY);
        vm.stopPrank();
        vm.expectRevert(taken);
        _propose(old);
        vm.expectRevert(taken);
        vm.prank(next);
        parties.proposeAccount(old, address(0));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, old));
        vm.prank(next);
        parties.removeAccount(old);
    }
}
