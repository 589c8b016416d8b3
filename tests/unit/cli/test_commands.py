import json
import time

import pytest

from provenance.content import manifest


def test_registering_tells_what_was_registered(type_, home, folder):
    again = type_("datasets", "register", folder, "--title", "Numbers again")
    assert "dataset  2" in again.out
    assert "registered this content before, as dataset 1" in again.err


def test_registering_for_another_is_contested(type_, home, folder):
    shown = type_("datasets", "register", folder, "--title", "Mine", "--as", "bank")
    assert "Contested: dataset 1 claimed this content before" in shown.err
    found = type_("datasets", "show", 2, "--json").json
    assert found["holds"][0]["kind"] == "dispute"
    assert "hold 1" in type_("datasets", "show", 2).err


def test_registering_with_everything(type_, home, folder, tmp_path):
    (tmp_path / "about.json").write_text('{"rows": 2}')
    (tmp_path / "source.txt").write_text("measured")
    found = type_(
        "datasets", "register", folder, "--title", "All", "--metadata", tmp_path / "about.json",
        "--source", tmp_path / "source.txt", "--digest", "sm3,blake3", "--ignore", "b.*",
        "--source-kind", "public", "--form", "raw", "--level", "important", "--pi", "personal",
        "--open-class", "open", "--country", "SG", "--sectors", 3, "--commit-first", "--json",
    ).json  # fmt: skip
    assert (found["dataset_id"], found["files"]) == (2, 1)
    assert found["precedence"] < found["block"]["number"]
    shown = type_("datasets", "show", 2, "--json").json
    assert shown["classification"]["open_class"] == "open"
    assert shown["title"] == "All"


def test_publish_withdraw_deregister(type_, home, folder, tmp_path):
    (folder / "c.csv").write_text("7\n")
    (tmp_path / "about.json").write_text('{"rows": 3}')
    about = ("--title", "More", "--metadata", tmp_path / "about.json")
    assert type_("datasets", "publish", 1, folder, *about, "--json").json["version"] == 2
    type_("datasets", "publish", 1, folder, "--version", 2, code=1)
    assert "reason hash" in type_("datasets", "withdraw", 1, 1, "--reason", "old").out
    type_("titles", "cancel", 1)
    type_("datasets", "deregister", 1, "--reason", "over")
    assert type_("datasets", "list", "--json").json["items"][0]["status"] == "deregistered"


def test_lists_and_finds(type_, home, folder):
    root = manifest.build(folder).root.hex()
    assert "Numbers" in type_("datasets", "list").out
    assert type_("datasets", "find", "--digest", root, "--json").json["items"][0]["is_first"]
    assert "1" in type_("datasets", "find", "--digest", root).out
    by_manifest = manifest.build(folder).manifest_hash.hex()
    assert type_("datasets", "find", "--digest", by_manifest, "--json").json["items"]
    shown = type_("datasets", "show", 1).out
    assert root in shown
    assert "Numbers" in shown
    assert "more: --after" not in type_("datasets", "list", "--limit", 1).err


def test_verifying_names_the_file(type_, home, folder):
    assert "✓ passed: dataset 1, version 1" in type_("verify", folder).out
    (folder / "a.csv").write_text("1,2,4\n")
    (folder / "\x1b[31mred\n").write_text("")
    (folder / "b.csv").rename(folder / "z.csv")
    shown = type_("verify", folder, "--dataset", 1, code=1).out
    assert "changed: a.csv" in shown
    assert "added: \\x1b[31mred\\n" in shown
    assert "renamed: b.csv → z.csv" in shown
    found = type_("verify", folder, "--dataset", 1, "--version", 1, "--json", code=1).json
    assert (found["verdict"], found["missing"]) == ("failed", [])


