// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {Claim, Content, DatasetStatus, VersionStatus} from "../../../contracts/types/Dataset.sol";
import {BadStatus, EvidenceMissing, HoldActive, NotFound} from "../../../contracts/types/Errors.sol";
import {HoldKind, SCOPE_DEREGISTER, SCOPE_VERSION} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_DATASET, KIND_VERSION, partySubject} from "../../../contracts/types/Subject.sol";
import {Right} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {packUnits} from "./PackedUnits.sol";

/// @notice Versions.tree, leaf by leaf.
contract VersionsTest is FoldedLedger {
    Actor private supplier;
    Actor private buyer;
    DatasetId private dataset;

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        buyer = admit("buyer", ROLE_CONSUMER);
        dataset = registerAs(supplier, "root");
        takeLogs();
    }

    function _publish(uint32 version, bytes32 root) private {
        vm.prank(supplier.account);
        datasets.publish(dataset, version, contentOf(root), NO_PARTY);
    }

    function _expectAllRevert(Actor memory caller, bytes memory error) private {
        vm.startPrank(caller.account);
        vm.expectRevert(error);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        vm.expectRevert(error);
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        vm.expectRevert(error);
        datasets.deregister(dataset, REASON, NO_PARTY);
        vm.stopPrank();
    }

    function testFuzz_RevertGiven_NoDataset(uint64 id) public {
        vm.assume(id != 1);
        dataset = DatasetId.wrap(id);
        _expectAllRevert(supplier, abi.encodeWithSelector(NotFound.selector, KIND_DATASET, id));
    }

    function test_RevertGiven_Deregistered() public {
        vm.prank(supplier.account);
        datasets.deregister(dataset, REASON, NO_PARTY);
        _expectAllRevert(
            supplier, abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, 1, DatasetStatus.DEREGISTERED)
        );
    }

    function _notHolder(Actor memory caller) private view returns (bytes memory) {
        return abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, Right.HOLD, caller.party);
    }

    function test_RevertWhen_NoMajority() public {
        _expectAllRevert(buyer, _notHolder(buyer));
        transferAs(supplier, dataset, buyer, packUnits(5_000, 10_000, 10_000));
        _expectAllRevert(buyer, _notHolder(buyer));
        _expectAllRevert(supplier, _notHolder(supplier));
    }

    function test_RevertGiven_Held() public {
        vm.startPrank(spare);
        HoldId version =
            supervision.place(datasetSubject(dataset), HoldKind.FREEZE, SCOPE_VERSION, NO_PARTY, REASON, 0);
        HoldId end =
            supervision.place(datasetSubject(dataset), HoldKind.FREEZE, SCOPE_DEREGISTER, NO_PARTY, REASON, 0);
        vm.stopPrank();
        bytes memory error = abi.encodeWithSelector(HoldActive.selector, version, SCOPE_VERSION);
        vm.startPrank(supplier.account);
        vm.expectRevert(error);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        vm.expectRevert(error);
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, end, SCOPE_DEREGISTER));
        datasets.deregister(dataset, REASON, NO_PARTY);
        vm.stopPrank();
    }

    function testFuzz_RevertWhen_VersionGap(uint32 version) public {
        vm.assume(version != 2);
        vm.expectRevert(abi.encodeWithSelector(IDatasets.VersionGap.selector, 2, version));
        _publish(version, "next");
    }

    function test_RevertWhen_ContentEmpty() public {
        Content memory content = contentOf("next");
        content.manifestHash = 0;
        vm.expectRevert(IDatasets.EmptyRoot.selector);
        vm.prank(supplier.account);
        datasets.publish(dataset, 2, content, NO_PARTY);
        vm.expectRevert(IDatasets.EmptyRoot.selector);
        _publish(2, 0);
    }

    function testFuzz_Publish(bytes32[3] memory roots) public {
        for (uint32 i = 0; i < 3; ++i) {
            vm.assume(roots[i] != 0 && roots[i] != "root");
            for (uint32 j = 0; j < i; ++j) vm.assume(roots[i] != roots[j]);
        }
        for (uint32 version = 2; version < 5; ++version) {
            bytes32 root = roots[version - 2];
            moveOn(1, 12);
            vm.expectEmit(address(datasets));
            emit IDatasets.VersionPublished(
                datasetSubject(dataset),
                partySubject(supplier.party),
                version,
                contentOf(root),
                uint48(block.number)
            );
            _publish(version, root);
            takeLogs(1);
            assertEq(datasets.dataset(dataset).versions, version);
            assertEq(uint8(datasets.versionStatus(dataset, version)), uint8(VersionStatus.ACTIVE));
            assertEq(uint8(datasets.versionStatus(dataset, version - 1)), uint8(VersionStatus.SUPERSEDED));
            assertTrue(datasets.isVersion(dataset, version, root));
            assertFalse(datasets.isVersion(dataset, version - 1, root));
            Claim memory claim = Claim(dataset, version, uint48(block.number), supplier.party);
            assertEq(abi.encode(datasets.claimOf(root)), abi.encode(claim));
        }
    }

    function test_PublishSameContent() public {
        uint48 precedence = uint48(block.number);
        moveOn(1, 12);
        _publish(2, "root");
        takeLogs(1);
        assertEq(abi.encode(datasets.claimOf("root")), abi.encode(Claim(dataset, 1, precedence, supplier.party)));
        assertTrue(datasets.isVersion(dataset, 1, "root"));
        assertTrue(datasets.isVersion(dataset, 2, "root"));
        assertEq(datasets.claimOfVersion("root", dataset, 2).precedence, precedence + 1);
    }

    function test_PublishByTaker() public {
        transferAs(supplier, dataset, buyer, packUnits(5_001, 0, 0));
        vm.prank(buyer.account);
        datasets.publish(dataset, 2, contentOf("next"), NO_PARTY);
        takeLogs(3);
        assertTrue(datasets.claimOf("next").claimant == buyer.party);
        vm.expectRevert(_notHolder(supplier));
        _publish(3, "third");
    }

    function testFuzz_RevertGiven_NoVersion(uint32 version) public {
        vm.assume(version != 1);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_VERSION, version));
        vm.prank(supplier.account);
        datasets.withdrawVersion(dataset, version, REASON, NO_PARTY);
    }

    function test_RevertGiven_Withdrawn() public {
        vm.startPrank(supplier.account);
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_VERSION, 1, VersionStatus.WITHDRAWN));
        datasets.withdrawVersion(dataset, 1, REASON, NO_PARTY);
        vm.stopPrank();
    }

    function test_RevertWhen_ReasonMissing() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(supplier.account);
        datasets.withdrawVersion(dataset, 1, 0, NO_PARTY);
    }

    function testFuzz_Withdraw(bytes32 reason, bool latest) public {
        vm.assume(reason != 0);
        _publish(2, "next");
        takeLogs(1);
        uint32 version = latest ? 2 : 1;
        vm.expectEmit(address(datasets));
        emit IDatasets.VersionWithdrawn(datasetSubject(dataset), partySubject(supplier.party), version, reason);
        vm.prank(supplier.account);
        datasets.withdrawVersion(dataset, version, reason, NO_PARTY);
        takeLogs(1);
        assertEq(uint8(datasets.versionStatus(dataset, version)), uint8(VersionStatus.WITHDRAWN));
        assertEq(
            uint8(datasets.versionStatus(dataset, 3 - version)),
            uint8(latest ? VersionStatus.SUPERSEDED : VersionStatus.ACTIVE)
        );
        assertTrue(datasets.isVersion(dataset, version, latest ? bytes32("next") : bytes32("root")));
        assertEq(datasets.dataset(dataset).versions, 2);
        _publish(3, "third");
        takeLogs(1);
    }

    function test_RevertWhen_DeregisterReasonMissing() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(supplier.account);
        datasets.deregister(dataset, 0, NO_PARTY);
    }

    function testFuzz_Deregister(bytes32 reason) public {
        vm.assume(reason != 0);
        vm.expectEmit(address(datasets));
        emit IDatasets.DatasetDeregistered(datasetSubject(dataset), partySubject(supplier.party), reason);
        vm.prank(supplier.account);
        datasets.deregister(dataset, reason, NO_PARTY);
        takeLogs(1);
        assertEq(uint8(datasets.dataset(dataset).status), uint8(DatasetStatus.DEREGISTERED));
        assertTrue(titles.isClosed(dataset));
        assertTrue(datasets.isVersion(dataset, 1, "root"));
        assertTrue(datasets.claimOf("root").claimant == supplier.party);
    }
}
