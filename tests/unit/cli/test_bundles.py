import json

import pytest

from provenance import verifier


@pytest.fixture
def bundle(type_, home, folder, tmp_path):
    out = tmp_path / "a.bundle.json"
    type_("bundle", "export", 1, "a.csv", "--out", out)
    return out


def test_a_bundle_is_exported_and_checked(type_, home, folder, bundle):
    shown = type_("bundle", "verify", bundle, folder / "a.csv")
    assert "✓ passed: dataset 1, version 1" in shown.out
    assert "one operator: rewriting not excluded" in shown.out
    found = type_("bundle", "verify", bundle, folder / "b.csv", "--json", code=1).json
    assert found["failed"][0]["name"] == "content"


def test_a_bundle_on_standard_output_is_the_same(type_, home, folder, bundle):
    shown = type_("bundle", "export", 1, "a.csv", "--version", 1)
    assert json.loads(shown.out)["inclusion"] == json.loads(bundle.read_text())["inclusion"]


def test_offline_only_pins_are_trusted(type_, home, folder, bundle, tmp_path):
    type_("bundle", "verify", bundle, "--offline", code=2)
    key = json.loads(bundle.read_text())["checkpoints"][0]["keys"][0]
    pin = tmp_path / "operator.vkey"
    pin.write_text(key)
    type_("bundle", "verify", bundle, folder / "a.csv", "--offline", "--pin", pin)
    type_("bundle", "verify", bundle, folder / "a.csv", "--offline", "--pin", key)
    type_("bundle", "verify", bundle, "--offline", "--pin", "nonsense", code=2)
    assert verifier.verify(bundle.read_bytes(), folder / "a.csv", [key])[0] == 0


def test_a_bundle_is_upgraded(type_, home, bundle):
    text = bundle.read_text()
    bundle.write_text(text.replace('"state":"finalized"', '"state":"pending"'))
    found = type_("bundle", "upgrade", bundle, "--json").json
    assert found == {"before": "pending", "after": "finalized"}
    assert bundle.read_text() == text
    assert "finalized → finalized" in type_("bundle", "upgrade", bundle).out


def test_what_is_no_bundle_is_refused(type_, home, bundle, tmp_path):
    bundle.write_text(bundle.read_text() + " ")
    assert "RFC 8785" in type_("bundle", "verify", bundle, code=2).err
    type_("bundle", "export", 1, "none.csv", code=2)


def test_a_private_file_is_exported_with_its_secret(type_, home, folder, tmp_path):
    from provenance.config import load_settings
    from provenance.content import manifest
    from provenance.ledger import datasets
    from provenance.ledger.opening import open_ledger

    private = manifest.build(folder, private=True)
    secret = tmp_path / "secret"
    secret.write_bytes(private.secret_document)
    with open_ledger(load_settings()) as ledger:
        number = datasets.register(ledger, "founder", private, "Secret").dataset_id
    out = tmp_path / "private.bundle.json"
    type_("bundle", "export", number, "a.csv", "--secret", secret, "--out", out)
    type_("bundle", "verify", out, folder / "a.csv")
    type_("bundle", "export", number, "a.csv", code=2)


def test_a_stamp_stands_beside(type_, home, folder, bundle, tmp_path):
    text = type_("bundle", "anchor", bundle).out
    assert text.startswith("provenance-ledger/")
    stamp = tmp_path / "text.ots"
    stamp.write_bytes(b"not a proof")
    type_("bundle", "anchor", bundle, stamp)
    shown = type_("bundle", "verify", bundle, folder / "a.csv")
    assert "? opentimestamps" in shown.out
    block = "5:" + "00" * 80
    failed = type_("bundle", "verify", bundle, "--bitcoin-header", block, "--json", code=1).json
    assert failed["failed"][0]["name"] == "opentimestamps"
    type_("bundle", "verify", bundle, "--bitcoin-header", "5", code=2)
    type_("bundle", "verify", bundle, "--authority", stamp, code=2)
    type_("bundle", "anchor", bundle, bundle, code=2)
