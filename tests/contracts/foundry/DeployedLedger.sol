// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IAnchors} from "../../../contracts/interfaces/IAnchors.sol";
import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {IDirectory, Predecessor} from "../../../contracts/interfaces/IDirectory.sol";
import {IForwarder} from "../../../contracts/interfaces/IForwarder.sol";
import {IHistory} from "../../../contracts/interfaces/IHistory.sol";
import {ILicenses} from "../../../contracts/interfaces/ILicenses.sol";
import {ILineage} from "../../../contracts/interfaces/ILineage.sol";
import {IParties} from "../../../contracts/interfaces/IParties.sol";
import {IPolicies} from "../../../contracts/interfaces/IPolicies.sol";
import {ISupervision} from "../../../contracts/interfaces/ISupervision.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {Classification, Content, Form, Level, OpenClass, PiKind, SourceKind} from "../../../contracts/types/Dataset.sol";
import {DatasetId, NO_PARTY, PartyId, TransferId} from "../../../contracts/types/Ids.sol";
import {PartyKind, Profile} from "../../../contracts/types/Party.sol";
import {Units} from "../../../contracts/types/Units.sol";

/// @dev Stands for a module that does not exist yet: the test drives it with a prank.
contract SpareModule {}

/// @notice A ledger deployed as it is in earnest, from the compiled contracts, and parties on it.
/// It promises nothing about what the contracts do: asserting is left to the tests.
abstract contract DeployedLedger is Test {
    struct Actor {
        PartyId party;
        address account;
        uint256 key;
    }

    IDirectory internal directory;
    IForwarder internal forwarder;
    IHistory internal history;
    IParties internal parties;
    ISupervision internal supervision;
    ITitles internal titles;
    IDatasets internal datasets;
    IPolicies internal policies;
    ILicenses internal licenses;
    ILineage internal lineage;
    IAnchors internal anchors;
    address internal spare; // a module without powers of its own
    address internal rootAdmin = makeAddr("root admin");

    bytes32 internal constant REASON = keccak256("reason");
    bytes32 internal constant SOURCE = keccak256("source");

    function deployLedger() internal {
        vm.warp(1_790_000_000);
        vm.roll(1_000);
        Predecessor memory none;
        directory = IDirectory(deployCode("Directory.sol:Directory", abi.encode(rootAdmin, none)));
        forwarder = IForwarder(_deploy("Forwarder"));
        history = IHistory(_deploy("History"));
        parties = IParties(_deploy("Parties"));
        supervision = ISupervision(_deploy("Supervision"));
        titles = ITitles(_deploy("Titles"));
        datasets = IDatasets(_deploy("Datasets"));
        policies = IPolicies(_deploy("Policies"));
        licenses = ILicenses(_deploy("Licenses"));
        lineage = ILineage(_deploy("Lineage"));
        anchors = IAnchors(_deploy("Anchors"));
        spare = address(new SpareModule());
        vm.startPrank(rootAdmin);
        directory.add("Spare", spare);
        directory.seal();
        vm.stopPrank();
    }

    function _deploy(string memory name) private returns (address module) {
        module = deployCode(string.concat(name, ".sol:", name), abi.encode(directory));
        vm.prank(rootAdmin);
        directory.add(bytes32(bytes(name)), module);
    }

    function admit(string memory name, uint32 roles) internal returns (Actor memory actor) {
        (actor.account, actor.key) = makeAddrAndKey(name);
        vm.prank(rootAdmin);
        actor.party = parties.register(actor.account, profileOf(name), roles);
    }

    function profileOf(string memory name) internal pure returns (Profile memory) {
        return Profile({
            kind: PartyKind.COMPANY,
            flags: 0,
            country: "CN",
            zone: "CN-SH-LG",
            sectors: 1,
            credentialHash: keccak256(bytes(name))
        });
    }

    function classification() internal pure returns (Classification memory) {
        return Classification({
            sourceKind: SourceKind.ENTERPRISE,
            form: Form.RESOURCE,
            level: Level.GENERAL,
            subLevel: 0,
            piKind: PiKind.NONE,
            openClass: OpenClass.NONE,
            originCountry: "CN",
            sectors: 1
        });
    }

    function contentOf(bytes32 root) internal pure returns (Content memory) {
        return Content({
            root: root,
            manifestHash: keccak256(abi.encode("manifest", root)),
            metadataHash: keccak256(abi.encode("metadata", root)),
            activity: 0,
            salt: 0
        });
    }

    function contentOf(bytes32 root, bytes32 salt) internal pure returns (Content memory content) {
        content = contentOf(root);
        content.salt = salt;
    }

    function registerAs(Actor memory actor, bytes32 root) internal returns (DatasetId) {
        return registerAs(actor, contentOf(root));
    }

    function registerAs(Actor memory actor, Content memory content) internal returns (DatasetId) {
        vm.prank(actor.account);
        return datasets.register(classification(), SOURCE, content, NO_PARTY);
    }

    function commitmentOf(PartyId party, bytes32 salt, bytes32 root) internal view returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x20), block.chainid, datasets, party, salt, root));
    }

    function commitAs(Actor memory actor, bytes32 salt, bytes32 root) internal {
        bytes32 commitment = commitmentOf(actor.party, salt, root);
        vm.prank(actor.account);
        datasets.commit(commitment, NO_PARTY);
    }

    function startAs(Actor memory giver, DatasetId dataset, Actor memory taker, Units units)
        internal
        returns (TransferId)
    {
        vm.prank(giver.account);
        return titles.startTransfer(dataset, taker.party, units, 0, uint48(block.timestamp + 1 days), NO_PARTY);
    }

    function acceptAs(Actor memory taker, TransferId transfer) internal {
        vm.prank(taker.account);
        titles.acceptTransfer(transfer, 0, NO_PARTY);
    }

    function transferAs(Actor memory giver, DatasetId dataset, Actor memory taker, Units units) internal {
        acceptAs(taker, startAs(giver, dataset, taker, units));
    }
}
