"""``provenance history``: the events of a dataset or party, and whether they are all."""

import os
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import output
from provenance.cli.door import BLOCK, Door, door
from provenance.errors import ProvenanceError

if TYPE_CHECKING:
    from provenance.identifiers import Subject
    from provenance.ledger.history import CheckedHistory, HistoryAnswer
    from provenance.proofs.history import RawLog

TOKEN_VARIABLE = "PROVENANCE_TOKEN"


@click.command()
@click.argument("subject", metavar="ID")
@click.option("--check", is_flag=True, help="Prove that nothing is missing.")
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="Complete up to this block.")
@click.option("--url", help="Ask this service instead of the index of this home.")
@click.option("--node", help="With --url: the node to compare with; by default the home's chain.")
@click.option("--key", metavar="VKEY", help="With --url: the key of the service's checkpoints.")
@door
def history(
    door: Door,
    subject: str,
    check: bool,
    as_of: int | None,
    url: str | None,
    node: str | None,
    key: str | None,
) -> None:
    r"""Show what was recorded on a dataset, on party:ID, or on the whole ledger.

    \b
      provenance history 1 --check
      provenance history party:3 --check --as-of 120
      provenance history 1 --check --url https://ledger.example --node http://127.0.0.1:8545

    With --check the raw logs are folded and compared with the head that the chain holds, and the
    chain with the newest checkpoint that was seen. A token for --url comes from PROVENANCE_TOKEN.
    """
    from provenance.ledger import history as use

    wanted = use.parse_subject_name(subject)
    checked: CheckedHistory | None
    if url is not None:
        from provenance.ledger import remote

        service = remote.Service(url, os.environ.get(TOKEN_VARIABLE))
        answer, checked, anchor = remote.check_from(
            door.settings, service, wanted, block_number=as_of, node_url=node, key=key
        )
        if anchor.source == "first contact":
            output.note(f"First contact: its key is remembered from now on. {anchor.key}")
    else:
        answer, checked = _of_home(door, wanted, check, as_of)
    events = [_described(log) for log in answer.logs]
    if door.as_json:
        output.print_json({**answer.to_json(), "events": events, "check": _checked(checked)})
        return
    _print(answer, events, checked)


def _of_home(
    door: Door, subject: "Subject", check: bool, as_of: int | None
) -> "tuple[HistoryAnswer, CheckedHistory | None]":
    from provenance.ledger import history as use

    with door.ledger() as ledger:
        if check:
            return use.check_own(ledger, subject, block_number=as_of)
        return use.read(ledger, subject, block_number=as_of), None


def _checked(checked: "CheckedHistory | None") -> dict[str, object] | None:
    return checked.to_json() if checked else None


def _described(log: "RawLog") -> dict[str, Any]:
    """Return the event of a log as JSON values; its name is None if it has none we know."""
    from provenance.chain.events import MODULES, decode

    for module in MODULES:
        try:
            event = decode(log, module)
        except ProvenanceError:
            # the first topic names an event of one module only
            continue
        shown = event.as_json()
        return {"event": shown.pop("name"), **shown, "block_number": log.block_number}
    return {"event": None, "module": None, "arguments": {}, "block_number": log.block_number}


def _print(
    answer: "HistoryAnswer", events: list[dict[str, Any]], checked: "CheckedHistory | None"
) -> None:
    rows = [
        (number, event["block_number"], event["event"] or "?", _brief(event["arguments"]))
        for number, event in enumerate(events, start=1)
    ]
    output.print_table(("seq", "block", "event", "what"), rows)
    as_of = answer.as_of
    click.echo()
    if checked is None:
        click.echo(f"{len(events)} events up to block {as_of.block_number}; not checked (--check)")
        return
    click.secho(
        f"✓ complete: {checked.events} events fold to the head on chain at block "
        f"{checked.as_of.block_number}, {checked.as_of.finality}",
        fg="green",
        bold=True,
    )
    click.echo(f"  head {checked.head.hex()}")
    if checked.pinned:
        click.echo("  the chain extends the checkpoint that was pinned before")
    else:
        click.echo("  first checkpoint of this ledger: pinned as soon as it is final")


def _brief(arguments: dict[str, Any]) -> str:
    """Return the arguments that people look for: ids, units, versions."""
    from provenance.ledger.vocabulary import Units

    words = []
    for name, value in arguments.items():
        if isinstance(value, str) and len(value) == 66 and value[4:48].strip("0") == "":
            if int(value[2:], 16):
                words.append(f"{name} {int(value[48:], 16)}")
        elif name == "units":
            held = Units.unpack(value).to_json().items()
            words.append(", ".join(f"{right} {count}" for right, count in held if count))
        elif isinstance(value, int) and name not in ("classification", "precedence", "expires"):
            words.append(f"{name} {value}")
    return "; ".join(words)
