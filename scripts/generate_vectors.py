"""Write the test vectors in ``tests/vectors`` from the slow reference implementation.

``python scripts/generate_vectors.py`` writes them; ``--check`` compares instead and fails on any
difference. The package takes no part in it: what it must reproduce does not come from it.
"""

import argparse
import base64
import copy
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

REPOSITORY = Path(__file__).resolve().parent.parent
VECTORS = REPOSITORY / "tests" / "vectors"
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY)]

import reference  # type: ignore[import-not-found]  # noqa: E402 - found through the line above

from scripts.batch_vectors import batches  # noqa: E402 - as above
from scripts.commitment_vectors import commitments  # noqa: E402 - as above
from scripts.entry_vectors import entries  # noqa: E402 - as above

Fields = dict[str, Any]
Attacks = dict[str, tuple[list[str], str]]


def file_lines(names: list[str], salted: bool = False) -> list[bytes]:
    """Return entry lines of small files whose content is their name."""
    lines = []
    for number, name in enumerate(sorted(names, key=str.encode)):
        content = name.encode()
        salt = bytes([number]) * 16 if salted else None
        digests = {"sha256": hashlib.sha256(content).digest()}
        lines.append(reference.entry_line(name, len(content), digests, salt))
    return lines


def inclusion(header: bytes, lines: list[bytes], index: int) -> Fields:
    """Return an inclusion proof in its JSON form."""
    return {
        "format": "provenance-inclusion/1",
        "root": reference.version_root(header, lines).hex(),
        "count": len(lines),
        "header_hash": hashlib.sha256(header).hexdigest(),
        "index": index,
        "entry": lines[index].decode(),
        "path": [node.hex() for node in reference.audit_path(index, lines)],
    }


HEADER = reference.header_line(["sha256"], [], False).decode()
PRIVATE = reference.header_line(["sha256"], [], True).decode()
A, B, C = (line.decode() for line in file_lines(["a", "b", "c"]))
SALTED = file_lines(["a"], salted=True)[0].decode()


def trees() -> Fields:
    """Tree hashes and audit paths of one to 17 leaves."""
    cases = []
    for count in range(1, 18):
        leaves = [bytes([n]) * n for n in range(count)]
        paths = [[h.hex() for h in reference.audit_path(i, leaves)] for i in range(count)]
        cases.append(
            {
                "leaves": [leaf.hex() for leaf in leaves],
                "tree_hash": reference.tree_hash(leaves).hex(),
                "paths": paths,
            }
        )
    return {"cases": cases}


def manifests() -> Fields:
    """Documents with their roots and hashes."""
    header = reference.header_line(["sha256"], [], False)
    private = reference.header_line(["sha256"], [".git", "*.tmp"], True)
    names = ["a-b", "a.b", "a/b", "Z", "line\nfeed", "back\\slash", "\U0001f4be \u00e9.csv", "\x7f"]
    cases = []
    for title, head, lines in (
        ("one file", header, file_lines(["."])),
        ("odd names", header, file_lines(names)),
        ("private", private, file_lines(names, salted=True)),
    ):
        is_private = head == private
        document = reference.open_document(head, lines, is_private)
        case = {
            "title": title,
            "document": document.decode(),
            "count": len(lines),
            "root": reference.version_root(head, lines).hex(),
            "manifest_hash": hashlib.sha256(document).hexdigest(),
        }
        if is_private:
            case["secret_document"] = reference.open_document(head, lines, False).decode()
        cases.append(case)
    return {"cases": cases}


def hostile_paths() -> Attacks:
    """Attacks by paths and their order."""

    def named(path: str) -> str:
        return A.replace('"path":"a"', f'"path":{reference.quote(path)}')

    return {
        "unsorted": ([HEADER, B, A], "out of order"),
        "duplicate_path": ([HEADER, A, A], "a path twice"),
        "dot_dot": ([HEADER, named("a/../b")], "'..' segment"),
        "dot": ([HEADER, named("./a")], "'.' segment"),
        "dot_beside_others": ([HEADER, named("."), B], "alone"),
        "absolute": ([HEADER, named("/etc/passwd")], "absolute"),
        "empty_segment": ([HEADER, named("a//b")], "empty segment"),
        "trailing_slash": ([HEADER, named("a/")], "empty segment"),
        "empty_path": ([HEADER, named("")], "empty segment"),
        "nul": ([HEADER, named("a\0b")], "a NUL"),
        "not_nfc": ([HEADER, named("e\u0301")], "normalisation form C"),
        "long_path": ([HEADER, named("x" * 5000)], "4096 bytes"),
        "surrogate": ([HEADER, A.replace('"path":"a"', '"path":"\\ud800"')], "valid UTF-8"),
        "file_and_folder": ([HEADER, named("a"), named("a-b"), named("a/b")], "found both"),
    }


