// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IAnchors} from "../../../contracts/interfaces/IAnchors.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ACT_ANCHOR} from "../../../contracts/types/Acts.sol";
import {InvalidField, NotParty} from "../../../contracts/types/Errors.sol";
import {NO_DATASET, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {Delegation} from "../../../contracts/types/Party.sol";
import {partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice Anchors.tree, leaf by leaf.
contract AnchorsTest is LicensedLedger {
    function test_RevertWhen_CallerMayNot() public {
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, address(this)));
        anchors.anchor("root", 1, NO_PARTY);
        bytes memory reason =
            abi.encodeWithSelector(IParties.NotDelegate.selector, holder.party, other.party, ACT_ANCHOR);
        vm.expectRevert(reason);
        vm.prank(other.account);
        anchors.anchor("root", 1, holder.party);
        vm.prank(holder.account);
        parties.delegate(other.party, NO_DATASET, Delegation(0, ACT_ANCHOR, uint48(block.timestamp + 1)));
        vm.prank(other.account);
        anchors.anchor("root", 1, holder.party);
        assertEq(anchors.anchoredAt(holder.party, "root"), block.number);
        assertEq(anchors.anchoredAt(other.party, "root"), 0);
    }

    function test_RevertWhen_NoRoot() public {
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("root")));
        vm.prank(taker.account);
        anchors.anchor(0, 1, NO_PARTY);
    }

    function testFuzz_RevertWhen_CountOutOfRange(uint64 count) public {
        vm.assume(count == 0 || count > 1 << 32);
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("count")));
        vm.prank(taker.account);
        anchors.anchor("root", count, NO_PARTY);
    }

    function test_RevertGiven_Anchored() public {
        vm.prank(taker.account);
        anchors.anchor("root", 1, NO_PARTY);
        uint256 before = block.number;
        moveOn(5, 60);
        vm.expectRevert(abi.encodeWithSelector(IAnchors.AlreadyAnchored.selector, bytes32("root"), before));
        vm.prank(taker.account);
        anchors.anchor("root", 2, NO_PARTY);
        vm.prank(other.account);
        anchors.anchor("root", 2, NO_PARTY);
        assertEq(anchors.anchoredAt(taker.party, "root"), before);
        assertEq(anchors.anchoredAt(other.party, "root"), block.number);
    }

    function testFuzz_Anchor(bytes32 root, uint64 count) public {
        vm.assume(root != 0);
        count = uint64(bound(count, 1, 1 << 32));
        vm.prank(taker.account);
        anchors.anchor(root, count, NO_PARTY);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], IAnchors.BatchAnchored.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(partySubject(taker.party)));
        assertEq(logs[0].data, abi.encode(root, count));
        assertEq(anchors.anchoredAt(taker.party, root), block.number);
    }
}
