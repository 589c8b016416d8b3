"""Check that a document was anchored, with the standard library alone (docs/formats.md, "Batch").

    python check_record.py PROOF DOCUMENT NODE ANCHORS

PROOF is what `provenance anchors proof` wrote, DOCUMENT the file it is about. NODE is the JSON-RPC
address of a node you trust, ANCHORS the address of the ledger's Anchors contract, from a source you
trust. Exit 0: anchored. Exit 1: not anchored, or not checked. The proof's own block and signatures
are not looked at: the node is asked instead.
"""

import hashlib
import json
import sys
import urllib.request

# BatchAnchored(bytes32,bytes32,uint64), and the selector of anchoredAt(uint64,bytes32)
EVENT = "0x4e8446ab8d1a511d1521b823fa2105f05dd9c2efb0b9bfec7421bd1f7394ba4c"
ANCHORED_AT = "0x1189f1f1"


def sha256(*parts):
    """Hash the parts joined."""
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(proof, document):
    """Return the root that leads from the document up the path (RFC 9162 section 2.1.3.2)."""
    nonce, kind = bytes.fromhex(proof["nonce"]), bytes([proof["kind"]])
    node = sha256(b"\x00", nonce, kind, sha256(document))
    index, last, path = proof["index"], proof["count"] - 1, [*map(bytes.fromhex, proof["path"])]
    if len(nonce) != 16 or not 0 <= index <= last:
        sys.exit("NOT ANCHORED: the proof is malformed")
    while last:
        if index % 2 or index < last:
            if not path:
                sys.exit("NOT ANCHORED: the path is too short")
            sibling = path.pop(0)
            node = sha256(b"\x01", *((sibling, node) if index % 2 else (node, sibling)))
        index, last = index // 2, last // 2
    if path:
        sys.exit("NOT ANCHORED: the path is too long")
    return node


def ask(node, method, *params):
    """Ask a node by JSON-RPC."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(node, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["result"]


def main(file, document, node, anchors):
    """Compare what a proof leads to with what the contract says."""
    with open(file) as stream:
        proof = json.load(stream)
    with open(document, "rb") as stream:
        root = root_of(proof, stream.read())
    party, count = proof["party"].to_bytes(32, "big"), proof["count"].to_bytes(32, "big")
    call = {"to": anchors, "data": ANCHORED_AT + (party + root).hex()}
    block = hex(int(ask(node, "eth_call", call, "latest"), 16))
    subject = "0x01" + party[1:].hex()
    wanted = {"address": anchors, "topics": [EVENT, subject], "fromBlock": block, "toBlock": block}
    logs = ask(node, "eth_getLogs", wanted) if block != "0x0" else []
    if "0x" + (root + count).hex() not in [log["data"] for log in logs]:
        sys.exit(f"NOT ANCHORED: party {proof['party']} did not anchor {root.hex()}")
    print(f"anchored: by party {proof['party']} in block {int(block, 16)}, under {root.hex()}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception as error:  # whatever a file or an answer holds
        sys.exit(f"NOT CHECKED: {type(error).__name__}: {error}")
