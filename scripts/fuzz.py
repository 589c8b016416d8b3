"""Fuzz every parser of what others send: ``python -m scripts.fuzz [--seconds 60] [NAME ...]``.

Needs the extra ``fuzz`` (atheris). Each parser runs in a process of its own for so many seconds,
beginning with its corpus in ``tests/corpus``; an error that is no ``InputError``, a hang of ten
seconds and more than 512 MiB of memory are crashes, and what made them is kept in the folder that
``--found`` names. Inputs that reach new code are added to the corpus only with ``--keep``.

Exit code 0 if nothing crashed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from scripts import toolchain

CORPUS = toolchain.ROOT / "tests" / "corpus"
LONGEST_INPUT_BYTES = 4096


def _manifest(data: bytes) -> None:
    from provenance.content import manifest

    parsed = manifest.parse(data)
    if parsed.document != data and not parsed.header.private:
        raise AssertionError("what was parsed is written differently")


def _sums(data: bytes) -> None:
    from provenance.content.declared import parse_sums

    parse_sums(data.decode(errors="replace"))


def _croissant(data: bytes) -> None:
    from provenance.content.declared import parse_croissant
    from provenance.errors import InputError
    from provenance.interchange.croissant import read

    with suppress(InputError):
        parse_croissant(data)
    read(data)


def _prov(data: bytes) -> None:
    from provenance.interchange import prov

    graph = prov.import_json(data)
    if prov.import_json(prov.export(graph)) != graph:
        raise AssertionError("what was read is written differently")


def _dvc(data: bytes) -> None:
    from provenance.content.declared import parse_dvc_dir

    parse_dvc_dir(data)


def _lfs(data: bytes) -> None:
    from provenance.content.declared import parse_lfs_pointer

    parse_lfs_pointer(data, "file")


def _model_signing(data: bytes) -> None:
    from provenance.content.declared import parse_model_signing

    parse_model_signing(data)


def _inclusion(data: bytes) -> None:
    from provenance.proofs.merkle import InclusionProof

    fields = _fields(data)
    proof = InclusionProof.from_json(fields)
    if proof.to_json() != fields:
        raise AssertionError("what was parsed is written differently")


def _absence(data: bytes) -> None:
    from provenance.proofs.absence import AbsenceProof

    fields = _fields(data)
    if AbsenceProof.from_json(fields).to_json() != fields:
        raise AssertionError("what was parsed is written differently")


def _fields(data: bytes) -> object:
    from provenance.errors import InvalidProof

    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidProof(str(error)) from None


TARGETS: dict[str, Callable[[bytes], None]] = {
    "manifest": _manifest,
    "sums": _sums,
    "croissant": _croissant,
    "dvc": _dvc,
    "lfs": _lfs,
    "model_signing": _model_signing,
    "prov": _prov,
    "inclusion": _inclusion,
    "absence": _absence,
}


def attack(name: str, arguments: list[str]) -> None:
    """Fuzz one parser in this process; never returns."""
    import atheris

    with atheris.instrument_imports(include=["provenance", "json"]):
        import provenance.content.declared
        import provenance.content.manifest
        import provenance.interchange.croissant
        import provenance.interchange.prov
        import provenance.proofs.absence  # noqa: F401 - imported to be instrumented
    from provenance.errors import InputError

    target = TARGETS[name]

    def once(data: bytes) -> None:
        try:
            target(data)
        except InputError:
            return

    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


def run(name: str, seconds: int, found: Path, keep: bool) -> bool:
    """Fuzz one parser in a process of its own; tell whether nothing crashed."""
    with tempfile.TemporaryDirectory() as fresh:
        seeds = CORPUS / name
        seeds.mkdir(parents=True, exist_ok=True)
        folders = [str(seeds)] if keep else [fresh, str(seeds)]
        limits = [f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=512"]
        options = [f"-artifact_prefix={found}/{name}-", f"-max_len={LONGEST_INPUT_BYTES}"]
        command = [sys.executable, "-m", "scripts.fuzz", "--attack", name, "--"]
        done = subprocess.run(
            [*command, *limits, *options, "-verbosity=0", *folders], cwd=toolchain.ROOT, check=False
        )
    print(f"{name}: {'nothing found' if done.returncode == 0 else 'CRASHED'}", flush=True)
    return done.returncode == 0


def main() -> int:
    """Fuzz the parsers that were named, or all."""
    if sys.argv[1:2] == ["--attack"]:
        attack(sys.argv[2], sys.argv[4:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each parser")
    parser.add_argument("--found", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--keep", action="store_true", help="let the corpus grow")
    options = parser.parse_args()
    names = options.names or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"expected parsers among {', '.join(TARGETS)}; found {unknown[0]}")
    runs = [run(name, options.seconds, options.found, options.keep) for name in names]
    return 0 if all(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
