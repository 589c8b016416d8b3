"""Writes: one call of a contract, signed by a hosted key, mined, and read back.

Promises: a write returns only what a mined transaction did; the same idempotency key gives the
first result again. Must never sign with a key that the caller did not name.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provenance.chain.client import Receipt
from provenance.chain.events import Event
from provenance.errors import ChainError, ContractRevert
from provenance.identifiers import parse_subject
from provenance.ledger import checkpoints
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.refusals import refusal_of

DEFAULT_GAS = 500_000
"""Gas limit of a write: twice what the dearest one takes (``contracts/gas.json``)."""


@dataclass(frozen=True, slots=True)
class Written:
    """A mined write: its receipt, and the events that it emitted, decoded."""

    receipt: WriteReceipt
    events: Sequence[Event]

    def event(self, name: str) -> Event:
        """Return the first event of a name.

        Raises:
            ChainError: there is none: the contract at the address is another one.
        """
        for event in self.events:
            if event.name == name:
                return event
        found = ", ".join(event.name for event in self.events)
        raise ChainError(f"expected an event {name}, found {found or 'none'}")

    @staticmethod
    def id_in(event: Event, parameter: str) -> int:
        """Return the id in a subject that an event names."""
        return parse_subject(event.arguments[parameter])[1]


def write(
    ledger: Ledger,
    signer: str,
    contract: str,
    function: str,
    *arguments: Any,
    idempotency_key: str | None = None,
    request_hash: bytes | None = None,
    gas: int = DEFAULT_GAS,
) -> Written:
    """Call a contract in a transaction and wait until it is mined.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        contract: name of a module.
        function: name of its function.
        *arguments: values for it; structs as tuples.
        idempotency_key: a second write with it returns what the first one did.
        request_hash: SHA-256 of what the caller asked for, 32 bytes; another request under the
            same key is refused. That of the transaction by default.
        gas: gas limit.

    Raises:
        KeystoreError: there is no such key, or its password is wrong.
        ContractRevert: the contract refused it.
        NotFoundError: it is about something that is not there.
        ConflictError: the idempotency key was used for another request.
        NodeUnavailable: it is not mined yet; it stays promised and is sent again.
    """
    key = ledger.key(signer)
    ledger.fund(key.address, gas)
    try:
        receipt = ledger.transactions.send(
            key,
            ledger.address(contract),
            ledger.contracts[contract].encode(function, *arguments),
            gas,
            idempotency_key=idempotency_key,
            request_hash=request_hash,
            timeout_s=ledger.settings.transaction_timeout_s,
        )
    except ContractRevert as error:
        raise refusal_of(error) from error
    return written(ledger, receipt)


def request_hash_of(*parts: object) -> bytes:
    """Return the SHA-256 of what a caller asked for, for :func:`write`.

    For requests into which the use case puts something of its own, such as the time: the same
    request made again must have the same hash. Takes texts, numbers, bytes, None, and tuples of
    these.
    """
    return hashlib.sha256(repr(parts).encode()).digest()


def written(ledger: Ledger, receipt: Receipt) -> Written:
    """Return what a mined transaction did."""
    events = [ledger.decoder.decode(log) for log in receipt.logs if ledger.writes_history(log)]
    return Written(receipt_of(ledger, receipt), events)


def receipt_of(ledger: Ledger, receipt: Receipt) -> WriteReceipt:
    """Return the receipt of a mined transaction, with a checkpoint over its block."""
    block = ledger.block(receipt.block_hash)
    note = checkpoints.signed_at(ledger, block)
    return WriteReceipt(receipt.transaction_hash, block, ledger.client.finality(block.number), note)
