"""A script that records what it did: on a real home, with files."""

import asyncio
import contextlib
import functools
import hashlib
import json
import sys
from pathlib import Path

import pytest

from provenance.content import manifest as manifests
from provenance.content.measuring import measure
from provenance.errors import ContractRevert, InputError, NotFoundError, ReadError, RootMismatch
from provenance.ledger import lineage_views
from provenance.ledger.opening import open_ledger
from provenance.ledger.writing import write
from provenance.lineage.records import ActivityId
from provenance.recording import recorded, recording


def shown(settings, clock, activity_id):
    """Return an activity and its three documents."""
    with open_ledger(settings, clock=clock) as ledger:
        found = lineage_views.activity(ledger, ActivityId(activity_id))
        documents = [
            json.loads(ledger.documents.get(bytes.fromhex(found[name])))
            for name in ("code_hash", "parameters_hash", "environment_hash")
        ]
    return found, *documents


def test_a_block_is_recorded_with_what_went_in_and_came_out(place, settings, clock):
    versions, how = place
    with recording(
        "join", inputs={"a": versions["a"], "b": None}, output="ab", title="AB", **how
    ) as run:
        run.parameters["on"] = "key"
        Path("ab").write_text(Path("a").read_text() + Path("b").read_text())
    assert run.recorded.registration.root == manifests.build(Path("ab")).root
    found, code, parameters, environment = shown(settings, clock, run.recorded.activity_id)
    assert [f"{i['dataset_id']}:{i['version']}" for i in found["inputs"]] == [*versions.values()]
    assert found["output"]["dataset_id"] == run.recorded.registration.dataset_id
    assert code["code"]["sha256"] == hashlib.sha256(b"join").hexdigest()
    assert parameters["parameters"] == {"on": "key"}
    assert environment["outcome"] == "done"


def test_a_run_that_fails_is_recorded_as_failed_and_still_fails(place, settings, clock):
    versions, how = place
    with (
        pytest.raises(ZeroDivisionError, match="secret") as found,
        recording("clean", inputs={"a": versions["a"]}, output="ab", title="AB", **how) as run,
    ):
        raise ZeroDivisionError("secret")
    assert not getattr(found.value, "__notes__", [])
    recorded_, _, _, environment = shown(settings, clock, run.recorded.activity_id)
    assert recorded_["output"] is None
    assert (environment["outcome"], environment["error"]) == ("failed", "ZeroDivisionError")
    assert "secret" not in json.dumps(environment)


def test_a_collection_that_fails_is_not_recorded(place):
    _, how = place
    with (
        pytest.raises(ZeroDivisionError),
        recording("collect", output="c", title="C", **how) as run,
    ):
        raise ZeroDivisionError
    assert run.recorded is None


def test_a_collection_needs_no_input(place, settings, clock):
    _, how = place
    with recording("collect", output="c", title="C", **how) as run:
        Path("c").write_text("c")
    assert run.recorded.kind.name == "COLLECT"
    next_ = run.recorded.registration.dataset_id
    with recording("collect", output="c", dataset_id=next_, **how) as run:
        Path("c").write_text("c2")
    assert run.recorded.output.version == 2


def test_a_function_is_recorded_with_its_arguments(place, settings, clock):
    versions, how = place
    how = {name: value for name, value in how.items() if name != "code"}

    @recorded("apply", inputs={"a": versions["a"]}, **how)
    def count(path, *, least=3):
        """Counted."""
        return len(Path(path).read_text()) + least

    assert count("a") == len("content of a") + 3
    assert count.__doc__ == "Counted."
    _, code, parameters, _ = shown(settings, clock, 1)
    assert code["code"]["name"] == "test_recording.py"
    assert code["code"]["sha256"] == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    assert parameters["parameters"] == {"path": "a", "least": 3}


def outcome(settings, clock, activity_id=1):
    """Return what came out, how it ended, and with which parameters."""
    found, _, parameters, environment = shown(settings, clock, activity_id)
    ended = (environment["outcome"], environment.get("error"))
    return found["output"], ended, parameters["parameters"]


def root_of_output(settings, clock, activity_id=1):
    from provenance.index import database, versions

    output, ended, _ = outcome(settings, clock, activity_id)
    assert ended == ("done", None)
    with open_ledger(settings, clock=clock) as ledger, database.reading(ledger.engine) as opened:
        return versions.get(opened, output["dataset_id"], output["version"]).root


