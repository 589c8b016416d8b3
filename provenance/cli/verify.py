"""``provenance verify``: bytes in hand against the ledger."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from provenance.cli import measuring, output
from provenance.cli.door import FOLDER_OR_FILE, ID, Door, door
from provenance.cli.measuring import TARGET, Builder, Target, reading_options
from provenance.identifiers import DatasetId

PASSED, FAILED, NOT_CHECKED = 0, 1, 2
_EXIT_CODES = {"passed": PASSED, "failed": FAILED, "not_checked": NOT_CHECKED}
_MARKS = {"passed": "✓", "failed": "✗", "not_checked": "?"}


@click.command()
@click.argument("path", type=TARGET)
@click.option("--dataset", "dataset_id", type=ID, help="Compare with this dataset.")
@click.option("--version", type=ID, help="Its version; the latest by default.")
@click.option("--secret", type=FOLDER_OR_FILE, help="Secret document of a private version.")
@reading_options
@door
def verify(
    door: Door,
    path: Target,
    dataset_id: int | None,
    version: int | None,
    secret: Path | None,
    full: bool,
    dask: str | None,
) -> int:
    r"""Check a folder, file or URL against the ledger.

    \b
      provenance verify data/
      provenance verify data/ --dataset 1
      provenance verify data/ --dataset 1 --version 2 --json
      provenance verify data/ --full
      provenance verify s3://bucket/prefix/ --dataset 1
      provenance verify data/ --dataset 3 --secret data.secret

    Without --dataset the version is recognised by its content. What a private version holds is in
    its secret document only; entries that were erased from that cannot be compared.

    A file that did not change since this user hashed it is not read again, and the answer says how
    many were so trusted; --full reads all.

    Exit code 0: passed. 1: failed; every added, missing, changed and renamed file is named.
    2: it could not be checked.
    """
    from provenance.ledger import erasures, verification

    if version is not None and dataset_id is None:
        raise click.UsageError("--version needs --dataset")
    build = Builder(path, full, dask)
    with door.ledger() as ledger:
        found = verification.verify(
            ledger,
            build,
            dataset_id=DatasetId(dataset_id) if dataset_id else None,
            version=version,
            secret=erasures.read_secret(ledger, secret) if secret else None,
        )
    result = {**found.to_json(), **build.report()}
    if door.as_json:
        output.print_json(result)
    else:
        _print(result)
    return _EXIT_CODES[found.verdict.status]


def _print(result: Mapping[str, Any]) -> None:
    verdict = result["verdict"]
    where = ""
    if result["dataset_id"]:
        where = f": dataset {result['dataset_id']}, version {result['version']}"
        where += f" ({result['version_status']})"
    colour = {"passed": "green", "failed": "red"}.get(verdict, "yellow")
    click.secho(f"{_MARKS[verdict]} {verdict.replace('_', ' ')}{where}", fg=colour, bold=True)
    for kind in ("failed", "passed", "not_checked"):
        for check in result[kind]:
            click.echo(f"  {_MARKS[kind]} {check['name']}: {output.shown(check['detail'])}")
    for kind in ("added", "missing", "changed"):
        for path in result[kind]:
            click.echo(f"  {kind}: {output.shown(path)}")
    for pair in result["renamed"]:
        click.echo(f"  renamed: {output.shown(pair['from'])} → {output.shown(pair['to'])}")
    for kind, count in result["counts"].items():
        if count > len(result[kind]):
            click.echo(f"  … {count - len(result[kind])} more {kind}")
    if result["contested"]:
        click.echo("  contested: another party claimed this content before")
    elif result["holds"]:
        click.echo(f"  holds: {', '.join(map(str, result['holds']))}")
    counts = {name: result[name] for name in ("read", "trusted") if name in result}
    for name, text in measuring.report_fields(counts):
        click.echo(f"  {name}: {text}")
    as_of = result["as_of"]
    click.echo(f"  as of block {as_of['block_number']}, {as_of['finality']}")