def hostile_entries() -> Attacks:
    """Attacks by the form and the values of an entry line."""
    digest = hashlib.sha256(b"a").hexdigest()
    return {
        "escape": ([HEADER, A.replace('"path":"a"', '"path":"\\u0061"')], "canonical form"),
        "space": ([HEADER, A.replace(",", ", ")], "canonical form"),
        "key_order": ([HEADER, '{"size":1,' + A[1:].replace(',"size":1', "")], "canonical form"),
        "repeated_key": ([HEADER, '{"path":"z",' + A[1:]], "canonical form"),
        "carriage_return": ([HEADER, A + "\r", B], "canonical form"),
        "unknown_key": ([HEADER, A[:-1] + ',"mode":"0644"}'], "'mode'"),
        "missing_key": ([HEADER, A.replace(',"size":1', "")], "no 'size'"),
        "size_text": ([HEADER, A.replace('"size":1', '"size":"1"')], "size as an integer"),
        "size_true": ([HEADER, A.replace('"size":1', '"size":true')], "size as an integer"),
        "size_float": ([HEADER, A.replace('"size":1', '"size":1.0')], "size as an integer"),
        "size_negative": ([HEADER, A.replace('"size":1', '"size":-1')], "2^53 - 1"),
        "size_too_large": (
            [HEADER, A.replace('"size":1', '"size":9007199254740992')],
            "2^53 - 1",
        ),
        "size_endless": ([HEADER, A.replace('"size":1', '"size":' + "9" * 5000)], "JSON object"),
        "path_number": ([HEADER, A.replace('"path":"a"', '"path":1')], "path as text"),
        "digests_list": ([HEADER, A.replace(f'{{"sha256":"{digest}"}}', "[]")], "as an object"),
        "digest_short": ([HEADER, A.replace(digest, digest[:-2])], "32 bytes of sha256"),
        "digest_upper": ([HEADER, A.replace(digest, digest.upper())], "lower-case"),
        "digest_number": ([HEADER, A.replace(f'"{digest}"', "1")], "in hexadecimal"),
        "digest_other": ([HEADER, A.replace('"sha256"', '"blake3"')], "expected digests sha256"),
        "digest_none": ([HEADER, A.replace(f'"sha256":"{digest}"', "")], "expected digests"),
        "not_json": ([HEADER, "{"], "JSON object"),
        "not_object": ([HEADER, "[]"], "JSON object"),
        "nested": ([HEADER, "[" * 30000], "JSON object"),
        "nan": ([HEADER, A.replace('"size":1', '"size":NaN')], "size as an integer"),
        "empty_line": ([HEADER, A, "", B], "JSON object"),
    }


def hostile_salts() -> Attacks:
    """Attacks by mixing open, private and sealed lines."""
    return {
        "salt_in_open": ([HEADER, SALTED], "'salt'"),
        "salt_missing": ([PRIVATE, A], "no 'salt'"),
        "salt_short": ([PRIVATE, SALTED.replace("00" * 16, "00" * 15)], "16 bytes of salt"),
        "leaf_in_open": ([HEADER, '{"leaf":"' + "00" * 32 + '"}'], "'leaf'"),
        "leaf_short": ([PRIVATE, '{"leaf":"' + "00" * 31 + '"}'], "32 bytes of leaf hash"),
        "leaf_then_entry": ([PRIVATE, '{"leaf":"' + "00" * 32 + '"}', SALTED], "'digests'"),
        "entry_then_leaf": ([PRIVATE, SALTED, '{"leaf":"' + "00" * 32 + '"}'], "'leaf'"),
        "leaf_escape": ([PRIVATE, '{"leaf": "' + "00" * 32 + '"}'], "canonical form"),
    }


