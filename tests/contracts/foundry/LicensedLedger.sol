// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Classification, OpenClass, SourceKind} from "../../../contracts/types/Dataset.sol";
import {DatasetId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    ACTIONS_USE,
    ACTION_DERIVE,
    ACTION_LICENSE,
    Derivation,
    GrantId,
    GrantTerms,
    MODES_ALL,
    NO_END,
    NO_GRANT,
    OfferId,
    Policy,
    PolicyId,
    UNLIMITED_DURATION,
    UNLIMITED_USES,
    UseRequest,
    WORLD
} from "../../../contracts/types/Policy.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER, ROLES_ALL} from "../../../contracts/types/Roles.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice A dataset of `holder`, and words for granting rights in it.
abstract contract LicensedLedger is FoldedLedger {
    uint32 internal constant READ = 1 << 8;
    uint32 internal constant COMPUTE = 1 << 16;
    uint32 internal constant TRAIN = 1 << 17;

    Actor internal holder;
    Actor internal taker;
    Actor internal other;
    Actor internal third;
    DatasetId internal dataset;

    function setUp() public virtual override {
        super.setUp();
        holder = admit("holder", ROLE_SUPPLIER);
        taker = admit("taker", ROLE_SUPPLIER | ROLE_CONSUMER);
        other = admit("other", ROLE_CONSUMER);
        third = admit("third", ROLE_CONSUMER);
        dataset = registerAs(holder, "root");
        takeLogs();
    }

    /// @dev The widest there is: uses, sub-grants four levels deep, no limits.
    function widest() internal pure returns (Policy memory) {
        return Policy({
            actions: ACTIONS_USE | ACTION_LICENSE,
            purposes: type(uint64).max,
            industries: type(uint32).max,
            roles: ROLES_ALL,
            modes: MODES_ALL,
            minSecurityGrade: 0,
            offChainTerms: false,
            territory: WORLD,
            prohibited: 0,
            duties: 0,
            subDepth: 4,
            derivation: Derivation.SAME_TERMS,
            notBefore: 0,
            notAfter: NO_END,
            maxDuration: UNLIMITED_DURATION,
            maxUses: UNLIMITED_USES,
            maxGrants: type(uint32).max
        });
    }

    /// @dev As {widest} with so many levels left.
    function deep(uint8 subDepth) internal pure returns (Policy memory terms) {
        terms = widest();
        terms.subDepth = subDepth;
        if (subDepth == 0) terms.actions &= ~ACTION_LICENSE;
    }

    function only(uint32 actions) internal pure returns (Policy memory terms) {
        terms = deep(0);
        terms.actions = actions;
        terms.derivation = actions & ACTION_DERIVE == 0 ? Derivation.NONE : Derivation.SAME_TERMS;
    }

    function store(Policy memory terms) internal returns (PolicyId) {
        vm.prank(holder.account);
        return policies.storePolicy(terms, 0, 0);
    }

    function rootTerms(PolicyId policy) internal view returns (GrantTerms memory) {
        return GrantTerms({
            dataset: dataset,
            parent: NO_GRANT,
            policy: policy,
            grantee: taker.party,
            notBefore: 0,
            notAfter: NO_END,
            uses: UNLIMITED_USES,
            exclusive: false
        });
    }

    function subTerms(GrantId parent, PolicyId policy, Actor memory grantee)
        internal
        view
        returns (GrantTerms memory terms)
    {
        terms = rootTerms(policy);
        terms.parent = parent;
        terms.grantee = grantee.party;
    }

    function issueAs(Actor memory actor, GrantTerms memory terms) internal returns (GrantId) {
        vm.prank(actor.account);
        return licenses.issue(terms, NO_PARTY);
    }

    function issueAs(Actor memory actor, GrantTerms memory terms, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(actor.account);
        licenses.issue(terms, NO_PARTY);
    }

    /// @dev A grant to `taker` from the title of `holder`.
    function grantOf(Policy memory terms) internal returns (GrantId) {
        return issueAs(holder, rootTerms(store(terms)));
    }

    /// @dev A chain of so many grants below one from the title, by turns to `other` and `taker`.
    function chain(uint8 levels) internal returns (GrantId last) {
        last = grantOf(deep(4));
        for (uint8 i = 0; i < levels; ++i) {
            (Actor memory giver, Actor memory to) = i % 2 == 0 ? (taker, other) : (other, taker);
            last = issueAs(giver, subTerms(last, store(deep(3 - i)), to));
        }
    }

    function offerAs(Actor memory actor, Policy memory terms) internal returns (OfferId) {
        PolicyId policy = store(terms);
        vm.prank(actor.account);
        return licenses.offer(dataset, policy, terms.notAfter, terms.maxUses, NO_PARTY);
    }

    function takeUpAs(Actor memory actor, OfferId id) internal returns (GrantId) {
        vm.prank(actor.account);
        return licenses.takeUp(id, NO_PARTY);
    }

    function request(uint32 action) internal pure returns (UseRequest memory) {
        return UseRequest({action: action, purpose: 1, industry: 1, mode: 1, country: "CN", securityGrade: 0});
    }

    function useAs(Actor memory actor, GrantId grant, uint40 uses) internal {
        vm.prank(actor.account);
        licenses.use(grant, request(READ), uses, NO_PARTY);
    }

    function countries(bytes2 code) internal pure returns (uint256[3] memory set) {
        uint256 bit = 26 * (uint256(uint8(code[0])) - 65) + uint8(code[1]) - 65;
        set[bit / 256] = 1 << (bit % 256);
    }

    function registerPublic(Actor memory actor, OpenClass class) internal returns (DatasetId) {
        Classification memory public_ = classification();
        public_.sourceKind = SourceKind.PUBLIC;
        public_.openClass = class;
        vm.prank(actor.account);
        return datasets.register(public_, SOURCE, contentOf(keccak256(abi.encode(class))), NO_PARTY);
    }
}
