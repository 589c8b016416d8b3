// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ROLES_ALL, ROLES_SUPERVISION, ROLES_VENUE} from "../../../contracts/types/Roles.sol";
import {Code, GrantId, UseRequest} from "../../../contracts/types/Policy.sol";
import {PartyId} from "../../../contracts/types/Ids.sol";
import {DeployedLedger} from "./DeployedLedger.sol";

/// @notice Holds {ILicenses.check}, the bytecode that ships, against the evaluators in Python, on
/// scenes that Python made: `tests/rights_scenes.py` writes them and says what it expects.
///
/// Format `rights-scenes/1`, text: the first line is its name; each further line is one scene, the
/// hex (with 0x) of `abi.encode(Call[] calls, uint256[] requests)`.
///
/// `Call(uint8 actor, uint8 target, bytes data)`: done one after another from a fresh ledger, none
/// may revert. Actors: 0 the root admin, 1 to 4 the parties of these ids, 5 a module. Targets: 0 the
/// clock (`abi.encode(uint256 seconds)` since {DeployedLedger} began), 1 Parties, 2 Supervision,
/// 3 Datasets, 4 Policies, 5 Licenses. Every registry counts from 1.
///
/// A request is one word, from the highest bit: grant 8, actor 8, action 32, purpose 64, industry 32,
/// mode 16, country 16, security grade 8; then what is expected after all calls: code 8, detail 64.
contract RightsScenesTest is DeployedLedger {
    struct Call {
        uint8 actor;
        uint8 target;
        bytes data;
    }

    address[] private actors;
    address[] private targets;

    function setUp() public {
        deployLedger();
        actors.push(rootAdmin);
        string[4] memory names = ["one", "two", "three", "four"];
        for (uint256 i = 0; i < 4; ++i) {
            actors.push(admit(names[i], ROLES_ALL & ~(ROLES_VENUE | ROLES_SUPERVISION)).account);
        }
        actors.push(spare);
        targets = [
            address(0),
            address(parties),
            address(supervision),
            address(datasets),
            address(policies),
            address(licenses)
        ];
    }

    function test_CommittedScenes() public {
        _play("tests/vectors/policy/scenes.txt");
    }

    /// @dev Many more, made on the spot; without the variable there is nothing to play.
    function test_GeneratedScenes() public {
        string memory path = vm.envOr("RIGHTS_SCENES", string(""));
        if (bytes(path).length > 0) _play(path);
    }

    function _play(string memory path) private {
        vm.pauseGasMetering();
        uint256 start = block.timestamp;
        uint256 scenes;
        assertEq(vm.readLine(path), "rights-scenes/1", "format");
        uint256 fresh = vm.snapshotState();
        while (true) {
            // In a call of its own, so that memory does not grow from scene to scene.
            if (!this.playNext(path, start, scenes)) break;
            assertTrue(vm.revertToState(fresh));
            ++scenes;
        }
        vm.closeFile(path);
        assertGt(scenes, 0, "scenes");
    }

    function playNext(string calldata path, uint256 start, uint256 scene) external returns (bool) {
        string memory line = vm.readLine(path);
        if (bytes(line).length == 0) return false;
        (Call[] memory calls, uint256[] memory requests) = abi.decode(vm.parseBytes(line), (Call[], uint256[]));
        for (uint256 i = 0; i < calls.length; ++i) _do(calls[i], start, scene, i);
        for (uint256 i = 0; i < requests.length; ++i) _ask(requests[i], scene, i);
        return true;
    }

    function _do(Call memory call_, uint256 start, uint256 scene, uint256 i) private {
        if (call_.target == 0) {
            vm.warp(start + abi.decode(call_.data, (uint256)));
            return;
        }
        vm.prank(actors[call_.actor]);
        (bool success, bytes memory reason) = targets[call_.target].call(call_.data);
        if (success) return;
        string memory where = string.concat("scene ", vm.toString(scene), " call ", vm.toString(i));
        assertTrue(success, string.concat(where, ": ", vm.toString(reason)));
    }

    function _ask(uint256 word, uint256 scene, uint256 i) private view {
        UseRequest memory asked = UseRequest({
            action: uint32(word >> 208),
            purpose: uint64(word >> 144),
            industry: uint32(word >> 112),
            mode: uint16(word >> 96),
            country: bytes2(uint16(word >> 80)),
            securityGrade: uint8(word >> 72)
        });
        (Code code, uint64 detail) =
            licenses.check(GrantId.wrap(uint8(word >> 248)), PartyId.wrap(uint8(word >> 240)), asked);
        if (uint8(code) == uint8(word >> 64) && detail == uint64(word)) return;
        string memory where = string.concat("scene ", vm.toString(scene), " request ", vm.toString(i));
        assertEq(uint8(code), uint8(word >> 64), string.concat(where, ": code"));
        assertEq(detail, uint64(word), string.concat(where, ": detail"));
    }
}