def test_verifying_what_cannot_be_checked(type_, home, folder, tmp_path):
    assert "no dataset 9" in type_("verify", folder, "--dataset", 9, code=2).err
    type_("verify", tmp_path / "none", code=2)
    type_("verify", folder, "--version", 1, code=2)
    type_("verify", folder, "--dataset", 0, code=2)
    (tmp_path / "empty").mkdir()
    error = type_("verify", tmp_path / "empty", "--json", code=2).json
    assert error["error"] == "EmptyDataset"


def test_a_title_is_handed_over(type_, home, folder, tmp_path):
    assert type_("titles", "inbox", "--as", "bank", "--json").json["items"][0]["transfer_id"] == 1
    assert "transfer  dataset  giver" in type_("titles", "inbox", "--as", "bank").out
    head = type_("history", 1, "--json").json["head"]
    accepted = type_("titles", "accept", 1, "--as", "bank", "--expected-head", head).out
    assert "accepted" in accepted
    held = type_("titles", "holders", 1, "--json").json["items"]
    assert [(h["party_id"], h["name"]) for h in held] == [(4, "bank")]
    assert "bank" in type_("titles", "holders", 1).out
    offered = type_(
        "titles", "transfer", 1, "--to", "party:3", "--right", "use", "--units", 5, "--as", "bank",
        "--expires", "1h", "--json",
    ).json  # fmt: skip
    assert offered["units"] == {"hold": 0, "use": 5, "operate": 0}
    type_("titles", "cancel", offered["transfer_id"], "--as", "bank")
    began = type_("datasets", "show", 1, "--json").json["registered"]["number"]
    past = type_("titles", "holders", 1, "--as-of", began, "--json").json["items"]
    assert [h["party_id"] for h in past] == [3]


def offer_with_agreement(type_, file):
    """Offer dataset 1 under an agreement; return number, salt and commitment of the transfer."""
    type_("titles", "cancel", 1)
    offered = type_("titles", "transfer", 1, "--to", "bank", "--agreement", file, "--json").json
    return offered["transfer_id"], offered["agreement_salt"], offered["agreement"]


def test_an_agreement_stays_with_giver_and_taker(type_, home, tmp_path):
    file, other = tmp_path / "contract", tmp_path / "other"
    file.write_text("sold")
    other.write_text("sold dearly")
    stored = sorted(home.glob("documents/*/*"))
    number, salt, agreement = offer_with_agreement(type_, file)
    assert sorted(home.glob("documents/*/*")) == stored
    assert (home / "commitments" / f"{agreement}.salt").read_text() == f"{salt}\n"
    found = type_("titles", "agreement", number, file, "--salt", salt, "--json").json
    assert (found["verdict"], found["agreement"]) == ("passed", agreement)
    assert "✓ passed" in type_("titles", "agreement", number, file, "--salt", salt).out
    refused = type_("titles", "agreement", number, other, "--salt", salt, "--json", code=1).json
    assert refused["error"] == "CommitmentMismatch"
    type_("titles", "agreement", number, file, "--salt", "00" * 16, code=1)
    type_("titles", "agreement", 1, file, "--salt", salt, code=1)
    type_("titles", "agreement", 99, file, "--salt", salt, code=2)
    type_("titles", "agreement", number, tmp_path / "none", "--salt", salt, code=2)
    for wrong in (salt[:-2], salt + "00", "G" * 32, ""):
        said = type_("titles", "agreement", number, file, "--salt", wrong, code=2).err
        assert "expected 32 lower-case hexadecimal digits of salt" in said


def test_a_taker_accepts_the_agreement_it_has_and_no_other(type_, home, tmp_path):
    file, other = tmp_path / "contract", tmp_path / "other"
    file.write_text("sold")
    other.write_text("sold dearly")
    number, salt, _ = offer_with_agreement(type_, file)
    accept = ("titles", "accept", number, "--as", "bank")
    block = type_("index", "status", "--json").json
    type_(*accept, "--agreement", other, "--salt", salt, code=1)
    type_(*accept, "--agreement", file, "--salt", "00" * 16, code=1)
    type_(*accept, "--agreement", file, code=2)
    type_(*accept, "--salt", salt, code=2)
    assert type_("index", "status", "--json").json == block
    assert type_(*accept, "--agreement", file, "--salt", salt, "--json").json["units"]


