// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {ACT_WITHDRAW} from "../../../contracts/types/Acts.sol";
import {EvidenceMissing, NotFound, NotParty} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {datasetSubject, KIND_VERSION, partySubject, Subject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {LicensedLedger} from "./LicensedLedger.sol";

/// @notice Erasure.tree, leaf by leaf.
contract ErasureTest is LicensedLedger {
    bytes32 private constant TOMBSTONE = keccak256("tombstone");

    function _erase(DatasetId id, uint32 version, bytes32 root, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(holder.account);
        datasets.recordErasure(id, version, root, 0, TOMBSTONE, NO_PARTY);
    }

    function test_RevertWhen_CallerMayNot() public {
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, address(this)));
        datasets.recordErasure(dataset, 1, "root", 0, TOMBSTONE, NO_PARTY);
        vm.expectRevert(
            abi.encodeWithSelector(IParties.NotDelegate.selector, holder.party, other.party, ACT_WITHDRAW)
        );
        vm.prank(other.account);
        datasets.recordErasure(dataset, 1, "root", 0, TOMBSTONE, holder.party);
    }

    function test_RevertWhen_NotHolder() public {
        vm.expectRevert(abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.HOLD, taker.party));
        vm.prank(taker.account);
        datasets.recordErasure(dataset, 1, "root", 0, TOMBSTONE, NO_PARTY);
    }

    function test_RevertWhen_OtherContent() public {
        _erase(dataset, 1, "another root", abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 1));
        _erase(dataset, 2, "root", abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 2));
        _erase(dataset, 1, 0, abi.encodeWithSelector(NotFound.selector, KIND_VERSION, 1));
    }

    function test_RevertWhen_NoTombstone() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(holder.account);
        datasets.recordErasure(dataset, 1, "root", 0, 0, NO_PARTY);
    }

    function testFuzz_Erase(uint64 entry, bytes32 tombstone, bool deregistered) public {
        vm.assume(tombstone != 0);
        if (deregistered) {
            vm.prank(holder.account);
            datasets.deregister(dataset, REASON, NO_PARTY);
        }
        takeLogs();
        vm.prank(holder.account);
        datasets.recordErasure(dataset, 1, "root", entry, tombstone, NO_PARTY);
        Vm.Log[] memory logs = takeLogs(1);
        assertEq(logs[0].topics[0], IDatasets.EntryErased.selector);
        assertEq(logs[0].topics[1], Subject.unwrap(datasetSubject(dataset)));
        assertEq(logs[0].topics[2], Subject.unwrap(partySubject(holder.party)));
        assertEq(logs[0].data, abi.encode(uint32(1), entry, tombstone));
    }
}
