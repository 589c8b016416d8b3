// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {HoldKind} from "../types/Holds.sol";
import {HoldId, PartyId} from "../types/Ids.sol";
import {Subject} from "../types/Subject.sol";

/// @notice A hold as it stands.
/// @param kind Why acts are stopped.
/// @param scope SCOPE_ bits: which acts are stopped.
/// @param until Unix time in seconds after which it has lapsed; zero for no end.
/// @param liftedAt Unix time in seconds at which it was lifted; zero while it stands.
/// @param beneficiary The party in whose favour it stands, or zero.
/// @param issuer The module that placed it and can lift it; this one if a supervisor did.
/// @param target What is held.
/// @param caseHash Commitment to the case or evidence.
struct Hold {
    HoldKind kind;
    uint16 scope;
    uint48 until;
    uint48 liftedAt;
    PartyId beneficiary;
    address issuer;
    Subject target;
    bytes32 caseHash;
}

/// @title What is stopped, and by whom
/// @notice Holds interrupt acts on a target; they never change what was recorded. Several holds add
/// up. Supervisors order them here; who else may is decided by the module that places them.
interface ISupervision {
    event HoldPlaced(
        Subject indexed target,
        Subject indexed beneficiary,
        HoldId hold,
        HoldKind kind,
        uint16 scope,
        uint48 until,
        bytes32 caseHash
    );
    event HoldOrdered(Subject indexed target, Subject indexed by, HoldId hold);
    event HoldReleased(Subject indexed target, Subject indexed by, HoldId hold);
    event HoldLifted(Subject indexed target, Subject indexed beneficiary, HoldId hold, bytes32 liftHash);

    /// @notice The caller neither placed this hold nor stands above who did.
    error NotHoldIssuer(HoldId hold, address caller);

    /// @notice The hold was lifted before.
    error HoldAlreadyLifted(HoldId hold);

    /// @notice Places a hold.
    /// @dev Emits {HoldPlaced}. Requirements: caller is a module; kind and scope are not
    /// zero; the target is a party, a dataset or a grant that exists; `until` is zero or in the future; the case
    /// is given.
    function place(Subject target, HoldKind kind, uint16 scope, PartyId beneficiary, bytes32 caseHash, uint48 until)
        external
        returns (HoldId hold);

    /// @notice Lifts a hold; what it stopped goes on, unless another hold stops it.
    /// @dev Emits {HoldLifted}. Requirements: caller placed it; it was not lifted before.
    /// @param liftHash Commitment to the reason.
    function lift(HoldId hold, bytes32 liftHash) external;

    /// @notice Places a hold at the word of a supervisor, lifted with {release}.
    /// @dev Emits {HoldPlaced} and {HoldOrdered}. Requirements: caller's party is active and has the
    /// role REGULATOR or XB_AUTHORITY; kind is FREEZE, RECTIFY or RECALL (domain 3.2, H1); else as
    /// {place}.
    function order(Subject target, HoldKind kind, uint16 scope, PartyId beneficiary, bytes32 caseHash, uint48 until)
        external
        returns (HoldId hold);

    /// @notice Lifts a hold as its issuer, its superior or an arbiter (domain 3.2, H2).
    /// @dev Emits {HoldLifted} and {HoldReleased}. Requirements: of a hold that was ordered, caller's
    /// party ordered it and still has such a role, or gives and takes that role (who ordered it and has
    /// none any more is below both); of a dispute, caller's party is an arbiter and no contest that it
    /// belongs to is open, since that is for {IDatasets-decide}; it was not lifted before; the reason
    /// is given. The root admin, who may have no party, is recorded as the ledger.
    /// @param liftHash Commitment to the reason.
    function release(HoldId hold, bytes32 liftHash) external;

    /// @notice The first hold on `target` that stops an act of `scope` now, or zero.
    function activeHold(Subject target, uint16 scope) external view returns (HoldId);

    /// @notice Reverts with {HoldActive} if a hold on `target` stops an act of `scope` now.
    function requireClear(Subject target, uint16 scope) external view;

    /// @notice A hold as it stands.
    /// @dev Requirements: it exists, else {NotFound}.
    function hold(HoldId id) external view returns (Hold memory);

    /// @notice The party that ordered a hold, or zero if a module placed it.
    function orderedBy(HoldId id) external view returns (PartyId);

    /// @notice The holds on `target` that were not lifted, lapsed ones included.
    function standingHolds(Subject target) external view returns (HoldId[] memory);
}
