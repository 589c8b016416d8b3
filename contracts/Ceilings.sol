// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IPolicies} from "./interfaces/IPolicies.sol";
import {NotFound} from "./types/Errors.sol";
import {
    ACTION_SHARE_GOV,
    ACTIONS_ALL,
    ACTIONS_NOT_SHARED,
    Derivation,
    DUTIES_STICKY,
    MAX_DEPTH,
    MODES_ALL,
    NO_END,
    NO_POLICY,
    Policy,
    PolicyId,
    TerritoryId,
    UNLIMITED_DURATION,
    UNLIMITED_USES,
    WORLD
} from "./types/Policy.sol";
import {ROLE_PUBLIC_BODY, ROLES_ALL} from "./types/Roles.sol";
import {KIND_POLICY} from "./types/Subject.sol";

/// @title Ceilings
/// @notice The part of {IPolicies} that keeps terms and folds those of inputs into the ceiling of
/// what is made from them.
abstract contract Ceilings is LedgerModule, IPolicies {
    /// @dev Terms while they are folded. The territory is an id as long as one stored set is inside
    /// all others; its countries are read when a second one comes.
    struct Fold {
        Policy terms;
        uint256[3] countries;
        bool read; // the countries are there
        bool cut; // they are no stored territory's, as far as is known
    }

    mapping(PolicyId id => Policy) internal _policies;
    mapping(bytes32 contentHash => PolicyId) internal _policyIds;
    mapping(TerritoryId id => uint256[3]) internal _territories;
    mapping(bytes32 contentHash => TerritoryId) internal _territoryIds;
    uint64 internal _policyCount;
    uint64 internal _territoryCount;

    constructor(IDirectory directory) LedgerModule(directory) {}

    /// @inheritdoc IPolicies
    function storeFold(PolicyId whole, PolicyId[] calldata ids) external returns (PolicyId id) {
        Fold memory fold = _fold(whole, ids);
        if (fold.cut) {
            _requireModule("Lineage");
            fold.terms.territory = _keepTerritory(fold.countries);
        }
        bytes32 contentHash = _hashOf(fold.terms, 0, 0);
        id = _policyIds[contentHash];
        if (id != NO_POLICY) return id;
        _requireModule("Lineage");
        return _storePolicy(fold.terms, 0, 0, contentHash);
    }

    /// @inheritdoc IPolicies
    function foldOf(PolicyId whole, PolicyId[] calldata ids)
        external
        view
        returns (Policy memory terms, uint256[3] memory countries)
    {
        Fold memory fold = _fold(whole, ids);
        if (fold.cut) fold.terms.territory = _territoryIds[sha256(abi.encode(fold.countries))];
        _read(fold);
        return (fold.terms, fold.countries);
    }

    /// @inheritdoc IPolicies
    function requireFoldCovers(PolicyId ceiling, PolicyId[] calldata ids) external view {
        if (ceiling == NO_POLICY) revert CeilingNarrower("ceiling");
        Fold memory fold = _fold(NO_POLICY, ids);
        Policy memory terms = _existing(ceiling);
        bytes32 field = _firstExcess(terms, fold.terms);
        if (field != 0) revert CeilingNarrower(field);
        bool inside = fold.cut
            ? terms.territory != WORLD && _isInside(_territories[terms.territory], fold.countries)
            : _isTerritoryWithin(terms.territory, fold.terms.territory);
        if (!inside) revert CeilingNarrower("territory");
    }

    /// @inheritdoc IPolicies
    function requireWithinCeiling(PolicyId childId, PolicyId ceilingId) external view {
        if (childId == ceilingId) return;
        Policy memory child = _existing(childId);
        Policy memory ceiling = _existing(ceilingId);
        bytes32 field = _firstExcess(child, ceiling);
        if (field == 0 && !_isTerritoryWithin(child.territory, ceiling.territory)) field = "territory";
        if (field != 0) revert PolicyExceedsCeiling(field);
    }

    function _keepPolicy(Policy memory terms, bytes32 spdxHash, bytes32 documentHash) internal returns (PolicyId id) {
        bytes32 contentHash = _hashOf(terms, spdxHash, documentHash);
        id = _policyIds[contentHash];
        if (id == NO_POLICY) id = _storePolicy(terms, spdxHash, documentHash, contentHash);
    }

    function _storePolicy(Policy memory terms, bytes32 spdxHash, bytes32 documentHash, bytes32 contentHash)
        private
        returns (PolicyId id)
    {
        id = PolicyId.wrap(++_policyCount);
        _policies[id] = terms;
        _policyIds[contentHash] = id;
        _log(PolicyStored.selector, abi.encode(id, terms, spdxHash, documentHash, contentHash));
    }

    function _keepTerritory(uint256[3] memory countries) internal returns (TerritoryId id) {
        bytes32 contentHash = sha256(abi.encode(countries));
        id = _territoryIds[contentHash];
        if (id != WORLD) return id;
        id = TerritoryId.wrap(++_territoryCount);
        _territories[id] = countries;
        _territoryIds[contentHash] = id;
        _log(TerritoryStored.selector, abi.encode(id, countries));
    }

    function _existing(PolicyId id) internal view returns (Policy storage terms) {
        terms = _policies[id];
        // Every stored policy permits something.
        if (terms.actions == 0) revert NotFound(KIND_POLICY, PolicyId.unwrap(id));
    }

    function _isTerritoryWithin(TerritoryId child, TerritoryId parent) internal view returns (bool) {
        if (parent == WORLD || child == parent) return true;
        return child != WORLD && _isInside(_territories[child], _territories[parent]);
    }

    function _fold(PolicyId whole, PolicyId[] calldata ids) private view returns (Fold memory fold) {
        Policy memory terms = fold.terms;
        _setWidest(terms);
        if (whole != NO_POLICY) _foldIn(fold, _existing(whole), false);
        for (uint256 i = 0; i < ids.length; ++i) {
            Policy memory next = _existing(ids[i]);
            _foldIn(fold, next, next.derivation == Derivation.ATTRIBUTION_ONLY);
        }
        terms.actions &= ~terms.prohibited;
        // What is shared among public bodies is neither operated nor passed on: where both would be
        // left, the sharing goes.
        bool shared = terms.roles == ROLE_PUBLIC_BODY && terms.actions & ACTIONS_NOT_SHARED == 0;
        if (!shared) terms.actions &= ~ACTION_SHARE_GOV;
        _requireSome(terms.actions != 0, "actions");
        _requireSome(terms.purposes != 0, "purposes");
        _requireSome(terms.industries != 0, "industries");
        _requireSome(terms.roles != 0, "roles");
        _requireSome(terms.modes != 0, "modes");
        _requireSome(terms.notBefore < terms.notAfter && block.timestamp < terms.notAfter, "notAfter");
        uint256[3] memory words = fold.countries;
        _requireSome(!fold.cut || words[0] | words[1] | words[2] != 0, "territory");
    }

    /// @param lifted What is derived is free of actions, purposes, industries, roles, modes and depth.
    function _foldIn(Fold memory fold, Policy memory next, bool lifted) private view {
        Policy memory terms = fold.terms;
        if (!lifted) {
            terms.actions &= next.actions;
            terms.purposes &= next.purposes;
            terms.industries &= next.industries;
            terms.roles &= next.roles;
            terms.modes &= next.modes;
            if (next.subDepth < terms.subDepth) terms.subDepth = next.subDepth;
        }
        terms.prohibited |= next.prohibited;
        terms.duties |= next.duties & DUTIES_STICKY;
        terms.offChainTerms = terms.offChainTerms || next.offChainTerms;
        if (next.minSecurityGrade > terms.minSecurityGrade) terms.minSecurityGrade = next.minSecurityGrade;
        if (next.derivation < terms.derivation) terms.derivation = next.derivation;
        if (next.notBefore > terms.notBefore) terms.notBefore = next.notBefore;
        if (next.notAfter < terms.notAfter) terms.notAfter = next.notAfter;
        if (next.maxDuration < terms.maxDuration) terms.maxDuration = next.maxDuration;
        _cutTerritory(fold, next.territory);
    }

    function _cutTerritory(Fold memory fold, TerritoryId next) private view {
        TerritoryId current = fold.terms.territory;
        if (next == WORLD || (next == current && !fold.cut)) return;
        if (current == WORLD && !fold.cut) {
            fold.terms.territory = next;
            return;
        }
        _read(fold);
        uint256[3] memory words = _territories[next];
        if (_isInside(words, fold.countries)) {
            (fold.terms.territory, fold.countries, fold.cut) = (next, words, false);
        } else if (!_isInside(fold.countries, words)) {
            for (uint256 i = 0; i < 3; ++i) {
                fold.countries[i] &= words[i];
            }
            (fold.terms.territory, fold.cut) = (WORLD, true);
        }
    }

    function _hashOf(Policy memory terms, bytes32 spdxHash, bytes32 documentHash) private pure returns (bytes32) {
        return sha256(abi.encode(terms, spdxHash, documentHash));
    }

    function _read(Fold memory fold) private view {
        if (fold.read) return;
        fold.countries = _territories[fold.terms.territory];
        fold.read = true;
    }

    function _setWidest(Policy memory terms) private pure {
        terms.actions = ACTIONS_ALL;
        terms.purposes = type(uint64).max;
        terms.industries = type(uint32).max;
        terms.roles = ROLES_ALL;
        terms.modes = MODES_ALL;
        terms.subDepth = MAX_DEPTH;
        terms.derivation = Derivation.ATTRIBUTION_ONLY;
        terms.notAfter = NO_END;
        terms.maxDuration = UNLIMITED_DURATION;
        terms.maxUses = UNLIMITED_USES;
        terms.maxGrants = type(uint32).max;
    }

    /// @dev The first field but the territory in which terms are wider than a ceiling, or zero.
    function _firstExcess(Policy memory child, Policy memory ceiling) private pure returns (bytes32) {
        if (child.actions & ~ceiling.actions != 0) return "actions";
        if (ceiling.prohibited & ~child.prohibited != 0) return "prohibited";
        if (ceiling.duties & DUTIES_STICKY & ~child.duties != 0) return "duties";
        if (child.purposes & ~ceiling.purposes != 0) return "purposes";
        if (child.industries & ~ceiling.industries != 0) return "industries";
        if (child.roles & ~ceiling.roles != 0) return "roles";
        if (child.modes & ~ceiling.modes != 0) return "modes";
        if (child.subDepth > ceiling.subDepth) return "subDepth";
        if (child.minSecurityGrade < ceiling.minSecurityGrade) return "minSecurityGrade";
        if (child.derivation > ceiling.derivation) return "derivation";
        if (ceiling.offChainTerms && !child.offChainTerms) return "offChainTerms";
        if (child.notBefore < ceiling.notBefore) return "notBefore";
        if (child.notAfter > ceiling.notAfter) return "notAfter";
        if (child.maxDuration > ceiling.maxDuration) return "maxDuration";
        return 0;
    }

    function _isInside(uint256[3] memory child, uint256[3] memory parent) private pure returns (bool) {
        return child[0] & ~parent[0] == 0 && child[1] & ~parent[1] == 0 && child[2] & ~parent[2] == 0;
    }

    function _requireSome(bool left, bytes32 field) private pure {
        if (!left) revert IncompatibleInputs(field);
    }
}
