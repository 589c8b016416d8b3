"""The lone verifier beside the package's own check: the same verdicts on the same files."""

import ast
import functools
import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import sha3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance import verifier
from provenance.content import paths
from provenance.content.digest import DIGEST_BYTES, digest_bytes
from provenance.errors import ProvenanceError
from provenance.proofs.bundle import parse
from provenance.proofs.bundle_verification import entry_of, pins_of, verify_bundle

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "bundle"
VECTORS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
GOOD = [name for name in VECTORS if name.startswith("good_")]
CODES = {"passed": 0, "failed": 1, "not_checked": 2}
EXHAUSTIVE_SHARDS = 8
RANDOM_MUTATIONS = 10_000


@pytest.fixture
def quick(monkeypatch):
    """Remember hashes and signatures: thousands of bundles differ in a byte each."""
    for name in ("keccak", "signature_fits"):
        monkeypatch.setattr(verifier, name, functools.lru_cache(None)(getattr(verifier, name)))


def own_check(raw, content, pins):
    try:
        bundle = parse(raw)
        names = ("sha256",) if bundle.inclusion is None else tuple(entry_of(bundle).digests)
        return CODES[verify_bundle(bundle, pins_of(pins), digest_bytes(content, names)).status]
    except ProvenanceError:
        return 1


@pytest.fixture
def check(tmp_path):
    """Return the exit code that both verifiers give, and what the lone one says."""

    def run(vector, raw=None):
        content = bytes.fromhex(vector["file"])
        (tmp_path / "file").write_bytes(content)
        raw = vector["bundle"].encode() if raw is None else raw
        code, lines = verifier.verify(raw, tmp_path / "file", vector["pins"])
        return (code, own_check(raw, content, vector["pins"])), lines

    return run


@pytest.mark.parametrize("name", VECTORS)
def test_both_verifiers_give_the_verdict_of_the_vector(name, check):
    vector = VECTORS[name]
    codes, lines = check(vector)
    assert codes == (CODES[vector["verdict"]],) * 2, lines


def is_entry(line):
    try:
        return bool(verifier.read_entry(line))
    except (verifier.Failed, ValueError, TypeError, RecursionError):
        return False


def test_an_entry_is_taken_in_one_form_alone():
    cases = json.loads((FOLDER.parent / "entries.json").read_text())["cases"]
    found = {case["title"]: is_entry(case["line"]) for case in cases}
    assert found == {case["title"]: case["is_entry"] for case in cases}


def test_the_same_characters_are_young_and_the_same_digests_known():
    young = {chr(n) for n in range(0x110000) if verifier.INERT.match(chr(n))}
    assert young == {chr(n) for n in range(0x110000) if paths._INERT_CHARACTER.match(chr(n))}
    assert set(DIGEST_BYTES) == verifier.ALGORITHMS


@pytest.mark.parametrize("name", [name for name in VECTORS if name.startswith("attack_entry_")])
def test_no_file_fits_a_line_that_is_no_entry(name, check):
    vector = VECTORS[name]
    for file in (vector["file"], "", b"1,3\n".hex()):
        codes, lines = check({**vector, "file": file})
        assert codes == (1, 1)
        assert not any("contains" in line or "content: the file" in line for line in lines)


@pytest.mark.parametrize("name", GOOD)
def test_what_cannot_be_known_is_listed(name, check):
    _, lines = check(VECTORS[name])
    skipped = [line for line in lines if line.startswith("not checked: ")]
    assert any("one operator: rewriting not excluded" in line for line in skipped)
    assert any("finality" in line for line in skipped)
    assert any("what happened after block" in line for line in skipped)
    assert any("code of the contracts" in line for line in skipped)
    if name == "good_version":
        assert any("opentimestamps" in line for line in skipped)
    if name == "good_distant":
        assert any("links" in line for line in skipped)


def test_an_algorithm_of_others_is_named_beside_those_that_match(check):
    _, lines = check(VECTORS["good_file"])
    assert "passed: content: the file has the registered sha256" in lines
    assert any(line.startswith("not checked: content: blake3") for line in lines)


