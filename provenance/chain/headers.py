"""Many blocks, and many heads of histories, in one request each.

Promises: what is returned belongs to the very blocks that were asked for; a block that left the
chain meanwhile is a ``ChainReorganised``. Must never fold a history itself.
"""

from collections.abc import Iterable, Sequence

from eth_hash.auto import keccak

from provenance.chain.client import (
    BlockRef,
    Client,
    RpcError,
    block_parameter,
    parse_block,
    parse_data,
    to_hex,
)
from provenance.errors import ChainError, ChainReorganised, NodeUnavailable
from provenance.identifiers import Address

BATCH = 100
"""Calls in one request."""


def blocks_by_number(client: Client, numbers: Iterable[int]) -> dict[int, BlockRef]:
    """Return the blocks of these numbers, on the chain as it is now.

    Raises:
        ChainReorganised: the chain has no block of a number.
        NodeUnavailable: the node did not answer, or answered with another block.
    """
    wanted = list(numbers)
    found: dict[int, BlockRef] = {}
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in part]
        for number, answer in zip(part, client.node.batch(calls), strict=True):
            if isinstance(answer, RpcError):
                raise answer
            if answer is None:
                raise ChainReorganised(f"expected block {number}, found a shorter chain")
            block = parse_block(answer)
            if block.number != number:
                raise NodeUnavailable(f"expected block {number}, found block {block.number}")
            found[number] = block
    return found


def heads_at(
    client: Client, history: Address, subjects: Sequence[bytes], block: BlockRef
) -> list[bytes]:
    """Return the heads that ``History`` keeps for subjects, after one block named by its hash.

    Args:
        client: the node.
        history: address of the contract.
        subjects: 32 bytes each; zeros for the ledger.
        block: which block.

    Raises:
        ChainReorganised: the block is no longer part of the chain.
        ChainError: the node does not keep the state of that block, or another contract answers.
        NodeUnavailable: the node did not answer.
    """
    selector = keccak(b"headOf(bytes32)")[:4]
    at = block_parameter(block.hash)
    found: list[bytes] = []
    for start in range(0, len(subjects), BATCH):
        part = subjects[start : start + BATCH]
        calls = [
            ("eth_call", [{"to": to_hex(history), "data": to_hex(selector + subject)}, at])
            for subject in part
        ]
        for answer in client.node.batch(calls):
            if isinstance(answer, RpcError):
                require_canonical(client, block)
                raise answer
            head = parse_data(answer)
            if len(head) != 32:
                raise ChainError(f"expected a head of 32 bytes, found {len(head)}")
            found.append(head)
    return found


def require_canonical(client: Client, block: BlockRef) -> None:
    """Make sure that a block is still part of the chain.

    Raises:
        ChainReorganised: it is not.
    """
    found = client.block(block.number)
    if found is None or found.hash != block.hash:
        raise ChainReorganised(
            f"expected block {block.number} to be {block.hash.hex()}, "
            f"found {found.hash.hex() if found else 'none'}"
        )
