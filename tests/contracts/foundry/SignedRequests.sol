// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForwardRequest} from "../../../contracts/interfaces/IForwarder.sol";
import {DeployedLedger} from "./DeployedLedger.sol";

/// @notice Requests signed as EIP-712 says, written out by hand and not taken from a library.
abstract contract SignedRequests is DeployedLedger {
    uint256 internal constant GAS = 600_000;

    uint256 private _nonce;

    /// @dev A request with a nonce not used before, good for a day.
    function requestOf(address from, address to, bytes memory data) internal returns (ForwardRequest memory) {
        return ForwardRequest({
            from: from,
            to: to,
            gas: GAS,
            nonce: _nonce++,
            deadline: uint48(block.timestamp + 1 days),
            data: data
        });
    }

    function sign(uint256 key, ForwardRequest memory request) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digestOf(request));
        return abi.encodePacked(r, s, v);
    }

    function digestOf(ForwardRequest memory request) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("ProvenanceForwarder"),
                keccak256("1"),
                block.chainid,
                address(forwarder)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "ForwardRequest(address from,address to,uint256 gas,uint256 nonce,uint48 deadline,bytes data)"
                ),
                request.from,
                request.to,
                request.gas,
                request.nonce,
                request.deadline,
                keccak256(request.data)
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }
}
