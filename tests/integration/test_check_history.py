"""The documented check of a history, run as a user runs it, against a server that lies."""

import copy
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provenance.identifiers import SubjectKind, subject_of
from provenance.proofs.history import RawLog, fold

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "check_history.py"
CHAIN_ID, HISTORY, BLOCK_HASH = 31337, b"\x11" * 20, "0x" + "77" * 32
DATASET = subject_of(SubjectKind.DATASET, 7)


def logs(count=20):
    return [
        RawLog(n, 0, b"\xaa" * 20, (b"\xee" * 32, DATASET), n.to_bytes(32, "big"))
        for n in range(count)
    ]


def head(of):
    return fold(of, chain_id=CHAIN_ID, history_address=HISTORY, subject=DATASET)


def answer(of):
    return {
        "chain_id": CHAIN_ID,
        "history": "0x" + HISTORY.hex(),
        "subject": "0x" + DATASET.hex(),
        "head": "0x" + head(of).hex(),
        "as_of": {"block_number": 50, "block_hash": BLOCK_HASH, "finality": "latest"},
        "logs": [
            {
                "block_number": log.block_number,
                "address": "0x" + log.address.hex(),
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
            }
            for log in of
        ],
    }


@pytest.fixture
def newest_count():
    """How many logs there are at the newest block."""
    return 20


@pytest.fixture
def held():
    """Hash of the block 50 of the chain that the node follows; it still knows the other one."""
    return BLOCK_HASH


@pytest.fixture
def node(newest_count, held):
    """An independent node that knows the head of the dataset at block 50, and at the newest."""

    def result(method, params):
        if method == "eth_chainId":
            return hex(CHAIN_ID)
        if method == "eth_getBlockByHash":
            return {"number": hex(50), "hash": BLOCK_HASH} if params[0] == BLOCK_HASH else None
        if method == "eth_getBlockByNumber":
            assert params == [hex(50), False]
            return {"number": hex(50), "hash": held}
        call, block = params
        assert call == {"to": "0x" + HISTORY.hex(), "data": "0x65c7d79d" + DATASET.hex()}
        assert block in ({"blockHash": BLOCK_HASH}, "latest")
        return "0x" + head(logs(newest_count) if block == "latest" else logs()).hex()

    class Node(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = result(asked["method"], asked["params"])
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": found}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Node) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", "0x" + HISTORY.hex()
        server.shutdown()
        thread.join()


@pytest.fixture
def check(tmp_path):
    def run(fields, *arguments):
        path = tmp_path / "answer.json"
        path.write_text(json.dumps(fields))
        command = [sys.executable, "-I", str(SCRIPT), str(path), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_a_complete_history(check, node):
    for arguments in ((), node):
        ran = check(answer(logs()), "dataset:7", *arguments)
        assert (ran.returncode, ran.stderr) == (0, "")
        whose = "of your node" if arguments else "the server states"
        assert f"complete: 20 logs fold to the head {whose} at block 50, " in ran.stdout


@pytest.mark.parametrize("newest_count", [21])
def test_what_was_left_out_at_the_end_is_missed(check, node):
    """An answer as of an older block is complete, but not all there is."""
    ran = check(answer(logs()), "dataset:7", *node)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "NOT COMPLETE: events after block 50 are missing" in ran.stderr
    asked = check(answer(logs()), "dataset:7", *node, "50")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "at block 50" in asked.stdout
    other = check(answer(logs()), "dataset:7", *node, "51")
    assert other.returncode == 1
    assert "expected all up to block 51, found it up to 50" in other.stderr


@pytest.mark.parametrize("held", ["0x" + "78" * 32])
def test_a_block_that_the_node_has_left_is_missed(check, node):
    for block in ((), ("50",)):
        ran = check(answer(logs()), "dataset:7", *node, *block)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert f"NOT COMPLETE: block 50 of your node is 0x{'78' * 32}" in ran.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"as_of": {"block_number": 50, "block_hash": "0x" + "79" * 32}},
        {"as_of": None},
        {"head": 5},
        {"logs": None},
        {"logs": [{}]},
        {"logs": [{"block_number": -1, "address": "", "topics": [], "data": ""}]},
        {"chain_id": -1},
    ],
)
def test_what_is_no_answer_is_one_line(check, node, change):
    ran = check(answer(logs()) | change, "dataset:7", *(() if "chain_id" in change else node))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("NOT C")
    assert ran.stderr.count("\n") == 1


def test_the_block_printed_is_that_of_the_node(check, node):
    lied = answer(logs())
    lied["as_of"]["block_number"] = 60
    assert "at block 50, " in check(lied, "dataset:7", *node).stdout


def test_every_lie_is_caught_by_an_independent_node(check, node):
    true = answer(logs())
    lies = {name: copy.deepcopy(true) for name in ("drop", "swap", "repeat", "edit", "other")}
    del lies["drop"]["logs"][9]
    lies["swap"]["logs"][3], lies["swap"]["logs"][4] = true["logs"][4], true["logs"][3]
    lies["repeat"]["logs"].append(true["logs"][-1])
    lies["edit"]["logs"][0]["block_number"] = 1
    lies["other"]["logs"][5]["topics"].pop()
    lies["consistent"] = answer(logs(19))
    lies["other chain"] = true | {"chain_id": 1, "history": "0x" + "99" * 20, "logs": []}
    for lie in lies.values():
        ran = check(lie, "dataset:7", *node)
        assert ran.returncode == 1
        assert "NOT COMPLETE" in ran.stderr


def test_a_history_of_something_else_is_caught(check):
    ran = check(answer(logs()), "dataset:8")
    assert ran.returncode == 1
    assert "about something else" in ran.stderr


def test_the_ledger_is_made_of_all_logs(check):
    fields = answer(logs())
    everything = fold(logs(), chain_id=CHAIN_ID, history_address=HISTORY, subject=bytes(32))
    fields["head"] = "0x" + everything.hex()
    assert check(fields, "ledger:0").returncode == 0


@pytest.mark.parametrize("script", ["check_history.py", "check_record.py"])
@pytest.mark.parametrize("content", ["", "[]", '{"logs": 1}', '{"count": -1, "nonce": "zz"}'])
def test_what_cannot_be_checked_is_one_line(script, content, tmp_path):
    file = tmp_path / "file"
    file.write_text(content)
    command = [sys.executable, "-I", SCRIPT.with_name(script), file, "dataset:7", "node", "0x00"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("NOT CHECKED: ")
    assert done.stderr.count("\n") == 1
