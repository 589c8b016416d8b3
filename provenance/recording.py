"""Recording: a script says in two lines what it did with data.

    from provenance.recording import recording

    with recording("join", inputs={"a.csv": "1:1", "b.csv": "2:3:7"}, output="ab.csv", title="AB"):
        ...  # read a.csv and b.csv, write ab.csv

What goes in is hashed before, and has to be the version that it is said to be; what comes out is
hashed after, and becomes a version on the ledger. Code, parameters and environment are documents,
whose hashes are recorded. A run that fails is recorded as one without an output, and its error goes
on to the caller.

Promises: nothing is recorded of a run whose inputs are not what they are said to be, and nothing is
registered of one whose inputs changed while it lasted; an error of the script is never replaced by
one of the recording; what a function has not done yet is never hashed as what it did. Messages of
errors may hold anything, so only the class of an error is recorded. Must never change a file.
"""

import inspect
import sys
import tempfile
import time
from asyncio import CancelledError
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from provenance.config import Settings, load_settings
from provenance.content import manifest as manifests
from provenance.content.entry import Header
from provenance.content.measuring import measure
from provenance.content.state import State
from provenance.errors import (
    InputError,
    NotFoundError,
    ProvenanceError,
    ReadError,
    RootMismatch,
)
from provenance.identifiers import DatasetId, PartyId
from provenance.index import claims, database, versions
from provenance.ledger import deeds, lineage
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product, Recorded
from provenance.ledger.opening import open_ledger
from provenance.ledger.run_documents import (
    code_document,
    environment_document,
    parameters_document,
)
from provenance.lineage.records import ActivityKind, Input, VersionRef

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

_P = ParamSpec("_P")
_T = TypeVar("_T")

Inputs = Mapping[str | Path, str | None]
"""What a run reads: by path, which version it is (``ID:VERSION`` or ``ID:VERSION:GRANT``); None to
find the version by its content."""

