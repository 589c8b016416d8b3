"""How fast the index takes events in, and how fast it answers, in ratios that travel.

    python tests/benchmarks/bench_index.py [--events 50000] [--by-web3 3000]

Events go from the JSON of ``eth_getLogs`` to committed rows with folded heads in a new SQLite
file. Beside it, in the same process and from the same JSON: web3.py's ``get_logs`` and
``process_log``, which only read the events and store nothing. Then a page of 50 transfers of a
dataset with ten thousand of them, at its start and at its end, and of one with fifty.

Prints one JSON document; asserts nothing, since other work on the machine moves every number.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from web3 import Web3

from provenance.chain.client import Client, parse_log
from provenance.chain.events import Decoder
from provenance.chain.web3_provider import NodeProvider
from provenance.index import database, transfers
from provenance.index.sync import sync

TESTS = Path(__file__).resolve().parents[1]
PAGE = 50
MANY = 10_000


def load(name):
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def history(scenario, count):
    """Return a node with that many events: registrations, each with two transfers, and a dataset
    that changes hands all the time."""
    node = scenario.ListedNode()
    party, dataset, raw = scenario.party, scenario.dataset, scenario.raw
    address = ["0x" + f"{number:040x}" for number in (1, 2, 3)]
    profile = (1, 0, b"CN", bytes(12), 5, bytes(32))
    made = [raw("PartyRegistered", [party(n)], [address[n - 1], profile, 48]) for n in (1, 2, 3)]
    datasets = moves = 0

    def move(dataset_id):
        nonlocal moves
        moves += 1
        giver, taker = (1, 2) if moves % 2 else (2, 1)
        who = [dataset(dataset_id), party(giver), party(taker)]
        made.append(raw("TransferStarted", who, [moves, 1, scenario.sha("agreement"), 2**40]))
        made.append(raw("TransferAccepted", who, [moves, 1]))

    def register():
        nonlocal datasets
        datasets += 1
        digests = [scenario.sha(kind, datasets) for kind in ("root", "manifest", "metadata")]
        values = [5, scenario.sha("source"), (*digests, 0, bytes(32)), 1]
        made.append(raw("DatasetRegistered", [dataset(datasets), party(1)], values))

    register()
    register()
    for _ in range(MANY):
        move(1)
    for _ in range(PAGE):
        move(2)
    while len(made) < count:
        register()
        move(datasets)
        move(datasets)
    for start in range(0, len(made), 50):
        node.mine(made[start : start + 50])
    return node


def by_index(node, folder):
    """Return seconds to sync all events into a new index, and the index."""
    engine = database.open_engine(folder / database.INDEX_FILE)
    started = time.perf_counter()
    sync(engine, Client(node), node.deployment())
    return time.perf_counter() - started, engine


def reading_only(node, shown):
    """Return seconds to turn JSON into events, without storing them."""
    decoder = Decoder(node.deployment().modules)
    started = time.perf_counter()
    for log in shown:
        decoder.decode(parse_log(log))
    return time.perf_counter() - started


def by_web3(node, scenario, blocks):
    """Return seconds web3.py needs for the logs of the first blocks, and how many they are."""
    web3 = Web3(NodeProvider(node))
    contracts = {}
    for module, address in scenario.MODULES.items():
        path = scenario.ABI / f"{module}.json"
        abi = json.loads(path.read_text())["abi"]
        checked = Web3.to_checksum_address(address)
        contracts[checked] = web3.eth.contract(address=checked, abi=abi)
    topics = {
        topic: (Web3.to_checksum_address(scenario.MODULES[module]), name)
        for name, (module, topic, _) in scenario.EVENTS.items()
    }
    started = time.perf_counter()
    wanted = {"fromBlock": 1, "toBlock": blocks, "address": list(contracts)}
    logs = web3.eth.get_logs(wanted)
    for log in logs:
        address, name = topics[bytes(log["topics"][0])]
        contracts[address].events[name]().process_log(log)
    return time.perf_counter() - started, len(logs)


def page_ms(engine, dataset_id, after):
    """Return the median milliseconds of a page."""
    found = []
    with database.reading(engine) as connection:
        for _ in range(200):
            started = time.perf_counter()
            page = transfers.of_dataset(connection, dataset_id, after=after, limit=PAGE)
            found.append(time.perf_counter() - started)
        assert len(page.items) == PAGE
    return 1000 * statistics.median(found)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--events", type=int, default=50_000)
    arguments.add_argument("--by-web3", type=int, default=3_000, help="events web3.py reads")
    given = arguments.parse_args()
    scenario = load("scenario")
    node = history(scenario, given.events)
    count = len(node.logs())
    shown = [scenario.shown_log(log) for log in node.logs()]
    with tempfile.TemporaryDirectory() as folder:
        index_s, engine = by_index(node, Path(folder))
        first, last = page_ms(engine, 1, 0), page_ms(engine, 1, MANY - PAGE)
        small = page_ms(engine, 2, 0)
        engine.dispose()
    read_s = reading_only(node, shown)
    web3_s, web3_count = by_web3(node, scenario, given.by_web3 // 50)
    index_us, read_us = 1e6 * index_s / count, 1e6 * read_s / count
    web3_us = 1e6 * web3_s / web3_count
    found = {
        "events": count,
        "index_events_per_s": round(1e6 / index_us),
        "index_us_an_event": round(index_us, 1),
        "read_us_an_event": round(read_us, 1),
        "web3_us_an_event": round(web3_us, 1),
        "web3_to_index_ratio": round(web3_us / index_us, 1),
        "web3_to_read_ratio": round(web3_us / read_us, 1),
        "page_of_10000_first_ms": round(first, 2),
        "page_of_10000_last_ms": round(last, 2),
        "page_of_50_ms": round(small, 2),
        "last_to_small_page_ratio": round(last / small, 2),
    }
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
