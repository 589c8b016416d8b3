import json
from dataclasses import replace

import pytest

from provenance.content import manifest, row_secrets
from provenance.errors import (
    ConflictError,
    InvalidDocument,
    NotFoundError,
    VerificationError,
)
from provenance.ledger import backup, datasets, rows
from provenance.ledger.opening import open_ledger
from provenance.proofs import rows as proofs


@pytest.fixture
def tables(tmp_path):
    """A folder with a table and a text."""
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "people.csv").write_text("id,name\n1,Ada\n2,Bob\n")
    (folder / "about.txt").write_text("people")
    return folder


def test_a_proof_holds_for_the_version_that_is_bound_to_its_root(ledger, tables):
    content = manifest.build(tables)
    places = rows.tables_in(tables, content)
    assert list(places) == ["people.csv"]
    read = row_secrets.read(places["people.csv"], ["id"])
    secret = rows.keep_secret(ledger, read)
    assert secret.stat().st_mode & 0o777 == 0o600
    described = rows.bind(ledger, {"note": 1}, {"people.csv": read.public})
    with pytest.raises(ConflictError, match="row_commitments"):
        rows.bind(ledger, described, {})
    datasets.register(ledger, "founder", content, "People", metadata=described)
    datasets.publish(ledger, "founder", 1, content)

    again = row_secrets.read_again(
        tables / "people.csv", secret.read_bytes(), keep=lambda number, tag: number == 1
    )
    (proof,) = proofs.prove(again, again.opened)
    found = rows.verify(ledger, proof, 1, 1)
    assert found.bound.path == "people.csv"
    shown = found.to_json()
    assert shown["verdict"] == "passed"
    assert shown["values"] == {"id": "2", "name": "Bob"}
    assert len(shown["not_checked"]) == 1
    absent = rows.verify(ledger, proofs.prove_absence(again, [b"3"]), 1, 1).to_json()
    assert not absent["present"]
    assert len(absent["not_checked"]) == 2

    with pytest.raises(VerificationError, match="no rows"):
        rows.verify(ledger, proof, 1, 2)
    with pytest.raises(NotFoundError):
        rows.verify(ledger, proof, 1, 3)
    other = row_secrets.read(tables / "people.csv", ["id"])
    with pytest.raises(VerificationError, match=proof.root.hex()):
        rows.verify(ledger, proofs.prove_absence(other, [b"3"]), 1, 1)


def test_secrets_are_in_a_backup(settings, tables, tmp_path):
    with open_ledger(settings) as ledger:
        secret = rows.keep_secret(ledger, row_secrets.read(tables / "people.csv"))
    backup.backup(settings, tmp_path / "home.backup")
    again = replace(settings, home=tmp_path / "again")
    backup.restore(again, tmp_path / "home.backup")
    restored = again.home / rows.SECRETS_FOLDER / secret.name
    assert restored.read_bytes() == secret.read_bytes()
    assert restored.stat().st_mode & 0o777 == 0o600


def test_a_folder_without_tables(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(NotFoundError, match="table"):
        rows.tables_in(tmp_path, manifest.build(tmp_path))


def test_metadata_that_names_no_rows(ledger):
    assert rows.bound_by(ledger, None) == ()
    assert rows.bound_by(ledger, bytes(32)) == ()
    for document in (b"no JSON", b"[]", b"{}", b'{"row_commitments":[]}'):
        assert rows.bound_by(ledger, ledger.documents.put(document)) == ()


@pytest.mark.parametrize(
    "named", [{}, [1], [{"path": "a"}], [{"path": 1, "sha256": "00" * 32}], [0] * 1001]
)
def test_metadata_that_names_rows_in_another_form(ledger, named):
    with pytest.raises(InvalidDocument):
        rows.bound_by(ledger, ledger.documents.put(json.dumps({rows.FIELD: named}).encode()))
