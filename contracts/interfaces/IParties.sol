// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

import {DatasetId, PartyId} from "../types/Ids.sol";
import {Delegation, Party, PartyStatus, Profile, Proposal} from "../types/Party.sol";
import {Subject} from "../types/Subject.sol";

/// @title Who: parties, their keys, roles and delegates
/// @notice A party is a legal person or public body; its keys come and go. Rights, roles and
/// obligations belong to the party. What is declared about it is vouched for by the role admins
/// that admitted it, not by this contract.
interface IParties {
    event PartyRegistered(Subject indexed party, address account, Profile profile, uint32 roles);
    event PartyUpdated(Subject indexed party, Profile profile);
    event RolesSet(Subject indexed party, uint32 previous, uint32 current);
    event RoleAdminSet(Subject indexed admin, uint32 roles);
    event PartyStatusSet(Subject indexed party, PartyStatus status, bytes32 reasonHash);
    event AccountProposed(Subject indexed party, address account, address replaced);
    event AccountAdded(Subject indexed party, address account);
    event AccountRemoved(Subject indexed party, address account);
    event RecoveryProposed(Subject indexed party, address account, uint48 notBefore, bytes32 reasonHash);
    event RecoveryObjected(Subject indexed party, address account);
    event PartyRecovered(Subject indexed party, address account, uint16 epoch);
    event Delegated(Subject indexed party, Subject indexed delegate, DatasetId dataset, Delegation delegation);

    /// @notice The caller administers none, or not all, of these roles.
    error NotRoleAdmin(uint32 roles);

    /// @notice One party cannot have both roles; the values are one bit of each side.
    error RoleConflict(uint32 a, uint32 b);

    /// @notice A party that is foreign-invested needs a market-access attestation for these roles.
    error MarketAccessMissing(PartyId party);

    /// @notice The account belongs to a party, or once did.
    error AccountTaken(address account);

    /// @notice A party cannot be left without an account.
    error LastAccount(address account);

    /// @notice Nobody proposed this account for this party.
    error NotProposed(PartyId party, address account);

    /// @notice The time for objection has not passed.
    error RecoveryNotDue(uint48 notBefore);

    /// @notice The principal has not named the caller's party for this act.
    error NotDelegate(PartyId principal, PartyId delegate, uint32 act);

    /// @notice Registers a party with its first account.
    /// @dev Emits {PartyRegistered}. Requirements: caller administers every role given, at least
    /// one; account is new and not zero; profile is well formed; roles do not conflict; roles that
    /// a foreign-invested party needs market access for are refused.
    /// @return party The new party's id.
    function register(address account, Profile calldata profile, uint32 roles) external returns (PartyId party);

    /// @notice Supersedes what is declared about a party.
    /// @dev Emits {PartyUpdated}. Requirements: caller administers the role that the party was admitted
    /// with.
    function update(PartyId party, Profile calldata profile) external;

    /// @notice Sets a party's roles.
    /// @dev Emits {RolesSet}. Requirements: caller administers every role that changes, at least
    /// one; no conflict.
    function setRoles(PartyId party, uint32 roles) external;

    /// @notice Names the party that gives and takes these roles; zero gives them back to the root
    /// admin.
    /// @dev Emits {RoleAdminSet}. Requirements: caller is the root admin.
    function setRoleAdmin(uint32 roles, PartyId admin) external;

    /// @notice Suspends a party: it passes no check until restored.
    /// @dev Emits {PartyStatusSet}. Requirements: caller administers the role that the party was
    /// admitted with, or is a regulator; the party is active; reason given.
    function suspend(PartyId party, bytes32 reasonHash) external;

    /// @notice Restores a suspended party.
    /// @dev As {suspend}; the party is suspended, and if a regulator did that, caller is a regulator.
    function restore(PartyId party, bytes32 reasonHash) external;

    /// @notice Offers a new account a place in the caller's party; zero withdraws the offer.
    /// @dev Emits {AccountProposed}. Requirements: caller is an account of the party; `account` is
    /// new; `replaced` is zero or an account of the party.
    /// @param replaced The account that loses its power when the new one confirms; zero to keep all.
    function proposeAccount(address account, address replaced) external;

    /// @notice Joins the party that offered the caller a place.
    /// @dev Emits {AccountAdded}, and {AccountRemoved} if one is replaced. Requirements: proposed.
    function confirmAccount(PartyId party) external;

