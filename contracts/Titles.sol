// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {LedgerModule} from "./LedgerModule.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IParties} from "./interfaces/IParties.sol";
import {ISupervision} from "./interfaces/ISupervision.sol";
import {ITitles, PendingTransfer} from "./interfaces/ITitles.sol";
import {ACT_ACCEPT, ACT_TRANSFER} from "./types/Acts.sol";
import {BadStatus, InvalidField, NotFound} from "./types/Errors.sol";
import {SCOPE_TITLE} from "./types/Holds.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId, TransferId} from "./types/Ids.sol";
import {datasetSubject, KIND_DATASET, KIND_TRANSFER, partySubject, Subject} from "./types/Subject.sol";
import {
    ALL_UNITS,
    NO_UNITS,
    Right,
    RIGHT_HOLD,
    RIGHT_OPERATE,
    RIGHT_USE,
    Units,
    UNITS_MAJORITY
} from "./types/Units.sol";

/// @title Titles
/// @notice See {ITitles}.
contract Titles is LedgerModule, ITitles {
    using SafeCast for uint256;

    /// @dev One word per dataset and holder.
    struct Holding {
        Units units;
        Units reserved; // for takers, in transfers of this `round`
        uint48 lapses; // when the last of these transfers has lapsed, so that none counts any more
        uint16 round; // grows when reservations have lapsed and a new one is made
    }

    /// @dev One word. Ids are counters, so 48 bits last.
    struct Pending {
        uint48 dataset;
        uint48 giver;
        uint48 taker;
        Units units;
        uint48 expires;
        uint16 round;
    }

    /// @dev One word: what the registrant holds stands beside its name, so that registration writes
    /// no second word for it.
    struct Opening {
        PartyId registrant;
        bool closed;
        Units units;
        Units reserved;
        uint48 lapses;
        uint16 round;
    }

    mapping(DatasetId dataset => Opening) private _openings;
    mapping(DatasetId dataset => mapping(PartyId party => Holding)) private _holdings;
    mapping(uint64 transfer => Pending) private _pending;
    uint64 private _transferCount;

    IParties private immutable PARTIES;
    ISupervision private immutable SUPERVISION;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
        SUPERVISION = ISupervision(directory.addressOf("Supervision"));
    }

    /// @inheritdoc ITitles
    function open(DatasetId dataset, PartyId registrant) external onlyModule("Datasets") {
        if (_openings[dataset].registrant != NO_PARTY) {
            revert BadStatus(KIND_DATASET, DatasetId.unwrap(dataset), 1);
        }
        if (dataset == NO_DATASET || registrant == NO_PARTY) revert InvalidField("dataset");
        _openings[dataset] = Opening(registrant, false, ALL_UNITS, NO_UNITS, 0, 0);
    }

    /// @inheritdoc ITitles
    function close(DatasetId dataset) external onlyModule("Datasets") {
        _requireOpen(dataset);
        _openings[dataset].closed = true;
    }

    /// @inheritdoc ITitles
    function startTransfer(
        DatasetId dataset,
        PartyId taker,
        Units units,
        bytes32 agreement,
        uint48 expires,
        PartyId onBehalfOf
    ) external returns (TransferId transfer) {
        PartyId giver = _actingParty(onBehalfOf, ACT_TRANSFER, dataset);
        _requireOpen(dataset);
        SUPERVISION.requireClear(datasetSubject(dataset), SCOPE_TITLE);
        if (taker == giver) revert InvalidField("taker");
        PARTIES.requireBothClear(giver, taker, SCOPE_TITLE);
        if (expires <= block.timestamp) revert InvalidField("expires");
        uint16 round = _reserve(dataset, giver, units, expires);
        uint64 id = ++_transferCount;
        _pending[id] = Pending({
            dataset: uint256(DatasetId.unwrap(dataset)).toUint48(),
            giver: uint256(PartyId.unwrap(giver)).toUint48(),
            taker: uint256(PartyId.unwrap(taker)).toUint48(),
            units: units,
            expires: expires,
            round: round
        });
        transfer = TransferId.wrap(id);
        _announceStart(dataset, giver, taker, transfer, units, agreement, expires);
    }

    /// @inheritdoc ITitles
    function acceptTransfer(TransferId transfer, bytes32 expectedHead, PartyId onBehalfOf) external {
        Pending memory pending = _requirePending(transfer);
        DatasetId dataset = DatasetId.wrap(pending.dataset);
        PartyId giver = PartyId.wrap(pending.giver);
        PartyId taker = _actingParty(onBehalfOf, ACT_ACCEPT, dataset);
        if (taker != PartyId.wrap(pending.taker)) revert NotTransferParty(transfer, taker);
        if (pending.expires < block.timestamp) revert TransferExpired(transfer, pending.expires);
        _requireOpen(dataset);
        SUPERVISION.requireClear(datasetSubject(dataset), SCOPE_TITLE);
        PARTIES.requireBothClear(giver, taker, SCOPE_TITLE);
        _requireHead(dataset, expectedHead);

        delete _pending[TransferId.unwrap(transfer)];
        _move(dataset, giver, taker, pending);

        (Subject a, Subject b, Subject c) = _subjects(dataset, giver, taker);
        _log(TransferAccepted.selector, a, b, c, abi.encode(transfer, pending.units));
    }

    /// @inheritdoc ITitles
    function cancelTransfer(TransferId transfer, PartyId onBehalfOf) external {
        Pending memory pending = _requirePending(transfer);
        DatasetId dataset = DatasetId.wrap(pending.dataset);
        PartyId giver = PartyId.wrap(pending.giver);
        PartyId taker = PartyId.wrap(pending.taker);
        PartyId by = _actingParty(onBehalfOf, ACT_TRANSFER, dataset);
        if (by != giver && by != taker && pending.expires >= block.timestamp) {
            revert NotTransferParty(transfer, by);
        }

        delete _pending[TransferId.unwrap(transfer)];
        Holding memory from = _load(dataset, giver);
        _release(from, pending);
        _store(dataset, giver, from);

        (Subject a, Subject b, Subject c) = _subjects(dataset, giver, taker);
        _log(TransferCancelled.selector, a, b, c, abi.encode(transfer, by));
    }

    /// @inheritdoc ITitles
    function unitsOf(DatasetId dataset, PartyId party) public view returns (Units) {
        return _load(dataset, party).units;
    }

    /// @inheritdoc ITitles
    function freeUnitsOf(DatasetId dataset, PartyId party) external view returns (Units) {
        return _free(_load(dataset, party));
    }

    /// @inheritdoc ITitles
    function mayAct(DatasetId dataset, Right right, PartyId party) public view returns (bool) {
        return unitsOf(dataset, party).unitsFor(right) > UNITS_MAJORITY;
    }

    /// @inheritdoc ITitles
    function requireMayAct(DatasetId dataset, Right right, PartyId party) external view {
        if (!mayAct(dataset, right, party)) revert NotHolder(dataset, right, party);
    }

    /// @inheritdoc ITitles
    function rightsOf(DatasetId dataset, PartyId party) external view returns (uint8 rights) {
        _requireOpen(dataset);
        Units units = unitsOf(dataset, party);
        if (units.unitsFor(Right.HOLD) > UNITS_MAJORITY) rights |= RIGHT_HOLD;
        if (units.unitsFor(Right.USE) > UNITS_MAJORITY) rights |= RIGHT_USE;
        if (units.unitsFor(Right.OPERATE) > UNITS_MAJORITY) rights |= RIGHT_OPERATE;
    }

    /// @inheritdoc ITitles
    function registrantOf(DatasetId dataset) external view returns (PartyId) {
        return _openings[dataset].registrant;
    }

    /// @inheritdoc ITitles
    function isClosed(DatasetId dataset) external view returns (bool) {
        return _openings[dataset].closed;
    }

    /// @inheritdoc ITitles
    function pendingTransfer(TransferId transfer) external view returns (PendingTransfer memory) {
        Pending memory pending = _requirePending(transfer);
        return PendingTransfer({
            dataset: DatasetId.wrap(pending.dataset),
            giver: PartyId.wrap(pending.giver),
            taker: PartyId.wrap(pending.taker),
            units: pending.units,
            expires: pending.expires,
            lapsed: pending.expires < block.timestamp
        });
    }

    /// @inheritdoc ITitles
    function transferCount() external view returns (uint64) {
        return _transferCount;
    }

    /// @dev Adds to the giver's reservations; those of a round that has lapsed count no more.
    function _reserve(DatasetId dataset, PartyId giver, Units units, uint48 expires) private returns (uint16 round) {
        if (units == NO_UNITS || !ALL_UNITS.covers(units)) revert InvalidField("units");
        Holding memory holding = _load(dataset, giver);
        Units free = _free(holding);
        if (!free.covers(units)) {
            if (holding.units == NO_UNITS) revert NotHolder(dataset, _firstRight(units), giver);
            revert UnitsMissing(dataset, giver, free, units);
        }
        if (holding.reserved != NO_UNITS && holding.lapses < block.timestamp) {
            holding.reserved = NO_UNITS;
            ++holding.round;
        }
        if (holding.reserved == NO_UNITS || expires > holding.lapses) holding.lapses = expires;
        holding.reserved = holding.reserved + units;
        _store(dataset, giver, holding);
        return holding.round;
    }

    function _move(DatasetId dataset, PartyId giver, PartyId taker, Pending memory pending) private {
        Holding memory from = _load(dataset, giver);
        _release(from, pending);
        from.units = from.units - pending.units;
        _store(dataset, giver, from);
        Holding memory to = _load(dataset, taker);
        to.units = to.units + pending.units;
        _store(dataset, taker, to);
    }

    function _store(DatasetId dataset, PartyId party, Holding memory holding) private {
        Opening memory opening = _openings[dataset];
        if (party != opening.registrant) {
            _holdings[dataset][party] = holding;
            return;
        }
        opening.units = holding.units;
        opening.reserved = holding.reserved;
        opening.lapses = holding.lapses;
        opening.round = holding.round;
        _openings[dataset] = opening;
    }

    function _load(DatasetId dataset, PartyId party) private view returns (Holding memory) {
        Opening memory opening = _openings[dataset];
        if (party != opening.registrant) return _holdings[dataset][party];
        return Holding(opening.units, opening.reserved, opening.lapses, opening.round);
    }

    function _announceStart(
        DatasetId dataset,
        PartyId giver,
        PartyId taker,
        TransferId transfer,
        Units units,
        bytes32 agreement,
        uint48 expires
    ) private {
        (Subject a, Subject b, Subject c) = _subjects(dataset, giver, taker);
        _log(TransferStarted.selector, a, b, c, abi.encode(transfer, units, agreement, expires));
    }

    function _actingParty(PartyId onBehalfOf, uint32 act, DatasetId dataset) private view returns (PartyId) {
        return PARTIES.actingParty(_msgSender(), onBehalfOf, act, dataset, 0);
    }

    function _requireOpen(DatasetId dataset) private view {
        Opening memory opening = _openings[dataset];
        if (opening.registrant == NO_PARTY) {
            revert NotFound(KIND_DATASET, DatasetId.unwrap(dataset));
        }
        if (opening.closed) revert BadStatus(KIND_DATASET, DatasetId.unwrap(dataset), 2);
    }

    function _requirePending(TransferId transfer) private view returns (Pending memory pending) {
        uint64 id = TransferId.unwrap(transfer);
        pending = _pending[id];
        if (pending.dataset != 0) return pending;
        if (id == 0 || id > _transferCount) revert NotFound(KIND_TRANSFER, id);
        revert BadStatus(KIND_TRANSFER, id, 0);
    }

    function _requireHead(DatasetId dataset, bytes32 expected) private view {
        if (expected == 0) return;
        bytes32 found = HISTORY.headOf(datasetSubject(dataset));
        if (found != expected) revert HeadMoved(expected, found);
    }

    /// @dev A lapsed round is ignored from the moment that its last transfer lapses.
    function _free(Holding memory holding) private view returns (Units) {
        return holding.lapses < block.timestamp ? holding.units : holding.units - holding.reserved;
    }

    /// @dev Takes a transfer out of the giver's reservations, unless its round is over.
    function _release(Holding memory holding, Pending memory pending) private pure {
        if (holding.round == pending.round) holding.reserved = holding.reserved - pending.units;
    }

    function _firstRight(Units units) private pure returns (Right) {
        if (units.unitsFor(Right.HOLD) != 0) return Right.HOLD;
        return units.unitsFor(Right.USE) != 0 ? Right.USE : Right.OPERATE;
    }

    function _subjects(DatasetId dataset, PartyId giver, PartyId taker)
        private
        pure
        returns (Subject, Subject, Subject)
    {
        return (datasetSubject(dataset), partySubject(giver), partySubject(taker));
    }
}