def hostile_headers() -> Attacks:
    """Attacks by the header line."""
    return {
        "header_twice": ([HEADER, HEADER], "'algorithms'"),
        "header_missing": ([A, B, C], "expected format"),
        "header_format": ([HEADER.replace("manifest/1", "manifest/2"), A], "expected format"),
        "header_unicode": ([HEADER.replace("14.0.0", "13.0.0"), A], "expected unicode"),
        "header_private": ([HEADER.replace("false", "0"), A], "private true or false"),
        "header_algorithm": ([HEADER.replace('"sha256"', '"md5"'), A], "digest algorithms"),
        "header_no_algorithm": ([HEADER.replace('"sha256"', ""), A], "digest algorithms"),
        "header_algorithm_twice": (
            [HEADER.replace('"sha256"', '"sha256","sha256"'), A],
            "different digest algorithms",
        ),
        "header_algorithm_number": ([HEADER.replace('"sha256"', "1"), A], "a list of texts"),
        "header_algorithms_unsorted": (
            [HEADER.replace('"sha256"', '"sm3","sha256"'), A],
            "canonical form",
        ),
        "header_ignore": ([HEADER.replace('"ignore":[]', '"ignore":{}'), A], "a list of texts"),
        "header_ignore_dot": ([HEADER.replace('"ignore":[]', '"ignore":["."]'), A], "for names"),
        "header_key": ([HEADER[:-1] + ',"x":1}', A], "'x'"),
    }


def hostile_manifests() -> Iterator[tuple[str, Fields]]:
    """One file per attack on the reader of manifests: the document, and part of the message."""
    attacks = hostile_paths() | hostile_entries() | hostile_salts() | hostile_headers()
    for name, (lines, message) in attacks.items():
        document = "".join(line + "\n" for line in lines)
        yield f"manifest_{name}", {"document": document, "message": message}
    yield "manifest_no_newline", {"document": f"{HEADER}\n{A}", "message": "newline at the end"}
    yield "manifest_nothing", {"document": "", "message": "empty document"}


def inclusions() -> Fields:
    """Good inclusion proofs."""
    header = reference.header_line(["sha256"], [], False)
    cases = []
    for count in (1, 2, 3, 7, 8, 9):
        lines = file_lines([f"file-{n}" for n in range(count)])
        cases += [inclusion(header, lines, index) for index in range(count)]
    return {"cases": cases}


def hostile_inclusions() -> Iterator[tuple[str, Fields]]:
    """One file per attack on an inclusion proof: the root to believe, and the proof."""
    header = reference.header_line(["sha256"], [], False)
    lines = file_lines([f"file-{n}" for n in range(7)])
    good = inclusion(header, lines, 2)
    other = inclusion(header, file_lines([f"other-{n}" for n in range(7)]), 2)

    def flip(text: str) -> str:
        return format(int(text[0], 16) ^ 1, "x") + text[1:]

    def changed(change: Callable[[Fields], object]) -> Fields:
        proof = copy.deepcopy(good)
        change(proof)
        return proof

    attacks: dict[str, Fields] = {
        "flipped_bit": changed(lambda p: p["path"].__setitem__(1, flip(p["path"][1]))),
        "swapped_siblings": changed(lambda p: p["path"].reverse()),
        "missing_hash": changed(lambda p: p["path"].pop()),
        "trailing_hash": changed(lambda p: p["path"].append("00" * 32)),
        "short_hash": changed(lambda p: p["path"].__setitem__(0, "00" * 31)),
        "long_path": changed(lambda p: p.update(path=["00" * 32] * 65)),
        "path_no_list": changed(lambda p: p.update(path="00")),
        "wrong_index": changed(lambda p: p.update(index=3)),
        "index_out_of_range": changed(lambda p: p.update(index=7)),
        "index_negative": changed(lambda p: p.update(index=-1)),
        "index_true": changed(lambda p: p.update(index=True)),
        "wrong_count": changed(lambda p: p.update(count=8)),
        "count_zero": changed(lambda p: p.update(count=0)),
        "count_too_large": changed(lambda p: p.update(count=2**64)),
        "other_header": changed(lambda p: p.update(header_hash="00" * 32)),
        "other_entry": changed(lambda p: p.update(entry=lines[3].decode())),
        "edited_entry": changed(lambda p: p.update(entry=p["entry"].replace("size", "siZe"))),
        "entry_number": changed(lambda p: p.update(entry=1)),
        "entry_surrogate": changed(lambda p: p.update(entry="\ud800")),
        "node_as_leaf": changed(lambda p: p.update(count=4, index=1, path=p["path"][1:])),
        "swapped_root": changed(lambda p: p.update(root=other["root"])),
        "other_tree": other,
        "unknown_field": changed(lambda p: p.update(note="")),
        "missing_field": changed(lambda p: p.pop("entry")),
        "other_format": changed(lambda p: p.update(format="provenance-inclusion/2")),
    }
    for name, proof in attacks.items():
        yield f"inclusion_{name}", {"root": good["root"], "proof": proof}


