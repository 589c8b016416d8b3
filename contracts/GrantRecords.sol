// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IParties} from "./interfaces/IParties.sol";
import {ISupervision} from "./interfaces/ISupervision.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {NotFound} from "./types/Errors.sol";
import {DatasetId, HoldId, NO_HOLD, PartyId} from "./types/Ids.sol";
import {Grant, GrantId, GrantStatus, Inactive, PolicyId} from "./types/Policy.sol";
import {datasetSubject, grantSubject, KIND_GRANT} from "./types/Subject.sol";

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
        uint8 marks; // DORMANT, EXHAUSTED, HELD, COUNTED, DERIVES
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
    uint8 internal constant HELD = 1 << 2; // a hold was placed and not lifted; it may have lapsed

    uint8 internal constant COUNTED = 1 << 3; // its uses are limited, the second word says how many are left
    uint8 internal constant DERIVES = 1 << 4; // its policy permits DERIVE

    mapping(uint256 id => Record) internal _grants;

    IParties internal immutable PARTIES;
    ISupervision internal immutable SUPERVISION;
    ITitles internal immutable TITLES;
    IDatasets internal immutable DATASETS;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
        SUPERVISION = ISupervision(directory.addressOf("Supervision"));
        TITLES = ITitles(directory.addressOf("Titles"));
        DATASETS = IDatasets(directory.addressOf("Datasets"));
    }

    /// @inheritdoc ILicenses
    function setHeld(GrantId id, bool held) external onlyModule("Supervision") {
        Record storage record = _existing(id);
        record.marks = held ? record.marks | HELD : record.marks & ~HELD;
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
        (bool inForceAbove,) = _above(record);
        (bool registered,) = _standingOf(_datasetOf(record));
        return _inactivity(record, inForceAbove, registered);
    }

    function _inactivity(Record storage record, bool inForceAbove, bool registered) internal view returns (Inactive) {
        if (!_isInForce(record)) return _reasonOf(record);
        if (record.marks & DORMANT != 0) return Inactive.NOT_ACTIVATED;
        if (!inForceAbove) return Inactive.PARENT;
        return registered ? Inactive.NONE : Inactive.TITLE;
    }

    /// @return registered False if the dataset was deregistered, and so all titles to it ended.
    /// @return held False if nothing holds it.
    function _standingOf(DatasetId dataset) internal view returns (bool registered, bool held) {
        return DATASETS.standing(dataset);
    }

    /// @dev What the grants above one say, each read once.
    /// @return inForce True if each is in force and its grantee active. A dormant grant has nothing
    /// below it, so that need not be asked.
    /// @return marks The marks of all of them.
    function _above(Record storage record) internal view returns (bool inForce, uint8 marks) {
        inForce = true;
        uint256 parent = record.parent;
        if (parent == 0) return (inForce, marks);
        uint256 suspects = PARTIES.suspects();
        while (parent != 0) {
            Record storage above = _grants[parent];
            parent = above.parent;
            uint256 grantee = above.grantee;
            marks |= above.marks;
            if (!_isInForce(above)) inForce = false;
            bool suspect = (suspects >> (grantee & 255)) & 1 == 1;
            if (suspect && !PARTIES.isActive(_granteeOf(above))) inForce = false;
        }
    }

    /// @dev The first hold that stops an act of `scope`: on the dataset, on the grant, on those above.
    function _firstHold(GrantId id, DatasetId dataset, uint16 scope, bool onDataset, bool onGrants)
        internal
        view
        returns (HoldId hold)
    {
        if (onDataset) hold = SUPERVISION.activeHold(datasetSubject(dataset), scope);
        uint256 next = GrantId.unwrap(id);
        while (onGrants && hold == NO_HOLD && next != 0) {
            Record storage record = _grants[next];
            if (record.marks & HELD != 0) hold = SUPERVISION.activeHold(grantSubject(GrantId.wrap(uint64(next))), scope);
            next = record.parent;
        }
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

    /// @dev A grant that is over is in nobody's way; a suspended one may come back.
    function _isOver(Record storage record) internal view returns (bool) {
        return record.status == REVOKED || record.notAfter < block.timestamp;
    }
}
