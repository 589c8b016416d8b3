// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Derivations} from "./Derivations.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {ACT_DEREGISTER, ACT_PUBLISH, ACT_REGISTER, ACT_WITHDRAW} from "./types/Acts.sol";
import {Classification, Content, Dataset, DatasetStatus, unpack, VersionStatus} from "./types/Dataset.sol";
import {BadStatus, EvidenceMissing, NotFound} from "./types/Errors.sol";
import {SCOPE_DEREGISTER, SCOPE_VERSION} from "./types/Holds.sol";
import {DatasetId, NO_DATASET, PartyId} from "./types/Ids.sol";
import {NO_POLICY} from "./types/Policy.sol";
import {ROLES_SUPPLYING} from "./types/Roles.sol";
import {datasetSubject, KIND_VERSION, partySubject, Subject} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Datasets
/// @notice See {IDatasets}. This file: what holders do; claims are in {Claims}, records and what
/// Lineage says of them in {Derivations}.
contract Datasets is Derivations {
    constructor(IDirectory directory) Derivations(directory) {}

    /// @inheritdoc IDatasets
    function register(
        Classification calldata classification,
        bytes32 sourceHash,
        Content calldata content,
        PartyId onBehalfOf
    ) external returns (DatasetId id) {
        PartyId party = _actingParty(onBehalfOf, ACT_REGISTER, NO_DATASET, ROLES_SUPPLYING);
        _requireNoActivity(content);
        requireUnbound(content.root, NO_DATASET, party);
        return _register(party, classification, sourceHash, content, NO_POLICY, false);
    }

    /// @inheritdoc IDatasets
    function publish(DatasetId id, uint32 version, Content calldata content, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_PUBLISH, id, 0);
        _requireNoActivity(content);
        requireUnbound(content.root, id, party);
        _publish(party, id, _registered(id), version, content);
    }

    /// @inheritdoc IDatasets
    function withdrawVersion(DatasetId id, uint32 version, bytes32 reasonHash, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_WITHDRAW, id, 0);
        Record storage record = _registered(id);
        _requireVersion(record, version);
        _requireClear(id, record, party, SCOPE_VERSION);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (_versions[id][version].withdrawn) {
            revert BadStatus(KIND_VERSION, version, uint8(VersionStatus.WITHDRAWN));
        }
        if (reasonHash == 0) revert EvidenceMissing();

        _versions[id][version].withdrawn = true;
        record.withdrawals = true;

        Subject subject = datasetSubject(id);
        Subject by = partySubject(party);
        _log(VersionWithdrawn.selector, subject, by, abi.encode(version, reasonHash));
    }

    /// @inheritdoc IDatasets
    function deregister(DatasetId id, bytes32 reasonHash, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_DEREGISTER, id, 0);
        Record storage record = _registered(id);
        _requireClear(id, record, party, SCOPE_DEREGISTER);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (reasonHash == 0) revert EvidenceMissing();

        record.status = DatasetStatus.DEREGISTERED;
        TITLES.close(id);

        Subject subject = datasetSubject(id);
        Subject by = partySubject(party);
        _log(DatasetDeregistered.selector, subject, by, abi.encode(reasonHash));
    }

    /// @inheritdoc IDatasets
    function recordErasure(
        DatasetId id,
        uint32 version,
        bytes32 root,
        uint64 entry,
        bytes32 tombstone,
        PartyId onBehalfOf
    ) external {
        PartyId party = _actingParty(onBehalfOf, ACT_WITHDRAW, id, 0);
        TITLES.requireMayAct(id, Right.HOLD, party);
        if (!isVersion(id, version, root)) revert NotFound(KIND_VERSION, version);
        if (tombstone == 0) revert EvidenceMissing();

        Subject subject = datasetSubject(id);
        Subject by = partySubject(party);
        _log(EntryErased.selector, subject, by, abi.encode(version, entry, tombstone));
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
}
