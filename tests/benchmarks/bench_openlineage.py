"""OpenLineage events by several clients, with the service killed meanwhile; what an event costs.

    python tests/benchmarks/bench_openlineage.py [--events 100000] [--clients 8] [--kills 10]

A service runs on a new home. So many processes post events through the real OpenLineage client
(its HTTP transport, gzip off), each a START or COMPLETE of a run with two datasets; an event counts
as acknowledged when ``emit`` returns, and one that failed is sent again until it does. Meanwhile
the service is killed with SIGKILL so often, at moments spread over the run, and started again.

Afterwards every acknowledged event is proven: its bytes are in the journal, its leaf leads to the
root of one batch, and that root is anchored on chain (each by itself, and some of them through the
API with the log, its receipt and the signed checkpoint). Exit code 1 if a single one is not.

Prints the sustained rate, and gas per event beside the peer: the same event anchored by a
transaction of its own, measured on the same chain in the same run.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import requests

from provenance.config import Settings
from provenance.ledger import anchors
from provenance.ledger.batches import Batch
from provenance.ledger.opening import Ledger, open_ledger
from provenance.ledger.setup import DEFAULT_NAME, initialise
from provenance.ledger.tokens import Tokens
from provenance.ledger.writing import write
from provenance.proofs.batches import BatchProof, parse, record_leaf, verify_record
from provenance.proofs.merkle import Tree

START_S = 120.0
SINGLE = 30
SAMPLE = 100


class Service:
    """The service in a process of its own, which may be killed."""

    def __init__(self, settings: Settings, age_s: int) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PROVENANCE_")}
        self._environment = {
            **kept,
            "PROVENANCE_HOME": str(settings.home),
            "PROVENANCE_PORT": str(settings.port),
            "PROVENANCE_REQUESTS_PER_MINUTE": "1000000000",
            "PROVENANCE_ANCHOR_BATCH_AGE_S": str(age_s),
            "ETH_HASH_BACKEND": "pysha3",
        }
        self.url = f"http://127.0.0.1:{settings.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; return how long that took."""
        started = time.monotonic()
        words = [sys.executable, "-m", "provenance", "serve"]
        self.process = subprocess.Popen(words, env=self._environment, stderr=subprocess.DEVNULL)
        while not self._is_ready():
            assert self.process.poll() is None, "the service ended"
            assert time.monotonic() - started < START_S, "the service did not start in time"
            time.sleep(0.05)
        return time.monotonic() - started

    def end(self, with_signal: signal.Signals) -> None:
        """Send it a signal and wait for its end."""
        assert self.process is not None
        self.process.send_signal(with_signal)
        self.process.wait()

    def _is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readyz").status_code == 200
        return False


