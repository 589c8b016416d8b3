"""``provenance anchors``: from files to proofs that are checked here and elsewhere."""

import hashlib
import json

import pytest


@pytest.fixture
def files(tmp_path):
    made = []
    for number in range(3):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"number": number}))
        made.append(path)
    return made


def digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_files_are_recorded_closed_and_proven(type_, home, files, tmp_path):
    added = type_("anchors", "add", *files, "--kind", "use_receipt", "--json").json
    assert [row["digest"] for row in added] == [digest_of(path) for path in files]
    assert "open records  3" in type_("anchors", "status").out
    assert type_("anchors", "status", "--json").json["open"][0]["count"] == 3
    (batch,) = type_("anchors", "close", "--json").json
    assert batch["count"] == 3
    assert batch["state"] in ("anchored", "final")
    assert "records" in type_("anchors", "close").out
    found = type_("anchors", "status", digest_of(files[1]), "--json").json
    assert found["batch"]["root"] == batch["root"]
    assert found["kind"] == "use_receipt"
    out = tmp_path / "proof.json"
    type_("anchors", "proof", digest_of(files[1]), "--out", out)
    assert type_("anchors", "proof", found["sequence"]).out.encode() == out.read_bytes()
    shown = type_("anchors", "verify", out, files[1])
    assert "✓ passed: record" in shown.out
    assert "one operator: rewriting not excluded" in shown.out
    failed = type_("anchors", "verify", out, files[2], "--json", code=1).json
    assert failed["failed"][0]["name"] == "document"


def test_offline_only_what_is_pinned_is_trusted(type_, home, files, tmp_path):
    type_("anchors", "add", files[0])
    type_("anchors", "close")
    out = tmp_path / "proof.json"
    type_("anchors", "proof", digest_of(files[0]), "--out", out)
    anchor = json.loads(out.read_text())["anchor"]
    key = anchor["checkpoints"][0]["keys"][0]
    pin = tmp_path / "operator.vkey"
    pin.write_text(key)
    offline = ("anchors", "verify", out, files[0], "--offline")
    type_(*offline, code=2)
    type_(*offline, "--pin", pin, code=2)
    type_(*offline, "--pin", pin, "--contract", anchor["anchors_address"])
    type_(*offline, "--pin", pin, "--contract", "0x" + "00" * 20, code=1)
    out.write_text(out.read_text().replace('"index":0', '"index":1'))
    type_(*offline, code=1)
    out.write_text("{}")
    assert "proof.json" in type_("anchors", "verify", out, code=2).err


def test_a_bad_file_is_refused_alone(type_, home, files, tmp_path):
    empty = tmp_path / "empty"
    empty.touch()
    none = tmp_path / "none"
    shown = type_("anchors", "add", files[1], empty, files[0], none, "--json", code=2).json
    assert [row["error"] is None for row in shown] == [True, False, True, False]
    assert [row["digest"] for row in shown[::2]] == [digest_of(files[1]), digest_of(files[0])]
    assert "cannot read" in shown[3]["error"]
    assert "open records  2" in type_("anchors", "status").out
    assert "cannot read" in type_("anchors", "add", none, code=2).out
    event = type_("anchors", "add", files[2], "--kind", "openlineage_event", "--json", code=2).json
    assert "expected eventTime" in event[0]["error"]
    type_("anchors", "proof", digest_of(files[2]), code=2)
    type_("anchors", "proof", 99, code=2)


def test_what_cannot_be_anchored_is_named(type_, home, files):
    from provenance.ledger.journal import Journal

    journal = Journal(home / "journal.sqlite3")
    journal.append(b"x", 1, 99)
    journal.close()
    assert "no key in this home of party 99" in type_("anchors", "close", code=1).out
