"""Compiles the contracts that a ledger deploys into the files that the library ships.

Promises: every contract directly in ``contracts/`` that is not abstract becomes
``provenance/chain/abi/<Name>.json``, the same bytes on every machine; any warning of the compiler
and any contract over the chain's size limit (EIP-170) fails the build. ``--check`` writes nothing
and fails when a committed file differs. Never reads a source from anywhere but ``contracts/`` and
the packages pinned there.

Run it as ``python -m scripts.build_contracts [--check]``.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import solcx

from scripts import toolchain

OUTPUT = toolchain.ROOT / "provenance" / "chain" / "abi"
LIMIT_BYTES = 24_576  # EIP-170: the most code that a chain stores for one contract
REMAPPINGS = {"@openzeppelin/": "contracts/node_modules/@openzeppelin/"}
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "optimizer": {"enabled": True, "runs": 200},
    "remappings": [f"{prefix}={target}" for prefix, target in sorted(REMAPPINGS.items())],
    "viaIR": True,
}
_IMPORT = re.compile(r"""^\s*import\b[^"';]*["']([^"']+)["']""", re.MULTILINE)


class BuildFailed(Exception):
    """The contracts do not compile cleanly, are too large, or differ from what is committed."""


def _resolve(importer: str, name: str) -> str:
    """Return the source unit that an import means, as a path from the top of the repository."""
    if name.startswith("."):
        joined = (toolchain.ROOT / importer).parent / name
        return joined.resolve().relative_to(toolchain.ROOT).as_posix()
    for prefix, target in REMAPPINGS.items():
        if name.startswith(prefix):
            return target + name.removeprefix(prefix)
    raise BuildFailed(f"{importer} imports {name!r}: expected a relative path or a pinned package")


def sources() -> dict[str, str]:
    """Return the text of each contract's file and of all that it imports, by source unit.

    Raises:
        BuildFailed: An import leads nowhere.
    """
    waiting = [f"contracts/{path.name}" for path in sorted(toolchain.CONTRACTS.glob("*.sol"))]
    found: dict[str, str] = {}
    while waiting:
        unit = waiting.pop()
        if unit in found:
            continue
        path = toolchain.ROOT / unit
        if not path.is_file():
            raise BuildFailed(
                f"expected {unit}, found no such file: run scripts/setup, or mend the import"
            )
        found[unit] = path.read_text(encoding="utf-8")
        waiting += [_resolve(unit, name) for name in _IMPORT.findall(found[unit])]
    return dict(sorted(found.items()))


def compile_all(
    selection: list[str], *, ast: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compile `sources` and return the compiler's standard JSON, input and output.

    Args:
        selection: What to ask of each contract, in the compiler's words.
        ast: Whether to ask for the syntax trees too.

    Raises:
        BuildFailed: The compiler has an error or a warning about a file of ours.
        ToolMissing: There is no compiler.
    """
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources().items()},
        "settings": {
            **SETTINGS,
            "outputSelection": {"*": {"*": selection, "": ["ast"] if ast else []}},
        },
    }
    try:
        answer: dict[str, Any] = solcx.compile_standard(request, solc_binary=toolchain.compiler())
    except solcx.exceptions.SolcError as error:
        raise BuildFailed(str(error)) from error
    complaints = [
        entry["formattedMessage"]
        for entry in answer.get("errors", [])
        if entry["severity"] == "error"
        or "/node_modules/" not in entry.get("sourceLocation", {}).get("file", "")
    ]
    if complaints:
        raise BuildFailed("\n".join(complaints))
    return request, answer


def _layout(compiled: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where a contract keeps its state, without the compiler's running numbers."""
    layout = compiled["storageLayout"]
    types = layout["types"] or {}
    return [
        {
            "label": entry["label"],
            "offset": entry["offset"],
            "slot": int(entry["slot"]),
            "type": types[entry["type"]]["label"],
        }
        for entry in layout["storage"]
    ]


def _artifact(name: str, compiled: dict[str, Any]) -> str:
    """Return the file of one compiled contract.

    Raises:
        BuildFailed: Its deployed code is over the limit, or waits for a library to be linked.
    """
    creation = compiled["evm"]["bytecode"]["object"]
    deployed = compiled["evm"]["deployedBytecode"]["object"]
    if "_" in creation:
        raise BuildFailed(f"{name} must be linked: make the functions of its libraries internal")
    if len(deployed) // 2 > LIMIT_BYTES:
        raise BuildFailed(
            f"{name}: expected at most {LIMIT_BYTES} bytes, found {len(deployed) // 2}"
        )
    document = {
        "generated_by": "scripts/build_contracts.py",
        "contractName": name,
        "compiler": {"version": toolchain.compiler_version(), "settings": SETTINGS},
        "abi": compiled["abi"],
        "bytecode": "0x" + creation,
        "deployedBytecode": "0x" + deployed,
        "storageLayout": _layout(compiled),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def artifacts() -> Iterator[tuple[Path, str]]:
    """Yield path and text of every file that this script makes.

    Raises:
        BuildFailed: See `compile_all`; also a contract too large, or not named like its file.
    """
    selection = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]
    _, answer = compile_all(selection)
    for unit, contracts in sorted(answer["contracts"].items()):
        if Path(unit).parent.as_posix() != "contracts":
            continue
        for name, compiled in sorted(contracts.items()):
            if not compiled["evm"]["bytecode"]["object"]:
                continue  # abstract, or an interface
            if name != Path(unit).stem:
                raise BuildFailed(
                    f"{unit}: expected one contract, named like the file; found {name}"
                )
            yield OUTPUT / f"{name}.json", _artifact(name, compiled)


def differences(expected: dict[Path, str]) -> list[str]:
    """Return what the committed files lack, have too much, or have otherwise, one line each."""
    lines = []
    for path, text in expected.items():
        if not path.is_file():
            lines.append(f"{path.name} is missing")
            continue
        found = path.read_text(encoding="utf-8")
        if found != text:
            old, new = json.loads(found), json.loads(text)
            keys = [key for key in sorted(old | new) if old.get(key) != new.get(key)]
            lines.append(f"{path.name} differs in {', '.join(keys) or 'its form'}")
    lines += [
        f"{path.name} has no contract" for path in OUTPUT.glob("*.json") if path not in expected
    ]
    return lines


def write(expected: dict[Path, str]) -> None:
    """Write the files and remove those that have no contract any more."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for path in OUTPUT.glob("*.json"):
        if path not in expected:
            path.unlink()
    for path, text in expected.items():
        path.write_text(text, encoding="utf-8")


def main(words: list[str]) -> int:
    """Build, or with ``--check`` compare; return 0, or 1 with the reasons on standard error."""
    try:
        os.environ["PATH"] = toolchain.environment()["PATH"]
        expected = dict(artifacts())
    except (BuildFailed, toolchain.ToolMissing) as problem:
        print(problem, file=sys.stderr)
        return 1
    if "--check" not in words:
        write(expected)
        for path, text in expected.items():
            size = len(json.loads(text)["deployedBytecode"]) // 2 - 1
            print(f"{path.stem:<16} {size:>6} of {LIMIT_BYTES} bytes")
        return 0
    found = differences(expected)
    for line in found:
        print(
            f"provenance/chain/abi/{line}: run python -m scripts.build_contracts", file=sys.stderr
        )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
