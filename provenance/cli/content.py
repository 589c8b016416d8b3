"""``provenance hash``: needs no chain and no home."""

import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path

import click

from provenance.cli import output
from provenance.cli.door import FOLDER_OR_FILE, Door, door, words
from provenance.content import manifest as manifests
from provenance.errors import ConflictError, InputError, ReadError


@click.command("hash")
@click.argument("path", type=FOLDER_OR_FILE)
@click.option("--digest", default="sha256", help="sha256, blake3, sm3: one, or several by commas.")
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Leave these out; repeatable.")
@click.option("--private", is_flag=True, help="Salt every entry, so that no file can be guessed.")
@click.option(
    "-o", "--output", "target", type=FOLDER_OR_FILE, help="Write the manifest to this new file."
)
@door
def hash_(
    door: Door, path: Path, digest: str, ignore: tuple[str, ...], private: bool, target: Path | None
) -> None:
    r"""Hash a folder or file into a manifest, and print its root.

    \b
      provenance hash data/
      provenance hash data/ --digest sha256,sm3 -o data.manifest
      provenance hash patients/ --private -o patients.manifest

    With --private, -o FILE also writes FILE.secret: the salts. Keep it: without it nobody, you
    included, can prove that a file belongs to the dataset. Do not publish it.
    """
    if private and target is None:
        raise InputError("expected -o FILE with --private: the salts would be lost")
    started = time.monotonic()
    with output.byte_progress("hashing") as progress:
        made = manifests.build(
            path, algorithms=words(digest), ignore=ignore, private=private, progress=progress
        )
    if target is not None:
        write_new(target, made.document_chunks(), 0o644)
        if private:
            write_new(Path(f"{target}.secret"), made.secret_chunks(), 0o600)
    result = {
        "root": made.root.hex(),
        "manifest_hash": made.manifest_hash.hex(),
        "files": made.count,
        "algorithms": list(made.header.algorithms),
        "private": private,
        "output": str(target) if target else None,
        "secret": f"{target}.secret" if target and private else None,
        "seconds": round(time.monotonic() - started, 3),
    }
    if door.as_json:
        output.print_json(result)
        return
    output.print_fields((name, value) for name, value in result.items() if name != "algorithms")


def write_new(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    """Write a file that does not exist yet, whole or not at all.

    Raises:
        ConflictError: there is such a file.
        ReadError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
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
