"""Recording: a script says in two lines what it did with data.

    from provenance.recording import recording

    with recording("join", inputs={"a.csv": "1:1", "b.csv": "2:3:7"}, output="ab.csv", title="AB"):
        ...  # read a.csv and b.csv, write ab.csv

What goes in is hashed before, and has to be the version that it is said to be; what comes out is
hashed after, and becomes a version on the ledger. Code, parameters and environment are documents,
whose hashes are recorded. Whether the contracts would record it is asked before, so that no work is
done in vain. A run that fails is recorded as one without an output, and its error goes on to the
caller; so is one whose output is missing, or refused all the same.

Promises: nothing is recorded of a run whose inputs are not what they are said to be, and nothing is
registered of one whose inputs changed while it lasted; an error of the script is never replaced by
one of the recording; what a function has not done yet is never hashed as what it did. Messages of
errors may hold anything, so only the class of an error is recorded. Must never change a file.
"""

import inspect
import tempfile
import time
from asyncio import CancelledError
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
)
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from provenance.config import Settings, load_settings
from provenance.content import manifest as manifests
from provenance.errors import (
    ContractRevert,
    InputError,
    NotFoundError,
    ProvenanceError,
    TransactionFailed,
)
from provenance.identifiers import DatasetId, PartyId
from provenance.ledger import lineage, run_inputs
from provenance.ledger.deeds import Deed
from provenance.ledger.lineage import Product, Recorded
from provenance.ledger.metadata import metadata_document
from provenance.ledger.opening import open_ledger
from provenance.ledger.run_documents import (
    code_document,
    environment_document,
    parameters_document,
    running_script,
    source_of,
)
from provenance.ledger.run_inputs import Inputs
from provenance.lineage.records import ActivityKind, Input

if TYPE_CHECKING:
    from provenance.ledger.opening import Ledger

_P = ParamSpec("_P")
_T = TypeVar("_T")

ABORTS = (KeyboardInterrupt, GeneratorExit, CancelledError)
"""What ends a run from outside; such a run was aborted, any other error is its own."""

CERTAIN = (InputError, NotFoundError, ContractRevert, TransactionFailed)
"""What leaves no doubt that a run that has done its work was not recorded; another error, such as
one of a node that does not answer, may come after the record was sent."""


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


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known of a run when its work begins.

    Attributes:
        settings: which home.
        plan: what is said of it.
        signer: name of the key that signs.
        deed: what it does; its times and documents are known when it has ended.
        code: document of the code.
        inputs: the versions that it reads.
        started: Unix seconds.
    """

    settings: Settings
    plan: Plan
    signer: str
    deed: Deed
    code: bytes
    inputs: list[Input]
    started: int


@contextmanager
def recording(kind: str, **plan: Any) -> Iterator[Run]:
    """Record what is done while the block lasts; see the module, and :class:`Plan`.

    Raises:
        InputError: before the block: an input that cannot be read, too many of them, words that
            are unknown, or no title for a new dataset.
        RootMismatch: before it: an input is not the version that it is said to be.
        NotFoundError: before it: no version has the content of an input.
        KeystoreError: before it: there is no such key, or its password is wrong.
        ContractRevert: before it, the contracts would refuse it; or they do after it.
        ReadError: after it: an input changed while it lasted, or the output was not written.
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
        made = Plan(kind, **{"code": source_of(body), **plan})

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
    deed, base = _planned(plan), run_inputs.folder_now()
    settings = plan.settings or load_settings()
    settings = replace(settings, home=base / settings.home)
    code = code_document(plan.code or running_script())
    run = Run(parameters)
    leaving: SystemExit | None = None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        state = Path(folder) / "state"
        files = run_inputs.Files(plan.inputs, state, base)
        begun = _begin(settings, plan, deed, code, files)
        try:
            try:
                yield run
            except SystemExit as error:
                if not _succeeds(error):
                    raise
                leaving = error
            files.require_unchanged(plan.output)
            product = _product(plan, base)
        except BaseException as error:
            _record_failure(begun, run, error)
            raise
    try:
        _record_done(begun, run, product)
    except CERTAIN as error:
        _record_failure(begun, run, error)
        raise
    if leaving is not None:
        raise leaving


