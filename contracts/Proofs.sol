// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "./interfaces/IDatasets.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IProofs} from "./interfaces/IProofs.sol";
import {Inclusion, Merkle} from "./libraries/Merkle.sol";
import {DatasetStatus, VersionStatus} from "./types/Dataset.sol";
import {DatasetId} from "./types/Ids.sol";

/// @title Proofs
/// @notice See {IProofs}.
contract Proofs is IProofs {
    IDatasets private immutable DATASETS;

    constructor(IDirectory directory) {
        DATASETS = IDatasets(directory.addressOf("Datasets"));
    }

    /// @inheritdoc IProofs
    function verifyLeaf(bytes32 root, Inclusion calldata proof, bytes calldata entry) public pure returns (bool) {
        return Merkle.includes(root, Merkle.leafHash(entry), proof);
    }

    /// @inheritdoc IProofs
    function verifyEntry(
        DatasetId dataset,
        uint32 version,
        bytes32 root,
        Inclusion calldata proof,
        bytes calldata entry
    ) external view returns (bool) {
        if (!DATASETS.isVersion(dataset, version, root)) return false;
        if (DATASETS.dataset(dataset).status != DatasetStatus.REGISTERED) return false;
        if (DATASETS.versionStatus(dataset, version) == VersionStatus.WITHDRAWN) return false;
        return verifyLeaf(root, proof, entry);
    }
}
