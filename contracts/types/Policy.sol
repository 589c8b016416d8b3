// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetId, PartyId} from "./Ids.sol";

/// @notice Terms of use, immutable, stored once by content.
type PolicyId is uint64;

/// @notice A set of countries, stored once by content; zero is the whole world.
type TerritoryId is uint64;

/// @notice A right to use, cut from a title or from another grant.
type GrantId is uint64;

/// @notice A standing offer that anyone it is open to may take up.
type OfferId is uint64;

using {grantEquals as ==, grantDiffers as !=} for GrantId global;
using {policyEquals as ==, policyDiffers as !=} for PolicyId global;
using {territoryEquals as ==, territoryDiffers as !=} for TerritoryId global;

GrantId constant NO_GRANT = GrantId.wrap(0);
PolicyId constant NO_POLICY = PolicyId.wrap(0);
TerritoryId constant WORLD = TerritoryId.wrap(0);

function grantEquals(GrantId a, GrantId b) pure returns (bool) {
    return GrantId.unwrap(a) == GrantId.unwrap(b);
}

function grantDiffers(GrantId a, GrantId b) pure returns (bool) {
    return GrantId.unwrap(a) != GrantId.unwrap(b);
}

function policyEquals(PolicyId a, PolicyId b) pure returns (bool) {
    return PolicyId.unwrap(a) == PolicyId.unwrap(b);
}

function policyDiffers(PolicyId a, PolicyId b) pure returns (bool) {
    return PolicyId.unwrap(a) != PolicyId.unwrap(b);
}

function territoryEquals(TerritoryId a, TerritoryId b) pure returns (bool) {
    return TerritoryId.unwrap(a) == TerritoryId.unwrap(b);
}

function territoryDiffers(TerritoryId a, TerritoryId b) pure returns (bool) {
    return TerritoryId.unwrap(a) != TerritoryId.unwrap(b);
}

/// @notice What may be done with works derived from the data.
enum Derivation {
    NONE, // no DERIVE
    SAME_TERMS,
    FREE_IF_SUBSTANTIAL, // after a SUBSTANTIAL attestation (实质性加工)
    ATTRIBUTION_ONLY
}

/// @notice Terms as a program decides them. "Any" is all bits set, "no limit" the largest value,
/// so that a narrower policy is a smaller one in every field. Two words: a use is judged by the
/// first, what is cut under the policy is bound by the second too.
/// @param actions ACTION_ bits that are permitted.
/// @param purposes Bits of the purposes it may serve.
/// @param industries Bits of the recipient's industries (GB/T 4754 sections).
/// @param roles Role bits of which a recipient needs one.
/// @param modes Bits of the delivery modes.
/// @param minSecurityGrade Least security grade of the place of use.
/// @param offChainTerms True if the document says more than this struct; then no check permits.
/// @param territory Where it may be used; zero for everywhere.
/// @param prohibited ACTION_ bits that are forbidden, for every sub-policy too.
/// @param duties DUTY_ bits.
/// @param subDepth How many further levels of sub-grants are possible; not zero if LICENSE is
/// permitted.
/// @param derivation Rule for derived works; not NONE exactly if DERIVE is permitted.
/// @param notBefore Unix time in seconds from which it can be used.
/// @param notAfter Unix time in seconds until which it can be used.
/// @param maxDuration Seconds from activation.
/// @param maxUses Number of uses of one grant.
/// @param maxGrants Number of grants of one offer.
struct Policy {
    uint32 actions;
    uint64 purposes;
    uint32 industries;
    uint32 roles;
    uint16 modes;
    uint8 minSecurityGrade;
    bool offChainTerms;
    TerritoryId territory;
    uint32 prohibited;
    uint16 duties;
    uint8 subDepth;
    Derivation derivation;
    uint40 notBefore;
    uint40 notAfter;
    uint32 maxDuration;
    uint40 maxUses;
    uint32 maxGrants;
}

/// @notice The fields of a {Policy} that bind what is cut under it.
/// @param open True if it is on no condition: any role, purpose, industry, delivery mode, place and
/// security grade, and no duty. Times, numbers and a document that says more are no conditions, and
/// what has no meaning yet excludes nothing.
struct Bounds {
    uint32 actions;
    uint32 roles;
    bool open;
    uint8 subDepth;
    uint40 notBefore;
    uint40 notAfter;
    uint32 maxDuration;
    uint40 maxUses;
    uint32 maxGrants;
}

uint40 constant NO_END = type(uint40).max;
uint40 constant UNLIMITED_USES = type(uint40).max;
uint32 constant UNLIMITED_DURATION = type(uint32).max;

// Actions: one bit each, in the order of domain 3.3. A bit is never reused; 4-7, 18, 19, 27, 30, 31
// are reserved and must be zero.
uint32 constant ACTION_DELETE = 1 << 2;
uint32 constant ACTION_AUTHORISE = 1 << 3;
uint32 constant ACTION_READ = 1 << 8;
uint32 constant ACTION_AGGREGATE = 1 << 12;
uint32 constant ACTION_MODIFY = 1 << 13;
uint32 constant ACTION_DERIVE = 1 << 14;
uint32 constant ACTION_ANONYMISE = 1 << 15;
uint32 constant ACTION_COMPUTE = 1 << 16;
uint32 constant ACTION_TRAIN = 1 << 17;
uint32 constant ACTION_LICENSE = 1 << 21;
uint32 constant ACTION_OPEN = 1 << 24;
uint32 constant ACTION_SHARE_GOV = 1 << 25;
uint32 constant ACTION_TRANSFER = 1 << 28;
uint32 constant ACTION_EXPORT = 1 << 29;

