// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDirectory, Predecessor} from "./interfaces/IDirectory.sol";

/// @title Directory
/// @notice See {IDirectory}. Calls nothing.
contract Directory is IDirectory {
    mapping(bytes32 name => address) private _addresses;
    mapping(address module => bytes32) private _names;
    Predecessor private _predecessor;
    address private _rootAdmin;
    bool private _sealed;
    address private _proposedRootAdmin;

    modifier onlyRootAdmin() {
        if (msg.sender != _rootAdmin) revert NotRootAdmin(msg.sender);
        _;
    }

    /// @param rootAdmin_ Fills and seals the directory, then names role admins. Not zero.
    /// @param predecessor_ The ledger that this one continues; all zero for a first ledger.
    constructor(address rootAdmin_, Predecessor memory predecessor_) {
        if (rootAdmin_ == address(0)) revert NotRootAdmin(rootAdmin_);
        _rootAdmin = rootAdmin_;
        _predecessor = predecessor_;
        emit RootAdminChanged(address(0), rootAdmin_);
    }

    /// @inheritdoc IDirectory
    function add(bytes32 name, address module) external onlyRootAdmin {
        if (_sealed) revert AlreadySealed();
        if (name == 0 || _addresses[name] != address(0) || _names[module] != 0 || module.code.length == 0) {
            revert BadModule(name, module);
        }
        _addresses[name] = module;
        _names[module] = name;
        emit ModuleAdded(name, module);
    }

    /// @inheritdoc IDirectory
    function seal() external onlyRootAdmin {
        if (_sealed) revert AlreadySealed();
        _sealed = true;
        emit Sealed();
    }

    /// @inheritdoc IDirectory
    function proposeRootAdmin(address proposed) external onlyRootAdmin {
        _proposedRootAdmin = proposed;
        emit RootAdminProposed(proposed);
    }

    /// @inheritdoc IDirectory
    function acceptRootAdmin() external {
        if (msg.sender != _proposedRootAdmin) revert NotProposed(msg.sender);
        emit RootAdminChanged(_rootAdmin, msg.sender);
        _rootAdmin = msg.sender;
        _proposedRootAdmin = address(0);
    }

    /// @inheritdoc IDirectory
    function rootAdmin() external view returns (address) {
        return _rootAdmin;
    }

    /// @inheritdoc IDirectory
    function proposedRootAdmin() external view returns (address) {
        return _proposedRootAdmin;
    }

    /// @inheritdoc IDirectory
    function isSealed() external view returns (bool) {
        return _sealed;
    }

    /// @inheritdoc IDirectory
    function addressOf(bytes32 name) external view returns (address) {
        address module = _addresses[name];
        if (module == address(0)) revert UnknownModule(name);
        return module;
    }

    /// @inheritdoc IDirectory
    function nameOf(address module) external view returns (bytes32) {
        return _names[module];
    }

    /// @inheritdoc IDirectory
    function isModule(address caller) external view returns (bool) {
        bytes32 name = _names[caller];
        return name != 0 && name != "Forwarder";
    }

    /// @inheritdoc IDirectory
    function predecessor() external view returns (Predecessor memory) {
        return _predecessor;
    }
}
