"""``provenance policies``: import, show, list, export."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import output
from provenance.cli.door import (
    FOLDER_OR_FILE,
    ID,
    Door,
    door,
    read_file,
    read_json,
    signer_option,
    writing_door,
)
from provenance.identifiers import DatasetId, PolicyId

if TYPE_CHECKING:
    from provenance.ledger.policies import Proposal


@click.group()
def policies() -> None:
    """Terms of use that a program can decide."""


@policies.command("import")
@click.argument("file", type=FOLDER_OR_FILE, required=False)
@click.option("--license", "spdx_id", metavar="SPDX", help="Ready-made terms, such as CC-BY-4.0.")
@click.option("--profile", "profiles", multiple=True, metavar="IRI", help="A known ODRL profile.")
@click.option("--dry-run", is_flag=True, help="Show the terms, store nothing.")
@signer_option
@writing_door
def import_(
    door: Door,
    file: Path | None,
    spdx_id: str | None,
    profiles: tuple[str, ...],
    dry_run: bool,
    signer: str | None,
) -> None:
    r"""Store terms from an ODRL document, from JSON, or of a licence that is ready.

    \b
      provenance policies import offer.jsonld --dry-run
      provenance policies import terms.json
      provenance policies import --license CC-BY-4.0

    A list, or an object with a keyword such as "@context", is ODRL; whatever terms cannot hold
    is refused, with its place.
    """
    from provenance.ledger import policies as use

    if (file is None) == (spdx_id is None):
        raise click.UsageError("expected a file or --license, found both or neither")
    if file is None:
        proposal = use.of_license(spdx_id or "")
    else:
        proposal = _read(file, door.settings.max_document_bytes, profiles)
    if dry_run:
        use.require_storable(proposal, time.time())
        _show(door, proposal.to_json())
        return
    with door.ledger() as ledger:
        stored = use.store(ledger, signer or ledger.first_party, proposal)
        ledger.sync()
    _show(door, stored.to_json())


def _read(file: Path, max_bytes: int, profiles: tuple[str, ...]) -> "Proposal":
    from provenance.ledger import policies as use

    document = read_file(file, max_bytes)
    # JSON-LD that is expanded is a list, and has no context.
    if document.lstrip().startswith(b"["):
        return use.of_odrl(document, profiles)
    fields = read_json(file, max_bytes)
    if any(key.startswith("@") for key in fields):
        return use.of_odrl(document, profiles)
    return use.of_json(fields)


@policies.command()
@click.argument("policy_id", metavar="ID", type=ID)
@door
def show(door: Door, policy_id: int) -> None:
    r"""Show a policy.

    \b
      provenance policies show 1
    """
    from provenance.ledger import license_views

    with door.ledger() as ledger:
        found = license_views.policy(ledger, PolicyId(policy_id))
    _show(door, found)


@policies.command("list")
@click.option("--after", type=int, default=0, metavar="ID", help="Begin behind this one.")
@door
def list_(door: Door, after: int) -> None:
    r"""List policies.

    \b
      provenance policies list
    """
    from provenance.ledger import license_views

    with door.ledger() as ledger:
        found = license_views.all_policies(ledger, after=after)
    if door.as_json:
        output.print_json(found)
        return
    rows = [
        (p["policy_id"], p["spdx_id"], ",".join(p["terms"]["actions"]), p["terms"]["max_uses"])
        for p in found["items"]
    ]
    output.print_table(("policy", "licence", "actions", "uses"), rows)
    output.note_more(found["next"])


@policies.command()
@click.argument("policy_id", metavar="ID", type=ID)
@click.option("--dataset", "dataset_id", type=ID, help="What it is about, for ODRL's target.")
@click.option("--original", is_flag=True, help="The document that was imported, byte for byte.")
@door
def export(door: Door, policy_id: int, dataset_id: int | None, original: bool) -> None:
    r"""Print a policy as an ODRL document.

    \b
      provenance policies export 1 > policy.jsonld
      provenance policies export 1 --original
    """
    from provenance.ledger import license_views
    from provenance.ledger import policies as use

    with door.ledger() as ledger:
        if original:
            document = license_views.document_of(ledger, PolicyId(policy_id))
        else:
            about = DatasetId(dataset_id) if dataset_id else None
            document = use.export(ledger, PolicyId(policy_id), dataset_id=about)
            for remark in license_views.policy(ledger, PolicyId(policy_id))["remarks"] or ():
                output.note(remark)
    click.echo(document)  # bytes, since an original may be of anything


def _show(door: Door, found: dict[str, Any]) -> None:
    if door.as_json:
        output.print_json(found)
        return
    terms = dict(found["terms"])
    apart = ("terms", "remarks", "scope", "as_of")
    shown = {key: value for key, value in found.items() if key not in apart}
    output.print_receipt(False, shown)
    rows = [(name.replace("_", " "), _said(value)) for name, value in terms.items()]
    output.print_fields([(f"  {name}", value) for name, value in rows])
    for remark in found.get("remarks") or ():
        output.note(remark)


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return "no limit" if value is None else str(value)
