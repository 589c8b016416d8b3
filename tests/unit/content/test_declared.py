"""Declarations of other tools: read, compared with files, and written so that the tools agree."""

import base64
import hashlib
import json
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.content import declared_files
from provenance.content.declared import (
    Declaration,
    DeclaredFile,
    confirm,
    parse_croissant,
    parse_dvc_dir,
    parse_lfs_pointer,
    parse_model_signing,
    parse_sums,
    read_lfs_tree,
)
from provenance.content.entry import Header
from provenance.content.exports import model_signing_statement, sum_lines
from provenance.content.manifest import build
from provenance.errors import (
    InputError,
    InvalidDocument,
    InvalidPath,
    ReadError,
    VerificationError,
)

X, Y = (hashlib.sha256(content).hexdigest() for content in (b"x", b"y"))


@pytest.fixture
def folder(tmp_path):
    top = tmp_path / "data"
    (top / "s").mkdir(parents=True)
    (top / "a b\nc").write_bytes(b"x")
    (top / "s" / "\u00e9").write_bytes(b"y")
    (top / "back\\slash").write_bytes(b"x")
    return top


def test_what_sha256sum_writes_is_read_and_what_we_write_it_checks(folder):
    names = ["a b\nc", "back\\slash", "s/\u00e9"]
    command = ["sha256sum", "--", *(f"./{name}" for name in names)]
    written = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    declared = parse_sums(written.stdout)
    assert [file.path for file in declared.files] == names
    made = confirm(declared, folder).manifest
    lines = "".join(sum_lines(made))
    assert parse_sums(lines) == declared
    subprocess.run(
        ["sha256sum", "-c", "--strict", "-"],
        cwd=folder,
        input=lines,
        text=True,
        check=True,
        capture_output=True,
    )


def checks(lines, folder):
    """Tell whether the real tool finds every file that lines name."""
    command = ["sha256sum", "-c", "--strict", "--status", "-"]
    return subprocess.run(command, cwd=folder, input=lines, text=True, check=False).returncode == 0


def test_tagged_lines_and_upper_case_are_read_as_sha256sum_does(folder):
    (folder / "a) = b (c").write_bytes(b"x")
    names = sorted(["a b\nc", "back\\slash", "s/\u00e9", "a) = b (c"], key=str.encode)
    tagged, plain = (
        subprocess.run(
            ["sha256sum", *options, "--", *names],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for options in (["--tag"], [])
    )
    assert tagged.startswith("\\SHA256 (")
    upper = plain.replace(X, X.upper()).replace(Y, Y.upper())
    old = f"SHA256(s/\u00e9)= {Y.upper()}\r\n"
    for lines in (tagged, upper, tagged.replace(X, X.upper()), plain):
        assert checks(lines, folder)
        assert parse_sums(lines) == parse_sums(plain)
        assert [file.path for file in parse_sums(lines).files] == names
    assert checks(old, folder)
    assert parse_sums(old).files == parse_sums(f"{Y}  s/\u00e9").files
    assert not checks(tagged.replace("SHA256", "BLAKE3"), folder)


@pytest.mark.parametrize(
    "lines",
    [
        f"# of today\n{X}  a\n",
        f"  {X}  a\n\n\t{X} *b  c\n",
        f"\t\\{X}  a\n   SHA256 (a) = {X}\n",
        f"{X} a\n{X} b  c\n{X} *star\n{X}  lead\n",
        f"SHA256 (a) = {X}\n{X}\ta\n\\{X} back\\\\slash\n",
        f"{X}  a\n{X}  a\n{X.upper()}  ./a\n",
        f"{X}  *star\n{X}   lead\n",
    ],
)
def test_whatever_sha256sum_reads_is_read(tmp_path, lines):
    for name in ("a", "b  c", "*star", " lead", "back\\slash"):
        (tmp_path / name).write_bytes(b"x")
    assert checks(lines, tmp_path)
    declared = parse_sums(lines)
    assert all((tmp_path / file.path).read_bytes() == b"x" for file in declared.files)
    assert declared_files.detect(lines.encode()) == "sha256sum"


@pytest.mark.parametrize(
    "lines",
    [
        f"{X}  a\n{X} b  c\n",
        f"\\{X}  a\\x\n",
        f"\\{X}  a\\\n",
        f" # {X}  a\n",
        f"{X}  a\n{Y}  a\n",
    ],
)
def test_what_sha256sum_refuses_is_refused(tmp_path, lines):
    for name in ("a", "b  c", "a\\x", "a\\"):
        (tmp_path / name).write_bytes(b"x")
    assert not checks(lines, tmp_path)
    with pytest.raises(InputError):
        parse_sums(lines)


def test_a_tag_says_which_digests_they_are():
    tagged = f"BLAKE3 (a) = {X}\n"
    assert parse_sums(tagged, "blake3").files[0].digests == {"blake3": bytes.fromhex(X)}
    for algorithm in ("sha256", "md5"):
        with pytest.raises(InvalidDocument, match=f"expected digests of {algorithm}, found BLAKE3"):
            parse_sums(tagged, algorithm)


def test_forms_of_sum_lines():
    assert parse_sums(f"{X} *a\r\n\n{Y}  b  c").files == (
        DeclaredFile("a", {"sha256": bytes.fromhex(X)}),
        DeclaredFile("b  c", {"sha256": bytes.fromhex(Y)}),
    )
    assert parse_sums(f"{X}  a\n", "blake3").files[0].digests == {"blake3": bytes.fromhex(X)}
    for wrong in (
        f"{X}  a\n{Y} b",
        f"{X}",
        f" # {X}  a",
        f"\\{X}  a\\x",
        f"\\{X}  a\\",
        f"{X[:-2]}  a",
        f"SHA256 (a) - {X}",
        "",
        f"{X[:-1]}g  a",
        "SHA256 () = " + X,
    ):
        with pytest.raises(InvalidDocument):
            parse_sums(wrong)
    with pytest.raises(InvalidDocument, match="expected digests among"):
        parse_sums(f"{X}  a", "sha512")
    for path in ("/etc/passwd", "../a", "a/../b"):
        with pytest.raises(InvalidPath):
            parse_sums(f"{X}  {path}")
    with pytest.raises(InvalidPath, match="twice"):
        parse_sums(f"{X}  a\n{Y}  ./a")


def test_croissant():
    declared = parse_croissant(
        json.dumps(
            {
                "distribution": [
                    {
                        "@type": "cr:FileObject",
                        "contentUrl": "a/b.csv",
                        "sha256": X,
                        "contentSize": "1 B",
                    },
                    {
                        "@type": "sc:FileObject",
                        "contentUrl": "https://example.org/d/c.zip?x=1",
                        "sha256": Y,
                        "contentSize": "5.2 MB",
                    },
                    {"@type": "cr:FileObject", "contentUrl": "in/zip", "containedIn": {}},
                    {"@type": "cr:FileSet", "includes": "*"},
                ]
            }
        ).encode()
    )
    assert declared.files == (
        DeclaredFile("a/b.csv", {"sha256": bytes.fromhex(X)}, 1),
        DeclaredFile("c.zip", {"sha256": bytes.fromhex(Y)}),
    )
    for wrong in (
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"distribution":[1]}',
        b'{"distribution":[{"@type":"cr:FileObject","contentUrl":"a"}]}',
    ):
        with pytest.raises(InvalidDocument):
            parse_croissant(wrong)