def test_the_standing_of_a_dataset_is_told(check):
    _, ended = check(VECTORS["good_ended"])
    assert "passed: status: {'deregistered': True, 'holds': [], 'withdrawn': True}" in ended
    _, contested = check(VECTORS["good_contested"])
    assert any("'holds': [1]" in line for line in contested)


@pytest.mark.parametrize("shard", range(EXHAUSTIVE_SHARDS))
def test_every_byte_matters(shard, check, quick):
    vector = VECTORS["good_file"]
    raw = vector["bundle"].encode()
    assert check(vector)[0] == (0, 0)
    chosen = random.Random(shard)
    for position in range(shard, len(raw), EXHAUSTIVE_SHARDS):
        # mostly digits and letters: they get further than what breaks the JSON
        pool = b"0123456789abcdef" if chosen.random() < 0.8 else bytes(range(256))
        other = chosen.choice([byte for byte in pool if byte != raw[position]])
        mutated = raw[:position] + bytes([other]) + raw[position + 1 :]
        assert check(vector, mutated)[0] == (1, 1), (position, raw[position], other)


@pytest.mark.parametrize("shard", range(EXHAUSTIVE_SHARDS))
def test_no_random_edit_passes(shard, check, quick):
    chosen = random.Random(1000 + shard)
    for number in range(RANDOM_MUTATIONS // EXHAUSTIVE_SHARDS):
        vector = VECTORS[chosen.choice(GOOD)]
        raw = vector["bundle"].encode()
        mutated = edited(raw, chosen)
        if mutated != raw:
            assert check(vector, mutated)[0] == (1, 1), (shard, number)


def edited(raw, chosen):
    """Return bytes after one to four edits: replaced, removed, repeated, inserted, swapped."""
    for _ in range(chosen.randint(1, 4)):
        start = chosen.randrange(len(raw))
        end = min(len(raw), start + chosen.choice((1, 1, 2, 8, 64)))
        piece = raw[start:end]
        kind = chosen.randrange(5)
        if kind == 0:
            piece = bytes(chosen.choice(b"0123456789abcdef") for _ in piece)
        elif kind == 1:
            piece = b""
        elif kind == 2:
            piece += piece
        elif kind == 3:
            piece += chosen.choice((b"0", b"00", b" ", b'"', b"[]", b"null,", b"\xff"))
        else:
            piece = piece[::-1]
        raw = raw[:start] + piece + raw[end:]
    return raw


def test_keccak_equals_another_implementation():
    for size in (*range(0, 300), 1000):
        data = bytes(n * 7 % 256 for n in range(size))
        assert verifier.keccak(data) == sha3.keccak_256(data).digest()


def test_signatures_are_judged_like_another_implementation():
    for number in range(8):
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(bytes([number])).digest())
        public, message = private.public_key().public_bytes_raw(), b"x" * number
        signature = private.sign(message)
        assert verifier.signature_fits(public, message, signature)
        assert not verifier.signature_fits(public, message + b"y", signature)
        for position in (0, 31, 32, 63):
            bad = bytearray(signature)
            bad[position] ^= 1
            assert not verifier.signature_fits(public, message, bytes(bad))
        s = int.from_bytes(signature[32:], "little") + verifier.ORDER
        assert not verifier.signature_fits(
            public, message, signature[:32] + s.to_bytes(32, "little")
        )
        assert not verifier.signature_fits(public, message, signature[:-1])
        assert not verifier.signature_fits(b"\xff" * 32, message, signature)


def test_it_imports_the_standard_library_alone():
    tree = ast.parse(Path(verifier.__file__).read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add((node.module or "").split(".")[0])
    assert found <= set(sys.stdlib_module_names)


@pytest.fixture
def run(tmp_path):
    """Run the verifier as people do: copied away, with a bare interpreter."""
    lone = tmp_path / "verifier.py"
    lone.write_bytes(Path(verifier.__file__).read_bytes())

    def started(*words):
        command = [sys.executable, "-I", "-S", str(lone), *map(str, words)]
        found = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ}, check=False
        )
        return found.returncode, found.stdout, found.stderr

    return started


