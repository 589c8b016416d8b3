// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {BitMaps} from "@openzeppelin/contracts/utils/structs/BitMaps.sol";

import {IDirectory} from "./interfaces/IDirectory.sol";
import {ForwardRequest, IForwarder} from "./interfaces/IForwarder.sol";

/// @title Forwarder
/// @notice See {IForwarder}. Holds no value and has no admin.
contract Forwarder is IForwarder, EIP712 {
    using BitMaps for BitMaps.BitMap;

    mapping(address from => BitMaps.BitMap) private _nonces;

    IDirectory private immutable DIRECTORY;

    bytes32 private constant REQUEST_TYPEHASH =
        keccak256("ForwardRequest(address from,address to,uint256 gas,uint256 nonce,uint48 deadline,bytes data)");

    // A call to a known address, and the few instructions before it.
    uint256 private constant CALL_COST = 3_000;

    constructor(IDirectory directory) EIP712("ProvenanceForwarder", "1") {
        DIRECTORY = directory;
    }

    /// @inheritdoc IForwarder
    function relay(ForwardRequest calldata request, bytes calldata signature) public returns (bytes memory result) {
        _check(request, signature);
        _nonces[request.from].set(request.nonce);
        emit RequestRelayed(request.from, request.nonce);
        bytes memory data = abi.encodePacked(request.data, request.from);
        // EIP-150 gives a call at most 63/64 of what is left once the call itself is paid for; less
        // than was signed would let a relayer make it fail.
        if (gasleft() < CALL_COST || ((gasleft() - CALL_COST) * 63) / 64 < request.gas) {
            revert GasTooLow(request.gas);
        }
        bool success;
        (success, result) = request.to.call{gas: request.gas}(data);
        if (!success) _bubble(result);
    }

    /// @inheritdoc IForwarder
    function relayBatch(ForwardRequest[] calldata requests, bytes[] calldata signatures)
        external
        returns (bool[] memory done)
    {
        if (requests.length != signatures.length) {
            revert BatchMismatch(requests.length, signatures.length);
        }
        done = new bool[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            // A call to itself, so that a failing item leaves no trace, its nonce included.
            try this.relay(requests[i], signatures[i]) {
                done[i] = true;
            } catch (bytes memory reason) {
                emit RequestFailed(requests[i].from, requests[i].nonce, reason);
            }
        }
    }

    /// @inheritdoc IForwarder
    function cancelNonce(uint256 nonce) external {
        if (_nonces[msg.sender].get(nonce)) revert NonceUsed(msg.sender, nonce);
        _nonces[msg.sender].set(nonce);
    }

    /// @inheritdoc IForwarder
    function isNonceUsed(address from, uint256 nonce) external view returns (bool) {
        return _nonces[from].get(nonce);
    }

    /// @inheritdoc IForwarder
    function verify(ForwardRequest calldata request, bytes calldata signature) external view returns (bool) {
        return block.timestamp <= request.deadline && !_nonces[request.from].get(request.nonce) && _isTarget(request.to)
            && _isSigned(request, signature);
    }

    function _check(ForwardRequest calldata request, bytes calldata signature) private view {
        if (block.timestamp > request.deadline) revert RequestExpired(request.deadline);
        if (_nonces[request.from].get(request.nonce)) {
            revert NonceUsed(request.from, request.nonce);
        }
        if (!_isTarget(request.to)) revert NotTarget(request.to);
        if (!_isSigned(request, signature)) revert BadSignature(request.from);
    }

    function _isTarget(address to) private view returns (bool) {
        return DIRECTORY.isModule(to);
    }

    function _isSigned(ForwardRequest calldata request, bytes calldata signature) private view returns (bool) {
        bytes32 digest = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    REQUEST_TYPEHASH,
                    request.from,
                    request.to,
                    request.gas,
                    request.nonce,
                    request.deadline,
                    keccak256(request.data)
                )
            )
        );
        return SignatureChecker.isValidSignatureNow(request.from, digest, signature);
    }

    /// @dev Solidity cannot re-throw bytes without assembly.
    function _bubble(bytes memory reason) private pure {
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }
}
