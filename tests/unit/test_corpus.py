"""What fuzzing has found and begins with: every file of the corpus, in each run of the tests."""

from contextlib import suppress
from pathlib import Path

import pytest

from provenance.errors import InputError, VerificationError
from scripts.fuzz import CORPUS, TARGETS

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_file_of_the_corpus_crashes_nothing(path: Path):
    with suppress(InputError, VerificationError):
        TARGETS[path.parent.name](path.read_bytes())


def test_every_parser_has_a_corpus_that_is_small():
    assert {path.parent.name for path in FILES} == set(TARGETS)
    assert sum(path.stat().st_size for path in FILES) < 200_000
