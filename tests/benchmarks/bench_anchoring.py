"""A million records in one transaction, beside one transaction for each, and beside OpenTimestamps.

    python tests/benchmarks/bench_anchoring.py [--records 1000000] [--bytes 400]

Acknowledged one by one by eight threads (each returns once it is on disk), beside the document
store, which syncs a file and a folder for each; then by the thousand. Closed into one batch,
beside ``make_merkle_tree`` of OpenTimestamps over as many nonced digests (a tenth of them: it keeps
every node as an object). Anchored on the embedded chain: the gas of that transaction divided by the
records, beside the gas of batches of one. Proofs of random records, each verified.

Prints all rates and ratios, and the largest resident size of this process. Exit code 1 if the batch
is not one transaction, a proof fails, or the size is over 1 GB.
"""

import argparse
import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from opentimestamps.core.op import OpAppend, OpSHA256
from opentimestamps.core.timestamp import Timestamp, make_merkle_tree

from provenance.config import Settings
from provenance.documents import Documents
from provenance.identifiers import PartyId
from provenance.ledger import anchors
from provenance.ledger.batches import BatchState
from provenance.ledger.opening import Ledger, open_ledger
from provenance.ledger.setup import DEFAULT_NAME, initialise
from provenance.proofs.batches import RecordKind, verify_record

THREADS = 8
ALONE = 4_000
STORED = 500
SINGLES = 5
PROOFS = 500
KIND = RecordKind.OPENLINEAGE_EVENT
MOST_KIB = 1 << 20


def documents(first: int, count: int, size: int) -> Iterator[bytes]:
    """Documents of a size, each with a number of its own."""
    for number in range(first, first + count):
        yield b'{"eventType":"COMPLETE","run":%d,"pad":"' % number + b"x" * (size - 50) + b'"}'


def one_by_one(ledger: Ledger, party: PartyId, size: int) -> float:
    """Records a second that eight threads get acknowledged, one at a time."""
    share = ALONE // THREADS

    def write(number: int) -> None:
        for document in documents(10**9 + number * share, share, size):
            ledger.journal.append(document, KIND, party)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ALONE / (time.perf_counter() - started)


def stored(folder: Path, size: int) -> float:
    """Documents a second that eight threads put into the document store."""
    store = Documents(folder, 1 << 20)
    share = STORED // THREADS

    def write(number: int) -> None:
        for document in documents(2 * 10**9 + number * share, share, size):
            store.put(document)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return share * THREADS / (time.perf_counter() - started)


def fill(ledger: Ledger, party: PartyId, count: int, size: int) -> float:
    """Records a second, a thousand in each call."""
    started = time.perf_counter()
    for first in range(0, count, 1000):
        ledger.journal.append_many(documents(first, min(1000, count - first), size), KIND, party)
    return count / (time.perf_counter() - started)


def open_timestamps(count: int) -> float:
    """Leaves a second of OpenTimestamps: a nonce, a hash, the tree."""
    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(count)]
    started = time.perf_counter()
    leaves = []
    for digest in digests:
        nonced = Timestamp(digest).ops.add(OpAppend(os.urandom(16)))
        leaves.append(nonced.ops.add(OpSHA256()))
    make_merkle_tree(leaves)
    return count / (time.perf_counter() - started)


def gas_of_singles(ledger: Ledger, party: PartyId, size: int) -> float:
    """Gas of a record that is anchored alone."""
    spent = 0
    for document in documents(3 * 10**9, SINGLES, size):
        ledger.journal.append(document, KIND, party)
        anchors.close(ledger)
        (batch,) = anchors.anchor(ledger)
        spent += gas_of(ledger, batch.transaction_hash)
    return spent / SINGLES


def gas_of(ledger: Ledger, transaction_hash: bytes | None) -> int:
    """Gas of a mined transaction."""
    receipt = ledger.client.receipt(transaction_hash or b"")
    assert receipt is not None
    return receipt.gas_used


def proofs_of(ledger: Ledger, last: int) -> float:
    """Proofs a second, of random records, each verified."""
    numbers = [random.randint(1, last) for _ in range(PROOFS)]
    started = time.perf_counter()
    for number in numbers:
        proof = anchors.prove(ledger, anchors.numbered(ledger, number))
        verify_record(proof, proof.root)
    return PROOFS / (time.perf_counter() - started)


def measure(ledger: Ledger, folder: Path, count: int, size: int) -> dict[str, float]:
    """Do everything once."""
    party = ledger.party_of_signer(DEFAULT_NAME)
    alone, files = one_by_one(ledger, party, size), stored(folder / "documents", size)
    single_gas = gas_of_singles(ledger, party, size)
    anchors.close(ledger)
    anchors.anchor(ledger)
    filled = fill(ledger, party, count, size)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    (batch,) = anchors.close(ledger)
    closing_s = time.perf_counter() - started
    closed_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (done,) = anchors.anchor(ledger)
    assert done.count == batch.count == count
    assert done.state is BatchState.ANCHORED
    gas = gas_of(ledger, done.transaction_hash)
    proven = proofs_of(ledger, done.last)
    largest_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peer = open_timestamps(count // 10)
    return {
        "records": count,
        "one_by_one_per_s": round(alone),
        "document_store_per_s": round(files),
        "one_by_one_ratio": round(alone / files, 1),
        "by_the_thousand_per_s": round(filled),
        "closing_s": round(closing_s, 2),
        "closed_per_s": round(count / closing_s),
        "open_timestamps_per_s": round(peer),
        "closed_ratio": round(count / closing_s / peer, 1),
        "gas_of_the_batch": gas,
        "gas_per_record": round(gas / count, 4),
        "gas_of_one_alone": round(single_gas),
        "gas_ratio": round(single_gas * count / gas),
        "proofs_per_s": round(proven),
        "rss_before_closing_mib": before_kib >> 10,
        "rss_after_closing_mib": closed_kib >> 10,
        "rss_largest_mib": largest_kib >> 10,
        "journal_mib": (ledger.settings.home / "journal.sqlite3").stat().st_size >> 20,
    }


def main() -> int:
    """Measure, print, and say whether the limits are kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--bytes", type=int, default=400)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "home")
        initialise(settings)
        with open_ledger(replace(settings, anchor_batch_records=given.records)) as ledger:
            found = measure(ledger, Path(folder), given.records, given.bytes)
    print(json.dumps(found, indent=1))
    return 0 if found["rss_largest_mib"] << 10 < MOST_KIB else 1


if __name__ == "__main__":
    sys.exit(main())