@contextmanager
def new_home() -> Iterator[Settings]:
    """Set a home up in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="provenance-bench-") as folder:
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        settings = Settings(home=Path(folder) / "home", port=port)
        initialise(settings)
        yield settings


def event(number: int, client: int) -> Any:
    """One event of a run that has two."""
    from openlineage.client import event_v2

    run = f"{client:08x}-0000-4000-8000-{number // 2:012x}"
    return event_v2.RunEvent(
        eventTime=f"2026-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
        eventType=event_v2.RunState.COMPLETE if number % 2 else event_v2.RunState.START,
        run=event_v2.Run(runId=run),
        job=event_v2.Job(namespace="bench", name=f"job {client}.{number // 2 % 50}"),
        inputs=[event_v2.InputDataset(namespace="db://bench", name=f"in {number // 2 % 50}")],
        outputs=[event_v2.OutputDataset(namespace="db://bench", name=f"out {number // 2 % 50}")],
        producer="https://example.org/bench",
    )


def post(url: str, token: str, client: int, count: int, kept: Path, done: Any) -> None:
    """Post events one after the other; note the digest of each that was acknowledged."""
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.http import ApiKeyTokenProvider, HttpConfig, HttpTransport

    class Noting(HttpTransport):
        """Keeps the last answer, which the client does not return."""

        answer: requests.Response

        def emit(self, event: Any) -> Any:
            self.answer = super().emit(event)
            return self.answer

    auth = ApiKeyTokenProvider({"apiKey": token})
    transport = Noting(HttpConfig(url=url, auth=auth, timeout=30, retry={"total": 0}))
    sender = OpenLineageClient(transport=transport)
    with kept.open("w") as file:
        for number in range(count):
            made = event(number, client)
            while True:
                try:
                    sender.emit(made)
                    break
                except requests.RequestException as error:
                    # refused for good, not cut off or restarted
                    if error.response is not None and error.response.status_code < 500:
                        raise
                    time.sleep(0.05)
            file.write(json.loads(transport.answer.content)["digest"] + "\n")
            with done.get_lock():
                done.value += 1


def run_clients(
    service: Service, token: str, folder: Path, asked: argparse.Namespace
) -> tuple[float, float, list[Path]]:
    """Post everything, and kill the service meanwhile; return seconds, those down, and files."""
    context = multiprocessing.get_context("spawn")
    done = context.Value("l", 0)
    files = [folder / f"client-{client}.txt" for client in range(asked.clients)]
    share = asked.events // asked.clients
    processes = [
        context.Process(target=post, args=(service.url, token, client, share, file, done))
        for client, file in enumerate(files)
    ]
    total = share * asked.clients
    moments = sorted(random.Random(7).sample(range(total // 20, total - total // 20), asked.kills))
    down_s = 0.0
    for process in processes:
        process.start()
    while done.value == 0:
        time.sleep(0.01)
    started = time.monotonic()
    while any(process.is_alive() for process in processes):
        if moments and done.value >= moments[0]:
            moments.pop(0)
            service.end(signal.SIGKILL)
            down_s += service.start()
            print(f"  killed at {done.value} events, back after {down_s:.1f} s down in all")
        time.sleep(0.02)
    assert not moments, "the run was over before the last kill"
    assert all(process.exitcode == 0 for process in processes), "a client failed"
    return time.monotonic() - started, down_s, files


def prove_all(ledger: Ledger, digests: set[str]) -> tuple[list[Batch], int]:
    """Prove every acknowledged event; return the batches and how many entries they have."""
    by_batch: dict[int, list[Any]] = defaultdict(list)
    batches: dict[int, Batch] = {}
    after = 0
    while entries := ledger.journal.entries(after, 10_000):
        after = entries[-1].sequence
        for entry in entries:
            batch = next((b for b in batches.values() if b.after < entry.sequence <= b.last), None)
            batch = batch or ledger.batches.of_entry(entry)
            assert batch is not None, "an entry is in no batch"
            batches[batch.id] = batch
            by_batch[batch.id].append(entry)
    missing = set(digests)
    for batch in batches.values():
        (block,) = ledger.call("Anchors", "anchoredAt", batch.party, batch.root)
        assert block, f"batch {batch.id} is not anchored"
        entries = by_batch[batch.id]
        tree = Tree([record_leaf(entry.nonce, entry.kind, entry.digest) for entry in entries])
        for index, entry in enumerate(entries):
            document = ledger.journal.document(entry.sequence)
            assert document is not None
            assert hashlib.sha256(document).digest() == entry.digest
            proof = BatchProof(
                *(entry.kind, entry.nonce, entry.digest, entry.party, batch.root),
                *(len(entries), index, tree.path(index)),
            )
            verify_record(proof, batch.root)
            missing.discard(entry.digest.hex())
    assert not missing, f"{len(missing)} acknowledged events are not proven"
    return list(batches.values()), after


def prove_some(service: Service, ledger: Ledger, token: str, digests: set[str]) -> None:
    """Prove some events as any client can: from the API, up to the signed checkpoint."""
    client = httpx.Client(
        base_url=service.url, headers={"Authorization": f"Bearer {token}"}, timeout=60
    )
    for digest in random.Random(1).sample(sorted(digests), min(SAMPLE, len(digests))):
        proof = client.get(f"/v1/records/{digest}/proof").content
        document = client.get(f"/v1/openlineage/events/{digest}").content
        verdict = anchors.check(ledger, parse(proof), document)
        assert verdict.status == "passed", verdict


def one_by_one(ledger: Ledger, count: int) -> tuple[float, float]:
    """Anchor events by a transaction each; return gas and seconds of one."""
    started = time.monotonic()
    gas = 0
    for number in range(count):
        leaf = hashlib.sha256(f"single {number}".encode()).digest()
        found = write(ledger, DEFAULT_NAME, "Anchors", "anchor", leaf, 1, 0)
        gas += gas_of(ledger, found.receipt.transaction_hash)
    return gas / count, (time.monotonic() - started) / count


def gas_of(ledger: Ledger, transaction_hash: bytes) -> int:
    """Gas that a transaction used."""
    receipt = ledger.client.receipt(transaction_hash)
    assert receipt is not None
    return receipt.gas_used


def main(words: list[str] | None = None) -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--age", type=int, default=10, help="seconds until a batch is closed")
    asked = parser.parse_args(words)
    with new_home() as settings:
        token = Tokens(settings.home).add(DEFAULT_NAME)[0]
        service = Service(settings, asked.age)
        service.start()
        try:
            spent_s, down_s, files = run_clients(service, token, settings.home.parent, asked)
            digests = {line for file in files for line in file.read_text().split()}
        finally:
            service.end(signal.SIGTERM)
        with open_ledger(settings) as ledger:
            anchors.close(ledger)
            anchors.anchor(ledger)
            batches, entries = prove_all(ledger, digests)
            gas = sum(gas_of(ledger, batch.transaction_hash or b"") for batch in batches)
            single_gas, single_s = one_by_one(ledger, SINGLE)
        service.start()
        try:
            with open_ledger(settings) as ledger:
                prove_some(service, ledger, token, digests)
        finally:
            service.end(signal.SIGTERM)
    rate = len(digests) / spent_s
    print(f"acknowledged {len(digests)} events by {asked.clients} clients in {spent_s:.1f} s")
    print(f"  rate {rate:.0f} events/s; {len(digests) / (spent_s - down_s):.0f} while it was up")
    print(f"  {asked.kills} kills, {down_s:.1f} s down; all {len(digests)} proven, 0 missing")
    print(f"batches: {len(batches)} transactions, {gas / entries:.1f} gas an event")
    print(f"one transaction an event: {single_gas:.0f} gas, {1 / single_s:.1f} events/s")
    less, faster = single_gas * entries / gas, rate * single_s
    print(f"ratio: {less:.0f} times less gas, {faster:.0f} times the rate")
    return 0


if __name__ == "__main__":
    sys.exit(main())
