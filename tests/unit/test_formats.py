"""The worked examples of the format page run and say what they say."""

import doctest
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "formats.md"


def test_every_example_on_the_page_is_true():
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert found.attempted > 30
    assert found.failed == 0


def test_every_section_has_an_example():
    sections = PAGE.read_text().split("\n## ")[1:]
    assert len(sections) == 12
    assert all("\n>>> " in section for section in sections)
