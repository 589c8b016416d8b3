"""The rules of the house that no linter knows; each message says what to do about it."""

import ast
import json
import re
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FILE_LINES = 400
# Read and carried alone: a verifier in several files is several files to trust.
LONGER_FILES = {"provenance/verifier.py": 680}
FUNCTION_LINES = 60
FUNCTION_MEDIAN = 12
FUNCTION_P90 = 40
NO_NAMES = set(
    [
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "misc",
        "base",
        "core",
        "shared",
        "manager",
        "service",
    ]
)

# What the house keeps an account of. A file on one of the floors below is named like its concept.
CONCEPTS = set(
    [
        "activities",
        "anchors",
        "bundles",
        "ceilings",
        "claims",
        "commitments",
        "completeness",
        "contests",
        "datasets",
        "declarations",
        "derivations",
        "documents",
        "erasures",
        "grant_changes",
        "grants",
        "history",
        "holds",
        "jobs",
        "impact",
        "imports",
        "interchange",
        "licenses",
        "lineage",
        "memberships",
        "metering",
        "offers",
        "openlineage",
        "parties",
        "pipelines",
        "policies",
        "proofs",
        "reservations",
        "rights",
        "runs",
        "rows",
        "snapshots",
        "supervision",
        "titles",
        "transfers",
        "uses",
        "verification",
        "versions",
    ]
)
FLOORS = {
    "contracts": (
        "*.sol",
        {
            "Directory",
            "Forwarder",
            "GrantRecords",
            "LedgerModule",
            "LineageInputs",
            "PartyAccounts",
        },
    ),
    "provenance/ledger": (
        "*.py",
        {
            "batches",
            "checkpoints",
            "connecting",
            "deeds",
            "files",
            "identifying",
            "indexing",
            "journal",
            "license_views",
            "lineage_matches",
            "lineage_views",
            "keys",
            "metadata",
            "metering_audit",
            "opening",
            "passwords",
            "receipts",
            "recent",
            "refusals",
            "relay",
            "remote",
            "roots",
            "rpc",
            "run_documents",
            "run_inputs",
            "setup",
            "tidying",
            "tokens",
            "views",
            "vocabulary",
            "writing",
            "backup",
        },
    ),
    "provenance/index": (
        "*.py",
        {
            *("audit", "blocks", "columns", "database", "license_tables", "lineage_tables"),
            *("paging", "paths", "rebuild", "rows", "schema", "sync", "timelines"),
            *(
                "job_graph",
                "pipeline_graph",
                "pipeline_tables",
                "pipeline_times",
                "pipeline_aliases",
            ),
            *("run_graph", "run_writers"),
        },
    ),
    "provenance/cli": (
        "*.py",
        {
            "backup",
            "content",
            "door",
            "home",
            "index",
            "main",
            "measuring",
            "output",
            "serve",
            "setup",
            "tokens",
            "verify",
        },
    ),
    "api/routes": (
        "*.py",
        {"documentation", "granting", "health", "relay", "verify", "metrics", "rpc"},
    ),
}