ABORTS = (KeyboardInterrupt, GeneratorExit, CancelledError)
"""What ends a run from outside; such a run was aborted, any other error is its own."""


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
        on_behalf_of: the party that answers for it, if the signer's party is its delegate.
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
    on_behalf_of: int | None = None
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
        ReadError: an input changed while the block lasted.
        ContractRevert: the contracts refuse it.
    """
    with _recording(Plan(kind, **plan), {}) as run:
        yield run


def recorded(kind: str, **plan: Any) -> Callable[[Callable[_P, _T]], Callable[_P, _T]]:
    """Return a decorator that records each call of a function; its arguments are the parameters.

    What a coroutine function does is recorded while it is awaited, what a generator function does
    while it is exhausted; a generator that is left before its end was aborted.

    Raises:
        InputError: an asynchronous generator, whose end nobody can tell; when the function is
            called, one that returns what is still to be awaited or exhausted.
        As :func:`recording`, when the function is called.
    """

    def decorate(function: Callable[_P, _T]) -> Callable[_P, _T]:
        body = _body(function)
        if inspect.isasyncgenfunction(body):
            raise InputError(
                "expected a function whose end can be told, found an asynchronous generator;"
                " use recording() in it"
            )
        made = Plan(kind, **{"code": _source(body), **plan})

        def begin(*arguments: _P.args, **named: _P.kwargs) -> AbstractContextManager[Run]:
            bound = inspect.signature(function).bind(*arguments, **named)
            bound.apply_defaults()
            return _recording(made, dict(bound.arguments))

        @wraps(function)
        async def awaited(*arguments: _P.args, **named: _P.kwargs) -> Any:
            with begin(*arguments, **named):
                return await cast(Awaitable[Any], function(*arguments, **named))

        @wraps(function)
        def exhausted(*arguments: _P.args, **named: _P.kwargs) -> Any:
            with begin(*arguments, **named):
                return (yield from cast(Generator[Any, Any, Any], function(*arguments, **named)))

        @wraps(function)
        def run(*arguments: _P.args, **named: _P.kwargs) -> _T:
            with begin(*arguments, **named):
                return _required_done(body, function(*arguments, **named))

        if inspect.iscoroutinefunction(body):
            return cast(Callable[_P, _T], awaited)
        return cast(Callable[_P, _T], exhausted if inspect.isgeneratorfunction(body) else run)

    return decorate


def _body(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what runs when this is called: behind partial objects, the method of an object."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return type(function).__call__


def _source(body: Callable[..., Any]) -> Path | None:
    """Return the file that a function is written in; None if no Python file is."""
    try:
        source = inspect.getsourcefile(inspect.unwrap(body))
    except TypeError:
        return None
    return Path(source) if source else None


def _required_done(body: Callable[..., Any], result: _T) -> _T:
    """Return what a function returned, if the function has run by then.

    Raises:
        InputError: it is still to be awaited, exhausted or entered.
    """
    waits = isinstance(result, Awaitable | AsyncIterator | Generator)
    # a function made by contextlib does nothing before what it returns is entered
    opens = isinstance(result, AbstractContextManager)
    if not waits and not (opens and inspect.isgeneratorfunction(inspect.unwrap(body))):
        return result
    if inspect.iscoroutine(result) or inspect.isgenerator(result):
        result.close()
    raise InputError(
        "expected a function that has done its work when it returns,"
        f" found one that returns {type(result).__name__}; use recording() in it"
    )


@contextmanager
def _recording(plan: Plan, parameters: dict[str, Any]) -> Iterator[Run]:
    kind = deeds.kind_of(plan.kind)
    settings = plan.settings or load_settings()
    code = code_document(plan.code or _script())
    leaving: SystemExit | None = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state = Path(folder) / "state"
        roots = _roots(plan.inputs, state)
        with open_ledger(settings, clock=plan.clock) as ledger:
            inputs = _inputs(ledger, plan.inputs, roots)
        run, started = Run(parameters), int(plan.clock())
        try:
            try:
                yield run
            except SystemExit as error:
                if not _succeeds(error):
                    raise
                leaving = error
            _require_unchanged(plan, roots, state)
        except BaseException as error:
            _record_failure(settings, plan, run, (kind, inputs, code, started), error)
            raise
    with open_ledger(settings, clock=plan.clock) as ledger:
        deed = _deed(ledger, plan, run, code, started, {"outcome": "done"})
        run.recorded = _record(ledger, plan, deed, inputs)
    if leaving is not None:
        raise leaving


def _roots(paths: Iterable[str | Path], state: Path) -> dict[Path, bytes]:
    """Return the roots of inputs; files that a state knows and that did not change are not read.

    The state is of one run alone, so that what goes in is read at least once.
    """
    with State(state) as known:
        return {Path(path): measure(path, Header.of(), state=known).manifest.root for path in paths}


def _require_unchanged(plan: Plan, roots: Mapping[Path, bytes], state: Path) -> None:
    """Raise unless inputs are what they were; what is also the output may have been overwritten.

    Raises:
        ReadError: one is not; the message names it.
    """
    output = None if plan.output is None else Path(plan.output).resolve()
    for path, root in roots.items():
        if path.resolve() == output:
            continue
        try:
            found = _roots([path], state)[path]
        except InputError as error:
            raise ReadError(_changed(path)) from error
        if found != root:
            raise ReadError(f"{_changed(path)}: expected root {root.hex()}, found {found.hex()}")


def _changed(path: Path) -> str:
    return f"the input {str(path)!a} changed while the run lasted"


def _succeeds(error: SystemExit) -> bool:
    """Whether a script that leaves so has done its work (``sys.exit``)."""
    return error.code is None or (isinstance(error.code, int) and error.code == 0)


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
    word = "aborted" if isinstance(error, ABORTS) else "failed"
    outcome = {"outcome": word, "error": type(error).__name__}
    try:
        with open_ledger(settings, clock=plan.clock) as ledger:
            deed = _deed(ledger, plan, run, code, started, outcome)
            who = plan.signer or ledger.first_party
            run.recorded = lineage.record(ledger, who, deed, inputs, on_behalf_of=_party(plan))
    except ProvenanceError as problem:
        error.add_note(f"the failed run was not recorded: {problem}")


def _record(ledger: "Ledger", plan: Plan, deed: Deed, inputs: list[Input]) -> Recorded:
    signer = plan.signer or ledger.first_party
    if plan.output is None:
        return lineage.record(ledger, signer, deed, inputs, on_behalf_of=_party(plan))
    product = Product(
        manifests.build(Path(plan.output)),
        dataset_id=None if plan.dataset_id is None else DatasetId(plan.dataset_id),
        title=plan.title,
    )
    return lineage.derive(
        *(ledger, signer, deed, inputs, product),
        on_behalf_of=_party(plan),
        clock=plan.clock,
    )


def _party(plan: Plan) -> PartyId | None:
    return None if plan.on_behalf_of is None else PartyId(plan.on_behalf_of)


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
        parameters_hash=put(parameters_document(run.parameters)),
        environment_hash=put(environment_document(outcome)),
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


def _script() -> Path:
    """Return the file of the script that runs.

    Raises:
        InputError: there is none, as in an interactive session.
    """
    found = getattr(sys.modules.get("__main__"), "__file__", None)
    if not isinstance(found, str):
        raise InputError("expected a script, or its file as code, found an interactive session")
    return Path(found)
