"""Rows of tables a second time: slow, literal, straight from ``docs/formats.md``.

Takes values as Python has them: integers, floats, ``Decimal``, ``date``, ``datetime``, text, bytes.
Shares no code with the package. Must never be made faster.
"""

import datetime
import hashlib
import hmac
import json
import math
import struct

import reference
from reference import sha256

EPOCH = datetime.datetime(1970, 1, 1)
PER_SECOND = {"s": 1, "ms": 1000, "us": 1000000, "ns": 1000000000}


def signed(value, size):
    return value.to_bytes(size, "big", signed=True)


def unit_of(kind):
    return PER_SECOND[kind.split("[")[1].split("]")[0].split(",")[0]]


def whole(seconds, unit):
    """``seconds`` is a timedelta."""
    microseconds = seconds // datetime.timedelta(microseconds=1)
    count = microseconds * unit // 1000000
    assert count * 1000000 == microseconds * unit
    return count


def value_bytes(kind, value):
    if kind == "bool":
        return b"\x01" if value else b"\x00"
    if kind.startswith("int"):
        return signed(value, int(kind[3:]) // 8)
    if kind.startswith("uint"):
        return value.to_bytes(int(kind[4:]) // 8, "big")
    if kind.startswith("float"):
        code = {"16": ">e", "32": ">f", "64": ">d"}[kind[5:]]
        if math.isnan(value):
            return bytes.fromhex(
                {"16": "7e00", "32": "7fc00000", "64": "7ff8000000000000"}[kind[5:]]
            )
        return struct.pack(code, 0.0 if value == 0 else value)
    if kind.startswith("decimal"):
        digits, scale = map(int, kind[8:-1].split(", "))
        sign, figures, exponent = value.as_tuple()
        unscaled = int("".join(map(str, figures))) * 10 ** (exponent + scale)
        return signed(-unscaled if sign else unscaled, 16 if digits <= 38 else 32)
    if kind == "date32":
        return signed((value - EPOCH.date()).days, 4)
    if kind == "date64":
        return signed((value - EPOCH.date()).days * 86400000, 8)
    if kind.startswith("time32") or kind.startswith("time64"):
        since = datetime.datetime.combine(EPOCH.date(), value) - EPOCH
        return signed(whole(since, unit_of(kind)), int(kind[4:6]) // 8)
    if kind.startswith("timestamp"):
        if "tz=" in kind:
            value = value.astimezone(datetime.UTC).replace(tzinfo=None)
        return signed(whole(value - EPOCH, unit_of(kind)), 8)
    if kind.startswith("duration"):
        return signed(whole(value, unit_of(kind)), 8)
    if kind == "string":
        return value.encode()
    assert kind == "binary" or kind.startswith("fixed_size_binary"), kind
    return value


def cell(kind, value):
    if value is None:
        return b"\x00"
    found = value_bytes(kind, value)
    return b"\x01" + struct.pack(">I", len(found)) + found


def cell_list(columns, row):
    return [cell(kind, value).hex() for (_, kind), value in zip(columns, row, strict=True)]


def header_line(columns, key, order):
    fields = {"columns": columns, "format": "provenance-rows/1", "key": key, "order": order.hex()}
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def hmac_sha256(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def commit(columns, rows, secret, key=()):
    """Columns are [name, type]; returns all that there is to know, leaves in their order."""
    names = [name for name, _ in columns]
    order_key = hmac_sha256(secret, b"order")
    header = header_line(columns, list(key), sha256(b"\x07", order_key))
    leaves = []
    for number, row in enumerate(rows):
        cells = [cell(kind, value) for (_, kind), value in zip(columns, row, strict=True)]
        chosen = [cells[names.index(name)] for name in key] if key else cells
        tag = hmac_sha256(order_key, b"".join(chosen))
        salt = hmac_sha256(secret, b"salt" + struct.pack(">Q", number))[:16]
        value_hash = sha256(b"\x06", salt, b"".join(cells))
        leaves.append((tag, value_hash, number, salt, b"".join(cells)))
    leaves.sort()
    texts = [leaf[0] + leaf[1] for leaf in leaves]
    tree = reference.tree_hash(texts)
    count = json.dumps({"count": len(rows), "tree": tree.hex()}, separators=(",", ":"))
    return {
        "header": header,
        "order_key": order_key,
        "leaves": leaves,
        "texts": texts,
        "root": sha256(b"\x05", struct.pack(">Q", len(rows)), sha256(header), tree),
        "document": header + b"\n" + count.encode() + b"\n",
    }


def row_proof(found, number):
    index = [leaf[2] for leaf in found["leaves"]].index(number)
    leaf = found["leaves"][index]
    return {
        "format": "provenance-row/1",
        "root": found["root"].hex(),
        "count": len(found["leaves"]),
        "header": found["header"].decode(),
        "order_key": found["order_key"].hex(),
        "index": index,
        "salt": leaf[3].hex(),
        "row": leaf[4].hex(),
        "path": [node.hex() for node in reference.audit_path(index, found["texts"])],
    }


def neighbour(found, index):
    if not 0 <= index < len(found["leaves"]):
        return None
    return {
        "index": index,
        "tag": found["leaves"][index][0].hex(),
        "value_hash": found["leaves"][index][1].hex(),
        "path": [node.hex() for node in reference.audit_path(index, found["texts"])],
    }


def absence_proof(found, key_cells):
    tag = hmac_sha256(found["order_key"], key_cells)
    before = len([leaf for leaf in found["leaves"] if leaf[0] < tag])
    return {
        "format": "provenance-row-absence/1",
        "root": found["root"].hex(),
        "count": len(found["leaves"]),
        "header": found["header"].decode(),
        "order_key": found["order_key"].hex(),
        "key": key_cells.hex(),
        "left": neighbour(found, before - 1),
        "right": neighbour(found, before),
    }
