"""``provenance datasets``: register, publish, show, list, find, withdraw, deregister."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import measuring, output
from provenance.cli.door import (
    BLOCK,
    FOLDER_OR_FILE,
    ID,
    Acting,
    Door,
    acting_options,
    door,
    read_file,
    read_json,
    words,
    writing_door,
)
from provenance.cli.interchange import export, import_
from provenance.cli.measuring import TARGET, Target, reading_options
from provenance.errors import InputError
from provenance.identifiers import DatasetId, parse_hex

if TYPE_CHECKING:
    from provenance.content.manifest import Manifest, Measurement
    from provenance.ledger.datasets import Registration
    from provenance.ledger.opening import Ledger
    from provenance.ledger.vocabulary import Classification


@click.group()
def datasets() -> None:
    """Register, publish, show and find datasets."""


datasets.add_command(export)
datasets.add_command(import_)


@datasets.command()
@click.argument("path", type=TARGET)
@click.option("--title", required=True, help="A name for people.")
@acting_options()
@click.option("--metadata", type=FOLDER_OR_FILE, help="A JSON file that describes the data.")
@click.option("--source", type=FOLDER_OR_FILE, help="A document that says where the data is from.")
@click.option("--digest", default="sha256", help="sha256, blake3, sm3: one, or several by commas.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave these out; repeatable.")
@click.option("--source-kind", default="enterprise", help="public, enterprise or personal.")
@click.option("--form", default="resource", help="raw, resource or product.")
@click.option("--level", default="general", help="general or important (GB/T 43697).")
@click.option("--pi", default="none", help="Personal information: none, personal or sensitive.")
@click.option("--open-class", default="none", help="Public data: open, conditional or closed.")
@click.option("--country", default="CN", help="Where the data is from, two letters.")
@click.option("--sectors", type=int, default=1, help="Bits of sectors.")
@click.option("--commit-first", is_flag=True, help="Commit to the root in a block before.")
@reading_options
@click.option(
    "--private",
    "secret",
    type=FOLDER_OR_FILE,
    metavar="FILE",
    help="Salt every entry; write the salts to this new file, and keep it.",
)
@click.option("--rows", is_flag=True, help="Commit to the rows of its Parquet and CSV files too.")
@click.option("--rows-key", help="Columns that tell rows apart, by commas; by default all.")
@writing_door
def register(
    door: Door,
    path: Target,
    title: str,
    acting: Acting,
    metadata: Path | None,
    source: Path | None,
    digest: str,
    ignore: tuple[str, ...],
    commit_first: bool,
    full: bool,
    dask: str | None,
    secret: Path | None,
    rows: bool,
    rows_key: str | None,
    **classification: Any,
) -> None:
    r"""Register a folder, file or URL as a new dataset.

    \b
      provenance datasets register data/ --title "Meter readings 2025"
      provenance datasets register data/ --title T --metadata about.json --digest sha256,sm3
      provenance datasets register data.parquet --title T --commit-first
      provenance datasets register s3://bucket/prefix/ --title T
      provenance datasets register data/ --title T --rows --rows-key id
      provenance datasets register patients/ --title T --private patients.secret

    With --rows the secrets that prove rows are kept in the home, under rows/.
    Without --source the statement of origin says that the registrant declares it by itself.
    """
    from provenance.ledger import datasets as use

    limit = door.settings.max_document_bytes
    described = read_json(metadata, limit) if metadata else {}
    statement = read_file(source, limit) if source else None
    measured = _hashed(door, path, words(digest), ignore, full, dask, secret)
    made = measured.manifest
    with door.ledger() as ledger:
        if rows or rows_key:
            folder = measuring.require_path(path)
            described = _with_rows(ledger, folder, made, words(rows_key), described)
        who, principal = acting.resolve(ledger)
        registrant = principal or ledger.party_of_signer(who)
        earlier = use.registered_by(ledger, registrant, made.root)
        found = use.register(
            ledger,
            who,
            made,
            title,
            metadata=described,
            source=statement,
            classification=_classified(classification),
            commit_first=commit_first,
            on_behalf_of=principal,
        )
        ledger.sync()
    _print_registration(door, found, measured, earlier)


@datasets.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.argument("path", type=TARGET)
@acting_options()
@click.option("--title", help="A title, if it changed.")
@click.option("--metadata", type=FOLDER_OR_FILE, help="A JSON file that describes the version.")
@click.option("--version", type=int, help="Refuse if the next version is not this one.")
@click.option("--digest", default="sha256", help="sha256, blake3, sm3: one, or several by commas.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave these out; repeatable.")
@reading_options
@writing_door
def publish(
    door: Door,
    dataset_id: int,
    path: Target,
    acting: Acting,
    title: str | None,
    metadata: Path | None,
    version: int | None,
    digest: str,
    ignore: tuple[str, ...],
    full: bool,
    dask: str | None,
) -> None:
    r"""Publish the next version of a dataset.

    \b
      provenance datasets publish 1 data-2026/
    """
    from provenance.ledger import datasets as use

    described = read_json(metadata, door.settings.max_document_bytes) if metadata else None
    measured = _hashed(door, path, words(digest), ignore, full, dask)
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.publish(
            ledger,
            who,
            DatasetId(dataset_id),
            measured.manifest,
            version=version,
            title=title,
            metadata=described,
            on_behalf_of=principal,
        )
        ledger.sync()
    _print_registration(door, found, measured, ())


@datasets.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.argument("version", metavar="VERSION", type=ID)
@click.option("--reason", required=True, help="Why; stored as a document, its hash on the ledger.")
@acting_options()
@writing_door
def withdraw(door: Door, dataset_id: int, version: int, reason: str, acting: Acting) -> None:
    r"""Mark a version as withdrawn: it stays readable, nobody should start to use it.

    \b
      provenance datasets withdraw 1 2 --reason "wrong time zone in part 3"
    """
    from provenance.ledger import datasets as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        wrong = (DatasetId(dataset_id), version, reason.encode())
        found = use.withdraw_version(ledger, who, *wrong, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@datasets.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.option("--reason", required=True, help="Why; stored as a document, its hash on the ledger.")
@acting_options()
@writing_door
def deregister(door: Door, dataset_id: int, reason: str, acting: Acting) -> None:
    r"""End a dataset: no version is published, no title moves any more.

    \b
      provenance datasets deregister 1 --reason "replaced by dataset 2"
    """
    from provenance.ledger import datasets as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        ended = (DatasetId(dataset_id), reason.encode())
        found = use.deregister(ledger, who, *ended, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@datasets.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def show(door: Door, dataset_id: int, as_of: int | None) -> None:
    r"""Show a dataset with its versions, holders and holds.

    \b
      provenance datasets show 1
    """
    from provenance.ledger import views

    with door.ledger() as ledger:
        found = views.dataset(ledger, DatasetId(dataset_id), as_of=as_of)
    if door.as_json:
        output.print_json(found)
        return
    output.print_fields(
        (name, value)
        for name, value in found.items()
        if not isinstance(value, dict | list) and value is not None
    )
    heads = ("version", "status", "published", "root")
    rows = [
        (v["version"], v["status"], when(v["published"]["timestamp"]), v["root"])
        for v in found["versions"]
    ]
    click.echo()
    output.print_table(heads, rows)
    for hold in found["holds"]:
        output.note(f"hold {hold['hold_id']} ({hold['kind']}) stands on this dataset")


@datasets.command("list")
@click.option("--after", type=int, default=0, help="Start behind this id.")
@click.option("--limit", type=int, default=50, show_default=True, help="At most so many.")
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def list_(door: Door, after: int, limit: int, as_of: int | None) -> None:
    r"""List datasets by id.

    \b
      provenance datasets list
      provenance datasets list --after 50
    """
    from provenance.ledger import views

    with door.ledger() as ledger:
        found = views.datasets(ledger, after=after, limit=limit, as_of=as_of)
    _print_datasets(door, found)


@datasets.command()
@click.option("--digest", required=True, metavar="HEX", help="Root, or SHA-256 of a manifest.")
@door
def find(door: Door, digest: str) -> None:
    r"""Find the versions that have a content, by root or manifest hash.

    \b
      provenance datasets find --digest 3c1b9b68…
    """
    from provenance.ledger import views

    wanted = parse_hex(digest, 32)
    with door.ledger() as ledger:
        found = views.find_digest(ledger, wanted)
    if door.as_json:
        output.print_json(found)
        return
    output.print_table(
        ("dataset", "version", "party", "precedence", "first"),
        [
            (c["dataset_id"], c["version"], c["claimant_id"], c["precedence"], c["is_first"])
            for c in found["items"]
        ],
    )


def when(timestamp: int) -> str:
    """Return Unix seconds as people read them, in UTC."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _print_datasets(door: Door, found: dict[str, Any]) -> None:
    if door.as_json:
        output.print_json(found)
        return
    rows = [
        (d["dataset_id"], d["version"], d["status"], d["title"], d["root"]) for d in found["items"]
    ]
    output.print_table(("dataset", "version", "status", "title", "root"), rows)
    output.note_more(found["next"])


