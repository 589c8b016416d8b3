"""``kill -9`` of the service at random moments of 200 writes loses nothing (issue 2, point 2).

Clients register datasets and transfer titles over HTTP, each write with an idempotency key, and
repeat what was not acknowledged. Meanwhile the service is killed again and again. In the end every
acknowledged write is there as it was acknowledged, every write exactly once, no half one, the
index audits clean, and the chain takes writes.

``KILLS`` in the environment is how often (5 by default); the seed is printed with a failure.
"""

import http.client
import importlib.util
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from provenance.content import manifest
from provenance.content.digest import Measured, digest_bytes
from provenance.content.entry import Header, ManifestEntry
from provenance.ledger import datasets, history, indexing
from provenance.ledger.opening import open_ledger
from provenance.ledger.tokens import Tokens

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("home", ROOT / "tests" / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)

KILLS = int(os.environ.get("KILLS", "5"))
WRITES = 200
CLIENTS = 8
READY_S = 60
GIVE_UP_S = 300


class Service:
    """``provenance serve`` as a process that can be killed."""

    def __init__(self, home, port, log):
        self.home, self.port, self.log, self.process = home, port, log, None

    def start(self):
        environment = {
            **os.environ,
            "PROVENANCE_HOME": str(self.home),
            "PROVENANCE_REQUESTS_PER_MINUTE": "1000000",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "provenance", "serve", "--port", str(self.port)],
            env=environment,
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the service ended by itself"
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready after {READY_S} seconds")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def ask(self, method, path, body=None, token=None, key=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        if token:
            headers |= {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        try:
            connection.request(
                method, path, json.dumps(body) if body is not None else None, headers
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (http.client.HTTPException, ValueError) as error:
            # the process died in the middle of an answer
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()


class Client(threading.Thread):
    """Registers datasets and hands them to the bank, until it has had its share acknowledged."""

    def __init__(self, service, tokens, number, writes):
        super().__init__(daemon=True)
        self.service, self.tokens, self.writes = service, tokens, writes
        self.number, self.random = number, random.Random(number)
        self.registered, self.offered, self.accepted = {}, {}, set()
        self.failure = None

    def run(self):
        try:
            done = 0
            while done < self.writes:
                waiting = sorted(set(self.offered) - self.accepted)
                free = sorted(set(self.registered) - set(self.offered.values()))
                if waiting and self.random.random() < 0.4:
                    self.accept(waiting[0], done)
                elif free and self.random.random() < 0.5:
                    self.offer(free[0], done)
                else:
                    self.register(done)
                done += 1
        except BaseException as error:
            self.failure = error

    def register(self, count):
        title = f"client {self.number}, write {count}"
        made = manifest_of(title)
        body = {"title": title, "manifest": made.document.decode()}
        found = self.write("/v1/datasets", body, "founder", count)
        assert found["root"] == made.root.hex()
        assert found["dataset_id"] not in self.registered
        self.registered[found["dataset_id"]] = made.root

    def offer(self, dataset_id, count):
        path = f"/v1/datasets/{dataset_id}/transfers"
        found = self.write(path, {"to": 4}, "founder", count)
        assert found["transfer_id"] not in self.offered
        self.offered[found["transfer_id"]] = dataset_id

    def accept(self, transfer_id, count):
        found = self.write(f"/v1/transfers/{transfer_id}/accept", {}, "bank", count)
        assert found["status"] == "accepted"
        self.accepted.add(transfer_id)

    def write(self, path, body, name, count):
        """Repeat a write until it is acknowledged."""
        deadline = time.monotonic() + GIVE_UP_S
        key = f"{self.number}-{count}"
        while time.monotonic() < deadline:
            try:
                status, found = self.service.ask("POST", path, body, self.tokens[name], key)
            except OSError:
                time.sleep(0.1)
                continue
            if status in (200, 201):
                return found
            assert status in (502, 503, 504), f"{path}: {status} {found}"
            time.sleep(0.1)
        raise AssertionError(f"{path} was not acknowledged within {GIVE_UP_S} seconds")


def manifest_of(text):
    measured: Measured = digest_bytes(text.encode())
    entry = ManifestEntry("file", measured.size, measured.digests)
    return manifest.build_from_entries(Header(), [entry])


def test_nothing_is_lost_when_the_service_is_killed(tmp_path, free_port):
    seed = random.randrange(2**32)
    print(f"seed {seed}, {KILLS} kills")
    moments = random.Random(seed)
    settings = homes.make(tmp_path / "home")
    tokens = {name: Tokens(settings.home).add(name)[0] for name in ("founder", "bank")}
    with (tmp_path / "log").open("wb") as log:
        service = Service(settings.home, free_port(), log)
        service.start()
        clients = [Client(service, tokens, number, WRITES // CLIENTS) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        kills = 0
        while kills < KILLS and any(client.is_alive() for client in clients):
            time.sleep(moments.uniform(0.05, 2.0))
            service.kill()
            kills += 1
            service.start()
        for client in clients:
            client.join(GIVE_UP_S)
            assert not client.is_alive(), "a client hangs"
            if client.failure is not None:
                raise AssertionError((tmp_path / "log").read_text()[-2000:]) from client.failure
        service.kill()
    assert kills == KILLS, f"expected the writes to last for {KILLS} kills, found {kills}"
    examine(settings, clients)


def examine(settings, clients):
    """Compare the ledger after the last kill with what was acknowledged."""
    registered = {k: v for client in clients for k, v in client.registered.items()}
    offered = {k: v for client in clients for k, v in client.offered.items()}
    accepted = {k for client in clients for k in client.accepted}
    assert len(registered) + len(offered) + len(accepted) == WRITES
    with open_ledger(settings) as ledger:
        # exactly once: ids have no gaps, so the counts say that there is no other one
        assert ledger.call("Datasets", "count") == (len(registered),)
        assert ledger.call("Titles", "transferCount") == (len(offered),)
        for dataset_id, root in registered.items():
            assert ledger.call("Datasets", "isVersion", dataset_id, 1, root) == (True,)
        for transfer_id, dataset_id in offered.items():
            taken = transfer_id in accepted
            holder = ledger.call("Titles", "mayAct", dataset_id, 0, 4)
            assert holder == (taken,), f"transfer {transfer_id}"
        assert indexing.audit(ledger)["clean"]
        for name in ("party:3", "party:4", "ledger"):
            history.check_own(ledger, history.parse_subject_name(name))
        for digest in ledger.documents.digests():
            ledger.documents.verified(digest).close()
        again = datasets.register(ledger, "founder", manifest_of("afterwards"), "T")
        assert again.dataset_id == len(registered) + 1
        assert ledger.transactions.follow() == 0
