// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {GrantActs} from "./GrantActs.sol";
import {GrantChecks} from "./GrantChecks.sol";

/// @notice The part of INVARIANTS.md about grants, held against random acts of four parties.
contract GrantInvariantsTest is Test {
    GrantChecks private ledger;
    bytes4[] private acts;

    function setUp() public {
        ledger = new GrantChecks();
        acts.push(GrantActs.passTime.selector);
        acts.push(GrantActs.issueRoot.selector);
        acts.push(GrantActs.issueSub.selector);
        acts.push(GrantActs.activate.selector);
        acts.push(GrantActs.use.selector);
        acts.push(GrantActs.report.selector);
        acts.push(GrantActs.setStatus.selector);
        acts.push(GrantActs.tidy.selector);
        acts.push(GrantActs.assign.selector);
        acts.push(GrantActs.offer.selector);
        acts.push(GrantActs.takeUp.selector);
        acts.push(GrantActs.moveTitle.selector);
        // Often enough that chains grow.
        acts.push(GrantActs.issueSub.selector);
        acts.push(GrantActs.issueSub.selector);
        acts.push(GrantActs.activate.selector);
        targetContract(address(ledger));
        targetSelector(FuzzSelector(address(ledger), acts));
    }

    function invariant_All() public {
        ledger.checkParents();
        ledger.checkUses();
        ledger.checkExclusive();
        ledger.checkRevoked();
        ledger.checkHeads();
    }

    /// @dev Guards the invariants against acts that are always refused. Deterministic.
    function test_ActsAreNotRefused() public {
        bytes32[7] memory names = [
            ILicenses.GrantIssued.selector,
            ILicenses.GrantActivated.selector,
            ILicenses.GrantUsed.selector,
            ILicenses.GrantStatusSet.selector,
            ILicenses.GrantAssigned.selector,
            ILicenses.OfferMade.selector,
            ILicenses.AssignmentConsented.selector
        ];
        for (uint256 i = 0; i < 600; ++i) {
            bytes32 seed = keccak256(abi.encode(i));
            bytes memory arguments;
            for (uint256 j = 0; j < 4; ++j) {
                arguments = bytes.concat(arguments, bytes32(uint256(keccak256(abi.encode(seed, j))) % type(uint40).max));
            }
            (bool success,) = address(ledger).call(bytes.concat(acts[uint256(seed) % acts.length], arguments));
            assertTrue(success);
        }
        for (uint256 i = 0; i < names.length; ++i) assertGt(ledger.done(names[i]), 0, vm.toString(i));
        invariant_All();
    }
}
