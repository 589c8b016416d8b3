"""A script that records what it did: on a real home, with files."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.content import manifest as manifests
from provenance.errors import InputError, NotFoundError, RootMismatch
from provenance.ledger import datasets, lineage_views
from provenance.ledger.opening import open_ledger
from provenance.lineage.records import ActivityId
from provenance.recording import code_document, plain, recorded, recording


@pytest.fixture
def place(settings, clock, tmp_path, monkeypatch):
    """Two registered files in the working folder, and how to record there."""
    monkeypatch.chdir(tmp_path)
    versions = {}
    with open_ledger(settings, clock=clock) as ledger:
        for name in ("a", "b"):
            Path(name).write_text(f"content of {name}")
            made = manifests.build(Path(name))
            found = datasets.register(ledger, "founder", made, name)
            versions[name] = f"{found.dataset_id}:{found.version}"
    code = tmp_path / "job.py"
    code.write_text("join")
    return versions, {"settings": settings, "clock": clock, "code": code}


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
        recording("apply", inputs={"a": versions["a"]}, output="ab", title="AB", **how) as run,
    ):
        raise ZeroDivisionError("secret")
    assert not getattr(found.value, "__notes__", [])
    recorded_, _, _, environment = shown(settings, clock, run.recorded.activity_id)
    assert recorded_["output"] is None
    assert (environment["outcome"], environment["error"]) == ("failed", "ZeroDivisionError")
    assert "secret" not in json.dumps(environment)


def test_a_failure_that_cannot_be_recorded_does_not_hide_the_error(place, settings, clock):
    versions, how = place
    with (
        pytest.raises(ZeroDivisionError) as found,
        recording("apply", inputs={"a": f"{versions['a']}:77"}, **how),
    ):
        raise ZeroDivisionError
    assert "not recorded" in found.value.__notes__[0]
    with pytest.raises(ZeroDivisionError), recording("collect", output="c", **how) as run:
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


def test_code_has_its_commit_where_there_is_one(tmp_path):
    code = tmp_path / "job.py"
    code.write_text("one")
    assert "git" not in json.loads(code_document(code))["code"]
    with pytest.raises(InputError, match="expected the code"):
        code_document(tmp_path / "missing.py")
    for words in (["init", "-q"], ["add", "job.py"], ["commit", "-q", "-m", "One"]):
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True)
    found = json.loads(code_document(code))["code"]["git"]
    assert len(found["commit"]) == 40
    assert found["clean"] is True
    code.write_text("two")
    assert json.loads(code_document(code))["code"]["git"]["clean"] is False


def test_where_git_is_missing_the_file_alone_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    (tmp_path / "job.py").write_text("one")
    assert list(json.loads(code_document(tmp_path / "job.py"))["code"]) == ["name", "sha256"]


def test_an_interactive_session_has_to_name_its_code(monkeypatch, settings):
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    with (
        pytest.raises(InputError, match="interactive"),
        recording("apply", settings=settings),
    ):
        pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (2**60, str(2**60)),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        ("x" * 20_000, "x" * 10_000),
        ("\ud800", "?"),
        ({1: [Path("p")]}, {"1": ["p"]}),
        ([[[[[[[[[[1]]]]]]]]]], [[[[[[[["[[1]]"]]]]]]]]),
    ],
)
def test_parameters_are_json_whatever_they_are(value, expected):
    assert plain(value) == expected
