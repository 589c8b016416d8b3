"""Recording: a script says in two lines what it did with data.

    from provenance.recording import recording

    with recording("join", inputs={"a.csv": "1:1", "b.csv": "2:3:7"}, output="ab.csv", title="AB"):
        ...  # read a.csv and b.csv, write ab.csv

What goes in is hashed before, and has to be the version that it is said to be; what comes out is
hashed after, and becomes a version on the ledger. Code, parameters and environment are documents,
whose hashes are recorded. A run that fails is recorded as one without an output, and its error goes
on to the caller.

Promises: nothing is recorded of a run whose inputs are not what they are said to be; an error of
the script is never replaced by one of the recording. Messages of errors may hold anything, so only
the class of an error is recorded. Must never change a file.
"""

import hashlib
import inspect
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import rfc8785

from provenance.config import Settings, load_settings
from provenance.content import manifest as manifests
from provenance.errors import InputError, NotFoundError, ProvenanceError, RootMismatch
from provenance.identifiers import DatasetId
from provenance.index import claims, database, versions
from provenance.ledger import deeds, lineage
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product, Recorded
from provenance.ledger.opening import open_ledger
from provenance.lineage.records import ActivityKind, Input, VersionRef

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

_P = ParamSpec("_P")
_T = TypeVar("_T")

Inputs = Mapping[str | Path, str | None]
"""What a run reads: by path, which version it is (``ID:VERSION`` or ``ID:VERSION:GRANT``); None to
find the version by its content."""

FORMAT = "provenance-run/1"
_GIT_TIMEOUT_S = 10
_MAX_TEXT = 10_000


@dataclass(slots=True)
class Run:
    """A run while it lasts.

    Attributes:
        parameters: what it was run with; may grow until it ends.
        recorded: the activity on the ledger, once it has ended; None if it failed and cannot be
            recorded without an output.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    recorded: Recorded | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is said of runs before they begin.

    Attributes:
        kind: what they do, such as ``join``.
        inputs: what they read.
        output: file or folder that they write; None for none.
        dataset_id: the dataset of which the output is the next version; None for a new one.
        title: name of a new dataset.
        purpose: words of the purposes; with the next four, what grants are judged by.
        industry: sections of GB/T 4754.
        mode: words of the delivery modes.
        country: where it takes place.
        security_grade: security grade of that place.
        signer: name of the key that signs; the first party of the home by default.
        settings: which home; read from the environment by default.
        code: file that holds the code; the script that runs by default.
        clock: returns Unix seconds.
    """

    kind: str
    inputs: Inputs = field(default_factory=dict)
    output: str | Path | None = None
    dataset_id: int | None = None
    title: str | None = None
    purpose: tuple[str, ...] = ()
    industry: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    country: str = "CN"
    security_grade: int = 0
    signer: str | None = None
    settings: Settings | None = None
    code: Path | None = None
    clock: Callable[[], float] = time.time


@contextmanager
def recording(kind: str, **plan: Any) -> Iterator[Run]:
    """Record what is done while the block lasts; see the module, and :class:`Plan`.

    Raises:
        InputError: an input that cannot be read, or words that are unknown.
        RootMismatch: an input is not the version that it is said to be.
        NotFoundError: no version has the content of an input.
        ContractRevert: the contracts refuse it.
    """
    with _recording(Plan(kind, **plan), {}) as run:
        yield run


