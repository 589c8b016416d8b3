"""What cannot be recorded: refused before the work begins where that can be known, told after."""

import json
import sys
from pathlib import Path

import pytest

from provenance.errors import (
    ContractRevert,
    InputError,
    KeystoreError,
    NodeUnavailable,
    NotFoundError,
    ReadError,
)
from provenance.identifiers import DatasetId
from provenance.ledger import datasets, lineage, lineage_views
from provenance.ledger.opening import open_ledger
from provenance.lineage.records import ActivityId
from provenance.recording import recorded, recording


def count(settings, clock):
    with open_ledger(settings, clock=clock) as ledger:
        return ledger.call("Lineage", "count")[0]


def ended(settings, clock, activity_id=1):
    """Return what came out of an activity, how it ended, and with which parameters."""
    with open_ledger(settings, clock=clock) as ledger:
        found = lineage_views.activity(ledger, ActivityId(activity_id))
        parameters, environment = (
            json.loads(ledger.documents.get(bytes.fromhex(found[name])))
            for name in ("parameters_hash", "environment_hash")
        )
    how = environment["outcome"], environment.get("error")
    return found["output"], how, parameters["parameters"]


def withdraw(settings, clock, reference):
    dataset_id, version = map(int, reference.split(":"))
    with open_ledger(settings, clock=clock) as ledger:
        datasets.withdraw_version(ledger, "founder", DatasetId(dataset_id), version, b"wrong")


@pytest.mark.parametrize(
    ("plan", "error", "words"),
    [
        ({"title": None}, InputError, "expected a title"),
        ({"title": "\x07"}, InputError, "control characters"),
        ({"title": " ", "dataset_id": 1}, InputError, "none to see"),
        ({"inputs": {f"{n}.csv": None for n in range(17)}}, InputError, "at most 16 inputs"),
        ({"inputs": {"a": None, "missing": "nonsense"}}, InputError, "DATASET:VERSION"),
        ({"inputs": {"a": "1:2"}}, NotFoundError, "version"),
        ({"inputs": {"a": "1:1:77"}}, ContractRevert, "InputNotCovered"),
        ({"inputs": {"a": None, "./a": "1:1"}}, ContractRevert, "InvalidField"),
        ({"inputs": {}}, ContractRevert, "InvalidField"),
        ({"country": "XX1"}, InputError, "country"),
        ({"purpose": ("nonsense",)}, InputError, "purpose"),
        ({"kind": "zap"}, InputError, "expected one of"),
        ({"kind": "apply"}, ContractRevert, "InvalidField"),
        ({"kind": "collect", "inputs": {}, "output": None}, ContractRevert, "InvalidField"),
        ({"dataset_id": 99}, NotFoundError, "dataset 99"),
        ({"signer": "bank"}, ContractRevert, "InputNotCovered"),
        ({"signer": "bank", "inputs": {"a": "1:1"}}, ContractRevert, "InputNotCovered"),
        ({"signer": "admin"}, NotFoundError, "party of the key admin"),
        ({"signer": "nobody"}, KeystoreError, "nobody"),
        ({"on_behalf_of": 4}, ContractRevert, "NotDelegate"),
    ],
)
def test_what_can_be_known_is_refused_before_the_work(place, settings, clock, plan, error, words):
    _, how = place
    how = {"kind": "clean", "inputs": {"a": None}, "output": "out", "title": "O", **how, **plan}
    began = []

    def work():
        began.append(True)

    with pytest.raises(error, match=words), recording(**how):
        work()
    with pytest.raises(error, match=words):
        recorded(**how)(work)()
    assert not began
    assert count(settings, clock) == 0


def test_a_key_without_its_password_is_refused_before_the_work(place, monkeypatch):
    _, how = place
    monkeypatch.setenv("PROVENANCE_PASSWORD", "wrong")
    with pytest.raises(KeystoreError), recording("clean", inputs={"a": None}, **how):
        raise AssertionError("it must not begin")


