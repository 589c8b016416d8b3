// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice Why acts are stopped (domain 3.2).
enum HoldKind {
    NONE,
    FREEZE,
    DISPUTE,
    RECTIFY,
    RECALL,
    PLEDGE
}

// Which acts a hold stops: one bit each, in the order of domain 3.2. A bit is never reused.
uint16 constant SCOPE_LIST = 1 << 0;
uint16 constant SCOPE_ORDER = 1 << 1;
uint16 constant SCOPE_GRANT = 1 << 2;
uint16 constant SCOPE_USE = 1 << 3;
uint16 constant SCOPE_DERIVE = 1 << 4;
uint16 constant SCOPE_TITLE = 1 << 5;
uint16 constant SCOPE_DELIVER = 1 << 6;
uint16 constant SCOPE_EXPORT = 1 << 7;
uint16 constant SCOPE_SETTLE = 1 << 8;
uint16 constant SCOPE_VERSION = 1 << 9;
uint16 constant SCOPE_DEREGISTER = 1 << 10;

uint16 constant SCOPES_ALL = (1 << 11) - 1;

// A contested claim: not listable, not licensable, not transferable (design 3.1). It may not be
// deregistered to slip out of the dispute, and nothing is derived from it that would be free of it.
uint16 constant SCOPES_CONTESTED =
    SCOPE_LIST | SCOPE_ORDER | SCOPE_GRANT | SCOPE_DERIVE | SCOPE_TITLE | SCOPE_DEREGISTER;
