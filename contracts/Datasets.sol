// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claims} from "./Claims.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {ACT_DEREGISTER, ACT_PUBLISH, ACT_REGISTER, ACT_WITHDRAW} from "./types/Acts.sol";
import {
    Claim,
    Classification,
    Content,
    Dataset,
    DatasetStatus,
    Form,
    Level,
    OpenClass,
    pack,
    PackedClassification,
    SourceKind,
    unpack,
    VersionStatus
} from "./types/Dataset.sol";
import {BadStatus, EvidenceMissing, InvalidField, NotFound} from "./types/Errors.sol";
import {SCOPE_DEREGISTER, SCOPE_VERSION} from "./types/Holds.sol";
import {DatasetId, NO_DATASET, PartyId} from "./types/Ids.sol";
import {ROLES_SUPPLYING} from "./types/Roles.sol";
import {datasetSubject, KIND_DATASET, KIND_VERSION, partySubject, Subject} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Datasets
/// @notice See {IDatasets}. This file: registration and versions; claims are in {Claims}.
contract Datasets is Claims {
    /// @dev {Dataset} in one word.
    struct Record {
        PackedClassification classification;
        DatasetStatus status;
        uint32 versions;
    }

    mapping(DatasetId id => Record) private _datasets;
    mapping(DatasetId id => mapping(uint32 version => bool)) private _withdrawn;
    uint64 private _count;

    constructor(IDirectory directory) Claims(directory) {}

    /// @inheritdoc IDatasets
    function register(
        Classification calldata classification,
        bytes32 sourceHash,
        Content calldata content,
        PartyId onBehalfOf
    ) external returns (DatasetId id) {
        PartyId party = _actingParty(onBehalfOf, ACT_REGISTER, NO_DATASET, ROLES_SUPPLYING);
        _requireClassification(classification);
        if (sourceHash == 0) revert SourceProofMissing();
        _requireContent(content);
        uint48 precedence = _precedenceOf(party, content);

        id = DatasetId.wrap(++_count);
        PackedClassification packed = pack(classification);
        _datasets[id] = Record(packed, DatasetStatus.REGISTERED, 1);
        TITLES.open(id, party);

        Subject subject = datasetSubject(id);
        Subject registrant = partySubject(party);
        _log(DatasetRegistered.selector, subject, registrant, abi.encode(packed, sourceHash, content, precedence));
        _enter(content.root, Claim(id, 1, precedence, party));
    }

    /// @inheritdoc IDatasets
    function publish(DatasetId id, uint32 version, Content calldata content, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_PUBLISH, id, 0);
        Record storage record = _registered(id);
        SUPERVISION.requireClear(datasetSubject(id), SCOPE_VERSION);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (version != record.versions + 1) revert VersionGap(record.versions + 1, version);
        _requireContent(content);
        uint48 precedence = _precedenceOf(party, content);

        record.versions = version;

        Subject subject = datasetSubject(id);
        Subject publisher = partySubject(party);
        _log(VersionPublished.selector, subject, publisher, abi.encode(version, content, precedence));
        _enter(content.root, Claim(id, version, precedence, party));
    }

    /// @inheritdoc IDatasets
    function withdrawVersion(DatasetId id, uint32 version, bytes32 reasonHash, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_WITHDRAW, id, 0);
        Record storage record = _registered(id);
        if (version == 0 || version > record.versions) revert NotFound(KIND_VERSION, version);
        SUPERVISION.requireClear(datasetSubject(id), SCOPE_VERSION);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (_withdrawn[id][version]) {
            revert BadStatus(KIND_VERSION, version, uint8(VersionStatus.WITHDRAWN));
        }
        if (reasonHash == 0) revert EvidenceMissing();

        _withdrawn[id][version] = true;

        Subject subject = datasetSubject(id);
        Subject by = partySubject(party);
        _log(VersionWithdrawn.selector, subject, by, abi.encode(version, reasonHash));
    }

    /// @inheritdoc IDatasets
    function deregister(DatasetId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_DEREGISTER, id, 0);
        Record storage record = _registered(id);
        SUPERVISION.requireClear(datasetSubject(id), SCOPE_DEREGISTER);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (reasonHash == 0) revert EvidenceMissing();

        record.status = DatasetStatus.DEREGISTERED;
        TITLES.close(id);

        Subject subject = datasetSubject(id);
        Subject by = partySubject(party);
        _log(DatasetDeregistered.selector, subject, by, abi.encode(reasonHash));
    }

    /// @inheritdoc IDatasets
    function dataset(DatasetId id) external view returns (Dataset memory) {
        Record memory record = _existing(id);
        return Dataset(unpack(record.classification), record.status, record.versions);
    }

    /// @inheritdoc IDatasets
    function count() external view returns (uint64) {
        return _count;
    }

    /// @inheritdoc IDatasets
    function versionStatus(DatasetId id, uint32 version) external view returns (VersionStatus) {
        uint32 latest = _datasets[id].versions;
        if (version == 0 || version > latest) return VersionStatus.NONE;
        if (_withdrawn[id][version]) return VersionStatus.WITHDRAWN;
        return version == latest ? VersionStatus.ACTIVE : VersionStatus.SUPERSEDED;
    }

    function _existing(DatasetId id) private view returns (Record storage record) {
        record = _datasets[id];
        if (record.status == DatasetStatus.NONE) {
            revert NotFound(KIND_DATASET, DatasetId.unwrap(id));
        }
    }

    function _registered(DatasetId id) private view returns (Record storage record) {
        record = _existing(id);
        if (record.status != DatasetStatus.REGISTERED) {
            revert BadStatus(KIND_DATASET, DatasetId.unwrap(id), uint8(record.status));
        }
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
