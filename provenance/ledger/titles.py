"""Titles: hand over rights in a dataset in two steps, or give a hand-over up.

Promises: nothing moves before the taker accepts; what is returned was read from the mined
transaction; of an agreement only a salted commitment leaves the home (design 2, rule 5). Must never
accept for a taker whose key it was not given, nor store an agreement where others can read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provenance.errors import CommitmentMismatch, InputError
from provenance.identifiers import DatasetId, Digest32, PartyId, TransferId, parse_digest32
from provenance.ledger import commitments
from provenance.ledger.commitments import Drawn
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.vocabulary import ALL_UNITS, Units
from provenance.ledger.writing import DEFAULT_GAS, Written, request_hash_of, write
from provenance.proofs.commitments import require_opened

ZERO32 = bytes(32)
DEFAULT_EXPIRY_S = 7 * 24 * 3600
STARTED = "started"
ACCEPTED = "accepted"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TransferChange:
    """A transfer after one step.

    Attributes:
        transfer_id: the transfer.
        dataset_id: the dataset.
        giver: party that gives.
        taker: party that may accept.
        units: units of each right.
        status: ``started``, ``accepted`` or ``cancelled``.
        agreement_hash: commitment to the agreement; None for none, and after the first step.
        agreement_salt: salt of it, 16 bytes; None unless the giver showed the agreement here.
        expires: Unix second until which the taker may accept; None after the first step.
        receipt: the transaction.
    """

    transfer_id: TransferId
    dataset_id: DatasetId
    giver: PartyId
    taker: PartyId
    units: Units | None
    status: str
    agreement_hash: Digest32 | None
    expires: int | None
    receipt: WriteReceipt
    agreement_salt: bytes | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "transfer_id": self.transfer_id,
            "dataset_id": self.dataset_id,
            "giver_id": self.giver,
            "taker_id": self.taker,
            "units": self.units.to_json() if self.units else None,
            "status": self.status,
            "agreement": self.agreement_hash.hex() if self.agreement_hash else None,
            "agreement_salt": self.agreement_salt.hex() if self.agreement_salt else None,
            "expires": self.expires,
            **self.receipt.to_json(),
        }


def start_transfer(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    taker: PartyId,
    *,
    units: Units = ALL_UNITS,
    agreement: bytes | None = None,
    agreement_hash: Digest32 | None = None,
    expires: int | None = None,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> TransferChange:
    """Reserve units for a taker.

    Units that lapsed transfers of the giver still reserve are freed first if they are needed:
    these transfers are cancelled just before.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        dataset_id: the dataset.
        taker: party that may accept.
        units: units of each right.
        agreement: document to commit to, under a salt that stays in the home.
        agreement_hash: commitment to an agreement whose salt is kept elsewhere, instead.
        expires: Unix second until which it may be accepted; in seven days by default.
        on_behalf_of: the giver, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: both an agreement and its hash are given.
        ContractRevert: the contracts refuse it.
    """
    if agreement is not None and agreement_hash is not None:
        raise InputError("expected an agreement or its hash, found both")
    # with the time only if the caller gave it, and without the salt, which is another one each time
    offer = (dataset_id, taker, units.pack(), agreement, agreement_hash)
    asked = request_hash_of("transfer", signer, *offer, expires, on_behalf_of)
    until = int(ledger.clock()) + DEFAULT_EXPIRY_S if expires is None else expires
    _free_lapsed(ledger, signer, dataset_id, units, on_behalf_of)
    with commitments.drawn(ledger, agreement) as drawn:
        written = write(
            ledger,
            signer,
            "Titles",
            "startTransfer",
            *(dataset_id, taker, units.pack()),
            drawn.commitment if drawn else agreement_hash or ZERO32,
            until,
            on_behalf_of or 0,
            idempotency_key=idempotency_key,
            request_hash=asked,
        )
    return _started(written, drawn)


def require_agreement(transfer: Mapping[str, Any], document: bytes, salt: bytes) -> None:
    """Raise an error unless a document is the agreement that a transfer was started with.

    Args:
        transfer: the transfer, as ``views.transfer`` gives it.
        document: the document in hand.
        salt: its salt, 16 bytes, from the giver.

    Raises:
        InputError: the salt has another length.
        CommitmentMismatch: the agreement or its salt is another one, or there is none.
    """
    committed = transfer["agreement"]
    if committed is None:
        number = transfer["transfer_id"]
        raise CommitmentMismatch(f"expected transfer {number} with an agreement, found none")
    require_opened(parse_digest32(committed), document, salt)


def accept_transfer(
    ledger: Ledger,
    signer: str,
    transfer_id: TransferId,
    *,
    expected_head: bytes | None = None,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> TransferChange:
    """Take the units of a transfer.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        transfer_id: the transfer.
        expected_head: head of the dataset's history that the taker saw; refused if anything was
            recorded since. None for any.
        on_behalf_of: the taker, if the signer's party is its delegate.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    written = write(
        ledger,
        signer,
        "Titles",
        "acceptTransfer",
        transfer_id,
        expected_head or ZERO32,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    event = written.event("TransferAccepted")
    return TransferChange(
        transfer_id,
        DatasetId(written.id_in(event, "dataset")),
        PartyId(written.id_in(event, "giver")),
        PartyId(written.id_in(event, "taker")),
        Units.unpack(event.arguments["units"]),
        ACCEPTED,
        None,
        None,
        written.receipt,
    )


