"""Workers as processes: what they send, how they end."""

import io
import marshal
import os
import signal
import struct
import time

import pytest

from provenance.content import workers as pool
from provenance.content.batch import Batch, BatchReader, BatchSource, Block
from provenance.content.entry import Header
from provenance.content.walk import Folder
from provenance.content.workers import Workers, _Worker, serve
from provenance.errors import ReadError

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


class Ending(BatchReader):
    """A reader in whose process something goes wrong."""

    def __init__(self, how):
        self.how = how

    def measure(self, batch, progress=None):
        self.how()


def run(reader, runs=(("", ["a"]),)):
    with Workers(lambda: reader, 1) as workers:
        return list(workers.blocks(BatchSource(runs)))


def test_a_worker_that_is_ended_is_an_error():
    with pytest.raises(ReadError, match="ended by signal 9"):
        run(Ending(lambda: os.kill(os.getpid(), signal.SIGKILL)))
    with pytest.raises(ReadError, match="ended with code 3"):
        run(Ending(lambda: os._exit(3)))


def test_a_mapped_file_that_shrinks_is_an_error():
    with pytest.raises(ReadError, match="became shorter"):
        run(Ending(lambda: os.kill(os.getpid(), signal.SIGBUS)))


def test_a_file_that_really_shrinks_under_a_map(tmp_path):
    (tmp_path / "f").write_bytes(bytes(1 << 26))
    reader = BatchReader(None, Header.of(["sha256"]), threads=1)
    path = str(tmp_path / "f")

    def shrink(length):
        os.truncate(path, 0)

    with Workers(lambda: reader, 1, shrink) as workers, pytest.raises(ReadError):
        list(workers.blocks(BatchSource([("", [path])])))


def require_gone(pids):
    """They have been killed, and are let go of as soon as they have ended."""
    end = time.monotonic() + 30
    while not pool._killed.isdisjoint(pids):
        assert time.monotonic() < end
        time.sleep(0.01)
        pool._reap()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_workers_of_a_parent_are_not_waited_for(monkeypatch):
    monkeypatch.setattr(pool, "_killed", {1})  # no child of this process
    pool._reap()
    assert pool._killed == set()


def test_leaving_early_ends_the_workers(tmp_path):
    for name in "abc":
        (tmp_path / name).touch()
    with Workers(lambda: Ending(lambda: time.sleep(60)), 2) as workers:
        pids = [worker.pid for worker in workers._workers]
        started = time.monotonic()
    assert time.monotonic() - started < 10
    require_gone(pids)


def test_workers_that_cannot_all_be_started_are_ended(monkeypatch):
    fork, started = os.fork, []

    def refuse_the_second():
        if started:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        started.append(fork())
        return started[0]

    # the system has room for more processes than a test should start
    monkeypatch.setattr(os, "fork", refuse_the_second)
    with pytest.raises(ReadError, match="cannot start a worker process: Resource"):
        Workers(lambda: None, 2).__enter__()
    require_gone(started)


def framed(message):
    data = marshal.dumps(message)
    return struct.pack(">I", len(data)) + data


def messages(data):
    stream = io.BytesIO(data)
    while length := stream.read(4):
        yield marshal.loads(stream.read(struct.unpack(">I", length)[0]))


def test_the_work_of_a_worker(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    requests, results = os.pipe(), os.pipe()
    runs = (("", ["a"]),)
    with Folder(tmp_path) as folder:
        reader = BatchReader(folder, Header())
        os.write(requests[1], framed((0, 0, runs)) + framed((1, 1, (("", ["absent"]),))))
        os.close(requests[1])
        serve(reader, requests[0], results[1], telling=True)
        expected = reader.measure(Batch(0, runs))
    os.close(results[1])
    with open(results[0], "rb") as stream:
        told, block, error = messages(stream.read())
    os.close(requests[0])
    assert told == 3
    assert (block[0], Block(*block[1])) == (0, expected)
    assert error[:1] == (1,)
    assert error[1][0] == "ReadError"


def test_what_a_pipe_does_not_take_waits_and_what_nobody_reads_is_dropped():
    requests, results = os.pipe(), os.pipe()
    os.set_blocking(requests[1], False)
    worker = _Worker(0, requests[1], results[0])
    worker.send(b"x" * (1 << 21))
    assert worker.push()
    os.close(requests[0])
    assert not worker.push()
    for descriptor in (requests[1], *results):
        os.close(descriptor)