@pytest.mark.parametrize("leave", [lambda: None, lambda: sys.exit(0)])
def test_a_run_whose_output_is_missing_has_failed(place, settings, clock, leave):
    versions, how = place
    with (
        pytest.raises(ReadError, match="out"),
        recording("clean", inputs={"a": versions["a"]}, output="out", title="O", **how) as run,
    ):
        leave()
    assert run.recorded.activity_id == 1
    assert ended(settings, clock)[:2] == (None, ("failed", "ReadError"))


def test_a_run_that_the_ledger_refuses_after_all_has_failed(place, settings, clock):
    versions, how = place

    @recorded("clean", inputs={"a": versions["a"]}, output="out", dataset_id=2, **how)
    def work():
        Path("out").write_text("made")
        with open_ledger(settings, clock=clock) as ledger:
            datasets.deregister(ledger, "founder", DatasetId(2), b"wrong")

    with pytest.raises(ContractRevert, match="BadStatus"):
        work()
    assert ended(settings, clock)[:2] == (None, ("failed", "ContractRevert"))


def test_a_failure_that_cannot_be_recorded_does_not_hide_the_error(place, settings, clock):
    versions, how = place

    @recorded("clean", inputs={"a": versions["a"]}, output="out", title="O", **how)
    def work():
        withdraw(settings, clock, versions["a"])
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as found:
        work()
    assert "not recorded: InputWithdrawn" in found.value.__notes__[0]
    assert count(settings, clock) == 0


def test_what_is_refused_in_between_is_told_beside_the_refusal(place, settings, clock):
    versions, how = place

    @recorded("clean", inputs={"a": versions["a"]}, output="out", title="O", **how)
    def work():
        Path("out").write_text("made")
        withdraw(settings, clock, versions["a"])

    with pytest.raises(ContractRevert, match="InputWithdrawn") as found:
        work()
    assert "not recorded: InputWithdrawn" in found.value.__notes__[0]
    assert count(settings, clock) == 0


def test_what_may_have_been_recorded_is_not_recorded_again(place, settings, clock, monkeypatch):
    versions, how = place

    def unanswered(*_, **__):
        raise NodeUnavailable("not mined yet; it stays in the outbox")

    monkeypatch.setattr(lineage, "derive", unanswered)
    with (
        pytest.raises(NodeUnavailable),
        recording("clean", inputs={"a": versions["a"]}, output="out", title="O", **how),
    ):
        Path("out").write_text("made")
    assert count(settings, clock) == 0


class Silent:
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def test_a_parameter_without_a_text_does_not_hide_the_error(place, settings, clock):
    versions, how = place

    @recorded("clean", inputs={"a": versions["a"]}, output="out", title="O", **how)
    def work(with_, *, fails):
        Path("out").write_text("made")
        if fails:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as found:
        work(Silent(), fails=True)
    assert not hasattr(found.value, "__notes__")
    expected = {"with_": "Silent", "fails": True}
    assert ended(settings, clock) == (None, ("failed", "KeyError"), expected)
    work([Silent()], fails=False)
    assert ended(settings, clock, 2)[1:] == (("done", None), {"with_": ["Silent"], "fails": False})


class Unnoted(Exception):
    def add_note(self, note):
        raise TypeError("no notes")


@pytest.mark.parametrize("error", [KeyError("mine"), Unnoted("mine")])
def test_no_error_of_the_recording_hides_that_of_the_script(place, monkeypatch, error):
    versions, how = place

    def broken(*_, **__):
        raise RuntimeError("secret")

    monkeypatch.setattr(lineage, "record", broken)
    with (
        pytest.raises(type(error)) as found,
        recording("clean", inputs={"a": versions["a"]}, **how),
    ):
        raise error
    assert found.value is error
    if isinstance(error, KeyError):
        assert error.__notes__ == ["the failed run was not recorded: RuntimeError"]
