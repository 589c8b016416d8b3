// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

enum PartyKind {
    NONE,
    COMPANY,
    PUBLIC_BODY,
    INDIVIDUAL,
    OTHER
}

enum PartyStatus {
    NONE,
    ACTIVE,
    SUSPENDED
}

uint8 constant FLAG_FOREIGN_INVESTED = 1 << 0; // 外商投资
uint8 constant FLAG_CIIO = 1 << 1; // operator of critical information infrastructure
uint8 constant FLAG_RESTRICTED = 1 << 2; // on a list of restricted recipients (PIPL §42)

uint8 constant FLAGS_ALL = (1 << 3) - 1;

/// @notice What is declared about a party.
/// @param kind What sort of person it is.
/// @param flags FLAG_ bits.
/// @param country ISO 3166-1 alpha-2, upper case.
/// @param zone Code of a zone, ASCII, zero-padded (CN-SH-LG); zero for none.
/// @param sectors Bits of the sectors it works in.
/// @param credentialHash Salted hash of licence, name and contact (design 4.2); these never go on
/// chain.
struct Profile {
    PartyKind kind;
    uint8 flags;
    bytes2 country;
    bytes12 zone;
    uint32 sectors;
    bytes32 credentialHash;
}

/// @notice A party as it stands.
/// @param epoch Grows when a lost key is replaced; keys of an earlier epoch have no power.
/// @param accounts How many accounts it has in this epoch.
/// @param held True if a hold was placed on it and not lifted; it may have lapsed.
/// @param admission Which bit of its roles it was admitted with, the lowest of them: who gives that
/// role has the say over what is declared about the party, its status and its lost keys. Roles that
/// others give it later change nothing about that.
/// @param barred True if a regulator suspended it.
struct Party {
    PartyKind kind;
    PartyStatus status;
    uint8 flags;
    bytes2 country;
    bytes12 zone;
    uint32 sectors;
    uint32 roles;
    uint16 epoch;
    uint16 accounts;
    bool held;
    uint8 admission;
    bool barred;
    bytes32 credentialHash;
}

/// @notice An account that may join a party.
/// @param account The new account, which has to confirm.
/// @param notBefore Unix time in seconds from which it may confirm.
/// @param replaced The account that goes when the new one comes, or zero for none.
struct Proposal {
    address account;
    uint48 notBefore;
    address replaced;
}

/// @notice What one party lets another do in its name.
/// @param roles Bits of its roles that the delegate may exercise.
/// @param acts ACT_ bits.
/// @param until Unix time in seconds after which the delegation is void; zero if there is none.
struct Delegation {
    uint32 roles;
    uint32 acts;
    uint48 until;
}
