// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {NotFound} from "./types/Errors.sol";
import {DatasetId, PartyId} from "./types/Ids.sol";
import {Grant, GrantId, GrantStatus, Inactive, PolicyId} from "./types/Policy.sol";
import {KIND_GRANT} from "./types/Subject.sol";

/// @title GrantRecords
/// @notice The part of {ILicenses} that keeps grants, and says what one is and why it cannot be used.
abstract contract GrantRecords is LedgerModule, ILicenses {
    /// @dev A {Grant} in two words: a check reads the first alone, of each grant in the chain. Ids
    /// are counters, so 40 bits last.
    struct Record {
        uint40 parent;
        uint40 policy;
        uint40 dataset;
        uint40 grantee;
        uint40 notBefore;
        uint40 notAfter;
        uint8 status; // {GrantStatus}
        uint8 marks; // DORMANT, EXHAUSTED
        uint40 usesLeft;
        uint40 used;
        uint40 previous;
        uint8 depth;
        bool exclusive;
        bool onHold;
    }

    uint8 internal constant ACTIVE = uint8(GrantStatus.ACTIVE);
    uint8 internal constant SUSPENDED = uint8(GrantStatus.SUSPENDED);
    uint8 internal constant REVOKED = uint8(GrantStatus.REVOKED);

    uint8 internal constant DORMANT = 1 << 0; // the grantee has to activate it
    uint8 internal constant EXHAUSTED = 1 << 1; // no uses left

    mapping(uint256 id => Record) internal _grants;

    ITitles internal immutable TITLES;

    constructor(IDirectory directory) LedgerModule(directory) {
        TITLES = ITitles(directory.addressOf("Titles"));
    }

    /// @inheritdoc ILicenses
    function grant(GrantId id) external view returns (Grant memory) {
        Record memory record = _existing(id);
        return Grant({
            parent: GrantId.wrap(record.parent),
            policy: PolicyId.wrap(record.policy),
            status: GrantStatus(record.status),
            depth: record.depth,
            exclusive: record.exclusive,
            onHold: record.onHold,
            dormant: record.marks & DORMANT != 0,
            notBefore: record.notBefore,
            notAfter: record.notAfter,
            dataset: DatasetId.wrap(record.dataset),
            grantee: PartyId.wrap(record.grantee),
            usesLeft: record.usesLeft,
            used: record.used,
            previous: GrantId.wrap(record.previous)
        });
    }

    /// @inheritdoc ILicenses
    function inactivity(GrantId id) external view returns (Inactive) {
        return _inactivity(_existing(id));
    }

    /// @dev Why a grant cannot be used now: its own state first, then its parents', then its title.
    function _inactivity(Record storage record) internal view returns (Inactive) {
        if (!_isInForce(record)) return _reasonOf(record);
        return record.marks & DORMANT != 0 ? Inactive.NOT_ACTIVATED : _inactivityAbove(record);
    }

    function _isInForce(Record storage record) internal view returns (bool) {
        // Read without a branch between them, the fields are loaded once.
        uint8 status = record.status;
        uint256 notBefore = record.notBefore;
        uint256 notAfter = record.notAfter;
        return status == ACTIVE && notBefore <= block.timestamp && block.timestamp <= notAfter;
    }

    function _reasonOf(Record storage record) internal view returns (Inactive) {
        if (record.status == REVOKED) return Inactive.REVOKED;
        if (record.status == SUSPENDED) return Inactive.SUSPENDED;
        return block.timestamp < record.notBefore ? Inactive.NOT_YET : Inactive.EXPIRED;
    }

    /// @dev A dormant grant has nothing below it, so that need not be asked of parents.
    function _inactivityAbove(Record storage record) internal view returns (Inactive) {
        uint256 parent = record.parent;
        while (parent != 0) {
            Record storage above = _grants[parent];
            if (!_isInForce(above)) return Inactive.PARENT;
            parent = above.parent;
        }
        return TITLES.isClosed(_datasetOf(record)) ? Inactive.TITLE : Inactive.NONE;
    }

    function _requireActive(GrantId id, Record storage record) internal view {
        Inactive why = _inactivity(record);
        if (why != Inactive.NONE) revert GrantNotActive(id, why);
    }

    function _record(GrantId id) internal view returns (Record storage) {
        return _grants[GrantId.unwrap(id)];
    }

    function _existing(GrantId id) internal view returns (Record storage record) {
        record = _record(id);
        if (record.status == 0) revert NotFound(KIND_GRANT, GrantId.unwrap(id));
    }

    function _granteeOf(Record storage record) internal view returns (PartyId) {
        return PartyId.wrap(record.grantee);
    }

    function _datasetOf(Record storage record) internal view returns (DatasetId) {
        return DatasetId.wrap(record.dataset);
    }

    function _policyOf(Record storage record) internal view returns (PolicyId) {
        return PolicyId.wrap(record.policy);
    }

    function _isOver(Record storage record) internal view returns (bool) {
        return record.status == REVOKED || record.notAfter < block.timestamp;
    }
}
