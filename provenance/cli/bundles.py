"""``provenance bundle``: export, upgrade and verify portable proofs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.cli import output
from provenance.cli.door import BLOCK, FOLDER_OR_FILE, ID, Door, door, pin_text, read_file
from provenance.errors import InvalidProof
from provenance.identifiers import DatasetId, parse_hex
from provenance.proofs.bundle import MAX_BYTES, Anchor, Bundle, parse

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_EXIT_CODES = {"passed": 0, "failed": 1, "not_checked": 2}
_STAMPS = {".tsr": "rfc3161", ".ots": "opentimestamps"}
_MAX_STAMP_BYTES = 1 << 20
_MARKS = {"passed": "✓", "failed": "✗", "not_checked": "?"}


@click.group()
def bundle() -> None:
    """Proofs in one file, for people who have neither this service nor a node."""


@bundle.command()
@click.argument("dataset_id", metavar="ID", type=ID)
@click.argument("path", required=False)
@click.option("--version", type=ID, help="By default the latest.")
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="Holders as of this block.")
@click.option("--secret", type=FOLDER_OR_FILE, help="Secret document of a private manifest.")
@click.option("--out", type=FOLDER_OR_FILE, help="By default to standard output.")
@door
def export(
    door: Door,
    dataset_id: int,
    path: str | None,
    version: int | None,
    as_of: int | None,
    secret: Path | None,
    out: Path | None,
) -> None:
    r"""Write the proof of a version, or of the file at PATH in it.

    \b
      provenance bundle export 1 deep/readings.csv --out readings.bundle.json
      provenance bundle export 1 --version 2 --as-of 120 > version.bundle.json

    Whoever has the bundle checks it with one file of standard Python, provenance/verifier.py.
    """
    from provenance.content.erasure import parse_remaining
    from provenance.ledger import bundles, datasets

    with door.ledger() as ledger:
        manifest = None
        if secret is not None:
            manifest = parse_remaining(read_file(secret, door.settings.max_manifest_bytes))
        number = version or datasets.latest_version(ledger, DatasetId(dataset_id))
        found = bundles.export(
            ledger, DatasetId(dataset_id), number, path, block_number=as_of, manifest=manifest
        )
    _write(found, out)


@bundle.command()
@click.argument("file", metavar="BUNDLE", type=FOLDER_OR_FILE)
@door
def upgrade(door: Door, file: Path) -> int:
    r"""Bring a bundle up to what the chain says now, in place.

    \b
      provenance bundle upgrade readings.bundle.json

    Exit code 1: it is orphaned, the chain no longer has what it proves.
    """
    from provenance.ledger import bundles

    before = _read(file)
    with door.ledger() as ledger:
        after = bundles.upgrade(ledger, before)
    if after != before:
        _write(after, file)
    if door.as_json:
        output.print_json({"before": before.state, "after": after.state})
    else:
        click.echo(f"{before.state} → {after.state}")
    return 1 if after.state == "orphaned" else 0


@bundle.command()
@click.argument("file", metavar="BUNDLE", type=FOLDER_OR_FILE)
@click.argument("stamp", metavar="[STAMP]", type=FOLDER_OR_FILE, required=False)
@door
def anchor(door: Door, file: Path, stamp: Path | None) -> None:
    r"""Put a time stamp of someone else beside a bundle; without STAMP, print what to stamp.

    \b
      provenance bundle anchor readings.bundle.json > checkpoint.txt
      provenance bundle anchor readings.bundle.json checkpoint.tsr
      provenance bundle anchor readings.bundle.json checkpoint.txt.ots

    STAMP is an RFC 3161 reply (.tsr) or an OpenTimestamps proof (.ots) over that text.
    """
    from provenance.proofs import anchors

    found = _read(file)
    if stamp is None:
        click.echo(anchors.stamped_text(found), nl=False)
        return
    kind = _STAMPS.get(stamp.suffix)
    if kind is None:
        raise click.UsageError("expected a .tsr or .ots file")
    _write(found.with_anchor(Anchor(kind, read_file(stamp, _MAX_STAMP_BYTES))), file)


@bundle.command()
@click.argument("file", metavar="BUNDLE", type=FOLDER_OR_FILE)
@click.argument("content", metavar="[FILE]", type=FOLDER_OR_FILE, required=False)
@click.option("--pin", "pins", multiple=True, help="A key, a checkpoint note, or a file of them.")
@click.option("--offline", is_flag=True, help="Trust only --pin, not the key of this home.")
@click.option(
    "--authority",
    "roots",
    multiple=True,
    type=FOLDER_OR_FILE,
    metavar="PEM",
    help="Trust this root for RFC 3161 stamps.",
)
@click.option(
    "--bitcoin-header",
    "headers",
    multiple=True,
    metavar="HEIGHT:HEX",
    help="Trust this Bitcoin block for OpenTimestamps.",
)
@door
def verify(
    door: Door,
    file: Path,
    content: Path | None,
    pins: tuple[str, ...],
    offline: bool,
    roots: tuple[Path, ...],
    headers: tuple[str, ...],
) -> int:
    r"""Check a bundle, and a file against it.

    \b
      provenance bundle verify readings.bundle.json readings.csv
      provenance bundle verify readings.bundle.json readings.csv --offline --pin operator.vkey

    Exit code 0: passed. 1: false, damaged or orphaned. 2: it could not be checked, for example
    because no pin vouches for its block.
    """
    from provenance.ledger import bundles
    from provenance.proofs.anchors import with_anchors
    from provenance.proofs.bundle_verification import Pins, pins_of

    found = _read(file)
    trusted = pins_of(map(pin_text, pins))
    if not offline:
        with door.ledger() as ledger:
            trusted = Pins((*trusted.keys, *bundles.own_pins(ledger).keys), trusted.checkpoints)
    verdict = with_anchors(
        bundles.check(found, trusted, content),
        found,
        authorities=[_certificate(root) for root in roots],
        bitcoin_headers=dict(map(_bitcoin_header, headers)),
    )
    if door.as_json:
        output.print_json(verdict.to_json())
        return _EXIT_CODES[verdict.status]
    colour = {"passed": "green", "failed": "red"}.get(verdict.status, "yellow")
    click.secho(
        f"{_MARKS[verdict.status]} {verdict.status.replace('_', ' ')}: dataset "
        f"{found.dataset_id}, version {found.version}",
        fg=colour,
        bold=True,
    )
    for kind in ("failed", "passed", "not_checked"):
        for each in getattr(verdict, kind):
            click.echo(f"  {_MARKS[kind]} {each.name}: {output.shown(each.detail)}")
    return _EXIT_CODES[verdict.status]


def _read(file: Path) -> Bundle:
    try:
        return parse(read_file(file, MAX_BYTES))
    except InvalidProof as error:
        raise InvalidProof(f"{file}: {error}") from error


def _write(made: Bundle, out: Path | None) -> None:
    from provenance.ledger.files import write_whole

    if out is None:
        click.echo(made.to_bytes(), nl=False)
    else:
        write_whole(out, made.to_bytes(), 0o644)


def _certificate(path: Path) -> "Certificate":
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(read_file(path, 1 << 16))
    except ValueError as error:
        raise InvalidProof(f"expected a certificate in {path}: {error}") from error


def _bitcoin_header(text: str) -> tuple[int, bytes]:
    height, colon, header = text.partition(":")
    if not colon or not height.isdecimal():
        raise click.UsageError("expected --bitcoin-header HEIGHT:HEX, of 80 bytes")
    return int(height), parse_hex(header, 80)
