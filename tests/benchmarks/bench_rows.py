"""Commitments to the rows of a Parquet file against two peers, each in turn, in one run.

    python tests/benchmarks/bench_rows.py [--rows 1000000] [--slow-rows 100000] [--peers FOLDER]

Ours reads the file, turns rows into bytes, salts, tags, sorts and hashes them into a root, and
proves one row. The peers do less:

- ``pymerkle``: a loop over the rows of the same file (read with Arrow, a row as its ``repr``) into
  an in-memory tree, and one proof; no salts, no order, so no absence; everything in memory. It is
  looked for in this Python and in FOLDER, gets ``--slow-rows``, and its time is scaled up in
  proportion, which favours it.
- ``pandas.util.hash_pandas_object``: 64 bits a row, neither cryptographic nor salted, no tree and
  no proof; a lower bound of what reading and hashing in C costs.

Prints times of a core without imports (a busy machine changes them least), rates, the peak of
memory of each process, and ratios (peer's time by ours).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPEAT = 2  # of each the best run counts: other work on the machine only ever adds

TABLE = """
import random, sys, datetime
import pyarrow as pa, pyarrow.parquet as pq
count, path = int(sys.argv[1]), sys.argv[2]
draw = random.Random(1)
day = datetime.date(2020, 1, 1)
schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("paid", pa.float64()),
                    ("day", pa.date32()), ("ok", pa.bool_()), ("city", pa.string())])
with pq.ParquetWriter(path, schema) as writer:
    for start in range(0, count, 100_000):
        some = range(start, min(start + 100_000, count))
        writer.write_table(pa.table([
            pa.array(some, pa.int64()), pa.array([f"person {n:09}" for n in some]),
            pa.array([draw.random() for _ in some]),
            pa.array([day + datetime.timedelta(days=n % 1000) for n in some]),
            pa.array([n % 3 == 0 for n in some]),
            pa.array([None if n % 7 == 0 else f"city {n % 100}" for n in some])], schema=schema))
"""

MEASURE = """
import json, re, sys, time
from pathlib import Path
count, path = int(sys.argv[1]), sys.argv[2]
def done():
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    print(json.dumps([time.process_time() - started, peak / 1024]))
"""

OURS = (
    MEASURE
    + """
from provenance.content.rows import commit
from provenance.content.tables import open_table
from provenance.proofs.rows import prove, verify
import pyarrow.parquet
started = time.process_time()
made = commit(open_table(Path(path)), bytes(32), ["id"], keep=lambda number, tag: number == 7)
(proof,) = prove(made, made.opened)
assert verify(proof, made.public.root).present and made.public.count == count
done()
"""
)

PYMERKLE = (
    MEASURE
    + """
import pyarrow.parquet as pq
from pymerkle import InmemoryTree, verify_inclusion
started = time.process_time()
tree = InmemoryTree(algorithm="sha256")
for batch in pq.ParquetFile(path).iter_batches(batch_size=16384):
    for row in zip(*(column.to_pylist() for column in batch.columns)):
        tree.append_entry(repr(row).encode())
verify_inclusion(tree.get_leaf(8), tree.get_state(), tree.prove_inclusion(8))
assert tree.get_size() == count
done()
"""
)

PANDAS = (
    MEASURE
    + """
import pandas, pyarrow.parquet as pq
started, found = time.process_time(), 0
for batch in pq.ParquetFile(path).iter_batches(batch_size=16384):
    found += len(pandas.util.hash_pandas_object(batch.to_pandas(), index=False))
assert found == count
done()
"""
)


def measured(code: str, rows: int, path: Path, peers: Path | None) -> tuple[float, float] | None:
    """Return seconds and peak MiB of the best run of a script; None if it lacks its library."""
    places = [str(Path(__file__).parents[2]), *([str(peers)] if peers else [])]
    runs = []
    for _ in range(REPEAT):
        ran = subprocess.run(
            [sys.executable, "-c", code, str(rows), str(path)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        )
        if "ModuleNotFoundError" in ran.stderr:
            return None
        if ran.returncode:
            sys.exit(ran.stderr)
        runs.append(json.loads(ran.stdout))
    seconds, peak = min(runs)
    return seconds, peak


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--slow-rows", type=int, default=100_000)
    parser.add_argument("--peers", type=Path, help="a folder of installed packages")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = {n: Path(folder) / f"{n}.parquet" for n in {options.rows, options.slow_rows}}
        for rows, path in paths.items():
            subprocess.run([sys.executable, "-c", TABLE, str(rows), str(path)], check=True)
        ours = None
        for name, code, rows in (
            ("ours", OURS, options.rows),
            ("pymerkle", PYMERKLE, options.slow_rows),
            ("pandas hash", PANDAS, options.rows),
        ):
            found = measured(code, rows, paths[rows], options.peers)
            if found is None:
                print(f"{name:12} not installed")
                continue
            seconds = found[0] * options.rows / rows
            ours = ours or seconds
            print(
                f"{name:12} {seconds:8.2f} s {options.rows / seconds:12,.0f} rows/s "
                f"{found[1]:7.0f} MiB at most (for {rows:,} rows)  {seconds / ours:6.2f} x ours",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
