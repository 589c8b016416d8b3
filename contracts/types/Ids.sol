// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// Every id is a counter that starts at 1; zero means "none". Value types keep one kind of id from
// being passed where another is meant.

/// @notice A legal person or public body, whatever keys it uses.
type PartyId is uint64;

/// @notice A dataset; its versions are numbered from 1 within it.
type DatasetId is uint64;

/// @notice A transfer of title units that was started.
type TransferId is uint64;

/// @notice A supervisory hold.
type HoldId is uint64;

using {partyEquals as ==, partyDiffers as !=} for PartyId global;
using {datasetEquals as ==, datasetDiffers as !=} for DatasetId global;
using {holdEquals as ==, holdDiffers as !=} for HoldId global;

PartyId constant NO_PARTY = PartyId.wrap(0);
DatasetId constant NO_DATASET = DatasetId.wrap(0);
HoldId constant NO_HOLD = HoldId.wrap(0);

function partyEquals(PartyId a, PartyId b) pure returns (bool) {
    return PartyId.unwrap(a) == PartyId.unwrap(b);
}

function partyDiffers(PartyId a, PartyId b) pure returns (bool) {
    return PartyId.unwrap(a) != PartyId.unwrap(b);
}

function datasetEquals(DatasetId a, DatasetId b) pure returns (bool) {
    return DatasetId.unwrap(a) == DatasetId.unwrap(b);
}

function datasetDiffers(DatasetId a, DatasetId b) pure returns (bool) {
    return DatasetId.unwrap(a) != DatasetId.unwrap(b);
}

function holdEquals(HoldId a, HoldId b) pure returns (bool) {
    return HoldId.unwrap(a) == HoldId.unwrap(b);
}

function holdDiffers(HoldId a, HoldId b) pure returns (bool) {
    return HoldId.unwrap(a) != HoldId.unwrap(b);
}
