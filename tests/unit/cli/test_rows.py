import json

import pytest

from provenance.content import row_secrets


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("id,name,born\n1,Ada,1815-12-10\n7,Bob,\n9,,1900-01-01\n")
    return path


def commit(type_, people, *more):
    target = people.with_suffix(".rows")
    type_("rows", "commit", people, "-o", target, *more)
    return f"{target}.secret"


def test_a_row_is_proven_and_verified(type_, people, tmp_path):
    secret = commit(type_, people, "--key", "id", "--type", "id=int64", "--type", "born=date32")
    target = tmp_path / "seven.json"
    type_("rows", "prove", people, "--secret", secret, "--where", "id=7", "-o", target)
    proof = json.loads(target.read_text())
    shown = type_("rows", "verify", target, "--root", proof["root"])
    assert "passed: a row with" in shown.out
    assert "null" in shown.out
    assert "Ada" not in target.read_text() + shown.out
    found = type_("rows", "verify", target, "--json", code=2).json
    assert found["verdict"] == "not_checked"
    assert found["values"] == {"id": "7", "name": "Bob", "born": None}
    type_("rows", "verify", target, "--root", "00" * 32, code=1)


def test_an_absent_key_is_proven(type_, people, tmp_path):
    secret = commit(type_, people, "--key", "id,name", "--type", "id=int8", "--json")
    target = tmp_path / "none.json"
    words = ("rows", "prove", people, "--secret", secret, "--where", "id", "--where", "name=x=y")
    made = type_(*words, "--absent", "-o", target, "--json").json
    shown = type_("rows", "verify", target, "--root", made["root"])
    assert "passed: no row with" in shown.out
    assert "'x=y'" in shown.out
    type_(*words, code=2)
    here = ("--where", "id=1", "--where", "name=Ada")
    type_("rows", "prove", people, "--secret", secret, *here, "--absent", code=2)


def test_a_row_by_its_number(type_, people):
    secret = commit(type_, people)
    shown = type_("rows", "prove", people, "--secret", secret, "--row", 0)
    assert json.loads(shown.out)["count"] == 3
    type_("rows", "prove", people, "--secret", secret, "--row", 3, code=2)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--row", "1", "--where", "id=1"),
        ("--row", "1", "--absent"),
        ("--where", "name=Ada"),
        ("--where", "id=1", "--where", "id=1"),
        ("--where", "id=x"),
    ],
)
def test_questions_that_are_none(type_, people, words):
    secret = commit(type_, people, "--key", "id", "--type", "id=int8")
    assert "expected" in type_("rows", "prove", people, "--secret", secret, *words, code=2).err


def test_a_type_of_no_column(type_, people, tmp_path):
    target = tmp_path / "out"
    assert "COLUMN=TYPE" in type_("rows", "commit", people, "--type", "x", "-o", target, code=2).err


def test_a_dataset_is_registered_with_its_rows(type_, home, people, tmp_path):
    made = type_("datasets", "register", people, "--title", "P", "--rows", "--rows-key", "id")
    assert "3 rows, secret in" in made.err
    (secret,) = (home / "rows").glob("*.secret")
    target = tmp_path / "one.json"
    type_("rows", "prove", people, "--secret", secret, "--where", "id=1", "-o", target)
    found = type_("rows", "verify", target, "--dataset", 2, "--json").json
    assert (found["verdict"], found["version"], found["path"]) == ("passed", 1, ".")
    shown = type_("rows", "verify", target, "--dataset", 2).out
    assert shown.startswith("passed: a row of version 1 of dataset 2 with\n")
    type_("rows", "verify", target, "--dataset", 1, code=1)


def test_an_absent_key_is_absent_from_the_table_that_is_named(type_, home, people, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "here.csv").write_text("id,name\n1,Ada\n")
    (folder / "th\nere.csv").write_text("id,born\n9,1900\n")
    type_("datasets", "register", folder, "--title", "P", "--rows", "--rows-key", "id")
    secrets = {}
    for path in (home / "rows").glob("*.secret"):
        public, _ = row_secrets.parse(path.read_bytes())
        secrets[public.header.columns[1].name] = path
    for name, column, named in (
        ("here.csv", "name", "here.csv"),
        ("th\nere.csv", "born", r"th\nere.csv"),
    ):
        target = tmp_path / column
        words = (folder / name, "--secret", secrets[column], "--where", "id=5", "--absent")
        type_("rows", "prove", *words, "-o", target)
        shown = type_("rows", "verify", target, "--dataset", 2).out
        assert shown.startswith(f"passed: no row in {named} of version 1 of dataset 2 with\n")
