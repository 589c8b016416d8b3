// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {GrantRecords} from "./GrantRecords.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IPolicies} from "./interfaces/IPolicies.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {lowestBit} from "./libraries/Bits.sol";
import {ACT_GRANT} from "./types/Acts.sol";
import {OpenClass} from "./types/Dataset.sol";
import {BadStatus, EvidenceMissing, HoldActive, InvalidField} from "./types/Errors.sol";
import {SCOPE_GRANT} from "./types/Holds.sol";
import {DatasetId, HoldId, NO_HOLD, PartyId} from "./types/Ids.sol";
import {
    ACTION_DERIVE,
    ACTION_LICENSE,
    ACTION_OPEN,
    ACTIONS_CONTROL,
    ACTIONS_HOLD,
    ACTIONS_OPERATE,
    ACTIONS_USE,
    Assignment,
    Bounds,
    GrantId,
    GrantStatus,
    GrantTerms,
    LICENSE_BIT,
    NO_GRANT,
    NO_POLICY,
    OfferId,
    PolicyId,
    UNLIMITED_DURATION,
    UNLIMITED_USES
} from "./types/Policy.sol";
import {ROLE_PUBLIC_BODY} from "./types/Roles.sol";
import {datasetSubject, grantSubject, KIND_GRANT, partySubject} from "./types/Subject.sol";
import {Right, RIGHT_HOLD, RIGHT_OPERATE, RIGHT_USE} from "./types/Units.sol";

