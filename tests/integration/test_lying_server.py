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
from pathlib import Path

import pytest

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


def _module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


homes = _module(ROOT / "tests" / "home.py")
lying = _module(ROOT / "tests" / "integration" / "lying.py")

SUBJECTS = ("dataset:1", "party:3")
EVENTS = 500


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
    with lying.Server(ledger.client.node) as liar, lying.Server(ledger.client.node) as node:
        yield liar, node


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


def ask(ledger, url, node_url, name, folder, as_of=None):
    """Check what a server says, as ``provenance history --check --url --node`` does."""
    anchor = remote.Anchor(checkpoints.verifier_key(ledger), "given")
    with HttpNode(node_url) as node:
        return remote.check(
            folder,
            remote.Service(url),
            anchor,
            history.parse_subject_name(name),
            Client(node),
            block_number=as_of,
        )


def run_script(ledger, tmp_path, answer, name, node_url, *block):
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(answer))
    words = [sys.executable, str(SCRIPT), str(file), name, f"{node_url}/rpc"]
    words += ["0x" + ledger.address("History").hex(), *block]
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
@pytest.mark.parametrize("lie", lying.LIES, ids=lambda lie: lie.__name__)
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


@pytest.fixture
def patient(monkeypatch):
    """Nobody waits before a question is asked once more."""
    monkeypatch.setattr(remote, "_CATCH_UP_S", 0)


def stale_answer(ledger, name, events=100):
    """Return an honest answer as of the block after which there were so many events."""
    subject = history.parse_subject_name(name)
    block = history.read(ledger, subject).logs[events].block_number - 1
    return json.loads(json.dumps(history.read(ledger, subject, block_number=block).to_json()))


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_stale_answer_is_caught(busy, servers, tmp_path, name, patient):
    """Whoever answers as of an older block leaves out what came after, and every hash fits."""
    ledger, _ = busy
    liar, node = servers
    lied = stale_answer(ledger, name)
    liar.documents = {path_of(name): lied}
    number = lied["as_of"]["block_number"]
    with pytest.raises(HistoryMismatch, match=f"events after block {number} are missing"):
        ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path)
    done = run_script(ledger, tmp_path, lied, name, node.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"NOT COMPLETE: events after block {number} are missing" in done.stderr


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_block_that_was_asked_for_is_answered(busy, servers, answers, tmp_path, name):
    ledger, _ = busy
    liar, node = servers
    stale = stale_answer(ledger, name)
    number = stale["as_of"]["block_number"]
    liar.documents = {path_of(name): stale}
    _, checked = ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path, number)
    assert (checked.events, checked.as_of.block_number) == (len(stale["logs"]), number)
    assert run_script(ledger, tmp_path, stale, name, node.url, str(number)).returncode == 0

    for asked in (number - 1, number + 1):
        with pytest.raises(HistoryMismatch, match=f"as of block {asked}, found it as of block"):
            ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path, asked)
        done = run_script(ledger, tmp_path, stale, name, node.url, str(asked))
        assert done.returncode == 1
        assert f"expected all up to block {asked}" in done.stderr
    liar.documents = {path_of(name): answers[name]}
    with pytest.raises(HistoryMismatch, match=f"as of block {number}, found"):
        ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path, number)


def test_a_dataset_that_exists_by_now_is_not_denied(busy, servers, tmp_path, patient):
    """As of a block before the registration, that there is nothing would be the truth."""
    ledger, _ = busy
    liar, node = servers
    subject = history.parse_subject_name("dataset:1")
    first = history.read(ledger, subject).logs[0].block_number
    block = ledger.client.block(first - 1)
    denied = history.HistoryAnswer(
        subject,
        (),
        ledger.head_of(subject, block.hash),
        history.AsOf(block.number, block.hash, "latest"),
        ledger.chain_id,
        ledger.address("History"),
        checkpoints.signed_at(ledger, block),
    )
    liar.documents = {path_of("dataset:1"): denied.to_json()}
    with pytest.raises(HistoryMismatch, match="are missing"):
        ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path)
    with pytest.raises(NotFoundError):
        ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path, block.number)


def test_a_service_that_is_late_is_asked_once_more(busy, servers, answers, tmp_path, monkeypatch):
    ledger, _ = busy
    liar, node = servers
    path = path_of("dataset:1")
    waited = []

    def catch_up(seconds):
        waited.append(seconds)
        liar.documents = {path: answers["dataset:1"]}

    liar.documents = {path: stale_answer(ledger, "dataset:1")}
    monkeypatch.setattr(remote.time, "sleep", catch_up)
    _, checked = ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path)
    assert checked.events == len(answers["dataset:1"]["logs"])
    assert waited == [remote._CATCH_UP_S]


def test_an_answer_older_than_the_pin_is_out_of_date(busy, servers, answers, tmp_path, patient):
    """Also where nothing happened to the subject; no proof of anything, and the pin stays."""
    ledger, _ = busy
    liar, node = servers
    key = checkpoints.verifier_key(ledger)
    liar.documents = {path_of("dataset:1"): answers["dataset:1"]}
    ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path)
    pinned = checkpoints.load_pin(tmp_path, key.name)
    for name in SUBJECTS:
        stale = stale_answer(ledger, name)
        liar.documents = {path_of(name): stale}
        with pytest.raises(HistoryMismatch, match="out of date") as refused:
            ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path)
        assert "prove" not in str(refused.value)
        number = stale["as_of"]["block_number"]
        _, checked = ask(ledger, liar.url, f"{node.url}/rpc", name, tmp_path, number)
        assert (checked.as_of.block_number, checked.pinned) == (number, True)
    assert checkpoints.load_pin(tmp_path, key.name) == pinned


def test_a_checkpoint_of_another_block_is_refused(busy, servers, answers, tmp_path):
    """Else a server could keep the pin from ever moving, and rewrite what came after it."""
    ledger, _ = busy
    liar, node = servers
    stale = stale_answer(ledger, "dataset:1")
    lied = {**answers["dataset:1"], "checkpoint": stale["checkpoint"]}
    liar.documents = {path_of("dataset:1"): lied}
    with pytest.raises(HistoryMismatch, match="the block of the answer"):
        ask(ledger, liar.url, f"{node.url}/rpc", "dataset:1", tmp_path)


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
        with lying.Server(other.client.node) as operator:
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
