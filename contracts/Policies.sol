// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ceilings} from "./Ceilings.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IParties} from "./interfaces/IParties.sol";
import {IPolicies} from "./interfaces/IPolicies.sol";
import {lowestBit} from "./libraries/Bits.sol";
import {ACT_GRANT} from "./types/Acts.sol";
import {InvalidField, NotFound} from "./types/Errors.sol";
import {NO_DATASET, NO_PARTY} from "./types/Ids.sol";
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
    INDUSTRIES_NAMED,
    MAX_DEPTH,
    MODES_ALL,
    Policy,
    PolicyId,
    PURPOSES_NAMED,
    TerritoryId,
    UseRequest,
    WORLD
} from "./types/Policy.sol";
import {ROLE_PUBLIC_BODY, ROLES_ALL} from "./types/Roles.sol";
import {KIND_TERRITORY} from "./types/Subject.sol";

/// @title Policies
/// @notice See {IPolicies}. This file: terms of parties, and what they permit; records and the fold of
/// inputs' terms are in {Ceilings}.
contract Policies is Ceilings {
    IParties private immutable PARTIES;

    constructor(IDirectory directory) Ceilings(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
    }

    /// @inheritdoc IPolicies
    function storePolicy(Policy calldata terms, bytes32 spdxHash, bytes32 documentHash) external returns (PolicyId) {
        PARTIES.actingParty(_msgSender(), NO_PARTY, ACT_GRANT, NO_DATASET, 0);
        _requireTerms(terms);
        return _keepPolicy(terms, spdxHash, documentHash);
    }

    /// @inheritdoc IPolicies
    function storeTerritory(uint256[3] calldata countries) external returns (TerritoryId) {
        PARTIES.actingParty(_msgSender(), NO_PARTY, ACT_GRANT, NO_DATASET, 0);
        // 676 = 2 * 256 + 164 bits.
        if (countries[0] | countries[1] | countries[2] == 0 || countries[2] >> 164 != 0) {
            revert InvalidField("countries");
        }
        return _keepTerritory(countries);
    }

    /// @inheritdoc IPolicies
    function policy(PolicyId id) external view returns (Policy memory) {
        return _existing(id);
    }

    /// @inheritdoc IPolicies
    function boundsOf(PolicyId id) external view returns (Bounds memory) {
        Policy storage terms = _existing(id);
        uint32 roles = terms.roles;
        return Bounds({
            actions: terms.actions,
            roles: roles,
            open: roles == ROLES_ALL && _isUnconditional(terms),
            subDepth: terms.subDepth,
            notBefore: terms.notBefore,
            notAfter: terms.notAfter,
            maxDuration: terms.maxDuration,
            maxUses: terms.maxUses,
            maxGrants: terms.maxGrants
        });
    }

    /// @inheritdoc IPolicies
    function actionsOf(PolicyId id) external view returns (uint32) {
        return _existing(id).actions;
    }

    /// @inheritdoc IPolicies
    function policyByContent(bytes32 contentHash) external view returns (PolicyId) {
        return _policyIds[contentHash];
    }

    /// @inheritdoc IPolicies
    function territory(TerritoryId id) external view returns (uint256[3] memory) {
        return _territories[id];
    }

    /// @inheritdoc IPolicies
    function territoryByContent(bytes32 contentHash) external view returns (TerritoryId) {
        return _territoryIds[contentHash];
    }

    /// @inheritdoc IPolicies
    function count() external view returns (uint64) {
        return _policyCount;
    }

    /// @inheritdoc IPolicies
    function territoryCount() external view returns (uint64) {
        return _territoryCount;
    }

    /// @inheritdoc IPolicies
    function requireWithin(PolicyId childId, PolicyId parentId) external view {
        Policy storage child = _existing(childId);
        Policy storage parent = _existing(parentId);
        _require(child.actions & ~parent.actions == 0, "actions");
        _require(parent.prohibited & ~child.prohibited == 0, "prohibited");
        _require(parent.duties & DUTIES_STICKY & ~child.duties == 0, "duties");
        _require(child.purposes & ~parent.purposes == 0, "purposes");
        _require(child.industries & ~parent.industries == 0, "industries");
        _require(child.roles & ~parent.roles == 0, "roles");
        _require(child.modes & ~parent.modes == 0, "modes");
        _require(child.subDepth < parent.subDepth, "subDepth");
        _require(child.minSecurityGrade >= parent.minSecurityGrade, "minSecurityGrade");
        _require(child.derivation == Derivation.NONE || child.derivation == parent.derivation, "derivation");
        _require(child.offChainTerms || !parent.offChainTerms, "offChainTerms");
        _require(child.maxDuration <= parent.maxDuration, "maxDuration");
        _require(_isTerritoryWithin(child.territory, parent.territory), "territory");
    }

    /// @inheritdoc IPolicies
    function judge(PolicyId id, uint32 roles, bool usesLeft, UseRequest calldata request)
        external
        view
        returns (Code, uint64)
    {
        // Only fields of its first word; a policy that does not exist permits no action.
        Policy storage terms = _policies[id];
        uint256 permitted = terms.actions;
        uint256 purposes = terms.purposes;
        uint256 industries = terms.industries;
        uint32 allowed = terms.roles;
        uint256 modes = terms.modes;
        TerritoryId within = terms.territory;
        uint8 least = terms.minSecurityGrade;
        bool more = terms.offChainTerms;
        uint256 action = request.action;
        if (!_isOneOf(action, permitted)) return (Code.ACTION_NOT_GRANTED, lowestBit(action));
        if (roles & allowed == 0) return (Code.ROLE_NOT_ALLOWED, allowed);
        if (!_isPartOf(request.purpose, purposes)) return (Code.PURPOSE_NOT_ALLOWED, 0);
        if (!_isPartOf(request.industry, industries)) return (Code.INDUSTRY_NOT_ALLOWED, 0);
        if (!_isPartOf(request.mode, modes)) return (Code.MODE_NOT_ALLOWED, 0);
        bytes2 country = request.country;
        if (!_covers(within, country)) return (Code.TERRITORY_NOT_ALLOWED, uint16(country));
        if (request.securityGrade < least) return (Code.SECURITY_GRADE_TOO_LOW, least);
        if (!usesLeft) return (Code.QUOTA_EXCEEDED, 0);
        return (more ? Code.UNDECIDED : Code.PERMITTED, 0);
    }

    /// @inheritdoc IPolicies
    function refuse(Code code, uint64 detail, UseRequest calldata request) external pure {
        if (code == Code.ACTION_NOT_GRANTED) revert ILicenses.ActionNotGranted(uint8(detail));
        if (code == Code.ROLE_NOT_ALLOWED) revert ILicenses.RoleNotAllowed(uint32(detail));
        if (code == Code.PURPOSE_NOT_ALLOWED) revert ILicenses.PurposeNotAllowed(request.purpose);
        if (code == Code.INDUSTRY_NOT_ALLOWED) revert ILicenses.IndustryNotAllowed(request.industry);
        if (code == Code.MODE_NOT_ALLOWED) revert ILicenses.ModeNotAllowed(request.mode);
        if (code == Code.TERRITORY_NOT_ALLOWED) revert ILicenses.TerritoryNotAllowed(request.country);
        if (code == Code.SECURITY_GRADE_TOO_LOW) revert ILicenses.SecurityGradeTooLow(uint8(detail));
    }

    /// @dev The country is well formed and in the territory; the world holds every country.
    function _covers(TerritoryId id, bytes2 country) private view returns (bool) {
        unchecked {
            // Letters count from zero; whatever is not a letter comes out above 25.
            uint256 high = (uint16(country) >> 8) - uint256(65);
            uint256 low = (uint16(country) & 0xff) - uint256(65);
            if (high > 25 || low > 25) return false;
            if (id == WORLD) return true;
            uint256 bit = 26 * high + low;
            return (_territories[id][bit >> 8] >> (bit & 255)) & 1 == 1;
        }
    }

    /// @dev See {Bounds}; roles are looked at by the caller.
    function _isUnconditional(Policy storage terms) private view returns (bool) {
        return PURPOSES_NAMED & ~terms.purposes == 0 && INDUSTRIES_NAMED & ~terms.industries == 0
            && terms.modes == MODES_ALL && terms.territory == WORLD && terms.minSecurityGrade == 0
            && terms.duties == 0;
    }

    function _requireTerms(Policy calldata terms) private view {
        uint32 actions = terms.actions;
        _requireField(actions != 0 && actions & ~ACTIONS_ALL == 0, "actions");
        _requireField(terms.prohibited & ~ACTIONS_ALL == 0, "prohibited");
        uint32 conflict = actions & terms.prohibited;
        if (actions & ACTION_SHARE_GOV != 0) {
            _requireField(terms.roles == ROLE_PUBLIC_BODY, "roles");
            conflict |= actions & ACTIONS_NOT_SHARED;
        }
        if (conflict != 0) revert PolicyConflict(conflict);
        _requireField(terms.duties & ~DUTIES_ALL == 0, "duties");
        _requireField(terms.purposes != 0, "purposes");
        _requireField(terms.industries != 0, "industries");
        _requireField(terms.roles != 0 && terms.roles & ~ROLES_ALL == 0, "roles");
        _requireField(terms.modes != 0 && terms.modes & ~MODES_ALL == 0, "modes");
        bool licenses = actions & ACTION_LICENSE != 0;
        _requireField(terms.subDepth <= MAX_DEPTH && (terms.subDepth != 0 || !licenses), "subDepth");
        bool derives = actions & ACTION_DERIVE != 0;
        _requireField(derives == (terms.derivation != Derivation.NONE), "derivation");
        _requireField(terms.notBefore < terms.notAfter && terms.notAfter > block.timestamp, "notAfter");
        _requireField(terms.maxDuration != 0, "maxDuration");
        _requireField(terms.maxUses != 0, "maxUses");
        if (TerritoryId.unwrap(terms.territory) > _territoryCount) {
            revert NotFound(KIND_TERRITORY, TerritoryId.unwrap(terms.territory));
        }
    }

    /// @dev Exactly one bit, and one of those permitted.
    function _isOneOf(uint256 asked, uint256 permitted) private pure returns (bool) {
        unchecked {
            return asked & (asked - 1) == 0 && asked & permitted != 0;
        }
    }

    /// @dev At least one bit, and none beyond.
    function _isPartOf(uint256 asked, uint256 permitted) private pure returns (bool) {
        return asked != 0 && asked & ~permitted == 0;
    }

    function _require(bool within, bytes32 field) private pure {
        if (!within) revert ScopeExceedsParent(field);
    }

    function _requireField(bool inRange, bytes32 field) private pure {
        if (!inRange) revert InvalidField(field);
    }
}
