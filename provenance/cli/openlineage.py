"""``provenance openlineage``: post, name, jobs, graph, export, rebuild."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import output
from provenance.cli.door import ID, Door, door, signer_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from provenance.identifiers import PartyId
    from provenance.ledger.opening import Ledger

_as_of = click.option("--as-of", metavar="TIME", help="RFC 3339: what happened by then, as told.")
_recorded_by = click.option(
    "--recorded-by",
    metavar="TIME|SEQUENCE",
    help="What had been recorded by then: RFC 3339, or the number of an event in the journal.",
)


@click.group()
def openlineage() -> None:
    """Record the events of pipelines, ask for their graph.

    Pipelines themselves write to a running service: set OPENLINEAGE_URL to it, and
    OPENLINEAGE_API_KEY to a token (provenance tokens add).
    """


@openlineage.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@signer_option
@door
def post(door: Door, path: Path, signer: str | None) -> None:
    r"""Record the events of a file: one event, or one on each line as clients write them.

    \b
      provenance openlineage post events.jsonl
    """
    from provenance.errors import InputError
    from provenance.ledger import openlineage as use

    data = path.read_bytes()
    lines = [line for line in data.splitlines() if line.strip()]
    events = lines if len(lines) > 1 and lines[0].rstrip().endswith(b"}") else [data.strip()]
    with door.ledger() as ledger:
        found = use.record_batch(ledger, _party(ledger, signer), events)
        use.feed(ledger)
    for number, each in enumerate(found, 1):
        if isinstance(each, InputError):
            raise InputError(f"event {number} of {len(found)}: {each}")
    if door.as_json:
        output.print_json({"recorded": len(found)})
        return
    click.echo(f"recorded {len(found)} events")


@openlineage.command()
@click.argument("namespace")
@click.argument("name")
@click.argument("dataset_id", metavar="DATASET", type=ID)
@click.option("--version", type=click.IntRange(min=1), help="Of the dataset; none by default.")
@signer_option
@door
def name(
    door: Door,
    namespace: str,
    name: str,
    dataset_id: int,
    version: int | None,
    signer: str | None,
) -> None:
    r"""Say which registered dataset a name of your pipelines means, from now on.

    \b
      provenance openlineage name postgres://db:5432 shop.public.orders 1
    """
    from provenance.identifiers import DatasetId
    from provenance.interchange.openlineage import Name, Registration
    from provenance.ledger import openlineage as use

    with door.ledger() as ledger:
        meant = Registration(DatasetId(dataset_id), version)
        entry = use.declare(
            ledger, _party(ledger, signer), Name(namespace, name), meant, int(ledger.clock())
        )
        use.feed(ledger)
    output.print_receipt(door.as_json, {"sequence": entry.sequence, "digest": entry.digest.hex()})


@openlineage.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@_as_of
@_recorded_by
@signer_option
@door
def jobs(
    door: Door, limit: int, as_of: str | None, recorded_by: str | None, signer: str | None
) -> None:
    r"""List the jobs that ran.

    \b
      provenance openlineage jobs
      provenance openlineage jobs --as-of 2026-01-31T00:00:00Z --recorded-by 2026-02-01T00:00:00Z
    """
    from provenance.index import jobs as index
    from provenance.interchange.times import parse_time

    by = None if as_of is None else parse_time(as_of)
    with door.ledger() as ledger:
        party_id = _party(ledger, signer)
        with _reading(ledger, party_id, recorded_by) as connection:
            found, more = index.job_page(connection, party_id, limit=limit, as_of_us=by)
    if door.as_json:
        items = [job.as_json() for job in found]
        output.print_json({"items": items, "truncated": more is not None})
        return
    rows = [(job.named.node, job.runs, job.latest_state or "") for job in found]
    output.print_table(("job", "runs", "latest"), rows)
    if more is not None:
        output.note(f"There are more than {limit}.")


@openlineage.command()
@click.argument("node")
@click.option("--depth", type=click.IntRange(0, 100), default=10, show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=200, show_default=True)
@click.option("--upstream", "direction", flag_value="upstream", help="Only what it came of.")
@click.option("--downstream", "direction", flag_value="downstream", help="Only what came of it.")
@_as_of
@_recorded_by
@signer_option
@door
def graph(
    door: Door,
    node: str,
    depth: int,
    limit: int,
    direction: str | None,
    as_of: str | None,
    recorded_by: str | None,
    signer: str | None,
) -> None:
    r"""Show the lineage around a job, a dataset or a run.

    \b
      provenance openlineage graph dataset:postgres://db:shop.public.orders --upstream
      provenance openlineage graph run:01890a5d-ac96-774b-bcce-b302099a8057
    """
    from provenance.index import pipeline_graph
    from provenance.interchange.times import parse_time

    way: Any = direction or "both"
    by = None if as_of is None else parse_time(as_of)
    asked = pipeline_graph.Walk(node, depth=depth, limit=limit, direction=way, as_of_us=by)
    with door.ledger() as ledger:
        party_id = _party(ledger, signer)
        with _reading(ledger, party_id, recorded_by) as connection:
            found = pipeline_graph.walk(connection, party_id, asked)
    if door.as_json:
        output.print_json(
            {"nodes": found.nodes, "edges": found.edges, "truncated": found.truncated}
        )
        return
    output.print_table(("from", "to"), [(edge["from"], edge["to"]) for edge in found.edges])
    if found.truncated:
        output.note("Nodes were left out: raise --limit.")


@openlineage.command()
@click.argument("node")
@click.option("--after", type=click.IntRange(min=1), help="`next` of the proofs printed before.")
@signer_option
@door
def export(door: Door, node: str, after: int | None, signer: str | None) -> None:
    r"""Print a run or dataset as one OpenLineage event, with the proofs of its events.

    \b
      provenance openlineage export run:01890a5d-ac96-774b-bcce-b302099a8057
      provenance openlineage export dataset:postgres://db:shop.public.orders
    """
    from provenance.interchange import exact_json
    from provenance.interchange.openlineage import parse_run_id
    from provenance.ledger import openlineage as use

    with door.ledger() as ledger:
        use.feed(ledger)
        party_id = _party(ledger, signer)
        if node.startswith("run:"):
            run_id = parse_run_id(node.removeprefix("run:"))
            found = use.export_run(ledger, party_id, run_id, after)
        else:
            found = use.export_dataset(ledger, party_id, node, after)
    click.echo(exact_json.dumps(found, indented=True))


@openlineage.command()
@door
def rebuild(door: Door) -> None:
    r"""Throw the graph away and derive it again from the journal.

    \b
      provenance openlineage rebuild
    """
    from provenance.ledger import openlineage as use

    with door.ledger() as ledger:
        use.rebuild(ledger)
        reached = use.feed(ledger)
    output.print_receipt(door.as_json, {"sequence": reached})


@contextmanager
def _reading(
    ledger: "Ledger", party_id: "PartyId", recorded_by: str | None
) -> "Iterator[Connection]":
    """Give a connection to the graph of a party, as it is or as it was recorded."""
    from provenance.index.database import reading
    from provenance.ledger import openlineage as use
    from provenance.ledger import pipelines

    through = None if recorded_by is None else pipelines.recorded_by(ledger, recorded_by)
    if through is None:
        use.feed(ledger)
        with reading(ledger.engine) as connection:
            yield connection
        return
    with (
        pipelines.RecordedGraphs(ledger) as graphs,
        graphs.reading(party_id, through) as connection,
    ):
        yield connection


def _party(ledger: "Ledger", signer: str | None) -> "PartyId":
    return ledger.party_of_signer(signer or ledger.first_party)
