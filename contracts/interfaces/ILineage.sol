// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Activity, ActivityId, ActivityRecord, Input, Output} from "../types/Activity.sol";
import {Level, PiKind} from "../types/Dataset.sol";
import {DatasetId, PartyId} from "../types/Ids.sol";
import {Code, PolicyId} from "../types/Policy.sol";
import {Subject} from "../types/Subject.sol";

/// @title Which versions, under which rights, became which version
/// @notice An input without a right that permits the act is refused. What may be done with an output
/// is bounded by its ceiling, the strictest of all its inputs' terms. Nothing can come from itself:
/// an output is a version that was not there before, and a correction names only older inputs.
/// That an activity took place as it says no chain sees; that its party says so, it does.
interface ILineage {
    event ActivityRecorded(
        Subject indexed output,
        Subject indexed party,
        Subject indexed agent,
        ActivityId activity,
        uint32 version,
        Activity details,
        PolicyId ceiling,
        bool homeTaint,
        ActivityId supersedes,
        bytes32 reasonHash
    );
    event DerivationRecorded(
        Subject indexed source,
        Subject indexed derived,
        Subject indexed grant,
        ActivityId activity,
        uint32 sourceVersion,
        uint32 derivedVersion
    );

    /// @notice Neither a title of the party nor the grant named covers this input.
    error InputNotCovered(DatasetId dataset, uint32 version);

    /// @notice The grant named does not permit that anything is derived.
    error DerivativeForbidden(DatasetId dataset, uint32 version);

    /// @notice The input was withdrawn.
    error InputWithdrawn(DatasetId dataset, uint32 version);

    /// @notice The party holds the input, whose ceiling does not permit the act.
    error CeilingForbids(DatasetId dataset, uint32 version, Code code, uint64 detail);

    /// @notice The output is classified lower than an input; the least that would do.
    error LevelDowngrade(Level level, PiKind piKind);

    /// @notice It ended before it started, or has not ended yet.
    error BadTimeRange(uint40 startedAt, uint40 endedAt);

    /// @notice The input is not older than what is said to come from it.
    error LineageCycle(DatasetId dataset, uint32 version);

    /// @notice This activity stands for the version, and no other; it can be superseded.
    error ActivityKnown(ActivityId activity);

    /// @notice The activity used something, and no correction turns what came out into a collection.
    error NotCollected(ActivityId activity);

    /// @notice Another party recorded the activity, and nothing came out that could be held.
    error NotActivityParty(ActivityId activity, PartyId party);

    /// @notice Records an activity together with the version that came out of it. A grant with
    /// limited uses is charged one.
    /// @dev Emits {DatasetRegistered} or {VersionPublished}; {ActivityRecorded}, with the ceiling and the
    /// taint of the dataset from now on; {DerivationRecorded} for each input. Requirements:
    /// caller acts for `onBehalfOf`; it started before it ended, not in the future; COLLECT has no
    /// inputs, any other kind 1 to 16 different ones, APPLY and DELETE have no output; each input is
    /// registered and neither withdrawn nor held (USE, DERIVE); the party may act under its USE
    /// title and its ceiling permits the act, or is the grantee of the grant named, which permits
    /// DERIVE and: MODIFY to clean and to transform, AGGREGATE to join, ANONYMISE to anonymise, TRAIN
    /// to train, COMPUTE to infer and for secure computation; no input is classified higher than the
    /// output; the inputs' terms leave something over. Of a new dataset as for {IDatasets-register},
    /// but any role will do for what has inputs; of a next version as for {IDatasets-publish}, and its
    /// inputs allow no less than the ceiling of the dataset, which is none for one that has no ceiling
    /// yet.
    /// @param onBehalfOf The party if the caller is its delegate; zero for the caller's party.
    function derive(
        Activity calldata details,
        Input[] calldata inputs,
        Output calldata output,
        PartyId onBehalfOf
    ) external returns (ActivityId id, DatasetId dataset, uint32 version);

    /// @notice Records an activity without an output, or that a version was collected.
    /// @dev Emits {ActivityRecorded} and {DerivationRecorded} for each input. Requirements, without
    /// an output: as {derive}, but DERIVE is not needed; APPLY needs READ; DELETE needs DELETE or the
    /// HOLD title, and its inputs may be withdrawn or deregistered; COLLECT has an output. With one:
    /// COLLECT without inputs; the version exists and has no activity; the party may act under the
    /// HOLD title; the dataset is registered and not held (VERSION).
    /// @param output Dataset of the version that was collected; zero for no output.
    /// @param version Its number; zero for no output.
    function record(
        Activity calldata details,
        Input[] calldata inputs,
        DatasetId output,
        uint32 version,
        PartyId onBehalfOf
    ) external returns (ActivityId id);

    /// @notice Corrects an activity; its output stays, and its ceiling can only get lower.
    /// @dev Emits {ActivityRecorded}, with the ceiling from now on, and {DerivationRecorded} for each
    /// input. Requirements: caller acts for the party of the activity or, if something came out, for one
    /// that may act under the HOLD title of that; it was not superseded before: for what came out it
    /// still stands, else {ActivityKnown} names the one that does; reason given; the right to each input stands now, and uses are charged again; each input is older than
    /// the output; COLLECT corrects nothing but COLLECT; an output's dataset is registered and not held
    /// (VERSION); else as {derive} or {record}.
    /// @param output Dataset of the version that came out; zero for no output.
    /// @param version Its number; zero for no output.
    function supersede(
        ActivityId superseded,
        Activity calldata details,
        Input[] calldata inputs,
        DatasetId output,
        uint32 version,
        bytes32 reasonHash,
        PartyId onBehalfOf
    ) external returns (ActivityId id);

    /// @notice How many activities there are; ids run from 1 to this.
    function count() external view returns (uint64);

    /// @notice The activity that a version came out of, or zero.
    function activityOf(DatasetId dataset, uint32 version) external view returns (ActivityId);

    /// @notice What is kept of an activity without an output.
    /// @dev Requirements: it exists and has none, else {NotFound}.
    function recordOf(ActivityId id) external view returns (ActivityRecord memory);
}