def tracked():
    """Return every file that is or would be committed."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    return sorted({path for path in paths if path.is_file()})


def texts():
    """Yield path (from the top) and text of every tracked file that is text."""
    for path in tracked():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def modules():
    """Yield path and syntax tree of every Python file."""
    for name, text in texts():
        if name.endswith(".py"):
            yield name, ast.parse(text)


def functions():
    """Yield place and length in lines of every Python function."""
    for name, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def refuse(found, advice):
    """Fail with all that was found and one sentence of advice."""
    assert not found, advice + "\n  " + "\n  ".join(found)


def test_files_are_short():
    long = [
        f"{name}: {len(text.splitlines())} lines"
        for name, text in texts()
        if name.endswith((".py", ".sol", ".js", ".css", ".html"))
        and len(text.splitlines()) > LONGER_FILES.get(name, FILE_LINES)
    ]
    refuse(long, f"A file has at most {FILE_LINES} lines: split it by concept, never by 'more'.")


def test_functions_are_short():
    long = [f"{place}: {lines} lines" for place, lines in functions() if lines > FUNCTION_LINES]
    refuse(long, f"A function has at most {FUNCTION_LINES} lines: give its parts names.")


def test_functions_are_mostly_very_short():
    lengths = sorted(
        lines for place, lines in functions() if place.startswith(("provenance", "api/"))
    )
    median, p90 = statistics.median(lengths), lengths[int(len(lengths) * 0.9)]
    assert median <= FUNCTION_MEDIAN, f"median {median} lines: expected at most {FUNCTION_MEDIAN}"
    assert p90 <= FUNCTION_P90, f"90th percentile {p90} lines: expected at most {FUNCTION_P90}"


def test_no_room_for_odds_and_ends():
    found = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if NO_NAMES & {part.split(".")[0].lower() for part in path.relative_to(ROOT).parts}
    ]
    refuse(found, "Name a file by its concept: one called like this collects what has no home.")


def test_every_file_on_a_floor_is_a_concept():
    strangers = []
    for floor, (pattern, own) in FLOORS.items():
        for path in sorted((ROOT / floor).glob(pattern)):
            known = path.stem.lower() in CONCEPTS or path.stem in own
            if not known and not path.stem.startswith("__"):
                strangers.append(path.relative_to(ROOT).as_posix())
    refuse(
        strangers,
        "Say the concept of a new file: use a word of CONCEPTS, or add a new one there; what"
        " serves its whole floor goes to that floor's own words in FLOORS. With neither, it does"
        " not belong in the house.",
    )


def test_every_module_says_what_it_is_for():
    silent = [
        name
        for name, tree in modules()
        if not ast.get_docstring(tree) and not re.search(r"tests/.*/test_\w+\.py$", name)
    ]
    refuse(silent, "Begin with a docstring: what the file is for, promises, and must never do.")


def test_every_contract_says_what_it_is_for_and_its_licence():
    found = []
    for name, text in texts():
        if name.endswith(".sol"):
            if not text.startswith("// SPDX-License-Identifier: Apache-2.0\n"):
                found.append(f"{name}: first line")
            exact = re.search(r"^pragma solidity 0\.8\.\d+;$", text, re.MULTILINE)
            if not exact and Path(name).parent.as_posix() == "contracts":
                found.append(f"{name}: exact pragma")
            # The language has no NatSpec for constants.
            declares = re.search(
                r"^(abstract|contract|interface|library|struct|enum|type|error)\b",
                text,
                re.MULTILINE,
            )
            if declares and not re.search(r"^/(//|\*\*) ?", text, re.MULTILINE):
                found.append(f"{name}: NatSpec")
    refuse(found, "A Solidity file has the SPDX line and NatSpec, a deployed one an exact pragma.")


def test_no_todo_without_an_issue():
    word = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b(?!\(#\d+\))")
    found = [f"{name}: {hit.group()}" for name, text in texts() for hit in word.finditer(text)]
    refuse(found, "Write the issue's number behind it, as in (#12), or do it now.")


def test_nothing_names_a_machine_or_a_registry():
    place = re.compile(
        r"(?<![\w.:/-])/(?:wo" + r"rk|ro" + r"ot|Users|home)/\w+"
        r"|\b(?:registry|files|index|proxy|deb|security)\.[a-z-]+\.(?:org|io|com|dev)\b"
        r"|\bpyp" + r"i\.(?:org|io|python)\b|--(?:extra-)?index-ur[l]|--find-lin[k]s"
    )
    found = [f"{name}: {hit.group()}" for name, text in texts() for hit in place.finditer(text)]
    refuse(found, "Leave out what is true of one machine only: folders of it, registries it uses.")


def test_lock_files_hold_no_address():
    lock = json.loads((ROOT / "contracts/package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    refuse(
        [name for name, entry in packages.items() if "resolved" in entry],
        "Run npm install in contracts/, where .npmrc leaves the addresses out of the lock.",
    )
    refuse(
        [name for name, entry in packages.items() if "integrity" not in entry],
        "Every package is pinned by its integrity: run npm install in contracts/ again.",
    )
    for name in ("constraints.txt", "contracts/slither-constraints.txt"):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line[:1] != "#"]
        loose = [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+-]+", line)]
        refuse(loose, f"{name} holds name==version and nothing else: python -m scripts.lock")


def test_every_dependency_is_pinned():
    project = (ROOT / "pyproject.toml").read_text()
    wanted = re.findall(r'^  "([\w.-]+)(?:\[[\w,-]+\])?[<>=]', project, re.MULTILINE)
    pinned = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    loose = [name for name in wanted if re.sub(r"[-_.]+", "-", name).lower() not in pinned]
    refuse(loose, "Pin what pyproject.toml asks for: python -m scripts.lock")


def test_generated_files_name_their_script():
    folders = ("provenance/chain/abi/*.json", "tests/vectors/**/*.json", "api/openapi.json")
    found = []
    for path in sorted(path for folder in folders for path in ROOT.glob(folder)):
        document = json.loads(path.read_text())
        marks = [document.get(key) for key in ("generated_by", "generated by", "x-generated-by")]
        script = next(filter(None, marks), None)
        if not script or not (ROOT / script).is_file():
            found.append(path.relative_to(ROOT).as_posix())
    refuse(found, "A generated file says which script makes it, under the key generated_by.")


def test_generating_scripts_can_check():
    makers = [*ROOT.glob("scripts/build_*.py"), *ROOT.glob("scripts/generate_*.py")]
    deaf = [path.name for path in makers if '"--check"' not in path.read_text()]
    refuse(deaf, "A script that generates has --check, which CI runs: compare and write nothing.")
    assert makers


def test_nothing_imports_tests_or_scripts():
    found = []
    for name, tree in modules():
        if not name.startswith(("provenance/", "api/")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                targets = [node.module or ""]
            else:
                continue
            if any(target.split(".")[0] in {"tests", "scripts"} for target in targets):
                found.append(f"{name}:{node.lineno}")
    refuse(found, "Packages stand without tests/ and scripts/: move what both need into a package.")


def test_the_library_prints_only_at_its_doors():
    found = []
    for name, tree in modules():
        if not name.startswith(("provenance/", "api/")) or name.startswith("provenance/cli/"):
            continue
        if name == "provenance/verifier.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
                found.append(f"{name}:{node.lineno}")
    refuse(found, "Return it, raise it, or log it at debug: only the command line prints.")
