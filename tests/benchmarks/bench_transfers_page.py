"""Pages of the transfers of a dataset that has ten thousand: the first, the middle, the last.

    python tests/benchmarks/bench_transfers_page.py [--transfers 10000] [--limit 100]

The dataset is registered on a real chain and served over HTTP. Its transfers are not sent through
the chain, which would take minutes: events of the contract's shape are entered with
``index.transfers.apply``, as the index does with decoded logs, in the block of the registration.
What is measured is the way of a page from SQLite to the client.

Prints the median of each page, the same page of a dataset with one page of transfers, and the ratio
of the slowest to the fastest. Exit code 1 if it is over 2: a page does not take constant time.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
from bench_api_writes import listen, manifest_of, serve, wait_ready

from provenance.chain.client import BlockRef
from provenance.chain.events import Event
from provenance.config import Settings
from provenance.content import manifest as manifests
from provenance.identifiers import SubjectKind, subject_of
from provenance.index import database, transfers
from provenance.ledger import datasets
from provenance.ledger.opening import open_ledger
from provenance.ledger.setup import DEFAULT_NAME, initialise
from provenance.proofs.history import RawLog

MOST_RATIO = 2.0


def started(dataset_id: int, number: int, block: BlockRef) -> Event:
    """A transfer of one unit from party 3 to party 1, as the contract would say it."""
    subjects = {
        "dataset": subject_of(SubjectKind.DATASET, dataset_id),
        "giver": subject_of(SubjectKind.PARTY, 3),
        "taker": subject_of(SubjectKind.PARTY, 1),
    }
    arguments = {
        **subjects,
        "transfer": number,
        "units": 1,
        "agreement": bytes(32),
        "expires": block.timestamp + 86_400,
    }
    log = RawLog(block.number, 100_000 + number, bytes(20), (), b"", block.hash, bytes(32))
    return Event("TransferStarted", "Titles", arguments, log)


def prepare(settings: Settings, counts: list[int]) -> list[int]:
    """Register a dataset for each count and enter so many transfers; return their ids."""
    ids, number = [], 0
    with open_ledger(settings) as ledger:
        for index, count in enumerate(counts):
            manifest = manifests.parse(manifest_of(index, "page"))
            made = datasets.register(ledger, DEFAULT_NAME, manifest, f"Dataset {index}")
            ledger.sync()
            numbers = range(number + 1, number + count + 1)
            events = [started(made.dataset_id, each, made.receipt.block) for each in numbers]
            with database.writing(ledger.engine) as connection:
                transfers.apply(connection, events, dict.fromkeys(numbers, 0))
            ids.append(made.dataset_id)
            number += count
    return ids


def cursors(client: httpx.Client, path: str, limit: int) -> list[str | None]:
    """Return the cursor of every page."""
    found: list[str | None] = [None]
    while True:
        page = client.get(path, params=_query(found[-1], limit)).json()
        assert len(page["items"]) == limit
        if page["next"] is None:
            return found
        found.append(page["next"])


def medians_ms(
    client: httpx.Client, pages: dict[str, tuple[str, str | None]], limit: int, times: int
) -> dict[str, float]:
    """Return the median time of each page in milliseconds; asked in turn, to share the load."""
    spent: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(times):
        for name, (path, cursor) in pages.items():
            begun = time.perf_counter()
            assert client.get(path, params=_query(cursor, limit)).status_code == 200
            spent[name].append(time.perf_counter() - begun)
    return {name: statistics.median(found) * 1000 for name, found in spent.items()}


def _query(cursor: str | None, limit: int) -> dict[str, str | int]:
    return {"limit": limit} if cursor is None else {"limit": limit, "after": cursor}


def measure(url: str, ids: list[int], given: argparse.Namespace) -> dict[str, float]:
    """Return medians by page, in milliseconds."""
    with httpx.Client(base_url=url, timeout=60) as client:
        large, small = (f"/v1/datasets/{dataset_id}/transfers" for dataset_id in ids)
        pages = cursors(client, large, given.limit)
        wanted = {
            "first": (large, pages[0]),
            "middle": (large, pages[len(pages) // 2]),
            "last": (large, pages[-1]),
            "only_page_of_a_small_one": (small, None),
        }
        found = medians_ms(client, wanted, given.limit, given.times)
        return {f"{name}_ms": round(value, 3) for name, value in found.items()}


def main() -> int:
    """Measure, print, and say whether the target is met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--transfers", type=int, default=10_000)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--times", type=int, default=300)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, listen() as listening:
        port = listening.getsockname()[1]
        home = Path(folder) / "home"
        settings = Settings(home=home, port=port, requests_per_minute=1_000_000)
        initialise(settings)
        ids = prepare(settings, [given.transfers, given.limit])
        context = multiprocessing.get_context("fork")
        service = context.Process(target=serve, args=(settings, listening))
        service.start()
        try:
            wait_ready(f"http://127.0.0.1:{port}")
            found = measure(f"http://127.0.0.1:{port}", ids, given)
        finally:
            service.terminate()
            service.join(30)
    ratio = max(found.values()) / min(found.values())
    print(json.dumps({**found, "ratio": round(ratio, 2), "transfers": given.transfers}))
    return 0 if ratio <= MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
