"""``provenance contests``: concede, decide, list."""

import click

from provenance.cli import output
from provenance.cli.door import ID, Acting, Door, acting_options, door, writing_door
from provenance.identifiers import DatasetId, HoldId

_HOLD = click.argument("hold_id", metavar="HOLD", type=ID)


@click.group()
def contests() -> None:
    """End the contest between two claims to the same content; both stay on record."""


@contests.command()
@_HOLD
@acting_options()
@writing_door
def concede(door: Door, hold_id: int, acting: Acting) -> None:
    r"""Give the earlier claim up, as the holder of its dataset; the hold is lifted.

    \b
      provenance contests concede 3 --as bank

    HOLD is the hold that the contest placed on the later dataset.
    """
    from provenance.ledger import contests as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.concede(ledger, who, HoldId(hold_id), on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@contests.command()
@_HOLD
@click.option("--for", "side", required=True, metavar="SIDE", help="earlier or later: who wins.")
@click.option("--evidence", required=True, help="On what it rests; stored as a document.")
@acting_options()
@writing_door
def decide(door: Door, hold_id: int, side: str, evidence: str, acting: Acting) -> None:
    r"""Decide between the two claims, as an arbiter.

    \b
      provenance contests decide 3 --for later --evidence "award 12 of 3 May" --as regulator

    For the later claim, it comes first from now on, and the earlier dataset is held instead. For
    the earlier one, the hold on the later dataset goes on.
    """
    from provenance.ledger import contests as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.decide(
            ledger, who, HoldId(hold_id), side, evidence.encode(), on_behalf_of=principal
        )
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@contests.command("list")
@click.argument("dataset_id", metavar="DATASET", type=ID)
@click.option("--after", type=int, default=0, metavar="HOLD", help="Begin behind this one.")
@door
def list_(door: Door, dataset_id: int, after: int) -> None:
    r"""List the contests that a dataset is in, on either side, ended ones included.

    \b
      provenance contests list 1
    """
    from provenance.ledger import contests as use

    with door.ledger() as ledger:
        found = use.list_page(ledger, DatasetId(dataset_id), after=after)
    if door.as_json:
        output.print_json(found)
        return
    names = ("hold_id", "earlier_id", "later_id", "version", "outcome", "ended_by")
    rows = [tuple(item[name] for name in names) for item in found["items"]]
    output.print_table(("hold", "earlier", "later", "version", "outcome", "ended by"), rows)
    output.note_more(found["next"])
