"""``provenance titles``: transfer, agreement, accept, cancel, holders, inbox."""

import time
from pathlib import Path
from typing import Any

import click

from provenance.cli import output
from provenance.cli.datasets import when
from provenance.cli.door import (
    BLOCK,
    FOLDER_OR_FILE,
    ID,
    PARTY,
    Acting,
    Door,
    acting_options,
    door,
    duration_s,
    read_file,
    words,
    writing_door,
)
from provenance.cli.grants import print_grants
from provenance.identifiers import DatasetId, TransferId, parse_hex
from provenance.proofs.commitments import parse_salt


@click.group()
def titles() -> None:
    """Hand over rights in datasets, in two steps."""


@titles.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.option(
    "--to", "taker", type=PARTY, required=True, metavar="NAME|ADDRESS", help="Who may accept."
)
@click.option("--right", default="hold,use,operate", show_default=True, help="Which rights.")
@click.option("--units", type=int, default=10_000, show_default=True, help="Basis points of each.")
@click.option("--agreement", type=FOLDER_OR_FILE, help="A file; a salted hash goes on the ledger.")
@click.option("--expires", default="7d", show_default=True, help="How long it may be accepted.")
@acting_options()
@writing_door
def transfer(
    door: Door,
    dataset_id: int,
    taker: str,
    right: str,
    units: int,
    agreement: Path | None,
    expires: str,
    acting: Acting,
) -> None:
    r"""Offer rights in a dataset to a party; nothing moves before it accepts.

    \b
      provenance titles transfer 1 --to bank
      provenance titles transfer 1 --to 0x960e…a3f7e8 --right use --units 5000 --expires 2w
      provenance titles transfer 1 --to bank --agreement contract.pdf

    Of the agreement only a salted commitment leaves this home. Hand the file and the salt in the
    answer to the taker; the salt also stays in HOME/commitments.
    """
    from provenance.ledger import parties
    from provenance.ledger import titles as use
    from provenance.ledger.vocabulary import Units

    offered = Units.of_rights(words(right), units)
    until = int(time.time()) + duration_s(expires)
    document = read_file(agreement, door.settings.max_document_bytes) if agreement else None
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.start_transfer(
            ledger,
            who,
            DatasetId(dataset_id),
            parties.resolve(ledger, taker).party_id,
            units=offered,
            agreement=document,
            expires=until,
            on_behalf_of=principal,
        )
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@titles.command()
@click.argument("transfer_id", metavar="TRANSFER", type=ID)
@click.argument("file", type=FOLDER_OR_FILE)
@click.option("--salt", required=True, metavar="HEX", help="What the giver's answer says.")
@door
def agreement(door: Door, transfer_id: int, file: Path, salt: str) -> None:
    r"""Check that a file is the agreement of a transfer.

    \b
      provenance titles agreement 1 contract.pdf --salt 8f14e45fceea167a5a36dedd4bea2543

    Exit code 0: it is. 1: file or salt are others, or there was no agreement. Neither leaves here.
    """
    from provenance.ledger import titles as use
    from provenance.ledger import views

    drawn = parse_salt(salt)
    document = read_file(file, door.settings.max_document_bytes)
    with door.ledger() as ledger:
        offered = views.transfer(ledger, TransferId(transfer_id))
    use.require_agreement(offered, document, drawn)
    names = ("transfer_id", "agreement", "as_of")
    fields = {"verdict": "passed", **{name: offered[name] for name in names}}
    if door.as_json:
        output.print_json(fields)
    else:
        click.echo(
            f"✓ passed: {output.shown(str(file))} is the agreement of transfer {transfer_id}"
        )


