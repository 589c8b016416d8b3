"""The batch closer: it goes on whatever fails, and stops when it is told to."""

import threading

from api import closer
from api.closer import BatchCloser
from provenance.errors import NodeUnavailable


def test_a_failing_step_is_tried_again_and_said_once(monkeypatch, caplog):
    monkeypatch.setattr(closer, "LOOK_S", 0.001)
    failures = [NodeUnavailable("no"), RuntimeError("unforeseen"), NodeUnavailable("no")]
    seen, enough = [], threading.Event()

    def advance():
        if failures:
            seen.append(running.failure)
            raise failures.pop()
        seen.append(running.failure)
        enough.set()

    running = BatchCloser(advance)
    with running:
        assert enough.wait(30)
    assert seen[:4] == [None, "NodeUnavailable", "RuntimeError", "NodeUnavailable"]
    assert running.failure is None
    warned = [record for record in caplog.records if "not anchored" in record.message]
    assert len(warned) == 1
