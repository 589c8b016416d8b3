// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDirectory} from "../../../contracts/interfaces/IDirectory.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {InvalidField, NotFound} from "../../../contracts/types/Errors.sol";
import {NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {
    FLAG_FOREIGN_INVESTED,
    FLAGS_ALL,
    Party,
    PartyKind,
    PartyStatus,
    Profile
} from "../../../contracts/types/Party.sol";
import {
    ROLE_ARBITER,
    ROLE_AUDITOR,
    ROLE_CONSUMER,
    ROLE_CUSTODIAN,
    ROLE_EXCHANGE,
    ROLE_SUPPLIER,
    ROLES_ALL,
    ROLES_SUPERVISION,
    ROLES_TRADING,
    ROLES_VENUE
} from "../../../contracts/types/Roles.sol";
import {KIND_PARTY, LEDGER, partySubject} from "../../../contracts/types/Subject.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice Parties.tree, leaf by leaf.
contract PartiesTest is FoldedLedger {
    uint32 private constant NEUTRAL = ROLES_ALL & ~(ROLES_VENUE | ROLES_SUPERVISION);

    Actor private admin;
    Actor private supplier;
    address private fresh = makeAddr("fresh");

    function setUp() public override {
        super.setUp();
        admin = admit("admin", ROLE_EXCHANGE);
        supplier = admit("supplier", ROLE_SUPPLIER);
    }

    function _register(Profile memory profile, uint32 roles) private {
        vm.prank(rootAdmin);
        parties.register(fresh, profile, roles);
    }

    function _expectInvalid(bytes32 field) private {
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, field));
    }

    function _validProfile(uint256 seed) private pure returns (Profile memory) {
        bytes2 country = bytes2(abi.encodePacked(uint8(65 + seed % 26), uint8(65 + (seed >> 8) % 26)));
        return Profile({
            kind: PartyKind(1 + (seed >> 16) % uint8(type(PartyKind).max)),
            flags: uint8(seed >> 24) & FLAGS_ALL & ~FLAG_FOREIGN_INVESTED,
            country: country,
            zone: bytes12(uint96(seed >> 32)),
            sectors: uint32(seed >> 128),
            credentialHash: bytes32(seed)
        });
    }

    function _lowestBit(uint32 word) private pure returns (uint8 bit) {
        while (word & 1 == 0) {
            word >>= 1;
            ++bit;
        }
    }

    function _assertParty(PartyId id, Profile memory profile, uint32 roles) private view {
        _assertParty(id, profile, roles, roles);
    }

    function _assertParty(PartyId id, Profile memory profile, uint32 roles, uint32 admitted) private view {
        Party memory expected = Party({
            kind: profile.kind,
            status: PartyStatus.ACTIVE,
            flags: profile.flags,
            country: profile.country,
            zone: profile.zone,
            sectors: profile.sectors,
            roles: roles,
            epoch: 0,
            accounts: 1,
            held: false,
            admission: _lowestBit(admitted),
            barred: false,
            credentialHash: profile.credentialHash
        });
        assertEq(abi.encode(parties.party(id)), abi.encode(expected));
    }

    function testFuzz_RevertWhen_RolesUnknown(uint32 roles) public {
        Profile memory profile = profileOf("fresh");
        _expectInvalid("roles");
        _register(profile, 0);
        vm.assume(roles > ROLES_ALL);
        _expectInvalid("roles");
        _register(profile, roles);
    }

    function testFuzz_RevertWhen_RegisterByNoAdmin(address caller) public {
        vm.assume(caller != rootAdmin && caller != address(forwarder));
        Profile memory profile = profileOf("fresh");
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER));
        vm.prank(caller);
        parties.register(fresh, profile, ROLE_SUPPLIER | ROLE_AUDITOR);
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_AUDITOR));
        vm.prank(admin.account);
        parties.register(fresh, profile, ROLE_SUPPLIER | ROLE_AUDITOR);
    }

    function _lowest(uint32 bits) private pure returns (uint32) {
        return bits & (~bits + 1);
    }

    function testFuzz_RevertWhen_RolesConflict(uint32 roles) public {
        roles &= ROLES_ALL;
        (uint32 t, uint32 v, uint32 s) = (roles & ROLES_TRADING, roles & ROLES_VENUE, roles & ROLES_SUPERVISION);
        vm.assume((t != 0 && v != 0) || (t != 0 && s != 0) || (v != 0 && s != 0));
        uint32 a = t != 0 ? t : v;
        uint32 b = t != 0 && v != 0 ? v : s;
        vm.expectRevert(abi.encodeWithSelector(IParties.RoleConflict.selector, _lowest(a), _lowest(b)));
        _register(_validProfile(0), roles);
    }

    function test_RevertWhen_MarketAccessMissing() public {
        Profile memory profile = profileOf("fresh");
        profile.flags = FLAG_FOREIGN_INVESTED;
        vm.expectRevert(abi.encodeWithSelector(IParties.MarketAccessMissing.selector, PartyId.wrap(3)));
        _register(profile, ROLE_CUSTODIAN);
        _register(profile, ROLE_CONSUMER);
    }

    function test_RevertWhen_KindMissing() public {
        Profile memory profile = profileOf("fresh");
        profile.kind = PartyKind.NONE;
        _expectInvalid("kind");
        _register(profile, ROLE_SUPPLIER);
    }

    function testFuzz_RevertWhen_FlagsUnknown(uint8 flags) public {
        vm.assume(flags > FLAGS_ALL);
        Profile memory profile = profileOf("fresh");
        profile.flags = flags;
        _expectInvalid("flags");
        _register(profile, ROLE_SUPPLIER);
    }

    function testFuzz_RevertWhen_CountryMalformed(bytes2 country) public {
        bool first = uint8(country[0]) >= 65 && uint8(country[0]) <= 90;
        vm.assume(!first || uint8(country[1]) < 65 || uint8(country[1]) > 90);
        Profile memory profile = profileOf("fresh");
        profile.country = country;
        _expectInvalid("country");
        _register(profile, ROLE_SUPPLIER);
    }

    function test_RevertWhen_AccountZero() public {
        fresh = address(0);
        Profile memory profile = profileOf("fresh");
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, address(0)));
        _register(profile, ROLE_SUPPLIER);
    }

    function test_RevertGiven_AccountTaken() public {
        fresh = supplier.account;
        Profile memory profile = profileOf("fresh");
        vm.expectRevert(abi.encodeWithSelector(IParties.AccountTaken.selector, fresh));
        _register(profile, ROLE_SUPPLIER);
    }

    function testFuzz_Register(address account, uint256 seed, uint32 roles) public {
        vm.assume(account != address(0) && parties.partyOf(account) == NO_PARTY);
        roles = (roles & NEUTRAL) | ROLE_CONSUMER;
        Profile memory profile = _validProfile(seed);
        PartyId expected = PartyId.wrap(3);
        vm.expectEmit(address(parties));
        emit IParties.PartyRegistered(partySubject(expected), account, profile, roles);
        vm.prank(rootAdmin);
        PartyId id = parties.register(account, profile, roles);
        takeLogs(3); // with those of setUp

        assertTrue(id == expected);
        assertEq(parties.count(), 3);
        assertTrue(parties.partyOf(account) == id);
        assertTrue(parties.isActive(id));
        _assertParty(id, profile, roles);
    }

    function testFuzz_RevertGiven_UpdateOfNobody(uint64 id) public {
        vm.assume(id == 0 || id > 2);
        Profile memory profile = profileOf("other");
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id));
        vm.prank(rootAdmin);
        parties.update(PartyId.wrap(id), profile);
    }

    function testFuzz_RevertWhen_UpdateByNoAdmin(address caller) public {
        vm.assume(caller != rootAdmin && caller != address(forwarder));
        Profile memory profile = profileOf("other");
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER));
        vm.prank(caller);
        parties.update(supplier.party, profile);
    }

    function test_RevertWhen_UpdateLosesMarketAccess() public {
        Actor memory custodian = admit("custodian", ROLE_CUSTODIAN);
        Profile memory profile = profileOf("custodian");
        profile.flags = FLAG_FOREIGN_INVESTED;
        vm.expectRevert(abi.encodeWithSelector(IParties.MarketAccessMissing.selector, custodian.party));
        vm.prank(rootAdmin);
        parties.update(custodian.party, profile);
    }

    function testFuzz_Update(uint256 seed) public {
        Profile memory profile = _validProfile(seed);
        takeLogs();
        vm.expectEmit(address(parties));
        emit IParties.PartyUpdated(partySubject(supplier.party), profile);
        vm.prank(rootAdmin);
        parties.update(supplier.party, profile);
        takeLogs(1);
        _assertParty(supplier.party, profile, ROLE_SUPPLIER);
    }

    function testFuzz_RevertGiven_SetRolesOfNobody(uint64 id) public {
        vm.assume(id == 0 || id > 2);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id));
        vm.prank(rootAdmin);
        parties.setRoles(PartyId.wrap(id), ROLE_SUPPLIER);
    }

    function testFuzz_RevertWhen_SetUnknownRoles(uint32 roles) public {
        vm.assume(roles > ROLES_ALL);
        _expectInvalid("roles");
        vm.prank(rootAdmin);
        parties.setRoles(supplier.party, roles);
    }

    function testFuzz_RevertWhen_RolesUnchanged(address caller) public {
        vm.assume(caller != address(forwarder));
        _expectInvalid("roles");
        vm.prank(caller);
        parties.setRoles(supplier.party, ROLE_SUPPLIER);
    }

    function test_RevertWhen_SetRolesByAdminOfOther() public {
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_CONSUMER));
        vm.prank(admin.account);
        parties.setRoles(supplier.party, ROLE_SUPPLIER | ROLE_CONSUMER);
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER));
        vm.prank(rootAdmin);
        parties.setRoles(supplier.party, ROLE_CONSUMER);
    }

    function test_RevertWhen_SetRolesConflict() public {
        vm.expectRevert(abi.encodeWithSelector(IParties.RoleConflict.selector, ROLE_SUPPLIER, ROLE_ARBITER));
        vm.prank(rootAdmin);
        parties.setRoles(supplier.party, ROLE_SUPPLIER | ROLE_ARBITER);
    }

    function testFuzz_SetRoles(uint32 roles) public {
        roles &= NEUTRAL;
        vm.assume(roles != ROLE_SUPPLIER);
        takeLogs();
        vm.expectEmit(address(parties));
        emit IParties.RolesSet(partySubject(supplier.party), ROLE_SUPPLIER, roles);
        vm.prank(rootAdmin);
        parties.setRoles(supplier.party, roles);
        takeLogs(1);
        _assertParty(supplier.party, profileOf("supplier"), roles, ROLE_SUPPLIER);
    }

    function testFuzz_RevertWhen_RoleAdminByOther(address caller) public {
        vm.assume(caller != rootAdmin && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotRootAdmin.selector, caller));
        vm.prank(caller);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
    }

    function testFuzz_RevertWhen_AdminOfUnknownRoles(uint32 roles) public {
        _expectInvalid("roles");
        vm.prank(rootAdmin);
        parties.setRoleAdmin(0, admin.party);
        vm.assume(roles > ROLES_ALL);
        _expectInvalid("roles");
        vm.prank(rootAdmin);
        parties.setRoleAdmin(roles, admin.party);
    }

    function testFuzz_RevertGiven_AdminNobody(uint64 id) public {
        vm.assume(id > 2);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_PARTY, id));
        vm.prank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, PartyId.wrap(id));
    }

    function testFuzz_SetRoleAdmin(uint32 roles) public {
        roles = uint32(bound(roles, 1, ROLES_ALL));
        takeLogs();
        vm.expectEmit(address(parties));
        emit IParties.RoleAdminSet(partySubject(admin.party), roles);
        vm.prank(rootAdmin);
        parties.setRoleAdmin(roles, admin.party);
        takeLogs(1);
        for (uint32 role = 1; role < ROLES_ALL; role <<= 1) {
            assertTrue(parties.roleAdmin(role) == (roles & role != 0 ? admin.party : NO_PARTY));
        }
        uint32 one = _lowest(roles);
        Profile memory profile = profileOf("fresh");
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, one));
        _register(profile, one);
        vm.prank(admin.account);
        parties.register(fresh, profile, one);
        takeLogs(1);
    }

    function test_SetRoleAdminBack() public {
        vm.startPrank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
        takeLogs();
        vm.expectEmit(address(parties));
        emit IParties.RoleAdminSet(LEDGER, ROLE_SUPPLIER);
        parties.setRoleAdmin(ROLE_SUPPLIER, NO_PARTY);
        vm.stopPrank();
        takeLogs(1);
        _register(profileOf("fresh"), ROLE_SUPPLIER);
        assertTrue(parties.roleAdmin(ROLE_SUPPLIER) == NO_PARTY);
    }

    function test_SuspendedAdminHasNoPower() public {
        vm.startPrank(rootAdmin);
        parties.setRoleAdmin(ROLE_SUPPLIER, admin.party);
        parties.suspend(admin.party, REASON);
        vm.stopPrank();
        Profile memory profile = profileOf("fresh");
        vm.expectRevert(abi.encodeWithSelector(IParties.NotRoleAdmin.selector, ROLE_SUPPLIER));
        vm.prank(admin.account);
        parties.register(fresh, profile, ROLE_SUPPLIER);
    }
}
