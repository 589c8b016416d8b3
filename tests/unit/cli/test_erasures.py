from provenance.content.erasure import parse_remaining


def test_an_entry_of_a_private_dataset_is_erased(type_, home, folder, tmp_path):
    secret = tmp_path / "data.secret"
    register = ("datasets", "register", folder, "--title", "Private", "--private")
    assert "both" in type_(*register, tmp_path / "x", "--rows", code=2).err
    made = type_(*register, secret, "--json").json
    assert parse_remaining(secret.read_bytes()).root.hex() == made["root"]
    assert secret.stat().st_mode & 0o777 == 0o600
    type_(*register, secret, code=2)

    words = ("erase", 2, "--path", "a.csv", "--secret", secret, "--reason", "request 4711")
    found = type_(*words, "--json").json
    assert (found["dataset_id"], found["version"], found["entry"]) == (2, 1, 0)
    assert b"a.csv" not in secret.read_bytes()
    type_(*words, code=2)
    others = ("--secret", secret, "--reason", "x", "--as", "bank")
    type_("erase", 2, "--path", "b.csv", *others, code=1)
    assert b"b.csv" in secret.read_bytes()


def test_a_private_dataset_is_verified_from_its_files_and_secret(type_, home, folder, tmp_path):
    secret = tmp_path / "data.secret"
    type_("datasets", "register", folder, "--title", "Private", "--private", secret)
    assert "secret document not at hand" in type_("verify", folder, "--dataset", 2, code=2).out
    words = ("verify", folder, "--secret", secret)
    assert "passed: dataset 2, version 1" in type_(*words).out
    type_(*words, "--dataset", 2, "--version", 1)
    assert "expected the secret document" in type_(*words, "--dataset", 1, code=2).err
    wrong = ("verify", folder, "--dataset", 2, "--secret", folder / "a.csv")
    assert "expected a JSON object" in type_(*wrong, code=2).err

    erase = ("erase", 2, "--path", "a.csv", "--secret", secret, "--reason", "request 4711")
    type_(*erase)
    assert "those of erased entries" in type_(*words, code=2).out
    (folder / "a.csv").unlink()
    found = type_(*words, "--json").json
    assert found["verdict"] == "passed"
    assert "erased" in [check["name"] for check in found["not_checked"]]
    (folder / "b.csv").write_text("x")
    assert type_(*words, "--json", code=1).json["changed"] == ["b.csv"]
