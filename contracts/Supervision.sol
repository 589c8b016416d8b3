// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {ILicenses} from "./interfaces/ILicenses.sol";
import {IParties} from "./interfaces/IParties.sol";
import {Hold, ISupervision} from "./interfaces/ISupervision.sol";
import {Contest} from "./types/Dataset.sol";
import {EvidenceMissing, HoldActive, InvalidField, NotFound} from "./types/Errors.sol";
import {HoldKind, SCOPES_ALL} from "./types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_HOLD, NO_PARTY, PartyId} from "./types/Ids.sol";
import {GrantId} from "./types/Policy.sol";
import {ROLE_ARBITER, ROLE_REGULATOR, ROLE_XB_AUTHORITY} from "./types/Roles.sol";
import {datasetSubject, grantSubject, KIND_HOLD, LEDGER, partySubject, Subject} from "./types/Subject.sol";

/// @title Supervision
/// @notice See {ISupervision}.
contract Supervision is LedgerModule, ISupervision {
    /// @dev Read first by every gated act: nothing held costs one slot.
    struct Summary {
        uint16 scopes; // union over `_standing`
        uint64 holds; // length of `_standing`
    }

    uint32 private constant SUPERVISORS = ROLE_REGULATOR | ROLE_XB_AUTHORITY;

    mapping(HoldId id => Hold) private _holds;
    mapping(Subject target => Summary) private _summaries;
    mapping(Subject target => HoldId[]) private _standing;
    mapping(HoldId id => PartyId) private _orderedBy;
    uint64 private _count;

    IParties private immutable PARTIES;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
    }

    /// @inheritdoc ISupervision
    function place(Subject target, HoldKind kind, uint16 scope, PartyId beneficiary, bytes32 caseHash, uint48 until)
        external
        onlyModules
        returns (HoldId)
    {
        return _place(target, kind, scope, beneficiary, caseHash, until, NO_PARTY);
    }

    /// @inheritdoc ISupervision
    function order(Subject target, HoldKind kind, uint16 scope, PartyId beneficiary, bytes32 caseHash, uint48 until)
        external
        returns (HoldId)
    {
        PartyId by = _supervisor();
        if (kind == HoldKind.DISPUTE || kind == HoldKind.PLEDGE) revert InvalidField("kind");
        return _place(target, kind, scope, beneficiary, caseHash, until, by);
    }

    /// @inheritdoc ISupervision
    function release(HoldId id, bytes32 liftHash) external {
        Hold storage record = _existing(id);
        Subject by = _releaser(id, record.kind);
        if (liftHash == 0) revert EvidenceMissing();
        _lift(id, record, liftHash);
        _log(HoldReleased.selector, record.target, by, abi.encode(id));
    }

    /// @inheritdoc ISupervision
    function lift(HoldId id, bytes32 liftHash) external {
        Hold storage record = _existing(id);
        if (record.issuer != msg.sender) revert NotHoldIssuer(id, msg.sender);
        _lift(id, record, liftHash);
    }

    /// @inheritdoc ISupervision
    function requireClear(Subject target, uint16 scope) external view {
        HoldId id = activeHold(target, scope);
        if (id != NO_HOLD) revert HoldActive(id, scope);
    }

    /// @inheritdoc ISupervision
    function activeHold(Subject target, uint16 scope) public view returns (HoldId) {
        if (_summaries[target].scopes & scope == 0) return NO_HOLD;
        HoldId[] storage standing = _standing[target];
        for (uint256 i = 0; i < standing.length; ++i) {
            Hold storage record = _holds[standing[i]];
            bool lapsed = record.until != 0 && record.until < block.timestamp;
            if (!lapsed && record.scope & scope != 0) return standing[i];
        }
        return NO_HOLD;
    }

    /// @inheritdoc ISupervision
    function hold(HoldId id) external view returns (Hold memory) {
        return _existing(id);
    }

    /// @inheritdoc ISupervision
    function orderedBy(HoldId id) external view returns (PartyId) {
        return _orderedBy[id];
    }

    /// @inheritdoc ISupervision
    function standingHolds(Subject target) external view returns (HoldId[] memory) {
        return _standing[target];
    }

    function _place(
        Subject target,
        HoldKind kind,
        uint16 scope,
        PartyId beneficiary,
        bytes32 caseHash,
        uint48 until,
        PartyId by
    ) private returns (HoldId id) {
        if (kind == HoldKind.NONE) revert InvalidField("kind");
        if (scope == 0 || scope & ~SCOPES_ALL != 0) revert InvalidField("scope");
        if (until != 0 && until <= block.timestamp) revert InvalidField("until");
        if (caseHash == 0) revert EvidenceMissing();
        id = HoldId.wrap(++_count);
        bool ordered = by != NO_PARTY;
        address issuer = ordered ? address(this) : msg.sender;
        _holds[id] = Hold(kind, scope, until, 0, beneficiary, issuer, target, caseHash);
        if (ordered) _orderedBy[id] = by;
        _standing[target].push(id);
        Summary storage summary = _summaries[target];
        summary.scopes |= scope;
        ++summary.holds;
        _tell(target, true);
        Subject other = _beneficiarySubject(beneficiary);
        _log(HoldPlaced.selector, target, other, abi.encode(id, kind, scope, until, caseHash));
        if (ordered) _log(HoldOrdered.selector, target, partySubject(by), abi.encode(id));
    }

    function _lift(HoldId id, Hold storage record, bytes32 liftHash) private {
        if (record.liftedAt != 0) revert HoldAlreadyLifted(id);
        record.liftedAt = uint48(block.timestamp);
        Subject target = record.target;
        _unlist(target, id);
        _tell(target, _summaries[target].holds != 0);
        Subject other = _beneficiarySubject(record.beneficiary);
        _log(HoldLifted.selector, target, other, abi.encode(id, liftHash));
    }

    /// @dev Takes a hold out of the list of its target and renews the summary.
    function _unlist(Subject target, HoldId id) private {
        HoldId[] storage standing = _standing[target];
        uint16 scopes;
        uint256 last = standing.length - 1;
        for (uint256 i = 0; i < standing.length; ++i) {
            if (standing[i] == id) standing[i] = standing[last];
            if (i < last) scopes |= _holds[standing[i]].scope;
        }
        standing.pop();
        _summaries[target] = Summary(scopes, uint64(last));
    }

    /// @dev Most acts read the record of a dataset or a party, or those of a grant and all above it;
    /// what these say saves asking here for each of them. Each refuses an id that is nobody's.
    function _tell(Subject target, bool held) private {
        uint64 id = uint64(uint256(Subject.unwrap(target)));
        if (target == grantSubject(GrantId.wrap(id))) {
            ILicenses(DIRECTORY.addressOf("Licenses")).setHeld(GrantId.wrap(id), held);
        } else if (target == datasetSubject(DatasetId.wrap(id))) {
            IDatasets(DIRECTORY.addressOf("Datasets")).setHeld(DatasetId.wrap(id), held);
        } else if (target == partySubject(PartyId.wrap(id))) {
            PARTIES.setHeld(PartyId.wrap(id), held);
        } else {
            revert InvalidField("target");
        }
    }

    function _supervisor() private view returns (PartyId) {
        return PARTIES.actingParty(_msgSender(), NO_PARTY, 0, NO_DATASET, SUPERVISORS);
    }

    /// @return Who may lift a hold: the caller, or a revert.
    function _releaser(HoldId id, HoldKind kind) private view returns (Subject) {
        address caller = _msgSender();
        PartyId party = PARTIES.partyOf(caller);
        PartyId orderer = _orderedBy[id];
        if (orderer == NO_PARTY) {
            if (kind != HoldKind.DISPUTE || _isContested(id)) revert NotHoldIssuer(id, caller);
            return partySubject(PARTIES.actingParty(caller, NO_PARTY, 0, NO_DATASET, ROLE_ARBITER));
        }
        if (_isAbove(caller, party, orderer)) return party == NO_PARTY ? LEDGER : partySubject(party);
        if (party != orderer) revert NotHoldIssuer(id, caller);
        return partySubject(_supervisor());
    }

    /// @dev The caller gives and takes a role by which another could have ordered a hold.
    function _isAbove(address caller, PartyId party, PartyId orderer) private view returns (bool) {
        if (party == orderer) return false;
        uint32 roles = PARTIES.party(orderer).roles & SUPERVISORS;
        if (roles == 0) roles = SUPERVISORS;
        return _administers(caller, party, roles & ROLE_REGULATOR)
            || _administers(caller, party, roles & ROLE_XB_AUTHORITY);
    }

    function _administers(address caller, PartyId party, uint32 role) private view returns (bool) {
        if (role == 0) return false;
        PartyId admin = PARTIES.roleAdmin(role);
        if (admin == NO_PARTY) return caller == DIRECTORY.rootAdmin();
        return party == admin && PARTIES.isActive(admin);
    }

    function _isContested(HoldId id) private view returns (bool) {
        Contest memory contest = IDatasets(DIRECTORY.addressOf("Datasets")).contest(id);
        return contest.earlier != NO_DATASET && !contest.ended;
    }

    function _existing(HoldId id) private view returns (Hold storage record) {
        record = _holds[id];
        if (record.kind == HoldKind.NONE) revert NotFound(KIND_HOLD, HoldId.unwrap(id));
    }

    function _beneficiarySubject(PartyId beneficiary) private pure returns (Subject) {
        return beneficiary == NO_PARTY ? LEDGER : partySubject(beneficiary);
    }
}