def recorded(kind: str, **plan: Any) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Return a decorator that records each call of a function; its arguments are the parameters.

    Raises:
        As :func:`recording`, when the function is called.
    """

    def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
        source = inspect.getsourcefile(function)
        made = Plan(kind, **{"code": Path(source) if source else None, **plan})

        @wraps(function)
        def run(*arguments: _P.args, **named: _P.kwargs) -> _T:
            bound = inspect.signature(function).bind(*arguments, **named)
            bound.apply_defaults()
            with _recording(made, dict(bound.arguments)):
                return function(*arguments, **named)

        return run

    return decorate


@contextmanager
def _recording(plan: Plan, parameters: dict[str, Any]) -> Iterator[Run]:
    kind = deeds.kind_of(plan.kind)
    settings = plan.settings or load_settings()
    code = code_document(plan.code or _script())
    roots = {Path(path): manifests.build(Path(path)).root for path in plan.inputs}
    with open_ledger(settings, clock=plan.clock) as ledger:
        inputs = _inputs(ledger, plan.inputs, roots)
    run, started = Run(parameters), int(plan.clock())
    try:
        yield run
    except BaseException as error:
        _record_failure(settings, plan, run, (kind, inputs, code, started), error)
        raise
    with open_ledger(settings, clock=plan.clock) as ledger:
        deed = _deed(ledger, plan, run, code, started, {"outcome": "done"})
        run.recorded = _record(ledger, plan, deed, inputs)


def _record_failure(
    settings: Settings,
    plan: Plan,
    run: Run,
    known: tuple[ActivityKind, list[Input], bytes, int],
    error: BaseException,
) -> None:
    """Record a run without an output; what goes wrong with that is told beside the error."""
    kind, inputs, code, started = known
    if kind is ActivityKind.COLLECT or not inputs:
        return
    outcome = {"outcome": "failed", "error": type(error).__name__}
    try:
        with open_ledger(settings, clock=plan.clock) as ledger:
            deed = _deed(ledger, plan, run, code, started, outcome)
            who = plan.signer or ledger.first_party
            run.recorded = lineage.record(ledger, who, deed, inputs)
    except ProvenanceError as problem:
        error.add_note(f"the failed run was not recorded: {problem}")


def _record(ledger: "Ledger", plan: Plan, deed: Deed, inputs: list[Input]) -> Recorded:
    signer = plan.signer or ledger.first_party
    if plan.output is None:
        return lineage.record(ledger, signer, deed, inputs)
    product = Product(
        manifests.build(Path(plan.output)),
        dataset_id=None if plan.dataset_id is None else DatasetId(plan.dataset_id),
        title=plan.title,
    )
    return lineage.derive(ledger, signer, deed, inputs, product, clock=plan.clock)


def _deed(
    ledger: "Ledger", plan: Plan, run: Run, code: bytes, started: int, outcome: dict[str, str]
) -> Deed:
    """Store the documents of a run, and return what was done."""
    put = ledger.documents.put
    return Deed.of_words(
        plan.kind,
        started_at=started,
        ended_at=max(started, int(plan.clock())),
        code_hash=put(code),
        parameters_hash=put(_document({"parameters": plain(run.parameters)})),
        environment_hash=put(_document({**_environment(), **outcome})),
        purpose=plan.purpose,
        industry=plan.industry,
        mode=plan.mode,
        country=plan.country,
        security_grade=plan.security_grade,
    )


def _inputs(ledger: "Ledger", named: Inputs, roots: Mapping[Path, bytes]) -> list[Input]:
    """Return the versions of inputs, each compared with what was hashed."""
    ledger.sync()
    with database.reading(ledger.engine) as connection:
        found = []
        for path, text in named.items():
            root = roots[Path(path)]
            if text is None:
                claim = claims.first_claim(connection, root)
                if claim is None:
                    raise NotFoundError("version with the content of", str(path))
                found.append(Input(VersionRef(*claim), None))
                continue
            used = deeds.parse_input(text)
            version = versions.get(connection, used.source.dataset_id, used.source.version)
            if version.root != root:
                raise RootMismatch(version.root, root)
            found.append(used)
    return found


def code_document(path: Path) -> bytes:
    """Return the document that says which code ran: the file's digest, and its commit if any.

    Args:
        path: the file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"expected the code in {str(path)!a}: {error.strerror}") from error
    fields: dict[str, Any] = {"name": path.name, "sha256": digest}
    folder = path.resolve().parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is not None:
        changed = _git(folder, "status", "--porcelain", "--", path.name)
        fields["git"] = {"commit": commit, "clean": changed == ""}
    return _document({"code": fields})


def plain(value: Any, depth: int = 8) -> Any:
    """Return a value as JSON holds it: what JSON has no form for becomes its text.

    Numbers that JSON readers round (RFC 8785, section 3.2.2.3) and what lies too deep become text
    too, so that the same parameters always have the same hash.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**53:
        return int(value)
    if isinstance(value, float) and value == value and abs(value) != float("inf"):
        return value
    if isinstance(value, str):
        return value[:_MAX_TEXT].encode("utf-8", "replace").decode()
    if depth and isinstance(value, Mapping):
        return {str(key)[:_MAX_TEXT]: plain(item, depth - 1) for key, item in value.items()}
    if depth and isinstance(value, list | tuple):
        return [plain(item, depth - 1) for item in value]
    return str(value)[:_MAX_TEXT]


def _environment() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.system(),
        "machine": platform.machine(),
    }


def _document(fields: Mapping[str, Any]) -> bytes:
    return rfc8785.dumps({"format": FORMAT, **fields})


def _script() -> Path:
    """Return the file of the script that runs.

    Raises:
        InputError: there is none, as in an interactive session.
    """
    found = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(found, str):
        raise InputError("expected a script, or its file as code, found an interactive session")
    return Path(found)


def _git(folder: Path, *words: str) -> str | None:
    """Return what git says about a folder; None where there is no git or no commit."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
