"""``provenance rows``: commit to the rows of a table, prove one of them there or absent, verify."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli import output
from provenance.cli.content import write_new
from provenance.cli.door import FOLDER_OR_FILE, ID, Door, door, read_file, read_json, words
from provenance.errors import InputError
from provenance.identifiers import DatasetId, parse_hex

if TYPE_CHECKING:
    from provenance.content.rows import RowsHeader
    from provenance.proofs.rows import RowAbsence, RowProof

_MAX_PROOF_BYTES = 1 << 26
_FORM = click.Choice(["parquet", "csv", "tsv"])


@click.group()
def rows() -> None:
    """Rows of Parquet and CSV tables: commit to them, prove one, verify a proof."""


@rows.command("commit")
@click.argument("file", type=FOLDER_OR_FILE)
@click.option("--key", help="Columns that tell rows apart, by commas; by default all.")
@click.option("--type", "types", multiple=True, metavar="COLUMN=TYPE", help="Of a CSV column.")
@click.option("--form", type=_FORM, help="By default what the end of the name says.")
@click.option("-o", "--output", "target", type=FOLDER_OR_FILE, required=True, help="New file.")
@door
def commit_(
    door: Door, file: Path, key: str | None, types: tuple[str, ...], form: str | None, target: Path
) -> None:
    r"""Commit to the rows of a table.

    \b
      provenance rows commit meters.parquet --key meter,day -o meters.rows
      provenance rows commit people.csv --key id --type id=int64 -o people.rows

    Writes FILE, which may be shown, and FILE.secret. Keep the secret: proofs are made with it, and
    with it values can be guessed.
    """
    from provenance.content import row_secrets

    schema = dict(_pair(text) for text in types)
    made = row_secrets.read(file, words(key), form=form, schema=schema)
    write_new(target, [made.public.document], 0o644)
    secret = Path(f"{target}.secret")
    write_new(secret, [row_secrets.write(made)], 0o600)
    _print(
        door,
        {
            "root": made.public.root.hex(),
            "rows": made.public.count,
            "columns": len(made.public.header.columns),
            "key": list(made.public.header.key),
            "output": str(target),
            "secret": str(secret),
        },
    )


@rows.command()
@click.argument("file", type=FOLDER_OR_FILE)
@click.option("--secret", type=FOLDER_OR_FILE, required=True, help="The sidecar of the table.")
@click.option("--row", type=int, help="Number of a row in the file, from 0.")
@click.option("--where", "wheres", multiple=True, metavar="COLUMN=VALUE", help="Of the key.")
@click.option("--absent", is_flag=True, help="Prove that no row has this key.")
@click.option("--form", type=_FORM, help="By default what the end of the name says.")
@click.option("-o", "--output", "target", type=FOLDER_OR_FILE, help="New file.")
@door
def prove(
    door: Door,
    file: Path,
    secret: Path,
    row: int | None,
    wheres: tuple[str, ...],
    absent: bool,
    form: str | None,
    target: Path | None,
) -> None:
    r"""Prove that a row is in a table, or that no row has a key; reads the whole table once.

    \b
      provenance rows prove people.csv --secret people.rows.secret --where id=7 -o seven.json
      provenance rows prove people.csv --secret people.rows.secret --where id=8 --absent
      provenance rows prove log.csv --secret log.rows.secret --row 0

    COLUMN alone, without =, means null. The first of several equal rows is shown.
    """
    from provenance.content import row_secrets

    if (row is None) == (not wheres) or (absent and not wheres):
        raise InputError("expected --row, or --where with or without --absent")
    sidecar = read_file(secret, row_secrets.MAX_BYTES)
    proof = _proven(file, sidecar, row, wheres, absent, form)
    text = json.dumps(proof.to_json(), indent=2, ensure_ascii=False) + "\n"
    if target is None:
        click.echo(text, nl=False)
        return
    write_new(target, [text.encode()], 0o644)
    _print(door, {"root": proof.root.hex(), "rows": proof.count, "output": str(target)})


@rows.command()
@click.argument("proof", type=FOLDER_OR_FILE)
@click.option("--root", metavar="HEX", help="Compare with this root of rows alone.")
@click.option("--dataset", "dataset_id", type=ID, help="Compare with a version of this dataset.")
@click.option("--version", type=ID, help="By default the latest.")
@door
def verify(
    door: Door, proof: Path, root: str | None, dataset_id: int | None, version: int | None
) -> int:
    r"""Check the proof of a row, and show what it proves.

    \b
      provenance rows verify seven.json --dataset 1 --version 2
      provenance rows verify seven.json --root 5f2b…

    Exit code 0: passed. 1: false. 2: neither --dataset nor --root says what root to believe.
    """
    from provenance.ledger import datasets
    from provenance.ledger import rows as use
    from provenance.proofs import rows as proofs

    found = proofs.parse(read_json(proof, _MAX_PROOF_BYTES))
    if dataset_id is not None:
        with door.ledger() as ledger:
            number = version or datasets.latest_version(ledger, DatasetId(dataset_id))
            checked = use.verify(ledger, found, DatasetId(dataset_id), number)
    else:
        believed = parse_hex(root, 32) if root is not None else found.root
        finding = proofs.verify(found, believed)
        checked = use.RowVerification(finding, believed, is_trusted=root is not None)
    fields = checked.to_json()
    if door.as_json:
        output.print_json(fields)
    else:
        _print_verdict(fields)
    return 0 if fields["verdict"] == "passed" else 2


def _proven(
    file: Path,
    sidecar: bytes,
    row: int | None,
    wheres: tuple[str, ...],
    absent: bool,
    form: str | None,
) -> "RowProof | RowAbsence":
    from provenance.content import row_secrets
    from provenance.content.cells import join_cells
    from provenance.content.rows import order_key, tag_of
    from provenance.errors import NotFoundError
    from provenance.proofs import rows as proofs

    if row is not None:
        made = row_secrets.read_again(
            file, sidecar, form=form, keep=lambda number, tag: number == row
        )
    else:
        public, secret = row_secrets.parse(sidecar)
        key = _key_values(public.header, wheres)
        wanted = tag_of(order_key(secret), join_cells(key))
        made = row_secrets.read_again(
            file, sidecar, form=form, keep=lambda number, tag: tag == wanted
        )
        if absent:
            return proofs.prove_absence(made, key)
    if not made.opened:
        raise NotFoundError("row", row if row is not None else ", ".join(map(ascii, wheres)))
    return proofs.prove(made, made.opened[:1])[0]


def _key_values(header: "RowsHeader", wheres: tuple[str, ...]) -> list[bytes | None]:
    """Return the values of the key's columns, in their order."""
    from provenance.content.cells import value_of_text

    given = {text.partition("=")[0]: text for text in wheres}
    columns = [header.columns[at] for at in header.key_positions()]
    names = [column.name for column in columns]
    if sorted(given) != sorted(names) or len(given) < len(wheres):
        raise InputError(f"expected --where for each of {', '.join(names)[:200]!a}")
    values: list[bytes | None] = []
    for column in columns:
        _, equals, text = given[column.name].partition("=")
        values.append(value_of_text(column.kind, text) if equals else None)
    return values


