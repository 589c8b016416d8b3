"""Account and storage proofs of the embedded chain, as ``eth_getProof`` gives them (EIP-1186).

Promises: nodes come from the chain's own tries, found by hash under the state root of the block.
Must never write.
"""

from collections.abc import Sequence

from eth.abc import BlockHeaderAPI

from provenance.chain.embedded_engine import Engine
from provenance.chain.embedded_rendering import Json, data, quantity
from provenance.errors import ChainError
from provenance.proofs import rlp, trie
from provenance.proofs.rlp import Item

MAX_PROVEN_SLOTS = 256
"""Most slots that one request may ask for."""


def prove_account(
    engine: Engine, header: BlockHeaderAPI, address: bytes, slots: Sequence[int]
) -> Json:
    """Return an account, some of its storage, and the proofs of both after a block.

    What does not exist is shown as empty, with the proof that it is absent.

    Args:
        engine: the chain.
        header: header of the block.
        address: the account, 20 bytes.
        slots: numbers of storage slots, of 256 bits.
    """
    nodes = trie.prove_stored(engine.trie_node, header.state_root, trie.keccak(address))
    found = trie.verify(header.state_root, trie.keccak(address), nodes)
    nonce, balance, storage_root, code_hash = b"", b"", trie.EMPTY_ROOT, trie.keccak(b"")
    if found is not None:
        nonce, balance, storage_root, code_hash = (_string(f) for f in rlp.decode_list(found))
    return {
        "address": data(address),
        "accountProof": [data(node) for node in nodes],
        "balance": quantity(int.from_bytes(balance, "big")),
        "codeHash": data(code_hash),
        "nonce": quantity(int.from_bytes(nonce, "big")),
        "storageHash": data(storage_root),
        "storageProof": [_prove_slot(engine, storage_root, slot) for slot in slots],
    }


def _prove_slot(engine: Engine, storage_root: bytes, slot: int) -> Json:
    key = trie.keccak(slot.to_bytes(32, "big"))
    nodes = trie.prove_stored(engine.trie_node, storage_root, key)
    found = trie.verify(storage_root, key, nodes)
    value = b"" if found is None else _string(rlp.decode(found))
    return {
        "key": quantity(slot),
        "value": quantity(int.from_bytes(value, "big")),
        "proof": [data(node) for node in nodes],
    }


def _string(item: Item) -> bytes:
    if not isinstance(item, bytes):
        raise ChainError("expected a string in the state of the chain file, found a list")
    return item
