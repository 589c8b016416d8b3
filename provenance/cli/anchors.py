"""``provenance anchors``: record documents, anchor them in batches, prove them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from provenance.cli import output
from provenance.cli.door import (
    FOLDER_OR_FILE,
    Door,
    door,
    pin_text,
    read_file,
    signer_option,
    writing_door,
)
from provenance.errors import InputError, InvalidProof
from provenance.identifiers import parse_address, parse_digest32

_EXIT_CODES = {"passed": 0, "failed": 1, "not_checked": 2}
_MARKS = {"passed": "✓", "failed": "✗", "not_checked": "?"}
_KINDS = ("document", "openlineage_event", "use_receipt", "file_set")
_SHOWN = 20
_ID_CHARACTERS = 18


@click.group()
def anchors() -> None:
    """Many documents in one transaction, each with a proof of its own."""


@anchors.command()
@click.argument("files", metavar="FILE...", type=FOLDER_OR_FILE, nargs=-1, required=True)
@click.option("--kind", type=click.Choice(_KINDS), default="document", help="What they are.")
@signer_option
@door
def add(door: Door, files: tuple[Path, ...], kind: str, signer: str | None) -> int:
    r"""Record files; each is durable once its line is printed, and anchored later.

    \b
      provenance anchors add receipts/*.json
      provenance anchors add event.json --kind openlineage_event --as bank

    A file that cannot be recorded keeps no other from it; the exit code is then 2.
    """
    from provenance.ledger import anchors as use
    from provenance.ledger.journal import JournalEntry
    from provenance.proofs.batches import RecordKind

    read: list[bytes | InputError] = []
    for path in files:
        try:
            # one byte over the limit is enough to be refused
            read.append(read_file(path, door.settings.max_record_bytes + 1))
        except InputError as error:
            read.append(error)
    contents = [each for each in read if isinstance(each, bytes)]
    with door.ledger() as ledger:
        party = ledger.party_of_signer(signer or ledger.first_party)
        found = iter(use.record(ledger, party, contents, RecordKind[kind.upper()]))
    rows: list[tuple[str, str | None, int | None, str | None]] = []
    for path, content in zip(files, read, strict=True):
        each = next(found) if isinstance(content, bytes) else content
        if isinstance(each, JournalEntry):
            rows.append((str(path), each.digest.hex(), each.sequence, None))
        else:
            rows.append((str(path), None, None, str(each)))
    names = ("file", "digest", "sequence", "error")
    if door.as_json:
        output.print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        output.print_table(names, rows)
    return 2 if any(row[-1] for row in rows) else 0


@anchors.command()
@writing_door
def close(door: Door) -> int:
    r"""Close all open records into batches and anchor them now.

    \b
      provenance anchors close

    Batches that could not be anchored stay closed, with a reason; the exit code is then 1.
    """
    from provenance.ledger import anchors as use
    from provenance.ledger.batches import BatchState

    with door.ledger() as ledger:
        use.close(ledger)
        done = use.anchor(ledger)
        use.settle(ledger)
        ledger.sync()
        left = ledger.batches.in_state(BatchState.CLOSED)
        shown = [ledger.batches.get(batch.id).to_json() for batch in [*done, *left]]
    _print_batches(door, shown)
    return 1 if left else 0


@anchors.command()
@click.argument("digest", required=False)
@door
def status(door: Door, digest: str | None) -> None:
    r"""Say how far records have come: all of them, or the one of a SHA-256.

    \b
      provenance anchors status
      provenance anchors status ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
    """
    from provenance.ledger import anchors as use

    with door.ledger() as ledger:
        if digest is not None:
            record = use.find(ledger, parse_digest32(digest)).to_json()
            output.print_receipt(door.as_json, record)
            return
        waiting = ledger.batches.open_entries()
        batches = [batch.to_json() for batch in ledger.batches.newest(_SHOWN)]
    if door.as_json:
        opened = [
            {"party_id": each.party, "count": each.count, "since": each.since} for each in waiting
        ]
        output.print_json({"open": opened, "batches": batches})
        return
    output.print_fields([("open records", sum(each.count for each in waiting))])
    _print_batches(door, batches)


@anchors.command()
@click.argument("name", metavar="ID|DIGEST")
@click.option("--out", type=FOLDER_OR_FILE, help="By default to standard output.")
@door
def proof(door: Door, name: str, out: Path | None) -> None:
    r"""Write the proof of a record, by its number or the SHA-256 of its document.

    \b
      provenance anchors proof 17 --out event.proof.json
    """
    from provenance.ledger import anchors as use
    from provenance.ledger.files import write_whole

    with door.ledger() as ledger:
        if name.isascii() and name.isdecimal() and len(name) <= _ID_CHARACTERS:
            found = use.numbered(ledger, int(name))
        else:
            found = use.find(ledger, parse_digest32(name))
        made = use.prove(ledger, found).to_bytes()
    if out is None:
        click.echo(made, nl=False)
    else:
        write_whole(out, made, 0o644)


@anchors.command()
@click.argument("file", metavar="PROOF", type=FOLDER_OR_FILE)
@click.argument("content", metavar="[FILE]", type=FOLDER_OR_FILE, required=False)
@click.option("--pin", "pins", multiple=True, help="A key, a checkpoint note, or a file of them.")
@click.option("--contract", metavar="ADDRESS", help="The Anchors contract, with --offline.")
@click.option("--offline", is_flag=True, help="Trust only --pin and --contract, not this home.")
@door
def verify(
    door: Door,
    file: Path,
    content: Path | None,
    pins: tuple[str, ...],
    contract: str | None,
    offline: bool,
) -> int:
    r"""Check the proof of a record, and a file against it.

    \b
      provenance anchors verify event.proof.json event.json
      provenance anchors verify event.proof.json --offline --pin operator.vkey --contract 0x…

    Exit code 0: passed. 1: false or damaged. 2: it could not be checked, for example because the
    batch was not anchored, or because no pin vouches for its block.
    """
    from provenance.ledger import anchors as use
    from provenance.proofs.batches import MAX_BYTES, parse
    from provenance.proofs.bundle_verification import pins_of

    try:
        found = parse(read_file(file, MAX_BYTES))
    except InvalidProof as error:
        raise InvalidProof(f"{file}: {error}") from error
    trusted = pins_of(map(pin_text, pins))
    data = None if content is None else read_file(content, door.settings.max_document_bytes)
    if offline:
        address = None if contract is None else parse_address(contract)
        verdict = use.check_offline(found, data, trusted, address)
    else:
        with door.ledger() as ledger:
            verdict = use.check(ledger, found, data, trusted)
    if door.as_json:
        output.print_json(verdict.to_json())
        return _EXIT_CODES[verdict.status]
    status = verdict.status
    click.echo(f"{_MARKS[status]} {status.replace('_', ' ')}: record {found.digest.hex()}")
    for kind in ("failed", "passed", "not_checked"):
        for each in getattr(verdict, kind):
            click.echo(f"  {_MARKS[kind]} {each.name}: {output.shown(each.detail)}")
    return _EXIT_CODES[status]


def _print_batches(door: Door, batches: Sequence[Mapping[str, Any]]) -> None:
    if door.as_json:
        output.print_json(batches)
        return
    rows = [
        (
            *(each[name] for name in ("batch", "party_id", "count", "state")),
            each["block"] and each["block"]["number"],
            each["root"],
            each["reason"],
        )
        for each in batches
    ]
    output.print_table(("batch", "party", "records", "state", "block", "root", "reason"), rows)
