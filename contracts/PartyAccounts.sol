// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LedgerModule} from "./LedgerModule.sol";
import {IParties} from "./interfaces/IParties.sol";
import {EvidenceMissing, NotFound, NotParty, PartyInactive} from "./types/Errors.sol";
import {NO_PARTY, PartyId} from "./types/Ids.sol";
import {Party, PartyStatus, Proposal} from "./types/Party.sol";
import {KIND_PARTY, KIND_PROPOSAL, partySubject, Subject} from "./types/Subject.sol";

/// @title The keys of parties
/// @notice The part of {IParties} that says which accounts speak for a party: joining in two steps,
/// removal, and recovery after a delay in which the party can object. An account belongs to one
/// party in its life; once removed it has no power again, here or elsewhere.
abstract contract PartyAccounts is LedgerModule, IParties {
    struct Membership {
        PartyId party;
        uint16 epoch;
        bool removed;
    }

    /// @notice How long a party can object to the replacement of its keys.
    uint48 public constant RECOVERY_DELAY = 7 days;

    mapping(PartyId id => Party) internal _parties;
    mapping(uint32 role => PartyId) internal _roleAdmins;
    mapping(address account => Membership) private _memberships;
    mapping(PartyId id => Proposal) private _proposals;
    mapping(PartyId id => Proposal) private _recoveries;
    uint64 internal _count;

    /// @inheritdoc IParties
    function proposeAccount(address account, address replaced) external {
        PartyId id = _requireParty(_msgSender());
        if (account != address(0)) _requireNew(account);
        if (replaced != address(0) && partyOf(replaced) != id) revert NotParty(replaced);
        _proposals[id] = Proposal(account, 0, replaced);
        Subject subject = partySubject(id);
        _log(AccountProposed.selector, subject, abi.encode(account, replaced));
    }

    /// @inheritdoc IParties
    function confirmAccount(PartyId id) external {
        address account = _msgSender();
        Proposal memory offer = _proposals[id];
        if (account == address(0) || offer.account != account) revert NotProposed(id, account);
        delete _proposals[id];
        _bind(id, _parties[id], account);
        Subject subject = partySubject(id);
        _log(AccountAdded.selector, subject, abi.encode(account));
        if (offer.replaced != address(0)) _remove(id, offer.replaced);
    }

    /// @inheritdoc IParties
    function removeAccount(address account) external {
        PartyId id = _requireParty(_msgSender());
        if (partyOf(account) != id) revert NotParty(account);
        if (_parties[id].accounts == 1) revert LastAccount(account);
        delete _proposals[id]; // may be the removed one's
        _remove(id, account);
    }

    /// @inheritdoc IParties
    function proposeRecovery(PartyId id, address account, bytes32 reasonHash) external {
        _requireOffice(_existing(id));
        _requireNew(account);
        if (reasonHash == 0) revert EvidenceMissing();
        uint48 notBefore = uint48(block.timestamp) + RECOVERY_DELAY;
        _recoveries[id] = Proposal(account, notBefore, address(0));
        Subject subject = partySubject(id);
        _log(RecoveryProposed.selector, subject, abi.encode(account, notBefore, reasonHash));
    }

    /// @inheritdoc IParties
    function objectToRecovery() external {
        PartyId id = _requireParty(_msgSender());
        address account = _recoveries[id].account;
        if (account == address(0)) revert NotFound(KIND_PROPOSAL, PartyId.unwrap(id));
        delete _recoveries[id];
        Subject subject = partySubject(id);
        _log(RecoveryObjected.selector, subject, abi.encode(account));
    }

    /// @inheritdoc IParties
    function confirmRecovery(PartyId id) external {
        address account = _msgSender();
        Proposal memory offer = _recoveries[id];
        if (account == address(0) || offer.account != account) revert NotProposed(id, account);
        if (block.timestamp < offer.notBefore) revert RecoveryNotDue(offer.notBefore);
        delete _recoveries[id];
        delete _proposals[id]; // may be a thief's
        Party storage record = _parties[id];
        ++record.epoch;
        record.accounts = 0;
        _bind(id, record, account);
        Subject subject = partySubject(id);
        _log(PartyRecovered.selector, subject, abi.encode(account, record.epoch));
    }

    /// @inheritdoc IParties
    function partyOf(address account) public view returns (PartyId) {
        Membership memory member = _memberships[account];
        if (member.removed || member.epoch != _parties[member.party].epoch) return NO_PARTY;
        return member.party;
    }

    /// @inheritdoc IParties
    function party(PartyId id) external view returns (Party memory) {
        return _parties[id];
    }

    /// @inheritdoc IParties
    function count() external view returns (uint64) {
        return _count;
    }

    /// @inheritdoc IParties
    function isActive(PartyId id) public view returns (bool) {
        return _parties[id].status == PartyStatus.ACTIVE;
    }

    /// @inheritdoc IParties
    function standingOf(PartyId id) external view returns (bool, uint32, bool) {
        Party storage record = _parties[id];
        return (record.status == PartyStatus.ACTIVE, record.roles, record.held);
    }

    /// @inheritdoc IParties
    function roleAdmin(uint32 role) external view returns (PartyId) {
        return _roleAdmins[role];
    }

    /// @inheritdoc IParties
    function proposal(PartyId id) external view returns (Proposal memory) {
        return _proposals[id];
    }

    /// @inheritdoc IParties
    function recovery(PartyId id) external view returns (Proposal memory) {
        return _recoveries[id];
    }

    /// @dev Gives an account its place; checks that it never had one.
    function _bind(PartyId id, Party storage record, address account) internal {
        _requireNew(account);
        _memberships[account] = Membership(id, record.epoch, false);
        ++record.accounts;
    }

    function _requireParty(address account) internal view returns (PartyId id) {
        id = partyOf(account);
        if (id == NO_PARTY) revert NotParty(account);
    }

    function _requireActiveParty(address account) internal view returns (PartyId id) {
        id = _requireParty(account);
        if (!isActive(id)) revert PartyInactive(id);
    }

    function _activeCaller() internal view returns (PartyId) {
        return _requireActiveParty(_msgSender());
    }

    function _existing(PartyId id) internal view returns (Party storage record) {
        record = _parties[id];
        if (record.status == PartyStatus.NONE) revert NotFound(KIND_PARTY, PartyId.unwrap(id));
    }

    /// @dev The caller administers each of these roles.
    function _requireAdminOfAll(uint32 roles) internal view {
        for (uint32 rest = roles; rest != 0; rest &= rest - 1) {
            uint32 role = rest & (~rest + 1);
            if (!_callerAdministers(role)) revert NotRoleAdmin(role);
        }
    }

    /// @dev The caller is the office that admitted the party: whoever gives now the role that it was
    /// admitted with. Roles come and go, and an office that gives one later gains nothing by it.
    function _requireOffice(Party storage record) internal view {
        uint32 role = uint32(1) << record.admission;
        if (!_callerAdministers(role)) revert NotRoleAdmin(role);
    }

    function _callerAdministers(uint32 role) private view returns (bool) {
        PartyId admin = _roleAdmins[role];
        if (admin == NO_PARTY) return _msgSender() == DIRECTORY.rootAdmin();
        return partyOf(_msgSender()) == admin && isActive(admin);
    }

    function _requireNew(address account) private view {
        if (account == address(0) || _memberships[account].party != NO_PARTY) {
            revert AccountTaken(account);
        }
    }

    function _remove(PartyId id, address account) private {
        _memberships[account].removed = true;
        --_parties[id].accounts;
        Subject subject = partySubject(id);
        _log(AccountRemoved.selector, subject, abi.encode(account));
    }
}
