import io
import json
import sqlite3
import tarfile
from dataclasses import replace

import pytest

from provenance.chain.keystore import Keystore
from provenance.errors import (
    ConflictError,
    DocumentMismatch,
    InvalidDocument,
    NotFoundError,
    ReadError,
    SettingsError,
    TooLarge,
    VerificationError,
)
from provenance.index import blocks, database
from provenance.index.sync import sync
from provenance.ledger import backup as backups
from provenance.ledger import datasets, history, keys, titles
from provenance.ledger.opening import open_ledger


@pytest.fixture
def saved(ledger, content, settings, tmp_path):
    """A backup that was made while the chain was in use."""
    datasets.register(ledger, "founder", content, "T")
    titles.start_transfer(ledger, "founder", 1, 4, agreement=b"sold")
    ledger.journal.append(b"recorded", 1, ledger.party_of_signer("founder"))
    ledger.sync()
    file = tmp_path / "backup.tar"
    report = backups.backup(settings, file)
    assert report.holds_password
    assert report.documents == 3
    return file


@pytest.fixture
def fresh(settings, tmp_path):
    return replace(settings, home=tmp_path / "restored" / "home")


def rewritten(saved, tmp_path, change):
    """Return a backup whose members ``change`` altered: (info, bytes) → some of these."""
    target = tmp_path / "changed.tar"
    with tarfile.open(saved) as old, tarfile.open(target, "w") as new:
        for member in old:
            content = old.extractfile(member).read()
            for info, data in change(member, content):
                info.size = len(data) if info.isreg() else 0
                new.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return target


def test_a_restored_home_is_the_same(saved, ledger, fresh):
    said = []
    report = backups.restore(fresh, saved, progress=said.append)
    assert sum(said) == report.size_bytes
    (salt,) = (ledger.settings.home / "commitments").iterdir()
    restored_salt = fresh.home / "commitments" / salt.name
    assert restored_salt.read_bytes() == salt.read_bytes()
    assert restored_salt.stat().st_mode & 0o777 == 0o600
    assert report.block_number == ledger.client.head().number
    with open_ledger(fresh) as restored:
        subject = history.parse_subject_name("1")
        assert history.check_own(restored, subject)[1].head == ledger.head_of(subject)
        assert restored.key("founder").address == ledger.key("founder").address
        assert restored.journal.entries() == ledger.journal.entries()
        assert restored.journal.document(1) == b"recorded"
    assert saved.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in fresh.home.parent.iterdir()] == ["home"]


def test_a_home_may_have_a_name_that_means_something_in_a_url(original_home, homes, tmp_path):
    settings = homes.copy(original_home, tmp_path / "100%41 #1?mode=rw&x")
    with open_ledger(settings) as ledger:
        ledger.sync()
        head = ledger.client.head().number
    assert (settings.home / "index.sqlite3").exists()
    saved = tmp_path / "backup.tar"
    backups.backup(settings, saved)
    fresh = replace(settings, home=tmp_path / "restored")
    assert backups.restore(fresh, saved).block_number == head
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        settings.home.name,
        "backup.tar",
        "restored",
    ]


@pytest.mark.parametrize(
    "moment", ["keys/pending/bank.json", "keys/bank.json", "keys/founder.json"]
)
def test_no_key_is_lost_that_a_rotation_moves_meanwhile(ledger, tmp_path, monkeypatch, moment):
    folder = ledger.settings.home / "keys"
    old = (folder / "bank.json").read_bytes()
    Keystore(folder / "pending").create("bank", ledger.password("bank"))
    new = (folder / "pending" / "bank.json").read_bytes()
    add = backups._add

    def swapping(archive, name, stream, size):
        add(archive, name, stream, size)
        if name == moment:
            keys.swap(ledger, "bank")

    monkeypatch.setattr(backups, "_add", swapping)
    backups.backup(ledger.settings, tmp_path / "b.tar")
    assert not (folder / "pending" / "bank.json").exists()
    with tarfile.open(tmp_path / "b.tar") as archive:
        kept = [archive.extractfile(member).read() for member in archive]
    assert old in kept
    assert new in kept


def test_nothing_is_overwritten(saved, settings, fresh):
    with pytest.raises(ConflictError):
        backups.backup(settings, saved)
    with pytest.raises(ConflictError):
        backups.restore(settings, saved)
    fresh.home.parent.mkdir()
    fresh.home.write_text("a file")
    with pytest.raises(ConflictError):
        backups.restore(fresh, saved)


def test_an_empty_folder_may_become_the_home(saved, fresh):
    fresh.home.mkdir(parents=True)
    assert backups.restore(fresh, saved).files > 10


def test_what_is_no_home_is_not_backed_up(tmp_path, settings):
    with pytest.raises(NotFoundError):
        backups.backup(replace(settings, home=tmp_path / "none"), tmp_path / "b.tar")
    with pytest.raises(ReadError):
        backups.backup(settings, tmp_path / "no" / "folder" / "b.tar")


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "keys/../../outside.json",
        "keys/.hidden.json",
        "documents/ab/short",
        "extra",
        "chain.lock",
        "password\n",
    ],
)
def test_foreign_names_are_refused(saved, tmp_path, fresh, name):
    def change(member, content):
        yield member, content
        if member.name == "password":
            yield tarfile.TarInfo(name), b"x"

    with pytest.raises(InvalidDocument, match="files of a home"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))
    assert not fresh.home.exists()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(saved, tmp_path, fresh, kind):
    def change(member, content):
        if member.name == "password":
            member.type, member.linkname = kind, "/etc/passwd"
        yield member, content

    with pytest.raises(InvalidDocument):
        backups.restore(fresh, rewritten(saved, tmp_path, change))
    assert not fresh.home.exists()


