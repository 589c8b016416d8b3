// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

/// @notice What these tests run is what the library ships.
contract ShippedTest is Test {
    function test_ShippedBytecodeIsTested() public view {
        string[11] memory names = [
            "Directory",
            "Forwarder",
            "History",
            "Parties",
            "Supervision",
            "Titles",
            "Datasets",
            "Policies",
            "Licenses",
            "Lineage",
            "Anchors"
        ];
        for (uint256 i = 0; i < names.length; ++i) {
            string memory json = vm.readFile(string.concat("provenance/chain/abi/", names[i], ".json"));
            bytes memory tested = vm.getCode(string.concat(names[i], ".sol:", names[i]));
            assertEq(vm.parseJsonBytes(json, ".bytecode"), tested, names[i]);
            bytes memory deployed = vm.getDeployedCode(string.concat(names[i], ".sol:", names[i]));
            assertLe(deployed.length, 24_576, "EIP-170");
        }
    }
}
