// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {Activity, ActivityKind, Input} from "../../../contracts/types/Activity.sol";
import {NotFound} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    ACTION_LICENSE,
    ACTIONS_ALL,
    Derivation,
    GrantTerms,
    NO_POLICY,
    Policy,
    PolicyId,
    TerritoryId,
    WORLD
} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER, ROLE_PUBLIC_BODY, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {KIND_POLICY} from "../../../contracts/types/Subject.sol";
import {DerivedLedger} from "./DerivedLedger.sol";

/// @notice Ceilings.tree, leaf by leaf.
contract CeilingsTest is DerivedLedger {
    uint32 private constant SHARE_GOV = 1 << 25;
    uint256 private constant FIELDS = 15;

    function _ids(PolicyId a, PolicyId b) private pure returns (PolicyId[] memory ids) {
        ids = new PolicyId[](2);
        (ids[0], ids[1]) = (a, b);
    }

    function _fold(Policy memory a, Policy memory b) private returns (Policy memory folded) {
        (folded,) = policies.foldOf(NO_POLICY, _ids(store(a), store(b)));
    }

    function _incompatible(Policy memory a, Policy memory b, bytes32 field) private {
        PolicyId[] memory ids = _ids(store(a), store(b));
        vm.expectRevert(abi.encodeWithSelector(IPolicies.IncompatibleInputs.selector, field));
        policies.foldOf(NO_POLICY, ids);
    }

    function _territory(bytes2 a, bytes2 b) private returns (TerritoryId) {
        uint256[3] memory set = countries(a);
        uint256[3] memory more = countries(b);
        for (uint256 i = 0; i < 3; ++i) set[i] |= more[i];
        vm.prank(holder.account);
        return policies.storeTerritory(set);
    }

    function testFuzz_RevertGiven_NoPolicy(uint64 id) public {
        PolicyId known = store(widest());
        vm.assume(id > policies.count() || id == 0);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_POLICY, id));
        policies.foldOf(NO_POLICY, _ids(known, PolicyId.wrap(id)));
    }

    function test_RevertWhen_Incompatible() public {
        Policy memory a = only(READ);
        Policy memory b = only(TRAIN);
        _incompatible(a, b, "actions");
        b = only(READ | TRAIN);
        (a.purposes, b.purposes) = (1, 2);
        _incompatible(a, b, "purposes");
        (a.purposes, a.industries, b.industries) = (2, 1, 2);
        _incompatible(a, b, "industries");
        (a.industries, a.roles, b.roles) = (2, ROLE_CONSUMER, ROLE_SUPPLIER);
        _incompatible(a, b, "roles");
        (a.roles, a.modes, b.modes) = (ROLE_SUPPLIER, 1, 2);
        _incompatible(a, b, "modes");
        (a.modes, a.territory, b.territory) = (2, _territory("CN", "DE"), _territory("FR", "IT"));
        _incompatible(a, b, "territory");
        a.territory = WORLD;
        (a.notAfter, b.notBefore) = (uint40(block.timestamp + 60), uint40(block.timestamp + 60));
        _incompatible(a, b, "notAfter");
        b.notBefore = 0;
        assertEq(_fold(a, b).notAfter, a.notAfter);
        PolicyId[] memory ids = _ids(store(a), store(b));
        moveOn(1, 60);
        vm.expectRevert(abi.encodeWithSelector(IPolicies.IncompatibleInputs.selector, bytes32("notAfter")));
        policies.foldOf(NO_POLICY, ids);
    }

    function _lifting() private returns (Policy memory a) {
        a = only(READ | DERIVE | 1 << 13);
        (a.derivation, a.purposes, a.industries) = (Derivation.ATTRIBUTION_ONLY, 1, 1);
        (a.roles, a.modes, a.minSecurityGrade) = (ROLE_CONSUMER, 1, 2);
        (a.prohibited, a.duties, a.territory) = (1 << 22, 0x7FFF, _territory("CN", "DE"));
        (a.notBefore, a.notAfter, a.maxDuration) = (5, uint40(block.timestamp + 90), 60);
        (a.maxUses, a.maxGrants) = (7, 8);
    }

    function test_Lift() public {
        Policy memory a = _lifting();
        PolicyId[] memory ids = _ids(store(a), store(a));
        (Policy memory folded,) = policies.foldOf(NO_POLICY, ids);
        assertEq(folded.actions, ACTIONS_ALL & ~uint32(1 << 22) & ~SHARE_GOV);
        assertTrue(folded.purposes == type(uint64).max && folded.industries == type(uint32).max);
        assertTrue(folded.roles == (1 << 26) - 1 && folded.modes == 0x3F && folded.subDepth == 4);
        assertTrue(folded.derivation == Derivation.ATTRIBUTION_ONLY && folded.territory == a.territory);
        assertTrue(folded.prohibited == a.prohibited && folded.duties == 0x31BA && folded.minSecurityGrade == 2);
        assertTrue(folded.notBefore == 5 && folded.notAfter == a.notAfter && folded.maxDuration == 60);
        assertTrue(folded.maxUses == type(uint40).max && folded.maxGrants == type(uint32).max);
        // A ceiling that is corrected counts whole, whatever its rule.
        (folded,) = policies.foldOf(ids[0], ids);
        assertTrue(folded.actions == a.actions && folded.purposes == 1 && folded.subDepth == 0);
    }

    function test_SharingGoes() public {
        Policy memory shared = only(SHARE_GOV | READ);
        shared.roles = ROLE_PUBLIC_BODY;
        assertEq(_fold(shared, shared).actions, SHARE_GOV | READ);
        Policy memory free = widest();
        (free.derivation, free.roles) = (Derivation.ATTRIBUTION_ONLY, ROLE_PUBLIC_BODY);
        assertEq(_fold(shared, free).actions, SHARE_GOV | READ);
        assertEq(_fold(free, free).actions, ACTIONS_ALL & ~SHARE_GOV);
    }

    function test_Territories() public {
        (Policy memory a, Policy memory b) = (widest(), widest());
        (a.territory, b.territory) = (_territory("CN", "CN"), _territory("CN", "DE"));
        assertTrue(_fold(a, b).territory == a.territory && _fold(b, a).territory == a.territory);
        assertTrue(_fold(a, widest()).territory == a.territory && _fold(widest(), b).territory == b.territory);
        a.territory = _territory("CN", "FR");
        PolicyId[] memory ids = _ids(store(a), store(b));
        (Policy memory folded, uint256[3] memory left) = policies.foldOf(NO_POLICY, ids);
        assertTrue(folded.territory == TerritoryId.wrap(1), "found by its content");
        assertEq(abi.encode(left), abi.encode(countries("CN")));
        (a.territory, b.territory) = (_territory("FR", "IT"), _territory("DE", "IT"));
        ids = _ids(store(a), store(b));
        (folded, left) = policies.foldOf(NO_POLICY, ids);
        assertTrue(folded.territory == WORLD, "not stored yet");
        assertEq(abi.encode(left), abi.encode(countries("IT")));
    }

    function testFuzz_FoldIsWithinEach(uint32 actions, uint64 purposes, uint32 prohibited, uint16 duties, uint40 end)
        public
    {
        Policy memory a = widest();
        Policy memory b = widest();
        (a.purposes, b.industries) = (purposes | 1, actions | 1);
        a.actions = (uint32(actions) & a.actions | DERIVE) & ~ACTION_LICENSE;
        b.prohibited = prohibited & ACTIONS_ALL & ~b.actions;
        (a.duties, b.duties) = (duties & 0x7FFF, (duties >> 3) & 0x7FFF);
        b.notAfter = uint40(bound(end, block.timestamp + 1, type(uint40).max));
        PolicyId[] memory ids = _ids(store(a), store(b));
        (Policy memory folded,) = policies.foldOf(NO_POLICY, ids);
        PolicyId stored = store(folded);
        policies.requireWithinCeiling(stored, ids[0]);
        policies.requireWithinCeiling(stored, ids[1]);
        policies.requireFoldCovers(stored, ids);
    }

    function test_Store() public {
        (Policy memory a, Policy memory b) = (widest(), widest());
        (a.territory, b.territory) = (_territory("CN", "FR"), _territory("CN", "DE"));
        (a.purposes, b.purposes) = (3, 6);
        Input[] memory inputs = bothInputs();
        (inputs[0].grant, inputs[1].grant) = (grantOn(dataset, a), grantOn(second, b));
        takeLogs();
        vm.prank(taker.account);
        lineage.derive(_context(), inputs, outputOf("out"), NO_PARTY);
        Vm.Log[] memory logs = takeLogs(6);
        assertEq(logs[0].topics[0], IPolicies.TerritoryStored.selector);
        assertEq(logs[0].data, abi.encode(policies.territoryCount(), countries("CN")));
        assertEq(logs[1].topics[0], IPolicies.PolicyStored.selector);
        Policy memory folded = widest();
        (folded.purposes, folded.territory) = (2, TerritoryId.wrap(policies.territoryCount()));
        bytes32 content = sha256(abi.encode(folded, bytes32(0), bytes32(0)));
        assertEq(logs[1].data, abi.encode(policies.count(), folded, bytes32(0), bytes32(0), content));
        assertTrue(policies.policyByContent(content) == PolicyId.wrap(policies.count()));
        vm.prank(taker.account);
        lineage.derive(_context(), inputs, outputOf("again"), NO_PARTY);
        takeLogs(4);
    }

    function _context() private view returns (Activity memory what) {
        what = details(ActivityKind.JOIN);
        what.purpose = 2;
    }

    /// @dev The widest but in one field; of what is made from it, a policy without a limit exceeds it.
    function _limited(uint256 field) private returns (Policy memory terms, bytes32 name) {
        terms = widest();
        if (field == 0) (terms.actions, name) = (terms.actions & ~READ, "actions");
        if (field == 1) (terms.prohibited, name) = (SHARE_GOV, "prohibited");
        if (field == 2) (terms.duties, name) = (2, "duties");
        if (field == 3) (terms.purposes, name) = (1, "purposes");
        if (field == 4) (terms.industries, name) = (1, "industries");
        if (field == 5) (terms.roles, name) = (ROLE_CONSUMER, "roles");
        if (field == 6) (terms.modes, name) = (1, "modes");
        if (field == 7) (terms.subDepth, name) = (3, "subDepth");
        if (field == 8) (terms.minSecurityGrade, name) = (1, "minSecurityGrade");
        if (field == 9) name = "derivation";
        if (field == 10) (terms.notBefore, name) = (1, "notBefore");
        if (field == 11) (terms.notAfter, name) = (uint40(block.timestamp + 1 days), "notAfter");
        if (field == 12) (terms.maxDuration, name) = (1 days, "maxDuration");
        if (field == 13) (terms.territory, name) = (_territory("CN", "CN"), "territory");
        if (field == 14) (terms.territory, name) = (_territory("CN", "FR"), "territory");
    }

    function _limitedInput(Policy memory terms) private returns (Input[] memory inputs) {
        GrantTerms memory grant = rootTerms(store(terms));
        (grant.notBefore, grant.notAfter) = (terms.notBefore, terms.notAfter);
        inputs = inputsOf(dataset, 1, issueAs(holder, grant));
        if (terms.maxDuration == 1 days) {
            vm.prank(taker.account);
            licenses.activate(inputs[0].grant, NO_PARTY);
        }
    }

    function _wider(uint256 field) private returns (Policy memory wider) {
        wider = widest();
        if (field == 9) wider.derivation = Derivation.FREE_IF_SUBSTANTIAL;
        if (field == 14) wider.territory = _territory("CN", "DE");
    }

    function _context(uint8 grade) private view returns (Activity memory what) {
        what = details(ActivityKind.JOIN);
        what.securityGrade = grade;
    }

    function test_RevertWhen_ExceedsCeiling() public {
        for (uint256 field = 0; field < FIELDS; ++field) {
            (Policy memory terms, bytes32 name) = _limited(field);
            Input[] memory inputs = _limitedInput(terms);
            (, dataset) = deriveAs(taker, _context(1), inputs, outputOf(bytes32(1 + field)));
            GrantTerms memory grant = rootTerms(store(_wider(field)));
            bytes memory reason = abi.encodeWithSelector(IPolicies.PolicyExceedsCeiling.selector, name);
            issueAs(taker, grant, reason);
            vm.expectRevert(reason);
            vm.prank(taker.account);
            licenses.offer(dataset, grant.policy, type(uint40).max, 1, NO_PARTY);
            dataset = DatasetId.wrap(1);
        }
    }

    function test_RevertWhen_CeilingNarrower() public {
        for (uint256 field = 0; field < FIELDS; ++field) {
            (Policy memory terms, bytes32 name) = _limited(field);
            Input[] memory wide = inputsOf(dataset, 1, grantOn(dataset, _wider(field)));
            Input[] memory inputs = _limitedInput(terms);
            (, DatasetId derived) = deriveAs(taker, _context(1), wide, outputOf(bytes32(1 + field)));
            bytes memory reason = abi.encodeWithSelector(IPolicies.CeilingNarrower.selector, name);
            deriveAs(taker, _context(1), inputs, outputOf("next", derived, 2), reason);
        }
    }

    function test_GrantCeiling() public {
        Policy memory free = _lifting();
        (free.maxDuration, free.maxUses) = (type(uint32).max, type(uint40).max);
        Input[] memory inputs = _limitedInput(free);
        (, dataset) = deriveAs(taker, _read(), inputs, outputOf("out"));
        GrantTerms memory grant = rootTerms(ceilingOf(dataset));
        (grant.notBefore, grant.notAfter) = (free.notBefore, free.notAfter);
        grant.grantee = other.party;
        issueAs(taker, grant);
    }

    function _read() private view returns (Activity memory what) {
        what = details(ActivityKind.TRANSFORM);
        what.securityGrade = 2;
    }
}
