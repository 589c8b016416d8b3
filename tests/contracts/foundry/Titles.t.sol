// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForwardRequest} from "../../../contracts/interfaces/IForwarder.sol";
import {ITitles} from "../../../contracts/interfaces/ITitles.sol";
import {BadStatus, InvalidField, NotFound, NotModule} from "../../../contracts/types/Errors.sol";
import {DatasetId, NO_DATASET, NO_PARTY, PartyId} from "../../../contracts/types/Ids.sol";
import {ROLE_CONSUMER, ROLE_SUPPLIER} from "../../../contracts/types/Roles.sol";
import {KIND_DATASET} from "../../../contracts/types/Subject.sol";
import {ALL_UNITS, NO_UNITS, Right, Units, UNITS_WHOLE} from "../../../contracts/types/Units.sol";
import {FoldedLedger} from "./FoldedLedger.sol";
import {packUnits} from "./PackedUnits.sol";
import {SignedRequests} from "./SignedRequests.sol";

/// @notice Titles.tree, leaf by leaf.
contract TitlesTest is FoldedLedger, SignedRequests {
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

    function testFuzz_RevertWhen_OpenedByOther(address caller) public {
        vm.assume(caller != address(datasets) && caller != address(0));
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, caller));
        vm.prank(caller);
        titles.open(DatasetId.wrap(9), supplier.party);
    }

    function test_RevertGiven_OpenedTwice() public {
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, DatasetId.unwrap(dataset), 1));
        vm.prank(address(datasets));
        titles.open(dataset, buyer.party);
    }

    function test_RevertWhen_OpeningNothing() public {
        vm.startPrank(address(datasets));
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("dataset")));
        titles.open(NO_DATASET, supplier.party);
        vm.expectRevert(abi.encodeWithSelector(InvalidField.selector, bytes32("dataset")));
        titles.open(DatasetId.wrap(9), NO_PARTY);
        vm.stopPrank();
    }

    function testFuzz_Open(uint64 id, uint64 registrant, uint64 other) public {
        vm.assume(id > 1 && registrant != 0 && other != registrant);
        vm.prank(address(datasets));
        titles.open(DatasetId.wrap(id), PartyId.wrap(registrant));
        assertTrue(titles.registrantOf(DatasetId.wrap(id)) == PartyId.wrap(registrant));
        assertTrue(titles.unitsOf(DatasetId.wrap(id), PartyId.wrap(registrant)) == ALL_UNITS);
        assertTrue(titles.freeUnitsOf(DatasetId.wrap(id), PartyId.wrap(registrant)) == ALL_UNITS);
        assertTrue(titles.unitsOf(DatasetId.wrap(id), PartyId.wrap(other)) == NO_UNITS);
        assertFalse(titles.isClosed(DatasetId.wrap(id)));
    }

    function testFuzz_RevertWhen_ClosedByOther(address caller) public {
        vm.assume(caller != address(datasets) && caller != address(0));
        vm.expectRevert(abi.encodeWithSelector(NotModule.selector, caller));
        vm.prank(caller);
        titles.close(dataset);
    }

    function test_RevertGiven_NotOpen() public {
        uint64 id = DatasetId.unwrap(dataset);
        vm.startPrank(address(datasets));
        vm.expectRevert(abi.encodeWithSelector(NotFound.selector, KIND_DATASET, id + 1));
        titles.close(DatasetId.wrap(id + 1));
        titles.close(dataset);
        vm.expectRevert(abi.encodeWithSelector(BadStatus.selector, KIND_DATASET, id, 2));
        titles.close(dataset);
        vm.stopPrank();
    }

    function test_Close() public {
        vm.prank(address(datasets));
        titles.close(dataset);
        assertTrue(titles.isClosed(dataset));
        assertTrue(titles.unitsOf(dataset, supplier.party) == ALL_UNITS);
    }

    function test_RevertWhen_Relayed() public {
        bytes[2] memory calls = [
            abi.encodeCall(ITitles.open, (DatasetId.wrap(9), supplier.party)), abi.encodeCall(ITitles.close, (dataset))
        ];
        for (uint256 i = 0; i < 2; ++i) {
            ForwardRequest memory request = requestOf(supplier.account, address(titles), calls[i]);
            bytes memory signature = sign(supplier.key, request);
            vm.expectRevert(abi.encodeWithSelector(NotModule.selector, address(forwarder)));
            forwarder.relay(request, signature);
        }
    }

    function testFuzz_MayAct(uint16 hold, uint16 use, uint16 operate) public {
        Units units = packUnits(hold % 10_001, use % 10_001, operate % 10_001);
        vm.assume(units != NO_UNITS);
        transferAs(supplier, dataset, buyer, units);
        takeLogs(2);
        for (uint8 i = 0; i < 3; ++i) {
            Right right = Right(i);
            _assertMayAct(right, buyer.party, units.unitsFor(right) > 5_000);
            _assertMayAct(right, supplier.party, UNITS_WHOLE - units.unitsFor(right) > 5_000);
        }
    }

    function _assertMayAct(Right right, PartyId party, bool expected) private {
        assertEq(titles.mayAct(dataset, right, party), expected);
        bytes memory error = abi.encodeWithSelector(ITitles.NotHolder.selector, dataset, right, party);
        if (!expected) vm.expectRevert(error);
        titles.requireMayAct(dataset, right, party);
    }

    function test_ReservedUnitsCount() public {
        startAs(supplier, dataset, buyer, ALL_UNITS);
        takeLogs(1);
        assertTrue(titles.freeUnitsOf(dataset, supplier.party) == NO_UNITS);
        _assertMayAct(Right.HOLD, supplier.party, true);
        _assertMayAct(Right.HOLD, buyer.party, false);
    }
}
