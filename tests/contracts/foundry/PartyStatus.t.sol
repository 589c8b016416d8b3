// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ACT_ACCEPT} from "../../../contracts/types/Acts.sol";
import {BadStatus, EvidenceMissing, NotAuthorised, NotFound, PartyInactive} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {Delegation, PartyStatus} from "../../../contracts/types/Party.sol";
import {
    ROLE_AUDITOR,
    ROLE_CONSUMER,
    ROLE_CUSTODIAN,
    ROLE_EXCHANGE,
    ROLE_REGULATOR,
    ROLE_SUPPLIER
} from "../../../contracts/types/Roles.sol";
import {KIND_PARTY, partySubject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice PartyStatus.tree, leaf by leaf.
contract PartyStatusTest is FoldedLedger {
    Actor private admin;
    Actor private regulator;
    Actor private supplier;
    Actor private buyer;

    function setUp() public override {
        super.setUp();
        admin = admit("admin", ROLE_EXCHANGE);
        regulator = admit("regulator", ROLE_REGULATOR);
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
        takeLogs();
    }

    function testFuzz_RevertGiven_NoParty(uint64 id) public {
        vm.assume(id == 0 || id > 4);
        bytes memory error = abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id);
        vm.startPrank(regulator.account);
        vm.expectRevert(error);
        parties.suspend(PartyId.wrap(id), REASON);
        vm.expectRevert(error);
        parties.restore(PartyId.wrap(id), REASON);
        vm.stopPrank();
    }

    function testFuzz_RevertWhen_ByStranger(address caller) public {
        vm.assume(caller != admin.account && caller != regulator.account && caller != address(forwarder));
        bytes memory error = abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER);
        vm.startPrank(caller);
        vm.expectRevert(error);
        parties.suspend(supplier.party, REASON);
        vm.expectRevert(error);
        parties.restore(supplier.party, REASON);
        vm.stopPrank();
    }

    function test_RevertWhen_BySuspendedRegulator() public {
        vm.prank(rootAdmin);
        parties.suspend(regulator.party, REASON);
        vm.startPrank(regulator.account);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER));
        parties.suspend(supplier.party, REASON);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_REGULATOR));
        parties.restore(regulator.party, REASON);
        vm.stopPrank();
    }

    function test_RevertGiven_SameStatus() public {
        uint64 id = PartyId.unwrap(supplier.party);
        vm.startPrank(admin.account);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_PARTY, id, PartyStatus.ACTIVE));
        parties.restore(supplier.party, REASON);
        parties.suspend(supplier.party, REASON);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_PARTY, id, PartyStatus.SUSPENDED));
        parties.suspend(supplier.party, REASON);
        vm.stopPrank();
    }

    function test_RevertWhen_ReasonMissing() public {
        vm.startPrank(admin.account);
        vm.expectRevert(EvidenceMissing.selector);
        parties.suspend(supplier.party, 0);
        parties.suspend(supplier.party, REASON);
        vm.expectRevert(EvidenceMissing.selector);
        parties.restore(supplier.party, 0);
        vm.stopPrank();
    }

    function testFuzz_SuspendAndRestore(bytes32 reason, bool byRegulator) public {
        vm.assume(reason != 0);
        vm.startPrank(byRegulator ? regulator.account : admin.account);
        vm.expectEmit(address(parties));
        emit IParties.PartyStatusSet(partySubject(supplier.party), PartyStatus.SUSPENDED, reason);
        parties.suspend(supplier.party, reason);
        takeLogs(1);
        assertFalse(parties.isActive(supplier.party));
        assertEq(uint8(parties.party(supplier.party).status), uint8(PartyStatus.SUSPENDED));
        vm.expectEmit(address(parties));
        emit IParties.PartyStatusSet(partySubject(supplier.party), PartyStatus.ACTIVE, reason);
        parties.restore(supplier.party, reason);
        vm.stopPrank();
        takeLogs(1);
        assertTrue(parties.isActive(supplier.party));
    }

    function test_SuspendPartyWithoutRoles() public {
        vm.startPrank(rootAdmin);
        parties.setRoles(buyer.party, 0);
        parties.suspend(buyer.party, REASON);
        parties.restore(buyer.party, REASON);
        vm.stopPrank();
        takeLogs(3);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_CONSUMER));
        vm.prank(admin.account);
        parties.suspend(buyer.party, REASON);
    }

    function test_RevertWhen_ByOfficeThatGaveRoleLater() public {
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_AUDITOR, admin.party);
        bytes memory error = abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_REGULATOR);
        vm.startPrank(admin.account);
        parties.setRoles(regulator.party, ROLE_REGULATOR | ROLE_AUDITOR);
        vm.expectRevert(error);
        parties.suspend(regulator.party, REASON);
        vm.expectRevert(error);
        parties.update(regulator.party, profileOf("other"));
        vm.expectRevert(error);
        parties.proposeRecovery(regulator.party, makeAddr("key"), REASON);
        vm.stopPrank();
    }

    function test_OfficeKeepsPartyThatItAdmitted() public {
        vm.prank(admin.account);
        parties.setRoles(supplier.party, 0);
        vm.prank(rootAdmin);
        parties.setRoles(supplier.party, ROLE_CUSTODIAN);
        vm.prank(admin.account);
        parties.suspend(supplier.party, REASON);
        assertFalse(parties.isActive(supplier.party));
    }

    function test_RevertWhen_OfficeRestoresWhatRegulatorSuspended() public {
        vm.prank(regulator.account);
        parties.suspend(supplier.party, REASON);
        assertTrue(parties.party(supplier.party).barred);
        vm.expectRevert(abi.encodeWithSelector(NotAuthorised.selector, ROLE_REGULATOR));
        vm.prank(admin.account);
        parties.restore(supplier.party, REASON);
        vm.prank(regulator.account);
        parties.restore(supplier.party, REASON);
        assertFalse(parties.party(supplier.party).barred);
    }

    function test_RegulatorRestoresWhatOfficeSuspended() public {
        vm.prank(admin.account);
        parties.suspend(supplier.party, REASON);
        assertFalse(parties.party(supplier.party).barred);
        vm.prank(regulator.account);
        parties.restore(supplier.party, REASON);
        assertTrue(parties.isActive(supplier.party));
    }

    function test_SuspendedPassesNoCheck() public {
        DatasetId dataset = registerAs(supplier, "root");
        startAs(supplier, dataset, buyer, ALL_UNITS);
        Delegation memory delegation = Delegation(ROLE_SUPPLIER, ACT_ACCEPT, uint48(block.timestamp + 1));
        vm.prank(regulator.account);
        parties.suspend(supplier.party, REASON);
        bytes memory error = abi.encodeWithSelector(PartyInactive.selector, supplier.party);
        vm.startPrank(supplier.account);
        vm.expectRevert(error);
        parties.delegate(buyer.party, NO_DATASET, delegation);
        vm.expectRevert(error);
        datasets.register(classification(), SOURCE, contentOf("other"), NO_PARTY);
        vm.expectRevert(error);
        titles.startTransfer(dataset, buyer.party, ALL_UNITS, 0, uint48(block.timestamp + 1), NO_PARTY);
        vm.stopPrank();
        vm.expectRevert(error);
        parties.actingParty(supplier.account, NO_PARTY, ACT_ACCEPT, NO_DATASET, 0);
        vm.expectRevert(error);
        parties.actingParty(buyer.account, supplier.party, ACT_ACCEPT, NO_DATASET, 0);
    }
}
