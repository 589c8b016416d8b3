"""A backup that is made while the service takes writes restores to a sound home."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.content import manifest
from provenance.content.digest import digest_bytes
from provenance.content.entry import Header, ManifestEntry
from provenance.ledger import backup as backups
from provenance.ledger import history, indexing
from provenance.ledger.opening import open_ledger
from provenance.ledger.tokens import Tokens

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("home", ROOT / "tests" / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)


@pytest.fixture
def service(tmp_path, free_port):
    """A running service: its settings, its address, and a token for the founder."""
    settings = homes.make(tmp_path / "home")
    secret, _ = Tokens(settings.home).add("founder")
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "provenance", "serve", "--port", str(port)],
        env={**os.environ, "PROVENANCE_HOME": str(settings.home)},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5):
                break
        except OSError:
            assert process.poll() is None
            time.sleep(0.05)
    yield settings, address, secret
    process.terminate()
    process.wait(timeout=30)


def register(address, secret, text):
    measured = digest_bytes(text.encode())
    entry = ManifestEntry("file", measured.size, measured.digests)
    document = manifest.build_from_entries(Header(), [entry]).document.decode()
    request = urllib.request.Request(
        f"{address}/v1/datasets",
        json.dumps({"title": text, "manifest": document}).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_backups_of_a_busy_service_are_sound(service, tmp_path):
    settings, address, secret = service
    acknowledged, failures = [], []
    stopped = threading.Event()

    def write(number):
        try:
            while not stopped.is_set():
                text = f"{number}: {len(acknowledged)} {time.monotonic_ns()}"
                acknowledged.append(register(address, secret, text)["dataset_id"])
        except Exception as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    taken = []
    for number in range(3):
        enough = len(acknowledged) + 4
        while len(acknowledged) < enough and not failures:
            time.sleep(0.05)
        before = set(acknowledged)
        file = tmp_path / f"backup-{number}.tar"
        backups.backup(settings, file)
        taken.append((file, before))
    stopped.set()
    for writer in writers:
        writer.join()
    assert not failures
    assert len(taken[-1][1]) >= 12

    for number, (file, before) in enumerate(taken):
        fresh = replace(settings, home=tmp_path / f"restored-{number}")
        backups.restore(fresh, file)
        with open_ledger(fresh) as ledger:
            (count,) = ledger.call("Datasets", "count")
            assert set(range(1, count + 1)) >= before
            assert indexing.audit(ledger)["clean"]
            history.check_own(ledger, history.parse_subject_name("ledger"))
            answer = history.read(ledger, history.parse_subject_name("ledger"))
            for log in answer.logs:
                event = ledger.decoder.decode(log)
                if event.name == "DatasetRegistered":
                    content = event.arguments["content"]
                    for name in ("manifestHash", "metadataHash"):
                        ledger.documents.get(content[name])
                    ledger.documents.get(event.arguments["sourceHash"])


def test_other_commands_go_through_the_running_service(service, tmp_path):
    settings, address, secret = service
    (tmp_path / "data").write_text("through the service")
    register(address, secret, "first")
    environment = {**os.environ, "PROVENANCE_HOME": str(settings.home)}

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "provenance", *words, "--json"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    made = run("datasets", "register", str(tmp_path / "data"), "--title", "T")
    assert made["dataset_id"] == 2
    assert run("verify", str(tmp_path / "data"))["verdict"] == "passed"
    assert run("history", "2", "--check")["check"]["complete"] is True
    over_http = run("history", "2", "--check", "--url", address)
    assert over_http["check"]["complete"] is True
    with urllib.request.urlopen(f"{address}/v1/datasets/2", timeout=10) as answer:
        assert json.load(answer)["root"] == made["root"]


def test_a_client_without_a_home_remembers_whom_it_met(service, tmp_path):
    _, address, secret = service
    register(address, secret, "first")
    environment = {**os.environ, "PROVENANCE_HOME": str(tmp_path / "client")}
    words = [sys.executable, "-m", "provenance", "history", "1", "--check", "--url", address]
    first = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert "First contact" in first.stderr
    second = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert "extends the checkpoint that was pinned" in second.stdout
    register(address, secret, "second")
    with urllib.request.urlopen(f"{address}/v1/checkpoint", timeout=10) as answer:
        key = json.load(answer)["verifier_key"]
    given = subprocess.run([*words, "--key", key], env=environment, cwd=ROOT, capture_output=True)
    assert given.returncode == 0
    other = key[:-8] + "AAAAAAA="
    refused = subprocess.run(
        [*words, "--key", other], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert refused.returncode in (1, 2)
    assert "Traceback" not in refused.stderr
