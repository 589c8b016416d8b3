// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {InvalidField, NotFound, NotParty} from "../../../contracts/types/Errors.sol";
import {NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    ACTION_DERIVE,
    ACTION_LICENSE,
    ACTION_SHARE_GOV,
    ACTIONS_ALL,
    ACTIONS_NOT_SHARED,
    Bounds,
    Code,
    Derivation,
    DUTIES_ALL,
    DUTIES_STICKY,
    MODES_ALL,
    Policy,
    PolicyId,
    TerritoryId,
    UseRequest,
    WORLD
} from "../../../contracts/types/Policy.sol";
import {ROLE_PUBLIC_BODY, ROLES_ALL} from "../../../contracts/types/Roles.sol";
import {KIND_POLICY, KIND_TERRITORY} from "../../../contracts/types/Subject.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice Policies.tree, leaf by leaf.
contract PoliciesTest is LicensedLedger {
    TerritoryId private china;
    TerritoryId private two; // China and Singapore

    function setUp() public override {
        super.setUp();
        uint256[3] memory set = countries("CN");
        vm.startPrank(holder.account);
        china = policies.storeTerritory(set);
        uint256[3] memory more = countries("SG");
        for (uint256 i = 0; i < 3; ++i) more[i] |= set[i];
        two = policies.storeTerritory(more);
        vm.stopPrank();
        takeLogs(2);
    }

    function _expect(bytes memory reason, Policy memory terms) private {
        vm.expectRevert(reason);
        vm.prank(holder.account);
        policies.storePolicy(terms, 0, 0);
    }

    function _expectField(bytes32 field, Policy memory terms) private {
        _expect(abi.encodeWithSelector(InvalidField.selector, field), terms);
    }

    function _expectConflict(uint32 actions, Policy memory terms) private {
        _expect(abi.encodeWithSelector(IPolicies.PolicyConflict.selector, actions), terms);
    }

    function testFuzz_RevertWhen_StoredByNoParty(address stranger) public {
        vm.assume(parties.partyOf(stranger) == NO_PARTY && stranger != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, stranger));
        vm.prank(stranger);
        policies.storePolicy(widest(), 0, 0);
    }

    function testFuzz_RevertWhen_Conflict(uint32 both) public {
        Policy memory terms = widest();
        both &= terms.actions;
        vm.assume(both != 0);
        terms.prohibited = both;
        _expectConflict(both, terms);
    }

    function testFuzz_RevertWhen_SharedAndOperated(uint32 more) public {
        more &= ACTIONS_NOT_SHARED;
        vm.assume(more != 0);
        Policy memory terms = only(READ | ACTION_SHARE_GOV | more);
        terms.roles = ROLE_PUBLIC_BODY;
        _expectConflict(more, terms);
    }

    function test_RevertWhen_SharedWithOthers() public {
        Policy memory terms = only(READ | ACTION_SHARE_GOV);
        _expectField("roles", terms);
        terms.roles = ROLE_PUBLIC_BODY | (ROLE_PUBLIC_BODY << 1);
        _expectField("roles", terms);
        terms.roles = ROLE_PUBLIC_BODY;
        store(terms);
    }

    function test_RevertWhen_FieldOutOfRange() public {
        Policy memory terms = only(READ);
        terms.actions = 0;
        _expectField("actions", terms);
        terms = only(READ | 1 << 4);
        _expectField("actions", terms);
        terms = only(READ);
        terms.prohibited = 1 << 31;
        _expectField("prohibited", terms);
        terms = only(READ);
        terms.duties = 1 << 15;
        _expectField("duties", terms);
        terms = only(READ);
        terms.purposes = 0;
        _expectField("purposes", terms);
        terms = only(READ);
        terms.industries = 0;
        _expectField("industries", terms);
        terms = only(READ);
        terms.roles = 0;
        _expectField("roles", terms);
        terms.roles = ROLES_ALL + 1;
        _expectField("roles", terms);
        terms = only(READ);
        terms.modes = 0;
        _expectField("modes", terms);
        terms.modes = MODES_ALL + 1;
        _expectField("modes", terms);
        _expectLimitsOutOfRange();
    }

    function _expectLimitsOutOfRange() private {
        _expectField("subDepth", deep(5));
        Policy memory terms = widest();
        terms.subDepth = 0;
        _expectField("subDepth", terms);
        terms = widest();
        terms.derivation = Derivation.NONE;
        _expectField("derivation", terms);
        terms.derivation = Derivation.ATTRIBUTION_ONLY;
        terms.actions &= ~ACTION_DERIVE;
        _expectField("derivation", terms);
        terms = widest();
        terms.notBefore = terms.notAfter;
        _expectField("notAfter", terms);
        terms.notBefore = 0;
        terms.notAfter = uint40(block.timestamp);
        _expectField("notAfter", terms);
        terms.notAfter += 1;
        store(terms);
        terms = widest();
        terms.maxDuration = 0;
        _expectField("maxDuration", terms);
        terms = widest();
        terms.maxUses = 0;
        _expectField("maxUses", terms);
    }

    function testFuzz_RevertWhen_NoTerritory(uint64 id) public {
        vm.assume(id > 2);
        Policy memory terms = widest();
        terms.territory = TerritoryId.wrap(id);
        _expect(abi.encodeWithSelector(NotFound.selector, KIND_TERRITORY, id), terms);
    }

    /// @dev Any terms that may be stored.
    function _anyTerms(uint256 seed) private view returns (Policy memory terms) {
        terms.actions = uint32(seed) & ACTIONS_ALL & ~ACTION_SHARE_GOV;
        if (terms.actions == 0) terms.actions = READ;
        terms.prohibited = uint32(seed >> 32) & ACTIONS_ALL & ~terms.actions;
        seed = uint256(keccak256(abi.encode(seed)));
        terms.purposes = uint64(seed) | 1;
        terms.industries = uint32(seed >> 64) | 1;
        terms.roles = (uint32(seed >> 96) & ROLES_ALL) | 1;
        terms.modes = (uint16(seed >> 128) & MODES_ALL) | 1;
        terms.minSecurityGrade = uint8(seed >> 144);
        terms.offChainTerms = (seed >> 152) & 1 == 1;
        terms.territory = TerritoryId.wrap(uint64((seed >> 160) % 3));
        terms.duties = uint16(seed >> 168) & DUTIES_ALL;
        terms.subDepth = uint8((seed >> 184) % 5);
        if (terms.actions & ACTION_LICENSE != 0 && terms.subDepth == 0) terms.subDepth = 1;
        if (terms.actions & ACTION_DERIVE != 0) terms.derivation = Derivation(1 + (seed >> 192) % 3);
        seed = uint256(keccak256(abi.encode(seed)));
        terms.notBefore = uint40(seed % block.timestamp);
        terms.notAfter = uint40(block.timestamp + 1 + (seed >> 40) % 10 ** 9);
        terms.maxDuration = uint32(seed >> 80) | 1;
        terms.maxUses = uint40(seed >> 112) | 1;
        terms.maxGrants = uint32(seed >> 152);
    }

    function testFuzz_StorePolicy(uint256 seed, bytes32 spdxHash, bytes32 documentHash) public {
        Policy memory terms = _anyTerms(seed);
        vm.prank(taker.account);
        PolicyId id = policies.storePolicy(terms, spdxHash, documentHash);
        bytes32 contentHash = sha256(abi.encode(terms, spdxHash, documentHash));
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].data, abi.encode(id, terms, spdxHash, documentHash, contentHash));
        assertEq(PolicyId.unwrap(id), policies.count());
        assertEq(abi.encode(policies.policy(id)), abi.encode(terms));
        assertTrue(policies.policyByContent(contentHash) == id);
        assertEq(policies.actionsOf(id), terms.actions);
        Bounds memory bounds = policies.boundsOf(id);
        bool anyone = terms.roles == ROLES_ALL && terms.purposes & 0xFFF == 0xFFF;
        bool anyhow = terms.modes == MODES_ALL && terms.industries & 0xFFFFF == 0xFFFFF;
        bool anywhere = terms.territory == WORLD && terms.minSecurityGrade == 0;
        assertEq(bounds.open, anyone && anyhow && anywhere && terms.duties == 0);
        assertEq(abi.encode(bounds.actions, bounds.roles), abi.encode(terms.actions, terms.roles));
        assertEq(abi.encode(bounds.notBefore, bounds.notAfter), abi.encode(terms.notBefore, terms.notAfter));
        assertEq(
            abi.encode(bounds.subDepth, bounds.maxDuration, bounds.maxUses, bounds.maxGrants),
            abi.encode(terms.subDepth, terms.maxDuration, terms.maxUses, terms.maxGrants)
        );
    }

    function testFuzz_StoredOnce(uint256 seed) public {
        Policy memory terms = _anyTerms(seed);
        PolicyId id = store(terms);
        takeLogs(1);
        vm.prank(taker.account);
        assertTrue(policies.storePolicy(terms, 0, 0) == id);
        takeLogs(0);
        vm.prank(taker.account);
        assertTrue(policies.storePolicy(terms, 0, "document") != id);
        takeLogs(1);
    }

    function test_RevertWhen_TerritoryByNoParty() public {
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, address(this)));
        policies.storeTerritory(countries("CN"));
    }

    function testFuzz_RevertWhen_CountriesUnknown(uint256[3] memory set) public {
        set[2] |= 1 << 164;
        vm.startPrank(holder.account);
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("countries")));
        policies.storeTerritory(set);
        uint256[3] memory none;
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("countries")));
        policies.storeTerritory(none);
        vm.stopPrank();
    }

    function testFuzz_StoreTerritory(uint256[3] memory set) public {
        set[2] &= (1 << 164) - 1;
        vm.assume(set[0] | set[1] | set[2] != 0);
        vm.prank(holder.account);
        TerritoryId id = policies.storeTerritory(set);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].data, abi.encode(id, set));
        assertEq(TerritoryId.unwrap(id), policies.territoryCount());
        assertEq(abi.encode(policies.territory(id)), abi.encode(set));
        assertTrue(policies.territoryByContent(sha256(abi.encode(set))) == id);
        vm.prank(taker.account);
        assertTrue(policies.storeTerritory(set) == id);
        takeLogs(0);
    }

    function testFuzz_RevertGiven_NoPolicy(uint64 id) public {
        PolicyId known = store(widest());
        vm.assume(id != PolicyId.unwrap(known));
        PolicyId unknown = PolicyId.wrap(id);
        bytes memory reason = abi.encodeWithSelector(NotFound.selector, KIND_POLICY, id);
        vm.expectRevert(reason);
        policies.requireWithin(unknown, known);
        vm.expectRevert(reason);
        policies.requireWithin(known, unknown);
        vm.expectRevert(reason);
        policies.policy(unknown);
        vm.expectRevert(reason);
        policies.boundsOf(unknown);
        vm.expectRevert(reason);
        policies.actionsOf(unknown);
        (Code code,) = policies.judge(unknown, ROLES_ALL, true, request(READ));
        assertTrue(code == Code.ACTION_NOT_GRANTED);
    }

    function _expectWider(bytes32 field, Policy memory child, Policy memory parent) private {
        PolicyId a = store(child);
        PolicyId b = store(parent);
        vm.expectRevert(abi.encodeWithSelector(IPolicies.ScopeExceedsParent.selector, field));
        policies.requireWithin(a, b);
    }

    function test_RevertWhen_FieldWider() public {
        Policy memory parent = only(READ);
        parent.subDepth = 2;
        Policy memory child = only(READ);
        child.actions |= COMPUTE;
        _expectWider("actions", child, parent);
        child = only(READ);
        parent.prohibited = COMPUTE;
        _expectWider("prohibited", child, parent);
        parent.prohibited = 0;
        parent.duties = 1 << 13;
        _expectWider("duties", child, parent);
        parent.duties = 0;
        parent.purposes = 1;
        _expectWider("purposes", child, parent);
        parent.purposes = type(uint64).max;
        parent.industries = 1;
        _expectWider("industries", child, parent);
        parent.industries = type(uint32).max;
        parent.roles = 1;
        _expectWider("roles", child, parent);
        parent.roles = ROLES_ALL;
        parent.modes = 1;
        _expectWider("modes", child, parent);
        parent.modes = MODES_ALL;
        child.subDepth = 2;
        _expectWider("subDepth", child, parent);
        child.subDepth = 0;
        parent.minSecurityGrade = 1;
        _expectWider("minSecurityGrade", child, parent);
        parent.minSecurityGrade = 0;
        parent.offChainTerms = true;
        _expectWider("offChainTerms", child, parent);
        parent.offChainTerms = false;
        parent.maxDuration = 1;
        _expectWider("maxDuration", child, parent);
        parent = widest();
        child = only(ACTION_DERIVE);
        child.derivation = Derivation.ATTRIBUTION_ONLY;
        _expectWider("derivation", child, parent);
        child = only(READ);
        parent.territory = china;
        _expectWider("territory", child, parent);
        child.territory = two;
        _expectWider("territory", child, parent);
    }

    function testFuzz_Within(uint256 seed, uint256 less) public {
        Policy memory parent = _anyTerms(seed);
        parent.subDepth = 4;
        parent.minSecurityGrade &= 0x7f;
        parent.maxDuration |= 1 << 31;
        Policy memory child = abi.decode(abi.encode(parent), (Policy));
        child.actions &= uint32(less);
        if (child.actions == 0) child.actions = parent.actions;
        if (child.actions & ACTION_DERIVE == 0) child.derivation = Derivation.NONE;
        child.prohibited |= uint32(less >> 32) & ACTIONS_ALL & ~child.actions;
        child.duties = (parent.duties & DUTIES_STICKY) | (uint16(less >> 64) & DUTIES_ALL);
        child.purposes &= uint64(less >> 80) | 1;
        child.industries &= uint32(less >> 144) | 1;
        child.roles &= uint32(less >> 176) | 1;
        child.modes &= uint16(less >> 208) | 1;
        child.subDepth = uint8(1 + (less >> 224) % 3);
        child.minSecurityGrade += uint8(less >> 232) & 0x7f;
        child.offChainTerms = parent.offChainTerms || less >> 255 == 1;
        child.maxDuration >>= uint8(less >> 248) % 31;
        if (TerritoryId.unwrap(parent.territory) != 1) child.territory = less & 1 == 0 ? china : parent.territory;
        policies.requireWithin(store(child), store(parent));
    }

    /// @dev The same judgement, the long way.
    function _expectedCode(Policy memory terms, uint32 roles, bool usesLeft, UseRequest memory asked)
        private
        view
        returns (Code)
    {
        bool isOne;
        for (uint256 i = 0; i < 32; ++i) if (asked.action == 1 << i && (terms.actions >> i) & 1 == 1) isOne = true;
        if (!isOne) return Code.ACTION_NOT_GRANTED;
        if (roles & terms.roles == 0) return Code.ROLE_NOT_ALLOWED;
        if (asked.purpose == 0 || asked.purpose | terms.purposes != terms.purposes) return Code.PURPOSE_NOT_ALLOWED;
        if (asked.industry == 0 || asked.industry | terms.industries != terms.industries) {
            return Code.INDUSTRY_NOT_ALLOWED;
        }
        if (asked.mode == 0 || asked.mode | terms.modes != terms.modes) return Code.MODE_NOT_ALLOWED;
        if (!_isAllowed(terms.territory, asked.country)) return Code.TERRITORY_NOT_ALLOWED;
        if (asked.securityGrade < terms.minSecurityGrade) return Code.SECURITY_GRADE_TOO_LOW;
        if (!usesLeft) return Code.QUOTA_EXCEEDED;
        return terms.offChainTerms ? Code.UNDECIDED : Code.PERMITTED;
    }

    function _isAllowed(TerritoryId id, bytes2 country) private view returns (bool) {
        if (country[0] < "A" || country[0] > "Z" || country[1] < "A" || country[1] > "Z") return false;
        if (TerritoryId.unwrap(id) == 0) return true;
        return country == "CN" || (country == "SG" && id == two);
    }

    function testFuzz_Judge(uint256 seed, uint256 how, UseRequest memory asked, uint32 roles, bool usesLeft) public {
        Policy memory terms = _anyTerms(seed);
        // Each field fits more often than not, so that every reason comes up.
        if (how & 7 != 0) asked.action = terms.actions & (~terms.actions + 1);
        if ((how >> 3) & 7 != 0) roles |= terms.roles;
        if ((how >> 6) & 7 != 0) asked.purpose = (asked.purpose & terms.purposes) | 1;
        if ((how >> 9) & 7 != 0) asked.industry = (asked.industry & terms.industries) | 1;
        if ((how >> 12) & 7 != 0) asked.mode = (asked.mode & terms.modes) | 1;
        if ((how >> 15) & 7 != 0) asked.country = (how >> 18) & 3 == 0 ? bytes2("SG") : bytes2("CN");
        if ((how >> 20) & 7 != 0 && asked.securityGrade < terms.minSecurityGrade) asked.securityGrade = 255;
        (Code code, uint64 detail) = policies.judge(store(terms), roles, usesLeft, asked);
        assertEq(uint8(code), uint8(_expectedCode(terms, roles, usesLeft, asked)));
        uint64 expected;
        if (code == Code.ACTION_NOT_GRANTED && asked.action != 0) while (asked.action >> expected & 1 == 0) ++expected;
        if (code == Code.ROLE_NOT_ALLOWED) expected = terms.roles;
        if (code == Code.TERRITORY_NOT_ALLOWED) expected = uint16(asked.country);
        if (code == Code.SECURITY_GRADE_TOO_LOW) expected = terms.minSecurityGrade;
        assertEq(detail, expected, "detail");
    }
}
