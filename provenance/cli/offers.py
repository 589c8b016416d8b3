"""``provenance offers``: make, take, close, list."""

from typing import Any

import click

from provenance.cli import output
from provenance.cli.door import (
    ID,
    USES,
    Acting,
    Door,
    acting_options,
    door,
    moment_s,
    writing_door,
)
from provenance.identifiers import DatasetId, OfferId, PolicyId


@click.group()
def offers() -> None:
    """Standing offers: whoever may takes them up with one message (开放共享)."""


@offers.command()
@click.argument("dataset_id", metavar="DATASET", type=ID)
@click.option("--policy", "policy_id", type=ID, required=True, help="The terms of each grant.")
@click.option("--until", "ends", metavar="TIME", help="2027-01-31, 90d, or a Unix second.")
@click.option("--uses", type=USES, help="Of each grant.")
@acting_options()
@writing_door
def make(
    door: Door,
    dataset_id: int,
    policy_id: int,
    ends: str | None,
    uses: int | None,
    acting: Acting,
) -> None:
    r"""Offer grants under a policy to whoever has one of its roles.

    \b
      provenance offers make 1 --policy 1
      provenance offers make 1 --policy 1 --until 90d --uses 100
    """
    from provenance.ledger import offers as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.make(
            ledger,
            who,
            DatasetId(dataset_id),
            PolicyId(policy_id),
            not_after=moment_s(ends) if ends else None,
            uses=uses,
            on_behalf_of=principal,
        )
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@offers.command()
@click.argument("offer_id", metavar="OFFER", type=ID)
@acting_options("Who takes it up.")
@writing_door
def take(door: Door, offer_id: int, acting: Acting) -> None:
    r"""Take an offer up: you get a grant.

    \b
      provenance offers take 1 --as bank
    """
    from provenance.ledger import offers as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.take_up(ledger, who, OfferId(offer_id), on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@offers.command()
@click.argument("offer_id", metavar="OFFER", type=ID)
@acting_options()
@writing_door
def close(door: Door, offer_id: int, acting: Acting) -> None:
    r"""End an offer; grants that were taken up stay.

    \b
      provenance offers close 1
    """
    from provenance.ledger import offers as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.close(ledger, who, OfferId(offer_id), on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@offers.command("list")
@click.option("--dataset", "dataset_id", type=ID, help="Only those of this dataset.")
@click.option("--after", type=int, default=0, metavar="ID", help="Begin behind this one.")
@door
def list_(door: Door, dataset_id: int | None, after: int) -> None:
    r"""List offers.

    \b
      provenance offers list
      provenance offers list --dataset 1
    """
    from provenance.ledger import license_views

    about = DatasetId(dataset_id) if dataset_id else None
    with door.ledger() as ledger:
        found = license_views.offers(ledger, dataset_id=about, after=after)
    if door.as_json:
        output.print_json(found)
        return
    rows = [
        (o["offer_id"], o["dataset_id"], o["granter_id"], o["policy_id"], _state(o), o["taken"])
        for o in found["items"]
    ]
    output.print_table(("offer", "dataset", "granter", "policy", "status", "taken"), rows)
    output.note_more(found["next"])


def _state(offer: dict[str, Any]) -> str:
    """Return whether an offer can be taken up, or else why not."""
    is_open = offer["status"] == "open"
    return str(offer["refused"] or "open") if is_open else str(offer["status"])
