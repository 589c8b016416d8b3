"""Write the vectors of bundles in ``tests/vectors/bundle``: good ones, and attacks on them.

The good ones were recorded once from a ledger in a temporary home, since keys and blocks are drawn
at random: ``--record`` makes new ones, ``--record hostile`` only that of a ledger on which somebody
registered lines that are no entries. The attacks are edits of the recorded bundles, the same each
time: ``python scripts/generate_bundles.py`` writes them, ``--check`` compares instead.

Promises: an edit is made on the JSON alone, by hand so to speak; what checks bundles takes no part.
"""

import argparse
import base64
import copy
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

REPOSITORY = Path(__file__).resolve().parent.parent
VECTORS = REPOSITORY / "tests" / "vectors" / "bundle"
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY)]

import reference  # type: ignore[import-not-found]  # noqa: E402 - found through the line above

from scripts import entry_vectors, forged_block  # noqa: E402 - as above

MARK = "scripts/generate_bundles.py"

Fields = dict[str, Any]
Edit = tuple[str, Callable[[Fields], Any]]
ATTACKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def text_of(fields: Fields) -> str:
    """Return a bundle as its file: RFC 8785 JSON and a line feed."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def record() -> Iterator[tuple[str, Fields]]:
    """Make a ledger and yield bundles of it, with the file each is about."""
    from provenance.config import load_settings
    from provenance.content import manifest
    from provenance.content.erasure import parse_remaining
    from provenance.identifiers import DatasetId
    from provenance.ledger import bundles, checkpoints, datasets, parties, setup, titles
    from provenance.ledger.opening import open_ledger
    from provenance.proofs.bundle import Anchor

    with tempfile.TemporaryDirectory() as folder:
        home, data = Path(folder) / "home", Path(folder) / "data"
        settings = load_settings({"PROVENANCE_HOME": str(home)})
        setup.initialise(settings)
        (data / "deep").mkdir(parents=True)
        contents = {"a.csv": b"1,2\n", "b.csv": b"", "deep/\u2603.txt": b"snow\n"}
        for name, content in contents.items():
            (data / name).write_bytes(content)
        with open_ledger(settings) as ledger:
            key = str(checkpoints.verifier_key(ledger))

            def made(number: int, version: int, path: str | None, **options: Any) -> Fields:
                found = bundles.export(ledger, DatasetId(number), version, path, **options)
                content = contents.get(path or "", b"")
                return {"bundle": found.to_bytes().decode(), "file": content.hex(), "pins": [key]}

            bank = parties.add(ledger, "bank", parties.Profile(country="CN"))
            open_manifest = manifest.build(data, algorithms=("sha256", "blake3"))
            datasets.register(ledger, "founder", open_manifest, "t")
            yield "one_block", made(1, 1, "b.csv")
            private = manifest.build(data, private=True)
            secret = parse_remaining(private.secret_document)
            datasets.register(ledger, "founder", private, "t")
            yield "private", made(2, 1, "deep/\u2603.txt", manifest=secret)
            moved = titles.start_transfer(ledger, "founder", DatasetId(1), bank.party_id)
            titles.accept_transfer(ledger, "bank", moved.transfer_id)
            yield "file", made(1, 1, "a.csv")
            yield "distant", made(1, 1, "a.csv", max_links=1)
            datasets.publish(ledger, "bank", DatasetId(1), manifest.build(data / "a.csv"))
            contents["."] = contents["a.csv"]
            yield "second_version", made(1, 2, ".")
            datasets.register(ledger, "bank", private, "t")
            yield "contested", made(3, 1, "a.csv", manifest=secret)
            datasets.withdraw_version(ledger, "bank", DatasetId(1), 1, b"wrong units")
            datasets.deregister(ledger, "bank", DatasetId(1), b"gone")
            yield "ended", made(1, 1, "a.csv")
            anchored = bundles.export(ledger, DatasetId(1), 1).with_anchor(
                Anchor("opentimestamps", b"not a time stamp")
            )
            whole = {"bundle": anchored.to_bytes().decode(), "pins": [key]}
            yield "version", {**whole, "file": open_manifest.document.hex()}


def record_hostile() -> Iterator[tuple[str, Fields]]:
    """Make a ledger with a root over lines that are no entries; yield the bundle of one that is."""
    from provenance.config import load_settings
    from provenance.content.entry import Header
    from provenance.content.spool import Spool
    from provenance.content.writer import Manifest
    from provenance.ledger import bundles, checkpoints, datasets, setup
    from provenance.ledger.opening import open_ledger

    found = entry_vectors.hostile()
    lines = {"plain": entry_vectors.PLAIN} | {
        name: found[name] for name in entry_vectors.IN_BUNDLES
    }
    encoded = [line.encode() for line in lines.values()]
    header = reference.header_line(["sha256"], [], False)
    document = reference.open_document(header, encoded, False)
    spool = Spool()
    spool.append(document[len(header) + 1 :])
    root = reference.version_root(header, encoded)
    digest = hashlib.sha256(document).digest()
    # no writer makes such a manifest: whoever attacks writes one of his own
    forged = Manifest(Header(), spool, len(lines), root, digest, False)
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings({"PROVENANCE_HOME": str(Path(folder) / "home")})
        setup.initialise(settings)
        with open_ledger(settings) as ledger:
            made = datasets.register(ledger, "founder", forged, "t")
            bundle = json.loads(bundles.export(ledger, made.dataset_id, 1).to_bytes())
            key = str(checkpoints.verifier_key(ledger))
    bundle["inclusion"] = entry_vectors.inclusion(list(lines.values()), 0)
    file = entry_vectors.CONTENT.hex()
    whole = {"bundle": text_of(bundle), "file": file, "pins": [key], "lines": list(lines.items())}
    yield "beside_hostile", whole


RECORDERS = {"ledger": record, "hostile": record_hostile}


def attacks_by_lines(good: Fields) -> Iterator[tuple[str, Fields]]:
    """Yield the bundles of lines that are no entries, under the root that holds them."""
    names, lines = zip(*good["lines"], strict=True)
    bundle = json.loads(good["bundle"])
    for index, name in list(enumerate(names))[1:]:
        bundle["inclusion"] = entry_vectors.inclusion(list(lines), index)
        fields = {"bundle": text_of(bundle), "file": good["file"], "pins": good["pins"]}
        yield f"entry_{name}", {**fields, "verdict": "failed"}


def attacks_by_types(good: dict[str, Fields]) -> Iterator[tuple[str, Fields]]:
    """Yield bundles that are right but for the type of a list, or the way that a block is named."""
    note = json.loads(good["file"]["bundle"])["checkpoints"][0]["note"]
    for name, base, pins, part, field in (
        ("anchors", "file", None, None, "anchors"),
        ("checkpoints", "file", [note], None, "checkpoints"),
        ("links", "one_block", None, "receipt", "links"),
        ("audit_path", "second_version", None, "inclusion", "path"),
    ):
        for kind, value in (("text", ""), ("object", {})):
            bundle = json.loads(good[base]["bundle"])
            (bundle[part] if part else bundle)[field] = value
            fields = {"bundle": text_of(bundle), "pins": pins or good[base]["pins"]}
            yield f"{name}_as_{kind}", {**good[base], **fields, "verdict": "failed"}
    bundle = json.loads(good["one_block"]["bundle"])
    bundle["receipt"].update(header=bundle["heads"]["header"], links=None)
    yield "one_block_twice", {**good["one_block"], "bundle": text_of(bundle), "verdict": "failed"}


def signed(text: str, name: str, private: Ed25519PrivateKey) -> tuple[str, str]:
    """Return a note over a text, and the verifier key to it (c2sp.org/signed-note)."""
    material = b"\x01" + private.public_key().public_bytes_raw()
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    signature = base64.b64encode(key_id + private.sign(text.encode())).decode()
    key = f"{name}+{key_id.hex()}+{base64.b64encode(material).decode()}"
    return f"{text}\n\u2014 {name} {signature}\n", key


def resigned(fields: Fields, change: Callable[[list[str]], None]) -> None:
    """Change the text of the checkpoint, and let the attacker sign it in the ledger's name."""
    lines = fields["checkpoints"][0]["note"].split("\n")[:6]
    change(lines)
    note, key = signed("\n".join(lines) + "\n", lines[0], ATTACKER)
    fields["checkpoints"] = [{"keys": [key], "note": note}]


