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
