"""Histories: raw logs with what is needed to fold them, and checkpoints.

Promises: the logs are byte for byte those of the chain, and all pages of one answer are as of one
block; ``head`` is what the contract holds after that block, not what the index folded, so that an
index that lost an event is caught by whoever folds. Must never leave a log out.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.dependencies import Reading, ReadingDependency, Span, find_party
from api.evidence import CheckpointAnswer, HistoryAnswer
from api.parameters import AfterQuery, DatasetIdPath, LimitQuery, PartyPath
from api.responses import reads
from provenance.identifiers import LEDGER_SUBJECT, Subject, SubjectKind, format_address, subject_of
from provenance.index import datasets, history
from provenance.index.history import HistoryItem
from provenance.index.paging import Page
from provenance.ledger import checkpoints
from provenance.ledger.history import log_json
from provenance.ledger.receipts import AsOf

router = APIRouter(tags=["history"])


@router.get(
    "/datasets/{dataset_id}/history",
    summary="Everything that was recorded on a dataset",
    response_model=HistoryAnswer,
    responses=reads(),
)
async def get_dataset_history(
    dataset_id: DatasetIdPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Raw logs in order; fold them and compare with `head`, best at a node of your own."""

    def find(connection: Connection, as_of: int | None) -> Subject:
        datasets.get(connection, dataset_id, as_of=as_of)
        return subject_of(SubjectKind.DATASET, dataset_id)

    return await _history(reading, f"history-of-dataset-{dataset_id}", after, limit, find)


@router.get(
    "/parties/{party}/history",
    summary="Everything that was recorded on a party",
    response_model=HistoryAnswer,
    responses=reads(),
)
async def get_party_history(
    party: PartyPath,
    reading: ReadingDependency,
    after: AfterQuery = None,
    limit: LimitQuery = None,
) -> Response:
    """Raw logs in order; an account stands for the party it belongs to."""

    def find(connection: Connection, as_of: int | None) -> Subject:
        found = find_party(connection, party, as_of)
        return subject_of(SubjectKind.PARTY, found.party_id)

    return await _history(reading, f"history-of-party-{party.lower()}", after, limit, find)


@router.get(
    "/history",
    summary="Everything that was recorded on the ledger",
    response_model=HistoryAnswer,
    responses=reads(),
)
async def get_ledger_history(
    reading: ReadingDependency, after: AfterQuery = None, limit: LimitQuery = None
) -> Response:
    """Raw logs of all modules in order; the fold gives the head that checkpoints sign."""
    return await _history(
        reading, "history-of-ledger", after, limit, lambda _connection, _as_of: LEDGER_SUBJECT
    )


@router.get(
    "/checkpoint",
    summary="The newest signed checkpoint, and the key that opens it",
    response_model=CheckpointAnswer,
    responses=reads(),
)
async def get_checkpoint(reading: ReadingDependency) -> Response:
    """Pin it: an answer that does not extend it comes from another chain."""
    ledger = reading.context.ledger

    def facts(block: AsOf) -> dict[str, Any]:
        return {
            "checkpoint": checkpoints.signed_at(ledger, ledger.block(block.block_hash)),
            "verifier_key": str(checkpoints.verifier_key(ledger)),
            "chain_id": ledger.chain_id,
            "directory": format_address(ledger.address("Directory")),
            "history": format_address(ledger.address("History")),
            "modules": {
                name: format_address(address) for name, address in ledger.deployment.modules.items()
            },
        }

    return await reading.answer(lambda _connection: {}, extend=facts)


async def _history(
    reading: Reading,
    kind: str,
    after: str | None,
    limit: int | None,
    find: Callable[[Connection, int | None], Subject],
) -> Response:
    """Return a page of the history of a subject that ``find`` looks up."""
    ledger = reading.context.ledger
    subject = LEDGER_SUBJECT

    def page(connection: Connection, span: Span) -> Page[HistoryItem, int]:
        nonlocal subject
        subject = find(connection, span.as_of)
        return history.page(
            connection, subject, after=span.after, limit=span.limit, as_of=span.as_of
        )

    def facts(block: AsOf) -> dict[str, Any]:
        return {
            "subject": subject.hex(),
            "chain_id": ledger.chain_id,
            "history": format_address(ledger.address("History")),
            "head": ledger.head_of(subject, block.block_hash).hex(),
            "checkpoint": checkpoints.signed_at(ledger, ledger.block(block.block_hash)),
        }

    return await reading.page(kind, after, limit, page, _item, name="logs", extend=facts)


def _item(item: HistoryItem) -> Mapping[str, Any]:
    return {"seq": item.seq, **log_json(item.log), "event": item.event().as_json()}
