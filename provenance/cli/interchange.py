"""``datasets export`` and ``import``, ``lineage verify``: the formats of others, out and in."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import output
from provenance.cli.door import (
    BLOCK,
    FOLDER_OR_FILE,
    ID,
    Door,
    door,
    read_file,
    signer_option,
    writing_door,
)
from provenance.identifiers import DatasetId

if TYPE_CHECKING:
    from provenance.interchange.croissant import Imported

# Kept here, so that help imports nothing; a test compares them with the library's.
FORMS = ("prov-json", "prov-n", "prov-jsonld", "croissant", "dcat")
MAX_BYTES = 1 << 26


@click.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.option("--version", type=ID, help="By default the latest.")
@click.option("--format", "form", type=click.Choice(FORMS), required=True, help="Which format.")
@click.option("--depth", type=int, help="PROV: most derivations back.")
@click.option("--url", help="Croissant, DCAT: where more about the version is found.")
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@click.option(
    "-o", "--output", "target", type=FOLDER_OR_FILE, help="A new file; by default standard output."
)
@door
def export(
    door: Door,
    dataset_id: int,
    version: int | None,
    form: str,
    depth: int | None,
    url: str | None,
    as_of: int | None,
    target: Path | None,
) -> None:
    r"""Write a version in a format of others: PROV, Croissant or DCAT 3.

    \b
      provenance datasets export 1 --format croissant -o data/croissant.json
      provenance datasets export 3 --version 2 --format prov-n
      provenance datasets export 3 --format dcat --url https://example.org/datasets/3

    PROV has all that the version comes from, with the activities between.
    """
    from provenance.cli.content import write_new
    from provenance.index.derivations import Bounds
    from provenance.ledger import interchange

    with door.ledger() as ledger:
        found = interchange.export(
            ledger,
            DatasetId(dataset_id),
            version,
            form,
            bounds=Bounds(depth=depth) if depth is not None else None,
            url=url,
            as_of=as_of,
        )
    if target is None:
        click.echo(found.content.decode())
        return
    write_new(target, (found.content,), 0o644)
    written = {
        "format": form,
        "media_type": found.media_type,
        "bytes": len(found.content),
        "output": str(target),
    }
    if door.as_json:
        output.print_json(written)
    else:
        output.print_fields(written.items())


@click.command("import")
@click.argument("file", metavar="FILE", type=FOLDER_OR_FILE)
@click.argument("path", metavar="[DATA]", type=FOLDER_OR_FILE, required=False)
@click.option("--title", help="A title in the place of the declared one.")
@signer_option
@writing_door
def import_(
    door: Door, file: Path, path: Path | None, title: str | None, signer: str | None
) -> None:
    r"""Read a Croissant description: what it declares, and with DATA register it.

    \b
      provenance datasets import croissant.json
      provenance datasets import croissant.json data/

    What is declared is not measured. With DATA every file is read whole and compared; only if all
    are as declared, the dataset is registered, and the description kept beside it.
    """
    from provenance.interchange import croissant
    from provenance.ledger import declarations

    document = read_file(file, MAX_BYTES)
    if path is None:
        _print_declared(door, croissant.read(document))
        return
    with door.ledger() as ledger, output.byte_progress("hashing") as progress:
        taken = declarations.register_described(
            ledger, signer or ledger.first_party, document, path, title=title, progress=progress
        )
        ledger.sync()
    registration = taken.registration
    if door.as_json:
        output.print_json({**registration.to_json(), "same_root": taken.same_root})
        return
    output.print_fields(
        (
            ("dataset", registration.dataset_id),
            ("version", registration.version),
            ("root", registration.root.hex()),
            ("description", taken.declared.sha256.hex()),
            ("name", registration.urn),
        )
    )
    if taken.same_root is False:
        output.note("The description names another root: its manifest had another header.")


@click.command()
@click.argument("file", metavar="FILE", type=FOLDER_OR_FILE)
@door
def verify(door: Door, file: Path) -> int:
    r"""Compare a PROV-JSON document with the ledger.

    \b
      provenance lineage verify lineage.prov.json

    Exit code 0: the ledger says the same. 1: something is otherwise, or of another ledger; it is
    named. 2: the document says what no ledger can say.
    """
    from provenance.ledger import interchange

    document = read_file(file, MAX_BYTES)
    with door.ledger() as ledger:
        found = interchange.compare(ledger, document)
    if door.as_json:
        output.print_json(found.to_json())
    else:
        graph = found.graph
        output.print_fields(
            (
                ("activities", len(graph.activities)),
                ("versions", len(graph.versions)),
                ("as of block", found.as_of.block_number),
                ("agrees", "yes" if not found.other else "no"),
            )
        )
    for name in found.other:
        output.note(f"The ledger does not say this of {name}")
    return 1 if found.other else 0


def _print_declared(door: Door, found: "Imported") -> None:
    files = found.declaration.files if found.declaration else ()
    if door.as_json:
        output.print_json({**_declared(found), "status": "declared, not measured"})
        return
    output.print_fields((name, _shown(value)) for name, value in found.metadata.items())
    click.echo()
    rows: list[tuple[object, ...]] = [
        (file.path, file.size, next(iter(file.digests.values())).hex()) for file in files
    ]
    rows += [(path, None, None) for path in found.without_digest]
    output.print_table(("path", "bytes", "digest"), rows)
    output.note("Declared, not measured: give DATA to compare, and to register what is there.")


def _declared(found: "Imported") -> dict[str, Any]:
    files = found.declaration.files if found.declaration else ()
    return {
        "sha256": found.sha256.hex(),
        "root": found.root and found.root.hex(),
        "metadata": found.metadata,
        "files": [
            {
                "path": file.path,
                "size": file.size,
                "digests": {name: digest.hex() for name, digest in file.digests.items()},
            }
            for file in files
        ],
        "without_digest": list(found.without_digest),
    }


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)
