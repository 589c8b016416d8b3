"""A block that nobody mined, with the receipt of a log that somebody wants to be in it.

Whoever makes a bundle without the headers between log and heads can put any block there.
``generate_bundles`` does so.

Promises: receipt, trie and header fit each other and the log; only a pin can tell. The package
takes no part in it.
"""

from typing import Any

import rlp  # type: ignore[import-untyped] # it ships no types
from eth_hash.auto import keccak

Fields = dict[str, Any]
RECEIPTS_ROOT, TIME = 5, 11
TRANSACTION = 7
LEAF = b"\x20" + bytes([TRANSACTION])  # a path of two nibbles, 0 and 7, that ends in a leaf


def forge(bundle: Fields) -> None:
    """Put a block that nobody mined in the place of the one of the log."""
    receipt = bundle["receipt"]
    log = bundle["history"][receipt["event"]]
    emitted = [_bytes(log["address"]), [_bytes(t) for t in log["topics"]], _bytes(log["data"])]
    leaf = rlp.encode([LEAF, rlp.encode([b"\x01", b"\x05", bytes(256), [emitted]])])
    fields = list(rlp.decode(_bytes(receipt["header"])))
    fields[RECEIPTS_ROOT], fields[TIME] = keccak(leaf), (10**9).to_bytes(4, "big")
    receipt.update(header=rlp.encode(fields).hex(), links=None, nodes=[leaf.hex()])
    receipt.update(log_index=0, transaction_index=TRANSACTION)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
