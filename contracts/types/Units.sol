// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice The three rights in data that are held apart (数据二十条): to hold the resource, to
/// process and use it, to operate products made of it.
enum Right {
    HOLD,
    USE,
    OPERATE
}

// The same as bits of a set, 1 shifted by the right.
uint8 constant RIGHT_HOLD = 1 << 0;
uint8 constant RIGHT_USE = 1 << 1;
uint8 constant RIGHT_OPERATE = 1 << 2;

/// @notice Units of the three rights, basis points each, in lanes of 16 bits: HOLD in the lowest,
/// then USE, then OPERATE. A lane never exceeds {UNITS_WHOLE}, so lanes never carry into each other.
type Units is uint48;

uint16 constant UNITS_WHOLE = 10_000;
uint16 constant UNITS_MAJORITY = 5_000; // an act under a right needs more than this

Units constant NO_UNITS = Units.wrap(0);
Units constant ALL_UNITS = Units.wrap((uint48(UNITS_WHOLE) << 32) | (uint48(UNITS_WHOLE) << 16) | UNITS_WHOLE);

using {add as +, subtract as -, equals as ==, differs as !=, unitsFor, covers} for Units global;

/// @dev The units of one right.
function unitsFor(Units units, Right right) pure returns (uint16) {
    return uint16(Units.unwrap(units) >> (uint8(right) * 16));
}

/// @dev True if no lane of `asked` exceeds the same lane of `held`.
function covers(Units held, Units asked) pure returns (bool) {
    return held.unitsFor(Right.HOLD) >= asked.unitsFor(Right.HOLD)
        && held.unitsFor(Right.USE) >= asked.unitsFor(Right.USE)
        && held.unitsFor(Right.OPERATE) >= asked.unitsFor(Right.OPERATE);
}

function add(Units a, Units b) pure returns (Units) {
    return Units.wrap(Units.unwrap(a) + Units.unwrap(b));
}

/// @dev The caller has checked `a.covers(b)`, so no lane borrows from the next.
function subtract(Units a, Units b) pure returns (Units) {
    return Units.wrap(Units.unwrap(a) - Units.unwrap(b));
}

function equals(Units a, Units b) pure returns (bool) {
    return Units.unwrap(a) == Units.unwrap(b);
}

function differs(Units a, Units b) pure returns (bool) {
    return Units.unwrap(a) != Units.unwrap(b);
}
