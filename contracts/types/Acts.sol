// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

// What a delegate may be named for: one bit each. A bit is never reused.
uint32 constant ACT_REGISTER = 1 << 0;
uint32 constant ACT_PUBLISH = 1 << 1;
uint32 constant ACT_WITHDRAW = 1 << 2;
uint32 constant ACT_DEREGISTER = 1 << 3;
uint32 constant ACT_CONCEDE = 1 << 4;
uint32 constant ACT_TRANSFER = 1 << 5;
uint32 constant ACT_ACCEPT = 1 << 6;
uint32 constant ACT_COMMIT = 1 << 7;
uint32 constant ACT_DECIDE = 1 << 8;
uint32 constant ACT_GRANT = 1 << 9; // issue, suspend, resume, revoke and assign grants; offers
uint32 constant ACT_USE = 1 << 10; // activate and use grants, take up offers and assigned grants
uint32 constant ACT_DERIVE = 1 << 11; // record and supersede activities
uint32 constant ACT_ANCHOR = 1 << 12;

uint32 constant ACTS_ALL = (1 << 13) - 1;