def test_refusals_of_the_contracts_are_one_line(type_, home):
    refused = type_("titles", "accept", 1, "--as", "founder", code=1)
    assert refused.err.startswith("error: NotTransferParty(")
    assert len(refused.err.splitlines()) == 1
    found = type_("titles", "accept", 1, "--as", "founder", "--json", code=1).json
    assert (found["error"], found["arguments"]["transfer"]) == ("NotTransferParty", 1)


def test_parties(type_, home):
    type_("parties", "add", "mill", "--country", "CN", "--roles", "supplier", "--flags", "ciio")
    listed = type_("parties", "list", "--json").json["items"]
    assert [party["name"] for party in listed][-1] == "mill"
    assert listed[-1]["flags"] == ["ciio"]
    assert "mill" in type_("parties", "list").out
    outside = "0x" + "42" * 20
    added = type_("parties", "add", "out", "--country", "SG", "--account", outside, "--json").json
    assert (added["account"], added["name"]) == (outside, None)


def test_a_credential_stays_with_who_shows_it(type_, home, tmp_path):
    file, other = tmp_path / "licence", tmp_path / "other"
    file.write_text("licence 7")
    other.write_text("licence 8")
    stored = sorted(home.glob("documents/*/*"))
    added = type_("parties", "add", "mill", "--country", "CN", "--credential", file, "--json").json
    assert sorted(home.glob("documents/*/*")) == stored
    salt = added["credential_salt"]
    assert (home / "commitments" / f"{added['credential_hash']}.salt").is_file()
    check = ("parties", "credential", "mill")
    found = type_(*check, file, "--salt", salt, "--json").json
    assert (found["verdict"], found["credential_hash"]) == ("passed", added["credential_hash"])
    assert "✓ passed" in type_(*check, file, "--salt", salt).out
    type_(*check, other, "--salt", salt, code=1)
    type_(*check, file, "--salt", "00" * 16, code=1)
    type_("parties", "credential", "bank", file, "--salt", salt, code=1)
    type_(*check, file, "--salt", salt[1:], code=2)
    type_("parties", "credential", "nobody", file, "--salt", salt, code=2)


def test_keys(type_, home):
    before = type_("parties", "list", "--json").json["items"][3]["accounts"]
    assert "rotated" in type_("parties", "rotate-key", "bank").out
    after = type_("parties", "list", "--json").json["items"][3]["accounts"]
    assert before != after
    type_("parties", "recover", "bank", "--reason", "lost")
    assert "RecoveryNotDue" in type_("parties", "recover", "bank", "--confirm", code=1).err
    assert "recovery_objected" in type_("parties", "recover", "bank", "--object").out
    type_("parties", "recover", "bank", "--object", "--confirm", code=2)


def test_a_history_is_checked(type_, home):
    shown = type_("history", 1, "--check").out
    assert "✓ complete: 2 events" in shown
    assert "TransferStarted" in shown
    found = type_("history", "party:3", "--check", "--json").json
    assert found["check"]["complete"] is True
    assert found["events"][0]["event"] == "PartyRegistered"
    assert "not checked" in type_("history", "ledger").out
    newest = found["as_of"]["block_number"]
    assert type_("history", 1, "--as-of", newest, "--json").json["check"] is None
    type_("history", "nonsense:1", code=2)
    for name in ("99", "party:99"):
        for words in (("history", name), ("history", name, "--check")):
            assert f"no {'party' if ':' in name else 'dataset'} 99" in type_(*words, code=2).err


def test_a_first_pin_says_so(type_, home):
    for pin in (home / "pins").iterdir():
        pin.unlink()
    assert "first checkpoint" in type_("history", 1, "--check").out


