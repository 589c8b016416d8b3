"""``provenance hash``: needs no chain and no home."""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli import measuring, output
from provenance.cli.door import FOLDER_OR_FILE, Door, door, words
from provenance.cli.measuring import TARGET, Target, reading_options, require_path
from provenance.content.entry import Header
from provenance.errors import ConflictError, InputError, ReadError

if TYPE_CHECKING:
    from provenance.content.declared import Declaration
    from provenance.content.manifest import Manifest, Measurement

_EXPORTS = ("sha256sum", "b3sum", "in-toto", "model-signing")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for besides the reading."""

    full: bool
    dask: str | None
    target: Path | None
    export: str | None


@click.command("hash")
@click.argument("path", type=TARGET, required=False)
@click.option("--digest", default="sha256", help="sha256, blake3, sm3: one, or several by commas.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave these out; repeatable.")
@click.option("--private", is_flag=True, help="Salt every entry, so that no file can be guessed.")
@click.option(
    "-o", "--output", "target", type=FOLDER_OR_FILE, help="Write the manifest to this new file."
)
@click.option("--declared", type=FOLDER_OR_FILE, help="Digests that others computed.")
@click.option("--kind", help="Kind of --declared, if it is not what it looks like: b3sum, say.")
@click.option("--export", type=click.Choice(_EXPORTS), help="Print it as another tool takes it.")
@reading_options
@door
def hash_(
    door: Door,
    path: Target | None,
    digest: str,
    ignore: tuple[str, ...],
    private: bool,
    declared: Path | None,
    kind: str | None,
    **wanted: Any,
) -> None:
    r"""Hash a folder, file or URL into a manifest, and print its root.

    \b
      provenance hash data/
      provenance hash data/ --digest sha256,sm3 -o data.manifest
      provenance hash s3://bucket/prefix/
      provenance hash data/ --export sha256sum
      provenance hash --declared SHA256SUMS -o data.declared
      provenance hash data/ --declared data.declared
      provenance hash patients/ --private -o patients.manifest

    A file that did not change since this user hashed it is not read again; --full reads it.

    --declared takes SHA256SUMS, Croissant, a DVC .dir, git-lfs pointers or a model-signing
    manifest. Alone it makes a manifest that is marked as declared; with PATH every file is read
    and compared, and the manifest is of what was measured.

    With --private, -o FILE also writes FILE.secret: the salts. Keep it: without it nobody, you
    included, can prove that a file belongs to the dataset. Do not publish it.
    """
    asked = _Wanted(**wanted)
    if kind is not None and declared is None:
        raise click.UsageError("--kind needs --declared")
    if private and asked.target is None:
        raise InputError("expected -o FILE with --private: the salts would be lost")
    if door.as_json and asked.export is not None:
        raise click.UsageError("--export prints a document of its own: leave out --json")
    header = Header.of(words(digest), ignore, private)
    if path is None:
        _declare(door, declared, kind, asked)
        return
    started = time.monotonic()
    found = _measured(path, header, declared, kind, asked)
    _finish(door, path, found, asked, time.monotonic() - started)


def _measured(
    path: Target, header: Header, declared: Path | None, kind: str | None, asked: _Wanted
) -> "Measurement":
    if declared is None:
        return measuring.measured(path, header, full=asked.full, dask=asked.dask)
    from provenance.content.declared import confirm

    declaration = _declaration(declared, kind)
    with output.byte_progress("hashing") as progress:
        return confirm(declaration, require_path(path), header, progress=progress)


def _declare(door: Door, declared: Path | None, kind: str | None, asked: _Wanted) -> None:
    """Write and report a declaration, of which nothing was read."""
    from provenance.content import declared_files

    if declared is None:
        raise click.UsageError("Missing argument 'PATH', or --declared FILE")
    if asked.export is not None:
        raise InputError("expected PATH with --export: what is only declared is not passed on")
    declaration = _declaration(declared, kind)
    if asked.target is not None:
        write_new(asked.target, declared_files.lines(declaration), 0o644)
    result = {
        "declared": True,
        "source": declaration.source,
        "files": len(declaration.files),
        "algorithms": sorted({name for file in declaration.files for name in file.digests}),
        "output": str(asked.target) if asked.target else None,
    }
    if door.as_json:
        output.print_json(result)
        return
    output.print_fields((name, value) for name, value in result.items() if name != "algorithms")
    output.note("Declared, not measured: nothing was read. Name PATH to read and compare it.")


def _declaration(path: Path, kind: str | None) -> "Declaration":
    from provenance.content import declared_files

    return declared_files.read(path, kind)


def _finish(door: Door, path: Target, found: "Measurement", asked: _Wanted, seconds: float) -> None:
    """Write what was asked for, and report."""
    made, target = found.manifest, asked.target
    private = made.header.private
    if target is not None:
        write_new(target, made.document_chunks(), 0o644)
        if private:
            write_new(Path(f"{target}.secret"), made.secret_chunks(), 0o600)
    if asked.export is not None:
        output.print_document(_exported(made, asked.export, path))
        return
    result = {
        "root": made.root.hex(),
        "manifest_hash": made.manifest_hash.hex(),
        "files": made.count,
        "algorithms": list(made.header.algorithms),
        "private": private,
        "output": str(target) if target else None,
        "secret": f"{target}.secret" if target and private else None,
        "seconds": round(seconds, 3),
        "declared": False,
    }
    counts = measuring.report(found)
    if door.as_json:
        output.print_json({**result, **counts})
        return
    hidden = ("algorithms", "declared")
    output.print_fields((name, value) for name, value in result.items() if name not in hidden)
    output.print_fields(measuring.report_fields(counts))


def _exported(made: "Manifest", kind: str, path: Target) -> Iterator[str]:
    """Yield a manifest in the form of another tool."""
    import json

    from provenance.content import exports
    from provenance.content.measuring import names_on_disk
    from provenance.content.stores import local_path, object_name

    local = path if isinstance(path, Path) else local_path(path)
    name = object_name(str(path)) if local is None else os.path.basename(os.path.abspath(local))
    folder = local is not None and os.path.isdir(local)
    names = names_on_disk(local, made.header) if local is not None and folder else None
    if kind in ("sha256sum", "b3sum"):
        yield from exports.sum_lines(made, "blake3" if kind == "b3sum" else "sha256", name, names)
        return
    if kind == "in-toto":
        statement = exports.in_toto_statement(made, name, names)
    else:
        algorithm = "sha256" if "sha256" in made.header.algorithms else "blake3"
        statement = exports.model_signing_statement(made, name, algorithm, name, names)
    yield json.dumps(statement, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_new(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    """Write a file that does not exist yet, whole or not at all.

    Raises:
        ConflictError: there is such a file.
        ReadError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise ConflictError(f"expected a new file, found {str(path)!a}") from None
    except OSError as error:
        raise ReadError(f"cannot write {str(path)!a}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
