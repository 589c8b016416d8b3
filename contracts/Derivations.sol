// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Claims} from "./Claims.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {ActivityId, NO_ACTIVITY, Source} from "./types/Activity.sol";
import {
    Claim,
    Classification,
    Content,
    DatasetStatus,
    Form,
    Level,
    levelOf,
    OpenClass,
    originOf,
    pack,
    PackedClassification,
    piKindOf,
    SourceKind,
    VersionStatus
} from "./types/Dataset.sol";
import {BadStatus, InvalidField, NotFound} from "./types/Errors.sol";
import {SCOPE_VERSION} from "./types/Holds.sol";
import {DatasetId, NO_DATASET, PartyId} from "./types/Ids.sol";
import {PolicyId} from "./types/Policy.sol";
import {datasetSubject, KIND_DATASET, KIND_VERSION, partySubject} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Derivations
/// @notice The part of {IDatasets} that keeps datasets and versions, and what Lineage says of them.
abstract contract Derivations is Claims {
    using SafeCast for uint256;

    /// @dev {Dataset} in one word, what bounds it, and the activity that its first version came out
    /// of, so that a derived dataset writes no second word for that; and what need not be looked up
    /// elsewhere as long as there is none of it. Ids of policies are counters, so 40 bits last.
    struct Record {
        PackedClassification classification;
        DatasetStatus status;
        uint32 versions;
        uint40 ceiling;
        bool homeTaint;
        uint48 madeBy;
        bool held; // a hold was placed and not lifted; it may have lapsed
        bool withdrawals; // a version was withdrawn
    }

    /// @dev One word, written when there is something else to say. The order is the number of the
    /// first activity: whatever that activity used was there before.
    struct Version {
        bool withdrawn;
        ActivityId activity;
        uint64 order;
    }

    mapping(DatasetId id => Record) internal _datasets;
    mapping(DatasetId id => mapping(uint32 version => Version)) internal _versions;
    uint64 internal _count;

    constructor(IDirectory directory) Claims(directory) {}

    /// @inheritdoc IDatasets
    function registerDerived(
        PartyId registrant,
        Classification calldata classification,
        bytes32 sourceHash,
        Content calldata content,
        PolicyId bound,
        bool homeTaint
    ) external onlyModule("Lineage") returns (DatasetId id) {
        return _register(registrant, classification, sourceHash, content, bound, homeTaint);
    }

    /// @inheritdoc IDatasets
    function publishDerived(
        PartyId publisher,
        DatasetId id,
        uint32 version,
        Content calldata content,
        bool homeTaint
    ) external onlyModule("Lineage") {
        Record storage record = _registered(id);
        _publish(publisher, id, record, version, content);
        _versions[id][version] = Version(false, ActivityId.wrap(content.activity), content.activity);
        if (homeTaint) record.homeTaint = true;
    }

    /// @inheritdoc IDatasets
    function setActivity(DatasetId id, uint32 version, ActivityId activity, PolicyId bound, bool homeTaint)
        external
        onlyModule("Lineage")
    {
        Record storage record = _registered(id);
        _requireVersion(record, version);
        _requireClear(id, record, SCOPE_VERSION);
        _versions[id][version].activity = activity;
        record.ceiling = uint256(PolicyId.unwrap(bound)).toUint40();
        // Taint never goes away.
        if (homeTaint) record.homeTaint = true;
    }

    /// @inheritdoc IDatasets
    function setHeld(DatasetId id, bool held) external onlyModule("Supervision") {
        _existing(id).held = held;
    }

    /// @inheritdoc IDatasets
    function standing(DatasetId id) external view returns (bool registered, bool held) {
        Record storage record = _datasets[id];
        // Read without a branch between them, the fields are loaded once.
        DatasetStatus status = record.status;
        held = record.held;
        registered = status == DatasetStatus.REGISTERED;
    }

    /// @inheritdoc IDatasets
    function ceiling(DatasetId id) external view returns (PolicyId policy, bool homeTaint) {
        Record storage record = _existing(id);
        return (PolicyId.wrap(record.ceiling), record.homeTaint);
    }

    /// @inheritdoc IDatasets
    function activityOf(DatasetId id, uint32 version) external view returns (ActivityId found) {
        found = _versions[id][version].activity;
        if (found == NO_ACTIVITY && version == 1) return ActivityId.wrap(_datasets[id].madeBy);
    }

    /// @inheritdoc IDatasets
    function source(DatasetId id, uint32 version) external view returns (Source memory) {
        Record memory record = _existing(id);
        Version storage found = _versions[id][version];
        return Source({
            registered: record.status == DatasetStatus.REGISTERED,
            held: record.held,
            status: _statusOf(record.versions, version, record.withdrawals && found.withdrawn),
            level: levelOf(record.classification),
            piKind: piKindOf(record.classification),
            originCountry: originOf(record.classification),
            homeTaint: record.homeTaint,
            ceiling: PolicyId.wrap(record.ceiling),
            order: version == 1 ? record.madeBy : found.order
        });
    }

    /// @inheritdoc IDatasets
    function requireUnbound(bytes32 root, DatasetId id, PartyId party) public view {
        DatasetId first = claimOf(root).dataset;
        if (first == NO_DATASET || first == id) return;
        Record storage before = _datasets[first];
        Record storage entered = _datasets[id];
        bool looser = (before.ceiling != 0 && entered.ceiling == 0) || (before.homeTaint && !entered.homeTaint);
        if (looser && TITLES.mayAct(first, Right.HOLD, party)) revert CeilingEvaded(first);
    }

    /// @inheritdoc IDatasets
    function versionStatus(DatasetId id, uint32 version) public view returns (VersionStatus) {
        return _statusOf(_datasets[id].versions, version, _versions[id][version].withdrawn);
    }

    function _register(
        PartyId party,
        Classification calldata classification,
        bytes32 sourceHash,
        Content calldata content,
        PolicyId bound,
        bool homeTaint
    ) internal returns (DatasetId id) {
        _requireClassification(classification);
        if (sourceHash == 0) revert SourceProofMissing();
        _requireContent(content);
        uint48 precedence = _precedenceOf(party, content);

        id = DatasetId.wrap(++_count);
        PackedClassification packed = pack(classification);
        _datasets[id] = Record({
            classification: packed,
            status: DatasetStatus.REGISTERED,
            versions: 1,
            ceiling: uint256(PolicyId.unwrap(bound)).toUint40(),
            homeTaint: homeTaint,
            madeBy: uint256(content.activity).toUint48(),
            held: false,
            withdrawals: false
        });
        TITLES.open(id, party);

        _log(
            DatasetRegistered.selector,
            datasetSubject(id),
            partySubject(party),
            abi.encode(packed, sourceHash, content, precedence)
        );
        _enter(content.root, Claim(id, 1, precedence, party));
    }

    function _publish(PartyId party, DatasetId id, Record storage record, uint32 version, Content calldata content)
        internal
    {
        _requireClear(id, record, party, SCOPE_VERSION);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (version != record.versions + 1) revert VersionGap(record.versions + 1, version);
        _requireContent(content);
        uint48 precedence = _precedenceOf(party, content);

        record.versions = version;

        _log(
            VersionPublished.selector,
            datasetSubject(id),
            partySubject(party),
            abi.encode(version, content, precedence)
        );
        _enter(content.root, Claim(id, version, precedence, party));
    }

    function _existing(DatasetId id) internal view returns (Record storage record) {
        record = _datasets[id];
        if (record.status == DatasetStatus.NONE) {
            revert NotFound(KIND_DATASET, DatasetId.unwrap(id));
        }
    }

    function _registered(DatasetId id) internal view returns (Record storage record) {
        record = _existing(id);
        if (record.status != DatasetStatus.REGISTERED) {
            revert BadStatus(KIND_DATASET, DatasetId.unwrap(id), uint8(record.status));
        }
    }

    function _requireClear(DatasetId id, Record storage record, uint16 scope) internal view {
        if (record.held) SUPERVISION.requireClear(datasetSubject(id), scope);
    }

    function _requireClear(DatasetId id, Record storage record, PartyId party, uint16 scope) internal view {
        _requireClear(id, record, scope);
        PARTIES.requireClear(party, scope);
    }

    function _requireVersion(Record storage record, uint32 version) internal view {
        if (version == 0 || version > record.versions) revert NotFound(KIND_VERSION, version);
    }

    function _statusOf(uint32 latest, uint32 version, bool withdrawn) private pure returns (VersionStatus) {
        if (version == 0 || version > latest) return VersionStatus.NONE;
        if (withdrawn) return VersionStatus.WITHDRAWN;
        return version == latest ? VersionStatus.ACTIVE : VersionStatus.SUPERSEDED;
    }

    /// @dev Which activity a version came out of, only Lineage says.
    function _requireNoActivity(Content calldata content) internal pure {
        if (content.activity != ActivityId.unwrap(NO_ACTIVITY)) revert InvalidField("activity");
    }

    function _requireContent(Content calldata content) private pure {
        if (content.root == 0 || content.manifestHash == 0) revert EmptyRoot();
    }

    function _requireClassification(Classification calldata c) private pure {
        if (c.level == Level.CORE) revert CoreDataNotRegistrable();
        if (c.level == Level.NONE) revert InvalidField("level");
        if (c.sourceKind == SourceKind.NONE) revert InvalidField("sourceKind");
        if (c.form == Form.NONE) revert InvalidField("form");
        // Only public data has an open class, and public data always has one.
        if ((c.sourceKind == SourceKind.PUBLIC) != (c.openClass != OpenClass.NONE)) {
            revert InvalidField("openClass");
        }
        bytes2 country = c.originCountry;
        if (country[0] < "A" || country[0] > "Z" || country[1] < "A" || country[1] > "Z") {
            revert InvalidField("originCountry");
        }
    }
}
