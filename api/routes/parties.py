"""Parties: who takes part, as what, and by which accounts.

Promises: thin; bits are shown as words. Must never show a name: names are not on the ledger.
"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from api.dependencies import ReadingDependency, Span, find_party
from api.parameters import AfterQuery, LimitQuery, PartyPath
from api.responses import PartyAnswer, PartyPage, reads
from provenance.identifiers import urn
from provenance.index import parties
from provenance.index.paging import Page
from provenance.index.parties import Party
from provenance.ledger.opening import Ledger
from provenance.ledger.vocabulary import FLAGS, PARTY_KINDS, ROLES, word_of, words_of

router = APIRouter(tags=["parties"])


@router.get(
    "/parties", summary="The parties of the ledger", response_model=PartyPage, responses=reads()
)
async def list_parties(
    reading: ReadingDependency, after: AfterQuery = None, limit: LimitQuery = None
) -> Response:
    """Parties by id, suspended ones included."""
    ledger = reading.context.ledger

    def page(connection: Connection, span: Span) -> Page[Party, int]:
        return parties.list_page(connection, after=span.after, limit=span.limit, as_of=span.as_of)

    return await reading.page("parties", after, limit, page, lambda item: shown(ledger, item))


@router.get("/parties/{party}", summary="A party", response_model=PartyAnswer, responses=reads())
async def get_party(party: PartyPath, reading: ReadingDependency) -> Response:
    """A party by its id or by one of its accounts, with all accounts it has or had."""

    def query(connection: Connection) -> Mapping[str, Any]:
        found = find_party(connection, party, reading.as_of)
        accounts = parties.accounts(connection, found.party_id, as_of=reading.as_of)
        return {
            **shown(reading.context.ledger, found),
            "accounts": [account.as_json() for account in accounts],
        }

    return await reading.answer(query)


def shown(ledger: Ledger, party: Party) -> dict[str, Any]:
    """Return a party as JSON values, with its name in the world and its bits in words."""
    return {
        **party.as_json(),
        "urn": urn(ledger.chain_id, ledger.address("Directory"), "party", party.party_id),
        "kind": word_of(PARTY_KINDS, party.kind),
        "flags": list(words_of(FLAGS, party.flags)),
        "roles": list(words_of(ROLES, party.roles)),
    }
