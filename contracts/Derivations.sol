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
import {DatasetId, PartyId} from "./types/Ids.sol";
import {NO_POLICY, PolicyId} from "./types/Policy.sol";
import {datasetSubject, KIND_DATASET, KIND_VERSION, partySubject} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Derivations
/// @notice The part of {IDatasets} that keeps datasets and versions, and what Lineage says of them.
abstract contract Derivations is Claims {
    using SafeCast for uint256;

    /// @dev {Dataset} in one word, what bounds it, and the activity that its first version came out
    /// of, so that a derived dataset writes no second word for that.
    struct Record {
        PackedClassification classification;
        DatasetStatus status;
        uint32 versions;
        PolicyId ceiling;
        bool homeTaint;
        uint48 madeBy;
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
        id = _register(registrant, classification, sourceHash, content, bound, homeTaint);
        if (bound != NO_POLICY || homeTaint) _announceCeiling(id, bound, homeTaint);
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
        _bind(id, record, record.ceiling, homeTaint);
    }

    /// @inheritdoc IDatasets
    function setActivity(DatasetId id, uint32 version, ActivityId activity, PolicyId bound, bool homeTaint)
        external
        onlyModule("Lineage")
    {
        Record storage record = _registered(id);
        _requireVersion(record, version);
        SUPERVISION.requireClear(datasetSubject(id), SCOPE_VERSION);
        _versions[id][version].activity = activity;
        _bind(id, record, bound, homeTaint);
    }

    /// @inheritdoc IDatasets
    function ceiling(DatasetId id) external view returns (PolicyId policy, bool homeTaint) {
        Record storage record = _existing(id);
        return (record.ceiling, record.homeTaint);
    }

    /// @inheritdoc IDatasets
    function activityOf(DatasetId id, uint32 version) external view returns (ActivityId found) {
        found = _versions[id][version].activity;
        if (found == NO_ACTIVITY && version == 1) return ActivityId.wrap(_datasets[id].madeBy);
    }

    /// @inheritdoc IDatasets
    function source(DatasetId id, uint32 version) external view returns (Source memory) {
        Record memory record = _existing(id);
        Version memory found = _versions[id][version];
        return Source({
            registered: record.status == DatasetStatus.REGISTERED,
            status: _statusOf(record.versions, version, found.withdrawn),
            level: levelOf(record.classification),
            piKind: piKindOf(record.classification),
            originCountry: originOf(record.classification),
            homeTaint: record.homeTaint,
            ceiling: record.ceiling,
            order: version == 1 ? record.madeBy : found.order
        });
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
            ceiling: bound,
            homeTaint: homeTaint,
            madeBy: uint256(content.activity).toUint48()
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
        SUPERVISION.requireClear(datasetSubject(id), SCOPE_VERSION);
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

    /// @dev Taint never goes away.
    function _bind(DatasetId id, Record storage record, PolicyId bound, bool homeTaint) private {
        homeTaint = homeTaint || record.homeTaint;
        if (bound == record.ceiling && homeTaint == record.homeTaint) return;
        record.ceiling = bound;
        record.homeTaint = homeTaint;
        _announceCeiling(id, bound, homeTaint);
    }

    function _announceCeiling(DatasetId id, PolicyId bound, bool homeTaint) private {
        _log(CeilingSet.selector, datasetSubject(id), abi.encode(bound, homeTaint));
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