def flipped(text: str, position: int = -1) -> str:
    """Return hexadecimal with one digit changed."""
    position %= len(text)
    other = "0" if text[position] != "0" else "1"
    return text[:position] + other + text[position + 1 :]


def edits(good: Fields) -> Iterator[Edit]:
    """Yield edits of the bundle of a file that was transferred."""
    yield from edits_of_history(good["history"][-1])
    yield from edits_of_form()
    yield from edits_of_evidence()
    yield from edits_of_checkpoints()


def edits_of_history(last: Fields) -> Iterator[Edit]:
    """Yield edits of the history, and of what it says; ``last`` is its last log."""
    yield "dropped_log", lambda b: b["history"].pop()
    yield (
        "undone_transfer",
        lambda b: (
            b["history"].pop(),
            b["holders"][0].update(party_id=int(last["topics"][2], 16) % 2**64),
        )[-1],
    )
    yield "repeated_log", lambda b: b["history"].append(last)
    yield "swapped_logs", lambda b: b["history"].reverse()
    yield "edited_log", lambda b: b["history"][0].update(data=flipped(last["data"]))
    yield "moved_log", lambda b: b["history"][0].update(block_number=last["block_number"])
    yield "foreign_log", lambda b: b["history"][-1]["topics"].__setitem__(1, last["topics"][2])
    yield "no_history", lambda b: b.update(history=[])
    yield "other_holder", lambda b: b["holders"][0].update(party_id=b["holders"][0]["party_id"] + 1)
    yield "other_units", lambda b: b["holders"][0]["units"].update(use=9999)
    yield "status_as_number", lambda b: b["status"].update(deregistered=0)
    yield "hidden_status", lambda b: b["status"].pop("holds")