def absences() -> Fields:
    """Good proofs of absence: before the first, between, after the last entry."""
    header = reference.header_line(["sha256"], [], False)
    lines = file_lines(["b", "d", "f", "h", "j"])

    def proof(path: str, left: int | None, right: int | None) -> Fields:
        return {
            "format": "provenance-absence/1",
            "path": path,
            "left": None if left is None else inclusion(header, lines, left),
            "right": None if right is None else inclusion(header, lines, right),
        }

    return {
        "root": reference.version_root(header, lines).hex(),
        "cases": [proof("a", None, 0), proof("e", 1, 2), proof("e/x", 1, 2), proof("z", 4, None)],
        "hostile": {
            "present": proof("d", 0, 1),
            "present_right": proof("d", 1, 2),
            "not_between": proof("g", 1, 2),
            "not_adjacent": proof("e", 1, 3),
            "same_entry": proof("e", 1, 1),
            "first_is_not_first": proof("c", None, 1),
            "last_is_not_last": proof("i", 3, None),
            "swapped": proof("e", 2, 1),
            "no_neighbour": proof("e", None, None),
            "bad_path": proof("../e", 1, 2),
        },
    }


def histories() -> Fields:
    """A short ledger: all logs, and the head of each subject."""
    chain_id, history = 31337, bytes(range(20))
    module, other = b"\xaa" * 20, b"\xbb" * 20
    party = b"\x01" + bytes(30) + b"\x07"
    dataset = b"\x02" + bytes(30) + b"\x09"
    event = hashlib.sha256(b"event").digest()
    logs = [
        (1, module, [event, dataset, party], b""),
        (1, module, [event, dataset, dataset], b"\x01" * 32),
        (2, other, [event, party, bytes(32)], b"\x02" * 96),
        (5, other, [event], b"\x03"),
        (5, module, [event, party, dataset, party], b""),
    ]
    return {
        "chain_id": chain_id,
        "history": "0x" + history.hex(),
        "logs": [
            {
                "block_number": block,
                "log_index": index,
                "address": "0x" + address.hex(),
                "topics": ["0x" + topic.hex() for topic in topics],
                "data": "0x" + data.hex(),
                "hash": "0x" + reference.event_hash(block, address, topics, data).hex(),
            }
            for index, (block, address, topics, data) in enumerate(logs)
        ],
        "heads": {
            "0x" + subject.hex(): "0x" + reference.fold(chain_id, history, subject, logs).hex()
            for subject in (bytes(32), party, dataset, b"\x03" + bytes(31))
        },
    }


def checkpoints() -> Fields:
    """A checkpoint, its note and its key; the private key is published and worthless."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key().public_bytes_raw()
    history, block_hash, head = b"\x11" * 20, b"\x22" * 32, b"\x33" * 32
    text = reference.checkpoint_text(31337, history, 42, block_hash, head)
    origin = text.split("\n")[0]
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    signature = base64.b64encode(key_id + key.sign(text.encode())).decode()
    encoded = base64.b64encode(b"\x01" + public).decode()
    return {
        "private_key": bytes(range(32)).hex(),
        "verifier_key": f"{origin}+{key_id.hex()}+{encoded}",
        "text": text,
        "note": f"{text}\n\u2014 {origin} {signature}\n",
    }


def vectors() -> Iterator[tuple[str, Fields]]:
    """Yield the name and content of every file."""
    yield "trees", trees()
    yield "manifests", manifests()
    yield "inclusions", inclusions()
    yield "absences", absences()
    yield "histories", histories()
    yield "checkpoints", checkpoints()
    yield "batches", batches()
    yield "commitments", commitments()
    yield "entries", entries()
    for name, fields in hostile_manifests():
        yield f"hostile/{name}", fields
    for name, fields in hostile_inclusions():
        yield f"hostile/{name}", fields


def main() -> int:
    """Write or check the files; return 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args().check
    expected = {
        VECTORS / f"{name}.json": json.dumps(
            {"generated by": "scripts/generate_vectors.py", **fields}, indent=1, ensure_ascii=True
        )
        + "\n"
        for name, fields in vectors()
    }
    found = {p for folder in (VECTORS, VECTORS / "hostile") for p in folder.glob("*.json")}
    stale = sorted(p for p, text in expected.items() if p not in found or p.read_text() != text)
    extra = sorted(p for p in found - expected.keys() if "generate_vectors" in p.read_text())
    for path in () if check else stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(expected[path])
    for path in () if check else extra:
        path.unlink()
    for path in stale + extra:
        sys.stdout.write(f"{'differs' if check else 'written'}: {path.relative_to(REPOSITORY)}\n")
    return 1 if check and (stale or extra) else 0


if __name__ == "__main__":
    sys.exit(main())
