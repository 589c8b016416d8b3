"""Check that a history is complete, with the standard library alone (docs/formats.md).

    python check_history.py ANSWER SUBJECT [NODE HISTORY [BLOCK]]

ANSWER is what GET /v1/datasets/{id}/history returned, in a file. SUBJECT is dataset:7, party:3 or
ledger:0. NODE is the JSON-RPC address of a node you trust, HISTORY the address of the ledger's
History contract, from a source you trust; the answer has to hold all up to the newest block of the
node, or up to BLOCK if you asked for that. Exit 0: complete. Exit 1: not complete, or not checked.
Without NODE head and block are the server's own word: compare those printed with another source.
"""

import hashlib
import json
import sys
import urllib.request


def sha256(*parts):
    """Hash the parts joined."""
    return hashlib.sha256(b"".join(parts)).digest()


def raw(text):
    """Read hexadecimal, with or without 0x."""
    return bytes.fromhex(text.removeprefix("0x"))


def fold(answer, subject):
    """Return the head that the logs fold to."""
    head = sha256(b"\x11", answer["chain_id"].to_bytes(32, "big"), raw(answer["history"]), subject)
    for log in answer["logs"]:
        topics = [raw(topic) for topic in log["topics"]]
        if any(subject) and subject not in topics[1:]:
            sys.exit(f"NOT COMPLETE: a log of block {log['block_number']} is about something else")
        place = log["block_number"].to_bytes(8, "big") + raw(log["address"])
        event = sha256(b"\x10", place, bytes([len(topics)]), *topics, raw(log["data"]))
        head = sha256(b"\x12", head, event)
    return head


def ask(node, method, *params):
    """Ask a node by JSON-RPC."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(node, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        found = json.load(response)
    if found.get("result") is None:
        sys.exit(f"NOT CHECKED: your node answers {method} with {found.get('error', 'nothing')}")
    return found["result"]


def main(file, subject, node=None, history=None, block=None):
    """Compare the head of an answer with the heads of a node."""
    with open(file) as stream:
        answer = json.load(stream)
    kind, number = subject.split(":")
    kinds = {"ledger": 0, "party": 1, "dataset": 2, "grant": 3}
    subject = bytes([kinds[kind]]) + bytes(23) + int(number).to_bytes(8, "big")
    expected, number = raw(answer["head"]), answer["as_of"]["block_number"]
    if node:
        answer["history"], answer["chain_id"] = history, int(ask(node, "eth_chainId"), 16)
        call = {"to": history, "data": "0x65c7d79d" + subject.hex()}  # headOf(bytes32)
        named = answer["as_of"]["block_hash"]
        expected = raw(ask(node, "eth_call", call, {"blockHash": named}))
        number = int(ask(node, "eth_getBlockByHash", named, False)["number"], 16)
        # by number too: a node may still know the blocks of a branch that it has left
        held = ask(node, "eth_getBlockByNumber", hex(number), False)["hash"]
        if raw(held) != raw(named):
            sys.exit(f"NOT COMPLETE: block {number} of your node is {held}, not {named}")
        if block not in (None, str(number)):
            sys.exit(f"NOT COMPLETE: expected all up to block {block}, found it up to {number}")
        if block is None and raw(ask(node, "eth_call", call, "latest")) != expected:
            sys.exit(f"NOT COMPLETE: events after block {number} are missing")
    found = fold(answer, subject)
    if found != expected:
        sys.exit(f"NOT COMPLETE: folds to {found.hex()}, the head is {expected.hex()}")
    word = "the head of your node" if node else "the head the server states"
    print(f"complete: {len(answer['logs'])} logs fold to {word} at block {number}, {found.hex()}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # whatever a file or an answer holds
        sys.exit(f"NOT CHECKED: {type(error).__name__}: {error}")
