"""Writes of a hundred clients through the API, against the bare durable chain, in one run.

    python tests/benchmarks/bench_api_writes.py [--transactions 1000] [--clients 100]

Bare: the same registrations, signed beforehand, handed to the embedded chain of the same home, from
the first one sent to the last one mined. API: registrations of small manifests by ``POST
/v1/datasets`` from so many clients at once, each with a connection of its own, from the first
request to the last answer; the clients run in this process, the service in another. One
registration goes before, in which the service opens the party's key: the bare chain has its
transactions signed beforehand too.

Prints both rates, their ratio (the issue asks for at least 0.70), and the largest distance between
a block's time and the clock at the moment its receipt arrived (at most 2 s). Exit code 1 if either
is missed.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import httpx
import uvicorn

from api.app import create_app
from provenance.chain.client import Client
from provenance.chain.ownership import OwnedChain
from provenance.chain.signing import SignedTransaction, Transaction, sign_transaction
from provenance.config import Settings
from provenance.content.digest import digest_bytes
from provenance.content.manifest import Header, ManifestEntry, build_from_entries
from provenance.ledger.opening import open_ledger
from provenance.ledger.setup import DEFAULT_NAME, initialise
from provenance.ledger.tokens import Tokens
from provenance.ledger.vocabulary import Classification
from provenance.ledger.writing import DEFAULT_GAS

LEAST_RATIO = 0.70
MOST_LAG_S = 2.0


def manifest_of(number: int, tag: str) -> bytes:
    """A manifest of one small file that no other registration has."""
    entry = ManifestEntry(".", 8, digest_bytes(f"{tag} {number}".encode()).digests)
    return build_from_entries(Header(), [entry]).document


def signed_registrations(settings: Settings, count: int) -> list[SignedTransaction]:
    """Registrations of different content, ready to be sent."""
    with open_ledger(settings) as ledger:
        key = ledger.key(DEFAULT_NAME)
        ledger.fund(key.address, DEFAULT_GAS)
        nonce = ledger.client.nonce(key.address)
        contract, address = ledger.contracts["Datasets"], ledger.address("Datasets")
        signed = []
        for number in range(count):
            digest = digest_bytes(f"bare {number}".encode()).digests["sha256"]
            data = contract.encode(
                "register", Classification().values(), digest, (digest,) * 3 + (0, bytes(32)), 0
            )
            wanted = Transaction(
                ledger.chain_id, nonce + number, 0, 10**10, DEFAULT_GAS, address, 0, data
            )
            signed.append(sign_transaction(key, wanted))
    return signed


def bare(settings: Settings, count: int) -> float:
    """Transactions a second of the chain alone, mined in this process."""
    signed = signed_registrations(settings, count)
    with OwnedChain(settings.home, mining="background") as owned:
        started = time.perf_counter()
        for transaction in signed:
            owned.chain.send_raw(transaction.raw)
        assert owned.chain.wait_mined(signed[-1].hash, 600)
        spent_s = time.perf_counter() - started
        client = Client(owned.chain)
        for transaction in signed[:: max(count // 10, 1)]:
            receipt = client.receipt(transaction.hash)
            assert receipt is not None
            assert receipt.succeeded
    return count / spent_s


def listen() -> socket.socket:
    """Return a listening socket on a free port of loopback.

    Its protocol is named: asyncio turns Nagle's algorithm off only then, as it does for the sockets
    that it makes itself, and an answer would wait 40 ms for the acknowledgement of its headers.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(2048)
    return listening


def serve(settings: Settings, listening: socket.socket) -> None:
    """Run the service until its process is ended."""
    app = create_app(settings)
    config = uvicorn.Config(app, log_level="warning", lifespan="on", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


async def through_api(url: str, token: str, count: int, clients: int) -> tuple[float, float]:
    """Transactions a second through the API, and the largest lag of a block's time."""
    numbers = iter(range(count))
    lag_s = 0.0

    async def register(client: aiohttp.ClientSession, number: int) -> float:
        body = {"title": f"Dataset {number}", "manifest": documents[number]}
        async with client.post("/v1/datasets", json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            block = (await answer.json())["block"]
            return abs(time.time() - float(block["timestamp"]))

    async def one_client() -> None:
        nonlocal lag_s
        async with aiohttp.ClientSession(url) as client:
            for number in numbers:
                lag_s = max(lag_s, await register(client, number))

    headers = {"Authorization": f"Bearer {token}"}
    documents = [manifest_of(number, "api").decode() for number in range(count + 1)]
    async with aiohttp.ClientSession(url) as first:
        await register(first, count)
    started = time.perf_counter()
    await asyncio.gather(*(one_client() for _ in range(clients)))
    return count / (time.perf_counter() - started), lag_s


def wait_ready(url: str) -> None:
    """Wait until the service answers."""
    for _ in range(200):
        try:
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not become ready")


def main() -> int:
    """Measure, print, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--transactions", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, listen() as listening:
        port = listening.getsockname()[1]
        settings = Settings(home=Path(folder) / "home", port=port, requests_per_minute=1_000_000)
        initialise(settings)
        token, _ = Tokens(settings.home).add(DEFAULT_NAME)
        alone = bare(settings, given.transactions)
        context = multiprocessing.get_context("fork")
        service = context.Process(target=serve, args=(settings, listening))
        service.start()
        try:
            url = f"http://127.0.0.1:{port}"
            wait_ready(url)
            rate, lag_s = asyncio.run(through_api(url, token, given.transactions, given.clients))
        finally:
            service.terminate()
            service.join(30)
    found = {
        "bare_tx_per_s": round(alone, 1),
        "api_tx_per_s": round(rate, 1),
        "ratio": round(rate / alone, 3),
        "block_time_lag_s": round(lag_s, 2),
        "clients": given.clients,
    }
    print(json.dumps(found))
    return 0 if rate / alone >= LEAST_RATIO and lag_s <= MOST_LAG_S else 1


if __name__ == "__main__":
    sys.exit(main())
