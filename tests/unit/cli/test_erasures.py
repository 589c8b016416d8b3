from provenance.config import load_settings
from provenance.content import manifest
from provenance.ledger import datasets
from provenance.ledger.opening import open_ledger


def test_an_entry_is_erased(type_, home, folder, tmp_path):
    made = manifest.build(folder, private=True)
    secret = tmp_path / "data.secret"
    secret.write_bytes(made.secret_document)
    with open_ledger(load_settings()) as ledger:
        datasets.register(ledger, "founder", made, "Private")
    words = ("erase", 2, "--path", "a.csv", "--secret", secret, "--reason", "request 4711")
    found = type_(*words, "--json").json
    assert (found["dataset_id"], found["version"], found["entry"]) == (2, 1, 0)
    assert b"a.csv" not in secret.read_bytes()
    type_(*words, code=2)
    type_(
        "erase", 2, "--path", "b.csv", "--secret", secret, "--reason", "x", "--as", "bank", code=1
    )
    assert b"b.csv" in secret.read_bytes()
