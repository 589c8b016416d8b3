"""One process owns the embedded chain; a second one works through it, or hears who has it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    run(folder / "home", "init")
    return folder / "home"


def environment(home, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PROVENANCE_")}
    return {**kept, "PROVENANCE_HOME": str(home), **more}


def run(home, *arguments, status=0):
    """Run one command in a process of its own; return its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "provenance", *arguments, "--json"],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else done.stderr


@pytest.fixture
def process_of(free_port):
    """Return a function that starts a service of a home, and waits until it is ready."""
    started = []

    def start(home, *words):
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "provenance", "serve", "--port", str(port), *words],
            env=environment(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service did not start in time"
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    return process, url
            except httpx.TransportError:
                time.sleep(0.1)

    yield start
    for process in started:
        process.terminate()
        process.wait(30)
        process.stdout.close()
        process.stderr.close()


@pytest.fixture
def service(home, process_of):
    """The URL of a service in a process of its own."""
    return process_of(home)[1]


def test_a_command_works_through_the_service(home, service, tmp_path):
    (tmp_path / "data.csv").write_bytes(os.urandom(16))
    made = run(home, "datasets", "register", str(tmp_path / "data.csv"), "--title", "Through")
    deadline = time.monotonic() + 10
    path = f"{service}/v1/datasets/{made['dataset_id']}"
    while (answer := httpx.get(path)).status_code == 404:
        assert time.monotonic() < deadline, "the service follows what others write"
        time.sleep(0.1)
    assert answer.json()["root"] == made["root"]
    assert run(home, "verify", str(tmp_path / "data.csv"))["verdict"] == "passed"


def test_what_the_service_writes_is_there_for_a_command(home, service, tmp_path):
    token = run(home, "tokens", "add", "founder")["token"]
    (tmp_path / "x").write_bytes(os.urandom(16))
    answer = httpx.post(
        f"{service}/v1/datasets",
        files={"file": ("x", (tmp_path / "x").read_bytes())},
        data={"request": '{"title": "By the service"}'},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    found = run(home, "datasets", "show", str(answer.json()["dataset_id"]))
    assert found["title"] == "By the service"
    checked = run(home, "history", str(answer.json()["dataset_id"]), "--check")
    assert checked["check"]["complete"] is True


def serve(home, port):
    """Start a service that cannot start; return what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "provenance", "serve", "--port", str(port)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "serving" not in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1, said
    return said


def test_a_second_service_hears_who_owns_the_chain(home, service, free_port):
    said = serve(home, free_port())
    assert "owned by process" in said
    assert f"{service}/rpc" in said


def test_a_service_hears_that_its_port_is_taken(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1 port {port}" in serve(home, port)


def kill_chain(home):
    owner = json.loads((home / "chain.owner.json").read_text())["pid"]
    os.kill(owner, signal.SIGKILL)


def test_a_service_without_its_chain_ends_and_the_next_one_goes_on(home, process_of):
    first, url = process_of(home)
    kill_chain(home)
    assert first.wait(30) == 2
    said = first.stderr.read()
    assert said.startswith(f"serving {url} (Ctrl-C ends it)\n")
    assert said.count("error: the process of the embedded chain has ended") == 1, said
    assert "Traceback" not in said
    second, _ = process_of(home, "--json")
    kill_chain(home)
    assert second.wait(30) == 2
    assert json.loads(second.stdout.read())["error"] == "NodeUnavailable"
    _, url = process_of(home)
    assert httpx.get(f"{url}/readyz").status_code == 200


def test_after_the_service_a_command_owns_the_chain_again(home, tmp_path):
    (tmp_path / "y").write_bytes(os.urandom(16))
    made = run(home, "datasets", "register", str(tmp_path / "y"), "--title", "Alone")
    assert made["dataset_id"] > 0
