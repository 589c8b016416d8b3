// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IParties} from "./interfaces/IParties.sol";
import {IPolicies} from "./interfaces/IPolicies.sol";
import {ISupervision} from "./interfaces/ISupervision.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {ACT_GRANT} from "./types/Acts.sol";
import {Dataset, DatasetStatus, OpenClass} from "./types/Dataset.sol";
import {
    BadStatus, EvidenceMissing, InvalidField, NotFound, PartyInactive
} from "./types/Errors.sol";
import {SCOPE_GRANT} from "./types/Holds.sol";
import {DatasetId, PartyId} from "./types/Ids.sol";
import {
    ACTION_LICENSE,
    ACTION_OPEN,
    ACTIONS_CONTROL,
    ACTIONS_HOLD,
    ACTIONS_OPERATE,
    ACTIONS_USE,
    Grant,
    GrantId,
    GrantStatus,
    GrantTerms,
    Inactive,
    LICENSE_BIT,
    MAX_DEPTH,
    NO_GRANT,
    OfferId,
    Policy,
    PolicyId,
    UNLIMITED_DURATION,
    UNLIMITED_USES
} from "./types/Policy.sol";
import {
    datasetSubject, grantSubject, KIND_DATASET, KIND_GRANT, partySubject
} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Grants
/// @notice The part of {ILicenses} that cuts grants, from titles and from each other, and says
/// whether they are active and who has the say over them.
abstract contract Grants is LedgerModule, ILicenses {
    /// @dev The grants cut from the titles of one dataset, newest first through {Grant-previous}.
    struct Roots {
        uint48 newest;
        uint48 exclusive; // the last exclusive one
        uint40 ends; // when the last of the others ends
    }

    /// @dev How many grants an exclusive one is compared with; beyond, it is refused.
    uint256 private constant MAX_COMPARED = 64;

    mapping(GrantId id => Grant) internal _grants;
    mapping(DatasetId dataset => Roots) private _roots;
    uint64 private _grantCount;

    IParties internal immutable PARTIES;
    IPolicies internal immutable POLICIES;
    ISupervision internal immutable SUPERVISION;
    ITitles internal immutable TITLES;
    IDatasets internal immutable DATASETS;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
        POLICIES = IPolicies(directory.addressOf("Policies"));
        SUPERVISION = ISupervision(directory.addressOf("Supervision"));
        TITLES = ITitles(directory.addressOf("Titles"));
        DATASETS = IDatasets(directory.addressOf("Datasets"));
    }

    /// @inheritdoc ILicenses
    function issue(GrantTerms calldata terms, PartyId onBehalfOf) external returns (GrantId) {
        PartyId granter =
            PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_GRANT, terms.dataset, 0);
        if (terms.parent == NO_GRANT) {
            bool onHold = _requireTitle(terms.dataset, terms.policy, granter);
            return _cutFromTitle(terms, granter, onHold, OfferId.wrap(0));
        }
        return _cutFromGrant(terms, granter);
    }

    /// @inheritdoc ILicenses
    function suspend(GrantId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        if (_existing(id).status != GrantStatus.ACTIVE) _revertStatus(id);
        _setStatus(id, GrantStatus.SUSPENDED, reasonHash, onBehalfOf);
    }

    /// @inheritdoc ILicenses
    function resume(GrantId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        if (_existing(id).status != GrantStatus.SUSPENDED) _revertStatus(id);
        _setStatus(id, GrantStatus.ACTIVE, reasonHash, onBehalfOf);
    }

    /// @inheritdoc ILicenses
    function revoke(GrantId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        if (_existing(id).status == GrantStatus.REVOKED) _revertStatus(id);
        _setStatus(id, GrantStatus.REVOKED, reasonHash, onBehalfOf);
    }

    /// @inheritdoc ILicenses
    function grant(GrantId id) external view returns (Grant memory) {
        return _existing(id);
    }

    /// @inheritdoc ILicenses
    function inactivity(GrantId id) external view returns (Inactive) {
        return _inactivity(_existing(id));
    }

    /// @dev Why a grant cannot be used now: its own state first, then its parents', then its title.
    function _inactivity(Grant storage record) internal view returns (Inactive why) {
        why = _ownInactivity(record);
        if (why != Inactive.NONE) return why;
        if (record.dormant) return Inactive.NOT_ACTIVATED;
        GrantId parent = record.parent;
        while (parent != NO_GRANT) {
            Grant storage above = _grants[parent];
            if (_ownInactivity(above) != Inactive.NONE) return Inactive.PARENT;
            parent = above.parent;
        }
        return TITLES.isClosed(record.dataset) ? Inactive.TITLE : Inactive.NONE;
    }

    function _requireActive(GrantId id, Grant storage record) internal view {
        Inactive why = _inactivity(record);
        if (why != Inactive.NONE) revert GrantNotActive(id, why);
    }

    function _existing(GrantId id) internal view returns (Grant storage record) {
        record = _grants[id];
        if (record.status == GrantStatus.NONE) revert NotFound(KIND_GRANT, GrantId.unwrap(id));
    }

    function _require(bool within, bytes32 field) internal pure {
        if (!within) revert IPolicies.ScopeExceedsParent(field);
    }

    /// @dev The party has the say over a grant: over one cut from a title whoever has the majority
    /// of units of that title now, over another the grantee of its parent.
    function _requireSay(Grant storage record, PartyId party) internal view {
        if (record.parent != NO_GRANT) {
            if (_grants[record.parent].grantee != party) revert NotGranter(party);
        } else {
            TITLES.requireMayAct(
                record.dataset, record.onHold ? Right.HOLD : Right.OPERATE, party
            );
        }
    }

    /// @dev The granter's titles permit each action of the policy, and to pass it on. Returns
    /// whether it does so as holder, else as operator.
    function _requireTitle(DatasetId dataset, PolicyId policyId, PartyId granter)
        internal
        view
        returns (bool onHold)
    {
        onHold = TITLES.mayAct(dataset, Right.HOLD, granter);
        bool operates = TITLES.mayAct(dataset, Right.OPERATE, granter);
        if (!onHold && !operates) TITLES.requireMayAct(dataset, Right.OPERATE, granter);
        uint32 actions = POLICIES.policy(policyId).actions;
        uint32 missing = actions & ~ACTIONS_CONTROL;
        if (onHold) missing &= ~ACTIONS_HOLD;
        if (operates) missing &= ~ACTIONS_OPERATE;
        if (missing & ACTIONS_USE != 0 && TITLES.mayAct(dataset, Right.USE, granter)) {
            missing &= ~ACTIONS_USE;
        }
        if (missing != 0) revert ActionNotGranted(_lowestBit(missing));
        _requireOpenClass(dataset, actions);
    }

    function _cutFromTitle(
        GrantTerms memory terms,
        PartyId granter,
        bool onHold,
        OfferId offerId
    ) internal returns (GrantId id) {
        SUPERVISION.requireClear(datasetSubject(terms.dataset), SCOPE_GRANT);
        if (TITLES.isClosed(terms.dataset)) {
            revert BadStatus(
                KIND_DATASET, DatasetId.unwrap(terms.dataset), uint8(DatasetStatus.DEREGISTERED)
            );
        }
        Policy memory terms_ = POLICIES.policy(terms.policy);
        _requireInPolicy(terms, terms_);
        id = _create(terms, 0, onHold, terms_.maxDuration != UNLIMITED_DURATION);
        _enlist(id, terms, terms_.actions);
        _announce(id, terms, granter, offerId);
    }

    function _cutFromGrant(GrantTerms calldata terms, PartyId granter) private returns (GrantId id) {
        Grant storage parent = _existing(terms.parent);
        if (parent.grantee != granter) revert NotGrantee(terms.parent, granter);
        SUPERVISION.requireClear(datasetSubject(parent.dataset), SCOPE_GRANT);
        _requireActive(terms.parent, parent);
        Policy memory above = POLICIES.policy(parent.policy);
        if (above.actions & ACTION_LICENSE == 0) {
            // The last of a chain has used the depth up; a first one never had the permission.
            if (parent.depth > 0 && above.subDepth == 0) revert SubLicenseDepth(terms.parent);
            revert ActionNotGranted(LICENSE_BIT);
        }
        if (above.subDepth == 0 || parent.depth == MAX_DEPTH) revert SubLicenseDepth(terms.parent);
        if (DatasetId.unwrap(terms.dataset) != DatasetId.unwrap(parent.dataset)) {
            revert IPolicies.ScopeExceedsParent("dataset");
        }
        if (terms.exclusive) revert InvalidField("exclusive");
        Policy memory terms_ = POLICIES.policy(terms.policy);
        _requireInPolicy(terms, terms_);
        POLICIES.requireWithin(terms.policy, parent.policy);
        _require(terms.notBefore >= parent.notBefore, "notBefore");
        _require(terms.notAfter <= parent.notAfter, "notAfter");
        _reserveUses(parent, terms.uses);
        id = _create(
            terms, parent.depth + 1, parent.onHold, terms_.maxDuration != UNLIMITED_DURATION
        );
        _announce(id, terms, granter, OfferId.wrap(0));
    }

    /// @dev Takes a sub-grant's uses off its parent's, so that quotas never multiply.
    function _reserveUses(Grant storage parent, uint40 uses) private {
        uint40 left = parent.usesLeft;
        if (left == UNLIMITED_USES) return;
        _require(uses <= left, "uses");
        parent.usesLeft = left - uses;
    }

    function _create(GrantTerms memory terms, uint8 depth, bool onHold, bool dormant)
        private
        returns (GrantId id)
    {
        id = GrantId.wrap(++_grantCount);
        _grants[id] = Grant({
            parent: terms.parent,
            policy: terms.policy,
            status: GrantStatus.ACTIVE,
            depth: depth,
            exclusive: terms.exclusive,
            onHold: onHold,
            dormant: dormant,
            notBefore: terms.notBefore,
            notAfter: terms.notAfter,
            dataset: terms.dataset,
            grantee: terms.grantee,
            usesLeft: terms.uses,
            used: 0,
            previous: _roots[terms.dataset].newest
        });
    }

    function _announce(GrantId id, GrantTerms memory terms, PartyId granter, OfferId offerId)
        private
    {
        _log(
            GrantIssued.selector,
            datasetSubject(terms.dataset),
            partySubject(granter),
            partySubject(terms.grantee),
            abi.encode(id, terms, offerId)
        );
    }

    /// @dev Enters a grant cut from a title, after checking it against exclusive ones.
    function _enlist(GrantId id, GrantTerms memory terms, uint32 actions) private {
        Roots memory roots = _roots[terms.dataset];
        if (roots.exclusive != 0) {
            _requireNoConflict(GrantId.wrap(roots.exclusive), actions);
        }
        uint48 own = uint48(GrantId.unwrap(id));
        if (terms.exclusive) {
            if (roots.ends >= block.timestamp) _compareAll(roots.newest, actions);
            roots.exclusive = own;
        } else if (terms.notAfter > roots.ends) {
            roots.ends = terms.notAfter;
        }
        roots.newest = own;
        _roots[terms.dataset] = roots;
    }

    function _compareAll(uint48 newest, uint32 actions) private view {
        uint48 next = newest;
        for (uint256 i = 0; next != 0; ++i) {
            if (i == MAX_COMPARED) revert ExclusiveConflict(GrantId.wrap(next));
            _requireNoConflict(GrantId.wrap(next), actions);
            next = _grants[GrantId.wrap(next)].previous;
        }
    }

    /// @dev A grant that is over is in nobody's way; a suspended one may come back.
    function _requireNoConflict(GrantId id, uint32 actions) private view {
        Grant storage record = _grants[id];
        if (record.status == GrantStatus.REVOKED || record.notAfter < block.timestamp) return;
        if (POLICIES.policy(record.policy).actions & actions != 0) revert ExclusiveConflict(id);
    }

    function _setStatus(GrantId id, GrantStatus status, bytes32 reasonHash, PartyId onBehalfOf)
        private
    {
        Grant storage record = _grants[id];
        PartyId by = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_GRANT, record.dataset, 0);
        _requireSay(record, by);
        if (reasonHash == 0) revert EvidenceMissing();
        record.status = status;
        _log(
            GrantStatusSet.selector,
            datasetSubject(record.dataset),
            grantSubject(id),
            partySubject(by),
            abi.encode(status, reasonHash)
        );
    }

    /// @dev What the terms of a grant must satisfy whatever it is cut from.
    function _requireInPolicy(GrantTerms memory terms, Policy memory terms_) private view {
        _requireRecipient(terms.grantee, terms_.roles);
        if (terms.notBefore >= terms.notAfter || terms.notAfter <= block.timestamp) {
            revert InvalidField("notAfter");
        }
        if (terms.uses == 0) revert InvalidField("uses");
        _require(terms.notBefore >= terms_.notBefore, "notBefore");
        _require(terms.notAfter <= terms_.notAfter, "notAfter");
        _require(terms.uses <= terms_.maxUses, "uses");
    }

    function _requireRecipient(PartyId party, uint32 roles) internal view {
        if (!PARTIES.isActive(party)) revert PartyInactive(party);
        if (PARTIES.party(party).roles & roles == 0) revert RoleNotAllowed(roles);
    }

    /// @dev Public data that is closed is opened to nobody.
    function _requireOpenClass(DatasetId dataset, uint32 actions) private view {
        if (actions & ACTION_OPEN == 0) return;
        Dataset memory found = DATASETS.dataset(dataset);
        if (found.classification.openClass == OpenClass.CLOSED) {
            revert OpenClassForbids(uint8(OpenClass.CLOSED));
        }
    }

    function _ownInactivity(Grant storage record) private view returns (Inactive) {
        if (record.status == GrantStatus.REVOKED) return Inactive.REVOKED;
        if (record.status == GrantStatus.SUSPENDED) return Inactive.SUSPENDED;
        if (block.timestamp < record.notBefore) return Inactive.NOT_YET;
        if (block.timestamp > record.notAfter) return Inactive.EXPIRED;
        return Inactive.NONE;
    }

    function _revertStatus(GrantId id) private view {
        revert BadStatus(KIND_GRANT, GrantId.unwrap(id), uint8(_grants[id].status));
    }

    function _lowestBit(uint32 word) internal pure returns (uint8 bit) {
        while (word & 1 == 0) {
            word >>= 1;
            ++bit;
        }
    }
}
