"""Signatures: EIP-1559 transactions and EIP-712 relay requests.

Promises: the bytes equal those of eth-account (a test compares them), at a tenth of its cost:
RLP, coincurve and a C keccak directly. A key never shows itself in text. Must never do I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]
from coincurve import PrivateKey, PublicKey
from eth_hash.auto import keccak

from provenance.errors import AccessError, KeystoreError
from provenance.identifiers import Address

FORWARDER_NAME = "ProvenanceForwarder"
FORWARDER_VERSION = "1"

_DYNAMIC_FEE = b"\x02"  # EIP-1559: transaction type
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_REQUEST_TYPE = (
    b"ForwardRequest(address from,address to,uint256 gas,uint256 nonce,uint48 deadline,bytes data)"
)
_SIGNATURE_BYTES = 65
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class SigningKey:
    """A secp256k1 key of an account.

    Args:
        secret: 32 bytes.

    Raises:
        KeystoreError: not 32 bytes, or zero, or not below the order of the curve.
    """

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < _CURVE_ORDER:
            raise KeystoreError("expected a secp256k1 key of 32 bytes in range")
        self._key = PrivateKey(secret)
        self.address = _address_of(self._key.public_key)

    def __repr__(self) -> str:
        return f"SigningKey(0x{self.address.hex()})"

    def secret(self) -> bytes:
        """Return the 32 bytes of the key; for the keystore alone."""
        return self._key.secret

    def sign(self, digest: bytes) -> bytes:
        """Return the 65 bytes r, s, v of a 32-byte digest; v is 0 or 1, s in the lower half."""
        return self._key.sign_recoverable(digest, hasher=None)


@dataclass(frozen=True, slots=True)
class Transaction:
    """An EIP-1559 transaction before it is signed; amounts in wei, an empty ``to`` creates."""

    chain_id: int
    nonce: int
    max_priority_fee_wei: int
    max_fee_wei: int
    gas: int
    to: bytes
    value_wei: int
    data: bytes


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes to send, and their hash."""

    raw: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class ForwardRequest:
    """What a party asks a relayer to send for it (design 3.2).

    Attributes:
        sender: account that signs, ``from`` in Solidity.
        to: module to call.
        gas: gas of the inner call.
        nonce: unordered, any unused 256-bit number.
        deadline: last Unix second it may be relayed.
        data: calldata of the inner call.
    """

    sender: Address
    to: Address
    gas: int
    nonce: int
    deadline: int
    data: bytes


def sign_transaction(key: SigningKey, transaction: Transaction) -> SignedTransaction:
    """Return the signed bytes: 0x02 and the RLP of EIP-1559."""
    fields: list[bytes | list[bytes]] = [
        _minimal(transaction.chain_id),
        _minimal(transaction.nonce),
        _minimal(transaction.max_priority_fee_wei),
        _minimal(transaction.max_fee_wei),
        _minimal(transaction.gas),
        transaction.to,
        _minimal(transaction.value_wei),
        transaction.data,
        [],
    ]
    signature = key.sign(keccak(_DYNAMIC_FEE + _rlp(fields)))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    raw = _DYNAMIC_FEE + _rlp([*fields, _minimal(signature[64]), _minimal(r), _minimal(s)])
    return SignedTransaction(raw, keccak(raw))


def created_address(sender: Address, nonce: int) -> Address:
    """Return the address of the contract that ``sender`` creates with ``nonce`` (CREATE)."""
    return Address(keccak(_rlp([sender, _minimal(nonce)]))[12:])


def request_digest(request: ForwardRequest, chain_id: int, forwarder: Address) -> bytes:
    """Return the 32 bytes a party signs for the forwarder at ``forwarder`` (EIP-712)."""
    domain = keccak(
        keccak(_DOMAIN_TYPE)
        + keccak(FORWARDER_NAME.encode())
        + keccak(FORWARDER_VERSION.encode())
        + _word(chain_id)
        + _padded(forwarder)
    )
    struct = keccak(
        keccak(_REQUEST_TYPE)
        + _padded(request.sender)
        + _padded(request.to)
        + _word(request.gas)
        + _word(request.nonce)
        + _word(request.deadline)
        + keccak(request.data)
    )
    return keccak(b"\x19\x01" + domain + struct)


def sign_request(
    key: SigningKey, request: ForwardRequest, chain_id: int, forwarder: Address
) -> bytes:
    """Return the 65 bytes r, s, v (27 or 28) that the forwarder checks.

    Raises:
        AccessError: the key is not that of the request's sender.
    """
    if key.address != request.sender:
        raise AccessError(
            f"expected the key of 0x{request.sender.hex()}, found that of 0x{key.address.hex()}"
        )
    signature = key.sign(request_digest(request, chain_id, forwarder))
    return signature[:64] + bytes([27 + signature[64]])


def recover_signer(digest: bytes, signature: bytes) -> Address:
    """Return the account that made a 65-byte signature of ``digest``.

    Raises:
        AccessError: malformed, no signature of anyone, or with s in the upper half (EIP-2).
    """
    if len(signature) != _SIGNATURE_BYTES:
        raise AccessError(
            f"expected a signature of {_SIGNATURE_BYTES} bytes, found {len(signature)}"
        )
    recovery = signature[64] - 27 if signature[64] >= 27 else signature[64]
    if recovery not in (0, 1) or int.from_bytes(signature[32:64], "big") > _CURVE_ORDER // 2:
        raise AccessError("expected v of 27 or 28 and s in the lower half of the curve order")
    try:
        found = PublicKey.from_signature_and_message(
            signature[:64] + bytes([recovery]), digest, hasher=None
        )
    except Exception as error:
        # coincurve raises bare Exception for signatures that belong to no key.
        raise AccessError("expected a signature, found one that no key can have made") from error
    return _address_of(found)


def _address_of(key: PublicKey) -> Address:
    return Address(keccak(key.format(compressed=False)[1:])[12:])


def _rlp(fields: Sequence[bytes | list[bytes]]) -> bytes:
    encoded: bytes = rlp.codec.encode_raw(fields)
    return encoded


def _minimal(value: int) -> bytes:
    """Return an integer as RLP wants it: big-endian without leading zeros (Yellow Paper B)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _padded(address: Address) -> bytes:
    return bytes(12) + address