def _pair(text: str) -> tuple[str, str]:
    name, equals, kind = text.rpartition("=")
    if not equals:
        raise InputError(f"expected COLUMN=TYPE, found {text[:80]!a}")
    return name, kind


def _print(door: Door, fields: dict[str, object]) -> None:
    if door.as_json:
        output.print_json(fields)
    else:
        output.print_fields(
            (name, ", ".join(value) if isinstance(value, list) else value)
            for name, value in fields.items()
        )


def _place(fields: dict[str, object]) -> str:
    """Return in which table of which version: of its other tables a proof says nothing."""
    path = fields["path"]
    if path is None:
        return ""
    table = "" if path == "." else f" in {output.shown(str(path))}"
    return f"{table} of version {fields['version']} of dataset {fields['dataset_id']}"


def _print_verdict(fields: dict[str, object]) -> None:
    values = fields["values"]
    assert isinstance(values, dict)
    what = "a row" if fields["present"] else "no row"
    click.echo(f"{fields['verdict']}: {what}{_place(fields)} with")
    shown = {name: "null" if value is None else repr(value) for name, value in values.items()}
    output.print_fields((f"  {output.shown(name)}", value) for name, value in shown.items())
    unchecked = fields["not_checked"]
    assert isinstance(unchecked, list)
    for each in unchecked:
        click.echo(f"  ? not checked: {each}")
