import json

import pytest

from provenance.chain.embedded_rpc import METHODS
from provenance.chain.rpc_server import ALLOWED_METHODS, MAX_BATCH, MAX_BODY_BYTES, handle


def ask(node, body):
    return json.loads(handle(node, body if isinstance(body, bytes) else json.dumps(body).encode()))


def call(method="eth_chainId", params=(), identifier=1):
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(params)}


def test_what_is_served_is_what_the_embedded_chain_knows():
    assert set(METHODS) == ALLOWED_METHODS


def test_a_call_and_a_batch_are_answered(chain):
    expected = {"jsonrpc": "2.0", "id": 1, "result": hex(chain.chain_id)}
    assert ask(chain, call()) == expected
    answers = ask(chain, [call(), call("eth_sign", identifier="x"), 5])
    assert answers[0] == expected
    assert (answers[1]["id"], answers[1]["error"]["code"]) == ("x", -32601)
    assert (answers[2]["id"], answers[2]["error"]["code"]) == (None, -32600)


def test_notifications_are_not_answered(chain):
    note = {"jsonrpc": "2.0", "method": "eth_chainId"}
    assert handle(chain, json.dumps(note).encode()) == b""
    assert handle(chain, json.dumps([note, note]).encode()) == b""
    assert len(ask(chain, [note, call()])) == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"5", -32600),
        (b"null", -32600),
        (b'"text"', -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":{}}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"__init__","params":[]}', -32601),
        (b" " * (MAX_BODY_BYTES + 1), -32600),
    ],
    ids=range(16),
)
def test_hostile_bodies_get_an_error_object(chain, body, code):
    answer = ask(chain, body)
    assert answer["jsonrpc"] == "2.0"
    assert answer["error"]["code"] == code


def test_batches_are_bounded(chain):
    assert ask(chain, [call()] * (MAX_BATCH + 1))["error"]["code"] == -32600


def test_a_fault_of_ours_is_not_told_to_strangers():
    class Broken:
        def request(self, method, params):
            raise KeyError("a secret")

    answer = ask(Broken(), call())
    assert answer["error"] == {"code": -32603, "message": "internal error"}


def test_a_refusal_keeps_its_code_and_data(chain):
    create = {"data": "0x60aa60005260206000fd"}
    error = ask(chain, call("eth_call", [create, "latest"]))["error"]
    assert (error["code"], error["data"]) == (3, "0x" + "00" * 31 + "aa")
