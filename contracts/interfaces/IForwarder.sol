// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @notice A call that a party's key has signed and anyone may deliver.
/// @param from The account that signed, or whose contract approves.
/// @param to A module of the directory.
/// @param gas Gas that the call gets, in gas units.
/// @param nonce Any number that this account has not used; nonces need no order.
/// @param deadline Unix time in seconds after which the request is void.
/// @param data Calldata for the module.
struct ForwardRequest {
    address from;
    address to;
    uint256 gas;
    uint256 nonce;
    uint48 deadline;
    bytes data;
}

/// @title Relays requests signed by a party's key (ERC-2771)
/// @notice A relayer can delay, withhold and order requests; it can never alter or replay them.
/// Signatures are EIP-712 typed data, by a key (ECDSA) or approved by a contract (ERC-1271).
interface IForwarder {
    event RequestRelayed(address indexed from, uint256 nonce);

    /// @notice An item of a batch was not carried out; its nonce stays unused.
    /// @param reason The revert data, as the module or the forwarder gave it.
    event RequestFailed(address indexed from, uint256 nonce, bytes reason);

    /// @notice The signature is not one of `from` over this request.
    error BadSignature(address from);

    /// @notice The nonce was used before, or cancelled.
    error NonceUsed(address from, uint256 nonce);

    /// @notice The deadline has passed.
    error RequestExpired(uint48 deadline);

    /// @notice The target is not a module of the directory.
    error NotTarget(address to);

    /// @notice The transaction carries too little gas to give the call what was signed.
    error GasTooLow(uint256 asked);

    /// @notice One signature per request is needed.
    error BatchMismatch(uint256 requests, uint256 signatures);

    /// @notice Carries out one request. A revert of the module comes back unchanged.
    /// @dev Emits {RequestRelayed}. Requirements: deadline not passed; nonce unused; `to` is a
    /// module; signature valid; enough gas.
    /// @return result What the module returned.
    function relay(ForwardRequest calldata request, bytes calldata signature) external returns (bytes memory result);

    /// @notice Carries out many; one that fails is reported and skipped.
    /// @dev Emits {RequestRelayed} or {RequestFailed} for each.
    /// @return done True for each request that was carried out.
    function relayBatch(ForwardRequest[] calldata requests, bytes[] calldata signatures)
        external
        returns (bool[] memory done);

    /// @notice Makes a nonce of the caller useless, so that a signed request can be withdrawn.
    /// @dev Requirements: the nonce is unused.
    function cancelNonce(uint256 nonce) external;

    /// @notice True if the nonce was used or cancelled.
    function isNonceUsed(address from, uint256 nonce) external view returns (bool);

    /// @notice True if the request would be carried out now, as far as the forwarder knows.
    function verify(ForwardRequest calldata request, bytes calldata signature) external view returns (bool);
}
