// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {Hold, ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {Claim, Content, Contest} from "../../../contracts/types/Dataset.sol";
import {EvidenceMissing, HoldActive, NotParty} from "../../../contracts/types/Errors.sol";
import {
    HoldKind,
    SCOPE_DEREGISTER,
    SCOPE_GRANT,
    SCOPE_DERIVE,
    SCOPE_LIST,
    SCOPE_ORDER,
    SCOPE_TITLE,
    SCOPES_ALL
} from "../../../contracts/types/Holds.sol";
import {DatasetId, HoldId, NO_DATASET, NO_HOLD, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {datasetSubject, partySubject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice Claims.tree, leaf by leaf.
contract ClaimsTest is FoldedLedger {
    uint16 private constant CONTESTED =
        SCOPE_LIST | SCOPE_ORDER | SCOPE_GRANT | SCOPE_DERIVE | SCOPE_TITLE | SCOPE_DEREGISTER;

    Actor private supplier;
    Actor private rival;
    Actor private third;

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        rival = admit("rival", ROLE_SUPPLIER);
        third = admit("third", ROLE_SUPPLIER | ROLE_CONSUMER);
        takeLogs();
    }

    function _holdOf(DatasetId dataset) private view returns (HoldId) {
        return supervision.activeHold(datasetSubject(dataset), SCOPES_ALL);
    }

    function _assertHeld(DatasetId later, uint32 version, Actor memory owner, DatasetId earlier, bytes32 root)
        private
        view
    {
        HoldId hold = _holdOf(later);
        Hold memory expected = Hold(
            HoldKind.DISPUTE, CONTESTED, 0, 0, owner.party, address(datasets), datasetSubject(later), root
        );
        assertEq(abi.encode(supervision.hold(hold)), abi.encode(expected), "hold");
        Contest memory contest = Contest(earlier, later, version, false, root);
        assertEq(abi.encode(datasets.contest(hold)), abi.encode(contest), "contest");
    }

    function _assertClear(DatasetId dataset) private view {
        assertTrue(_holdOf(dataset) == NO_HOLD, "clear");
    }

    function testFuzz_RevertWhen_CommitByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        datasets.commit("commitment", NO_PARTY);
    }

    function test_RevertWhen_CommitmentZero() public {
        vm.expectRevert(EvidenceMissing.selector);
        vm.prank(supplier.account);
        datasets.commit(0, NO_PARTY);
    }

    function testFuzz_RevertGiven_CommitmentExists(bytes32 commitment, bool byOther) public {
        vm.assume(commitment != 0);
        vm.prank(supplier.account);
        datasets.commit(commitment, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(IDatasets.CommitmentExists.selector, commitment));
        vm.prank(byOther ? rival.account : supplier.account);
        datasets.commit(commitment, NO_PARTY);
    }

    function testFuzz_Commit(bytes32 commitment) public {
        vm.assume(commitment != 0);
        assertEq(datasets.committedAt(commitment), 0);
        vm.expectEmit(address(datasets));
        emit IDatasets.RootCommitted(partySubject(supplier.party), commitment);
        vm.prank(supplier.account);
        datasets.commit(commitment, NO_PARTY);
        takeLogs(1);
        assertEq(datasets.committedAt(commitment), block.number);
    }

    function _expectUnknown(Actor memory actor, Content memory content) private {
        bytes32 commitment = commitmentOf(actor.party, content.salt, content.root);
        vm.expectRevert(abi.encodeWithSelector(IDatasets.CommitmentUnknown.selector, commitment));
        registerAs(actor, content);
    }

    function testFuzz_RevertGiven_CommitmentUnknown(bytes32 salt) public {
        vm.assume(salt != 0 && salt != "salt");
        _expectUnknown(supplier, contentOf("root", salt));
        commitAs(supplier, "salt", "root");
        _expectUnknown(supplier, contentOf("root", salt));
        _expectUnknown(supplier, contentOf("other", "salt"));
    }

    function test_RevertWhen_SaltCopied() public {
        commitAs(supplier, "salt", "root");
        moveOn(1, 12);
        _expectUnknown(rival, contentOf("root", "salt"));
    }

    function test_RevertWhen_CommitmentCopied() public {
        bytes32 commitment = commitmentOf(supplier.party, "salt", "root");
        vm.prank(rival.account);
        datasets.commit(commitment, NO_PARTY);
        moveOn(1, 12);
        _expectUnknown(rival, contentOf("root", "salt"));
    }

    function testFuzz_OpenCommitment(bytes32 salt, bytes32 root, uint16 blocks) public {
        vm.assume(salt != 0 && root != 0);
        uint48 committed = uint48(block.number);
        commitAs(supplier, salt, root);
        moveOn(blocks, 12);
        DatasetId dataset = registerAs(supplier, contentOf(root, salt));
        takeLogs(1);
        assertEq(abi.encode(datasets.claimOf(root)), abi.encode(Claim(dataset, 1, committed, supplier.party)));
    }

    function testFuzz_ContestLater(bytes32 root, uint16 blocks) public {
        vm.assume(root != 0);
        uint48 since = uint48(block.number);
        DatasetId first = registerAs(supplier, root);
        moveOn(blocks, 12);
        DatasetId later = DatasetId.wrap(2);
        HoldId hold = HoldId.wrap(1);
        vm.expectEmit(address(supervision));
        emit ISupervision.HoldPlaced(
            datasetSubject(later), partySubject(supplier.party), hold, HoldKind.DISPUTE, CONTESTED, 0, root
        );
        vm.expectEmit(address(datasets));
        emit IDatasets.ClaimContested(datasetSubject(first), datasetSubject(later), hold, 1, root);
        registerAs(rival, root);
        takeLogs(3);
        _assertHeld(later, 1, supplier, first, root);
        _assertClear(first);
        assertEq(abi.encode(datasets.claimOf(root)), abi.encode(Claim(first, 1, since, supplier.party)));
        Claim memory claim = Claim(later, 1, uint48(block.number), rival.party);
        assertEq(abi.encode(datasets.claimOfVersion(root, later, 1)), abi.encode(claim));
        assertTrue(datasets.isVersion(first, 1, root));
        assertTrue(datasets.isVersion(later, 1, root));
    }

    function test_FrontRunnerIsHeld() public {
        commitAs(supplier, "salt", "root");
        moveOn(5, 60);
        DatasetId copied = registerAs(rival, "root");
        DatasetId owned = registerAs(supplier, contentOf("root", "salt"));
        takeLogs(4);
        _assertClear(owned);
        _assertHeld(copied, 1, supplier, owned, "root");
        assertTrue(datasets.claimOf("root").claimant == supplier.party);
    }

    function testFuzz_ContestOvertakes(bytes32 root, bytes32 salt, uint16 blocks) public {
        vm.assume(root != 0 && salt != 0);
        uint48 committed = uint48(block.number);
        commitAs(rival, salt, root);
        moveOn(1 + uint256(blocks), 12);
        uint48 since = uint48(block.number);
        DatasetId first = registerAs(supplier, root);
        DatasetId earlier = registerAs(rival, contentOf(root, salt));
        takeLogs(4);
        _assertClear(earlier);
        _assertHeld(first, 1, rival, earlier, root);
        assertEq(abi.encode(datasets.claimOf(root)), abi.encode(Claim(earlier, 1, committed, rival.party)));
        Claim memory claim = Claim(first, 1, since, supplier.party);
        assertEq(abi.encode(datasets.claimOfVersion(root, first, 1)), abi.encode(claim));
    }

    function test_ContestSameBlock() public {
        commitAs(rival, "salt", "root");
        DatasetId first = registerAs(supplier, "root");
        DatasetId later = registerAs(rival, contentOf("root", "salt"));
        takeLogs(5);
        _assertClear(first);
        _assertHeld(later, 1, supplier, first, "root");
    }

    function test_ContestByPublish() public {
        DatasetId first = registerAs(supplier, "root");
        DatasetId later = registerAs(rival, "other");
        vm.prank(rival.account);
        datasets.publish(later, 2, contentOf("root"), NO_PARTY);
        takeLogs(5);
        _assertClear(first);
        _assertHeld(later, 2, supplier, first, "root");
    }

    function test_OwnClaims() public {
        commitAs(supplier, "salt", "root");
        moveOn(1, 12);
        DatasetId first = registerAs(supplier, "root");
        DatasetId second = registerAs(supplier, "root");
        DatasetId earlier = registerAs(supplier, contentOf("root", "salt"));
        vm.prank(supplier.account);
        datasets.publish(second, 2, contentOf("root"), NO_PARTY);
        takeLogs(4);
        _assertClear(first);
        _assertClear(second);
        _assertClear(earlier);
        assertTrue(datasets.claimOf("root").dataset == earlier);
        assertTrue(datasets.isVersion(first, 1, "root"));
        assertTrue(datasets.isVersion(second, 1, "root"));
        assertTrue(datasets.isVersion(second, 2, "root"));
    }

    function test_OwnByTitle() public {
        DatasetId first = registerAs(supplier, "root");
        transferAs(supplier, first, third, ALL_UNITS);
        DatasetId second = registerAs(third, "root");
        takeLogs(4);
        _assertClear(first);
        _assertClear(second);
        assertTrue(datasets.claimOf("root").dataset == first);
    }

    function test_SellerIsContested() public {
        DatasetId sold = registerAs(supplier, "root");
        transferAs(supplier, sold, third, ALL_UNITS);
        DatasetId again = registerAs(supplier, "root");
        takeLogs(6);
        _assertClear(sold);
        _assertHeld(again, 1, supplier, sold, "root");
    }

    function test_ThirdClaimant() public {
        commitAs(third, "salt", "root");
        moveOn(1, 12);
        DatasetId first = registerAs(supplier, "root");
        DatasetId second = registerAs(rival, "root");
        DatasetId earliest = registerAs(third, contentOf("root", "salt"));
        takeLogs(7);
        _assertClear(earliest);
        _assertHeld(first, 1, third, earliest, "root");
        _assertHeld(second, 1, supplier, first, "root");
        assertTrue(datasets.claimOf("root").dataset == earliest);
        assertTrue(datasets.contest(NO_HOLD).earlier == NO_DATASET);
    }

    function test_ContestedIsGated() public {
        registerAs(supplier, "root");
        DatasetId later = registerAs(rival, "root");
        takeLogs(4);
        HoldId hold = _holdOf(later);
        uint48 soon = uint48(block.timestamp + 1);
        vm.startPrank(rival.account);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_TITLE));
        titles.startTransfer(later, third.party, ALL_UNITS, 0, soon, NO_PARTY);
        vm.expectRevert(abi.encodeWithSelector(HoldActive.selector, hold, SCOPE_DEREGISTER));
        datasets.deregister(later, REASON, NO_PARTY);
        datasets.publish(later, 2, contentOf("next"), NO_PARTY);
        datasets.withdrawVersion(later, 1, REASON, NO_PARTY);
        vm.stopPrank();
        takeLogs(2);
    }
}
