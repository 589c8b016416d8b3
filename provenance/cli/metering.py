"""``provenance grants meter | report | audit``: receipts of use, kept, reported and compared."""

from pathlib import Path

import click

from provenance.cli import output
from provenance.cli.door import (
    FOLDER_OR_FILE,
    ID,
    Acting,
    Door,
    acting_options,
    door,
    words,
    writing_door,
)
from provenance.identifiers import GrantId, parse_hex

_RECEIPTS = click.option(
    "--receipts", type=FOLDER_OR_FILE, required=True, help="The file of receipts."
)


@click.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@_RECEIPTS
@click.option("--action", required=True, help="What was done.")
@click.option("--purpose", default="", help="What for, by commas.")
@click.option("--result", metavar="HEX", help="SHA-256 root of what came out.")
@door
def meter(
    door: Door, grant_id: int, receipts: Path, action: str, purpose: str, result: str | None
) -> None:
    r"""Write the next receipt of use, as a gateway does for each use.

    \b
      provenance grants meter 1 --receipts uses.jsonl --action compute --purpose rd_test
    """
    from provenance.ledger import metering

    root = parse_hex(result, 32) if result else None
    with door.ledger() as ledger:
        header = metering.header_for(ledger, GrantId(grant_id))
        first = metering.first_for(ledger, GrantId(grant_id))
    found = metering.append(receipts, header, action, words(purpose), root, first=first)
    shown = {"grant_id": grant_id, "sequence": found.sequence, "at": found.at}
    output.print_receipt(door.as_json, shown)


@click.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@_RECEIPTS
@acting_options("Its grantee.")
@writing_door
def report(door: Door, grant_id: int, receipts: Path, acting: Acting) -> None:
    r"""Report all receipts that the ledger has not counted, in one batch.

    \b
      provenance grants report 1 --receipts uses.jsonl --as bank
    """
    from provenance.ledger import metering

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        grant = GrantId(grant_id)
        found = metering.report(ledger, who, grant, receipts, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@click.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@click.option(
    "--receipts",
    type=FOLDER_OR_FILE,
    required=True,
    multiple=True,
    help="The file of receipts; of a grant that passed on, those of its grantees in turn.",
)
@door
def audit(door: Door, grant_id: int, receipts: tuple[Path, ...]) -> int:
    r"""Compare receipts with the ledger: gaps, altered batches, over-use, other terms.

    \b
      provenance grants audit 1 --receipts uses.jsonl
      provenance grants audit 1 --receipts old.jsonl --receipts new.jsonl
    """
    from provenance.ledger import metering_audit

    with door.ledger() as ledger:
        found = metering_audit.audit(ledger, GrantId(grant_id), *receipts)
    if door.as_json:
        output.print_json(found.to_json())
    else:
        output.print_fields([("receipts", found.receipts), ("reported", found.reported)])
        rows = [(f.kind, f.first, f.last, f.detail) for f in found.findings]
        if rows:
            output.print_table(("finding", "from", "to", "detail"), rows)
    return 1 if found.findings else 0