@titles.command()
@click.argument("transfer_id", metavar="TRANSFER", type=ID)
@click.option("--expected-head", metavar="HEX", help="Refuse if anything was recorded since.")
@click.option("--agreement", type=FOLDER_OR_FILE, help="Refuse if another one was committed to.")
@click.option("--salt", metavar="HEX", help="Salt of the agreement, from the giver.")
@acting_options("Who accepts.")
@writing_door
def accept(
    door: Door,
    transfer_id: int,
    expected_head: str | None,
    agreement: Path | None,
    salt: str | None,
    acting: Acting,
) -> None:
    r"""Accept a transfer: its rights are yours from the next block on.

    \b
      provenance titles accept 1 --as bank
      provenance titles accept 1 --as bank --agreement contract.pdf --salt 8f14e45f…4bea2543

    Grants stay with the title: all that are neither revoked nor expired are shown first, as the
    inbox shows them, and come with the answer. If anything was recorded on the dataset after what
    was shown, or after HEAD, nothing is accepted; nor if AGREEMENT is not what was committed to.
    """
    if (agreement is None) != (salt is None):
        raise click.UsageError("--agreement and --salt need each other")
    from provenance.ledger import titles as use
    from provenance.ledger import views

    head = parse_hex(expected_head, 32) if expected_head else None
    opening = None
    if agreement is not None and salt is not None:
        drawn = parse_salt(salt)
        opening = read_file(agreement, door.settings.max_document_bytes), drawn
    with door.ledger() as ledger:
        signer, principal = acting.resolve(ledger)
        ledger.party_of_signer(signer)
        offered = views.transfer(ledger, TransferId(transfer_id))
        if opening is not None:
            use.require_agreement(offered, *opening)
        if not door.as_json:
            _print_kept(offered)
        if head is None and offered["head"]:
            head = parse_hex(offered["head"], 32)
        found = use.accept_transfer(
            ledger, signer, TransferId(transfer_id), expected_head=head, on_behalf_of=principal
        )
        ledger.sync()
    names = ("head", "grants", "grants_next")
    more = {name: offered[name] for name in names} if door.as_json else {}
    output.print_receipt(door.as_json, {**found.to_json(), **more})


@titles.command()
@click.argument("transfer_id", metavar="TRANSFER", type=ID)
@acting_options()
@writing_door
def cancel(door: Door, transfer_id: int, acting: Acting) -> None:
    r"""Give a pending transfer up: its giver withdraws it, or its taker declines.

    \b
      provenance titles cancel 1
      provenance titles cancel 1 --as bank
    """
    from provenance.ledger import titles as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.cancel_transfer(ledger, who, TransferId(transfer_id), on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@titles.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def holders(door: Door, dataset_id: int, as_of: int | None) -> None:
    r"""Show who holds which right in a dataset.

    \b
      provenance titles holders 1
      provenance titles holders 1 --as-of 12
    """
    from provenance.ledger import views

    with door.ledger() as ledger:
        found = views.holders(ledger, DatasetId(dataset_id), as_of=as_of)
    if door.as_json:
        output.print_json(found)
        return
    rows = [(h["party_id"], h["name"], *_lanes(h["units"])) for h in found["items"]]
    output.print_table(("party", "name", "hold", "use", "operate"), rows)
    if found["next"] is not None:
        output.note(f"more: holders above party {found['next']} are left out")
    for holding in found["items"]:
        for transfer in holding["lapsed"]:
            _note_lapsed(transfer)


@titles.command()
@click.option(
    "--as", "signer", type=PARTY, required=True, metavar="NAME|ADDRESS", help="Whose inbox."
)
@click.option("--after", type=int, default=0, metavar="ID", help="Begin behind this one.")
@door
def inbox(door: Door, signer: str, after: int) -> None:
    r"""Show the transfers that a party can accept, and the grants that stay with the titles.

    \b
      provenance titles inbox --as bank

    The head of each dataset's history is what `accept --expected-head` takes.
    """
    from provenance.ledger import parties, views

    with door.ledger() as ledger:
        found = views.inbox(ledger, parties.resolve(ledger, signer).party_id, after=after)
    if door.as_json:
        output.print_json(found)
        return
    rows = [
        (t["transfer_id"], t["dataset_id"], t["giver_id"], *_lanes(t["units"]), when(t["expires"]))
        for t in found["items"]
    ]
    heads = ("transfer", "dataset", "giver", "hold", "use", "operate", "expires (UTC)")
    output.print_table(heads, rows)
    for offered in found["items"]:
        _print_kept(offered)
        output.note(f"transfer {offered['transfer_id']}: as of head {offered['head']}")
    output.note_more(found["next"])


def _print_kept(offered: dict[str, Any]) -> None:
    """Print the grants that stay with the title of a transfer."""
    count = f"{len(offered['grants'])}{' and more' if offered['grants_next'] else ''}"
    if offered["grants"]:
        output.note(f"{count} grants of dataset {offered['dataset_id']} stay with the title:")
        print_grants(offered["grants"])


def _note_lapsed(transfer: dict[str, Any]) -> None:
    number, units = transfer["transfer_id"], transfer["units"]
    kept = ", ".join(f"{count} of {right}" for right, count in units.items() if count)
    output.note(
        f"Transfer {number} lapsed at {when(transfer['expires'])} UTC and still reserves {kept}. "
        f"A transfer that needs them frees them; so does: provenance titles cancel {number}"
    )


def _lanes(units: dict[str, Any]) -> tuple[Any, ...]:
    return units["hold"], units["use"], units["operate"]
