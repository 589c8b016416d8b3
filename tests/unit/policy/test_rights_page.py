"""The examples of docs/rights.md run."""

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rights.md"


# rdflib, which an evaluator of others reads with, calls what it has itself deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:rdflib")
def test_the_examples_run():
    # A fence ends an example, which doctest does not know.
    text = PAGE.read_text(encoding="utf-8").replace("```python", "").replace("```", "")
    example = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    report = []
    runner = doctest.DocTestRunner()
    found = runner.run(example, out=report.append)
    assert found.attempted > 20
    assert found.failed == 0, "".join(report)