def test_the_index(type_, home):
    assert "behind blocks       0" in type_("index", "status").out
    assert type_("index", "audit", "--json").json["clean"] is True
    (home / "index.sqlite3").write_bytes(b"broken")
    for words in (("datasets", "list"), ("index", "status"), ("index", "audit")):
        told = type_(*words, "--json", code=2)
        assert told.json["error"] == "IndexDamaged"
        assert "`provenance index rebuild` makes it anew" in told.err
    type_("index", "rebuild")
    assert "clean   True" in type_("index", "audit").out


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"garbage" * 10 + whole[70:],
        lambda whole: whole[:100],
        lambda whole: whole[:4096] + b"\x55" * (len(whole) - 4096),
    ],
    ids=["header", "length", "pages"],
)
def test_a_damaged_chain_is_called_that(type_, home, damage):
    path = home / "chain.sqlite3"
    path.write_bytes(damage(path.read_bytes()))
    for words in (("history", 1), ("index", "rebuild"), ("titles", "cancel", 1)):
        told = type_(*words, "--json", code=2)
        assert told.json["error"] == "ChainDamaged"
        assert "`provenance restore FILE`" in told.err


@pytest.mark.parametrize(
    "words",
    [
        ("history", 1),
        ("history", 1, "--check"),
        ("datasets", "show", 1),
        ("datasets", "list"),
        ("datasets", "export", 1),
        ("bundle", "export", 1),
        ("titles", "holders", 1),
        ("grants", "show", 1),
        ("grants", "tree", "--dataset", 1),
        ("lineage", "show", 1),
        ("lineage", "ancestors", 1, 1),
        ("rights", "show", 1),
    ],
)
def test_no_block_is_before_the_first(type_, home, words):
    told = type_(*words, "--as-of", "-1", code=2)
    assert "Invalid value for '--as-of'" in told.err
    assert "JSON-RPC" not in told.err


def test_a_version_that_is_not_there(type_, home, folder):
    told = type_("verify", folder, "--dataset", 1, "--version", 9, code=2)
    assert "no version 9 of dataset 1" in told.err


@pytest.mark.parametrize("nothing", [("--right", ""), ("--right", " , "), ("--units", "0")])
def test_an_offer_of_nothing_is_refused_before_it_is_signed(type_, home, nothing):
    told = type_("titles", "transfer", 1, "--to", "bank", *nothing, "--json", code=2)
    assert told.json["error"] == "InputError"
    assert "expected at least one unit of at least one right" in told.err


def test_a_falsified_index_is_found(type_, home):
    import sqlite3
    from contextlib import closing

    type_("index", "status")
    with closing(sqlite3.connect(home / "index.sqlite3")) as connection, connection:
        connection.execute("UPDATE datasets SET registrant_id = 4")
    shown = type_("index", "audit", code=1)
    assert "✗" in shown.out


def test_tokens(type_, home):
    made = type_("tokens", "add", "bank", "--scopes", "verify", "--json").json
    assert made["scopes"] == ["verify"]
    assert type_("tokens", "add", "bank").out.startswith("plt_")
    listed = type_("tokens", "list", "--json").json["items"]
    assert made["token"] not in json.dumps(listed)
    assert made["token_id"] in type_("tokens", "list").out
    assert "revoked" in type_("tokens", "revoke", made["token_id"]).out
    second = next(t["token_id"] for t in listed if t["token_id"] != made["token_id"])
    assert type_("tokens", "revoke", second, "--json").json["name"] == "bank"
    type_("tokens", "revoke", "00", code=2)
    type_("tokens", "add", "nobody", code=2)


