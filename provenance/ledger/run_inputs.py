"""What goes into a run: hashed before it and after it, and found on the ledger.

Promises: an input is a version whose root is that of what was hashed, under the header of that
version; one that changed while the run lasted is named. Must never change a file.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from provenance.content.entry import Header
from provenance.content.measuring import measure
from provenance.content.state import State
from provenance.content.writer import Manifest
from provenance.errors import InputError, NotFoundError, ReadError, RootMismatch
from provenance.identifiers import PartyId
from provenance.index import database, versions
from provenance.ledger import deeds
from provenance.ledger.claims import header_of, recognise, ways_to
from provenance.ledger.opening import Ledger
from provenance.lineage.records import Input

Inputs = Mapping[str | Path, str | None]
"""What a run reads: by path, which version it is (``ID:VERSION`` or ``ID:VERSION:GRANT``); None to
find the version by its content."""


def require_words(named: Inputs) -> None:
    """Raise unless an activity may have so many inputs, and those that are named can be read.

    Raises:
        InputError: there are too many, or one is named by another text.
    """
    if len(named) > deeds.MAX_INPUTS:
        raise InputError(f"expected at most {deeds.MAX_INPUTS} inputs, found {len(named)}")
    for text in named.values():
        if text is not None:
            deeds.parse_input(text)


def folder_now() -> Path:
    """Return the folder that relative paths start from: the work may go on in another one."""
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was deleted; who works there names everything by its whole path
        return Path()


class Files:
    """The files that go into a run, as they are before its work.

    Args:
        paths: the inputs.
        state: file that remembers what was read; it is of one run alone, so that what goes in is
            read at least once.
        base: the folder that relative paths start from.

    Raises:
        InputError: one cannot be read.
    """

    def __init__(self, paths: Iterable[str | Path], state: Path, base: Path) -> None:
        self._state, self._base = state, base
        self._as_hashed: dict[Path, tuple[Header, bytes]] = {}
        for path in paths:
            self.root(path, Header.of())

    def root(self, path: str | Path, header: Header | None = None) -> bytes:
        """Return the root of an input, as it was hashed last or under another header from now on.

        Raises:
            InputError: it cannot be read.
        """
        if header is not None:
            root = self.manifest(path, header).root
            self._as_hashed[Path(path)] = (header, root)
        return self._as_hashed[Path(path)][1]

    def manifest(self, path: str | Path, header: Header) -> Manifest:
        """Return the manifest of an input; what is known and did not change is not read."""
        with State(self._state) as known:
            return measure(self._base / path, header, state=known).manifest

    def require_unchanged(self, output: str | Path | None) -> None:
        """Raise unless inputs are what they were; one that is the output may be overwritten.

        Raises:
            ReadError: one is not; the message names it.
        """
        written = None if output is None else (self._base / output).resolve()
        for path, (header, root) in self._as_hashed.items():
            if (self._base / path).resolve() == written:
                continue
            try:
                found = self.manifest(path, header).root
            except InputError as error:
                raise ReadError(_changed(path)) from error
            if found != root:
                raise ReadError(
                    f"{_changed(path)}: expected root {root.hex()}, found {found.hex()}"
                )


def found_on(
    ledger: Ledger,
    named: Inputs,
    files: Files,
    party_id: PartyId,
    *,
    usable: Callable[[Input], bool],
    clock: Callable[[], float] = time.time,
) -> list[Input]:
    """Return the versions of inputs, each compared with what was hashed.

    Args:
        ledger: the ledger.
        named: the inputs.
        files: what was hashed; under the header of its version from now on.
        party_id: the party that uses them: what is found by content is what it may use, if any.
        usable: says whether it may use a version, if there are several of the same content.
        clock: returns Unix seconds.

    Raises:
        RootMismatch: an input is not the version that it is said to be.
        NotFoundError: no version has the content of an input.
        InputError: the version is private, so that nobody can compare it without its secret.
    """
    ledger.sync()
    found = []
    for path, text in named.items():
        if text is not None:
            found.append(_named(ledger, text, path, files))
            continue
        ways = ways_to(ledger, files.root(path), party_id, int(clock()))
        if not ways and _is_recognised(ledger, path, files):
            ways = ways_to(ledger, files.root(path), party_id, int(clock()))
        if not ways:
            raise NotFoundError("version with the content of", str(path))
        found.append(ways[0] if len(ways) == 1 else next(filter(usable, ways), ways[0]))
    return found


def _is_recognised(ledger: Ledger, path: str | Path, files: Files) -> bool:
    """Return whether a version has the content of an input under another header than usual."""

    def build(algorithms: Iterable[str], ignore: Iterable[str]) -> Manifest:
        return files.manifest(path, Header.of(algorithms, ignore))

    known = recognise(ledger, build, ledger.client.head())
    if known.dataset_id is None:
        return False
    files.root(path, known.computed.header)
    return True


def _named(ledger: Ledger, text: str, path: str | Path, files: Files) -> Input:
    """Return the input that a text names, if its version has the content of the files."""
    used = deeds.parse_input(text)
    with database.reading(ledger.engine) as connection:
        version = versions.get(connection, used.source.dataset_id, used.source.version)
    if version.root == files.root(path):
        return used
    header = header_of(ledger, version.manifest_hash)
    if header is not None and header.private:
        named = f"{used.source.dataset_id}:{used.source.version}"
        raise InputError(f"expected an input that can be compared, found that {named} is private")
    if header is None or version.root != files.root(path, header):
        raise RootMismatch(version.root, files.root(path))
    return used


def _changed(path: Path) -> str:
    return f"the input {str(path)!a} changed while the run lasted"