def test_it_runs_alone(run, tmp_path):
    vector = VECTORS["good_file"]
    bundle, file, pin = (tmp_path / name for name in ("bundle.json", "a.csv", "pin"))
    bundle.write_text(vector["bundle"], encoding="utf-8")
    file.write_bytes(bytes.fromhex(vector["file"]))
    pin.write_text(vector["pins"][0] + "\n")
    code, out, error = run(bundle, file, "--pin", pin)
    assert (code, error) == (0, "")
    assert out.endswith("PASSED\n")
    assert run(bundle, file, "--pin", vector["pins"][0])[0] == 0
    assert run(bundle, file)[0] == 2
    file.write_bytes(b"1,3\n")
    code, out, _ = run(bundle, file, "--pin", pin)
    assert code == 1
    assert "FAILED: expected sha256" in out
    assert out.endswith("FAILED\n")


def test_what_cannot_be_read_is_not_checked(run, tmp_path):
    code, out, _ = run(tmp_path / "none.json")
    assert code == 2
    assert out.endswith("COULD NOT BE CHECKED\n")
    vector = VECTORS["good_file"]
    bundle = tmp_path / "bundle.json"
    bundle.write_text(vector["bundle"], encoding="utf-8")
    assert run(bundle, tmp_path / "none", "--pin", vector["pins"][0])[0] == 2
    assert run(bundle, "--pin", "nonsense")[0] == 2
    assert run()[0] == 2
    pin = tmp_path / "pin"
    pin.write_bytes(vector["pins"][0].encode("utf-16"))
    code, out, err = run(bundle, "--pin", pin)
    assert (code, err) == (2, "")
    assert out.startswith("not checked: 'utf-8' codec can't decode")
    assert out.count("\n") == 2


def test_a_distant_log_without_a_vouched_block_is_named(check):
    vector = VECTORS["good_distant"]
    bundle = json.loads(vector["bundle"])
    del bundle["checkpoints"][1]
    text = json.dumps(bundle, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"
    codes, lines = check({**vector, "bundle": text})
    assert codes == (0, 0)
    assert listings(lines, vector, text) == (["not checked"], ["not_checked"])
    assert listings(check(vector)[1], vector, vector["bundle"]) == (["passed"], ["passed"])


def listings(lines, vector, text):
    """Return where each verifier names the receipt."""
    verdict = verify_bundle(parse(text.encode()), pins_of(vector["pins"])).to_json()
    kinds = [
        kind
        for kind in ("passed", "failed", "not_checked")
        for c in verdict[kind]
        if c["name"] == "receipt"
    ]
    return [line.split(": ")[0] for line in lines if ": receipt: " in line], kinds


@pytest.mark.parametrize("name", ["made_up_block", "made_up_block_no_pin"])
def test_a_block_that_is_made_up_shows_no_receipt(name, check):
    vector = VECTORS[f"attack_{name}"]
    text = vector["bundle"]
    assert listings(check(vector)[1], vector, text) == (["not checked"], ["not_checked"])


def test_a_receipt_is_named_once_whatever_fails(check):
    for name, vector in VECTORS.items():
        if name.startswith("good_") or vector["verdict"] == "failed":
            try:
                parse(vector["bundle"].encode())
            except ProvenanceError:
                continue
            lone, own = listings(check(vector)[1], vector, vector["bundle"])
            assert len(lone) <= 1, name
            assert len(own) == 1, name


def test_a_pin_file_is_a_pin(check):
    vector = VECTORS["good_file"]
    note = json.loads(vector["bundle"])["checkpoints"][0]["note"]
    pin = json.dumps({"key": vector["pins"][0], "note": note})
    codes, _ = check({**vector, "pins": [pin]})
    assert codes == (0, 0)
