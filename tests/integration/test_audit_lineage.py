"""The auditor's script, run as an auditor runs it: with the files and a node, and nothing else."""

import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from eth_utils import keccak

from provenance.chain import rpc_server
from provenance.chain.contracts import Contracts
from provenance.content import manifest
from provenance.interchange import prov
from provenance.interchange.description import Graph, PartyFacts
from provenance.ledger import datasets, interchange, lineage
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product
from provenance.ledger.opening import open_ledger
from provenance.lineage.records import ActivityKind, Input, VersionRef

TESTS = Path(__file__).resolve().parent.parent
SCRIPT = TESTS.parent / "docs" / "audit_lineage.py"
NOW = 1_700_000_000


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


homes = load(TESTS / "home.py")


class Relay(ThreadingHTTPServer):
    """A node as seen from outside; ``lie`` may change what it answers."""

    def __init__(self, chain):
        super().__init__(("127.0.0.1", 0), _Answers)
        self.chain, self.lie = chain, None


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        answer = rpc_server.handle(self.server.chain, asked)
        if self.server.lie is not None:
            answer = json.dumps(self.server.lie(json.loads(asked), json.loads(answer))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


def deed(kind):
    return Deed(kind, NOW, NOW + 60, code_hash=b"\1" * 32)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A joined version of two collected ones, corrected once; and one that nobody explained."""
    top = tmp_path_factory.mktemp("audit")
    folders = {}
    for name in ("one", "two", "joined", "lone"):
        folders[name] = top / name / "data"
        (folders[name] / "deep").mkdir(parents=True)
        for file in ("a b.csv", "deep/\u00e9.csv", "z"):
            (folders[name] / file).write_text(f"{name} {file}\n")
    settings = homes.make(top / "home")
    with open_ledger(settings, clock=homes.FastClock()) as ledger:
        for name in ("one", "two"):
            made = manifest.build(folders[name])
            collected = deed(ActivityKind.COLLECT)
            lineage.derive(ledger, "founder", collected, (), Product(made, title=name))
        one, two = Input(VersionRef(1, 1), None), Input(VersionRef(2, 1), None)
        made = manifest.build(folders["joined"])
        join = deed(ActivityKind.JOIN)
        found = lineage.derive(ledger, "founder", join, [one], Product(made, title="joined"))
        lineage.supersede(ledger, "founder", found.activity_id, join, [one, two], b"forgotten")
        single = manifest.build(folders["lone"] / "z")
        datasets.register(ledger, "founder", single, "lone")
        lone = Input(VersionRef(4, 1), None)
        made = manifest.build(folders["lone"], algorithms=("blake3", "sha256"))
        (top / "lone" / "data.manifest").write_bytes(made.document)
        lineage.derive(
            ledger, "founder", deed(ActivityKind.CLEAN), [lone], Product(made, title="cleaned")
        )
        datasets.withdraw_version(ledger, "founder", 2, 1, b"wrong")
        ledger.sync()
        with Relay(ledger.owned.chain) as relay:
            thread = threading.Thread(target=relay.serve_forever)
            thread.start()
            yield ledger, folders, relay
            relay.shutdown()
            thread.join()


@pytest.fixture
def audit(scene):
    ledger, _, relay = scene
    relay.lie = None

    def run(*words):
        node = f"http://127.0.0.1:{relay.server_port}"
        directory = "0x" + ledger.address("Directory").hex()
        command = [sys.executable, "-I", str(SCRIPT), node, directory, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_the_way_back_to_the_collections(scene, audit, tmp_path):
    ledger, folders, _ = scene
    files = [f"{number}.1={folders[name]}" for number, name in ((1, "one"), (3, "joined"))]
    ran = audit("3.1", *files, "--prov", tmp_path / "p.json")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count("fold to its head") == 3
    assert ran.stdout.count("root: the files at") == 2
    assert "not checked: no files were given of 2.1" in ran.stdout
    assert "all ways end at COLLECT" in ran.stdout
    ours = interchange.lineage(ledger, VersionRef(3, 1))
    bare = Graph.of(
        ours.names,
        ours.activities,
        [replace(facts, title=None) for facts in ours.versions],
        [PartyFacts(party.party_id) for party in ours.parties],
        ours.answer,
    )
    # two programs, one over an index, one over logs alone, say the same
    assert prov.import_json((tmp_path / "p.json").read_bytes()) == bare


def test_a_way_that_ends_before_a_collection(scene, audit):
    _, folders, _ = scene
    cleaned = folders["lone"].parent / "data.manifest"
    ran = audit("5.1", f"4.1={folders['lone'] / 'z'}", f"5.1={cleaned}")
    assert (ran.returncode, ran.stderr) == (2, "")
    assert "no origin: 4.1 was registered without an activity" in ran.stdout
    assert ran.stdout.count("root: the files at") == 2


def test_other_files_are_noticed(scene, audit, tmp_path):
    _, folders, _ = scene
    ran = audit("3.1", f"3.1={folders['one']}")
    assert ran.returncode == 1
    assert "do not have the root of 3.1" in ran.stderr
    (tmp_path / "data").mkdir()
    for file in (folders["lone"]).rglob("*"):
        if file.is_file():
            copy = tmp_path / "data" / file.relative_to(folders["lone"])
            copy.parent.mkdir(exist_ok=True)
            copy.write_text("other")
    named = folders["lone"].parent / "data.manifest"
    (tmp_path / "data.manifest").write_bytes(named.read_bytes())
    ran = audit("5.1", f"5.1={tmp_path / 'data.manifest'}")
    assert "is not the one in the manifest" in ran.stderr


@pytest.fixture
def copied(scene, tmp_path):
    """A copy of a folder with its manifest beside it, to be changed."""
    _, folders, _ = scene
    shutil.copytree(folders["lone"], tmp_path / "data")
    named = folders["lone"].parent / "data.manifest"
    shutil.copy(named, tmp_path / "data.manifest")
    return tmp_path / "data.manifest"


def extra_name(folder):
    (folder / "more").write_text("more")


def extra_folder(folder):
    (folder / "below" / "deep").mkdir(parents=True)
    (folder / "below" / "deep" / "more").write_text("more")


def extra_link(folder):
    (folder / "more").symlink_to(folder / "deep")


def second_spelling(folder):
    (folder / "deep" / "e\u0301.csv").write_text("the same name in another normal form")


@pytest.mark.parametrize("change", [extra_name, extra_folder, extra_link, second_spelling])
def test_a_file_that_the_manifest_does_not_list_is_noticed(audit, copied, change):
    assert audit("5.1", f"5.1={copied}").returncode == 2
    change(copied.with_suffix(""))
    ran = audit("5.1", f"5.1={copied}")
    assert ran.returncode == 1
    assert "does not list these files alone" in ran.stderr
    ran = audit("5.1", f"5.1={copied.with_suffix('')}")
    assert ran.returncode == 1


def test_what_the_manifest_ignores_may_lie_beside_it(tmp_path):
    script, folder = load(SCRIPT), tmp_path / "data"
    (folder / "a" / "b").mkdir(parents=True)
    for name in ("x.csv", "a/x.csv", "a/b/x.csv"):
        (folder / name).write_text(name)
    patterns = ("*.tmp", "[.]git", "a/*.log", "a/b/c?")
    made = manifest.build(folder, ignore=patterns)
    (tmp_path / "data.manifest").write_bytes(made.document)
    for name in (".git", "a/b/cc"):
        (folder / name).mkdir()
    for name in ("y.tmp", "a/b/y.tmp", ".git/x", "a/x.log", "a/b/cc/x"):
        (folder / name).write_text(name)
    assert script.root_of(str(tmp_path / "data.manifest")) == made.root
    for name in ("x.log", "a/b/x.log", "Y.TMP", "a/b/c", "git"):
        (folder / name).write_text(name)
        with pytest.raises(script.Failed, match="does not list these files alone"):
            script.root_of(str(tmp_path / "data.manifest"))
        assert manifest.build(folder, ignore=patterns).root != made.root
        (folder / name).unlink()
    assert script.root_of(str(tmp_path / "data.manifest")) == made.root


def test_a_size_that_is_not_the_listed_one_is_noticed(audit, copied):
    header, *entries = copied.read_bytes().splitlines(keepends=True)
    fields = json.loads(entries[-1])
    fields["size"] += 1
    lied = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    copied.write_bytes(b"".join([header, *entries[:-1], lied]))
    ran = audit("5.1", f"5.1={copied}")
    assert ran.returncode == 1
    assert "is not the one in the manifest" in ran.stderr


def test_what_cannot_be_checked_is_one_line_and_no_failed_check(scene, audit, copied, tmp_path):
    _, folders, _ = scene
    (copied.with_suffix("") / "z").unlink()
    pipe = tmp_path / "private.manifest"
    pipe.write_bytes(b'{"ignore":[]}\n{"leaf":"00"}\n')
    (tmp_path / "private").mkdir()
    (tmp_path / "empty").mkdir()
    for words, reason in (
        (("5.1", f"5.1={copied}"), "'z', which"),
        (("3.1", f"3.1={tmp_path / 'missing'}"), "FileNotFoundError"),
        (("3.1", f"3.1={tmp_path / 'missing.manifest'}"), "FileNotFoundError"),
        (("3.1", f"3.1={tmp_path / 'empty'}"), "IndexError"),
        (("3.1", f"3.1={pipe}"), "KeyError"),
        (("3.1", "9.9=nonsense"), "not on the way: [(9, 9)]"),
        (("3.1", f"1.1={folders['one']}", f"1.1={folders['two']}"), "named twice"),
        (("3.1", "1.1"), "FileNotFoundError"),
        (("3.1", "x"), "ValueError"),
        (("3",), "ValueError"),
        (("3.1", "--prov"), "IndexError"),
        (("3.1", "--prov", tmp_path), "IsADirectoryError"),
        ((), "TypeError"),
    ):
        ran = audit(*words)
        assert ran.returncode == 2, words
        assert reason in ran.stderr
        assert ran.stderr.startswith("not checked: ")
        assert ran.stderr.count("\n") == 1


def test_without_a_node_or_its_ledger_nothing_is_checked(scene, audit):
    ledger, _, relay = scene
    node, directory = f"http://127.0.0.1:{relay.server_port}", ledger.address("Directory").hex()
    for words, reason in (
        (("http://127.0.0.1:1", "0x" + directory), "URLError"),
        (("nowhere", "0x" + directory), "ValueError"),
        ((node, "0x" + "12" * 20), "no such contract"),
        ((node, "0x" + directory[:-2]), "RuntimeError"),
        ((node, "directory"), "RuntimeError"),
    ):
        command = [sys.executable, "-I", str(SCRIPT), *words, "3.1"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 2, words
        assert reason in ran.stderr
        assert ran.stderr.count("\n") == 1
    relay.lie = lambda asked, answer: {"result": None}
    ran = audit("3.1")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)


def test_lies_of_the_node_are_noticed(scene, audit):
    _, _, relay = scene

    def dropping(asked, answer):
        if asked["method"] == "eth_getLogs":
            answer["result"] = answer["result"][:-1]
        return answer

    def editing(asked, answer):
        for log in answer["result"] if asked["method"] == "eth_getLogs" else ():
            log["data"] = log["data"][:-1] + ("0" if log["data"][-1] != "0" else "1")
        return answer

    for lie in (dropping, editing):
        relay.lie = lie
        ran = audit("3.1")
        assert ran.returncode == 1
        assert "do not fold to its head" in ran.stderr


def test_a_node_with_a_limit_is_asked_in_parts(scene, audit):
    _, _, relay = scene

    def limited(asked, answer):
        if asked["method"] == "eth_getLogs":
            span = asked["params"][0]
            if int(span["toBlock"], 16) - int(span["fromBlock"], 16) > 8:
                return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "too many"}}
        return answer

    relay.lie = limited
    assert audit("3.1").returncode == 0


def test_it_knows_the_events_and_calls_as_the_contracts_have_them():
    script, contracts = load(SCRIPT), Contracts()
    for module, name, found in (
        ("Datasets", "DatasetRegistered", script.REGISTERED),
        ("Datasets", "VersionPublished", script.PUBLISHED),
        ("Datasets", "VersionWithdrawn", script.WITHDRAWN),
        ("Lineage", "ActivityRecorded", script.RECORDED),
        ("Lineage", "DerivationRecorded", script.DERIVED),
    ):
        assert topic(module, name, contracts).hex() == found
    assert [kind.name for kind in ActivityKind] == list(script.KINDS[1:])
    for module, name, arguments, found in (
        ("Directory", "addressOf", (bytes(32),), script.ADDRESS_OF),
        ("Directory", "nameOf", ("0x" + "00" * 20,), script.NAME_OF),
        ("Directory", "isSealed", (), script.IS_SEALED),
        ("History", "headOf", (bytes(32),), script.HEAD_OF),
    ):
        assert contracts[module].encode(name, *arguments)[:4].hex() == found


def topic(module, name, contracts):
    """Return the first topic of an event (Solidity ABI, "Events")."""
    path = TESTS.parent / "provenance" / "chain" / "abi" / f"{module}.json"
    abi = json.loads(path.read_text())["abi"]
    event = next(item for item in abi if item["type"] == "event" and item["name"] == name)
    return keccak(f"{name}({','.join(map(shape, event['inputs']))})".encode())


def shape(item):
    if "components" not in item:
        return item["type"]
    return f"({','.join(map(shape, item['components']))})"
