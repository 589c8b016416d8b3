// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Units} from "../../../contracts/types/Units.sol";

/// @dev Units of the three rights, written out by hand: 16 bits each, HOLD in the lowest.
function packUnits(uint16 hold, uint16 use, uint16 operate) pure returns (Units) {
    return Units.wrap(uint48(hold) + uint48(use) * 0x1_0000 + uint48(operate) * 0x1_0000_0000);
}
