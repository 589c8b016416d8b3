"""A real service for the tests of its routes: a new home, its embedded chain, uvicorn on loopback.

One service for all tests of a worker: a block takes a second, a home two. Tests share it, so each
makes the datasets that it looks at, and none counts what others may have made.
"""

import itertools
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.app import create_app
from provenance.config import Settings
from provenance.ledger import parties
from provenance.ledger.opening import open_ledger
from provenance.ledger.setup import initialise
from provenance.ledger.tokens import SCOPES, Tokens

_numbers = itertools.count()


@dataclass
class Service:
    """A running service, and who may write to it."""

    app: object
    settings: Settings
    client: httpx.Client
    tokens: dict[str, str]
    party_ids: dict[str, int]
    made: list[dict] = field(default_factory=list)

    @property
    def ledger(self):
        return self.app.state.context.ledger

    def bearer(self, name="alice"):
        return {"Authorization": f"Bearer {self.tokens[name]}"}

    def get(self, url, /, **query):
        return self.client.get(url, params={k: v for k, v in query.items() if v is not None})

    def post(self, path, body=None, name="alice", **headers):
        sent = {**(self.bearer(name) if name else {}), **headers}
        return self.client.post(path, json=body, headers=sent)

    def upload(self, path, part, content, body, name="alice"):
        return self.client.post(
            path,
            files={part: ("data", content)},
            data={"request": json.dumps(body)},
            headers=self.bearer(name) if name else {},
        )

    def register(self, name="alice", content=None):
        """Register one file of content that nobody else has."""
        content = content or os.urandom(16).hex().encode()
        answer = self.upload("/v1/datasets", "file", content, {"title": "Readings"}, name)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def start_transfer(self, dataset_id, to="bob", name="alice", **body):
        answer = self.post(
            f"/v1/datasets/{dataset_id}/transfers", {"to": self.party_ids[to], **body}, name
        )
        assert answer.status_code == 201, answer.text
        return answer.json()


def free_port() -> socket.socket:
    # Its protocol is named: asyncio turns Nagle's algorithm off only then.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


@contextmanager
def running(settings: Settings, listening: socket.socket) -> Iterator[object]:
    """Serve in a thread of this process until the block ends."""
    app = create_app(settings)
    config = uvicorn.Config(app, log_level="warning", lifespan="on", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < deadline, "the service did not start in time"
            time.sleep(0.01)
        yield app
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def new_service(folder: Path, **changes) -> Iterator[Service]:
    """Set a home up and serve it."""
    data_root = folder / "data"
    data_root.mkdir()
    with free_port() as listening:
        settings = Settings(
            home=folder / "home",
            port=listening.getsockname()[1],
            data_root=data_root,
            max_body_bytes=1 << 18,
            max_upload_bytes=1 << 20,
            requests_per_minute=1_000_000,
        )
        settings = replace(settings, **changes)
        made = initialise(settings, name="alice")
        with open_ledger(settings) as ledger:
            added = parties.add(ledger, "bob", parties.Profile.of_words("DE"))
        tokens = Tokens(settings.home)
        secrets = {name: tokens.add(name)[0] for name in ("alice", "bob")}
        secrets["alice, for all"] = tokens.add("alice", SCOPES)[0]
        secrets["reader"] = tokens.add("alice", ["verify"])[0]
        party_ids = {**made.parties, "bob": added.party_id}
        with (
            running(settings, listening) as app,
            httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=60) as client,
        ):
            yield Service(app, settings, client, secrets, party_ids)


@pytest.fixture(scope="session")
def service(tmp_path_factory) -> Iterator[Service]:
    with new_service(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(scope="session")
def make_service(tmp_path_factory):
    """Return a context manager that serves a home of its own with other settings."""

    def make(**changes):
        return new_service(tmp_path_factory.mktemp("service"), **changes)

    return make


@pytest.fixture(scope="session")
def dataset(service):
    """A dataset of one file, to be read only."""
    return service.register(content=f"shared {next(_numbers)} {time.time_ns()}".encode())


@pytest.fixture
def require_problem():
    """Return a check that an answer is a problem document, and nothing else."""

    def check(answer, status, name=None):
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()
        assert found["status"] == status
        assert found["type"].startswith("urn:dpl:problem:")
        assert found["title"]
        assert found["detail"]
        assert "Traceback" not in answer.text
        if name is not None:
            assert found["type"] == f"urn:dpl:problem:{name}", found
        return found

    return check
