// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Acts} from "./Acts.sol";
import {Checks} from "./Checks.sol";

/// @notice INVARIANTS.md, held against random acts of five parties, an arbiter and strangers. Heads
/// are checked after every act, the rest after every call.
contract InvariantsTest is Test {
    Checks private ledger;
    bytes4[] private acts;

    function setUp() public {
        ledger = new Checks();
        acts.push(Acts.passTime.selector);
        acts.push(Acts.commit.selector);
        acts.push(Acts.register.selector);
        acts.push(Acts.registerCommitted.selector);
        acts.push(Acts.publish.selector);
        acts.push(Acts.withdraw.selector);
        acts.push(Acts.deregister.selector);
        acts.push(Acts.startTransfer.selector);
        acts.push(Acts.accept.selector);
        acts.push(Acts.cancel.selector);
        acts.push(Acts.concede.selector);
        acts.push(Acts.decide.selector);
        acts.push(Acts.placeHold.selector);
        acts.push(Acts.liftHold.selector);
        acts.push(Acts.rotateKey.selector);
        acts.push(Acts.recover.selector);
        acts.push(Acts.suspendOrRestore.selector);
        acts.push(Acts.trespass.selector);
        // Often enough that titles move and claims meet.
        acts.push(Acts.startTransfer.selector);
        acts.push(Acts.accept.selector);
        acts.push(Acts.register.selector);
        targetContract(address(ledger));
        targetSelector(FuzzSelector(address(ledger), acts));
    }

    function invariant_All() public {
        ledger.checkUnits();
        ledger.checkReserved();
        ledger.checkHeads();
        ledger.checkVersions();
        ledger.checkAccounts();
        ledger.checkClaims();
        ledger.checkHolds();
    }

    /// @dev Guards the invariants against acts that are always left out. Deterministic.
    function test_ActsAreNotLeftOut() public {
        string[16] memory names = [
            "commit",
            "register",
            "registerCommitted",
            "publish",
            "withdraw",
            "deregister",
            "startTransfer",
            "accept",
            "cancel",
            "concede",
            "decide",
            "placeHold",
            "liftHold",
            "rotateKey",
            "recover",
            "suspendOrRestore"
        ];
        for (uint256 i = 0; i < 600; ++i) {
            bytes32 seed = keccak256(abi.encode(i));
            bytes4 act = acts[uint256(seed) % acts.length];
            bytes memory arguments = abi.encode(_word(seed, 1), _word(seed, 2), _word(seed, 3), _word(seed, 4));
            if (act == Acts.decide.selector) arguments = abi.encode(_word(seed, 1), i % 2 == 0);
            (bool success,) = address(ledger).call(bytes.concat(act, arguments));
            assertTrue(success);
        }
        for (uint256 i = 0; i < names.length; ++i) {
            emit log_named_uint(names[i], ledger.done(names[i]));
            assertGt(ledger.done(names[i]), 2, names[i]);
        }
        invariant_All();
    }

    /// @dev The second argument of some acts is narrow.
    function _word(bytes32 seed, uint256 i) private pure returns (uint256) {
        uint256 word = uint256(keccak256(abi.encode(seed, i)));
        return i == 2 ? word % type(uint16).max : word;
    }
}