def _classified(given: Mapping[str, Any]) -> "Classification":
    """Return what the options of a registration declare about the data."""
    from provenance.ledger.vocabulary import Classification

    return Classification.of_words(
        source_kind=given["source_kind"],
        form=given["form"],
        level=given["level"],
        pi_kind=given["pi"],
        open_class=given["open_class"],
        origin_country=given["country"],
        sectors=given["sectors"],
    )


def _hashed(
    door: Door,
    path: Target,
    algorithms: tuple[str, ...],
    ignore: tuple[str, ...],
    full: bool,
    dask: str | None,
    secret: Path | None = None,
) -> "Measurement":
    """Measure a path or URL; salted, with the salts written to a new file, if that has a place."""
    from provenance.cli.content import write_new
    from provenance.content.entry import Header

    header = Header.of(algorithms, ignore, secret is not None)
    found = measuring.measured(path, header, full=full, dask=dask, home=door.settings.home)
    if secret is not None:
        write_new(secret, found.manifest.secret_chunks(), 0o600)
    return found


def _with_rows(
    ledger: "Ledger", path: Path, made: "Manifest", key: tuple[str, ...], metadata: dict[str, Any]
) -> dict[str, Any]:
    """Commit to the rows of the tables of a manifest; return metadata that names them."""
    if made.header.private:
        raise InputError("expected --rows or --private, found both: metadata would name the files")
    from provenance.content import row_secrets
    from provenance.ledger import rows as use

    tables = {}
    for place, table in use.tables_in(path, made).items():
        found = row_secrets.read(table, key)
        secret = use.keep_secret(ledger, found)
        output.note(f"{place}: {found.public.count} rows, secret in {secret}")
        tables[place] = found.public
    return use.bind(ledger, metadata, tables)


def _print_registration(
    door: Door, found: "Registration", measured: "Measurement", earlier: tuple[DatasetId, ...]
) -> None:
    files, counts = measured.manifest.count, measuring.report(measured)
    if door.as_json:
        extra = {"files": files, "registered_before": list(earlier), **counts}
        output.print_json({**found.to_json(), **extra})
        return
    block = found.receipt.block
    output.print_fields(
        (
            ("dataset", found.dataset_id),
            ("version", found.version),
            ("files", files),
            *measuring.report_fields(counts),
            ("root", found.root.hex()),
            ("party", found.party_id),
            ("block", f"{block.number}, {when(block.timestamp)} UTC, {found.receipt.finality}"),
            ("name", found.urn),
        )
    )
    if found.contested:
        output.note(
            f"Contested: dataset {found.contested.earlier} claimed this content before; hold "
            f"{found.contested.hold_id} stands until its holder concedes or an arbiter decides "
            "(provenance contests)."
        )
    if earlier:
        shown = ", ".join(map(str, earlier))
        output.note(f"You have registered this content before, as dataset {shown}.")
