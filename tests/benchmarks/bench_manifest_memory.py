"""Ten million entries written, rooted, proven and diffed, and the memory that takes.

    python tests/benchmarks/bench_manifest_memory.py [--entries 10000000]

Two manifests of so many entries, which differ in five, are written from entries in order; one is
written to a file and parsed again; an inclusion, an absence and the difference are computed. Prints
the time and the peak of memory after each step; exit code 1 if the peak is over 500 MB.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from provenance.content.diff import diff
from provenance.content.manifest import Header, Manifest, ManifestEntry, ManifestWriter, parse
from provenance.proofs.absence import check_absence, prove_absence
from provenance.proofs.merkle import prove, verify_inclusion

MOST_BYTES = 500_000_000


def peak_bytes() -> int:
    """The most memory that this process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def entries(count: int, every: int) -> Iterator[ManifestEntry]:
    """Entries in order; of every so many one differs."""
    one, other = {"sha256": sha256(b"1").digest()}, {"sha256": sha256(b"2").digest()}
    for number in range(count):
        digests = other if every and number % every == every - 1 else one
        yield ManifestEntry(f"part-{number // 1000:05}/record-{number:09}.bin", number, digests)


def written(count: int, every: int) -> Manifest:
    """A manifest of so many entries."""
    writer = ManifestWriter(Header())
    for entry in entries(count, every):
        writer.add(entry)
    return writer.finish()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=10_000_000)
    count: int = parser.parse_args().entries
    started = time.perf_counter()

    def tell(step: str) -> None:
        seconds = time.perf_counter() - started
        print(f"{step:24} {seconds:8.1f} s {peak_bytes() / 1e6:8.1f} MB at most", flush=True)

    old, new = written(count, 0), written(count, count // 5)
    tell("two written and rooted")
    with tempfile.TemporaryFile() as file:
        file.writelines(new.document_chunks())
        file.seek(0)
        assert parse(file) == new
    tell("one stored and parsed")
    proof = prove(new, f"part-{count // 2000:05}/record-{count // 2:09}.bin")
    verify_inclusion(proof, new.root)
    tell("an inclusion")
    check_absence(prove_absence(new, f"part-{count // 2000:05}/record-x"), new.root)
    tell("an absence")
    assert len(diff(old, new).changed) == 5
    tell("the difference")
    return 0 if peak_bytes() <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
