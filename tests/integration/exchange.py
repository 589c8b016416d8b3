"""A small exchange for the stories: a service over HTTP, its chain, and the parties of a story.

``open_exchange`` serves a new home on the embedded chain or on Anvil. ``Exchange`` speaks to it as
its clients do, through the API alone; only what has no route yet (admitting and suspending parties)
is done beside it.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import uvicorn

from api.app import create_app
from provenance.chain.keystore import Keystore
from provenance.chain.rpc import HttpNode
from provenance.config import Settings
from provenance.errors import NodeUnavailable
from provenance.ledger import parties, setup
from provenance.ledger.opening import open_ledger
from provenance.ledger.passwords import password_source
from provenance.ledger.tokens import Tokens

ROOT = Path(__file__).resolve().parents[2]


def find_anvil():
    local = ROOT / "contracts" / "node_modules" / ".bin" / "anvil"
    return os.environ.get("ANVIL") or (str(local) if local.exists() else shutil.which("anvil"))


class Exchange:
    """Requests of several parties, by name."""

    def __init__(self, client, ledger, tokens, ids):
        self.client = client
        self.ledger = ledger
        self.ids = ids
        self._tokens = tokens

    def empower(self, name):
        """Give a party a token for everything, holds too."""
        home = self.ledger.settings.home
        self._tokens[name] = Tokens(home).add(name, ["admin"])[0]

    def post(self, name, path, body=None):
        headers = {"Authorization": f"Bearer {self._tokens[name]}"} if name else {}
        return self.client.post(f"/v1/{path}", json=body, headers=headers)

    def get(self, path, **query):
        answer = self.client.get(f"/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def do(self, name, path, body=None):
        """Post, and expect that it is done."""
        answer = self.post(name, path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def refused(self, name, path, body=None, status=403):
        """Post, and expect a refusal of the contracts; return its error and arguments."""
        answer = self.post(name, path, body)
        assert answer.status_code == status, answer.text
        found = answer.json()
        assert found["type"].startswith("urn:dpl:problem:")
        return found["error"], found["arguments"]

    def together(self, calls):
        """Do several things at once, so that they may share a block; return what each gives."""
        with ThreadPoolExecutor(24) as pool:
            return [future.result() for future in [pool.submit(call) for call in calls]]

    def register(self, name, title, **classification):
        body = {"title": title, "classification": classification}
        answer = self.client.post(
            "/v1/datasets",
            files={"file": ("data", f"{title} {time.time_ns()}".encode())},
            data={"request": json.dumps(body)},
            headers={"Authorization": f"Bearer {self._tokens[name]}"},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["dataset_id"]

    def activity(self, name, content=None, **body):
        """Post an activity, with what came out of it if there is content."""
        if content is None:
            return self.post(name, "activities", body)
        return self.client.post(
            "/v1/activities",
            files={"file": ("data", content)},
            data={"request": json.dumps(body)},
            headers={"Authorization": f"Bearer {self._tokens[name]}"},
        )

    def record(self, name, content=None, **body):
        """Record an activity, and expect that it is done."""
        answer = self.activity(name, content, **body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def not_recorded(self, name, content=None, **body):
        """Post an activity, and expect a refusal; return its error and arguments."""
        answer = self.activity(name, content, **body)
        assert answer.status_code in (403, 409, 422, 423, 429, 451), answer.text
        found = answer.json()
        return found["error"], found["arguments"]

    def policy(self, name, **terms):
        return self.do(name, "policies", {"terms": terms})["policy_id"]

    def policies(self, name, several):
        """Store many terms at once; return their ids by the same keys."""
        calls = [lambda terms=terms: self.policy(name, **terms) for terms in several.values()]
        return dict(zip(several, self.together(calls), strict=True))

    def issue(self, name, policy_id, to, **more):
        body = {"policy_id": policy_id, "to": self.ids[to], **more}
        return self.do(name, "grants", body)["grant_id"]

    def not_issued(self, name, policy_id, to, status=403, **more):
        body = {"policy_id": policy_id, "to": self.ids[to], **more}
        return self.refused(name, "grants", body, status)

    def check(self, grant_id, party, **use):
        body = {"grant_id": grant_id, "party": self.ids[party], **use}
        return self.do(None, "rights/check", body)

    def why(self, grant_id, party, **use):
        """Ask in a dry run and for real; both have to refuse; return the real error."""
        asked = self.check(grant_id, party, **use)
        assert asked["verdict"] != "permitted"
        error, arguments = self.refused(
            party, f"grants/{grant_id}/use", use, 451 if "TERRITORY" in asked["code"] else 403
        )
        words = "".join(word.capitalize() for word in asked["code"].split("_"))
        assert words == error
        return error, arguments

    def now(self):
        return int(time.time())

    def wait_until(self, second):
        """Wait until the next block is later than a Unix second."""
        time.sleep(max(0.0, second + 1.5 - time.time()))


@contextmanager
def anvil():
    """Run Anvil; give its URL once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [find_anvil(), "--port", str(port), "--silent", "--hardfork", "cancun"],
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 20
    try:
        with HttpNode(url, retries=0) as node:
            while True:
                try:
                    node.request("eth_chainId", [])
                    break
                except NodeUnavailable:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def fund_admin(settings):
    """Make the key that pays, and give it money on Anvil."""
    setup.load_or_create_password(settings.password_path)
    password = password_source(settings, lambda _: None)
    key = Keystore(settings.home / "keys").create("admin", password("admin"))
    with HttpNode(settings.chain, retries=0) as node:
        node.request("anvil_setBalance", ["0x" + key.address.hex(), hex(10**24)])


@contextmanager
def serving(settings, listening):
    """Serve in a thread of this process; give the application."""
    app = create_app(settings)
    config = uvicorn.Config(app, log_level="warning", lifespan="on", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    deadline = time.monotonic() + 60
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            assert time.monotonic() < deadline, "the service did not start in time"
            time.sleep(0.01)
        yield app
    finally:
        server.should_exit = True
        thread.join(30)


@contextmanager
def open_exchange(folder, backend, roles):
    """Serve a home with parties of these roles.

    Args:
        folder: for the home.
        backend: ``embedded`` or ``anvil``.
        roles: names of roles by name of party; the first party is the home's own.
    """
    with ExitStack() as opened:
        listening = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        more = {"chain": opened.enter_context(anvil())} if backend == "anvil" else {}
        settings = Settings(
            home=folder / "home",
            port=listening.getsockname()[1],
            requests_per_minute=1_000_000,
            **more,
        )
        if more:
            settings.home.mkdir()
            fund_admin(settings)
        first, *others = roles
        made = setup.initialise(settings, name=first, roles=roles[first])
        ids = dict(made.parties)
        with open_ledger(settings) as ledger:
            for name in others:
                added = parties.add(ledger, name, parties.Profile.of_words("CN"), roles[name])
                ids[name] = added.party_id
        tokens = Tokens(settings.home)
        secrets = {name: tokens.add(name)[0] for name in roles}
        app = opened.enter_context(serving(settings, listening))
        url = f"http://127.0.0.1:{settings.port}"
        client = opened.enter_context(httpx.Client(base_url=url, timeout=120))
        yield Exchange(client, app.state.context.ledger, secrets, ids)


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()
