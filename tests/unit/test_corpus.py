"""What fuzzing has found and begins with: every file of the corpus, in each run of the tests."""

from contextlib import suppress

import pytest

from provenance.errors import InputError, VerificationError
from scripts.fuzz import CORPUS, TARGETS, minimise

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_files_of_a_corpus_crash_nothing(name):
    for path in (path for path in FILES if path.parent.name == name):
        try:
            with suppress(InputError, VerificationError):
                TARGETS[name](path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name} crashes {name}") from error


def test_every_parser_has_a_corpus_that_is_small():
    assert {path.parent.name for path in FILES} == set(TARGETS)
    assert sum(path.stat().st_size for path in FILES) < 400_000


def test_what_reaches_nothing_new_leaves_a_corpus(tmp_path):
    folder = tmp_path / "cursor"
    folder.mkdir()
    files = {"named": b"", "0" * 40: b"?", "1" * 40: b"??"}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    minimise("cursor", tmp_path)
    assert "named" in {path.name for path in folder.iterdir()}
    assert len(list(folder.iterdir())) < 3