def cancel_transfer(
    ledger: Ledger,
    signer: str,
    transfer_id: TransferId,
    *,
    on_behalf_of: PartyId | None = None,
    idempotency_key: str | None = None,
) -> TransferChange:
    """Give a pending transfer up: the giver withdraws, or the taker declines.

    Raises:
        ContractRevert: the contracts refuse it.
    """
    written = write(
        ledger,
        signer,
        "Titles",
        "cancelTransfer",
        transfer_id,
        on_behalf_of or 0,
        idempotency_key=idempotency_key,
    )
    event = written.event("TransferCancelled")
    return TransferChange(
        transfer_id,
        DatasetId(written.id_in(event, "dataset")),
        PartyId(written.id_in(event, "giver")),
        PartyId(written.id_in(event, "taker")),
        None,
        CANCELLED,
        None,
        None,
        written.receipt,
    )


def _free_lapsed(
    ledger: Ledger,
    signer: str,
    dataset_id: DatasetId,
    units: Units,
    on_behalf_of: PartyId | None,
) -> None:
    """Cancel lapsed transfers of a giver if the units of a new one are missing because of them.

    The contract counts them until the last one has lapsed. What cannot be freed is refused by it.
    """
    from provenance.index import database, reservations

    key = ledger.key(signer)
    giver = on_behalf_of or ledger.party_of(key.address)
    if giver is None:
        return
    (free,) = ledger.call("Titles", "freeUnitsOf", dataset_id, giver)
    if Units.unpack(free).covers(units):
        return
    ledger.sync()
    now_s = int(ledger.clock())
    with database.reading(ledger.engine) as connection:
        found = reservations.lapsed(connection, dataset_id, giver, now_s=now_s)
    freed, needed = free, []
    for transfer in found:
        freed += transfer.units.pack()
        needed.append(transfer.transfer_id)
        if Units.unpack(freed).covers(units):
            break
    else:
        return
    ledger.fund(key.address, DEFAULT_GAS)
    encode = ledger.contracts["Titles"].encode
    for transfer_id in needed:
        # One that was cancelled meanwhile reverts, which frees nothing and harms nothing.
        ledger.transactions.submit(
            key,
            ledger.address("Titles"),
            encode("cancelTransfer", transfer_id, on_behalf_of or 0),
            DEFAULT_GAS,
        )


def _started(written: Written, drawn: Drawn | None) -> TransferChange:
    event = written.event("TransferStarted")
    agreement = event.arguments["agreement"]
    return TransferChange(
        TransferId(event.arguments["transfer"]),
        DatasetId(written.id_in(event, "dataset")),
        PartyId(written.id_in(event, "giver")),
        PartyId(written.id_in(event, "taker")),
        Units.unpack(event.arguments["units"]),
        STARTED,
        Digest32(agreement) if any(agreement) else None,
        event.arguments["expires"],
        written.receipt,
        drawn.settle(agreement) if drawn else None,
    )
