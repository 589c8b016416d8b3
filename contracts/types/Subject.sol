// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetId, PartyId} from "./Ids.sol";
import {GrantId} from "./Policy.sol";

/// @notice What a history is about: one byte of kind, 23 zero bytes, the id as uint64 (design 4.4).
/// Every indexed parameter of every module's event is a subject, so that whoever holds the raw log
/// knows which heads it was folded into without an ABI. 32 zero bytes are the ledger itself.
type Subject is bytes32;

using {subjectEquals as ==, subjectDiffers as !=} for Subject global;

// Kinds of things, as they stand in subjects and in the errors NotFound and BadStatus. Only parties,
// datasets and grants have histories of their own.
uint8 constant KIND_LEDGER = 0;
uint8 constant KIND_PARTY = 1;
uint8 constant KIND_DATASET = 2;
uint8 constant KIND_GRANT = 3;
uint8 constant KIND_VERSION = 4;
uint8 constant KIND_TRANSFER = 5;
uint8 constant KIND_HOLD = 6;
uint8 constant KIND_COMMITMENT = 7;
uint8 constant KIND_PROPOSAL = 8;
uint8 constant KIND_POLICY = 9;
uint8 constant KIND_TERRITORY = 10;
uint8 constant KIND_OFFER = 11;
uint8 constant KIND_ACTIVITY = 12;

Subject constant LEDGER = Subject.wrap(0);

function partySubject(PartyId party) pure returns (Subject) {
    return Subject.wrap(bytes32((uint256(KIND_PARTY) << 248) | PartyId.unwrap(party)));
}

function datasetSubject(DatasetId dataset) pure returns (Subject) {
    return Subject.wrap(bytes32((uint256(KIND_DATASET) << 248) | DatasetId.unwrap(dataset)));
}

function grantSubject(GrantId grant) pure returns (Subject) {
    return Subject.wrap(bytes32((uint256(KIND_GRANT) << 248) | GrantId.unwrap(grant)));
}

function subjectEquals(Subject a, Subject b) pure returns (bool) {
    return Subject.unwrap(a) == Subject.unwrap(b);
}

function subjectDiffers(Subject a, Subject b) pure returns (bool) {
    return Subject.unwrap(a) != Subject.unwrap(b);
}
