"""The worked examples of the page on interchange run, and its tables name what there is."""

import doctest
from pathlib import Path

from provenance.ledger.interchange import FORMS, MEDIA_TYPES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "interchange.md"


def test_every_example_on_the_page_is_true():
    found = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert found.attempted > 25
    assert found.failed == 0


def test_every_format_is_on_the_page_with_its_media_type():
    text = PAGE.read_text()
    for form in FORMS:
        assert f"| `{form}` | `{MEDIA_TYPES[form].partition('; charset')[0]}` |" in text
