"""``kill -9`` of a process that records and anchors, at random moments, loses and doubles nothing.

In the end every acknowledged document is provable under a root on the chain, in exactly one
anchored batch, and nothing else was anchored. ``KILLS`` is how often (3 by default); the seed is
printed with a failure.
"""

import importlib.util
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from provenance.index import anchors as indexed
from provenance.index import database
from provenance.ledger import anchors
from provenance.ledger.batches import BatchState
from provenance.ledger.opening import open_ledger
from provenance.proofs.batches import record_leaf, verify_record
from provenance.proofs.merkle import Tree

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("home", ROOT / "tests" / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)

KILLS = int(os.environ.get("KILLS", "3"))
READY_S = 90

WORKER = """
import os, random, sys, threading, time
from pathlib import Path
from provenance.config import Settings
from provenance.ledger import anchors
from provenance.ledger.opening import open_ledger

def write(ledger, parties):
    while True:
        party = random.choice(parties)
        document = os.urandom(random.randrange(1, 400))
        entry = ledger.journal.append(document, random.randrange(1, 5), party)
        os.write(1, f"{entry.digest.hex()} {party}\\n".encode())
        time.sleep(0.01)

settings = Settings(home=Path(sys.argv[1]), anchor_batch_records=40, anchor_batch_age_s=1)
with open_ledger(settings) as ledger:
    parties = [ledger.party_of_signer(name) for name in ("founder", "bank")]
    for _ in range(3):
        threading.Thread(target=write, args=(ledger, parties), daemon=True).start()
    while True:
        anchors.advance(ledger)
        if random.random() < 0.5:
            anchors.close(ledger)
"""


def run_and_kill(home, moments, acknowledged, log):
    before = acknowledged.stat().st_size
    with acknowledged.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(home)], cwd=ROOT, stdout=out, stderr=log
        )
        deadline = time.monotonic() + READY_S
        while acknowledged.stat().st_size == before:
            assert process.poll() is None, "the process ended by itself"
            assert time.monotonic() < deadline, "the process records nothing"
            time.sleep(0.02)
        time.sleep(moments.uniform(0.0, 2.5))
        process.kill()
        process.wait()


def test_nothing_acknowledged_is_lost_and_nothing_is_anchored_twice(tmp_path):
    seed = random.randrange(2**32)
    print(f"seed {seed}, {KILLS} kills")
    moments = random.Random(seed)
    settings = homes.make(tmp_path / "home")
    acknowledged = tmp_path / "acknowledged"
    acknowledged.touch()
    with (tmp_path / "log").open("wb") as log:
        for _ in range(KILLS):
            run_and_kill(settings.home, moments, acknowledged, log)
    lines = [line.split() for line in acknowledged.read_text().splitlines()]
    wanted = [(bytes.fromhex(digest), int(party)) for digest, party in lines]
    assert len(wanted) > KILLS
    with open_ledger(replace(settings, anchor_batch_records=1_000)) as ledger:
        anchors.close(ledger)
        anchors.anchor(ledger)
        examine(ledger, wanted)


def examine(ledger, wanted):
    assert ledger.batches.in_state(BatchState.CLOSED) == []
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        on_chain = indexed.list_page(connection, limit=1000).items
    counts = {(each.party_id, each.root): each.count for each in on_chain}
    assert len(counts) == len(on_chain)
    places = {}
    for batch in ledger.batches.newest(10**6):
        entries = ledger.journal.entries(batch.after, batch.count, batch.party)
        tree = Tree([record_leaf(each.nonce, each.kind, each.digest) for each in entries])
        assert tree.root() == batch.root
        assert counts.pop((batch.party, batch.root)) == len(entries)
        # nobody's place is taken twice, so that nothing is in two batches
        places |= {(each.digest, each.party): batch for each in entries}
    assert counts == {}
    assert len(places) == len(ledger.journal.entries(limit=10**6))
    assert set(wanted) <= set(places)
    for digest, party in random.sample(wanted, min(len(wanted), 50)):
        found = anchors.find(ledger, digest, party)
        assert found.batch == places[digest, party]
        verify_record(ledger.batches.proof(found.batch, found.entry), found.batch.root)
    first = anchors.find(ledger, *wanted[0])
    verdict = anchors.check(ledger, anchors.prove(ledger, first), anchors.document(ledger, first))
    assert verdict.status == "passed"
