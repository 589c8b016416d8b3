"""The commands of docs/rights.md run, in the order of the page."""

import re
import shlex
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rights.md"


def test_every_command_of_the_page_runs(home, type_, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text()
    (terms,) = re.findall(r"`terms\.json`:\n\n```json\n(.+?)```", text, re.DOTALL)
    Path("terms.json").write_text(terms)
    shown = re.findall(r"^\$ provenance (.+)$", text, re.MULTILINE)
    assert len(shown) > 15
    printed = [type_(*shlex.split(line)).out for line in shown]
    check = next(at for at, line in enumerate(shown) if line.startswith("rights check"))
    assert "permitted" in printed[check]
    assert "usable" in printed[-2]
