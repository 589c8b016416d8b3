// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A wallet of two owners who both sign (ERC-1271), so its signatures have 130 bytes.
contract ContractWallet {
    address private immutable FIRST;
    address private immutable SECOND;

    constructor(address first, address second) {
        (FIRST, SECOND) = (first, second);
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 130) return 0xffffffff;
        bool valid = _signer(hash, signature[:65]) == FIRST && _signer(hash, signature[65:]) == SECOND;
        return valid ? this.isValidSignature.selector : bytes4(0xffffffff);
    }

    function execute(address to, bytes calldata data) external {
        require(msg.sender == FIRST);
        (bool success,) = to.call(data);
        require(success);
    }

    function _signer(bytes32 hash, bytes calldata s) private pure returns (address) {
        return ecrecover(hash, uint8(s[64]), bytes32(s[:32]), bytes32(s[32:64]));
    }
}

/// @notice A module that keeps what it was called with, and how much gas it was given.
contract Witness {
    uint256 public gasGiven;
    bytes public data;

    error Refused(uint256 why);

    function note(bytes calldata) external {
        gasGiven = gasleft();
        data = msg.data;
    }

    function refuse(uint256 why) external pure {
        revert Refused(why);
    }

    function panic() external pure {
        assert(false);
    }

    function burn() external pure {
        while (true) {}
    }
}
