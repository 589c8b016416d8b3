"""Evidence: headers, receipts and storage that a node shows, each with its proof.

A node is not believed: a header must have the hash that was asked for, receipts must give its
receipts root, an account and its storage must stand under its state root. So what is returned can
be handed on, and checked by someone who has no node.

Promises: nothing is returned whose proof was not verified here. Must never decide which block
belongs to the chain: that is what checkpoints and finality are for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provenance.chain.client import Client, RpcError, parse_data, parse_quantity, to_hex
from provenance.errors import ChainReorganised, NodeUnavailable, ProvenanceError, VerificationError
from provenance.identifiers import Address
from provenance.proofs import blocks
from provenance.proofs.blocks import Header, ReceiptLog
from provenance.proofs.history import RawLog

METHOD_NOT_FOUND = -32601


@dataclass(frozen=True, slots=True)
class ProvenLog:
    """Where a log stands in its block, with the proof of its receipt.

    Attributes:
        header: header of the block.
        transaction_index: position of the transaction in the block.
        log_index: position of the log among those of the transaction.
        nodes: proof of the receipt under the receipts root.
    """

    header: Header
    transaction_index: int
    log_index: int
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProvenSlots:
    """Storage of a contract after a block.

    Attributes:
        account: proof of the account under the state root.
        values: the 32 bytes of each slot that was asked for.
        proofs: proof of each under the storage root of the account.
    """

    account: tuple[bytes, ...]
    values: tuple[bytes, ...]
    proofs: tuple[tuple[bytes, ...], ...]


def header(client: Client, block_hash: bytes) -> Header:
    """Return the header of a block.

    Raises:
        ChainReorganised: the node has no such block.
        VerificationError: what it shows has another hash.
    """
    found = client.node.request("eth_getBlockByHash", [to_hex(block_hash), False])
    if found is None:
        raise ChainReorganised(f"block 0x{block_hash.hex()} is no longer part of the chain")
    return _checked_header(found, block_hash)


def headers_between(client: Client, ancestor: Header, descendant: Header) -> tuple[Header, ...]:
    """Return the headers after one up to and with another, each the child of the one before.

    Raises:
        ChainReorganised: they do not lead from one to the other.
        VerificationError: a header has another hash than it should.
    """
    numbers = range(ancestor.number + 1, descendant.number)
    calls = [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
    chain: list[Header] = []
    for answer in client.node.batch(calls) if calls else []:
        if isinstance(answer, RpcError):
            raise answer
        if answer is None:
            raise ChainReorganised("a block between two blocks is missing")
        chain.append(_checked_header(answer, parse_data(answer["hash"])))
    if descendant.number > ancestor.number:
        chain.append(descendant)
    last = ancestor
    for following in chain:
        if following.parent_hash != last.hash:
            raise ChainReorganised(f"block {following.number} does not follow {last.number}")
        last = following
    if last.hash != descendant.hash:
        raise ChainReorganised("two blocks of one number differ")
    return tuple(chain)


def prove_log(client: Client, header: Header, log: RawLog) -> ProvenLog:
    """Return where a log stands in a block, with the proof of its receipt.

    Raises:
        VerificationError: the node's receipts do not belong to the block, or hold no such log.
        NodeUnavailable: a receipt is malformed.
    """
    found = _receipts(client, header)
    try:
        encoded = [_encoded_receipt(receipt) for receipt in found]
    except (KeyError, TypeError, ValueError) as error:
        raise NodeUnavailable(f"expected receipts of block {header.number}: {error}") from error
    wanted = ReceiptLog(log.address, log.topics, log.data)
    for index, (receipt, shown) in enumerate(zip(encoded, found, strict=True)):
        if parse_quantity(shown["status"]) != 1:
            continue
        for position, other in enumerate(blocks.decode_receipt(receipt)):
            if other == wanted and _is_at(shown, position, log.log_index):
                proof = blocks.prove_receipt(encoded, index)
                if proof.root != header.receipts_root:
                    raise VerificationError(
                        f"the node's receipts of block {header.number} do not give its receipts "
                        f"root: expected {header.receipts_root.hex()}, computed {proof.root.hex()}"
                    )
                blocks.verify_receipt(proof.root, index, proof.nodes)
                return ProvenLog(header, index, position, proof.nodes)
    raise VerificationError(f"expected a log in block {header.number}, the node shows none such")


def prove_slots(
    client: Client, header: Header, address: Address, slots: Sequence[bytes]
) -> ProvenSlots:
    """Return storage of a contract after a block, with its proofs.

    Args:
        client: the node.
        header: header of the block.
        address: the contract.
        slots: slots, 32 bytes each.

    Raises:
        RpcError: the node gives no proofs, or has not kept the state of the block.
        NodeUnavailable: its answer is malformed.
        VerificationError: its proofs do not lead to the state root of the block.
    """
    wanted = ["0x" + slot.hex() for slot in slots]
    parameters = [to_hex(address), wanted, hex(header.number)]
    found = client.node.request("eth_getProof", parameters)
    try:
        account = tuple(parse_data(node) for node in found["accountProof"])
        proofs = tuple(
            tuple(parse_data(node) for node in shown["proof"]) for shown in found["storageProof"]
        )
    except (KeyError, TypeError) as error:
        raise NodeUnavailable("expected account and storage proofs, found another form") from error
    if len(proofs) != len(slots):
        raise NodeUnavailable(f"expected {len(slots)} storage proofs, found {len(proofs)}")
    try:
        root = blocks.verify_storage_root(header.state_root, address, account)
        values = tuple(
            blocks.verify_slot(root, slot, nodes) for slot, nodes in zip(slots, proofs, strict=True)
        )
    except ProvenanceError as error:
        raise VerificationError(
            f"the node's proofs do not lead to the state root of block {header.number}: {error}"
        ) from error
    return ProvenSlots(account, values, proofs)


def _checked_header(found: Mapping[str, Any], block_hash: bytes) -> Header:
    fields: dict[str, bytes | int] = {}
    for name in blocks.HEADER_NAMES:
        if found.get(name) is not None:
            integer = name in blocks.HEADER_INTEGERS
            fields[name] = parse_quantity(found[name]) if integer else parse_data(found[name])
    header = blocks.parse_header(blocks.header_from_fields(fields))
    if header.hash != block_hash:
        raise VerificationError(
            f"the node shows a header that is not that of its block: expected "
            f"0x{block_hash.hex()}, computed 0x{header.hash.hex()}"
        )
    return header


def _receipts(client: Client, header: Header) -> list[Mapping[str, Any]]:
    """Return all receipts of a block, one by one from nodes that cannot give them at once."""
    try:
        found = client.node.request("eth_getBlockReceipts", [to_hex(header.hash)])
    except RpcError as error:
        if error.code != METHOD_NOT_FOUND:
            raise
        block = client.node.request("eth_getBlockByHash", [to_hex(header.hash), False]) or {}
        hashes = block.get("transactions", [])
        found = client.node.batch([("eth_getTransactionReceipt", [each]) for each in hashes])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise NodeUnavailable(f"expected the receipts of block {header.number}, found none")
    return found


def _encoded_receipt(found: Mapping[str, Any]) -> bytes:
    logs = [
        ReceiptLog(
            parse_data(log["address"]),
            tuple(parse_data(topic) for topic in log["topics"]),
            parse_data(log["data"]),
        )
        for log in found["logs"]
    ]
    return blocks.encode_receipt(
        parse_quantity(found.get("type", "0x0")),
        parse_quantity(found["status"]) == 1,
        parse_quantity(found["cumulativeGasUsed"]),
        parse_data(found["logsBloom"]),
        logs,
    )


def _is_at(shown: Mapping[str, Any], position: int, log_index: int) -> bool:
    """Return whether a log of a receipt has an index in its block: equal logs may come twice."""
    return parse_quantity(shown["logs"][position]["logIndex"]) == log_index
