"""Runs Slither over the contracts and holds its findings against the explained ones.

Promises: every finding is either mended or explained in ``contracts/slither.explained.json``, where
each entry names the detector, the place (``Contract.function(types)``, ``*`` and ``?`` allowed) and
the reason; an explanation that explains nothing any more is a failure too. Analyses exactly what
`scripts.build_contracts` builds. Never changes a contract.

Run it as ``python -m scripts.analyse_contracts``.
"""

import json
import os
import subprocess
import sys
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from scripts import build_contracts, toolchain

SLITHER = toolchain.ROOT / ".setup" / "slither" / "bin" / "slither"
SETTINGS = toolchain.CONTRACTS / "slither.config.json"
EXPLAINED = toolchain.CONTRACTS / "slither.explained.json"
_SELECTION = ["abi", "devdoc", "userdoc", "evm.bytecode", "evm.deployedBytecode"]


class AnalysisFailed(Exception):
    """Slither did not run to its end."""


def _project(folder: Path) -> None:
    """Compile, and lay the result out as Slither reads Foundry's.

    Raises:
        BuildFailed: The contracts do not compile.
    """
    request, answer = build_contracts.compile_all([*_SELECTION, "evm.methodIdentifiers"], ast=True)
    (folder / "foundry.toml").touch()
    (folder / "contracts").symlink_to(toolchain.CONTRACTS, target_is_directory=True)
    version = toolchain.compiler_version()
    record = {"id": "ledger", "solcVersion": version, "solcLongVersion": version}
    (folder / "out" / "build-info").mkdir(parents=True)
    (folder / "out" / "build-info" / "ledger.json").write_text(
        json.dumps({**record, "input": request, "output": answer}), encoding="utf-8"
    )


def findings() -> list[dict[str, Any]]:
    """Return what Slither finds, as its own records.

    Raises:
        AnalysisFailed: Slither is missing, or stopped.
        BuildFailed: The contracts do not compile.
    """
    if not SLITHER.is_file():
        raise AnalysisFailed(f"expected {SLITHER.relative_to(toolchain.ROOT)}: run scripts/setup")
    environment = toolchain.environment()
    del environment["FOUNDRY_CONFIG"]
    environment["PATH"] = os.pathsep.join([str(toolchain.forge().parent), environment["PATH"]])
    with tempfile.TemporaryDirectory() as folder:
        _project(Path(folder))
        words = [".", "--ignore-compile", "--json", "found.json", "--config-file", str(SETTINGS)]
        answer = subprocess.run(
            [str(SLITHER), *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        result = Path(folder) / "found.json"
        found = json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {}
    if not found.get("success") or "(0 contracts" in answer.stderr:
        raise AnalysisFailed(answer.stderr)
    return list(found["results"].get("detectors", []))


def place(finding: dict[str, Any]) -> str:
    """Return where a finding is: its first element, after the function and contract it is in."""
    element = finding["elements"][0] if finding["elements"] else None
    names: list[str] = []
    while element and element["type"] in {"contract", "function", "variable", "event", "node"}:
        fields = element.get("type_specific_fields", {})
        if element["type"] != "node":
            names.insert(0, fields.get("signature", element["name"]))
        element = fields.get("parent")
    return ".".join(names)


def unexplained(
    found: list[dict[str, Any]], explained: list[dict[str, str]]
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the findings that no entry explains, and the entries that explain nothing."""
    idle = list(explained)
    open_findings = []
    for finding in found:
        matching = [
            entry
            for entry in explained
            if entry["detector"] == finding["check"] and fnmatchcase(place(finding), entry["where"])
        ]
        idle = [entry for entry in idle if entry not in matching]
        if not matching:
            open_findings.append(finding)
    return open_findings, idle


def main() -> int:
    """Analyse; return 0, or 1 with every open finding and idle explanation on standard error."""
    try:
        os.environ["PATH"] = toolchain.environment()["PATH"]
        found = findings()
    except (AnalysisFailed, build_contracts.BuildFailed, toolchain.ToolMissing) as problem:
        print(problem, file=sys.stderr)
        return 1
    explained = json.loads(EXPLAINED.read_text(encoding="utf-8"))
    open_findings, idle = unexplained(found, explained)
    for finding in open_findings:
        print(f"{finding['check']} at {place(finding)}", file=sys.stderr)
        print(finding["description"], file=sys.stderr)
    for entry in idle:
        print(f"explains nothing: {entry['detector']} at {entry['where']}", file=sys.stderr)
    if open_findings or idle:
        name = EXPLAINED.relative_to(toolchain.ROOT)
        print(f"Mend each finding, or explain it in {name}; drop what is idle.", file=sys.stderr)
        return 1
    print(f"Slither: {len(found)} findings, all explained")
    return 0


if __name__ == "__main__":
    sys.exit(main())
