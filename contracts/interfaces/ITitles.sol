// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetId, PartyId, TransferId} from "../types/Ids.sol";
import {Subject} from "../types/Subject.sol";
import {Right, Units} from "../types/Units.sol";

/// @notice A transfer that the taker may accept.
/// @param units Units of each right, reserved from the giver.
/// @param expires Unix time in seconds after which it has lapsed.
struct PendingTransfer {
    DatasetId dataset;
    PartyId giver;
    PartyId taker;
    Units units;
    uint48 expires;
    bool lapsed;
}

/// @title Who holds which right in a dataset
/// @notice 10,000 units (basis points) each of the rights to HOLD, USE and OPERATE a dataset, held
/// by parties. The registrant starts with all of them. An act under a right needs more than 5,000
/// of its units. Units move in two steps: the giver reserves them, the taker accepts.
/// @dev Past holdings are a fold of the history; nothing but the present is stored.
interface ITitles {
    event TransferStarted(
        Subject indexed dataset,
        Subject indexed giver,
        Subject indexed taker,
        TransferId transfer,
        Units units,
        bytes32 agreement,
        uint48 expires
    );
    event TransferAccepted(
        Subject indexed dataset, Subject indexed giver, Subject indexed taker, TransferId transfer, Units units
    );
    event TransferCancelled(
        Subject indexed dataset, Subject indexed giver, Subject indexed taker, TransferId transfer, PartyId by
    );

    /// @notice The party does not have the majority of units of the right, or, if it is to give some,
    /// has no unit of any right.
    error NotHolder(DatasetId dataset, Right right, PartyId party);

    /// @notice The giver has fewer free units than it wants to give.
    error UnitsMissing(DatasetId dataset, PartyId party, Units free, Units asked);

    /// @notice The caller's party is neither giver nor taker of this transfer, or not the one that
    /// the act is for.
    error NotTransferParty(TransferId transfer, PartyId party);

    /// @notice The transfer has lapsed.
    error TransferExpired(TransferId transfer, uint48 expires);

    /// @notice Something was recorded on the dataset since the taker looked.
    error HeadMoved(bytes32 expected, bytes32 found);

    /// @notice Opens the titles of a new dataset: the registrant holds all units.
    /// @dev Requirements: caller is the module Datasets; not opened before.
    function open(DatasetId dataset, PartyId registrant) external;

    /// @notice Closes the titles of a dataset: units no longer move.
    /// @dev Requirements: caller is the module Datasets; open.
    function close(DatasetId dataset) external;

    /// @notice Reserves units for a taker.
    /// @dev Emits {TransferStarted}. Requirements: caller acts for `onBehalfOf`; dataset is open and
    /// not held (TITLE); taker is another, active party; at least one unit, none above what the
    /// giver has free; `expires` is in the future.
    /// @param units Units of each right.
    /// @param agreement Commitment to the agreement, or zero.
    /// @param expires Unix time in seconds until which the taker may accept.
    /// @param onBehalfOf The giver if the caller is its delegate; zero for the caller's own party.
    function startTransfer(
        DatasetId dataset,
        PartyId taker,
        Units units,
        bytes32 agreement,
        uint48 expires,
        PartyId onBehalfOf
    ) external returns (TransferId transfer);

    /// @notice Takes the units of a transfer.
    /// @dev Emits {TransferAccepted}. Requirements: caller acts for the taker; the transfer is
    /// pending and has not lapsed; dataset is open and not held (TITLE); giver is active; the head
    /// of the dataset's history is `expectedHead`, if given.
    /// @param expectedHead What the taker saw; zero for any.
    function acceptTransfer(TransferId transfer, bytes32 expectedHead, PartyId onBehalfOf) external;

    /// @notice Gives a pending transfer up: the giver withdraws or the taker declines; once it has
    /// lapsed, anyone may.
    /// @dev Emits {TransferCancelled}. Requirements: pending; caller acts for giver or taker, or
    /// it has lapsed and the caller is a party.
    function cancelTransfer(TransferId transfer, PartyId onBehalfOf) external;

    /// @notice Units that a party holds, those reserved for takers included.
    function unitsOf(DatasetId dataset, PartyId party) external view returns (Units);

    /// @notice Units that a party holds and has not reserved for a taker.
    function freeUnitsOf(DatasetId dataset, PartyId party) external view returns (Units);

    /// @notice True if the party holds the majority of units of the right.
    function mayAct(DatasetId dataset, Right right, PartyId party) external view returns (bool);

    /// @notice Reverts with {NotHolder} unless {mayAct}.
    function requireMayAct(DatasetId dataset, Right right, PartyId party) external view;

    /// @notice The rights under which the party may act, as RIGHT_ bits.
    /// @dev Requirements: the dataset is open, else {NotFound} or {BadStatus}.
    function rightsOf(DatasetId dataset, PartyId party) external view returns (uint8 rights);

    /// @notice The party that registered the dataset, or zero.
    function registrantOf(DatasetId dataset) external view returns (PartyId);

    /// @notice True once the dataset's titles are closed.
    function isClosed(DatasetId dataset) external view returns (bool);

    /// @notice A pending transfer.
    /// @dev Requirements: it is pending, else {NotFound} or, if it ended, {BadStatus}.
    function pendingTransfer(TransferId transfer) external view returns (PendingTransfer memory);

    /// @notice How many transfers were started; ids run from 1 to this.
    function transferCount() external view returns (uint64);
}
