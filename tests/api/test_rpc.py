"""POST /rpc: JSON-RPC for this machine alone."""

import asyncio

import httpx
import pytest

from api.routes.rpc import _host_of, _is_loopback, local_url

CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}


def test_a_local_program_is_answered(service):
    answer = service.client.post("/rpc", json=CALL)
    assert answer.status_code == 200
    assert int(answer.json()["result"], 16) == service.ledger.chain_id
    own = service.client.post(
        "/rpc", json=CALL, headers={"Origin": f"http://127.0.0.1:{service.settings.port}"}
    )
    assert own.status_code == 200


def test_a_notification_is_not_answered(service):
    answer = service.client.post("/rpc", json={"jsonrpc": "2.0", "method": "eth_chainId"})
    assert answer.status_code == 204
    assert answer.content == b""


@pytest.mark.parametrize(
    "method", ["eth_accounts", "eth_sendTransaction", "eth_sign", "personal_unlockAccount", "x"]
)
def test_there_are_no_unlocked_accounts(service, method):
    answer = service.client.post("/rpc", json=CALL | {"method": method})
    assert answer.json()["error"]["code"] == -32601


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/rpc"),
        ("localhost", "http://localhost:80/rpc"),
        ("::1", "http://[::1]:80/rpc"),
        ("0.0.0.0", "http://127.0.0.1:80/rpc"),
        ("::", "http://[::1]:80/rpc"),
    ],
)
def test_a_service_on_every_address_is_reached_on_loopback(host, url):
    assert local_url(host, 80) == url
    assert _is_loopback(_host_of(url))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8000"}, 403),
        ({"Host": "[::1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_a_web_page_is_refused(service, headers, status, require_problem):
    answer = service.client.post("/rpc", json=CALL, headers=headers)
    require_problem(answer, status)


def test_a_page_gets_no_leave_to_ask(service, require_problem):
    answer = service.client.options(
        "/rpc",
        headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"},
    )
    require_problem(answer, 405)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_large_body_is_refused(service, require_problem):
    answer = service.client.post("/rpc", content=b" " * (2**20 + 1))
    require_problem(answer, 413, "too-large")


def test_only_loopback_is_local():
    for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"):
        assert _is_loopback(host)
    for host in ("", "10.0.0.1", "0.0.0.0", "testclient", "localhost.evil.example"):
        assert not _is_loopback(host)
    assert _host_of("//[::1]:80") == "::1"


def test_another_machine_is_refused(service, require_problem):
    async def ask():
        transport = httpx.ASGITransport(service.app, client=("192.0.2.7", 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post("/rpc", json=CALL)

    require_problem(asyncio.run(ask()), 403, "not-local")
