"""``provenance erase``: destroy the salt of an entry of a private manifest, and record it."""

from pathlib import Path

import click

from provenance.cli import output
from provenance.cli.door import FOLDER_OR_FILE, ID, Acting, Door, acting_options, writing_door
from provenance.identifiers import DatasetId


@click.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.option("--version", type=ID, help="By default the latest.")
@click.option("--path", required=True, help="Path of the entry in the manifest.")
@click.option("--secret", type=FOLDER_OR_FILE, required=True, help="The secret document.")
@click.option("--reason", required=True, help="Why, without a name; stored as a document.")
@acting_options()
@writing_door
def erase(
    door: Door,
    dataset_id: int,
    version: int | None,
    path: str,
    secret: Path,
    reason: str,
    acting: Acting,
) -> None:
    r"""Forget an entry of a private manifest: overwrite its salt, and record a tombstone.

    \b
      provenance erase 1 --path ward-3/anna.json --secret data.secret --reason "request 4711"

    Nobody can guess the entry any more, nor link it; every other proof still holds. Copies of the
    secret document, and proofs with the entry that were given away, are beyond any ledger.
    """
    from provenance.ledger import datasets, erasures

    with door.ledger() as ledger:
        number = version or datasets.latest_version(ledger, DatasetId(dataset_id))
        who, principal = acting.resolve(ledger)
        entry = (DatasetId(dataset_id), number, secret, path, reason)
        found = erasures.erase(ledger, who, *entry, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())