def edits_of_form() -> Iterator[Edit]:
    """Yield edits of the claim, and of the form of a bundle."""
    yield "other_chain", lambda b: b.update(chain_id=b["chain_id"] + 1)
    yield "other_ledger", lambda b: b.update(history_address=flipped(b["history_address"]))
    yield "other_dataset", lambda b: b.update(dataset_id=2)
    yield "other_version", lambda b: b.update(version=2)
    yield "orphaned", lambda b: b.update(state="orphaned")
    yield "unknown_state", lambda b: b.update(state="certain")
    yield "other_format", lambda b: b.update(format="provenance-bundle/2")
    yield "unknown_field", lambda b: b.update(note="hello")
    yield "missing_field", lambda b: b.pop("status")
    yield "nested_field", lambda b: b["heads"].update(note="hello")
    yield "fraction", lambda b: b.update(version=1.5)
    yield "truth_for_one", lambda b: b.update(version=True)
    yield "large_integer", lambda b: b.update(version=2**53)
    yield "negative_index", lambda b: b["receipt"].update(log_index=-1)
    yield "upper_case", lambda b: b["heads"].update(header=b["heads"]["header"].upper())
    yield "no_object", lambda b: b.update(heads=[])


def edits_of_evidence() -> Iterator[Edit]:
    """Yield edits of the entry's proof, and of heads and receipt."""
    yield (
        "edited_entry",
        lambda b: b["inclusion"].update(
            entry=b["inclusion"]["entry"].replace('"size":4', '"size":5')
        ),
    )
    yield "other_index", lambda b: b["inclusion"].update(index=1)
    yield "other_count", lambda b: b["inclusion"].update(count=4)
    yield "short_audit_path", lambda b: b["inclusion"]["path"].pop()
    yield "long_audit_path", lambda b: b["inclusion"]["path"].append("00" * 32)
    yield "other_inclusion_root", lambda b: b["inclusion"].update(root="00" * 32)
    yield "later_timestamp", lambda b: b["heads"].update(header=flipped(b["heads"]["header"], -300))
    yield "no_header", lambda b: b["heads"].update(header="c0")
    yield "missing_account_node", lambda b: b["heads"]["account"].pop()
    yield "extra_account_node", lambda b: b["heads"]["account"].append(b["heads"]["account"][0])
    yield (
        "swapped_slots",
        lambda b: b["heads"].update(dataset=b["heads"]["ledger"], ledger=b["heads"]["dataset"]),
    )
    yield "extra_receipt_node", lambda b: b["receipt"]["nodes"].append("c0")
    yield "no_receipt_node", lambda b: b["receipt"].update(nodes=[])
    yield "other_transaction", lambda b: b["receipt"].update(transaction_index=1)
    yield "other_log_index", lambda b: b["receipt"].update(log_index=1)
    yield "other_event", lambda b: b["receipt"].update(event=1)
    yield "event_out_of_range", lambda b: b["receipt"].update(event=3)
    yield "missing_link", lambda b: b["receipt"]["links"].pop()
    yield "extra_link", lambda b: b["receipt"]["links"].append(b["receipt"]["links"][0])
    yield "one_block_after_all", lambda b: b["receipt"].update(header=None)


def edits_of_checkpoints() -> Iterator[Edit]:
    """Yield edits of checkpoints and anchors."""
    yield "unsigned", lambda b: b["checkpoints"][0].update(keys=[])
    yield "signed_twice", lambda b: b["checkpoints"][0].update(keys=b["checkpoints"][0]["keys"] * 2)
    yield (
        "edited_note",
        lambda b: b["checkpoints"][0].update(
            note=b["checkpoints"][0]["note"].replace("\n\n", "\n0\n\n")
        ),
    )
    yield (
        "other_ledger_head",
        lambda b: resigned(
            b, lambda lines: lines.__setitem__(2, base64.b64encode(bytes(32)).decode())
        ),
    )
    yield (
        "other_block",
        lambda b: resigned(b, lambda lines: lines.__setitem__(5, "block-hash 0x" + "00" * 32)),
    )
    yield (
        "unknown_anchor",
        lambda b: b.update(
            anchors=[{"kind": "notary", "proof": "", "sha256": hashlib.sha256().hexdigest()}]
        ),
    )
    yield (
        "damaged_anchor",
        lambda b: b.update(anchors=[{"kind": "rfc3161", "proof": "AAAA", "sha256": "00" * 32}]),
    )


