"""Graphs of pipelines for tests: events that draw them, over a database in memory or another."""

import hashlib

import orjson
from sqlalchemy import create_engine, select

from provenance.identifiers import PartyId
from provenance.index import pipeline_graph, pipeline_tables, pipelines, runs
from provenance.index.database import prepare, reading, writing
from provenance.index.pipeline_graph import Walk
from provenance.interchange.openlineage import parse_event
from provenance.interchange.times import parse_time

ALICE, BOB = PartyId(3), PartyId(4)
LEDGER = "urn:dpl:1:0x" + "ab" * 20


def run_id(number):
    return f"00000000-0000-4000-8000-{number:012d}"


def moment(second):
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"


def at(second):
    return parse_time(moment(second))


def datasets(names):
    found = []
    for name in names:
        name, _, version = name.partition("@")
        facets = {"version": {"datasetVersion": version}} if version else {}
        found.append({"namespace": "db://h", "name": name, "facets": facets})
    return found


def event(kind, second, number, job, reads=(), writes=(), parent=None, **more):
    fields = {
        "eventType": kind,
        "eventTime": moment(second),
        "producer": "p",
        "schemaURL": "s",
        "run": {"runId": run_id(number)},
        "job": {"namespace": "jobs", "name": job},
        "inputs": datasets(reads),
        "outputs": datasets(writes),
        **more,
    }
    if parent is not None:
        fields["run"]["facets"] = {"parent": {"run": {"runId": run_id(parent)}}}
    return {name: value for name, value in fields.items() if value is not ...}


def new_engine():
    """Return an empty index; a test of another database puts its own in the place of this."""
    engine = create_engine("sqlite://")
    prepare(engine)
    return engine


class Graph:
    """A graph of its own."""

    def __init__(self):
        self.engine = new_engine()
        self.count = 0

    def add(self, *events, party=ALICE):
        with writing(self.engine) as connection:
            items = [self.recorded(found, party) for found in events]
            pipelines.apply(connection, items, self.count, LEDGER)

    def recorded(self, found, party):
        self.count += 1
        document = orjson.dumps(found)
        digest = hashlib.sha256(document).digest()
        return pipelines.Recorded(self.count, party, digest, parse_event(document))

    def walk(self, node, party=ALICE, **asked):
        with reading(self.engine) as connection:
            return pipeline_graph.walk(connection, party, Walk(node, **asked))

    def names(self, node, **asked):
        return [found["node"] for found in self.walk(node, **asked).nodes]

    def run(self, number, as_of=None):
        with reading(self.engine) as connection:
            return runs.get(connection, ALICE, run_id(number), as_of_us=as_of).as_json()

    def rows(self):
        """All rows, without what only tells in which order they came."""
        with reading(self.engine) as connection:
            return {
                table.name: sorted(
                    tuple(repr(v) for k, v in row.items() if k not in ("sequence", "digest"))
                    for row in connection.execute(select(table)).mappings()
                )
                for table in pipeline_tables.metadata.sorted_tables
            }


def node(name):
    return f"dataset:db%3A//h:{name}"


def pipeline():
    """Two jobs, of which the first ran twice."""
    return [
        event("START", 1, 1, "load", ["a"], ["b"]),
        event("RUNNING", 2, 1, "load"),
        event("COMPLETE", 3, 1, "load", ["a"], ["b@1"]),
        event("START", 4, 2, "sum", ["b"], parent=9),
        event("COMPLETE", 5, 2, "sum", ["b@1"], ["c"], parent=9),
        event("START", 10, 3, "load", ["a", "x"]),
        event("OTHER", 11, 3, "load", [], ["b@2"]),
        event("COMPLETE", 12, 3, "load", [], ["b@2"]),
        event("START", 13, 4, "sum", ["b"]),
        event("FAIL", 14, 4, "sum", [], ["c"]),
    ]
