// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {
    ACT_ACCEPT,
    ACT_PUBLISH,
    ACT_REGISTER,
    ACT_TRANSFER,
    ACTS_ALL
} from "../../../contracts/types/Acts.sol";
import {InvalidField, NotAuthorised, NotFound, NotParty, PartyInactive} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId, TransferId} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {
    ROLE_CONSUMER,
    ROLE_SERVICE_PROVIDER,
    ROLE_SUPPLIER,
    ROLES_ALL,
    ROLES_SUPPLYING
} from "../../../contracts/types/Roles.sol";
import {KIND_PARTY, partySubject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice Delegates.tree, leaf by leaf.
contract DelegatesTest is FoldedLedger {
    Actor private supplier;
    Actor private provider;
    Actor private buyer;

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        provider = admit("provider", ROLE_SERVICE_PROVIDER);
        buyer = admit("buyer", ROLE_CONSUMER);
        takeLogs();
    }

    function _delegation(uint32 roles, uint32 acts) private view returns (Delegation memory) {
        return Delegation(roles, acts, uint48(block.timestamp + 1 days));
    }

    function _delegate(DatasetId dataset, Delegation memory delegation) private {
        vm.prank(supplier.account);
        parties.delegate(provider.party, dataset, delegation);
    }

    function _acting(uint32 act, DatasetId dataset, uint32 roles) private view returns (PartyId) {
        return parties.actingParty(provider.account, supplier.party, act, dataset, roles);
    }

    function _expectNotDelegate(uint32 act) private {
        vm.expectRevert(
            abi.encodeWithSelector(IParties.NotDelegate.selector, supplier.party, provider.party, act)
        );
    }

    function testFuzz_RevertWhen_ByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        Delegation memory delegation = _delegation(0, ACT_REGISTER);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        parties.delegate(provider.party, NO_DATASET, delegation);
    }

    function testFuzz_RevertGiven_DelegateUnknown(uint64 id) public {
        vm.assume(id == 0 || id > 3);
        Delegation memory delegation = _delegation(0, ACT_REGISTER);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id));
        vm.prank(supplier.account);
        parties.delegate(PartyId.wrap(id), NO_DATASET, delegation);
    }

    function _expectInvalid(bytes32 field, Delegation memory delegation) private {
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, field));
        _delegate(NO_DATASET, delegation);
    }

    function test_RevertWhen_DelegatingToItself() public {
        provider = supplier;
        _expectInvalid("to", _delegation(0, ACT_REGISTER));
    }

    function testFuzz_RevertWhen_BitsUnknown(uint32 bits) public {
        vm.assume(bits & ~ACTS_ALL != 0 && bits & ~ROLES_ALL != 0);
        _expectInvalid("acts", _delegation(0, bits));
        _expectInvalid("roles", _delegation(bits, ACT_REGISTER));
    }

    function testFuzz_RevertWhen_UntilPast(uint48 until) public {
        until = uint48(bound(until, 0, block.timestamp));
        _expectInvalid("until", Delegation(0, ACT_REGISTER, until));
        _expectInvalid("until", Delegation(ROLE_SUPPLIER, 0, until));
    }

    function testFuzz_Delegate(uint32 roles, uint32 acts, uint48 until, uint64 dataset) public {
        until = uint48(bound(until, block.timestamp + 1, type(uint48).max));
        Delegation memory delegation = Delegation(roles & ROLES_ALL, acts & ACTS_ALL, until);
        DatasetId id = DatasetId.wrap(dataset);
        vm.expectEmit(address(parties));
        emit IParties.Delegated(partySubject(supplier.party), partySubject(provider.party), id, delegation);
        _delegate(id, delegation);
        takeLogs(1);
        Delegation memory found = parties.delegation(supplier.party, provider.party, id);
        assertEq(abi.encode(found), abi.encode(delegation));
    }

    function test_WithdrawDelegation() public {
        _delegate(NO_DATASET, _delegation(0, ACT_TRANSFER));
        Delegation memory none;
        _delegate(NO_DATASET, none);
        takeLogs(2);
        assertEq(abi.encode(parties.delegation(supplier.party, provider.party, NO_DATASET)), abi.encode(none));
        _expectNotDelegate(ACT_TRANSFER);
        _acting(ACT_TRANSFER, NO_DATASET, 0);
    }

    function testFuzz_RevertWhen_AccountHasNoParty(address account) public {
        vm.assume(parties.partyOf(account) == NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, account));
        parties.actingParty(account, supplier.party, ACT_TRANSFER, NO_DATASET, 0);
    }

    function test_RevertGiven_DelegateSuspended() public {
        _delegate(NO_DATASET, _delegation(0, ACT_TRANSFER));
        vm.prank(rootAdmin);
        parties.suspend(provider.party, REASON);
        vm.expectRevert(abi.encodeWithSelector(PartyInactive.selector, provider.party));
        _acting(ACT_TRANSFER, NO_DATASET, 0);
    }

    function testFuzz_RevertGiven_PrincipalUnknown(uint64 id) public {
        vm.assume(id > 3);
        vm.expectRevert(abi.encodeWithSelector(PartyInactive.selector, id));
        parties.actingParty(provider.account, PartyId.wrap(id), ACT_TRANSFER, NO_DATASET, 0);
    }

    function testFuzz_RevertGiven_ActNotCovered(uint32 acts, uint8 at) public {
        uint32 act = uint32(1) << uint32(bound(at, 0, 8));
        _delegate(NO_DATASET, _delegation(0, acts & ACTS_ALL & ~act));
        _expectNotDelegate(act);
        _acting(act, NO_DATASET, 0);
    }

    function test_RevertGiven_OtherDataset() public {
        _delegate(DatasetId.wrap(1), _delegation(0, ACT_TRANSFER));
        _expectNotDelegate(ACT_TRANSFER);
        _acting(ACT_TRANSFER, DatasetId.wrap(2), 0);
        _expectNotDelegate(ACT_TRANSFER);
        _acting(ACT_TRANSFER, NO_DATASET, 0);
    }

    function testFuzz_RevertGiven_Lapsed(uint32 lasts, uint32 after_) public {
        uint48 until = uint48(block.timestamp) + 1 + lasts;
        _delegate(NO_DATASET, Delegation(0, ACT_TRANSFER, until));
        vm.warp(until);
        assertTrue(_acting(ACT_TRANSFER, NO_DATASET, 0) == supplier.party);
        vm.warp(uint256(until) + 1 + after_);
        _expectNotDelegate(ACT_TRANSFER);
        _acting(ACT_TRANSFER, NO_DATASET, 0);
    }

    function test_RevertWhen_PrincipalLacksRole() public {
        _delegate(NO_DATASET, _delegation(ROLES_ALL, ACT_REGISTER));
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, ROLE_CONSUMER));
        _acting(ACT_REGISTER, NO_DATASET, ROLE_CONSUMER);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, ROLES_SUPPLYING));
        parties.actingParty(buyer.account, NO_PARTY, ACT_REGISTER, NO_DATASET, ROLES_SUPPLYING);
    }

    function test_RevertWhen_RoleNotCovered() public {
        _delegate(NO_DATASET, _delegation(ROLE_CONSUMER, ACT_REGISTER));
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, ROLES_SUPPLYING));
        _acting(ACT_REGISTER, NO_DATASET, ROLES_SUPPLYING);
    }

    function test_ActsForItself() public view {
        address account = supplier.account;
        PartyId own = supplier.party;
        assertTrue(parties.actingParty(account, NO_PARTY, ACT_REGISTER, NO_DATASET, ROLES_SUPPLYING) == own);
        assertTrue(parties.actingParty(account, own, ACT_REGISTER, NO_DATASET, ROLES_SUPPLYING) == own);
    }

    function testFuzz_ActsForPrincipal(uint64 dataset, bool forAny) public {
        DatasetId id = DatasetId.wrap(dataset);
        _delegate(forAny ? NO_DATASET : id, _delegation(ROLE_SUPPLIER, ACT_TRANSFER));
        takeLogs(1);
        assertTrue(_acting(ACT_TRANSFER, id, 0) == supplier.party);
        assertTrue(_acting(ACT_TRANSFER, id, ROLES_SUPPLYING) == supplier.party);
    }

    function test_DelegateActs() public {
        _delegate(NO_DATASET, _delegation(ROLE_SUPPLIER, ACT_REGISTER | ACT_PUBLISH | ACT_TRANSFER));
        vm.startPrank(provider.account);
        DatasetId dataset = datasets.register(classification(), SOURCE, contentOf("root"), supplier.party);
        datasets.publish(dataset, 2, contentOf("next"), supplier.party);
        uint48 expires = uint48(block.timestamp + 1);
        TransferId transfer = titles.startTransfer(dataset, buyer.party, ALL_UNITS, 0, expires, supplier.party);
        vm.stopPrank();
        takeLogs(4);
        assertTrue(titles.registrantOf(dataset) == supplier.party);
        Delegation memory accepting = _delegation(0, ACT_ACCEPT);
        vm.prank(buyer.account);
        parties.delegate(provider.party, dataset, accepting);
        vm.prank(provider.account);
        titles.acceptTransfer(transfer, 0, buyer.party);
        takeLogs(2);
        assertTrue(titles.unitsOf(dataset, buyer.party) == ALL_UNITS);
    }
}
