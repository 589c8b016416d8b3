// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Grants} from "./Grants.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {ACT_GRANT, ACT_USE} from "./types/Acts.sol";
import {BadStatus, EvidenceMissing, HoldActive, InvalidField, NotFound} from "./types/Errors.sol";
import {SCOPE_DERIVE, SCOPE_EXPORT, SCOPE_GRANT, SCOPE_USE} from "./types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_HOLD, NO_PARTY, PartyId} from "./types/Ids.sol";
import {
    ACTION_DERIVE,
    ACTION_EXPORT,
    ACTION_TRANSFER,
    Assignment,
    Bounds,
    Code,
    GrantId,
    GrantTerms,
    Inactive,
    NO_GRANT,
    NO_POLICY,
    Offer,
    OfferId,
    PolicyId,
    TRANSFER_BIT,
    UNLIMITED_USES,
    UseRequest
} from "./types/Policy.sol";
import {
    datasetSubject,
    grantSubject,
    KIND_GRANT,
    KIND_OFFER,
    LEDGER,
    partySubject,
    Subject
} from "./types/Subject.sol";

/// @title Licenses
/// @notice See {ILicenses}. This file: use, the check before it, offers and assignments; terms are
/// in {Policies}, grants in {Grants}.
contract Licenses is Grants {
    mapping(OfferId id => Offer) private _offers;
    mapping(OfferId id => mapping(PartyId taker => GrantId)) private _taken;
    uint64 private _offerCount;

    constructor(IDirectory directory) Grants(directory) {}

    /// @inheritdoc ILicenses
    function activate(GrantId id, PartyId onBehalfOf) external {
        Record storage record = _existing(id);
        PartyId grantee = _requireGrantee(id, record, onBehalfOf, ACT_USE);
        if (record.marks & DORMANT == 0) revert BadStatus(KIND_GRANT, GrantId.unwrap(id), record.status);
        record.marks &= ~DORMANT;
        _requireActive(id, record);
        uint256 end = block.timestamp + _boundsOf(_policyOf(record)).maxDuration;
        if (end < record.notAfter) record.notAfter = uint40(end);
        _log(
            GrantActivated.selector,
            datasetSubject(_datasetOf(record)),
            grantSubject(id),
            partySubject(grantee),
            abi.encode(record.notAfter)
        );
    }

    /// @inheritdoc ILicenses
    function use(GrantId id, UseRequest calldata request, uint40 uses, PartyId onBehalfOf) external {
        Record storage record = _existing(id);
        PartyId grantee = _requireGrantee(id, record, onBehalfOf, ACT_USE);
        _requirePermitted(id, grantee, request, _scopesOf(request.action), uses);
        _countUses(id, record, grantee, uses, request.action, 0);
    }

    /// @inheritdoc ILicenses
    function exercise(GrantId id, DatasetId dataset, PartyId party, UseRequest calldata request, bool derives)
        external
        returns (PolicyId policyId, bool mayDerive)
    {
        Record storage record = _record(id);
        if (_datasetOf(record) != dataset || _granteeOf(record) != party) return (NO_POLICY, false);
        _requirePermitted(id, party, request, derives ? SCOPE_USE | SCOPE_DERIVE : SCOPE_USE, 1);
        uint8 marks = record.marks;
        if (marks & COUNTED != 0) {
            // Else nothing changes, and anyone may ask.
            _requireModule("Lineage");
            _countUses(id, record, party, 1, request.action, 0);
        }
        return (_policyOf(record), marks & DERIVES != 0);
    }

    /// @inheritdoc ILicenses
    function report(
        GrantId id,
        uint40 first,
        uint40 uses,
        bytes32 receipts,
        PartyId onBehalfOf
    ) external {
        Record storage record = _existing(id);
        PartyId grantee = _requireGrantee(id, record, onBehalfOf, ACT_USE);
        _requireClear(id, _datasetOf(record), SCOPE_USE);
        PARTIES.requireClear(grantee, SCOPE_USE);
        _requireActive(id, record);
        if (receipts == 0) revert EvidenceMissing();
        if (first != record.used + 1) revert SequenceGap(record.used + 1, first);
        _countUses(id, record, grantee, uses, 0, receipts);
    }

    /// @inheritdoc ILicenses
    function proposeAssignment(GrantId id, PartyId to, PartyId onBehalfOf) external {
        Record storage record = _existing(id);
        // To give a grant away takes more than to use it.
        PartyId from = _requireGrantee(id, record, onBehalfOf, ACT_GRANT);
        if (to == NO_PARTY) {
            if (_assignments[id].to == NO_PARTY) revert AssignmentMissing(id);
        } else {
            _requireActive(id, record);
            Bounds memory bounds = _boundsOf(_policyOf(record));
            if (bounds.actions & ACTION_TRANSFER == 0) revert ActionNotGranted(TRANSFER_BIT);
            if (to == from) revert InvalidField("to");
            _requireRecipient(from, to, bounds.roles);
        }
        _assignments[id] = Assignment(to, NO_PARTY);
        Subject other = to == NO_PARTY ? LEDGER : partySubject(to);
        _log(AssignmentProposed.selector, grantSubject(id), partySubject(from), other, "");
    }

    /// @inheritdoc ILicenses
    function consentToAssignment(GrantId id, PartyId to, PartyId onBehalfOf) external {
        Record storage record = _existing(id);
        PartyId by = _actingParty(onBehalfOf, ACT_GRANT, _datasetOf(record));
        _requireSay(record, by);
        if (to == NO_PARTY || _assignments[id].to != to) revert AssignmentMissing(id);
        _assignments[id].consenter = by;
        _log(AssignmentConsented.selector, grantSubject(id), partySubject(by), partySubject(to), "");
    }

    /// @inheritdoc ILicenses
    function acceptAssignment(GrantId id, PartyId onBehalfOf) external {
        Record storage record = _existing(id);
        DatasetId dataset = _datasetOf(record);
        PartyId to = _actingParty(onBehalfOf, ACT_USE, dataset);
        Assignment memory proposed = _assignments[id];
        if (proposed.to != to || proposed.consenter == NO_PARTY) revert AssignmentMissing(id);
        _requireClear(id, dataset, SCOPE_GRANT);
        // The title, or the grant above, may have changed hands since.
        _requireSay(record, proposed.consenter);
        _requireActive(id, record);
        PartyId from = _granteeOf(record);
        _requireRecipient(from, to, _boundsOf(_policyOf(record)).roles);
        delete _assignments[id];
        record.grantee = uint40(PartyId.unwrap(to));
        _log(
            GrantAssigned.selector,
            datasetSubject(dataset),
            partySubject(from),
            partySubject(to),
            abi.encode(id)
        );
    }

    /// @inheritdoc ILicenses
    function offer(DatasetId dataset, PolicyId policyId, uint40 notAfter, uint40 uses, PartyId onBehalfOf)
        external
        returns (OfferId id)
    {
        PartyId granter = _actingParty(onBehalfOf, ACT_GRANT, dataset);
        PARTIES.requireClear(granter, SCOPE_GRANT);
        (Bounds memory bounds,) = _requireTitle(dataset, policyId, granter, true);
        if (bounds.maxGrants == 0) revert InvalidField("maxGrants");
        _requireLimits(0, notAfter, uses, bounds);
        id = OfferId.wrap(++_offerCount);
        _offers[id] = Offer(dataset, granter, policyId, notAfter, false, bounds.maxGrants, uses);
        _log(
            OfferMade.selector,
            datasetSubject(dataset),
            partySubject(granter),
            abi.encode(id, policyId, notAfter, uses)
        );
    }

    /// @inheritdoc ILicenses
    function takeUp(OfferId id, PartyId onBehalfOf) external returns (GrantId taken) {
        Offer storage found = _requireOffer(id);
        PartyId taker = _actingParty(onBehalfOf, ACT_USE, found.dataset);
        taken = _taken[id][taker];
        if (taken != NO_GRANT) revert OfferTaken(id, taken);
        if (found.closed || found.left == 0 || found.notAfter < block.timestamp) revert OfferEnded(id);
        PartyId granter = found.granter;
        --found.left;
        Bounds memory bounds = _boundsOf(found.policy);
        GrantTerms memory terms = GrantTerms({
            dataset: found.dataset,
            parent: NO_GRANT,
            policy: found.policy,
            grantee: taker,
            notBefore: bounds.notBefore,
            notAfter: bounds.notAfter,
            uses: found.uses,
            exclusive: false
        });
        taken = _cutFromTitle(terms, granter, id);
        _taken[id][taker] = taken;
    }

    /// @inheritdoc ILicenses
    function closeOffer(OfferId id, PartyId onBehalfOf) external {
        Offer storage found = _requireOffer(id);
        PartyId by = _actingParty(onBehalfOf, ACT_GRANT, found.dataset);
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
    function offerCount() external view returns (uint64) {
        return _offerCount;
    }

    /// @inheritdoc ILicenses
    function takenUp(OfferId id, PartyId taker) external view returns (GrantId) {
        return _taken[id][taker];
    }

    /// @inheritdoc ILicenses
    function assignment(GrantId id) external view returns (Assignment memory) {
        return _assignments[id];
    }

    /// @inheritdoc ILicenses
    function check(GrantId id, PartyId actor, UseRequest calldata request) external view returns (Code, uint64) {
        return _check(id, actor, request, _scopesOf(request.action));
    }

    function _check(GrantId id, PartyId actor, UseRequest calldata request, uint16 scopes)
        private
        view
        returns (Code, uint64)
    {
        Record storage record = _record(id);
        // Read without a branch between them, the fields are loaded once.
        PartyId grantee = _granteeOf(record);
        DatasetId dataset = _datasetOf(record);
        PolicyId policyId = _policyOf(record);
        uint8 marks = record.marks;
        if (grantee == NO_PARTY) return (Code.NOT_FOUND, 0);
        if (grantee != actor) return (Code.NOT_GRANTEE, 0);
        (bool active, uint32 roles, bool actorHeld) = PARTIES.standingOf(actor);
        if (!active) return (Code.PARTY_INACTIVE, 0);
        (bool inForceAbove, uint8 marksAbove) = _above(record);
        (bool registered, bool held) = _standingOf(dataset);
        HoldId hold = _firstHold(id, dataset, scopes, held, (marks | marksAbove) & HELD != 0);
        if (actorHeld && hold == NO_HOLD) hold = SUPERVISION.activeHold(partySubject(actor), scopes);
        if (hold != NO_HOLD) return (Code.HOLD_ACTIVE, HoldId.unwrap(hold));
        Inactive why = _inactivity(record, inForceAbove, registered);
        if (why != Inactive.NONE) return (Code.GRANT_NOT_ACTIVE, uint64(why));
        return POLICIES.judge(policyId, roles, marks & EXHAUSTED == 0, request);
    }

    /// @dev Turns a code into the error of the same name.
    function _requirePermitted(
        GrantId id,
        PartyId grantee,
        UseRequest calldata request,
        uint16 scopes,
        uint40 uses
    ) private view {
        (Code code, uint64 detail) = _check(id, grantee, request, scopes);
        if (code == Code.PERMITTED) return;
        if (code == Code.HOLD_ACTIVE) revert HoldActive(HoldId.wrap(detail), scopes);
        if (code == Code.GRANT_NOT_ACTIVE) revert GrantNotActive(id, Inactive(detail));
        if (code == Code.QUOTA_EXCEEDED) revert QuotaExceeded(0, uses);
        POLICIES.refuse(code, detail, request);
        revert Undecided(_policyOf(_record(id)));
    }

    function _scopesOf(uint32 action) private pure returns (uint16 scopes) {
        scopes = SCOPE_USE;
        if (action == ACTION_DERIVE) scopes |= SCOPE_DERIVE;
        if (action == ACTION_EXPORT) scopes |= SCOPE_EXPORT;
    }

    function _countUses(
        GrantId id,
        Record storage record,
        PartyId grantee,
        uint40 uses,
        uint32 action,
        bytes32 receipts
    ) private {
        if (uses == 0) revert InvalidField("uses");
        uint40 left = record.usesLeft;
        uint40 used = record.used;
        bool unlimited = left == UNLIMITED_USES;
        // The sequence of an unlimited grant ends before its type does.
        if (unlimited) left = type(uint40).max - 1 - used;
        if (uses > left) revert QuotaExceeded(left, uses);
        if (!unlimited) _takeUses(record, left, uses);
        record.used = used + uses;
        _log(
            GrantUsed.selector,
            datasetSubject(_datasetOf(record)),
            grantSubject(id),
            partySubject(grantee),
            abi.encode(used + 1, uses, action, receipts)
        );
    }

    function _requireGrantee(GrantId id, Record storage record, PartyId onBehalfOf, uint32 act)
        private
        view
        returns (PartyId grantee)
    {
        grantee = _actingParty(onBehalfOf, act, _datasetOf(record));
        if (_granteeOf(record) != grantee) revert NotGrantee(id, grantee);
    }

    function _requireOffer(OfferId id) private view returns (Offer storage found) {
        found = _offers[id];
        if (found.dataset == NO_DATASET) revert NotFound(KIND_OFFER, OfferId.unwrap(id));
    }
}
