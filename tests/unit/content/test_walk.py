import os
import shutil
import socket

import pytest

from provenance.content import walk
from provenance.content.paths import nfc
from provenance.content.walk import Folder, FoundFile
from provenance.errors import InvalidPath, ReadError, UnsupportedFile


def found(path, ignore=()):
    with Folder(path) as folder:
        return sorted(file.path for file in folder.files(ignore))


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_all_files_below_are_found(tmp_path):
    make(tmp_path, "a", "b/c/d", "b/e", "line\nfeed", "\U0001f4be/x", ".hidden")
    (tmp_path / "empty").mkdir()
    expected = [".hidden", "a", "b/c/d", "b/e", "line\nfeed", "\U0001f4be/x"]
    assert found(tmp_path) == expected


def test_ignored_things_are_not_looked_at(tmp_path):
    make(tmp_path, "a", ".git/x", "b/c.tmp", "b/d")
    os.mkfifo(tmp_path / "b" / "pipe.tmp")
    (tmp_path / ".git" / "link").symlink_to("nowhere")
    assert found(tmp_path, ("*.tmp", ".git")) == ["a", "b/d"]


def test_links_fifos_and_sockets_are_refused(tmp_path):
    cases = {"link": "a symbolic link", "fifo": "a fifo", "socket": "a socket"}
    for name, kind in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        if name == "link":
            (folder / name).symlink_to(folder)
        elif name == "fifo":
            os.mkfifo(folder / name)
        else:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(os.path.relpath(folder / name))
        with pytest.raises(UnsupportedFile, match=kind):
            found(folder)


def test_a_device_is_refused(tmp_path):
    try:
        os.mknod(tmp_path / "null", 0o020666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only a privileged user may make a device")
    with pytest.raises(UnsupportedFile, match="a character device"):
        found(tmp_path)


def test_a_name_that_is_not_utf8_is_refused(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    with pytest.raises(InvalidPath, match="valid UTF-8"):
        found(tmp_path)


def test_the_root_must_be_a_folder(tmp_path):
    make(tmp_path, "file")
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for name in ("file", "link"):
        with pytest.raises(UnsupportedFile, match="expected a folder"):
            found(tmp_path / name)
    with pytest.raises(ReadError, match="No such file"):
        found(tmp_path / "absent")
    with pytest.raises(ReadError, match="null"):
        found("a\0b")


@pytest.mark.parametrize("kept", [3, 1000])
def test_files_come_in_the_order_of_their_paths(tmp_path, monkeypatch, kept):
    monkeypatch.setattr(walk, "MEMORY_NAMES", kept)
    monkeypatch.setattr(walk, "RUN_NAMES", 2)
    names = ["a.b", "a/b", "a-b", "a/c/d", "a/b-", "Z", "\U0001f4be/x", "e\u0301", "b", "c", "a0"]
    make(tmp_path, *names)
    with Folder(tmp_path) as folder:
        files = list(folder.files())
    assert [file.raw for file in files] == sorted(names, key=lambda name: nfc(name).encode())
    assert [file.path for file in files] == [nfc(file.raw) for file in files]


@pytest.mark.parametrize("kept", [2, 1000])
@pytest.mark.parametrize(
    "names", [("\u00e9", "e\u0301"), ("\u00e9/x", "e\u0301"), ("\u00e9/x", "e\u0301/y")]
)
def test_names_that_normalise_to_one_are_refused(tmp_path, monkeypatch, kept, names):
    monkeypatch.setattr(walk, "MEMORY_NAMES", kept)
    make(tmp_path, "a", "z", *names)
    with pytest.raises(InvalidPath, match="normalise to one"):
        found(tmp_path)


def test_a_long_path_is_refused(tmp_path, monkeypatch):
    folder = tmp_path
    monkeypatch.chdir(tmp_path)
    for _ in range(17):
        os.mkdir("x" * 250)
        os.chdir("x" * 250)
    with pytest.raises(InvalidPath, match="at most 4096 bytes"):
        found(folder)


def test_files_are_measured_in_any_order(tmp_path):
    names = ["a/b/c", "a/x", "z", "a/b/d", "q/r", "a/b/c"]
    make(tmp_path, *names)
    with Folder(tmp_path) as folder:
        for name in names:
            assert folder.measure(FoundFile(name, name), ("sha256",)).size == len(name)


def test_a_folder_swapped_for_a_link_is_not_followed(tmp_path):
    make(tmp_path, "data/a/file", "outside/file")
    with Folder(tmp_path / "data") as folder:
        (file,) = folder.files()
    with Folder(tmp_path / "data") as folder:
        shutil.rmtree(tmp_path / "data" / "a")
        (tmp_path / "data" / "a").symlink_to(tmp_path / "outside")
        with pytest.raises(UnsupportedFile, match="symbolic link"):
            folder.measure(file, ("sha256",))


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    make(tmp_path, "a")

    def refuse(descriptor):
        raise OSError(5, "Input/output error")

    # no file system at hand fails on purpose
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ReadError, match=r"cannot list .*Input/output error"):
        found(tmp_path)
