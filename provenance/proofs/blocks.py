"""Blocks: headers and their hashes, receipts and accounts under their roots.

A header commits to everything that a block did and left behind: the logs of its transactions under
the receipts root, every contract's storage under the state root (Yellow Paper, sections 4.1 and
4.4). So whoever trusts the hash of one header can check a log or a head without a node.

Promises: what is returned was found under the root given, by its only form. Must never do I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.errors import InvalidProof, VerificationError
from provenance.proofs import rlp, trie
from provenance.proofs.rlp import Item

HEADS_SLOT = 0
"""Storage slot of ``History``'s mapping from subject to head (design 4.4): frozen."""

LEDGER_HEAD_SLOT = 1
"""Storage slot of ``History``'s ledger head (design 4.4): frozen."""

_STATE_ROOT, _RECEIPTS_ROOT, _NUMBER, _TIMESTAMP = 3, 5, 8, 11
_HEADER_FIELDS = range(15, 41)
"""Fifteen fields at genesis of the main net, 21 since Prague; later ones only add at the end."""

# Yellow Paper section 4.4.1, EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685, in their order.
HEADER_NAMES = (
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
)
"""JSON-RPC names of the header fields, in their order."""

HEADER_INTEGERS = frozenset(
    (
        "difficulty",
        "number",
        "gasLimit",
        "gasUsed",
        "timestamp",
        "baseFeePerGas",
        "blobGasUsed",
        "excessBlobGas",
    )
)
"""Header fields that are quantities; the others are data."""


@dataclass(frozen=True, slots=True)
class Header:
    """What we read of a block header.

    Attributes:
        encoded: its RLP.
        hash: Keccak-256 of that, 32 bytes.
        parent_hash: hash of the block before, 32 bytes.
        number: number of the block.
        timestamp: Unix seconds.
        state_root: root of all accounts after the block, 32 bytes.
        receipts_root: root of its receipts, 32 bytes.
    """

    encoded: bytes
    hash: bytes
    parent_hash: bytes
    number: int
    timestamp: int
    state_root: bytes
    receipts_root: bytes


@dataclass(frozen=True, slots=True)
class ReceiptLog:
    """One log of a receipt: address of 20 bytes, topics of 32 bytes, data."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


def parse_header(encoded: bytes) -> Header:
    """Return the header that bytes encode.

    Raises:
        InvalidProof: they do not encode a header.
    """
    fields = rlp.decode_list(encoded)
    if len(fields) not in _HEADER_FIELDS or not all(isinstance(field, bytes) for field in fields):
        raise InvalidProof(f"expected the fields of a block header, found {len(fields)}")
    parent, state, receipts = (
        _exactly(fields[index], 32) for index in (0, _STATE_ROOT, _RECEIPTS_ROOT)
    )
    number, timestamp = (rlp.to_integer(fields[index]) for index in (_NUMBER, _TIMESTAMP))
    if number >= 2**64 or timestamp >= 2**64:
        raise InvalidProof("expected a block number and a time of 64 bits, found larger ones")
    return Header(encoded, trie.keccak(encoded), parent, number, timestamp, state, receipts)


def encode_receipt(
    kind: int, succeeded: bool, cumulative_gas: int, bloom: bytes, logs: Sequence[ReceiptLog]
) -> bytes:
    """Return a receipt as it stands in the trie (EIP-2718, EIP-658).

    Args:
        kind: type of the transaction; 0 for legacy ones, whose receipts have no type byte.
        succeeded: whether the transaction took effect.
        cumulative_gas: gas used in the block up to and with it.
        bloom: 256 bytes.
        logs: its logs, in order.
    """
    shown: list[Item] = [[log.address, list(log.topics), log.data] for log in logs]
    status = rlp.integer(int(succeeded))
    body = rlp.encode([status, rlp.integer(cumulative_gas), bloom, shown])
    return bytes([kind]) + body if kind else body


def decode_receipt(encoded: bytes) -> tuple[ReceiptLog, ...]:
    """Return the logs of a receipt that took effect.

    Raises:
        InvalidProof: it is no receipt (EIP-2718, EIP-658).
        VerificationError: its transaction failed, so that it has no logs.
    """
    if not encoded:
        raise InvalidProof("expected a receipt, found nothing")
    # EIP-2718: a type is below 0x80, the first byte of an RLP list is not.
    fields = rlp.decode_list(encoded[1:] if encoded[0] < 0x80 else encoded)
    if len(fields) != 4 or not isinstance(fields[3], list):
        raise InvalidProof(f"expected a receipt of four fields, found {len(fields)}")
    if rlp.to_integer(fields[0]) != 1:
        raise VerificationError("expected a transaction that took effect, found one that failed")
    return tuple(_log(item) for item in fields[3])


def prove_receipt(receipts: Sequence[bytes], index: int) -> trie.TrieProof:
    """Return the receipts root of a block, and the proof of one receipt.

    Args:
        receipts: all encoded receipts of the block, in order.
        index: position of the transaction in the block, from 0.
    """
    entries = {rlp.encode(rlp.integer(n)): receipt for n, receipt in enumerate(receipts)}
    return trie.prove(entries, rlp.encode(rlp.integer(index)))


def verify_receipt(
    receipts_root: bytes, index: int, nodes: Sequence[bytes]
) -> tuple[ReceiptLog, ...]:
    """Return the logs of the receipt that a proof shows to be under a receipts root.

    Raises:
        InvalidProof: the proof is malformed, or shows that there is no such receipt.
        VerificationError: it leads to another root, or the transaction failed.
    """
    found = trie.verify(receipts_root, rlp.encode(rlp.integer(index)), nodes)
    if found is None:
        raise InvalidProof(f"expected a receipt at {index}, found proof that there is none")
    return decode_receipt(found)


def verify_storage_root(state_root: bytes, address: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return the storage root of an account that a proof shows to be under a state root.

    Raises:
        InvalidProof: the proof is malformed, or there is no such account.
        RootMismatch: it leads to another root.
    """
    found = trie.verify(state_root, trie.keccak(address), nodes)
    if found is None:
        raise InvalidProof(f"expected an account 0x{address.hex()}, found proof of none")
    fields = rlp.decode_list(found)
    if len(fields) != 4:
        raise InvalidProof(f"expected an account of four fields, found {len(fields)}")
    return _exactly(fields[2], 32)


