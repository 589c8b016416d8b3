"""What README and docs promise is there: every link leads somewhere, every command exists."""

import importlib.util
import re
import shlex
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")])
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page):
    """Return the anchors that the headings of a page make, as code hosts do it."""
    headings = re.findall(r"^#+ +(.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in plain}


def broken_links(page):
    """Yield the links of a page that lead nowhere in this repository."""
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        missing_anchor = anchor and path.suffix == ".md" and anchor not in anchors(path)
        if not path.exists() or missing_anchor:
            yield link


def commands(page):
    """Yield the words of every command line `provenance …` in the code blocks of a page."""
    for block in _FENCE.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            start = re.match(r"\s*(?:\$ )?(?:\w+=\S+ )*provenance (.+)", line)
            if start:
                yield shlex.split(re.split(r" [|>&;] ?| && ", start.group(1))[0], comments=True)


def problem(group, words):
    """Return what is wrong with a command line, or None."""
    command, rest = group, list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        command = command.get_command(click.Context(command), name)
        if command is None:
            return f"no command {name!r}"
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for parameter in group.params for option in parameter.opts} | {"--help"}
    for word in rest:
        option = word.split("=")[0]
        if option.startswith("--") and option not in known:
            return f"no option {option}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    broken = list(broken_links(page))
    assert not broken, f"mend or drop these links: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_exist(page):
    shown = list(commands(page))
    if not shown:
        return
    if importlib.util.find_spec("provenance.cli.main") is None:
        pytest.skip("there is no command line yet to compare with")
    from provenance.cli import main

    group = next(value for value in vars(main).values() if isinstance(value, click.Group))
    wrong = {" ".join(words): found for words in shown if (found := problem(group, words))}
    assert not wrong, f"show only commands that exist, or write them: {wrong}"


def test_readme_shows_the_first_success():
    shown = [" ".join(words[:2]) for words in commands(ROOT / "README.md")]
    for step in ("init", "datasets register", "verify", "titles transfer", "history"):
        assert any(line.startswith(step) for line in shown), f"README.md never shows {step!r}"


def test_scripts_that_pages_name_exist():
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"\b(scripts/[\w./-]*\w)", page.read_text())
        if not (ROOT / name).exists()
    ]
    missing += [
        f"{page.relative_to(ROOT)}: python -m scripts.{name}"
        for page in PAGES
        for name in re.findall(r"python -m scripts\.(\w+)", page.read_text())
        if not (ROOT / "scripts" / f"{name}.py").exists()
    ]
    assert not missing, f"name only scripts that exist: {missing}"
