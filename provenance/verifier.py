"""Check a provenance bundle with the standard library alone (docs/formats.md, Bundle).

    python verifier.py BUNDLE [FILE] [--pin PIN]...

BUNDLE is the JSON file, FILE the file it is about. PIN says whom you trust: a file or text with a
verifier key, a checkpoint note, or both (a pin file). Without one nothing ties the bundle to a
ledger. Exit 0: checked and true. 1: false, damaged or orphaned. 2: could not be checked.

It never goes online and imports nothing of the project: it is one file, to be read and carried.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
Item = Any  # of RLP: bytes, or a list of items

RIGHTS = ("hold", "use", "operate")
CONTENT = "(bytes32,bytes32,bytes32,uint64,bytes32)"
EVENTS = {  # what changes how a dataset stands: event, words of data
    "register": (f"DatasetRegistered(bytes32,bytes32,uint96,bytes32,{CONTENT},uint48)", 8),
    "publish": (f"VersionPublished(bytes32,bytes32,uint32,{CONTENT},uint48)", 7),
    "withdraw": ("VersionWithdrawn(bytes32,bytes32,uint32,bytes32)", 2),
    "deregister": ("DatasetDeregistered(bytes32,bytes32,bytes32)", 1),
    "accept": ("TransferAccepted(bytes32,bytes32,bytes32,uint64,uint48)", 2),
    "place": ("HoldPlaced(bytes32,bytes32,uint64,uint8,uint16,uint48,bytes32)", 5),
    "erase": ("EntryErased(bytes32,bytes32,uint32,uint64,bytes32)", 3),
    "lift": ("HoldLifted(bytes32,bytes32,uint64,bytes32)", 2),
}
NEVER_CHECKED = (
    "one operator: rewriting not excluded, unless someone else saw the same checkpoint",
    "the code of the contracts, and who the parties behind the numbers are",
    "that the registrant was right: a registration is evidence of a claim, not of its truth",
    "grants: they have histories of their own",
)
FIELDS = {  # those with a star are lists
    "bundle": "anchors* chain_id checkpoints* dataset_id format heads history* history_address "
    "holders* inclusion receipt state status version",
    "heads": "account* dataset* header ledger*",
    "receipt": "event header links* log_index nodes* transaction_index",
    "inclusion": "count entry format header_hash index path* root",
    "entry": "digests path size",
    "salted entry": "digests path salt size",
    "log": "address block_number data topics*",
    "checkpoint": "keys* note",
    "anchor": "kind proof sha256",
}
ALGORITHMS = {"blake3", "sha256", "sm3"}
NO_PATH = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)|\0")
INERT = re.compile(  # characters younger than Unicode 14.0, which paths are normalised by
    "[\u05c8-\u05c9\u0897\u1acf-\u1af0\U000105c9\U000105d2\U000105da\U000105e4"
    "\U00010d69-\U00010d6d\U00010ecb-\U00010ecf\U00010ef0-\U00010efb\U00010efd-\U00010eff"
    "\U00011382-\U00011385\U0001138b\U0001138e\U00011390-\U00011391\U000113b8\U000113bb"
    "\U000113c2\U000113c5\U000113c7-\U000113c9\U000113ce-\U000113d0\U00011f41-\U00011f42"
    "\U0001611e-\U00016129\U0001612f\U00016d63\U00016d67-\U00016d6a\U0001d127-\U0001d128"
    "\U0001d250-\U0001d252\U0001d25b-\U0001d25c\U0001d25f\U0001d280-\U0001d281\U0001e08f"
    "\U0001e4ec-\U0001e4ef\U0001e5ee-\U0001e5ef\U0001e6e3\U0001e6e6\U0001e6ee-\U0001e6ef"
    "\U0001e6f5]"
)
NOTE = re.compile(  # docs/formats.md, Checkpoint
    r"(provenance-ledger/(\d+)/(0x[0-9a-f]{40})\n(?P<number>\d+)\n(?P<head>[\w+/]{43}=)\n"
    r"chain \2\nhistory \3\nblock-hash 0x(?P<hash>[0-9a-f]{64})\n)"
    "\n((?:\u2014 [^\\s+]+ [A-Za-z0-9+/]+={0,2}\n)+)"
)


class Failed(Exception):
    """The bundle is false, damaged or orphaned."""


class NotChecked(Exception):
    """Something that is needed is missing or not understood."""


def need(condition: object, message: str) -> None:
    """Fail unless a condition holds."""
    if not condition:
        raise Failed(message)


def sha256(*parts: bytes) -> bytes:
    """Hash the parts joined."""
    return hashlib.sha256(b"".join(parts)).digest()


# Keccak-256, RLP and Merkle-Patricia tries: what Ethereum blocks are made of.

LANES = (10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1)
MASK = 2**64 - 1


def round_constants() -> list[int]:
    """Return the 24 round constants (FIPS 202 section 3.2.5)."""
    register, constants = 1, []
    for _ in range(24):
        constant = 0
        for bit in range(7):
            constant |= (register & 1) << (2**bit - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


ROUNDS = round_constants()


def permute(a: list[int]) -> list[int]:
    """Apply Keccak-f[1600] to 25 lanes of 64 bits (FIPS 202 section 3.3)."""
    for constant in ROUNDS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ (c[x - 4] << 1 & MASK | c[x - 4] >> 63) for x in range(5)]
        a = [lane ^ d[i % 5] for i, lane in enumerate(a)]
        moved = a[1]
        for i, lane in enumerate(LANES):
            turn = (i + 1) * (i + 2) // 2 % 64
            a[lane], moved = moved << turn & MASK | moved >> 64 - turn, a[lane]
        for y in range(0, 25, 5):
            row = a[y : y + 5]
            a[y : y + 5] = [row[x] ^ (~row[x - 4] & row[x - 3]) for x in range(5)]
        a[0] ^= constant
    return a


def keccak(data: bytes) -> bytes:
    """Return Keccak-256 with the padding of 2011, as Ethereum has it."""
    data += b"\x01" + bytes(-(len(data) + 1) % 136)
    data = data[:-1] + bytes([data[-1] | 0x80])
    state = [0] * 25
    for start in range(0, len(data), 136):
        for i in range(17):
            state[i] ^= int.from_bytes(data[start + 8 * i : start + 8 * i + 8], "little")
        state = permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def rlp(data: bytes, depth: int = 0) -> tuple[Item, bytes]:
    """Return (item, rest): the first RLP item; only its canonical form is taken."""
    need(data and depth < 16, "RLP ends too early")
    first = data[0]
    if first < 0x80:
        return data[:1], data[1:]
    offset = 0xC0 if first >= 0xC0 else 0x80
    size, begin = first - offset, 1
    if size > 55:
        begin = size - 54
        need(len(data) >= begin and data[1] > 0, "RLP length is malformed")
        size = int.from_bytes(data[1:begin], "big")
        need(size > 55, "RLP length is not the shortest")
    body, rest = data[begin : begin + size], data[begin + size :]
    need(len(body) == size, "RLP ends too early")
    if offset == 0x80:
        need(size != 1 or body[0] >= 0x80, "RLP byte has a header")
        return body, rest
    items = []
    while body:
        item, body = rlp(body, depth + 1)
        items.append(item)
    return items, rest


def rlp_list(data: bytes, lengths: Iterable[int]) -> list[Item]:
    """Return the list that data encodes, of one of some lengths."""
    item, rest = rlp(data)
    need(not rest and isinstance(item, list) and len(item) in lengths, "RLP is no such list")
    return list(item)


def integer(item: Item) -> int:
    """Return an RLP integer."""
    need(isinstance(item, bytes) and item[:1] != b"\0", "RLP integer is malformed")
    return int.from_bytes(item, "big")


def nibbles(data: bytes) -> list[int]:
    """Return the half bytes of data."""
    return [half for byte in data for half in (byte >> 4, byte & 15)]


def trie_value(root: bytes, path: bytes, nodes: list[bytes]) -> bytes:
    """Return the value that a proof shows a key to have; every node has to be used."""
    key: Any = nibbles(path)
    name: bytes | None = root
    left = list(nodes)
    node: Any = None
    while True:
        if name is not None:
            need(left and keccak(left[0]) == name, "a trie node is not the one its parent names")
            node = rlp_list(left.pop(0), (2, 17))
        need(isinstance(node, list) and len(node) in (2, 17), "a trie node is malformed")
        if len(node) == 17:
            below, key = (node[key[0]], key[1:]) if key else (node[16], None)
        else:
            need(isinstance(node[0], bytes) and node[0], "a trie path is malformed")
            part = nibbles(node[0])
            flag = part[0]
            need(flag < 4 and (flag & 1 or part[1] == 0), "a trie path is malformed")
            part = part[1:] if flag & 1 else part[2:]
            need(key[: len(part)] == part and (part or flag > 1), "a trie leads elsewhere")
            below, key = node[1], key[len(part) :]
            if flag > 1:
                need(not key, "a trie leads elsewhere")
                key = None
        if key is None:
            need(isinstance(below, bytes) and below and not left, "a trie proof shows no value")
            return bytes(below)
        name, node = (below, None) if isinstance(below, bytes) else (None, below)
        need(name is None or len(name) == 32, "a trie proof shows no value")


def block(encoded: bytes) -> Json:
    """Return what we need of a block header."""
    fields = rlp_list(encoded, range(15, 41))
    need(all(isinstance(f, bytes) for f in fields), "a block header is malformed")
    need(all(len(fields[i]) == 32 for i in (0, 3, 5)), "a block header is malformed")
    return {
        "hash": keccak(encoded),
        "parent": fields[0],
        "state": fields[3],
        "receipts": fields[5],
        "number": integer(fields[8]),
        "time": integer(fields[11]),
    }


# Ed25519 (RFC 8032 section 5.1 and appendix A), verification only.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]


def point_add(a: Point, b: Point) -> Point:
    """Add two points in extended coordinates."""
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_times(scalar: int, point: Point) -> Point:
    """Multiply a point."""
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = point_add(total, point)
        point, scalar = point_add(point, point), scalar >> 1
    return total


def point_of(encoded: bytes) -> Point | None:
    """Return the point that 32 bytes encode, or None."""
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or (0, 1, 1, 0)


def signature_fits(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether an Ed25519 signature fits a message."""
    a, r = point_of(public), point_of(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= ORDER or a is None or r is None:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little")
    one, other = point_times(s, BASE), point_add(r, point_times(h % ORDER, a))
    return all((one[i] * other[2] - other[i] * one[2]) % P == 0 for i in (0, 1))


# The bundle.


def unhex(text: Any, size: int | None = None, prefix: str = "") -> bytes:
    """Read lower-case hexadecimal."""
    need(isinstance(text, str) and text.startswith(prefix), "expected hexadecimal")
    need(re.fullmatch("(?:[0-9a-f]{2})*", text[len(prefix) :]), "expected hexadecimal")
    found = bytes.fromhex(text[len(prefix) :])
    need(size is None or len(found) == size, f"expected {size} bytes of hexadecimal")
    return found


def unbase64(text: str) -> bytes:
    """Read base64 in its canonical form."""
    found = base64.b64decode(text, validate=True)
    need(base64.b64encode(found).decode() == text, "base64 is not canonical")
    return found


def shaped(fields: Any, kind: str) -> Json:
    """Return an object that has exactly the fields of its kind; integers have 53 bits."""
    lists = {name[:-1] for name in FIELDS[kind].split() if name.endswith("*")}
    names = FIELDS[kind].replace("*", "").split()
    need(isinstance(fields, dict) and sorted(fields) == names, f"the {kind} has other fields")
    for name, value in fields.items():
        is_absent = name == "links" and value is None
        need(name not in lists or isinstance(value, list) or is_absent, f"{name} is no list")
        need(not isinstance(value, (int, float)) or type(value) is int, "expected integers")
        need(type(value) is not int or 0 <= value < 2**53, "an integer is out of range")
    return dict(fields)


def canonical(fields: Any) -> bytes:
    """Return RFC 8785 JSON and a line feed."""
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode() + b"\n"


def read_entry(line: str) -> Json:
    """Return the fields of an entry line; a line that could be read in two ways is none."""
    fields = json.loads(line)
    entry = shaped(fields, "salted entry" if "salt" in fields else "entry")
    path, digests = entry["path"], entry["digests"]
    need(isinstance(digests, dict) and digests, "an entry has no digests")
    need(digests.keys() <= ALGORITHMS, f"an entry has other digests: {sorted(digests)!a}")
    for hexadecimal in digests.values():
        unhex(hexadecimal, 32)
    unhex(entry.get("salt", "00" * 16), 16)
    need(type(entry["size"]) is int, "an entry has no size")
    need(
        isinstance(path, str) and len(path.encode()) <= 4096, "an entry has no path, or a long one"
    )
    need(path == "." or not NO_PATH.search(path), f"an entry has a path that is none: {path!a}")
    normal = all(unicodedata.normalize("NFC", part) == part for part in INERT.split(path))
    need(normal, f"the path of an entry is not in normalisation form C: {path!a}")
    need(canonical(entry) == line.encode() + b"\n", "an entry is not written as RFC 8785 says")
    return entry


def merkle_root(inclusion: Json) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162 section 2.1.3.2)."""
    node = sha256(b"\0", inclusion["entry"].encode())
    index, last = inclusion["index"], inclusion["count"] - 1
    need(index <= last, "the index is out of range")
    path = [unhex(sibling, 32) for sibling in inclusion["path"]]
    while last:
        if index & 1 or index < last:
            need(path, "the audit path is too short")
            sibling = path.pop(0)
            node = sha256(b"\1", sibling, node) if index & 1 else sha256(b"\1", node, sibling)
        index, last = index >> 1, last >> 1
    need(not path, "the audit path is too long")
    count = inclusion["count"].to_bytes(8, "big")
    return sha256(b"\2", count, unhex(inclusion["header_hash"], 32), node)


def read_history(bundle: Json, subject: bytes) -> tuple[bytes, list[Json]]:
    """Return the head that the history folds to, and its logs."""
    ledger = bundle["chain_id"].to_bytes(32, "big"), unhex(bundle["history_address"], 20, "0x")
    head, logs = sha256(b"\x11", *ledger, subject), list[Json]()
    for fields in bundle["history"]:
        log = shaped(fields, "log")
        topics = [unhex(topic, 32, "0x") for topic in log["topics"]]
        address, data = unhex(log["address"], 20, "0x"), unhex(log["data"], prefix="0x")
        need(len(topics) < 5 and subject in topics[1:], "a log is about something else")
        need(not logs or logs[-1]["number"] <= log["block_number"], "logs are out of order")
        place = log["block_number"].to_bytes(8, "big") + address
        event = sha256(b"\x10", place, bytes([len(topics)]), *topics, data)
        head = sha256(b"\x12", head, event)
        log = {"number": log["block_number"], "emitted": [address, topics, data]}
        logs.append({**log, "topics": topics, "data": data})
    return head, logs


def read_standing(logs: list[Json], subject: bytes, time: int) -> Json:
    """Return versions, holders and holds that a history leads to."""
    kinds = {keccak(event.encode()): (name, words) for name, (event, words) in EVENTS.items()}
    versions: dict[int, tuple[bytes, bytes, int]] = {}
    units: dict[int, list[int]] = {}
    holds: dict[int, int] = {}
    found: Json = {"versions": versions, "withdrawn": [], "deregistered": False, "erased": []}
    for position, log in enumerate(logs):
        kind, words = kinds.get(log["topics"][0], ("", 0))
        if not kind or log["topics"][1] != subject:
            continue
        need(len(log["data"]) == 32 * words, f"log {position} has another form than its event")
        word = [log["data"][i : i + 32] for i in range(0, 32 * words, 32)]
        value = [int.from_bytes(each, "big") for each in word]
        party = [int.from_bytes(topic[24:], "big") for topic in log["topics"]]
        if kind == "register":
            need(not versions, "the dataset is registered twice")
            versions[1], units[party[2]] = (word[2], word[3], position), [10_000] * 3
        elif kind == "publish":
            need(value[0] == len(versions) + 1, "versions are not numbered in order")
            versions[value[0]] = word[1], word[2], position
        elif kind == "withdraw":
            found["withdrawn"].append(value[0])
        elif kind == "deregister":
            found["deregistered"] = True
        elif kind == "accept":
            for lane in range(3):
                moved = value[1] >> 16 * lane & 0xFFFF
                units.setdefault(party[2], [0] * 3)[lane] -= moved
                need(units[party[2]][lane] >= 0, "a party gives what it does not hold")
                units.setdefault(party[3], [0] * 3)[lane] += moved
        elif kind == "place":
            holds[value[0]] = value[3]
        elif kind == "erase":
            found["erased"].append((value[0], f"entry {value[1]}, tombstone {word[2].hex()}"))
        else:
            holds.pop(value[0], None)
    found["holds"] = sorted(hold for hold, until in holds.items() if not 0 < until < time)
    found["holders"] = [
        {"party_id": party, "units": {right: units[party][i] for i, right in enumerate(RIGHTS)}}
        for party in sorted(units)
        if any(units[party])
    ]
    return found


def read_key(text: str) -> tuple[str, bytes, bytes]:
    """Return name, key id and public key of a verifier key (c2sp.org/signed-note)."""
    name, key_id, encoded = [*text.split("+", 2), "", ""][:3]
    material = unbase64(encoded)
    need(len(material) == 33 and material[0] == 1, "expected an Ed25519 key")
    expected = sha256(name.encode(), b"\n", material)[:4]
    need(key_id == expected.hex(), "a key has another key id")
    return name, expected, material[1:]


def read_note(note: str) -> tuple[Json, list[tuple[str, bytes]]]:
    """Return a checkpoint and its signatures, which are not verified here."""
    match = NOTE.fullmatch(note)
    need(match, "a checkpoint is malformed")
    assert match
    signatures = [line.split(" ")[1:] for line in match[7].splitlines()]
    origin = {"chain_id": int(match[2]), "history_address": match[3]}
    said = {"number": int(match["number"]), "hash": unhex(match["hash"])}
    checkpoint = {**origin, **said, "head": unbase64(match["head"]), "text": match[1].encode()}
    return checkpoint, [(name, unbase64(signature)) for name, signature in signatures]


def read_pins(texts: list[str]) -> tuple[list[str], list[Json]]:
    """Return the keys and the checkpoints that are trusted."""
    keys, seen = [], []
    try:
        for text in texts:
            fields = json.loads(text) if text.lstrip().startswith("{") else {}
            note = fields.get("note", text)
            seen += [read_note(note)[0]] if "\n\n" in note else []
            keys += [fields.get("key", text).strip()] if fields or "\n\n" not in text else []
        for key in keys:
            read_key(key)
    except (Failed, ValueError, AttributeError) as error:
        raise NotChecked(f"expected a pin: a key, a checkpoint, or both; {error}") from None
    return keys, seen


def check_signatures(keys: list[str], note: str) -> Json:
    """Return a checkpoint that exactly some keys signed, in their order."""
    checkpoint, signatures = read_note(note)
    need(keys and len(keys) == len(signatures), "a checkpoint has other signatures than keys")
    for key, (signer, signature) in zip(keys, signatures):  # noqa: B905 - checked above; Python 3.9 has no strict
        name, key_id, public = read_key(key)
        fits = signature_fits(public, checkpoint["text"], signature[4:])
        need(fits and (name, key_id) == (signer, signature[:4]), f"a signature of {name!a} is bad")
    return checkpoint


class Check:
    """The checks on one bundle; `passed` and `skipped` say what was done."""

    def __init__(self, raw: bytes, pins: tuple[list[str], list[Json]]) -> None:
        """Read the bundle."""
        self.passed: list[str] = []
        self.skipped: list[str] = []
        self.bundle = bundle = shaped(json.loads(raw.decode()), "bundle")
        need(bundle["format"] == "provenance-bundle/1", "expected a provenance-bundle/1")
        need(canonical(bundle) == raw, "the bundle is not RFC 8785 JSON and a line feed")
        need(bundle["state"] in ("pending", "safe", "finalized", "orphaned"), "unknown state")
        need(bundle["state"] != "orphaned", "the bundle is orphaned: its block left the chain")
        self.skipped.append(f"finality: {bundle['state']}, as whoever made the bundle says")
        self.subject = b"\2" + bytes(23) + bundle["dataset_id"].to_bytes(8, "big")
        self.ledger = {name: bundle[name] for name in ("chain_id", "history_address")}
        self.keys, self.seen = pins

    def heads(self) -> None:
        """Check that the history is complete, and who holds the dataset."""
        bundle, heads = self.bundle, shaped(self.bundle["heads"], "heads")
        nodes = {name: [unhex(node) for node in heads[name]] for name in heads if name != "header"}
        self.last = block(unhex(heads["header"]))
        address = unhex(bundle["history_address"], 20, "0x")
        account = trie_value(self.last["state"], keccak(address), nodes["account"])
        storage = rlp_list(account, [4])[2]
        slots = {"dataset": keccak(self.subject + bytes(32)), "ledger": bytes(31) + b"\1"}
        proven = {}
        for name, slot in slots.items():
            value = rlp(trie_value(storage, keccak(slot), nodes[name]))
            proven[name] = integer(value[0]).to_bytes(32, "big")
            need(not value[1], "a storage value is malformed")
        self.ledger_head = proven["ledger"]
        head, self.logs = read_history(bundle, self.subject)
        need(head == proven["dataset"], "the history is not complete, or was edited")
        need(self.logs[-1]["number"] <= self.last["number"], "a log is later than the heads")
        found = read_standing(self.logs, self.subject, self.last["time"])
        withdrawn = bundle["version"] in found["withdrawn"]
        status = {"deregistered": found["deregistered"], "holds": found["holds"]}
        self.stated = [found["holders"], {**status, "withdrawn": withdrawn}]
        stated = [bundle["holders"], bundle["status"]]
        need(canonical(stated) == canonical(self.stated), "holders or status are not the history's")
        need(bundle["version"] in found["versions"], "there is no such version")
        self.version = found["versions"][bundle["version"]]
        at = f"block {self.last['number']}, 0x{self.last['hash'].hex()}"
        self.passed.append(f"history: {len(self.logs)} logs, complete up to {at}")
        for holder in bundle["holders"]:
            self.passed.append(f"holder: party {holder['party_id']}, {holder['units']}")
        self.passed.append(f"status: {bundle['status']}")
        for version, erased in found["erased"]:
            if version == bundle["version"]:
                self.passed.append(f"erased: {erased}")
        self.skipped.append(f"what happened after block {self.last['number']}")

    def entry(self, file: Path | None) -> None:
        """Check that the entry is in the version, and the file against it."""
        root, manifest_hash, _ = self.version
        wanted, size = {"sha256": manifest_hash.hex()}, None
        if self.bundle["inclusion"] is not None:
            inclusion = shaped(self.bundle["inclusion"], "inclusion")
            need(inclusion["format"] == "provenance-inclusion/1", "unknown form of inclusion")
            need(merkle_root(inclusion) == root == unhex(inclusion["root"]), "the root is another")
            entry = read_entry(inclusion["entry"])
            wanted, size = entry["digests"], entry["size"]
            self.passed.append(f"version {self.bundle['version']} contains {entry['path']!a}")
        if file is None:
            self.skipped.append("content: no file was given")
            return
        known = {name for name in wanted if name in hashlib.algorithms_available}
        hashes = {name: hashlib.new(name) for name in known}
        length = 0
        with file.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                length += len(chunk)
                for each in hashes.values():
                    each.update(chunk)
        need(size in (None, length), f"expected a file of {size} bytes, found {length}")
        for name in sorted(wanted):
            if name not in known:
                self.skipped.append(f"content: {name} is not in the standard library")
                continue
            found = hashes[name].hexdigest()
            need(found == wanted[name], f"expected {name} {wanted[name]}, found {found}")
            self.passed.append(f"content: the file has the registered {name}")
        if not known:
            raise NotChecked("no digest of the entry is in the standard library")

    def receipt(self) -> None:
        """Check that the log of the version stands in its block, and go from there to the heads."""
        receipt = shaped(self.bundle["receipt"], "receipt")
        need(receipt["event"] == self.version[2], "the receipt is for another log")
        log = self.logs[receipt["event"]]
        alone = receipt["header"] is None
        first = self.last if alone else block(unhex(receipt["header"]))
        index = receipt["transaction_index"]
        key = index.to_bytes((index.bit_length() + 7) // 8, "big")
        key = key if 0 < index < 0x80 else bytes([0x80 + len(key)]) + key
        proof = trie_value(first["receipts"], key, [unhex(node) for node in receipt["nodes"]])
        status, _, _, logs = rlp_list(proof[1:] if proof[0] < 0x80 else proof, [4])
        need(status == b"\1" and receipt["log_index"] < len(logs), "the receipt has no such log")
        need(logs[receipt["log_index"]] == log["emitted"], "the receipt holds another log")
        need(first["number"] == log["number"], "the log stands in another block")
        need(alone or first["number"] < self.last["number"], "the block of the log is not earlier")
        self.blocks = [first]
        if receipt["links"] is None and not alone:
            self.blocks.append(self.last)
            self.skipped.append("links: the headers between log and heads are too many to show")
            return
        links = [block(unhex(link)) for link in receipt["links"]]
        for following in links + [self.last] * (not alone):
            fits = following["parent"] == self.blocks[-1]["hash"]
            need(fits and following["number"] == self.blocks[-1]["number"] + 1, "blocks part")
            self.blocks.append(following)
        need(not alone or not links, "headers between one block and itself")

    def pins(self) -> None:
        """Check the checkpoints, and whether what is trusted vouches for the block."""
        vouched: dict[bytes, str] = {}
        for fields in self.bundle["checkpoints"]:
            signed = shaped(fields, "checkpoint")
            checkpoint = check_signatures(signed["keys"], signed["note"])
            need(self.fits(checkpoint), "a checkpoint names no block of the bundle")
            for key in signed["keys"]:
                if key in self.keys:
                    vouched[checkpoint["hash"]] = f"signed by the pinned {key.split('+')[0]}"
        for checkpoint in self.seen:
            if self.fits(checkpoint):
                vouched[checkpoint["hash"]] = "the pinned checkpoint is of this block"
        for fields in self.bundle["anchors"]:
            anchor = shaped(fields, "anchor")
            need(anchor["kind"] in ("rfc3161", "opentimestamps"), "unknown kind of anchor")
            digest = sha256(unbase64(anchor["proof"])).hex()
            need(digest == anchor["sha256"], "an anchor is damaged")
            self.skipped.append(
                f"the {anchor['kind']} time stamp: provenance bundle verify reads it"
            )
        if self.bundle["receipt"]["links"] is None and self.blocks[0]["hash"] not in vouched:
            self.skipped.append("receipt: no pin vouches for the block of the log")
        else:
            at = self.blocks[0]["number"]
            self.passed.append(f"receipt: the log of the version stands in block {at}")
        if self.last["hash"] not in vouched:
            raise NotChecked("no pin vouches for the block: anyone can make up a chain")
        self.passed.append(f"block {self.last['number']}: {vouched[self.last['hash']]}")

    def fits(self, checkpoint: Json) -> bool:
        """Compare a checkpoint with the blocks; return whether it names one of them."""
        ledger = {name: checkpoint[name] for name in self.ledger}
        need(ledger == self.ledger, "a checkpoint is of another ledger")
        named = [b for b in self.blocks if b["number"] == checkpoint["number"]]
        need(
            all(b["hash"] == checkpoint["hash"] for b in named), "a checkpoint shows another chain"
        )
        if named and checkpoint["hash"] == self.last["hash"]:
            need(checkpoint["head"] == self.ledger_head, "a checkpoint has another ledger head")
        return bool(named)


def verify(raw: bytes, file: Path | None, pins: list[str]) -> tuple[int, list[str]]:
    """Return the exit code, and what was and was not checked, a line each."""
    lines, skipped, code = [], [], 0
    check = None
    try:
        check = Check(raw, read_pins(pins))
        check.heads()
        check.entry(file)
        check.receipt()
        check.pins()
    except NotChecked as error:
        skipped, code = [str(error)], 2
    except (Failed, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        lines, code = [f"FAILED: {error}"], 1
    passed = check.passed if check else []
    skipped += (check.skipped if check else []) + list(NEVER_CHECKED)
    lines = [f"passed: {each}" for each in passed] + lines
    return code, lines + [f"not checked: {each}" for each in skipped]


def main() -> int:
    """Check the files that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--pin", action="append", default=[], help="key, checkpoint, or a file")
    arguments = parser.parse_args()
    try:
        pins = [
            Path(pin).read_text("utf-8") if Path(pin).is_file() else pin for pin in arguments.pin
        ]
        code, lines = verify(arguments.bundle.read_bytes(), arguments.file, pins)
    except (OSError, UnicodeDecodeError) as error:
        code, lines = 2, [f"not checked: {error}"]
    print("\n".join(lines))
    print(("PASSED", "FAILED", "COULD NOT BE CHECKED")[code])
    return code


if __name__ == "__main__":
    sys.exit(main())