class Job:
    async def __call__(self, text):
        await asyncio.sleep(0)
        Path("out").write_text(text)
        return text


async def job(text):
    return await Job()(text)


@pytest.mark.parametrize(
    "function", [job, Job(), functools.partial(job), functools.partial(Job(), text="fresh")]
)
def test_what_a_coroutine_writes_is_hashed_when_it_has_written_it(place, settings, clock, function):
    versions, how = place
    Path("out").write_text("stale")
    run = recorded("clean", inputs={"a": versions["a"]}, output="out", title="O", **how)(function)
    assert asyncio.run(run(text="fresh")) == "fresh"
    assert Path("out").read_text() == "fresh"
    assert root_of_output(settings, clock) == manifests.build(Path("out")).root
    assert outcome(settings, clock)[2] == {"text": "fresh"}


def test_what_a_generator_writes_is_hashed_when_it_has_written_it(place, settings, clock):
    versions, how = place
    Path("out").write_text("stale")

    @recorded("clean", inputs={"a": versions["a"]}, output="out", title="O", **how)
    def parts(count):
        yield from range(count)
        Path("out").write_text("fresh")
        return "end"

    assert list(parts(2)) == [0, 1]
    assert root_of_output(settings, clock) == manifests.build(Path("out")).root
    left = parts(2)
    assert next(left) == 0
    left.close()
    assert outcome(settings, clock, 2) == (None, ("aborted", "GeneratorExit"), {"count": 2})


def test_a_function_whose_end_cannot_be_told_is_refused(place, settings, clock):
    versions, how = place
    record = recorded("clean", inputs={"a": versions["a"]}, output="out", title="O", **how)

    async def endless():
        yield 1

    with pytest.raises(InputError, match="asynchronous generator"):
        record(endless)
    with pytest.raises(InputError, match="asynchronous generator"):
        record(functools.partial(endless))

    @contextlib.contextmanager
    def opened():
        yield 1

    Path("out").write_text("stale")
    jobs = (lambda: job("fresh"), lambda: (n for n in (1, 2)), endless.__call__, opened)
    for number, lazy in enumerate(jobs, start=1):
        with pytest.raises(InputError, match="has done its work when it returns"):
            record(lazy)()
        assert outcome(settings, clock, number)[:2] == (None, ("failed", "InputError"))
    with pytest.raises(InputError, match="has done its work"):
        asyncio.run(waiting(record))
    assert Path("out").read_text() == "stale"


async def waiting(record):
    return record(asyncio.get_running_loop().create_future)()


def test_what_returns_a_file_or_is_no_function_of_python_has_run(place, settings, clock):
    versions, how = place
    how = {name: value for name, value in how.items() if name != "code"}
    record = recorded("apply", inputs={"a": versions["a"]}, **how)

    def opening():
        return Path("a").open()

    with record(opening)() as file:
        assert file.read() == "content of a"
    assert record(functools.partial(opening))().close() is None
    script = Path("script.py")
    script.write_text("pass")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
        assert record(sorted)([2, 1]) == [1, 2]
    _, code, _, _ = shown(settings, clock, 3)
    assert code["code"]["name"] == "script.py"
    assert record(Path)("a") == Path("a")


@pytest.mark.parametrize("code", [None, 0, False])
def test_a_script_that_leaves_with_zero_is_done(place, settings, clock, code):
    versions, how = place
    Path("out").write_text("written")
    with (
        pytest.raises(SystemExit) as found,
        recording("clean", inputs={"a": versions["a"]}, output="out", title="O", **how),
    ):
        sys.exit(code)
    assert found.value.code is code
    assert root_of_output(settings, clock) == manifests.build(Path("out")).root


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (SystemExit(1), "failed"),
        (SystemExit("no such table"), "failed"),
        (SystemExit(0.0), "failed"),
        (KeyboardInterrupt(), "aborted"),
        (asyncio.CancelledError(), "aborted"),
    ],
)
def test_a_run_that_is_stopped_says_so(place, settings, clock, error, ended):
    versions, how = place
    with (
        pytest.raises(type(error)) as found,
        recording("clean", inputs={"a": versions["a"]}, output="out", title="O", **how),
    ):
        raise error
    assert found.value is error
    assert outcome(settings, clock)[:2] == (None, (ended, type(error).__name__))


