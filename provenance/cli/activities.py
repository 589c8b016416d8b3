"""``provenance lineage derive``, ``record``, ``supersede``: say what was done with data."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli import measuring, output
from provenance.cli.door import (
    FOLDER_OR_FILE,
    ID,
    Acting,
    Door,
    acting_options,
    moment_s,
    read_file,
    read_json,
    words,
    writing_door,
)
from provenance.cli.rights import CONTEXT_OPTIONS
from provenance.identifiers import DatasetId

if TYPE_CHECKING:
    from provenance.ledger.deeds import Deed
    from provenance.lineage.records import Input

_Command = TypeVar("_Command", bound=Callable[..., Any])

_KINDS = "clean, transform, join, anonymize, train, infer, secure_compute, apply, delete or collect"
_OPTIONS = (
    click.option("--kind", required=True, metavar="KIND", help=f"One of {_KINDS}."),
    click.option(
        "--from",
        "inputs",
        multiple=True,
        metavar="ID:VERSION[:GRANT]",
        help="What was used, and under which grant; without one, by title. Repeatable.",
    ),
    click.option("--code", type=FOLDER_OR_FILE, help="The code that ran; its hash is recorded."),
    click.option("--parameters", type=FOLDER_OR_FILE, help="A file with its parameters."),
    click.option("--environment", type=FOLDER_OR_FILE, help="A file that describes where it ran."),
    click.option("--started", metavar="TIME", help="2027-01-31, or a Unix second; now by default."),
    click.option("--ended", metavar="TIME", help="The same."),
    *CONTEXT_OPTIONS,
)


def _deed_options(function: _Command) -> _Command:
    """Add the options that describe what was done."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _deed(door: Door, given: dict[str, Any]) -> "tuple[Deed, list[Input]]":
    """Return what these options describe.

    Raises:
        InputError: an unknown word, a malformed input, or a file that cannot be read.
    """
    from provenance.ledger.deeds import Deed, digest_of, parse_input

    limit = door.settings.max_document_bytes
    hashes = {
        name: digest_of(read_file(given[name], limit)) if given[name] else None
        for name in ("code", "parameters", "environment")
    }
    deed = Deed.of_words(
        given["kind"],
        started_at=moment_s(given["started"]) if given["started"] else None,
        ended_at=moment_s(given["ended"]) if given["ended"] else None,
        code_hash=hashes["code"],
        parameters_hash=hashes["parameters"],
        environment_hash=hashes["environment"],
        purpose=words(given["purpose"]),
        industry=words(given["industry"]),
        mode=words(given["mode"]),
        country=given["country"],
        security_grade=given["grade"],
    )
    return deed, [parse_input(text) for text in given["inputs"]]


@click.command()
@click.argument("path", type=FOLDER_OR_FILE)
@_deed_options
@click.option("--dataset", "dataset_id", type=ID, help="The next version of this one; else new.")
@click.option("--title", help="A name for people; needed for a new dataset.")
@click.option("--metadata", type=FOLDER_OR_FILE, help="A JSON file that describes the data.")
@click.option("--source", type=FOLDER_OR_FILE, help="A document that says where the data is from.")
@click.option("--digest", default="sha256", help="sha256, blake3, sm3: one, or several by commas.")
@click.option("--form", default="resource", help="raw, resource or product.")
@click.option("--level", default="general", help="general or important (GB/T 43697).")
@click.option("--pi", default="none", help="Personal information: none, personal or sensitive.")
@acting_options()
@writing_door
def derive(
    door: Door,
    path: Path,
    dataset_id: int | None,
    title: str | None,
    metadata: Path | None,
    source: Path | None,
    digest: str,
    acting: Acting,
    **given: Any,
) -> None:
    r"""Record what came out of an activity, and what it was made from.

    \b
      provenance lineage derive joined/ --kind join --from 1:1 --from 2:3:7 --title "Joined"
      provenance lineage derive data/ --kind collect --title "Meter readings"

    The output may do no more than its inputs allow: that is its ceiling.
    """
    from provenance.content import manifest as manifests
    from provenance.ledger import lineage as use
    from provenance.ledger.vocabulary import Classification

    limit = door.settings.max_document_bytes
    declared = Classification.of_words(
        form=given["form"], level=given["level"], pi_kind=given["pi"]
    )
    deed, inputs = _deed(door, given)
    measuring.require_no_home(path, door.settings.home)
    with output.byte_progress("hashing") as progress:
        made = manifests.build(path, algorithms=words(digest), progress=progress)
    product = use.Product(
        made,
        dataset_id=DatasetId(dataset_id) if dataset_id else None,
        title=title,
        metadata=read_json(metadata, limit) if metadata else {},
        source=read_file(source, limit) if source else None,
        classification=declared,
    )
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.derive(ledger, who, deed, inputs, product, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@click.command()
@_deed_options
@click.option("--of", "collected", metavar="ID:VERSION", help="For collect: what was collected.")
@acting_options()
@writing_door
def record(door: Door, collected: str | None, acting: Acting, **given: Any) -> None:
    r"""Record an activity without an output, or that a version was collected.

    \b
      provenance lineage record --kind collect --of 1:1
      provenance lineage record --kind apply --from 3:1:2 --mode api --purpose rd_test --industry C
    """
    from provenance.ledger import lineage as use
    from provenance.ledger.deeds import parse_input

    deed, inputs = _deed(door, given)
    origin = parse_input(collected).source if collected else None
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.record(ledger, who, deed, inputs, collected=origin, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@click.command()
@click.argument("activity_id", metavar="ACTIVITY", type=ID)
@_deed_options
@click.option("--reason", required=True, help="Why; stored as a document, its hash on the ledger.")
@acting_options()
@writing_door
def supersede(door: Door, activity_id: int, reason: str, acting: Acting, **given: Any) -> None:
    r"""Correct an activity: say again what was done. The old one stays, marked.

    \b
      provenance lineage supersede 4 --kind transform --from 1:1 --reason "2 was never read"
    """
    from provenance.ledger import lineage as use
    from provenance.lineage.records import ActivityId

    deed, inputs = _deed(door, given)
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        wrong = ActivityId(activity_id)
        found = use.supersede(
            *(ledger, who, wrong, deed, inputs, reason.encode()), on_behalf_of=principal
        )
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())
