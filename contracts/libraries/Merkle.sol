// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice Shows that an entry stands at an index of the manifest of a version.
/// @param count Number of entries of the manifest.
/// @param index Position of the entry, from 0.
/// @param headerHash SHA-256 of the header line of the manifest, without its line feed.
/// @param path Audit path of RFC 9162 section 2.1.3.1, lowest sibling first.
struct Inclusion {
    uint64 count;
    uint64 index;
    bytes32 headerHash;
    bytes32[] path;
}

/// @title The tree over the entries of a manifest
/// @notice Twin of `provenance/proofs/merkle.py` (docs/formats.md, Manifest):
///
///     leaf = SHA-256(00 ‖ entry line)    node = SHA-256(01 ‖ left ‖ right)
///     root = SHA-256(02 ‖ N as u64 ‖ SHA-256(header line) ‖ MTH)
///
/// @dev Nothing here reverts: a malformed proof is one that proves nothing.
library Merkle {
    /// @notice The hash of an entry line without its line feed.
    function leafHash(bytes calldata entry) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x00), entry));
    }

    /// @notice The hash of an inner node.
    function nodeHash(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @notice The root that a version carries.
    function versionRoot(uint64 count, bytes32 headerHash, bytes32 treeHash) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x02), count, headerHash, treeHash));
    }

    /// @notice True if the entry with this leaf hash stands at the index under the root.
    function includes(bytes32 root, bytes32 leaf, Inclusion calldata proof) internal pure returns (bool) {
        (bool fits, bytes32 treeHash) = _climb(leaf, proof);
        return fits && versionRoot(proof.count, proof.headerHash, treeHash) == root;
    }

    /// @dev RFC 9162 section 2.1.3.2; a path too long is refused like one too short.
    function _climb(bytes32 leaf, Inclusion calldata proof) private pure returns (bool, bytes32) {
        if (proof.index >= proof.count) return (false, 0);
        uint64 index = proof.index;
        uint64 last = proof.count - 1;
        uint256 used = 0;
        bytes32 node = leaf;
        while (last != 0) {
            if (index & 1 == 1 || index < last) {
                if (used == proof.path.length) return (false, 0);
                bytes32 sibling = proof.path[used++];
                node = index & 1 == 1 ? nodeHash(sibling, node) : nodeHash(node, sibling);
            }
            index >>= 1;
            last >>= 1;
        }
        return (used == proof.path.length, node);
    }
}