// What is shared among public bodies is for their own use: not operated, not passed on.
uint32 constant ACTIONS_NOT_SHARED = (0x07F00000 & ~ACTION_SHARE_GOV) | ACTION_TRANSFER;

uint8 constant LICENSE_BIT = 21;
uint8 constant TRANSFER_BIT = 28;

uint32 constant ACTIONS_HOLD = 0x0000000F;
uint32 constant ACTIONS_USE = 0x0003FF00;
uint32 constant ACTIONS_OPERATE = 0x07F00000;
uint32 constant ACTIONS_CONTROL = 0x30000000;
uint32 constant ACTIONS_ALL = ACTIONS_HOLD | ACTIONS_USE | ACTIONS_OPERATE | ACTIONS_CONTROL;

// Duties that stay with sub-grants and derived works: 1, 3, 4, 5, 7, 8, 12, 13 (domain 3.3).
uint16 constant DUTIES_STICKY = 0x31BA;
uint16 constant DUTIES_ALL = 0x7FFF; // bit 15 is reserved

// Purposes and industries that have a meaning; a policy may hold the other bits too.
uint64 constant PURPOSES_NAMED = 0x0FFF; // research to compliance (domain 3.4)
uint32 constant INDUSTRIES_NAMED = 0x000FFFFF; // GB/T 4754 sections A to T

uint16 constant MODES_ALL = 0x003F; // file, API, sandbox, privacy compute, report, physical

// Depth of the deepest sub-grant; a root grant has depth 0 (domain 3.1).
uint8 constant MAX_DEPTH = 4;

enum GrantStatus {
    NONE,
    ACTIVE,
    SUSPENDED,
    REVOKED
}

/// @notice Why a grant cannot be used now.
enum Inactive {
    NONE,
    NOT_YET,
    EXPIRED,
    SUSPENDED,
    REVOKED,
    PARENT,
    TITLE,
    NOT_ACTIVATED
}

/// @notice What a grant is cut to.
/// @param dataset The dataset, also of a sub-grant.
/// @param parent The grant it is cut from; zero for one cut from a title.
/// @param policy Terms.
/// @param grantee The party that may use it.
/// @param notBefore Unix time in seconds from which it can be used; not before the policy's.
/// @param notAfter Unix time in seconds until which it can be used; not after the policy's.
/// @param uses Number of uses, up to the policy's.
/// @param exclusive True if no other grant cut from the title may permit the same action meanwhile.
struct GrantTerms {
    DatasetId dataset;
    GrantId parent;
    PolicyId policy;
    PartyId grantee;
    uint40 notBefore;
    uint40 notAfter;
    uint40 uses;
    bool exclusive;
}

/// @notice A grant as it stands.
/// @param exclusive True if no other grant cut from the title may permit the same action meanwhile.
/// @param usesLeft Uses that are left, those reserved for sub-grants taken off.
/// @param used Sequence number of the last use.
/// @param depth 0 for a grant cut from a title.
/// @param onHold True if whoever has the HOLD title has the say, false if whoever has OPERATE: it
/// permits an action of OPERATE, or its granter had no majority of HOLD.
/// @param dormant True until the grantee activates it, if its policy limits the duration.
/// @param previous Id of the grant cut from the title of the same dataset before this one, among
/// those that are exclusive, or those that are not, like this one; zero for a sub-grant. Grants that
/// are over drop out when a new one is compared with the list, or when somebody tidies it.
struct Grant {
    GrantId parent;
    PolicyId policy;
    GrantStatus status;
    uint8 depth;
    bool exclusive;
    bool onHold;
    bool dormant;
    uint40 notBefore;
    uint40 notAfter;
    DatasetId dataset;
    PartyId grantee;
    uint40 usesLeft;
    uint40 used;
    GrantId previous;
}

/// @notice A use that somebody asks about. Bits as in {Policy}; exactly one action.
/// @param country Where the use takes place, ISO 3166-1 alpha-2, upper case.
/// @param securityGrade Security grade of the place of use.
struct UseRequest {
    uint32 action;
    uint64 purpose;
    uint32 industry;
    uint16 mode;
    bytes2 country;
    uint8 securityGrade;
}

/// @notice The answer to a {UseRequest}: the first reason that stands against it, in this order.
enum Code {
    PERMITTED,
    NOT_FOUND,
    NOT_GRANTEE,
    PARTY_INACTIVE,
    HOLD_ACTIVE, // detail: hold
    GRANT_NOT_ACTIVE, // detail: {Inactive}
    ACTION_NOT_GRANTED, // detail: bit
    ROLE_NOT_ALLOWED, // detail: roles
    PURPOSE_NOT_ALLOWED,
    INDUSTRY_NOT_ALLOWED,
    MODE_NOT_ALLOWED,
    TERRITORY_NOT_ALLOWED, // detail: country
    SECURITY_GRADE_TOO_LOW, // detail: least grade
    QUOTA_EXCEEDED,
    UNDECIDED // the document says more than the chain can decide
}

/// @notice An offer as it stands.
/// @param granter The party that made it; it stands as long as that party has the title.
/// @param notAfter Unix time in seconds until which it can be taken up.
/// @param uses Number of uses of each grant.
/// @param left Grants that can still be taken up.
struct Offer {
    DatasetId dataset;
    PartyId granter;
    PolicyId policy;
    uint40 notAfter;
    bool closed;
    uint32 left;
    uint40 uses;
}

/// @notice A grant that is to change hands.
/// @param consenter The party that consented, or zero; what it said counts while it has the say.
struct Assignment {
    PartyId to;
    PartyId consenter;
}
