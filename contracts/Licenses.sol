// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Grants} from "./Grants.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {ACT_GRANT, ACT_USE} from "./types/Acts.sol";
import {
    EvidenceMissing, HoldActive, InvalidField, NotFound, PartyInactive
} from "./types/Errors.sol";
import {SCOPE_DERIVE, SCOPE_EXPORT, SCOPE_USE} from "./types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_HOLD, NO_PARTY, PartyId} from "./types/Ids.sol";
import {
    ACTION_DERIVE,
    ACTION_EXPORT,
    ACTION_TRANSFER,
    Assignment,
    Code,
    Grant,
    GrantId,
    GrantStatus,
    GrantTerms,
    Inactive,
    NO_GRANT,
    Offer,
    OfferId,
    Policy,
    PolicyId,
    TRANSFER_BIT,
    UNLIMITED_USES,
    UseRequest
} from "./types/Policy.sol";
import {datasetSubject, grantSubject, KIND_GRANT, KIND_OFFER, partySubject} from "./types/Subject.sol";

/// @title Licenses
/// @notice See {ILicenses}. This file: use, the check before it, offers and assignments; terms are
/// in {Policies}, grants in {Grants}.
contract Licenses is Grants {
    mapping(OfferId id => Offer) private _offers;
    mapping(GrantId id => Assignment) private _assignments;
    uint64 private _offerCount;

    constructor(IDirectory directory) Grants(directory) {}

    /// @inheritdoc ILicenses
    function activate(GrantId id, PartyId onBehalfOf) external {
        Grant storage record = _existing(id);
        PartyId grantee = _requireGrantee(id, record, onBehalfOf);
        Inactive why = _inactivity(record);
        if (why == Inactive.NONE) revert InvalidField("dormant");
        if (why != Inactive.NOT_ACTIVATED) revert GrantNotActive(id, why);
        uint256 end = block.timestamp + POLICIES.policy(record.policy).maxDuration;
        record.dormant = false;
        if (end < record.notAfter) record.notAfter = uint40(end);
        _log(
            GrantActivated.selector,
            grantSubject(id),
            partySubject(grantee),
            abi.encode(record.notAfter)
        );
    }

    /// @inheritdoc ILicenses
    function use(GrantId id, UseRequest calldata request, uint40 uses, PartyId onBehalfOf) external {
        Grant storage record = _existing(id);
        PartyId grantee = _requireGrantee(id, record, onBehalfOf);
        (Code code, uint64 detail) = check(id, grantee, request);
        if (code != Code.PERMITTED) _refuse(id, code, detail, request);
        _countUses(id, record, grantee, uses, request.action, 0);
    }

    /// @inheritdoc ILicenses
    function report(
        GrantId id,
        uint40 first,
        uint40 uses,
        bytes32 receipts,
        PartyId onBehalfOf
    ) external {
        Grant storage record = _existing(id);
        PartyId grantee = _requireGrantee(id, record, onBehalfOf);
        _requireActive(id, record);
        if (receipts == 0) revert EvidenceMissing();
        if (first != record.used + 1) revert SequenceGap(record.used + 1, first);
        _countUses(id, record, grantee, uses, 0, receipts);
    }

    /// @inheritdoc ILicenses
    function proposeAssignment(GrantId id, PartyId to, PartyId onBehalfOf) external {
        Grant storage record = _existing(id);
        PartyId from = _requireGrantee(id, record, onBehalfOf);
        _requireActive(id, record);
        Policy memory terms = POLICIES.policy(record.policy);
        if (terms.actions & ACTION_TRANSFER == 0) revert ActionNotGranted(TRANSFER_BIT);
        if (to == from) revert InvalidField("to");
        _requireRecipient(to, terms.roles);
        _assignments[id] = Assignment(to, false);
        _log(
            AssignmentProposed.selector, grantSubject(id), partySubject(from), partySubject(to), ""
        );
    }

    /// @inheritdoc ILicenses
    function consentToAssignment(GrantId id, PartyId to, PartyId onBehalfOf) external {
        Grant storage record = _existing(id);
        PartyId by = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_GRANT, record.dataset, 0);
        _requireSay(record, by);
        if (to == NO_PARTY || _assignments[id].to != to) revert AssignmentMissing(id);
        _assignments[id].consented = true;
        _log(AssignmentConsented.selector, grantSubject(id), partySubject(by), "");
    }

    /// @inheritdoc ILicenses
    function acceptAssignment(GrantId id, PartyId onBehalfOf) external {
        Grant storage record = _existing(id);
        PartyId to = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_USE, record.dataset, 0);
        Assignment memory proposed = _assignments[id];
        if (proposed.to != to || !proposed.consented) revert AssignmentMissing(id);
        _requireActive(id, record);
        _requireRecipient(to, POLICIES.policy(record.policy).roles);
        PartyId from = record.grantee;
        delete _assignments[id];
        record.grantee = to;
        _log(GrantAssigned.selector, grantSubject(id), partySubject(from), partySubject(to), "");
    }

    /// @inheritdoc ILicenses
    function offer(
        DatasetId dataset,
        PolicyId policyId,
        uint40 notAfter,
        uint40 uses,
        PartyId onBehalfOf
    ) external returns (OfferId id) {
        PartyId granter = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_GRANT, dataset, 0);
        _requireTitle(dataset, policyId, granter);
        Policy memory terms = POLICIES.policy(policyId);
        if (terms.maxGrants == 0) revert InvalidField("maxGrants");
        if (notAfter <= block.timestamp) revert InvalidField("notAfter");
        _require(notAfter <= terms.notAfter, "notAfter");
        if (uses == 0) revert InvalidField("uses");
        _require(uses <= terms.maxUses, "uses");
        id = OfferId.wrap(++_offerCount);
        _offers[id] = Offer(dataset, granter, policyId, notAfter, false, terms.maxGrants, uses);
        _log(
            OfferMade.selector,
            datasetSubject(dataset),
            partySubject(granter),
            abi.encode(id, policyId, notAfter, uses)
        );
    }

    /// @inheritdoc ILicenses
    function takeUp(OfferId id, PartyId onBehalfOf) external returns (GrantId) {
        Offer storage found = _requireOffer(id);
        PartyId taker =
            PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_USE, found.dataset, 0);
        if (found.closed || found.left == 0 || found.notAfter <= block.timestamp) {
            revert OfferEnded(id);
        }
        --found.left;
        bool onHold = _requireTitle(found.dataset, found.policy, found.granter);
        GrantTerms memory terms = GrantTerms({
            dataset: found.dataset,
            parent: NO_GRANT,
            policy: found.policy,
            grantee: taker,
            notBefore: POLICIES.policy(found.policy).notBefore,
            notAfter: found.notAfter,
            uses: found.uses,
            exclusive: false
        });
        return _cutFromTitle(terms, found.granter, onHold, id);
    }

    /// @inheritdoc ILicenses
    function closeOffer(OfferId id, PartyId onBehalfOf) external {
        Offer storage found = _requireOffer(id);
        PartyId by = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_GRANT, found.dataset, 0);
        if (by != found.granter) revert NotGranter(by);
        if (found.closed) revert OfferEnded(id);
        found.closed = true;
        _log(OfferClosed.selector, datasetSubject(found.dataset), partySubject(by), abi.encode(id));
    }

    /// @inheritdoc ILicenses
    function offerOf(OfferId id) external view returns (Offer memory) {
        return _requireOffer(id);
    }

    /// @inheritdoc ILicenses
    function assignment(GrantId id) external view returns (Assignment memory) {
        return _assignments[id];
    }

    /// @inheritdoc ILicenses
    function check(GrantId id, PartyId actor, UseRequest calldata request)
        public
        view
        returns (Code, uint64)
    {
        Grant storage record = _grants[id];
        if (record.status == GrantStatus.NONE) return (Code.NOT_FOUND, 0);
        if (record.grantee != actor) return (Code.NOT_GRANTEE, 0);
        if (!PARTIES.isActive(actor)) return (Code.PARTY_INACTIVE, 0);
        HoldId hold = _holdOn(id, record.dataset, request.action);
        if (hold != NO_HOLD) return (Code.HOLD_ACTIVE, HoldId.unwrap(hold));
        Inactive why = _inactivity(record);
        if (why != Inactive.NONE) return (Code.GRANT_NOT_ACTIVE, uint64(why));
        uint32 roles = PARTIES.party(actor).roles;
        (Code code, uint64 detail) = POLICIES.judge(record.policy, roles, request);
        if (code == Code.PERMITTED || code == Code.UNDECIDED) {
            if (record.usesLeft == 0) return (Code.QUOTA_EXCEEDED, 0);
        }
        return (code, detail);
    }

    function _holdOn(GrantId id, DatasetId dataset, uint32 action) private view returns (HoldId) {
        uint16 scope = SCOPE_USE;
        if (action == ACTION_DERIVE) scope |= SCOPE_DERIVE;
        if (action == ACTION_EXPORT) scope |= SCOPE_EXPORT;
        HoldId hold = SUPERVISION.activeHold(datasetSubject(dataset), scope);
        return hold != NO_HOLD ? hold : SUPERVISION.activeHold(grantSubject(id), scope);
    }

    /// @dev Turns a code into the error of the same name.
    function _refuse(GrantId id, Code code, uint64 detail, UseRequest calldata request)
        private
        view
    {
        if (code == Code.HOLD_ACTIVE) revert HoldActive(HoldId.wrap(detail), SCOPE_USE);
        if (code == Code.GRANT_NOT_ACTIVE) revert GrantNotActive(id, Inactive(detail));
        if (code == Code.ACTION_NOT_GRANTED) revert ActionNotGranted(uint8(detail));
        if (code == Code.ROLE_NOT_ALLOWED) revert RoleNotAllowed(uint32(detail));
        if (code == Code.PURPOSE_NOT_ALLOWED) revert PurposeNotAllowed(request.purpose);
        if (code == Code.INDUSTRY_NOT_ALLOWED) revert IndustryNotAllowed(request.industry);
        if (code == Code.MODE_NOT_ALLOWED) revert ModeNotAllowed(request.mode);
        if (code == Code.TERRITORY_NOT_ALLOWED) revert TerritoryNotAllowed(request.country);
        if (code == Code.SECURITY_GRADE_TOO_LOW) revert SecurityGradeTooLow(uint8(detail));
        if (code == Code.QUOTA_EXCEEDED) revert QuotaExceeded(0, 1);
        revert Undecided(_grants[id].policy);
    }

    function _countUses(
        GrantId id,
        Grant storage record,
        PartyId grantee,
        uint40 uses,
        uint32 action,
        bytes32 receipts
    ) private {
        if (uses == 0) revert InvalidField("uses");
        uint40 left = record.usesLeft;
        if (uses > left) revert QuotaExceeded(left, uses);
        if (left != UNLIMITED_USES) record.usesLeft = left - uses;
        uint40 first = record.used + 1;
        record.used = first + uses - 1;
        _log(
            GrantUsed.selector,
            datasetSubject(record.dataset),
            grantSubject(id),
            partySubject(grantee),
            abi.encode(first, uses, action, receipts)
        );
    }

    function _requireGrantee(GrantId id, Grant storage record, PartyId onBehalfOf)
        private
        view
        returns (PartyId grantee)
    {
        grantee = PARTIES.actingParty(_msgSender(), onBehalfOf, ACT_USE, record.dataset, 0);
        if (record.grantee != grantee) revert NotGrantee(id, grantee);
    }

    function _requireOffer(OfferId id) private view returns (Offer storage found) {
        found = _offers[id];
        if (found.dataset == NO_DATASET) revert NotFound(KIND_OFFER, OfferId.unwrap(id));
    }
}
