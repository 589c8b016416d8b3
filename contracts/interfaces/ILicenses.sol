// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetId, PartyId} from "../types/Ids.sol";
import {
    Assignment,
    Code,
    Grant,
    GrantId,
    GrantStatus,
    GrantTerms,
    Inactive,
    Offer,
    OfferId,
    PolicyId,
    UseRequest
} from "../types/Policy.sol";
import {Subject} from "../types/Subject.sol";

/// @title Terms of use, and who may do what under them
/// @notice A policy is a set of terms. A grant gives one party the right to use a dataset under a
/// policy; it is cut from the titles of its granter or from another grant, never wider than that.
/// A grant is active only while all grants above it and their grantees are, and the dataset is
/// registered. A title
/// that changes hands keeps its grants; the new holder then has the say over them.
/// What is permitted is decided here; what a grantee really does with data it holds no chain sees.
interface ILicenses {
    event GrantIssued(
        Subject indexed dataset,
        Subject indexed granter,
        Subject indexed grantee,
        GrantId grant,
        GrantTerms terms,
        OfferId offer
    );
    event GrantActivated(Subject indexed dataset, Subject indexed grant, Subject indexed grantee, uint40 notAfter);
    event GrantUsed(
        Subject indexed dataset,
        Subject indexed grant,
        Subject indexed grantee,
        uint40 first,
        uint40 uses,
        uint32 action,
        bytes32 receipts
    );
    event GrantStatusSet(
        Subject indexed dataset,
        Subject indexed grant,
        Subject indexed by,
        GrantStatus status,
        bytes32 reasonHash
    );
    event AssignmentProposed(Subject indexed grant, Subject indexed from, Subject indexed to);
    event AssignmentConsented(Subject indexed grant, Subject indexed granter, Subject indexed to);
    event GrantAssigned(Subject indexed dataset, Subject indexed from, Subject indexed to, GrantId grant);
    event OfferMade(
        Subject indexed dataset,
        Subject indexed granter,
        OfferId offer,
        PolicyId policy,
        uint40 notAfter,
        uint40 uses
    );
    event OfferClosed(Subject indexed dataset, Subject indexed by, OfferId offer);

    /// @notice The grant, or what it is cut from, does not permit the action of this bit.
    error ActionNotGranted(uint8 bit);

    /// @notice The grant cannot be used now.
    error GrantNotActive(GrantId grant, Inactive why);

    /// @notice The party is not the grantee.
    error NotGrantee(GrantId grant, PartyId party);

    /// @notice The party does not have the say over this grant or offer.
    error NotGranter(PartyId party);

    /// @notice No further level of sub-grants is possible.
    error SubLicenseDepth(GrantId parent);

    /// @notice Another grant stands against an exclusive one.
    error ExclusiveConflict(GrantId grant);

    /// @notice More grants than an exclusive one can be compared with stand; revoked and ended ones
    /// do not count.
    error TooManyGrants(DatasetId dataset, uint256 limit);

    /// @notice The open class of public data does not allow it.
    error OpenClassForbids(uint8 openClass);

    /// @notice The recipient has none of the roles.
    error RoleNotAllowed(uint32 roles);
    error PurposeNotAllowed(uint64 purpose);
    error IndustryNotAllowed(uint32 industry);
    error ModeNotAllowed(uint16 mode);
    error TerritoryNotAllowed(bytes2 country);
    error SecurityGradeTooLow(uint8 least);
    error QuotaExceeded(uint40 left, uint40 asked);

    /// @notice The terms say more than the chain can decide; a person has to.
    error Undecided(PolicyId policy);

    /// @notice Receipts are numbered without gaps.
    error SequenceGap(uint40 expected, uint40 given);

    /// @notice The offer was closed, has run out or has ended.
    error OfferEnded(OfferId offer);

    /// @notice The party has taken the offer up before; more often would multiply its uses, or undo
    /// a revocation.
    error OfferTaken(OfferId offer, GrantId grant);

    /// @notice Nobody proposed, or consented to, this assignment.
    error AssignmentMissing(GrantId grant);