    /// @notice Takes an account's power away for ever, and what the party offered to an account back.
    /// @dev Emits {AccountRemoved}. Requirements: caller and `account` are accounts of one party,
    /// which keeps at least one.
    function removeAccount(address account) external;

    /// @notice Starts the replacement of all keys of a party that lost them.
    /// @dev Emits {RecoveryProposed}. Requirements: caller administers the role that the party was
    /// admitted with; account is new; reason given.
    function proposeRecovery(PartyId party, address account, bytes32 reasonHash) external;

    /// @notice Stops a recovery: whoever still has a key has not lost it.
    /// @dev Emits {RecoveryObjected}. Requirements: caller is an account of a party under recovery.
    function objectToRecovery() external;

    /// @notice Completes a recovery. All earlier accounts and all delegates lose their power.
    /// @dev Emits {PartyRecovered}. Requirements: caller is the proposed account; the time for
    /// objection has passed.
    function confirmRecovery(PartyId party) external;

    /// @notice Says whether a hold stands on a party, so that acts need not ask where none does.
    /// @dev Requirements: caller is Supervision; the party exists.
    function setHeld(PartyId party, bool held) external;

    /// @notice Names a delegate, or withdraws the name with all zero.
    /// @dev Emits {Delegated}. Requirements: caller is an active party; delegate exists and is
    /// another; bits are known; `until` is in the future unless withdrawn.
    /// @param dataset The one dataset it holds for; zero for any.
    function delegate(PartyId to, DatasetId dataset, Delegation calldata delegation) external;

    /// @notice The party of an account, or zero.
    function partyOf(address account) external view returns (PartyId);

    /// @notice A party as it stands; all zero if there is none.
    function party(PartyId id) external view returns (Party memory);

    /// @notice How many parties there are; ids run from 1 to this.
    function count() external view returns (uint64);

    /// @notice True if the party exists and is not suspended.
    function isActive(PartyId id) external view returns (bool);

    /// @notice What checks ask about a party, in one call.
    /// @return active As {isActive}.
    /// @return roles Its ROLE_ bits; they count only while it is active.
    /// @return held False if nothing holds it.
    function standingOf(PartyId id) external view returns (bool active, uint32 roles, bool held);

    /// @notice Reverts with {HoldActive} if a hold on a party stops an act of `scope` now.
    function requireClear(PartyId id, uint16 scope) external view;

    /// @notice What passes from one party to another needs of both, in one call.
    /// @dev Requirements, of the giver first: active, else {PartyInactive}; as {requireClear}.
    /// @return roles The taker's ROLE_ bits.
    function requireBothClear(PartyId giver, PartyId taker, uint16 scope) external view returns (uint32 roles);

    /// @notice Which parties may be suspended: bit `id % 256` is set while one of these ids is. For
    /// who asks about many parties at once: where the bit is not set, {isActive} need not be asked.
    function suspects() external view returns (uint256);

    /// @notice The party that gives and takes a role; zero means the root admin.
    /// @param role One bit.
    function roleAdmin(uint32 role) external view returns (PartyId);

    /// @notice The open offer of a party to an account.
    function proposal(PartyId id) external view returns (Proposal memory);

    /// @notice The open recovery of a party.
    function recovery(PartyId id) external view returns (Proposal memory);

    /// @notice What `principal` lets `to` do for one dataset, or for any with zero.
    function delegation(PartyId principal, PartyId to, DatasetId dataset) external view returns (Delegation memory);

    /// @notice Resolves for whom an account acts, or reverts with the reason why it may not.
    /// @dev Requirements, in this order: account belongs to a party; that party is active; the
    /// principal, if another, is active and has named the party as delegate for the act; the
    /// principal has one of the roles, and the delegation covers it.
    /// @param account The caller.
    /// @param onBehalfOf The principal; zero, or the account's own party, for itself.
    /// @param act One ACT_ bit.
    /// @param dataset The dataset acted on; zero for none.
    /// @param roles Bits of which one is needed; zero if none is.
    /// @return principal The party that acts.
    function actingParty(address account, PartyId onBehalfOf, uint32 act, DatasetId dataset, uint32 roles)
        external
        view
        returns (PartyId principal);
}
