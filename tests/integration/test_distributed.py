"""A real Dask cluster of processes: the same root, also when a worker is killed meanwhile."""

import json
import os
import signal
import sys
from types import SimpleNamespace

import fsspec
import pytest

from provenance.cli import main
from provenance.content import distributed
from provenance.content.distributed import measure
from provenance.content.entry import Header
from provenance.content.manifest import build
from provenance.errors import EmptyDataset, InputError, ReadError, UnsupportedFile


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as made:
        yield made


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    top = tmp_path_factory.mktemp("data")
    for number in range(200):
        path = top / f"{number // 50}" / f"f{number:03}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(os.urandom(number * 100))
    return top


def test_a_folder_has_the_same_root(cluster, data):
    told = []
    header = Header.of(("blake3", "sha256"), ("f00*",))
    found = measure(cluster.scheduler_address, str(data), header, progress=told.append)
    expected = build(data, algorithms=header.algorithms, ignore=header.ignore)
    assert found.manifest == expected
    assert sum(told) == found.bytes_read
    single = data / "3" / "f199"
    assert measure(cluster.scheduler_address, str(single), Header()).manifest == build(single)


def test_the_loss_of_a_worker_changes_nothing(cluster, data, monkeypatch):
    monkeypatch.setattr(distributed, "BATCH_FILES", 2)
    killed = []

    def kill(_):
        # once, by its id, in the middle: a hundred batches are under way or still to come
        if not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    found = measure(cluster.scheduler_address, str(data), Header(), progress=kill)
    assert killed
    assert found.manifest == build(data)


def test_few_batches_are_under_way(cluster, data, monkeypatch):
    monkeypatch.setattr(distributed, "BATCH_FILES", 1)
    submitted, returned, most = 0, 0, 0
    submit = distributed._distributed().Client.submit

    def counting(self, *arguments, **options):
        nonlocal submitted, most
        submitted += 1
        most = max(most, submitted - returned)
        return submit(self, *arguments, **options)

    def count(_):
        nonlocal returned
        returned += 1

    monkeypatch.setattr(distributed._distributed().Client, "submit", counting)
    measure(cluster.scheduler_address, str(data / "0"), Header(), progress=count)
    assert (submitted, returned) == (50, 50)
    assert most <= distributed._AHEAD * 2 + 1


def test_errors_are_the_same_as_of_one_machine(cluster, tmp_path):
    address = cluster.scheduler_address
    with pytest.raises(ReadError, match="cannot read"):
        measure(address, str(tmp_path / "none"), Header())
    with pytest.raises(EmptyDataset):
        measure(address, str(tmp_path), Header())
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(UnsupportedFile):
        measure(address, str(tmp_path), Header())
    with pytest.raises(UnsupportedFile, match="a symbolic link"):
        measure(address, str(tmp_path / "link"), Header())
    (tmp_path / "link").unlink()
    file_gone = distributed.Batch(0, (("", ["gone"]),))
    with pytest.raises(ReadError, match="gone"):
        distributed.measure_files(str(tmp_path), Header(), file_gone, False)
    (tmp_path / "here").write_bytes(b"1")
    single = distributed.Batch(0, (("", [str(tmp_path / "here")]),))
    assert distributed.measure_files("", Header(), single, True)[0].bytes_read == 1


def test_a_file_url_is_a_path(cluster, data):
    found = measure(cluster.scheduler_address, f"file://{data}", Header())
    assert found.manifest == build(data)


def test_what_runs_on_a_worker_for_a_store():
    system = fsspec.filesystem("memory")
    system.pipe_file("/worker/a", b"1")
    system.pipe_file("/worker/b", b"2")
    run = distributed._Run(None, "memory://worker", Header(), lambda _: None)
    tasks = list(distributed._of_url(run))
    (function, (start, items)) = tasks[0]
    assert [path for path, _ in items] == ["a", "b"]
    (block,) = function("memory://worker", Header(), start, items)
    assert (block.files, block.bytes_read) == (2, 2)
    system.rm("/worker", recursive=True)


def test_many_objects_are_several_tasks(monkeypatch):
    system = fsspec.filesystem("memory")
    for number in range(4):
        system.pipe_file(f"/tasks/{number}", b"1")
    monkeypatch.setattr(distributed, "BATCH_FILES", 2)
    run = distributed._Run(None, "memory://tasks", Header(), lambda _: None)
    assert [given[0] for _, given in distributed._of_url(run)] == [0, 2]
    system.rm("/tasks", recursive=True)


class Failing:
    """What a cluster returns that fails."""

    def __init__(self, error):
        self.error = error

    def result(self):
        raise self.error


def test_failures_of_the_cluster_are_errors_of_ours():
    import distributed as dask

    for error, said in (
        (dask.KilledWorker("task", SimpleNamespace(address="tcp://x:1"), 3), "lost its workers"),
        (ModuleNotFoundError("provenance"), "workers that have provenance-ledger"),
        (dask.CancelledError("gone"), "broke off"),
        (TimeoutError("late"), "broke off"),
    ):
        with pytest.raises(ReadError, match=said):
            distributed._Run._result(Failing(error))


def test_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"provenance-ledger\[dask\]"):
        measure("tcp://127.0.0.1:9", str(tmp_path), Header())


def test_the_command_takes_a_cluster(cluster, data, capsys):
    address = cluster.scheduler_address
    assert main.run(["hash", str(data), "--dask", address, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["root"] == build(data).root.hex()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "http://127.0.0.1:1", "tcp://a b:1", "tcp://x"])
def test_addresses_that_are_none(address, tmp_path):
    with pytest.raises(InputError, match="tcp://host:port"):
        measure(address, str(tmp_path), Header())


def test_nobody_listens(tmp_path):
    with pytest.raises(ReadError, match="cannot reach"):
        measure("tcp://127.0.0.1:9", str(tmp_path), Header(), connect_s=0.2)


def test_a_cluster_without_workers(tmp_path):
    from distributed import LocalCluster

    with (
        LocalCluster(
            n_workers=0, processes=False, protocol="tcp://", dashboard_address=":0"
        ) as empty,
        pytest.raises(ReadError, match="expected a worker"),
    ):
        measure(empty.scheduler_address, str(tmp_path), Header(), connect_s=0.2)