def test_a_dvc_directory_is_confirmed_by_md5(folder):
    listed = [
        {
            "md5": hashlib.md5(path.read_bytes()).hexdigest(),
            "relpath": str(path.relative_to(folder)),
        }
        for path in folder.rglob("*")
        if path.is_file()
    ]
    declared = parse_dvc_dir(json.dumps(listed).encode())
    assert confirm(declared, folder).manifest == build(folder)
    single = Declaration.of("dvc", [DeclaredFile(".", {"md5": hashlib.md5(b"y").digest()})])
    assert confirm(single, folder / "s" / "\u00e9").manifest.count == 1
    (folder / "s" / "\u00e9").write_bytes(b"z")
    with pytest.raises(VerificationError, match="expected md5 4152"):
        confirm(declared, folder)
    for wrong in (b"{}", b'[{"md5":"00","relpath":"a"}]', b'[{"md5":1,"relpath":"a"}]'):
        with pytest.raises(InvalidDocument):
            parse_dvc_dir(wrong)
    with pytest.raises(InvalidDocument, match="path as text"):
        parse_dvc_dir(json.dumps([{"md5": "00" * 16, "relpath": 1}]).encode())
    other = b'[{"md5":"%s","relpath":"a","relpath":"b"}]' % (b"00" * 16)
    with pytest.raises(InvalidDocument, match=r"found .relpath. twice"):
        parse_dvc_dir(other)


def test_a_file_that_changes_between_two_readings_is_an_error(folder):
    declared = Declaration.of("dvc", [DeclaredFile(".", {"md5": hashlib.md5(b"y").digest()})])
    file = folder / "s" / "\u00e9"
    with pytest.raises(ReadError, match="changed after it was read"):
        confirm(declared, file, progress=lambda _: file.write_bytes(b"other"))


