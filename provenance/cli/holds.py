"""``provenance holds``: place, lift, list."""

import click

from provenance.cli import output
from provenance.cli.door import ID, Door, door, moment_s, signer_option, writing_door
from provenance.identifiers import HoldId

_SUBJECT = click.argument("subject", metavar="KIND:ID")


@click.group()
def holds() -> None:
    """What supervisors stop; reading is never stopped, and nothing is rewritten."""


@holds.command()
@_SUBJECT
@click.option("--kind", required=True, metavar="WORD", help="freeze, rectify or recall.")
@click.option(
    "--scope",
    required=True,
    multiple=True,
    metavar="ACT",
    help="An act that is stopped, such as grant, use or export; repeat it for more.",
)
@click.option("--case", required=True, help="Why; stored as a document, its hash on the ledger.")
@click.option("--until", "ends", metavar="TIME", help="2027-01-31, 90d, or a Unix second.")
@signer_option
@writing_door
def place(
    door: Door,
    subject: str,
    kind: str,
    scope: tuple[str, ...],
    case: str,
    ends: str | None,
    signer: str | None,
) -> None:
    r"""Stop acts on a dataset, a grant or a party, as its regulator.

    \b
      provenance holds place dataset:1 --kind freeze --scope use --scope grant \
        --case "leak of 3 May" --as regulator
    """
    from provenance.ledger import holds as use

    target = use.parse_target(subject)
    until = moment_s(ends) if ends else None
    with door.ledger() as ledger:
        who = signer or ledger.first_party
        found = use.place(ledger, who, target, kind, scope, case.encode(), until=until)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@holds.command()
@click.argument("hold_id", metavar="HOLD", type=ID)
@click.option("--reason", required=True, help="Why; stored as a document, its hash on the ledger.")
@signer_option
@writing_door
def lift(door: Door, hold_id: int, reason: str, signer: str | None) -> None:
    r"""Let go on what a hold stopped, as who placed it, who gives its role, or an arbiter.

    \b
      provenance holds lift 1 --reason "rectified" --as regulator
    """
    from provenance.ledger import holds as use

    with door.ledger() as ledger:
        who = signer or ledger.first_party
        found = use.lift(ledger, who, HoldId(hold_id), reason.encode())
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@holds.command("list")
@_SUBJECT
@click.option("--after", type=int, default=0, metavar="ID", help="Begin behind this one.")
@door
def list_(door: Door, subject: str, after: int) -> None:
    r"""List the holds on something, those that ended included.

    \b
      provenance holds list dataset:1
    """
    from provenance.ledger import holds as use

    with door.ledger() as ledger:
        found = use.list_page(ledger, use.parse_target(subject), after=after)
    if door.as_json:
        output.print_json(found)
        return
    rows = [
        (
            *(h["hold_id"], h["kind"], ", ".join(h["scope"]), h["status"]),
            *(h["ordered_by"], h["released_by"]),
        )
        for h in found["items"]
    ]
    output.print_table(("hold", "kind", "stops", "status", "ordered by", "lifted by"), rows)
    output.note_more(found["next"])