/// @title Grants
/// @notice The part of {ILicenses} that cuts grants, from titles and from each other, and ends them
/// at the word of those who have the say over them.
abstract contract Grants is GrantRecords {
    /// @dev The grants cut from the titles of one dataset: two lists, newest first, each going on
    /// through {Grant-previous}.
    struct Roots {
        uint40 exclusive;
        uint40 other;
        uint40 ends; // when the last of the others ends
    }

    /// @dev With how many grants of a list, those that are over left out, a new one is compared.
    uint256 private constant MAX_COMPARED = 64;

    mapping(GrantId id => Assignment) internal _assignments;
    mapping(DatasetId dataset => Roots) private _roots;
    uint64 private _grantCount;

    IPolicies internal immutable POLICIES;

    constructor(IDirectory directory) GrantRecords(directory) {
        POLICIES = IPolicies(directory.addressOf("Policies"));
    }

    /// @inheritdoc ILicenses
    function issue(GrantTerms calldata terms, PartyId onBehalfOf) external returns (GrantId) {
        PartyId granter = _actingParty(onBehalfOf, ACT_GRANT, terms.dataset);
        if (terms.parent != NO_GRANT) return _cutFromGrant(terms, granter);
        return _cutFromTitle(terms, granter, OfferId.wrap(0));
    }

    /// @inheritdoc ILicenses
    function suspend(GrantId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        _setStatus(id, GrantStatus.SUSPENDED, reasonHash, onBehalfOf);
    }

    /// @inheritdoc ILicenses
    function resume(GrantId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        _setStatus(id, GrantStatus.ACTIVE, reasonHash, onBehalfOf);
    }

    /// @inheritdoc ILicenses
    function revoke(GrantId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        _setStatus(id, GrantStatus.REVOKED, reasonHash, onBehalfOf);
    }

    /// @inheritdoc ILicenses
    function tidy(GrantId id, uint256 most) external {
        Record storage record = _existing(id);
        record.previous = _firstStanding(record.previous, most);
    }

    /// @inheritdoc ILicenses
    function grantCount() external view returns (uint64) {
        return _grantCount;
    }

    function _actingParty(PartyId onBehalfOf, uint32 act, DatasetId dataset) internal view returns (PartyId) {
        return PARTIES.actingParty(_msgSender(), onBehalfOf, act, dataset, 0);
    }

    function _boundsOf(PolicyId policyId) internal view returns (Bounds memory) {
        return POLICIES.boundsOf(policyId);
    }

    function _requireClear(GrantId id, DatasetId dataset, uint16 scope) internal view {
        HoldId hold = _firstHold(id, dataset, scope, true, true);
        if (hold != NO_HOLD) revert HoldActive(hold, scope);
    }

    /// @dev The party has the say over a grant: over one cut from a title whoever has the majority
    /// of units of that title now, over another the grantee of its parent.
    function _requireSay(Record storage record, PartyId party) internal view {
        uint256 parent = record.parent;
        if (parent == 0) {
            Right right = record.onHold ? Right.HOLD : Right.OPERATE;
            TITLES.requireMayAct(_datasetOf(record), right, party);
        } else if (_granteeOf(_grants[parent]) != party) {
            revert NotGranter(party);
        }
    }

    /// @dev The granter's titles permit each action of the policy and to pass it on, what the dataset
    /// was made from permits the policy, and the open class permits the opening.
    /// @return bounds What binds a grant under the policy.
    /// @return onHold True if the granter acts as holder, false if as operator: whoever takes OPERATE
    /// over has the say over all that is operated, whatever else the same grant permits.
    function _requireTitle(DatasetId dataset, PolicyId policyId, PartyId granter, bool offered)
        internal
        view
        returns (Bounds memory bounds, bool onHold)
    {
        SUPERVISION.requireClear(datasetSubject(dataset), SCOPE_GRANT);
        uint8 rights = TITLES.rightsOf(dataset, granter);
        onHold = rights & RIGHT_HOLD != 0;
        bool operates = rights & RIGHT_OPERATE != 0;
        if (!onHold && !operates) revert ITitles.NotHolder(dataset, Right.OPERATE, granter);
        bounds = _boundsOf(policyId);
        uint32 missing = bounds.actions & ~ACTIONS_CONTROL;
        if (onHold) missing &= ~ACTIONS_HOLD;
        if (operates) missing &= ~ACTIONS_OPERATE;
        if (rights & RIGHT_USE != 0) missing &= ~ACTIONS_USE;
        if (missing != 0) revert ActionNotGranted(lowestBit(missing));
        if (bounds.actions & ACTIONS_OPERATE != 0) onHold = false;
        _requireWithinCeiling(dataset, policyId);
        // An offer opens the data whatever its policy calls it, unless it is to public bodies only.
        bool opens = bounds.actions & ACTION_OPEN != 0 || (offered && bounds.roles != ROLE_PUBLIC_BODY);
        if (opens) _requireOpenClass(dataset, bounds.open);
    }

    function _cutFromTitle(GrantTerms memory terms, PartyId granter, OfferId offerId) internal returns (GrantId id) {
        (Bounds memory bounds, bool onHold) =
            _requireTitle(terms.dataset, terms.policy, granter, OfferId.unwrap(offerId) != 0);
        _requireInPolicy(terms, granter, bounds);
        id = GrantId.wrap(++_grantCount);
        uint40 previous = _enlist(id, terms, bounds.actions);
        _store(id, terms, 0, onHold, bounds, previous);
        _announce(id, terms, granter, offerId);
    }

    function _cutFromGrant(GrantTerms memory terms, PartyId granter) private returns (GrantId id) {
        Record storage parent = _existing(terms.parent);
        if (_granteeOf(parent) != granter) revert NotGrantee(terms.parent, granter);
        _requireClear(terms.parent, _datasetOf(parent), SCOPE_GRANT);
        _requireActive(terms.parent, parent);
        uint8 depth = parent.depth;
        PolicyId policyAbove = _policyOf(parent);
        // LICENSE comes with depth, and depth shrinks with each level down to zero (MAX_DEPTH).
        if (POLICIES.actionsOf(policyAbove) & ACTION_LICENSE == 0) {
            // Within a chain the depth has been used up; a first one never had the permission.
            if (depth > 0) revert SubLicenseDepth(terms.parent);
            revert ActionNotGranted(LICENSE_BIT);
        }
        if (terms.exclusive) revert InvalidField("exclusive");
        Bounds memory bounds = _boundsOf(terms.policy);
        _requireInPolicy(terms, granter, bounds);
        _require(terms.dataset == _datasetOf(parent), "dataset");
        _require(terms.notBefore >= parent.notBefore, "notBefore");
        _require(terms.notAfter <= parent.notAfter, "notAfter");
        POLICIES.requireWithin(terms.policy, policyAbove);
        // A correction may have lowered the ceiling since the grant above was cut.
        _requireWithinCeiling(terms.dataset, terms.policy);
        // The condition on which the grant above opens the data may be a duty, which need not stick.
        if (bounds.actions & ACTION_OPEN != 0) _requireOpenClass(terms.dataset, bounds.open);
        _reserveUses(parent, terms.uses);
        id = GrantId.wrap(++_grantCount);
        _store(id, terms, depth + 1, parent.onHold, bounds, 0);
        _announce(id, terms, granter, OfferId.wrap(0));
    }

    /// @dev Takes a sub-grant's uses off its parent's, so that quotas never multiply.
    function _reserveUses(Record storage parent, uint40 uses) private {
        uint40 left = parent.usesLeft;
        if (left == UNLIMITED_USES) return;
        _require(uses <= left, "uses");
        _takeUses(parent, left, uses);
    }

    function _takeUses(Record storage record, uint40 left, uint40 uses) internal {
        record.usesLeft = left - uses;
        if (left == uses) record.marks |= EXHAUSTED;
    }

    function _store(
        GrantId id,
        GrantTerms memory terms,
        uint8 depth,
        bool onHold,
        Bounds memory bounds,
        uint40 previous
    ) private {
        _grants[GrantId.unwrap(id)] = Record({
            parent: uint40(GrantId.unwrap(terms.parent)),
            policy: uint40(PolicyId.unwrap(terms.policy)),
            dataset: uint40(DatasetId.unwrap(terms.dataset)),
            grantee: uint40(PartyId.unwrap(terms.grantee)),
            notBefore: terms.notBefore,
            notAfter: terms.notAfter,
            status: ACTIVE,
            marks: _marksOf(terms, bounds),
            usesLeft: terms.uses,
            used: 0,
            previous: previous,
            depth: depth,
            exclusive: terms.exclusive,
            onHold: onHold
        });
    }

    function _marksOf(GrantTerms memory terms, Bounds memory bounds) private pure returns (uint8 marks) {
        if (bounds.maxDuration != UNLIMITED_DURATION) marks = DORMANT;
        if (terms.uses != UNLIMITED_USES) marks |= COUNTED;
        if (bounds.actions & ACTION_DERIVE != 0) marks |= DERIVES;
    }

    function _announce(GrantId id, GrantTerms memory terms, PartyId granter, OfferId offerId) private {
        _log(
            GrantIssued.selector,
            datasetSubject(terms.dataset),
            partySubject(granter),
            partySubject(terms.grantee),
            abi.encode(id, terms, offerId)
        );
    }

    /// @dev Enters a grant cut from a title into its list, after comparing it with the exclusive
    /// ones and, if it is exclusive, with the others.
    /// @return previous The one before it in the list.
    function _enlist(GrantId id, GrantTerms memory terms, uint32 actions) private returns (uint40 previous) {
        Roots storage roots = _roots[terms.dataset];
        (uint40 exclusive, uint40 other, uint40 ends) = (roots.exclusive, roots.other, roots.ends);
        exclusive = _requireNoConflict(exclusive, terms, actions);
        if (terms.exclusive) {
            other = ends < block.timestamp ? 0 : _requireNoConflict(other, terms, actions);
            previous = exclusive;
            exclusive = uint40(GrantId.unwrap(id));
        } else {
            if (terms.notAfter > ends) ends = terms.notAfter;
            previous = other;
            other = uint40(GrantId.unwrap(id));
        }
        (roots.exclusive, roots.other, roots.ends) = (exclusive, other, ends);
    }

    /// @dev No grant of the list permits one of the actions in the same time. TRANSFER and EXPORT
    /// say how the others are used, so two grants may share them. Those that are over leave the list.
    /// @return The first of the list that is not over, or zero.
    function _requireNoConflict(uint40 head, GrantTerms memory terms, uint32 actions) private returns (uint40) {
        head = _firstStanding(head, type(uint256).max);
        uint40 next = head;
        for (uint256 i = 0; next != 0; ++i) {
            if (i == MAX_COMPARED) revert TooManyGrants(terms.dataset, MAX_COMPARED);
            Record storage record = _grants[next];
            bool apart = record.notAfter < terms.notBefore || terms.notAfter < record.notBefore;
            if (!apart) {
                uint32 common = POLICIES.actionsOf(_policyOf(record)) & actions & ~ACTIONS_CONTROL;
                if (common != 0) revert ExclusiveConflict(GrantId.wrap(next));
            }
            next = _firstStanding(record.previous, type(uint256).max);
            record.previous = next;
        }
        return head;
    }

    function _firstStanding(uint40 next, uint256 most) private view returns (uint40) {
        for (; most != 0 && next != 0 && _isOver(_grants[next]); --most) next = _grants[next].previous;
        return next;
    }

    /// @dev A change of status ends a proposed assignment: what was seen when it was proposed or
    /// consented to is no longer so.
    function _setStatus(GrantId id, GrantStatus status, bytes32 reasonHash, PartyId onBehalfOf) private {
        Record storage record = _existing(id);
        DatasetId dataset = _datasetOf(record);
        PartyId by = _actingParty(onBehalfOf, ACT_GRANT, dataset);
        uint8 found = record.status;
        // ACTIVE and SUSPENDED lead to each other and to REVOKED, which leads nowhere.
        if (found == REVOKED || found == uint8(status)) revert BadStatus(KIND_GRANT, GrantId.unwrap(id), found);
        _requireSay(record, by);
        if (reasonHash == 0) revert EvidenceMissing();
        record.status = uint8(status);
        delete _assignments[id];
        _log(
            GrantStatusSet.selector,
            datasetSubject(dataset),
            grantSubject(id),
            partySubject(by),
            abi.encode(status, reasonHash)
        );
    }

    /// @dev What the terms of a grant must satisfy whatever it is cut from.
    function _requireInPolicy(GrantTerms memory terms, PartyId granter, Bounds memory bounds) private view {
        _requireRecipient(granter, terms.grantee, bounds.roles);
        _require(terms.notBefore >= bounds.notBefore, "notBefore");
        _requireLimits(terms.notBefore, terms.notAfter, terms.uses, bounds);
    }

    /// @dev It ends after it begins, and in the future; it permits a use; and neither is more than
    /// the policy allows.
    function _requireLimits(uint40 notBefore, uint40 notAfter, uint40 uses, Bounds memory bounds) internal view {
        if (notBefore >= notAfter || notAfter <= block.timestamp) revert InvalidField("notAfter");
        if (uses == 0) revert InvalidField("uses");
        _require(notAfter <= bounds.notAfter, "notAfter");
        _require(uses <= bounds.maxUses, "uses");
    }

    /// @dev What the dataset was made from permits the policy.
    function _requireWithinCeiling(DatasetId dataset, PolicyId policyId) private view {
        (PolicyId ceiling,) = DATASETS.ceiling(dataset);
        if (ceiling != NO_POLICY) POLICIES.requireWithinCeiling(policyId, ceiling);
    }

    function _requireRecipient(PartyId from, PartyId to, uint32 roles) internal view {
        uint32 found = PARTIES.requireBothClear(from, to, SCOPE_GRANT);
        if (found & roles == 0) revert RoleNotAllowed(roles);
    }

    /// @dev Public data that is closed is opened to nobody, and what is open on conditions not to
    /// everyone for everything. Data that is not public has no class.
    function _requireOpenClass(DatasetId dataset, bool unconditional) private view {
        OpenClass found = DATASETS.dataset(dataset).classification.openClass;
        if (found == OpenClass.CLOSED || (found == OpenClass.CONDITIONAL && unconditional)) {
            revert OpenClassForbids(uint8(found));
        }
    }

    function _require(bool within, bytes32 field) internal pure {
        if (!within) revert IPolicies.ScopeExceedsParent(field);
    }
}
