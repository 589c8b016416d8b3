// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Bounds, Code, Policy, PolicyId, TerritoryId, UseRequest} from "../types/Policy.sol";

/// @title Terms of use that a program can decide
/// @notice Policies and territories are immutable and stored once by content. Whatever is not
/// permitted is refused.
interface IPolicies {
    event PolicyStored(
        PolicyId policy, Policy terms, bytes32 spdxHash, bytes32 documentHash, bytes32 contentHash
    );
    event TerritoryStored(TerritoryId territory, uint256[3] countries);

    /// @notice An action is both permitted and prohibited, be it by SHARE_GOV: what is shared among
    /// public bodies is neither operated nor passed on.
    error PolicyConflict(uint32 actions);

    /// @notice The field of the child is wider than its parent's.
    error ScopeExceedsParent(bytes32 field);

    /// @notice The field is wider than what the dataset was made from allows.
    error PolicyExceedsCeiling(bytes32 field);

    /// @notice The inputs of a next version allow less than the ceiling of its dataset, in this field;
    /// register a new dataset. `ceiling` if the dataset has none.
    error CeilingNarrower(bytes32 field);

    /// @notice Nothing is left of this field that the terms of all inputs allow.
    error IncompatibleInputs(bytes32 field);

    /// @notice Stores terms; terms that were stored before keep their id.
    /// @dev Emits {PolicyStored} if they are new. Requirements: caller is an active party; every
    /// field in range; LICENSE only with depth; nothing both permitted and prohibited; SHARE_GOV
    /// only for the role PUBLIC_BODY.
    /// @param spdxHash SHA-256 of the SPDX licence id, or zero.
    /// @param documentHash SHA-256 of the ODRL document, or zero.
    function storePolicy(Policy calldata terms, bytes32 spdxHash, bytes32 documentHash)
        external
        returns (PolicyId policy);

    /// @notice Stores a set of countries; one that was stored before keeps its id.
    /// @dev Emits {TerritoryStored} if it is new. Requirements: caller is an active party; at least
    /// one country; no bit above 675.
    /// @param countries Bit `26 * (c0 - 65) + (c1 - 65)` for country c0 c1, lowest word first.
    function storeTerritory(uint256[3] calldata countries) external returns (TerritoryId territory);

    /// @notice Reverts with the first field in which `child` is wider than `parent` (domain 3.5).
    /// @dev Windows, uses and numbers of grants are not compared: a grant has its own, within those
    /// of its policy and of its parent.
    function requireWithin(PolicyId child, PolicyId parent) external view;

    /// @notice Reverts with the first field in which terms are wider than a ceiling.
    /// @dev As {requireWithin}, but of the same depth and derivation at most, and windows are compared.
    function requireWithinCeiling(PolicyId child, PolicyId ceiling) external view;

    /// @notice Reverts with {CeilingNarrower} if a ceiling is wider than the fold of some policies.
    function requireFoldCovers(PolicyId ceiling, PolicyId[] calldata ids) external view;

    /// @notice What all of some policies allow for a work derived under them (domain 3.5).
    /// A rule of ATTRIBUTION_ONLY lifts actions, purposes, industries, roles, modes and depth of its
    /// policy. Uses and number of grants are free; of the duties the sticky ones stay.
    /// @dev Requirements: they exist; every field leaves something over, else {IncompatibleInputs}.
    /// @param whole A policy that counts whole whatever its rule says; zero for none.
    /// @return terms Of which `territory` is zero, too, for one that is not stored yet.
    /// @return countries The countries of the territory; all zero for the world.
    function foldOf(PolicyId whole, PolicyId[] calldata ids)
        external
        view
        returns (Policy memory terms, uint256[3] memory countries);

    /// @notice Stores the fold of some policies, without documents; stored before, it keeps its id.
    /// @dev Emits {TerritoryStored} and {PolicyStored} if they are new. Requirements: caller is the
    /// module Lineage, unless the fold was stored before and so nothing changes; else as {foldOf}.
    function storeFold(PolicyId whole, PolicyId[] calldata ids) external returns (PolicyId policy);

    /// @notice Judges a use by the terms alone.
    /// @param roles Role bits of the party that asks.
    /// @param usesLeft True unless the uses of its grant are exhausted.
    /// @return code PERMITTED or UNDECIDED, or the first reason against it.
    /// @return detail What the code's comment says, else zero.
    function judge(PolicyId id, uint32 roles, bool usesLeft, UseRequest calldata request)
        external
        view
        returns (Code code, uint64 detail);

    /// @notice Reverts with the error of {ILicenses} that has the name of a code, if it is a reason
    /// that {judge} gives for the terms; errors of states are their own contract's.
    /// @param detail What the code's comment says.
    function refuse(Code code, uint64 detail, UseRequest calldata request) external pure;

    /// @notice Terms of a policy.
    /// @dev Requirements: it exists, else {NotFound}.
    function policy(PolicyId id) external view returns (Policy memory);

    /// @notice The fields that bind what is cut under a policy.
    /// @dev Requirements: it exists, else {NotFound}.
    function boundsOf(PolicyId id) external view returns (Bounds memory);

    /// @notice The ACTION_ bits that a policy permits.
    /// @dev Requirements: it exists, else {NotFound}.
    function actionsOf(PolicyId id) external view returns (uint32);

    /// @notice The id of terms by content, or zero.
    /// @param contentHash SHA-256 of `abi.encode(terms, spdxHash, documentHash)`.
    function policyByContent(bytes32 contentHash) external view returns (PolicyId);

    /// @notice The countries of a territory; all zero for the whole world and for none.
    function territory(TerritoryId id) external view returns (uint256[3] memory);

    /// @notice The id of a territory by content, or zero.
    /// @param contentHash SHA-256 of the three words.
    function territoryByContent(bytes32 contentHash) external view returns (TerritoryId);

    /// @notice How many policies there are; ids run from 1 to this.
    function count() external view returns (uint64);

    /// @notice How many territories there are; ids run from 1 to this.
    function territoryCount() external view returns (uint64);
}