def test_a_tree_of_pointers(tmp_path):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{X}\nsize 1\n"
    (tmp_path / "big.bin").write_text(pointer)
    (tmp_path / "readme").write_bytes(b"y")
    (tmp_path / "long").write_bytes(bytes(2000))
    declared = read_lfs_tree(tmp_path)
    assert [(file.path, file.size) for file in declared.files] == [
        ("big.bin", 1),
        ("long", 2000),
        ("readme", 1),
    ]
    with pytest.raises(VerificationError, match="expected 1 bytes, found"):
        confirm(declared, tmp_path)
    (tmp_path / "big.bin").write_bytes(b"x")
    assert confirm(declared, tmp_path).manifest == build(tmp_path)
    for wrong in (pointer.replace("sha256", "md5"), pointer.replace("size 1", "size -1")):
        with pytest.raises(InvalidDocument, match="git-lfs pointer"):
            parse_lfs_pointer(wrong.encode(), "f")


# made by model-signing 1.1.1 from a folder like the fixture's, without the file with a backslash
SUBJECT = "f150e8508bbbc8be5232a999a3af77b03f4430f86e7b59593476710a5acb0156"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "page", ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1"]
)
def test_pointers_of_all_ages_and_line_ends_are_pointers(tmp_path, page, end):
    pointer = f"version {page}{end}oid sha256:{X}{end}size 1{end}".encode()
    (tmp_path / "big").write_bytes(pointer)
    wanted = DeclaredFile("big", {"sha256": bytes.fromhex(X)}, 1)
    assert read_lfs_tree(tmp_path).files == (wanted,)
    assert declared_files.detect(pointer) == "git-lfs"


def test_model_signing_in_both_directions(folder):
    (folder / "back\\slash").unlink()
    statement = model_signing_statement(build(folder), "data")
    assert statement["subject"] == [{"name": "data", "digest": {"sha256": SUBJECT}}]
    text = json.dumps(statement).encode()
    declared = parse_model_signing(text)
    assert [file.path for file in declared.files] == ["a b\nc", "s/\u00e9"]
    assert confirm(declared, folder, Header.of(["blake3"])).manifest.header.algorithms == (
        "blake3",
        "sha256",
    )
    bundle = {"dsseEnvelope": {"payload": base64.b64encode(text).decode()}}
    assert parse_model_signing(json.dumps(bundle).encode()) == declared
    for payload in ("x", "\u00e9"):
        with pytest.raises(InvalidDocument, match="Base64"):
            parse_model_signing(json.dumps({"dsseEnvelope": {"payload": payload}}).encode())
    for change in ({"resources": 1}, {"serialization": {"method": "shards"}}):
        wrong = {"predicate": {**statement["predicate"], **change}}
        with pytest.raises(InvalidDocument):
            parse_model_signing(json.dumps(wrong).encode())


def test_exports_need_what_they_name(tmp_path):
    (tmp_path / "f").write_bytes(b"x")
    single = build(tmp_path / "f", algorithms=("sha256", "sm3"))
    assert list(sum_lines(single, name="f")) == [f"{X}  f\n"]
    with pytest.raises(InputError, match="name of the single file"):
        list(sum_lines(single))
    with pytest.raises(InputError, match="expected a manifest with blake3"):
        list(sum_lines(single, "blake3"))
    with pytest.raises(InputError, match="found sm3"):
        model_signing_statement(single, "f", "sm3", "f")


def test_names_on_disk_are_those_of_the_entries(folder):
    made = build(folder, algorithms=("blake3",))
    disk = [unicodedata.normalize("NFD", entry.path) for entry in made.entries()]
    lines = "".join(sum_lines(made, "blake3", names=disk))
    assert lines.endswith("  s/e\u0301\n")
    for others in (disk[:-1], ["x", *disk[1:]], [*disk, "x"]):
        with pytest.raises(ReadError, match="changed after it was read"):
            list(sum_lines(made, "blake3", names=others))
    with pytest.raises(InputError, match="that b3sum reads"):
        list(sum_lines(build(folder / "s" / "\u00e9", algorithms=("blake3",)), "blake3", "a\rb"))


def test_files_must_be_those_that_were_declared(folder):
    declared = parse_sums(f"{X}  back\\slash\n{Y}  s/\u00e9\n")
    with pytest.raises(VerificationError, match="expected declared files only"):
        confirm(declared, folder)
    (folder / "a b\nc").unlink()
    assert confirm(declared, folder).files_read == 2
    (folder / "back\\slash").unlink()
    with pytest.raises(VerificationError, match="found none: 'back"):
        confirm(declared, folder)


def test_a_declaration_is_checked():
    with pytest.raises(InvalidDocument, match="size of at least 0"):
        Declaration.of("test", [DeclaredFile("a", {}, -1)])
    with pytest.raises(InvalidDocument, match="digest of md4"):
        Declaration.of("test", [DeclaredFile("a", {"md4": b""})])


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused_without_a_traceback(garbage):
    for parse in (
        parse_croissant,
        parse_dvc_dir,
        parse_model_signing,
        lambda data: parse_sums(data.decode(errors="replace")),
        lambda data: parse_lfs_pointer(b"version https://git-lfs.github.com/spec/v1\n" + data, "f"),
    ):
        with pytest.raises(InputError):
            parse(garbage)
