"""Walks over the graph of pipelines: jobs and datasets, or runs and the versions they made.

Two levels. Between *jobs* and datasets, a job has the inputs and outputs of its latest complete
run (or of all of its runs); as of a time, of the latest one by then, so that a job that changed
still shows what it was. Between *runs* and versions, a run read the version that its event
declares, or else the one that was written last before it began.

Promises: nodes come nearest first, in the same order every time; a node costs a few searches of an
index; what is left out is said. Must never walk further than the cap.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection

from provenance.errors import InputError, NotFoundError, TooLarge
from provenance.identifiers import PartyId
from provenance.index import jobs, run_graph
from provenance.index.job_graph import JobGraph
from provenance.index.pipeline_tables import ANY_TIME
from provenance.index.run_graph import RunGraph
from provenance.interchange.openlineage import is_name, parse_run_id

MAX_DEPTH = 100
MAX_NODES = 1000
MAX_WALKED = 100_000
"""Most nodes that the pages of one walk have together."""

Direction: TypeAlias = Literal["upstream", "downstream", "both"]
Which: TypeAlias = Literal["latest", "all"]


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked.

    Attributes:
        node: where to begin: ``job:…``, ``dataset:…`` or ``run:…``.
        version: of a dataset: begin at this version of it.
        depth: most steps; a job, run, dataset or version each is one.
        limit: most nodes.
        skip: nodes that earlier pages gave.
        direction: which way to walk.
        which: whether a job stands for its latest complete run, or for all of its runs.
        as_of_us: only what was said to have happened by then; None for all.
    """

    node: str
    version: str | None = None
    depth: int = 10
    limit: int = 200
    skip: int = 0
    direction: Direction = "both"
    which: Which = "latest"
    as_of_us: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A part of the graph.

    Attributes:
        nodes: nearest first, as JSON values with their ``distance``.
        edges: pairs of nodes, from what was used to what came of it; each stands on the page of
            the nearer of its nodes.
        truncated: whether nodes within the depth were left out.
        next: ``skip`` of the next page; None at the end.
    """

    nodes: list[dict[str, Any]]
    edges: list[dict[str, str]]
    truncated: bool
    next: int | None


def walk(connection: Connection, party_id: PartyId, asked: Walk) -> Found:
    """Return the graph around a node.

    Raises:
        InputError: depth, limit, version or node are out of range or malformed.
        NotFoundError: there is no such node by then.
    """
    if not 0 <= asked.depth <= MAX_DEPTH:
        raise InputError(f"expected a depth from 0 to {MAX_DEPTH}, found {asked.depth}")
    if not 1 <= asked.limit <= MAX_NODES:
        raise TooLarge(f"expected a limit from 1 to {MAX_NODES}, found {asked.limit}")
    if asked.version is not None and not is_name(asked.version):
        raise InputError(f"expected the name of a version, found {asked.version[:80]!a}")
    if asked.skip > MAX_WALKED:
        raise TooLarge(f"expected a walk of at most {MAX_WALKED} nodes, found a longer one")
    by = ANY_TIME if asked.as_of_us is None else asked.as_of_us
    if asked.node.startswith("run:") or asked.version is not None:
        runs = RunGraph(connection, party_id, by)
        start = _run_start(connection, party_id, runs, asked)
        return _walk(asked, start, runs.neighbours, runs.render)
    graph = JobGraph(connection, by, asked.which == "latest")
    named = jobs.find(connection, party_id, asked.node)
    if not graph.knows(named.key):
        raise NotFoundError("node by that time", asked.node)
    return _walk(asked, graph.start(named), graph.neighbours, graph.render)


def _run_start(
    connection: Connection, party_id: PartyId, graph: RunGraph, asked: Walk
) -> run_graph.Node:
    if asked.version is None:
        return graph.run(parse_run_id(asked.node.removeprefix("run:")))
    if not asked.node.startswith("dataset:"):
        raise InputError(f"expected a dataset beside a version, found {asked.node[:80]!a}")
    named = jobs.find(connection, party_id, asked.node)
    return graph.version(named, asked.version)


def _walk(
    asked: Walk,
    start: Any,
    neighbours: Callable[[Any, bool], tuple[list[Any], bool]],
    render: Callable[[list[Any]], dict[Any, dict[str, Any]]],
) -> Found:
    """Walk breadth first.

    Args:
        asked: see above.
        start: the first node.
        neighbours: gives the nodes that one came of (True) or that came of it, and whether some
            were left out.
        render: gives nodes as JSON values.
    """
    stop = asked.skip + asked.limit
    order: list[Hashable] = [start]
    distance: dict[Hashable, int] = {start: 0}
    pairs: dict[tuple[Hashable, Hashable], int] = {}
    cut = False
    position = 0
    while position < min(len(order), stop):
        node = order[position]
        for upstream in _ways(asked.direction) if distance[node] < asked.depth else ():
            found, left_out = neighbours(node, upstream)
            cut = cut or left_out
            for other in found:
                if other not in distance:
                    distance[other] = distance[node] + 1
                    order.append(other)
                pairs.setdefault((other, node) if upstream else (node, other), position)
        position += 1
    shown = order[asked.skip : stop]
    ends = {end for pair in pairs for end in pair} | set(shown)
    drawn = render(list(ends))
    more = len(order) > stop
    return Found(
        [{**drawn[node], "distance": distance[node]} for node in shown],
        [
            {"from": drawn[source]["node"], "to": drawn[target]["node"]}
            for (source, target), at in pairs.items()
            if at >= asked.skip
        ],
        more or cut,
        stop if more else None,
    )


def _ways(direction: Direction) -> Iterator[bool]:
    if direction != "downstream":
        yield True
    if direction != "upstream":
        yield False
