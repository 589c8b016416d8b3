// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IDirectory} from "./interfaces/IDirectory.sol";
import {IDatasets} from "./interfaces/IDatasets.sol";
import {IParties} from "./interfaces/IParties.sol";
import {ISupervision} from "./interfaces/ISupervision.sol";
import {ITitles} from "./interfaces/ITitles.sol";
import {ACT_COMMIT, ACT_CONCEDE, ACT_DECIDE} from "./types/Acts.sol";
import {Claim, Content, Contest} from "./types/Dataset.sol";
import {BadStatus, EvidenceMissing, NotFound} from "./types/Errors.sol";
import {HoldKind, SCOPES_CONTESTED} from "./types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_PARTY, PartyId} from "./types/Ids.sol";
import {ROLE_ARBITER} from "./types/Roles.sol";
import {datasetSubject, KIND_HOLD, partySubject, Subject} from "./types/Subject.sol";
import {Right} from "./types/Units.sol";

/// @title Claims to content
/// @notice The part of {IDatasets} that says whose claim to a root comes first, and what happens to
/// the other.
abstract contract Claims is LedgerModule, IDatasets {
    mapping(bytes32 root => Claim) private _first;
    mapping(bytes32 root => mapping(DatasetId id => mapping(uint32 version => Claim))) private _others;
    mapping(bytes32 commitment => uint48) private _committedAt;
    mapping(HoldId hold => Contest) private _contests;

    IParties internal immutable PARTIES;
    ISupervision internal immutable SUPERVISION;
    ITitles internal immutable TITLES;

    constructor(IDirectory directory) LedgerModule(directory) {
        PARTIES = IParties(directory.addressOf("Parties"));
        SUPERVISION = ISupervision(directory.addressOf("Supervision"));
        TITLES = ITitles(directory.addressOf("Titles"));
    }

    /// @inheritdoc IDatasets
    function commit(bytes32 commitment, PartyId onBehalfOf) external {
        PartyId party = _actingParty(onBehalfOf, ACT_COMMIT, NO_DATASET, 0);
        if (commitment == 0) revert EvidenceMissing();
        if (_committedAt[commitment] != 0) revert CommitmentExists(commitment);
        _committedAt[commitment] = uint48(block.number);
        Subject subject = partySubject(party);
        _log(RootCommitted.selector, subject, abi.encode(commitment));
    }

    /// @inheritdoc IDatasets
    function concede(HoldId hold, PartyId onBehalfOf) external {
        Contest memory dispute = _endContest(hold);
        PartyId by = _actingParty(onBehalfOf, ACT_CONCEDE, dispute.earlier, 0);
        TITLES.requireMayAct(dispute.earlier, Right.HOLD, by);
        Subject earlier = datasetSubject(dispute.earlier);
        Subject later = datasetSubject(dispute.later);
        Subject subject = partySubject(by);
        _log(ClaimConceded.selector, earlier, later, subject, abi.encode(hold));
        SUPERVISION.lift(hold, dispute.root);
        _promote(dispute);
    }

    /// @inheritdoc IDatasets
    function decide(HoldId hold, bool forLater, bytes32 evidenceHash, PartyId onBehalfOf) external {
        PartyId by = _actingParty(onBehalfOf, ACT_DECIDE, NO_DATASET, ROLE_ARBITER);
        if (evidenceHash == 0) revert EvidenceMissing();
        Contest memory dispute = _endContest(hold);
        Subject earlier = datasetSubject(dispute.earlier);
        Subject later = datasetSubject(dispute.later);
        Subject subject = partySubject(by);
        _log(ClaimDecided.selector, earlier, later, subject, abi.encode(hold, forLater, evidenceHash));
        if (!forLater) return;
        SUPERVISION.lift(hold, evidenceHash);
        PartyId winner = _promote(dispute);
        // What was decided cannot be contested again between the two: this hold has no contest.
        SUPERVISION.place(earlier, HoldKind.DISPUTE, SCOPES_CONTESTED, winner, evidenceHash, 0);
    }

    /// @inheritdoc IDatasets
    function claimOf(bytes32 root) public view returns (Claim memory) {
        return _first[root];
    }

    /// @inheritdoc IDatasets
    function claimOfVersion(bytes32 root, DatasetId id, uint32 version) public view returns (Claim memory) {
        Claim memory first = _first[root];
        if (first.dataset == id && first.version == version) return first;
        return _others[root][id][version];
    }

    /// @inheritdoc IDatasets
    function isVersion(DatasetId id, uint32 version, bytes32 root) public view returns (bool) {
        return id != NO_DATASET && claimOfVersion(root, id, version).dataset == id;
    }

    /// @inheritdoc IDatasets
    function committedAt(bytes32 commitment) external view returns (uint48) {
        return _committedAt[commitment];
    }

    /// @inheritdoc IDatasets
    function contest(HoldId hold) external view returns (Contest memory) {
        return _contests[hold];
    }

    /// @dev Block of this publication, or of the commitment that the salt opens.
    function _precedenceOf(PartyId party, Content calldata content) internal view returns (uint48 precedence) {
        if (content.salt == 0) return uint48(block.number);
        bytes32 commitment =
            sha256(abi.encodePacked(bytes1(0x20), block.chainid, address(this), party, content.salt, content.root));
        precedence = _committedAt[commitment];
        if (precedence == 0) revert CommitmentUnknown(commitment);
    }

    /// @dev Enters a claim and contests it with the one that came first, whichever way round. Claims
    /// of datasets that the party holds never contest it.
    function _enter(bytes32 root, Claim memory claim) internal {
        Claim memory first = _first[root];
        if (first.dataset == NO_DATASET) {
            _first[root] = claim;
            return;
        }
        bool overtakes = claim.precedence < first.precedence;
        (Claim memory earlier, Claim memory later) = overtakes ? (claim, first) : (first, claim);
        if (overtakes) _first[root] = claim;
        _others[root][later.dataset][later.version] = later;
        if (!_isOwn(first, claim)) _contest(root, earlier, later);
    }

    /// @dev A claim follows the title: whoever sold a dataset and registers its content again is
    /// contested like anyone else.
    function _isOwn(Claim memory first, Claim memory claim) private view returns (bool) {
        return first.dataset == claim.dataset || TITLES.mayAct(first.dataset, Right.HOLD, claim.claimant);
    }

    function _contest(bytes32 root, Claim memory earlier, Claim memory later) private {
        Subject target = datasetSubject(later.dataset);
        HoldId hold = SUPERVISION.place(target, HoldKind.DISPUTE, SCOPES_CONTESTED, earlier.claimant, root, 0);
        _contests[hold] = Contest(earlier.dataset, later.dataset, later.version, false, root);
        Subject other = datasetSubject(earlier.dataset);
        _log(ClaimContested.selector, other, target, abi.encode(hold, later.version, root));
    }

    function _endContest(HoldId hold) private returns (Contest memory dispute) {
        dispute = _contests[hold];
        if (dispute.earlier == NO_DATASET) revert NotFound(KIND_HOLD, HoldId.unwrap(hold));
        if (dispute.ended) revert BadStatus(KIND_HOLD, HoldId.unwrap(hold), 0);
        _contests[hold].ended = true;
    }

    /// @dev The later claim takes the first place with its precedence. If a third has taken that
    /// place meanwhile, the contest goes on with the third.
    /// @return winner The party that made the later claim.
    function _promote(Contest memory dispute) private returns (PartyId winner) {
        bytes32 root = dispute.root;
        Claim memory first = _first[root];
        Claim memory later = _others[root][dispute.later][dispute.version];
        winner = later.claimant;
        if (first.dataset == dispute.earlier) {
            _others[root][first.dataset][first.version] = first;
            later.precedence = first.precedence;
            _first[root] = later;
        } else if (!_isOwn(first, later)) {
            _contest(root, first, later);
        }
    }

    function _actingParty(PartyId onBehalfOf, uint32 act, DatasetId id, uint32 roles) internal view returns (PartyId) {
        return PARTIES.actingParty(_msgSender(), onBehalfOf, act, id, roles);
    }
}
