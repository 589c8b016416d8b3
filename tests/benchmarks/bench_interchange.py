"""How fast a graph of lineage becomes PROV-JSON and comes back, beside the package ``prov``.

    python tests/benchmarks/bench_interchange.py [VERSIONS]

Both write the same document, which is checked; both are timed in CPU seconds of one process.
"""

import io
import json
import sys
import time

from prov.model import ProvDocument

from provenance.interchange import prov
from provenance.interchange.description import Graph, Names, PartyFacts, VersionFacts
from provenance.lineage.records import Activity, ActivityKind, Input, VersionRef

ZERO = bytes(32)


def chain(count):
    """Return a graph in which each version is joined from the two before it."""
    names = Names(31337, b"\xab" * 20)
    activities, versions = [], []
    for number in range(1, count + 1):
        sources = tuple(
            Input(VersionRef(before, 1), None) for before in (number - 1, number - 2) if before > 0
        )
        kind = ActivityKind.JOIN if sources else ActivityKind.COLLECT
        output = VersionRef(number, 1)
        hashes = (ZERO, ZERO, ZERO)
        activities.append(
            Activity(
                *(number, kind, 3, 3, 1, 2, *hashes, sources, output),
                *(0, False, None, None, number, number),
            )
        )
        versions.append(VersionFacts(output, b"\1" * 32, b"\2" * 32, 3, number, f"Title {number}"))
    return Graph.of(names, activities, versions, [PartyFacts(3, "company")])


def timed(work):
    """Return what some work returns, and its CPU seconds."""
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


def main(count=2000):
    """Print the figures."""
    graph = chain(count)
    ours, ours_s = timed(lambda: prov.export(graph))
    theirs, theirs_s = timed(lambda: prov.document_of(graph).serialize(format="json"))
    if json.loads(ours) != json.loads(theirs):
        raise SystemExit("the two documents differ")
    back, back_s = timed(lambda: prov.import_json(ours))
    if back != graph:
        raise SystemExit("the graph did not come back")
    stream = io.StringIO(theirs)
    _, parsed_s = timed(lambda: ProvDocument.deserialize(stream, format="json"))
    print(f"{count} versions, {len(ours) / 1e6:.1f} MB of PROV-JSON")
    print(f"write: {ours_s:.2f} s, prov {theirs_s:.2f} s, ratio {theirs_s / ours_s:.1f}")
    print(f"read and check: {back_s:.2f} s, prov reads in {parsed_s:.2f} s, ", end="")
    print(f"ratio {parsed_s / back_s:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
