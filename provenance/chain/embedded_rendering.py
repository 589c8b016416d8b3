"""Blocks, transactions, receipts and logs of the embedded chain as Ethereum JSON-RPC shows them.

Promises: field names and forms of the execution API (ethereum/execution-apis, schemas Block,
TransactionInfo, ReceiptInfo, Log): quantities as hex without leading zeros, data as hex of even
length. Pure: everything comes in as py-evm objects.
"""

from collections.abc import Sequence
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth._utils.address import generate_contract_address
from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI

Json = dict[str, Any]


def quantity(value: int) -> str:
    """Return an integer as a JSON-RPC quantity."""
    return hex(value)


def data(value: bytes) -> str:
    """Return bytes as JSON-RPC data."""
    return "0x" + value.hex()


def render_header(header: BlockHeaderAPI) -> Json:
    """Return the header fields of a block."""
    return {
        "number": quantity(header.block_number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "nonce": data(header.nonce),
        "mixHash": data(header.mix_hash),
        "sha3Uncles": data(header.uncles_hash),
        "logsBloom": data(header.bloom.to_bytes(256, "big")),
        "transactionsRoot": data(header.transaction_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipt_root),
        "miner": data(header.coinbase),
        "difficulty": quantity(header.difficulty),
        "extraData": data(header.extra_data),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "baseFeePerGas": quantity(header.base_fee_per_gas or 0),
        "withdrawalsRoot": data(header.withdrawals_root or b""),
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(header.parent_beacon_block_root or b""),
    }


def render_block(block: BlockAPI, transactions: Sequence[str] | Sequence[Json]) -> Json:
    """Return a block with ``transactions``: hashes or rendered transactions."""
    shown = render_header(block.header)
    shown["size"] = quantity(len(rlp.encode(block)))
    shown["uncles"] = []
    shown["withdrawals"] = []
    shown["transactions"] = list(transactions)
    return shown


def render_transaction(
    transaction: SignedTransactionAPI, header: BlockHeaderAPI | None, index: int
) -> Json:
    """Return a transaction at ``index`` of the block of ``header``; None: it still waits."""
    kind = _type_of(transaction)
    shown: Json = {
        "type": quantity(kind),
        "hash": data(transaction.hash),
        "nonce": quantity(transaction.nonce),
        "blockHash": None if header is None else data(header.hash),
        "blockNumber": None if header is None else quantity(header.block_number),
        "transactionIndex": None if header is None else quantity(index),
        "from": data(transaction.sender),
        "to": data(transaction.to) if transaction.to else None,
        "value": quantity(transaction.value),
        "gas": quantity(transaction.gas),
        "input": data(transaction.data),
        "r": quantity(transaction.r),
        "s": quantity(transaction.s),
    }
    base_fee = 0 if header is None else header.base_fee_per_gas or 0
    shown["gasPrice"] = quantity(_effective_price(transaction, base_fee))
    if kind == 0:
        # EIP-155: v of a legacy transaction carries the chain id.
        shown["v"] = quantity(getattr(transaction, "v", transaction.y_parity))
        return shown
    shown["v"] = shown["yParity"] = quantity(transaction.y_parity)
    shown["chainId"] = quantity(transaction.chain_id or 0)
    shown["accessList"] = [
        {"address": data(address), "storageKeys": [data(_word(slot)) for slot in slots]}
        for address, slots in transaction.access_list
    ]
    if kind == 2:
        shown["maxFeePerGas"] = quantity(transaction.max_fee_per_gas)
        shown["maxPriorityFeePerGas"] = quantity(transaction.max_priority_fee_per_gas)
    return shown


def render_receipts(
    header: BlockHeaderAPI,
    transactions: Sequence[SignedTransactionAPI],
    receipts: Sequence[ReceiptAPI],
) -> list[Json]:
    """Return the receipts of a block; logs are numbered through the block."""
    rendered: list[Json] = []
    gas_before = 0
    log_index = 0
    for index, (transaction, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        place = {
            "blockHash": data(header.hash),
            "blockNumber": quantity(header.block_number),
            "transactionHash": data(transaction.hash),
            "transactionIndex": quantity(index),
        }
        logs = render_logs(receipt, place, log_index)
        log_index += len(logs)
        created = None if transaction.to else _created_address(transaction)
        rendered.append(
            {
                **place,
                "type": quantity(_type_of(transaction)),
                "from": data(transaction.sender),
                "to": data(transaction.to) if transaction.to else None,
                "contractAddress": created,
                "status": quantity(int.from_bytes(receipt.state_root, "big")),
                "cumulativeGasUsed": quantity(receipt.gas_used),
                "gasUsed": quantity(receipt.gas_used - gas_before),
                "effectiveGasPrice": quantity(
                    _effective_price(transaction, header.base_fee_per_gas or 0)
                ),
                "logsBloom": data(receipt.bloom.to_bytes(256, "big")),
                "logs": logs,
            }
        )
        gas_before = receipt.gas_used
    return rendered


def render_logs(receipt: ReceiptAPI, place: Json, first_index: int) -> list[Json]:
    """Return the logs of one receipt, numbered from ``first_index``."""
    return [
        {
            **place,
            "logIndex": quantity(first_index + offset),
            "address": data(log.address),
            "topics": [data(_word(topic)) for topic in log.topics],
            "data": data(log.data),
            "removed": False,
        }
        for offset, log in enumerate(receipt.logs)
    ]


def _type_of(transaction: SignedTransactionAPI) -> int:
    """Return the EIP-2718 type; 0 for legacy transactions."""
    return int(getattr(transaction, "type_id", None) or 0)


def _effective_price(transaction: SignedTransactionAPI, base_fee_wei: int) -> int:
    tip = min(transaction.max_priority_fee_per_gas, transaction.max_fee_per_gas - base_fee_wei)
    return int(base_fee_wei + max(tip, 0))


def _created_address(transaction: SignedTransactionAPI) -> str:
    return data(generate_contract_address(transaction.sender, transaction.nonce))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")
