// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {LineageActs} from "./LineageActs.sol";
import {LineageChecks} from "./LineageChecks.sol";

/// @notice The part of INVARIANTS.md about lineage, held against random acts of four parties.
contract LineageInvariantsTest is Test {
    LineageChecks private ledger;
    bytes4[] private acts;

    function setUp() public {
        ledger = new LineageChecks();
        acts.push(LineageActs.register.selector);
        acts.push(LineageActs.publish.selector);
        acts.push(LineageActs.withdraw.selector);
        acts.push(LineageActs.issue.selector);
        acts.push(LineageActs.derive.selector);
        acts.push(LineageActs.deriveNext.selector);
        acts.push(LineageActs.collect.selector);
        acts.push(LineageActs.applyTo.selector);
        acts.push(LineageActs.supersede.selector);
        // Often enough that graphs grow.
        acts.push(LineageActs.issue.selector);
        acts.push(LineageActs.derive.selector);
        acts.push(LineageActs.derive.selector);
        acts.push(LineageActs.supersede.selector);
        targetContract(address(ledger));
        targetSelector(FuzzSelector(address(ledger), acts));
    }

    /// forge-config: default.invariant.runs = 24
    function invariant_All() public {
        ledger.checkCycles();
        ledger.checkCeilings();
        ledger.checkLevels();
        ledger.checkActivities();
        ledger.checkHeads();
    }

    /// @dev Guards the invariants against acts that are always refused. Deterministic.
    function test_ActsAreNotRefused() public {
        for (uint256 i = 0; i < 300; ++i) {
            bytes32 seed = keccak256(abi.encode(i));
            bytes memory arguments;
            for (uint256 j = 0; j < 3; ++j) {
                arguments = bytes.concat(arguments, keccak256(abi.encode(seed, j)));
            }
            (bool success,) = address(ledger).call(bytes.concat(acts[uint256(seed) % acts.length], arguments));
            assertTrue(success);
        }
        assertGt(ledger.done(ILineage.ActivityRecorded.selector), 20);
        assertGt(ledger.done(ILineage.DerivationRecorded.selector), 20);
        assertGt(ledger.bounded(), 5);
        assertGt(ledger.done(IDatasets.VersionWithdrawn.selector), 0);
        invariant_All();
    }
}