def _planned(plan: Plan) -> Deed:
    """Return what runs do, as far as it is said before, if all that is said can be recorded.

    Raises:
        InputError: it cannot.
    """
    run_inputs.require_words(plan.inputs)
    if plan.output is not None:
        lineage.require_title(plan.dataset_id, plan.title)
        metadata_document(plan.title, {})
    return Deed.of_words(
        plan.kind,
        purpose=plan.purpose,
        industry=plan.industry,
        mode=plan.mode,
        country=plan.country,
        security_grade=plan.security_grade,
        clock=plan.clock,
    )


def _begin(
    settings: Settings, plan: Plan, deed: Deed, code: bytes, files: run_inputs.Files
) -> _Begun:
    """Find the inputs on the ledger, and ask it whether it would record the run."""
    with open_ledger(settings, clock=plan.clock) as ledger:
        signer = plan.signer or ledger.first_party
        ledger.key(signer)
        party_id = _principal(plan)

        def rehearse(inputs: list[Input]) -> None:
            lineage.rehearse(
                *(ledger, signer, deed, inputs),
                derives=plan.output is not None,
                dataset_id=_dataset(plan),
                on_behalf_of=party_id,
            )

        def usable(one: Input) -> bool:
            try:
                rehearse([one])
            except (ContractRevert, NotFoundError):
                return False
            return True

        inputs = run_inputs.found_on(
            *(ledger, plan.inputs, files, party_id or ledger.party_of_signer(signer)),
            usable=usable,
            clock=plan.clock,
        )
        rehearse(inputs)
    return _Begun(settings, plan, signer, deed, code, inputs, int(plan.clock()))


def _succeeds(error: SystemExit) -> bool:
    """Whether a script that leaves so has done its work (``sys.exit``)."""
    return error.code is None or (isinstance(error.code, int) and error.code == 0)


def _product(plan: Plan, base: Path) -> Product | None:
    """Return what came out, if anything was to.

    Raises:
        ReadError: it was not written.
    """
    if plan.output is None:
        return None
    made = manifests.build(base / plan.output)
    return Product(made, dataset_id=_dataset(plan), title=plan.title)


def _record_done(begun: _Begun, run: Run, product: Product | None) -> None:
    """Record a run that has done its work."""
    plan = begun.plan
    with open_ledger(begun.settings, clock=plan.clock) as ledger:
        how = (ledger, begun.signer, _ended(ledger, begun, run, {"outcome": "done"}), begun.inputs)
        if product is None:
            run.recorded = lineage.record(*how, on_behalf_of=_principal(plan))
        else:
            run.recorded = lineage.derive(
                *how, product, on_behalf_of=_principal(plan), clock=plan.clock
            )


def _record_failure(begun: _Begun, run: Run, error: BaseException) -> None:
    """Record a run without an output; what goes wrong with that is told beside the error."""
    if begun.deed.kind is ActivityKind.COLLECT or not begun.inputs:
        return
    word = "aborted" if isinstance(error, ABORTS) else "failed"
    outcome = {"outcome": word, "error": type(error).__name__}
    try:
        with open_ledger(begun.settings, clock=begun.plan.clock) as ledger:
            deed = _ended(ledger, begun, run, outcome)
            run.recorded = lineage.record(
                *(ledger, begun.signer, deed, begun.inputs), on_behalf_of=_principal(begun.plan)
            )
    except Exception as problem:
        # whatever it is, it must not come out in place of the error of the script
        told = str(problem) if isinstance(problem, ProvenanceError) else type(problem).__name__
        with suppress(Exception):
            error.add_note(f"the failed run was not recorded: {told}")


def _principal(plan: Plan) -> PartyId | None:
    return None if plan.on_behalf_of is None else PartyId(plan.on_behalf_of)


def _dataset(plan: Plan) -> DatasetId | None:
    return None if plan.dataset_id is None else DatasetId(plan.dataset_id)


def _ended(ledger: "Ledger", begun: _Begun, run: Run, outcome: dict[str, str]) -> Deed:
    """Store the documents of a run, and return what was done."""
    put = ledger.documents.put
    return replace(
        begun.deed,
        started_at=begun.started,
        ended_at=max(begun.started, int(begun.plan.clock())),
        code_hash=put(begun.code),
        parameters_hash=put(parameters_document(run.parameters)),
        environment_hash=put(environment_document(outcome)),
    )
