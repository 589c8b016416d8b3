// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {ActivityId, Source} from "../types/Activity.sol";
import {
    Claim,
    Classification,
    Content,
    Contest,
    Dataset,
    PackedClassification,
    VersionStatus
} from "../types/Dataset.sol";
import {DatasetId, HoldId, PartyId} from "../types/Ids.sol";
import {PolicyId} from "../types/Policy.sol";
import {Subject} from "../types/Subject.sol";

/// @title Datasets, their versions and the claims to their content
/// @notice A dataset is registered by its content, not by its name. State answers "who has claimed
/// this content, and since when"; which content a version has is answered by the history, whose
/// completeness anyone can check, and can be confirmed here with {isVersion}.
/// A registration is evidence of a claim, not proof of its truth. The same content registered by a
/// second party never reverts: the claim with the earlier precedence stays clear, the dataset of
/// the later one gets a DISPUTE hold until the earlier party concedes or an arbiter decides.
interface IDatasets {
    event DatasetRegistered(
        Subject indexed dataset,
        Subject indexed registrant,
        PackedClassification classification,
        bytes32 sourceHash,
        Content content,
        uint48 precedence
    );
    event VersionPublished(
        Subject indexed dataset, Subject indexed publisher, uint32 version, Content content, uint48 precedence
    );
    event VersionWithdrawn(Subject indexed dataset, Subject indexed by, uint32 version, bytes32 reasonHash);
    event DatasetDeregistered(Subject indexed dataset, Subject indexed by, bytes32 reasonHash);
    event EntryErased(
        Subject indexed dataset, Subject indexed by, uint32 version, uint64 entry, bytes32 tombstone
    );
    event RootCommitted(Subject indexed party, bytes32 commitment);
    event ClaimContested(Subject indexed earlier, Subject indexed later, HoldId hold, uint32 version, bytes32 root);
    event ClaimConceded(Subject indexed earlier, Subject indexed later, Subject indexed by, HoldId hold);
    event ClaimDecided(
        Subject indexed earlier,
        Subject indexed later,
        Subject indexed arbiter,
        HoldId hold,
        bool forLater,
        bytes32 evidenceHash
    );

    /// @notice The root or the manifest hash is zero.
    error EmptyRoot();

    /// @notice Core data may not enter the ledger.
    error CoreDataNotRegistrable();

    /// @notice A registration names where the data comes from.
    error SourceProofMissing();

    /// @notice Versions are numbered without gaps.
    error VersionGap(uint32 expected, uint32 given);

    /// @notice The same commitment was made before.
    error CommitmentExists(bytes32 commitment);

    /// @notice The salt opens no commitment of this party to this root.
    error CommitmentUnknown(bytes32 commitment);

    /// @notice The party's dataset with this content is bound by what it was made from, and this one
    /// would not be, as nothing says what it was made from: publish it there, or derive it.
    error CeilingEvaded(DatasetId dataset);

    /// @notice Registers a dataset with its first version. The registrant holds all its titles.
    /// @dev Emits {DatasetRegistered}, and {ClaimContested} if the content was claimed before.
    /// Requirements: caller acts for `onBehalfOf`, which has a supplying role; content and source
    /// are given, and no activity; classification is in range and not core.
    /// @param sourceHash SHA-256 of the statement of where the data comes from. Not zero.
    /// @param onBehalfOf The registrant if the caller is its delegate; zero for the caller's party.
    function register(
        Classification calldata classification,
        bytes32 sourceHash,
        Content calldata content,
        PartyId onBehalfOf
    ) external returns (DatasetId dataset);

    /// @notice Publishes the next version.
    /// @dev Emits {VersionPublished}, and {ClaimContested} if the content was claimed before.
    /// Requirements: caller acts for a party with the majority of HOLD units; dataset is registered
    /// and not held (VERSION); `version` is the latest plus one; content is given, and no activity.
    function publish(DatasetId dataset, uint32 version, Content calldata content, PartyId onBehalfOf) external;

    /// @notice Marks a version as withdrawn: it stays readable, nobody should start to use it.
    /// @dev Emits {VersionWithdrawn}. Requirements: as {publish}; the version exists and was not
    /// withdrawn; reason given.
    function withdrawVersion(DatasetId dataset, uint32 version, bytes32 reasonHash, PartyId onBehalfOf) external;

    /// @notice Ends a dataset: no version is published, no title moves any more.
    /// @dev Emits {DatasetDeregistered}. Requirements: caller acts for a party with the majority of
    /// HOLD units; registered and not held (DEREGISTER); reason given.
    function deregister(DatasetId dataset, bytes32 reasonHash, PartyId onBehalfOf) external;

    /// @notice Records that what would let an entry of a version be guessed was destroyed: the salt
    /// of the entry. Every other proof of the version still holds.
    /// @dev Emits {EntryErased}; nothing is stored, as nothing depends on it. Requirements: caller acts
    /// for a party with the majority of HOLD units; the version has this root; tombstone given.
    /// @param root Root of the version's manifest.
    /// @param entry Index of the entry in the manifest.
    /// @param tombstone SHA-256 of the document that says what was erased and why.
    function recordErasure(
        DatasetId dataset,
        uint32 version,
        bytes32 root,
        uint64 entry,
        bytes32 tombstone,
        PartyId onBehalfOf
    ) external;