def test_backup_and_restore(type_, home, tmp_path, monkeypatch):
    shown = type_("backup", tmp_path / "b.tar")
    assert "password" in shown.err
    type_("backup", tmp_path / "b.tar", code=2)
    assert type_("backup", tmp_path / "c.tar", "--json").json["holds_password"] is True
    type_("restore", tmp_path / "b.tar", code=2)
    for number, words in enumerate(((), ("--json",))):
        monkeypatch.setenv("PROVENANCE_HOME", str(tmp_path / f"restored{number}"))
        type_("restore", tmp_path / "b.tar", *words)
        assert "✓ complete" in type_("history", 1, "--check").out


def test_init(type_, tmp_path, monkeypatch):
    monkeypatch.setenv("PROVENANCE_HOME", str(tmp_path / "home"))
    assert "mill (party 3)" in type_("init", "--name", "mill").out
    assert "complete already" in type_("init", code=2).err
    assert type_("--json", "parties", "list").out.startswith("{")


@pytest.mark.parametrize("words", [("datasets", "list"), ("history", "1"), ("serve",)])
def test_without_a_home_it_says_what_to_do(type_, tmp_path, monkeypatch, words):
    monkeypatch.setenv("PROVENANCE_HOME", str(tmp_path / "none"))
    assert "provenance init" in type_(*words, code=2).err


def test_holders_say_what_lapsed_transfers_still_reserve(type_, home):
    type_("titles", "cancel", 1)
    give = ("titles", "transfer", 1, "--to", "bank", "--units", 5000)
    type_(*give)
    short = type_(*give, "--expires", "2s", "--json").json
    while time.time() <= short["expires"] + 1:
        time.sleep(0.1)
    said = type_("titles", "holders", 1).err
    assert "Transfer 3 lapsed" in said
    assert "still reserves 5000 of hold, 5000 of use, 5000 of operate" in said
    type_(*give)
    assert "lapsed" not in type_("titles", "holders", 1).err


def test_a_dataset_keeps_its_title(type_, home, folder, tmp_path):
    (tmp_path / "about.json").write_text('{"rows": 3}')
    (folder / "c.csv").write_text("7\n")
    type_("datasets", "publish", 1, folder)
    (folder / "c.csv").write_text("8\n")
    type_("datasets", "publish", 1, folder, "--metadata", tmp_path / "about.json")
    assert type_("datasets", "show", 1, "--json").json["title"] == "Numbers"
    assert "Numbers" in type_("datasets", "list").out
    (folder / "c.csv").write_text("9\n")
    type_("datasets", "publish", 1, folder, "--title", "More numbers")
    (folder / "c.csv").write_text("10\n")
    type_("datasets", "publish", 1, folder)
    assert type_("datasets", "show", 1, "--json").json["title"] == "More numbers"
    assert type_("datasets", "list", "--json").json["items"][0]["title"] == "More numbers"


@pytest.mark.parametrize("title", ["", " ", "a\tb", "a\x1b[2J", "a\nb", "a\u2028b", "x" * 501])
def test_a_title_that_nobody_can_read_is_refused(type_, home, folder, tmp_path, title):
    refused = type_("datasets", "register", folder, "--title", title, code=2)
    assert "expected a title" in refused.err
    assert "\x1b" not in refused.err
    type_("datasets", "publish", 1, folder, "--title", title, code=2)
    (tmp_path / "about.json").write_text(json.dumps({"title": title}))
    about = ("--metadata", tmp_path / "about.json")
    assert "expected a title" in type_("datasets", "publish", 1, folder, *about, code=2).err


@pytest.mark.parametrize("name", ["0xabc", "0x" + "ab" * 20, "7", "0"])
def test_a_name_that_reads_as_something_else_is_refused(type_, home, tmp_path, monkeypatch, name):
    refused = type_("parties", "add", name, "--country", "CN", code=2)
    assert "reads as an id or account" in refused.err
    monkeypatch.setenv("PROVENANCE_HOME", str(tmp_path / "new"))
    assert "reads as an id or account" in type_("init", "--name", name, code=2).err
    assert not (tmp_path / "new").exists()