    /// @notice Cuts a grant from the titles of a dataset or from another grant.
    /// @dev Emits {GrantIssued}. Requirements, from a title: caller acts for a party with the
    /// majority of HOLD or of OPERATE units, and each action belongs to a right of which it has the
    /// majority; from a grant: it is active, the caller acts for its grantee, it permits LICENSE
    /// and has depth left, and the new grant is within it in every field and not exclusive; its uses
    /// are taken off the parent's and never come back. In both cases: neither dataset nor parent is
    /// held (GRANT); grantee is active and has one of the policy's roles; window and uses within the
    /// policy's. From a title: the policy is within the dataset's ceiling, if it has one; the open
    /// class allows it if OPEN is permitted; no grant permits an
    /// action of an exclusive one in the same time; at most 64 grants stand to compare it with.
    /// @param onBehalfOf The granter if the caller is its delegate; zero for the caller's own party.
    function issue(GrantTerms calldata terms, PartyId onBehalfOf) external returns (GrantId grant);

    /// @notice Starts the time of a grant whose policy limits its duration.
    /// @dev Emits {GrantActivated}. Requirements: caller acts for the grantee; dormant and otherwise
    /// active.
    function activate(GrantId grant, PartyId onBehalfOf) external;

    /// @notice Records uses of one kind. Reverts with the reason if {check} does not permit them.
    /// @dev Emits {GrantUsed}. Requirements: caller acts for the grantee; permitted; uses left.
    function use(GrantId grant, UseRequest calldata request, uint40 uses, PartyId onBehalfOf)
        external;

    /// @notice Records uses of which the receipts are kept elsewhere.
    /// @dev Emits {GrantUsed}. Requirements: caller acts for the grantee; neither dataset nor grant
    /// is held (USE); the grant is active; `first` follows the last use; uses left. The terms are
    /// not judged: what the receipts say is for whoever reads them.
    /// @param receipts Root of the batch of receipts, `first` to `first + uses - 1`. Not zero.
    function report(GrantId grant, uint40 first, uint40 uses, bytes32 receipts, PartyId onBehalfOf)
        external;

    /// @notice Judges a use of a dataset by an activity, and charges one use if uses are limited.
    /// Reverts with the reason if it is not permitted.
    /// @dev Emits {GrantUsed} if it charges. Requirements: caller is the module Lineage, which has
    /// checked that `party` acts, unless nothing is charged and so nothing changes; permitted; neither dataset nor grant is held (USE, and DERIVE if
    /// something is derived).
    /// @param dataset The dataset that the grant must be of.
    /// @param derives True if something is derived.
    /// @return policy The policy of the grant; zero if it is not a grant of that dataset to that party.
    /// @return mayDerive True if the policy permits DERIVE.
    function exercise(
        GrantId grant,
        DatasetId dataset,
        PartyId party,
        UseRequest calldata request,
        bool derives
    ) external returns (PolicyId policy, bool mayDerive);

    /// @notice Suspends a grant and all below it. A proposed assignment ends.
    /// @dev Emits {GrantStatusSet}. Requirements: caller acts for the party that has the say (over a
    /// grant cut from a title its holder today, over another the grantee of its parent); the grant
    /// is ACTIVE; reason given. The title is OPERATE if the policy permits an action of OPERATE, or
    /// if the granter had no majority of HOLD; else HOLD.
    function suspend(GrantId grant, bytes32 reasonHash, PartyId onBehalfOf) external;

    /// @notice Ends a suspension.
    /// @dev As {suspend}; the grant is SUSPENDED.
    function resume(GrantId grant, bytes32 reasonHash, PartyId onBehalfOf) external;

    /// @notice Ends a grant and all below it for ever; uses that were recorded stay valid.
    /// @dev As {suspend}; the grant is not REVOKED.
    function revoke(GrantId grant, bytes32 reasonHash, PartyId onBehalfOf) external;