    /// @notice Registers a dataset that came out of an activity.
    /// @dev As {register}; the ceiling is in {ILineage-ActivityRecorded}. Requirements: caller is the
    /// module Lineage, which has checked the party.
    /// @param content Its `activity` is the activity.
    /// @param bound Bounds the terms of the dataset; zero if nothing does.
    function registerDerived(
        PartyId registrant,
        Classification calldata classification,
        bytes32 sourceHash,
        Content calldata content,
        PolicyId bound,
        bool homeTaint
    ) external returns (DatasetId dataset);

    /// @notice Publishes a version that came out of an activity.
    /// @dev As {publish}; the taint is in {ILineage-ActivityRecorded}. Requirements: caller is the
    /// module Lineage, which has checked the party and that the ceiling stays; else as {publish}.
    /// @param content Its `activity` is the activity.
    function publishDerived(
        PartyId publisher,
        DatasetId dataset,
        uint32 version,
        Content calldata content,
        bool homeTaint
    ) external;

    /// @notice Names the activity that a version came out of, for the first time or as a correction.
    /// @dev The ceiling and the taint are in {ILineage-ActivityRecorded}. Requirements: caller is the
    /// module Lineage; the version exists; the dataset is registered and not held (VERSION); taint stays.
    function setActivity(
        DatasetId dataset,
        uint32 version,
        ActivityId activity,
        PolicyId bound,
        bool homeTaint
    ) external;

    /// @notice Fixes now that the caller's party knows a root, without showing it.
    /// @dev Emits {RootCommitted}. Requirements: caller is an active party; the commitment is new
    /// and not zero.
    /// @param commitment `SHA-256(0x20 ‖ chain id 32 ‖ this contract 20 ‖ party id 8 ‖ salt 32 ‖
    /// root 32)`.
    function commit(bytes32 commitment, PartyId onBehalfOf) external;

    /// @notice Gives the earlier claim up: the later one takes its place and its precedence. If a
    /// third claim has overtaken it meanwhile, the later one is contested with that one instead.
    /// @dev Emits {ClaimConceded}, and {ClaimContested} in the latter case. Requirements: caller acts for a party with the majority of HOLD
    /// units of the earlier dataset; the contest has not ended.
    /// @param hold The hold that the contest placed.
    function concede(HoldId hold, PartyId onBehalfOf) external;

    /// @notice Decides a contest. If the later claim wins, it takes the earlier one's place as in
    /// {concede} and the hold moves to the earlier dataset; else the hold stays.
    /// @dev Emits {ClaimDecided}, and {ClaimContested} as {concede} does. Requirements: caller acts for an arbiter; the contest has not
    /// ended; evidence given.
    function decide(HoldId hold, bool forLater, bytes32 evidenceHash, PartyId onBehalfOf) external;

    /// @notice A dataset as it stands.
    /// @dev Requirements: it exists, else {NotFound}.
    function dataset(DatasetId id) external view returns (Dataset memory);

    /// @notice How many datasets there are; ids run from 1 to this.
    function count() external view returns (uint64);

    /// @notice The claim to this content that has precedence; all zero if there is none.
    function claimOf(bytes32 root) external view returns (Claim memory);

    /// @notice The claim of one version to this content; all zero if it has another content.
    function claimOfVersion(bytes32 root, DatasetId id, uint32 version) external view returns (Claim memory);

    /// @notice True if that version of that dataset has this content.
    function isVersion(DatasetId id, uint32 version, bytes32 root) external view returns (bool);

    /// @notice Reverts with {CeilingEvaded} if content without inputs, entered by a party into a dataset,
    /// would be bound by less than the same content of another dataset that this party holds.
    /// @param id The dataset it goes into; zero for a new one.
    function requireUnbound(bytes32 root, DatasetId id, PartyId party) external view;

    /// @notice The status of a version; NONE if there is none.
    function versionStatus(DatasetId id, uint32 version) external view returns (VersionStatus);

    /// @notice What bounds the terms of a dataset, because of what it was made from.
    /// @return policy Zero if nothing does.
    /// @return homeTaint True if personal or important data of another origin than its own went in.
    function ceiling(DatasetId id) external view returns (PolicyId policy, bool homeTaint);

    /// @notice Notes whether a hold on a dataset was placed and not lifted, so that acts need not ask
    /// {ISupervision} as long as there is none.
    /// @dev Requirements: caller is Supervision; the dataset exists.
    function setHeld(DatasetId id, bool held) external;

    /// @notice What stops most acts with a dataset.
    /// @return registered False if it was deregistered, or never registered.
    /// @return held False if nothing holds it; else Supervision knows what, and whether it lapsed.
    function standing(DatasetId id) external view returns (bool registered, bool held);

    /// @notice The activity that a version came out of, or zero.
    function activityOf(DatasetId id, uint32 version) external view returns (ActivityId);

    /// @notice What matters of a version that is used as an input; its status is NONE if there is none.
    /// @dev Requirements: the dataset exists, else {NotFound}.
    function source(DatasetId id, uint32 version) external view returns (Source memory);

    /// @notice Block of a commitment, or zero.
    function committedAt(bytes32 commitment) external view returns (uint48);

    /// @notice The contest that placed this hold; all zero if none did.
    function contest(HoldId hold) external view returns (Contest memory);
}
