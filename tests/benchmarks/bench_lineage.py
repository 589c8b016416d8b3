"""How long ancestors take in a graph of a million derivations, beside the size of the answer.

    python tests/benchmarks/bench_lineage.py [--derivations 1000000] [--skip-postgresql]

The graph is generated: datasets of many versions, each made from up to four earlier ones, and some
long chains, so that answers at depth 20 range from a handful of versions to the cap. In SQLite
and in PostgreSQL the same rows are asked the same questions by ``derivations.walked``. Beside it,
in the same process: the recursive query in the shape that Marquez has for ``GET /lineage?depth``
(distance in the row, ``UNION``), in each database; and ``networkx``, which holds the whole graph in
memory (loading it is shown apart) and walks it to the same depth. All have to find the same.

Prints one JSON document; asserts nothing about time.
"""

import argparse
import contextlib
import importlib.util
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import networkx
from sqlalchemy import text

from provenance.chain.client import BlockRef
from provenance.index import blocks, database, derivations
from provenance.index.lineage_tables import derivations as table
from provenance.index.rows import insert_tuples
from provenance.lineage.records import VersionRef

TESTS = Path(__file__).resolve().parents[1]
DEPTH = 20
REPEATS = 5
NAMES = (
    *("derived_id", "derived_version", "activity_id", "position", "block_number", "block_hash"),
    *("log_index", "source_id", "source_version", "grant_id"),
)
PEER = """
WITH RECURSIVE lineage(dataset_id, version, depth) AS (
  SELECT CAST(:d AS BIGINT), CAST(:v AS BIGINT), 0
  UNION
  SELECT e.source_id, e.source_version, l.depth + 1 FROM lineage l
  JOIN derivations e ON e.derived_id = l.dataset_id AND e.derived_version = l.version
  WHERE l.depth < :depth
) SELECT dataset_id, version, MIN(depth) FROM lineage GROUP BY dataset_id, version
"""


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generate(count, seed=4):
    """Return links (derived node, source node): regions whose ancestries differ in size."""
    chosen = random.Random(seed)
    found, number = [], 0
    starts = {}
    # how many sources a version has, and from how far back they come, decides how fast it grows
    for name, sources, back, share in (
        ("chain", 1, 1, 0.1),
        ("narrow", 2, 4, 0.2),
        ("wide", 3, 60, 0.3),
        ("broad", 4, 4_000, 0.4),
    ):
        first, end = number, len(found) + int(count * share)
        while len(found) < end:
            number += 1
            earliest = max(first + 1, number - back)
            if number > first + 1:
                picked = {chosen.randint(earliest, number - 1) for _ in range(sources)}
                found.extend((number, source) for source in sorted(picked))
        starts[name] = number
        starts[f"{name}, near its origin"] = first + 8
    return found, starts


def node(number):
    """Return dataset and version of a number: a hundred versions each."""
    return number // 100 + 1, number % 100 + 1


def fill(engine, links):
    """Store links as the index does."""
    begun = time.perf_counter()
    rows, before, position = [], None, 0
    for derived, source in links:
        position = position + 1 if derived == before else 0
        before = derived
        place = (1, b"\0" * 32, 0)
        rows.append((*node(derived), derived, position, *place, *node(source), None))
    with database.writing(engine) as connection:
        blocks.begin(connection, 1, b"\0" * 20, BlockRef(0, bytes(32), bytes(32), 1))
        blocks.move(connection, BlockRef(1, b"\1" * 32, bytes(32), 2))
        insert_tuples(connection, table, NAMES, rows)
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    return time.perf_counter() - begun


def timed(call):
    times, found = [], None
    for _ in range(REPEATS):
        begun = time.perf_counter()
        found = call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times), found


def ours(engine, number):
    start = VersionRef(*node(number))
    bounds = derivations.Bounds(DEPTH, derivations.MAX_VERSIONS)
    with database.reading(engine) as connection:
        return derivations.walked(connection, start, "ancestors", bounds, as_of=1)


def peer(engine, number):
    given = dict(zip("dv", node(number), strict=True)) | {"depth": DEPTH}
    with database.reading(engine) as connection:
        rows = connection.execute(text(PEER), given)
        return {(row[0], row[1]): row[2] for row in rows}


def measure(engine, starts, graph):
    """Return a line for each start: sizes, times, ratios."""
    lines = []
    for name, number in starts.items():
        own_s, walk = timed(lambda number=number: ours(engine, number))
        peer_s, reached = timed(lambda number=number: peer(engine, number))
        loaded_s, levels = timed(
            lambda number=number: networkx.single_source_shortest_path_length(
                graph, number, cutoff=DEPTH
            )
        )
        same = {node(key): distance for key, distance in levels.items()}
        agree = reached == same and (walk.stopped == "versions" or dict(walk.distances) == same)
        lines.append(
            {
                "start": name,
                "versions": len(walk.distances),
                "derivations": len(walk.links),
                "stopped_by": walk.stopped,
                "ms": round(own_s * 1e3, 2),
                "us_per_derivation": round(own_s * 1e6 / max(1, len(walk.links)), 2),
                "marquez_shape_ms": round(peer_s * 1e3, 2),
                "ratio_to_marquez_shape": round(own_s / peer_s, 3),
                "networkx_in_memory_ms": round(loaded_s * 1e3, 2),
                "all_found_the_same": agree,
            }
        )
    return lines


def run(count, postgresql):
    links, starts = generate(count)
    begun = time.perf_counter()
    graph = networkx.DiGraph(links)
    report = {
        "derivations": len(links),
        "depth": DEPTH,
        "networkx_load_s": round(time.perf_counter() - begun, 2),
    }
    with contextlib.ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        engines = {"sqlite": database.open_engine(folder / "index.sqlite3")}
        if postgresql:
            server = opened.enter_context(load("postgres").serving())
            engines["postgresql"] = database.connect(server.database())
        for name, engine in engines.items():
            opened.callback(engine.dispose)
            report[name] = {"store_s": round(fill(engine, links), 1)}
            report[name]["ancestors"] = measure(engine, starts, graph)
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--derivations", type=int, default=1_000_000)
    parser.add_argument("--skip-postgresql", action="store_true")
    given = parser.parse_args()
    json.dump(run(given.derivations, not given.skip_postgresql), sys.stdout, indent=2)
    sys.stdout.write("\n")
