// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

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

    /// @notice Registers a dataset with its first version. The registrant holds all its titles.
    /// @dev Emits {DatasetRegistered}, and {ClaimContested} if the content was claimed before.
    /// Requirements: caller acts for `onBehalfOf`, which has a supplying role; content and source
    /// are given; classification is in range and not core.
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
    /// and not held (VERSION); `version` is the latest plus one; content is given.
    function publish(DatasetId dataset, uint32 version, Content calldata content, PartyId onBehalfOf) external;

    /// @notice Marks a version as withdrawn: it stays readable, nobody should start to use it.
    /// @dev Emits {VersionWithdrawn}. Requirements: as {publish}; the version exists and was not
    /// withdrawn; reason given.
    function withdrawVersion(DatasetId dataset, uint32 version, bytes32 reasonHash, PartyId onBehalfOf) external;

    /// @notice Ends a dataset: no version is published, no title moves any more.
    /// @dev Emits {DatasetDeregistered}. Requirements: caller acts for a party with the majority of
    /// HOLD units; registered and not held (DEREGISTER); reason given.
    function deregister(DatasetId dataset, bytes32 reasonHash, PartyId onBehalfOf) external;

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

    /// @notice The status of a version; NONE if there is none.
    function versionStatus(DatasetId id, uint32 version) external view returns (VersionStatus);

    /// @notice Block of a commitment, or zero.
    function committedAt(bytes32 commitment) external view returns (uint48);

    /// @notice The contest that placed this hold; all zero if none did.
    function contest(HoldId hold) external view returns (Contest memory);
}
