// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDatasets} from "../../../contracts/interfaces/IDatasets.sol";
import {
    Claim,
    Classification,
    Content,
    Dataset,
    DatasetStatus,
    Form,
    Level,
    OpenClass,
    PackedClassification,
    PiKind,
    SourceKind,
    VersionStatus
} from "../../../contracts/types/Dataset.sol";
import {InvalidField, NotAuthorised, NotFound, NotParty} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_PARTY} from "../../../contracts/types/Ids.sol";
import {
    ROLE_BROKER,
    ROLE_CONSUMER,
    ROLE_SUPPLIER,
    ROLES_SUPPLYING
} from "../../../contracts/types/Roles.sol";
import {datasetSubject, KIND_DATASET, partySubject} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";

/// @notice RegisterDataset.tree, leaf by leaf.
contract RegisterDatasetTest is FoldedLedger {
    Actor private supplier;

    function setUp() public override {
        super.setUp();
        supplier = admit("supplier", ROLE_SUPPLIER);
        takeLogs();
    }

    function _expect(bytes memory error, Classification memory c, bytes32 source, Content memory content) private {
        vm.expectRevert(error);
        vm.prank(supplier.account);
        datasets.register(c, source, content, NO_PARTY);
    }

    function _expectInvalid(bytes32 field, Classification memory c) private {
        _expect(abi.encodeWithSelector(InvalidField.selector, field), c, SOURCE, contentOf("root"));
    }

    function testFuzz_RevertWhen_ByStranger(address caller) public {
        vm.assume(parties.partyOf(caller) == NO_PARTY && caller != address(forwarder));
        vm.expectRevert(abi.encodeWithSelector(NotParty.selector, caller));
        vm.prank(caller);
        datasets.register(classification(), SOURCE, contentOf("root"), NO_PARTY);
    }

    function test_RevertWhen_RoleMissing() public {
        supplier = admit("broker", ROLE_CONSUMER | ROLE_BROKER);
        bytes memory error = abi.encodeWithSelector(NotAuthorised.selector, ROLES_SUPPLYING);
        _expect(error, classification(), SOURCE, contentOf("root"));
    }

    function test_RevertWhen_CoreData() public {
        Classification memory c = classification();
        c.level = Level.CORE;
        _expect(abi.encodeWithSelector(IDatasets.CoreDataNotRegistrable.selector), c, SOURCE, contentOf("root"));
    }

    function test_RevertWhen_FieldMissing() public {
        Classification memory c = classification();
        c.level = Level.NONE;
        _expectInvalid("level", c);
        c = classification();
        c.sourceKind = SourceKind.NONE;
        _expectInvalid("sourceKind", c);
        c = classification();
        c.form = Form.NONE;
        _expectInvalid("form", c);
    }

    function testFuzz_RevertWhen_OpenClassMismatch(uint8 kind, uint8 open) public {
        Classification memory c = classification();
        c.sourceKind = SourceKind(bound(kind, 1, uint8(type(SourceKind).max)));
        c.openClass = OpenClass(bound(open, 0, uint8(type(OpenClass).max)));
        vm.assume((c.sourceKind == SourceKind.PUBLIC) == (c.openClass == OpenClass.NONE));
        _expectInvalid("openClass", c);
    }

    function testFuzz_RevertWhen_CountryMalformed(bytes2 country) public {
        bool first = uint8(country[0]) >= 65 && uint8(country[0]) <= 90;
        vm.assume(!first || uint8(country[1]) < 65 || uint8(country[1]) > 90);
        Classification memory c = classification();
        c.originCountry = country;
        _expectInvalid("originCountry", c);
    }

    function test_RevertWhen_SourceMissing() public {
        bytes memory error = abi.encodeWithSelector(IDatasets.SourceProofMissing.selector);
        _expect(error, classification(), 0, contentOf("root"));
    }

    function test_RevertWhen_ContentEmpty() public {
        bytes memory error = abi.encodeWithSelector(IDatasets.EmptyRoot.selector);
        _expect(error, classification(), SOURCE, contentOf(0));
        Content memory content = contentOf("root");
        content.manifestHash = 0;
        _expect(error, classification(), SOURCE, content);
    }

    function _classification(uint256 seed) private pure returns (Classification memory c) {
        c.sourceKind = SourceKind(1 + seed % 3);
        c.form = Form(1 + (seed >> 8) % 3);
        c.level = Level(1 + (seed >> 16) % 2);
        c.subLevel = uint8(seed >> 24);
        c.piKind = PiKind((seed >> 32) % 3);
        if (c.sourceKind == SourceKind.PUBLIC) c.openClass = OpenClass(1 + (seed >> 40) % 3);
        c.originCountry = bytes2(abi.encodePacked(uint8(65 + (seed >> 48) % 26), uint8(65 + (seed >> 56) % 26)));
        c.sectors = uint32(seed >> 64);
    }

    function _packed(Classification memory c) private pure returns (PackedClassification) {
        bytes memory joined = abi.encodePacked(
            c.sourceKind, c.form, c.level, c.subLevel, c.piKind, c.openClass, c.originCountry, c.sectors
        );
        return PackedClassification.wrap(uint96(bytes12(joined)));
    }

    function testFuzz_Register(uint256 seed, bytes32 source, Content memory content) public {
        vm.assume(source != 0 && content.root != 0 && content.manifestHash != 0);
        content.salt = 0;
        content.activity = 0;
        Classification memory c = _classification(seed);
        vm.expectEmit(address(datasets));
        emit IDatasets.DatasetRegistered(
            datasetSubject(DatasetId.wrap(1)),
            partySubject(supplier.party),
            _packed(c),
            source,
            content,
            uint48(block.number)
        );
        vm.prank(supplier.account);
        DatasetId id = datasets.register(c, source, content, NO_PARTY);
        takeLogs(1);
        assertEq(DatasetId.unwrap(id), 1);
        assertEq(abi.encode(datasets.dataset(id)), abi.encode(Dataset(c, DatasetStatus.REGISTERED, 1)));
        assertEq(uint8(datasets.versionStatus(id, 1)), uint8(VersionStatus.ACTIVE));
        assertEq(uint8(datasets.versionStatus(id, 0)), uint8(VersionStatus.NONE));
        assertEq(uint8(datasets.versionStatus(id, 2)), uint8(VersionStatus.NONE));
        Claim memory claim = Claim(id, 1, uint48(block.number), supplier.party);
        assertEq(abi.encode(datasets.claimOf(content.root)), abi.encode(claim));
        assertEq(abi.encode(datasets.claimOfVersion(content.root, id, 1)), abi.encode(claim));
        assertTrue(datasets.isVersion(id, 1, content.root));
        assertFalse(datasets.isVersion(id, 2, content.root));
        assertFalse(datasets.isVersion(DatasetId.wrap(2), 1, content.root));
        assertFalse(datasets.isVersion(DatasetId.wrap(0), 0, ~content.root));
        assertTrue(titles.registrantOf(id) == supplier.party);
        assertTrue(titles.unitsOf(id, supplier.party) == ALL_UNITS);
    }

    function testFuzz_RegisterSeveral(uint8 count) public {
        count = uint8(bound(count, 1, 12));
        for (uint64 i = 1; i <= count; ++i) {
            assertEq(DatasetId.unwrap(registerAs(supplier, keccak256(abi.encode(i)))), i);
            assertEq(datasets.count(), i);
        }
        takeLogs(count);
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_DATASET, count + 1));
        datasets.dataset(DatasetId.wrap(count + 1));
    }

    function test_RegisterPublicData() public {
        Classification memory c = classification();
        c.sourceKind = SourceKind.PUBLIC;
        c.openClass = OpenClass.CONDITIONAL;
        vm.prank(supplier.account);
        DatasetId id = datasets.register(c, SOURCE, contentOf("root"), NO_PARTY);
        takeLogs(1);
        assertEq(abi.encode(datasets.dataset(id).classification), abi.encode(c));
    }
}