def attacks(good: dict[str, Fields]) -> Iterator[tuple[str, Fields]]:
    """Yield every attack, with the verdict that is due."""
    whole = good["file"]
    bundle = json.loads(whole["bundle"])
    for name, edit in edits(bundle):
        edited = copy.deepcopy(bundle)
        edit(edited)
        yield name, {**whole, "bundle": text_of(edited), "verdict": "failed"}
    for name, text in (
        ("spaces", whole["bundle"].replace(",", ", ", 1)),
        ("no_line_feed", whole["bundle"][:-1]),
        ("repeated_key", whole["bundle"].replace('{"anchors"', '{"anchors":[],"anchors"', 1)),
        ("escaped", whole["bundle"].replace('"anchors"', '"\\u0061nchors"', 1)),
        ("cut_off", whole["bundle"][: len(whole["bundle"]) // 2]),
        ("empty", ""),
        ("list", "[]\n"),
        ("deep", "[" * 5000 + "]" * 5000 + "\n"),
    ):
        yield name, {**whole, "bundle": text, "verdict": "failed"}
    yield "other_file", {**whole, "file": b"1,3\n".hex(), "verdict": "failed"}
    yield "longer_file", {**whole, "file": b"1,2\n\n".hex(), "verdict": "failed"}
    yield "no_pin", {**whole, "pins": [], "verdict": "not_checked"}
    forged = copy.deepcopy(bundle)
    resigned(forged, lambda lines: None)
    made_up = copy.deepcopy(bundle)
    forged_block.forge(made_up)
    yield "made_up_block", {**whole, "bundle": text_of(made_up), "verdict": "passed"}
    fields = {"bundle": text_of(made_up), "pins": [], "verdict": "not_checked"}
    yield "made_up_block_no_pin", {**whole, **fields}
    yield "forged_signature", {**whole, "bundle": text_of(forged), "verdict": "not_checked"}
    note = bundle["checkpoints"][0]["note"]
    yield "pinned_note", {**whole, "pins": [note], "verdict": "passed"}
    lines = note.split("\n")[:6]
    for name, line, content, verdict in (
        ("pinned_other_block", 5, "block-hash 0x" + "00" * 32, "failed"),
        ("pinned_other_head", 2, base64.b64encode(bytes(32)).decode(), "failed"),
        ("pinned_later", 1, str(10**6), "not_checked"),
    ):
        changed = [*lines[:line], content, *lines[line + 1 :]]
        if name == "pinned_later":
            changed[5] = "block-hash 0x" + "00" * 32
        pinned, _ = signed("\n".join(changed) + "\n", lines[0], ATTACKER)
        yield name, {**whole, "pins": [pinned], "verdict": verdict}
    foreign = [flipped(lines[0]), *lines[1:4], "history " + flipped(lines[4].split()[1]), lines[5]]
    pinned, _ = signed("\n".join(foreign) + "\n", foreign[0], ATTACKER)
    yield "pinned_other_ledger", {**whole, "pins": [pinned], "verdict": "failed"}
    yield from attacks_by_lines(good["beside_hostile"])
    yield from attacks_by_types(good)


def main() -> int:
    """Write or check the files; return 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument(
        "--record", nargs="?", const="all", choices=("all", *RECORDERS), help="make good ones anew"
    )
    options = parser.parse_args()
    VECTORS.mkdir(parents=True, exist_ok=True)
    for which in RECORDERS if options.record == "all" else filter(None, [options.record]):
        for name, fields in RECORDERS[which]():
            _write(VECTORS / f"good_{name}.json", {**fields, "verdict": "passed"})
    good = {
        path.stem.removeprefix("good_"): json.loads(path.read_text())
        for path in sorted(VECTORS.glob("good_*.json"))
    }
    expected = {VECTORS / f"attack_{name}.json": fields for name, fields in attacks(good)}
    stale = [path for path, fields in expected.items() if not _is_current(path, fields)]
    extra = sorted(set(VECTORS.glob("attack_*.json")) - set(expected))
    for path in [] if options.check else stale:
        _write(path, expected[path])
    for path in [] if options.check else extra:
        path.unlink()
    word = "differs" if options.check else "written"
    for path in stale + extra:
        sys.stdout.write(f"{word}: {path.relative_to(REPOSITORY)}\n")
    return 1 if options.check and (stale or extra) else 0


def _write(path: Path, fields: Fields) -> None:
    path.write_text(_rendered(fields))


def _is_current(path: Path, fields: Fields) -> bool:
    return path.exists() and path.read_text() == _rendered(fields)


def _rendered(fields: Fields) -> str:
    return json.dumps({**fields, "generated_by": MARK}, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.exit(main())
