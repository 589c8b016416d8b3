"""``provenance index``: rebuild, audit, status."""

from typing import Any

import click

from provenance.cli import output
from provenance.cli.door import Door, door


@click.group()
def index() -> None:
    """Rebuild or audit the index, or say where it stands."""


@index.command()
@door
def rebuild(door: Door) -> None:
    r"""Throw the index away and derive it again from the chain.

    \b
      provenance index rebuild
    """
    from provenance.ledger import indexing

    with door.ledger() as ledger:
        _print(door, indexing.rebuild(ledger))


@index.command()
@door
def audit(door: Door) -> int:
    r"""Compare every head, and every row, with the chain. Exit code 1: they differ.

    \b
      provenance index audit
    """
    from provenance.ledger import indexing

    with door.ledger() as ledger:
        found = indexing.audit(ledger)
    _print(door, found)
    return 0 if found["clean"] else 1


@index.command()
@door
def status(door: Door) -> None:
    r"""Say up to which block the index has come.

    \b
      provenance index status
    """
    from provenance.ledger import indexing

    with door.ledger() as ledger:
        _print(door, indexing.status(ledger))


def _print(door: Door, fields: dict[str, Any]) -> None:
    if door.as_json:
        output.print_json(fields)
        return
    differences = fields.pop("differences", [])
    output.print_receipt(False, fields)
    for found in differences:
        click.echo(
            f"✗ {found['kind']}: {output.shown(found['where'])}: expected {found['expected']}, "
            f"found {found['found']}"
        )
