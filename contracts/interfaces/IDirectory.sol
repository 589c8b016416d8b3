// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice The ledger that this one continues.
/// @param chainId EIP-155 id of its chain.
/// @param directory Its directory.
/// @param blockHash The block at which it ended.
/// @param ledgerHead Its final ledger head, as of that block.
struct Predecessor {
    uint256 chainId;
    address directory;
    bytes32 blockHash;
    bytes32 ledgerHead;
}

/// @title One address finds all
/// @notice Names the modules of one ledger. It is filled during deployment and then sealed; a
/// sealed directory never changes, so whoever trusts its address knows every contract.
interface IDirectory {
    event ModuleAdded(bytes32 name, address module);
    event Sealed();
    event RootAdminProposed(address proposed);
    event RootAdminChanged(address previous, address current);

    /// @notice The caller is not the root admin.
    error NotRootAdmin(address caller);

    /// @notice The caller was not proposed as root admin.
    error NotProposed(address caller);

    /// @notice The directory is sealed.
    error AlreadySealed();

    /// @notice The name or the address is taken, or zero, or holds no code.
    error BadModule(bytes32 name, address module);

    /// @notice No module has this name.
    error UnknownModule(bytes32 name);

    /// @notice Names a module.
    /// @dev Emits {ModuleAdded}. Requirements: caller is the root admin; not sealed; `module` has
    /// code; neither name nor address was added before.
    function add(bytes32 name, address module) external;

    /// @notice Closes the directory for ever.
    /// @dev Emits {Sealed}. Requirements: caller is the root admin; not sealed.
    function seal() external;

    /// @notice Offers the root admin's office to another account; zero withdraws the offer.
    /// @dev Emits {RootAdminProposed}. Requirements: caller is the root admin.
    function proposeRootAdmin(address proposed) external;

    /// @notice Takes over the root admin's office.
    /// @dev Emits {RootAdminChanged}. Requirements: caller was proposed.
    function acceptRootAdmin() external;

    /// @notice The account that names role admins. It has no power over data, titles or history.
    function rootAdmin() external view returns (address);

    /// @notice The account that may take over, or zero.
    function proposedRootAdmin() external view returns (address);

    /// @notice True once no module can be added.
    function isSealed() external view returns (bool);

    /// @notice The module of that name.
    /// @dev Requirements: it exists, else {UnknownModule}.
    function addressOf(bytes32 name) external view returns (address);

    /// @notice The name of that module, or zero if the address is no module.
    function nameOf(address module) external view returns (bytes32);

    /// @notice True for a module that acts by itself: any but the forwarder, through which anyone
    /// speaks. Only such a caller may write history or place holds.
    function isModule(address caller) external view returns (bool);

    /// @notice The ledger that this one continues; all zero for a first ledger.
    function predecessor() external view returns (Predecessor memory);
}
