"""A server that lies about a history of 500 events is caught, whatever it does (issue 2, point 3).

The ledger is real: an embedded chain with a dataset on which 500 things happened, all by one
party. The liar serves its answers over HTTP, with a head that fits its lie and a valid
checkpoint; an independent node is served beside it. Both checks are attacked: the one of
``provenance history --check`` and the documented script.
"""

import copy
import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from provenance.chain import rpc_server
from provenance.chain.client import Client
from provenance.chain.rpc import HttpNode
from provenance.content import manifest
from provenance.errors import (
    CheckpointMismatch,
    HistoryMismatch,
    InvalidProof,
    NotFoundError,
    VerificationError,
)
from provenance.ledger import checkpoints, datasets, history, remote, titles
from provenance.ledger.opening import open_ledger
from provenance.ledger.vocabulary import Units
from provenance.proofs.history import fold

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "check_history.py"
_spec = importlib.util.spec_from_file_location("home", ROOT / "tests" / "home.py")
homes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(homes)

SUBJECTS = ("dataset:1", "party:3")
EVENTS = 500


class Server:
    """Answers GET from a table of documents, and POST /rpc from a node."""

    def __init__(self, node):
        self.documents = {}
        self.node = node
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                found = outer.documents.get(urlsplit(self.path).path)
                self.answer(200 if found else 404, json.dumps(found).encode())

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.answer(200, rpc_server.handle(outer.node, body))

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """An open ledger with 500 events on dataset 1, and a copy of its home from before them."""
    top = tmp_path_factory.mktemp("busy")
    settings = homes.make(top / "home")
    (top / "data").write_text("real data")
    with open_ledger(settings) as ledger:
        datasets.register(ledger, "founder", manifest.build(top / "data"), "T")
    fork = homes.copy(settings, top / "fork")
    with open_ledger(settings) as ledger:
        key, modules = ledger.key("founder"), ledger.contracts["Titles"]
        requests = []
        for number in range(1, EVENTS // 2 + 1):
            start = (1, 4, Units(hold=1).pack(), bytes(32), 2_000_000_000, 0)
            for call in (("startTransfer", *start), ("cancelTransfer", number, 0)):
                data = modules.encode(*call)
                to = ledger.address("Titles")
                requests.append(ledger.transactions.submit(key, to, data, 400_000))
        for request in requests:
            ledger.transactions.wait(request, key)
        yield ledger, fork


@pytest.fixture(scope="module")
def answers(busy):
    """Honest answers by subject, as JSON."""
    ledger, _ = busy
    found = {}
    for name in SUBJECTS:
        answer = history.read(ledger, history.parse_subject_name(name))
        assert len(answer.logs) >= EVENTS
        found[name] = json.loads(json.dumps(answer.to_json()))
    return found


@pytest.fixture(scope="module")
def servers(busy):
    """The server that answers, and an independent node."""
    ledger, _ = busy
    with Server(ledger.client.node) as liar, Server(ledger.client.node) as node:
        yield liar, node


def drop(logs, at):
    del logs[at]


def duplicate(logs, at):
    logs.insert(at, copy.deepcopy(logs[at]))


def reorder(logs, at):
    at = min(at, len(logs) - 2)
    logs[at], logs[at + 1] = logs[at + 1], logs[at]


def invent(logs, at):
    forged = copy.deepcopy(logs[at])
    forged["data"] = "0x" + "00" * ((len(forged["data"]) - 2) // 2)
    logs.insert(at, forged)


def edit_data(logs, at):
    data = bytearray.fromhex(logs[at]["data"][2:])
    data[-1] ^= 1
    logs[at]["data"] = "0x" + data.hex()


def edit_kind(logs, at):
    logs[at]["topics"][0] = "0x" + "ab" * 32


def edit_partner(logs, at):
    topics = logs[at]["topics"]
    topics[-1] = topics[-1][:-1] + ("9" if topics[-1][-1] != "9" else "8")


def edit_block(logs, at):
    logs[at]["block_number"] += 1


def edit_module(logs, at):
    logs[at]["address"] = "0x" + "cd" * 20


LIES = (drop, duplicate, reorder, invent, edit_data, edit_kind, edit_partner, edit_block,
        edit_module)  # fmt: skip


def told(answer, lie, at, ledger):
    """Return an answer with one lie in it, made as plausible as a liar can make it."""
    lied = copy.deepcopy(answer)
    lie(lied["logs"], at)
    assert lied["logs"] != answer["logs"]
    # indexes are not hashed, so a liar numbers its logs as they should be
    for number, log in enumerate(lied["logs"]):
        log["log_index"] = number
    lied["head"] = plausible_head(lied, ledger).hex()
    return lied


def plausible_head(answer, ledger):
    """Return the head that the liar's logs fold to, if they do, else any."""
    logs = [history.parse_log_json(log) for log in answer["logs"]]
    try:
        return fold(
            logs,
            chain_id=ledger.chain_id,
            history_address=ledger.address("History"),
            subject=bytes.fromhex(answer["subject"]),
        )
    except VerificationError:
        return bytes(32)


def path_of(name):
    kind, number = name.split(":")
    collection = {"dataset": "datasets", "party": "parties"}[kind]
    return f"/v1/{collection}/{number}/history"


def ask(ledger, url, node_url, name, folder):
    """Check what a server says, as ``provenance history --check --url --node`` does."""
    anchor = remote.Anchor(checkpoints.verifier_key(ledger), "given")
    with HttpNode(node_url) as node:
        return remote.check(
            folder,
            remote.Service(url),
            anchor,
            history.parse_subject_name(name),
            Client(node),
        )


def run_script(ledger, tmp_path, answer, name, node_url):
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(answer))
    words = [sys.executable, str(SCRIPT), str(file), name, f"{node_url}/rpc"]
    words.append("0x" + ledger.address("History").hex())
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_truth_passes(busy, servers, answers, tmp_path, name):
    ledger, _ = busy
    liar, node = servers
    liar.documents = {path_of(name): answers[name]}
    _, checked = ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path)
    assert checked.events == len(answers[name]["logs"])
    done = run_script(ledger, tmp_path, answers[name], name, node.url)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_lie_is_caught(busy, servers, answers, tmp_path, name, lie, place):
    ledger, _ = busy
    liar, node = servers
    count = len(answers[name]["logs"])
    at = {"first": 0, "middle": count // 2, "last": count - 1}[place]
    lied = told(answers[name], lie, at, ledger)
    liar.documents = {path_of(name): lied}
    with pytest.raises(HistoryMismatch):
        ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path)
    done = run_script(ledger, tmp_path, lied, name, node.url)
    assert done.returncode == 1, done.stdout
    assert "NOT COMPLETE" in done.stderr