def verify_slot(storage_root: bytes, slot: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return the 32 bytes of a storage slot; zeros if the proof shows that it was never written.

    Raises:
        InvalidProof: the proof is malformed.
        RootMismatch: it leads to another root.
    """
    found = trie.verify(storage_root, trie.keccak(slot), nodes)
    value = 0 if found is None else rlp.to_integer(rlp.decode(found))
    if value >= 2**256:
        raise InvalidProof("expected a storage value of 256 bits, found a larger one")
    return value.to_bytes(32, "big")


def head_slot(subject: bytes) -> bytes:
    """Return the storage slot where ``History`` keeps the head of a subject, 32 bytes.

    A mapping keeps the value of a key in the slot ``keccak(key ‖ slot of the mapping)`` (Solidity,
    Layout of State Variables in Storage).
    """
    if not any(subject):
        return LEDGER_HEAD_SLOT.to_bytes(32, "big")
    return trie.keccak(subject + HEADS_SLOT.to_bytes(32, "big"))


def header_from_fields(fields: Mapping[str, bytes | int]) -> bytes:
    """Return the encoding of a header from its fields, by their JSON-RPC names.

    Fields that a chain does not have are left out; the hash tells whether all were known.

    Raises:
        InvalidProof: a field of every header is missing.
    """
    missing = [name for name in HEADER_NAMES[:15] if name not in fields]
    if missing:
        raise InvalidProof(f"expected a block header with {missing[0]}, found none")
    values = [fields[name] for name in HEADER_NAMES if name in fields]
    return rlp.encode([rlp.integer(v) if isinstance(v, int) else v for v in values])


def _log(item: Item) -> ReceiptLog:
    if not isinstance(item, list) or len(item) != 3 or not isinstance(item[1], list):
        raise InvalidProof("expected a log of address, topics and data, found another form")
    if not isinstance(item[2], bytes):
        raise InvalidProof("expected the data of a log, found a list")
    topics = tuple(_exactly(topic, 32) for topic in item[1])
    return ReceiptLog(_exactly(item[0], 20), topics, item[2])


def _exactly(item: Item, size: int) -> bytes:
    if not isinstance(item, bytes) or len(item) != size:
        found = len(item) if isinstance(item, bytes) else "a list"
        raise InvalidProof(f"expected {size} bytes, found {found}")
    return item