def test_a_member_twice_is_refused(saved, tmp_path, fresh):
    def change(member, content):
        yield member, content
        if member.name == "password":
            yield member, content

    with pytest.raises(InvalidDocument, match="twice"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))


def test_limits_are_kept(saved, fresh):
    with pytest.raises(TooLarge):
        backups.restore(replace(fresh, max_restore_bytes=1000), saved)


@pytest.mark.parametrize("content", [b"", b"no tar", bytes(10_240)])
def test_other_files_are_refused(tmp_path, fresh, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(InvalidDocument):
        backups.restore(fresh, tmp_path / "other")
    with pytest.raises(ReadError):
        backups.restore(fresh, tmp_path / "missing")


@pytest.mark.parametrize("header", [b"{", b"[]", json.dumps({"format": "x/1"}).encode()])
def test_other_formats_are_refused(saved, tmp_path, fresh, header):
    def change(member, content):
        yield member, header if member.name == "backup.json" else content

    with pytest.raises(InvalidDocument, match="format"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))


def test_a_backup_that_breaks_off_is_refused(saved, tmp_path, fresh):
    whole = saved.read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidDocument):
        backups.restore(fresh, tmp_path / "half.tar")
    assert not fresh.home.exists()


def test_a_changed_document_is_refused(saved, tmp_path, fresh):
    def change(member, content):
        yield member, content[::-1] if member.name.startswith("documents/") else content

    with pytest.raises(DocumentMismatch):
        backups.restore(fresh, rewritten(saved, tmp_path, change))
    assert not fresh.home.exists()


def test_a_broken_chain_is_refused(saved, tmp_path, fresh):
    def change(member, content):
        yield member, b"no database" if member.name == "chain.sqlite3" else content

    with pytest.raises(InvalidDocument, match="sound database"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))


def test_a_backup_of_a_home_with_a_node_needs_the_node(saved, tmp_path, fresh):
    def change(member, content):
        if member.name != "chain.sqlite3":
            yield member, content

    with pytest.raises(InvalidDocument, match="PROVENANCE_CHAIN has to name"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))
    assert not fresh.home.exists()


def test_the_settings_of_the_home_hold_for_its_restoration(saved, tmp_path, fresh):
    def change(member, content):
        yield member, content
        if member.name == "password":
            yield tarfile.TarInfo("config.toml"), b"port = 0"

    with pytest.raises(SettingsError, match="port"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))
    assert not fresh.home.exists()


def test_trying_a_backup_out_leaves_the_index_in_use_alone(saved, ledger, content, tmp_path, fresh):
    datasets.register(ledger, "bank", content, "T")
    url = f"sqlite:///{tmp_path / 'shared.sqlite3'}"
    shared = database.connect(url)
    reached = sync(shared, ledger.client, ledger.deployment).block
    report = backups.restore(replace(fresh, index_url=url), saved)
    assert report.block_number < reached.number
    with database.reading(shared) as connection:
        assert blocks.at(connection) == reached
    shared.dispose()
    assert not (fresh.home / "index.sqlite3").exists()


def test_a_missing_deployment_is_refused(saved, tmp_path, fresh):
    def change(member, content):
        if member.name != "deployment.json":
            yield member, content

    with pytest.raises(InvalidDocument, match=r"deployment\.json"):
        backups.restore(fresh, rewritten(saved, tmp_path, change))


def test_an_older_chain_that_extends_the_pin_is_accepted(saved, original_home, tmp_path, fresh):
    source = sqlite3.connect(original_home.home / "chain.sqlite3")
    copy = sqlite3.connect(tmp_path / "old.sqlite3")
    source.backup(copy)
    copy.close()
    source.close()
    older = (tmp_path / "old.sqlite3").read_bytes()
    with tarfile.open(saved) as archive:
        assert any(member.name.startswith("pins/") for member in archive)

    def change(member, content):
        if member.name.startswith("index"):
            return
        yield member, older if member.name == "chain.sqlite3" else content

    changed = rewritten(saved, tmp_path, change)
    assert backups.restore(fresh, changed).block_number < 10


def test_a_chain_older_than_the_pin_is_refused(ledger, settings, content, tmp_path, fresh, saved):
    with tarfile.open(saved) as archive:
        older = archive.extractfile("chain.sqlite3").read()
    datasets.register(ledger, "bank", content, "T")
    history.check_own(ledger, history.parse_subject_name("1"))
    newest = tmp_path / "newest.tar"
    backups.backup(settings, newest)

    def change(member, data):
        yield member, older if member.name == "chain.sqlite3" else data

    with pytest.raises(VerificationError):
        backups.restore(fresh, rewritten(newest, tmp_path, change))
    assert not fresh.home.exists()