    /// @notice Takes grants that are over out of the list that an exclusive one is compared with, so
    /// that comparing never costs more than a block holds.
    /// @dev Nothing that is recorded changes, and anyone may do it. Requirements: the grant exists.
    /// @param grant The grant behind which to tidy; whatever was issued after it stays as it is.
    /// @param most How many grants to take out at most.
    function tidy(GrantId grant, uint256 most) external;

    /// @notice Asks that a grant passes to another party; zero withdraws that.
    /// @dev Emits {AssignmentProposed}. Requirements: caller acts for the grantee; the grant is
    /// active and permits TRANSFER; `to` is another, active party with one of the policy's roles. To
    /// withdraw: something is proposed.
    function proposeAssignment(GrantId grant, PartyId to, PartyId onBehalfOf) external;

    /// @notice Consents to it.
    /// @dev Emits {AssignmentConsented}. Requirements: caller acts for the party that has the say;
    /// `to` is proposed.
    /// @param to The proposed party, so that nobody consents to another than was seen.
    function consentToAssignment(GrantId grant, PartyId to, PartyId onBehalfOf) external;

    /// @notice Takes the grant over.
    /// @dev Emits {GrantAssigned}. Requirements: caller acts for the proposed party; the party that
    /// has the say now consented; neither dataset nor grant is held (GRANT); the grant is active; the
    /// party has one of the policy's roles.
    function acceptAssignment(GrantId grant, PartyId onBehalfOf) external;

    /// @notice Offers grants under a policy to whoever has one of its roles (开放共享).
    /// @dev Emits {OfferMade}. Requirements: as for {issue} from a title, the open class included
    /// unless only PUBLIC_BODY may take it up; the policy's number of grants is not zero; `notAfter`
    /// and `uses` within the policy's.
    /// @param notAfter Unix time in seconds until which it can be taken up.
    /// @param uses Number of uses of each grant.
    function offer(DatasetId dataset, PolicyId policy, uint40 notAfter, uint40 uses, PartyId onBehalfOf)
        external
        returns (OfferId id);

    /// @notice Takes an offer up: the caller's party gets a grant with the window of the policy.
    /// @dev Emits {GrantIssued}. Requirements: the party has not taken it up before; it stands: not
    /// closed, grants left, its granter active and still entitled as for {offer}; else as for {issue}.
    function takeUp(OfferId id, PartyId onBehalfOf) external returns (GrantId grant);

    /// @notice Ends an offer; grants that were taken up stay.
    /// @dev Emits {OfferClosed}. Requirements: caller acts for the party that made it; not closed.
    function closeOffer(OfferId id, PartyId onBehalfOf) external;

    /// @notice Notes whether a hold on a grant was placed and not lifted, so that a check need not ask
    /// {ISupervision} about every grant above the one in question.
    /// @dev Requirements: caller is Supervision; the grant exists.
    function setHeld(GrantId grant, bool held) external;

    /// @notice May this party do this under this grant now? A hold on the dataset, on the grant or on
    /// one above it stops what its scope says.
    /// @return code PERMITTED, or the first reason against it.
    /// @return detail What the code's comment says, else zero.
    function check(GrantId grant, PartyId actor, UseRequest calldata request)
        external
        view
        returns (Code code, uint64 detail);

    /// @notice A grant as it stands.
    /// @dev Requirements: it exists, else {NotFound}.
    function grant(GrantId id) external view returns (Grant memory);

    /// @notice How many grants there are; ids run from 1 to this.
    function grantCount() external view returns (uint64);

    /// @notice Why a grant cannot be used now; NONE if it can.
    function inactivity(GrantId id) external view returns (Inactive);

    /// @notice An offer as it stands.
    /// @dev Requirements: it exists, else {NotFound}.
    function offerOf(OfferId id) external view returns (Offer memory);

    /// @notice How many offers there are; ids run from 1 to this.
    function offerCount() external view returns (uint64);

    /// @notice The grant that a party got by taking up an offer, or zero.
    function takenUp(OfferId id, PartyId taker) external view returns (GrantId);

    /// @notice A proposed assignment; all zero if there is none.
    function assignment(GrantId id) external view returns (Assignment memory);
}
