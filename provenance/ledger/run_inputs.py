"""What goes into a run: hashed before it and after it, and found on the ledger.

Promises: an input is a version whose root is that of what was hashed; one that changed while the
run lasted is named. Must never change a file.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from provenance.content.entry import Header
from provenance.content.measuring import measure
from provenance.content.state import State
from provenance.errors import InputError, NotFoundError, ReadError, RootMismatch
from provenance.identifiers import PartyId
from provenance.index import database, versions
from provenance.ledger import deeds
from provenance.ledger.claims import ways_to
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


def roots_of(paths: Iterable[str | Path], state: Path, base: Path) -> dict[Path, bytes]:
    """Return the roots of inputs; files that a state knows and that did not change are not read.

    The state is of one run alone, so that what goes in is read at least once.

    Args:
        paths: the inputs.
        state: file of the state.
        base: the folder that relative paths start from.

    Raises:
        InputError: one cannot be read.
    """
    with State(state) as known:
        return {
            Path(path): measure(base / path, Header.of(), state=known).manifest.root
            for path in paths
        }


def require_unchanged(
    roots: Mapping[Path, bytes], state: Path, base: Path, *, output: str | Path | None
) -> None:
    """Raise unless inputs are what they were; what is also the output may have been overwritten.

    Raises:
        ReadError: one is not; the message names it.
    """
    written = None if output is None else (base / output).resolve()
    for path, root in roots.items():
        if (base / path).resolve() == written:
            continue
        try:
            found = roots_of([path], state, base)[path]
        except InputError as error:
            raise ReadError(_changed(path)) from error
        if found != root:
            raise ReadError(f"{_changed(path)}: expected root {root.hex()}, found {found.hex()}")


def found_on(
    ledger: Ledger,
    named: Inputs,
    roots: Mapping[Path, bytes],
    party_id: PartyId,
    *,
    usable: Callable[[Input], bool],
    clock: Callable[[], float] = time.time,
) -> list[Input]:
    """Return the versions of inputs, each compared with what was hashed.

    Args:
        ledger: the ledger.
        named: the inputs.
        roots: what was hashed, by path.
        party_id: the party that uses them: what is found by content is what it may use, if any.
        usable: says whether it may use a version, if there are several of the same content.
        clock: returns Unix seconds.

    Raises:
        RootMismatch: an input is not the version that it is said to be.
        NotFoundError: no version has the content of an input.
    """
    ledger.sync()
    found = []
    for path, text in named.items():
        root = roots[Path(path)]
        if text is not None:
            found.append(_named(ledger, text, root))
            continue
        ways = ways_to(ledger, root, party_id, int(clock()))
        if not ways:
            raise NotFoundError("version with the content of", str(path))
        found.append(ways[0] if len(ways) == 1 else next(filter(usable, ways), ways[0]))
    return found


def _named(ledger: Ledger, text: str, root: bytes) -> Input:
    """Return the input that a text names, if its version has this root."""
    used = deeds.parse_input(text)
    with database.reading(ledger.engine) as connection:
        version = versions.get(connection, used.source.dataset_id, used.source.version)
    if version.root != root:
        raise RootMismatch(version.root, root)
    return used


def _changed(path: Path) -> str:
    return f"the input {str(path)!a} changed while the run lasted"
