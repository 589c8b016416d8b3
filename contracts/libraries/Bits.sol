// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice The number of the lowest bit that is set in a word; zero also for none.
function lowestBit(uint256 word) pure returns (uint8 bit) {
    if (word == 0) return 0;
    while (word & 1 == 0) {
        word >>= 1;
        ++bit;
    }
}
