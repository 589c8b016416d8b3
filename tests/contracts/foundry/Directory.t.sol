// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDirectory, Predecessor} from "../../../contracts/interfaces/IDirectory.sol";
import {DeployedLedger, SpareModule} from "./DeployedLedger.sol";

/// @notice Directory.tree, leaf by leaf.
contract DirectoryTest is DeployedLedger {
    IDirectory private fresh;

    function setUp() public {
        deployLedger();
        Predecessor memory none;
        fresh = _new(rootAdmin, none);
    }

    function _new(address admin, Predecessor memory predecessor) private returns (IDirectory) {
        return IDirectory(deployCode("Directory.sol:Directory", abi.encode(admin, predecessor)));
    }

    function test_RevertGiven_NoRootAdmin() public {
        Predecessor memory none;
        bytes memory creation = vm.getCode("Directory.sol:Directory");
        creation = bytes.concat(creation, abi.encode(address(0), none));
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotRootAdmin.selector, address(0)));
        assembly ("memory-safe") {
            pop(create(0, add(creation, 32), mload(creation)))
        }
    }

    function testFuzz_Constructor(address admin, Predecessor memory given) public {
        vm.assume(admin != address(0));
        IDirectory made = _new(admin, given);
        assertEq(made.rootAdmin(), admin);
        assertEq(made.proposedRootAdmin(), address(0));
        assertFalse(made.isSealed());
        assertEq(abi.encode(made.predecessor()), abi.encode(given));
    }

    function testFuzz_RevertWhen_AddByOther(address caller) public {
        vm.assume(caller != rootAdmin);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotRootAdmin.selector, caller));
        vm.prank(caller);
        fresh.add("Name", spare);
    }

    function test_RevertGiven_AddWhenSealed() public {
        address another = address(new SpareModule());
        vm.expectRevert(IDirectory.AlreadySealed.selector);
        vm.prank(rootAdmin);
        directory.add("Another", another);
    }

    function _expectBadModule(bytes32 name, address module) private {
        vm.expectRevert(abi.encodeWithSelector(IDirectory.BadModule.selector, name, module));
        vm.prank(rootAdmin);
        fresh.add(name, module);
    }

    function test_RevertWhen_NameZero() public {
        _expectBadModule(0, spare);
    }

    function test_RevertWhen_NameTaken() public {
        vm.prank(rootAdmin);
        fresh.add("Name", spare);
        _expectBadModule("Name", address(titles));
    }

    function test_RevertWhen_ModuleTaken() public {
        vm.prank(rootAdmin);
        fresh.add("Name", spare);
        _expectBadModule("Other", spare);
    }

    function testFuzz_RevertWhen_NoCode(address module) public {
        vm.assume(module.code.length == 0);
        _expectBadModule("Name", module);
    }

    function testFuzz_Add(bytes32 name) public {
        vm.assume(name != 0);
        vm.expectEmit(address(fresh));
        emit IDirectory.ModuleAdded(name, spare);
        vm.prank(rootAdmin);
        fresh.add(name, spare);
        assertEq(fresh.addressOf(name), spare);
        assertEq(fresh.nameOf(spare), name);
        assertEq(fresh.isModule(spare), name != "Forwarder");
    }

    function testFuzz_RevertWhen_SealByOther(address caller) public {
        vm.assume(caller != rootAdmin);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotRootAdmin.selector, caller));
        vm.prank(caller);
        fresh.seal();
    }

    function test_RevertGiven_SealedTwice() public {
        vm.expectRevert(IDirectory.AlreadySealed.selector);
        vm.prank(rootAdmin);
        directory.seal();
    }

    function test_Seal() public {
        vm.expectEmit(address(fresh));
        emit IDirectory.Sealed();
        vm.prank(rootAdmin);
        fresh.seal();
        assertTrue(fresh.isSealed());
    }

    function testFuzz_RevertWhen_ProposedByOther(address caller) public {
        vm.assume(caller != rootAdmin);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotRootAdmin.selector, caller));
        vm.prank(caller);
        directory.proposeRootAdmin(caller);
    }

    function testFuzz_ProposeRootAdmin(address proposed) public {
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectEmit(address(directory));
            emit IDirectory.RootAdminProposed(proposed);
            vm.prank(rootAdmin);
            directory.proposeRootAdmin(proposed);
            assertEq(directory.proposedRootAdmin(), proposed);
            assertEq(directory.rootAdmin(), rootAdmin);
            proposed = address(0);
        }
    }

    function testFuzz_RevertWhen_AcceptedByOther(address proposed, address caller) public {
        vm.assume(caller != proposed && caller != address(0));
        vm.prank(rootAdmin);
        directory.proposeRootAdmin(proposed);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotProposed.selector, caller));
        vm.prank(caller);
        directory.acceptRootAdmin();
    }

    function testFuzz_AcceptRootAdmin(address proposed) public {
        vm.assume(proposed != address(0) && proposed != rootAdmin);
        vm.prank(rootAdmin);
        directory.proposeRootAdmin(proposed);
        vm.expectEmit(address(directory));
        emit IDirectory.RootAdminChanged(rootAdmin, proposed);
        vm.prank(proposed);
        directory.acceptRootAdmin();
        assertEq(directory.rootAdmin(), proposed);
        assertEq(directory.proposedRootAdmin(), address(0));
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotProposed.selector, proposed));
        vm.prank(proposed);
        directory.acceptRootAdmin();
        vm.expectRevert(abi.encodeWithSelector(IDirectory.NotRootAdmin.selector, rootAdmin));
        vm.prank(rootAdmin);
        directory.proposeRootAdmin(rootAdmin);
    }

    function testFuzz_RevertWhen_UnknownName(bytes32 name) public {
        vm.expectRevert(abi.encodeWithSelector(IDirectory.UnknownModule.selector, name));
        fresh.addressOf(name);
    }

    function testFuzz_IsModule(address stranger) public view {
        vm.assume(directory.nameOf(stranger) == 0);
        assertFalse(directory.isModule(stranger));
        assertFalse(directory.isModule(address(forwarder)));
        assertEq(directory.nameOf(address(forwarder)), "Forwarder");
        address[6] memory modules = [
            address(history), address(parties), address(supervision), address(titles), address(datasets), spare
        ];
        for (uint256 i = 0; i < modules.length; ++i) assertTrue(directory.isModule(modules[i]));
    }
}