@pytest.mark.parametrize("name", SUBJECTS)
def test_an_older_answer_is_not_the_newest(busy, servers, answers, tmp_path, name):
    """What is left out at the end shows in the head at the block that the answer names."""
    ledger, _ = busy
    liar, node = servers
    lied = copy.deepcopy(answers[name])
    lied["logs"] = lied["logs"][:-10]
    liar.documents = {path_of(name): lied}
    with pytest.raises(HistoryMismatch):
        ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path)


def test_a_history_of_another_dataset_is_no_answer(busy, servers, answers, tmp_path):
    ledger, _ = busy
    liar, node = servers
    liar.documents = {path_of("dataset:1"): answers["party:3"]}
    with pytest.raises(HistoryMismatch):
        ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path)


def test_what_does_not_exist_is_not_complete(busy, servers, answers, tmp_path):
    ledger, _ = busy
    liar, node = servers
    subject = history.parse_subject_name("dataset:99")
    empty = {**answers["dataset:1"], "subject": subject.hex(), "logs": []}
    empty["head"] = plausible_head(empty, ledger).hex()
    for documents in ({path_of("dataset:99"): empty}, {}):
        liar.documents = documents
        with pytest.raises(NotFoundError):
            ask(ledger, liar.url, f"{node.url}/rpc", "dataset:99", tmp_path)


def test_a_rewritten_chain_is_caught_by_one_pinned_checkpoint(busy, servers, answers, tmp_path):
    ledger, fork = busy
    liar, _ = servers
    folder = tmp_path / "pins"
    liar.documents = {path_of("dataset:1"): answers["dataset:1"]}
    # the client has no node of its own, and sees the true chain once
    ask(ledger, liar.url, f"{liar.url}/rpc", "dataset:1", folder)

    # the operator forgets all 500 events, and goes on from before them with its own keys
    forked = homes.copy(fork, tmp_path / "rewritten")
    shutil.rmtree(forked.home / "pins")
    with open_ledger(forked) as other:
        for _ in range(3):
            offer = titles.start_transfer(other, "founder", 1, 4)
            titles.cancel_transfer(other, "founder", offer.transfer_id)
        rewritten = json.loads(
            json.dumps(history.read(other, history.parse_subject_name("dataset:1")).to_json())
        )
        with Server(other.client.node) as operator:
            operator.documents = {path_of("dataset:1"): rewritten}
            with pytest.raises(CheckpointMismatch, match="Keep both notes"):
                ask(other, operator.url, f"{operator.url}/rpc", "dataset:1", folder)
            # who has pinned nothing is told a history that fits the chain it is shown
            ask(other, operator.url, f"{operator.url}/rpc", "dataset:1", tmp_path / "fresh")


def test_a_checkpoint_of_another_signer_is_refused(busy, servers, answers, tmp_path):
    ledger, fork = busy
    liar, node = servers
    stranger = homes.copy(fork, tmp_path / "stranger")
    (stranger.home / "checkpoint.key").unlink()
    with open_ledger(stranger) as other:
        forged = checkpoints.notes.sign(
            checkpoints.notes.open_note(
                answers["dataset:1"]["checkpoint"], checkpoints.verifier_key(ledger)
            ),
            other.checkpoint_key,
        )
    liar.documents = {path_of("dataset:1"): {**answers["dataset:1"], "checkpoint": forged}}
    with pytest.raises(InvalidProof, match="signature"):
        ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path / "pins")