def append():
    with Path("a").open("a") as file:
        file.write("more")


@pytest.mark.parametrize("change", [append, lambda: Path("a").unlink()])
def test_an_input_that_changes_meanwhile_is_noticed(place, settings, clock, change):
    versions, how = place
    Path("out").write_text("made")
    with (
        pytest.raises(ReadError, match="the input 'a' changed while the run lasted"),
        recording("clean", inputs={"a": versions["a"]}, output="out", title="O", **how) as run,
    ):
        change()
    assert run.recorded.registration is None
    assert outcome(settings, clock)[:2] == (None, ("failed", "ReadError"))


def test_an_input_may_be_overwritten_by_the_output(place, settings, clock):
    versions, how = place
    with recording(
        "clean", inputs={"a": versions["a"], "b": versions["b"]}, output="./a", title="O", **how
    ):
        append()
    assert root_of_output(settings, clock) == manifests.build(Path("a")).root


def test_an_input_that_did_not_change_is_read_once(place, monkeypatch):
    versions, how = place
    seen = []

    def counting(*arguments, **named):
        seen.append(measure(*arguments, **named))
        return seen[-1]

    # a file that was just made is not at rest yet
    monkeypatch.setattr("provenance.content.state.State.rest_ns", lambda _: 2**63)
    monkeypatch.setattr("provenance.ledger.run_inputs.measure", counting)
    with recording("apply", inputs={name: versions[name] for name in ("a", "b")}, **how):
        pass
    assert [found.files_read for found in seen] == [1, 1, 0, 0]


def test_a_delegate_records_for_its_principal(place, settings, clock):
    versions, how = place
    with open_ledger(settings, clock=clock) as ledger:
        founder, bank = (ledger.party_of_signer(name) for name in ("founder", "bank"))
    how |= {"signer": "bank", "on_behalf_of": founder}
    named = {"inputs": {"a": versions["a"]}, "output": "out", "title": "O", **how}
    with pytest.raises(ContractRevert, match="NotDelegate"), recording("clean", **named):
        raise AssertionError("it must not begin")
    until = int(clock()) + 10**6
    with open_ledger(settings, clock=clock) as ledger:
        write(ledger, "founder", "Parties", "delegate", bank, 0, (0, 1 << 11, until))
    with recording("clean", **named) as run:
        Path("out").write_text("made")
    found, *_ = shown(settings, clock, run.recorded.activity_id)
    assert (found["party_id"], found["agent_id"]) == (founder, bank)
    with pytest.raises(ZeroDivisionError), recording("clean", **named) as run:
        raise ZeroDivisionError
    assert run.recorded.party_id == founder


def test_inputs_are_what_they_are_said_to_be(place, settings, clock):
    versions, how = place

    def never(inputs):
        with recording("apply", inputs=inputs, **how):
            raise AssertionError("it must not begin")

    with pytest.raises(RootMismatch):
        never({"a": versions["b"]})
    with pytest.raises(InputError, match="DATASET:VERSION"):
        never({"a": "nonsense"})
    Path("c").write_text("nobody registered this")
    with pytest.raises(NotFoundError, match="content of"):
        never({"c": None})
    with pytest.raises(InputError):
        never({"missing": versions["a"]})


def test_an_interactive_session_has_to_name_its_code(monkeypatch, settings):
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with (
        pytest.raises(InputError, match="interactive"),
        recording("apply", settings=settings),
    ):
        pass


def test_a_script_may_go_on_in_another_folder(place, settings, clock, tmp_path, monkeypatch):
    versions, how = place
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("PROVENANCE_HOME", settings.home.name)
    how = {name: value for name, value in how.items() if name != "settings"}
    with recording("clean", inputs={"a": versions["a"]}, output="c", title="C", **how) as run:
        Path("c").write_text("c")
        monkeypatch.chdir("other")
    assert root_of_output(settings, clock) == manifests.build(tmp_path / "c").root
    assert run.recorded.output.version == 1


def test_a_script_may_run_in_a_folder_that_is_gone(place, settings, clock, tmp_path, monkeypatch):
    versions, how = place
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    inputs = {tmp_path / "a": versions["a"]}
    with recording("clean", inputs=inputs, output=tmp_path / "c", title="C", **how) as run:
        (tmp_path / "c").write_text("c")
    monkeypatch.chdir(tmp_path)
    assert run.recorded.output.version == 1
