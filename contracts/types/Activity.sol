// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {Classification, Content, Level, PiKind, VersionStatus} from "./Dataset.sol";
import {DatasetId, PartyId} from "./Ids.sol";
import {GrantId, PolicyId} from "./Policy.sol";

/// @notice Something that was done with data. Zero is none.
type ActivityId is uint64;

using {activityEquals as ==, activityDiffers as !=} for ActivityId global;

ActivityId constant NO_ACTIVITY = ActivityId.wrap(0);

function activityEquals(ActivityId a, ActivityId b) pure returns (bool) {
    return ActivityId.unwrap(a) == ActivityId.unwrap(b);
}

function activityDiffers(ActivityId a, ActivityId b) pure returns (bool) {
    return ActivityId.unwrap(a) != ActivityId.unwrap(b);
}

/// @notice What an activity does with data (domain 3.2).
enum ActivityKind {
    NONE,
    COLLECT, // no input: where lineage begins
    CLEAN,
    TRANSFORM,
    JOIN,
    ANONYMIZE,
    TRAIN,
    INFER,
    SECURE_COMPUTE,
    APPLY, // no output
    DELETE // no output
}

/// @notice What was done, with what, and where: the last five fields are what each input's grant is
/// judged by. Bits as in {Policy}.
/// @param startedAt Unix time in seconds.
/// @param endedAt Unix time in seconds; not in the future.
/// @param codeHash SHA-256 of the code that ran, or zero.
/// @param parametersHash The same of its parameters, or zero.
/// @param environmentHash The same of the environment it ran in, or zero.
/// @param country Where it took place, ISO 3166-1 alpha-2, upper case.
/// @param securityGrade Security grade of that place.
struct Activity {
    ActivityKind kind;
    uint40 startedAt;
    uint40 endedAt;
    bytes32 codeHash;
    bytes32 parametersHash;
    bytes32 environmentHash;
    uint64 purpose;
    uint32 industry;
    uint16 mode;
    bytes2 country;
    uint8 securityGrade;
}

/// @notice A version that an activity used.
/// @param grant The grant that permits it; zero for a title of the party.
struct Input {
    DatasetId dataset;
    uint32 version;
    GrantId grant;
}

/// @notice What came out.
/// @param dataset The dataset of which it is the next version; zero for a new one.
/// @param version Its number: the latest plus one, or 1 of a new dataset.
/// @param classification Of a new dataset; else ignored.
/// @param sourceHash SHA-256 of the statement of where the data comes from, of a new dataset; else
/// ignored.
/// @param content Its `activity` is zero here and the number of the activity in the event.
struct Output {
    DatasetId dataset;
    uint32 version;
    Classification classification;
    bytes32 sourceHash;
    Content content;
}

/// @notice What the chain keeps of an activity without an output; all else is in its event. Of one
/// with an output nothing more: the output names the activity that stands for it.
/// @param party Who answers for it.
/// @param supersededBy The activity that corrects it; zero if none does.
struct ActivityRecord {
    PartyId party;
    ActivityId supersededBy;
}

/// @notice What matters of a version that is used as an input.
/// @param registered False if its dataset was deregistered.
/// @param held False if nothing holds its dataset; else Supervision knows what, and whether it lapsed.
/// @param ceiling Bounds the terms of its dataset; zero if nothing does.
/// @param order Of the versions that it may be made from, each has a lower one; zero if it was
/// published without an activity.
struct Source {
    bool registered;
    bool held;
    VersionStatus status;
    Level level;
    PiKind piKind;
    bytes2 originCountry;
    bool homeTaint;
    PolicyId ceiling;
    uint64 order;
}
