"""Write ``tests/vectors/rows.json`` from the slow reference in ``tests/reference_rows.py``.

``python -m scripts.generate_row_vectors`` writes it; ``--check`` compares instead and fails on any
difference. The package takes no part in it: what it must reproduce does not come from it.
"""

import copy
import datetime
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
VECTORS = REPOSITORY / "tests" / "vectors" / "rows.json"
sys.path.insert(0, str(REPOSITORY / "tests"))

import reference_rows as reference  # type: ignore[import-not-found]  # noqa: E402 - found through the line above

Fields = dict[str, Any]

SECRET = bytes(range(32))
INSTANT = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000)
ZONED = INSTANT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=8)))

# type, text form, value
CELLS: list[tuple[str, str | None, Any]] = [
    ("null", None, None),
    ("bool", "true", True),
    ("bool", "false", False),
    ("int8", "-128", -128),
    ("int16", "-2", -2),
    ("int32", "2147483647", 2**31 - 1),
    ("int64", "-9223372036854775808", -(2**63)),
    ("uint8", "255", 255),
    ("uint16", "0", 0),
    ("uint32", "4294967295", 2**32 - 1),
    ("uint64", "18446744073709551615", 2**64 - 1),
    ("float16", "-0.0", -0.0),
    ("float16", "65504.0", 65504.0),
    ("float32", "nan", float("nan")),
    ("float32", "0.5", 0.5),
    ("float64", "-0.0", -0.0),
    ("float64", "nan", float("nan")),
    ("float64", "-inf", float("-inf")),
    ("float64", "0.1", 0.1),
    ("decimal(5, 2)", "-123.40", Decimal("-123.40")),
    ("decimal(3, -2)", "99900", Decimal("999E+2")),
    ("decimal(76, 0)", "9" * 76, Decimal("9" * 76)),
    ("date32", "1969-12-31", datetime.date(1969, 12, 31)),
    ("date64", "2024-02-29", datetime.date(2024, 2, 29)),
    ("time32[s]", "23:59:59", datetime.time(23, 59, 59)),
    ("time32[ms]", "00:00:00.001", datetime.time(0, 0, 0, 1000)),
    ("time64[us]", "12:00:00.000001", datetime.time(12, 0, 0, 1)),
    ("time64[ns]", "12:00:00.000001000", datetime.time(12, 0, 0, 1)),
    ("timestamp[s]", "2024-02-29T12:30:15", INSTANT.replace(microsecond=0)),
    ("timestamp[ms]", "2024-02-29T12:30:15.250", INSTANT),
    ("timestamp[us, tz=Asia/Shanghai]", "2024-02-29T04:30:15.250000Z", ZONED),
    (
        "timestamp[ns, tz=UTC]",
        "1969-12-31T23:59:59Z",
        ZONED.replace(year=1970, month=1, day=1, hour=7, minute=59, second=59, microsecond=0),
    ),
    ("duration[ms]", "-1500", datetime.timedelta(seconds=-1, milliseconds=-500)),
    ("string", "", ""),
    ("string", 'e\u0301 \U0001f4be\n"', 'e\u0301 \U0001f4be\n"'),
    ("binary", "00ff", b"\x00\xff"),
    ("fixed_size_binary[3]", "010203", b"\x01\x02\x03"),
]

COLUMNS = [["id", "int64"], ["name", "string"], ["paid", "decimal(9, 2)"]]
ROWS: list[list[Any]] = [
    [1, "Ada", Decimal("10.50")],
    [2, "", None],
    [3, None, Decimal("-0.01")],
    [7, "\u00e9", Decimal("0")],
    [5, "Ada", Decimal("10.50")],
]


def cells() -> list[Fields]:
    """One value of each type, and null."""
    return [
        {"type": kind, "text": text, "cell": reference.cell(kind, value).hex()}
        for kind, text, value in CELLS
    ]


def table(columns: list[list[str]], rows: list[list[Any]], key: list[str], absent: Any) -> Fields:
    """A table with a proof of each row, and of a key that is absent."""
    found = reference.commit(columns, rows, SECRET, key)
    kinds = dict(columns)
    names = key or [name for name, _ in columns]
    cells = b"".join(reference.cell(kinds[n], v) for n, v in zip(names, absent, strict=True))
    return {
        "columns": columns,
        "rows": [reference.cell_list(columns, row) for row in rows],
        "key": key,
        "secret": SECRET.hex(),
        "document": found["document"].decode(),
        "root": found["root"].hex(),
        "present": [reference.row_proof(found, number) for number in range(len(rows))],
        "absent": reference.absence_proof(found, cells),
    }


def hostile() -> Fields:
    """Proofs that must be refused: the root to believe, and each with what was done to it."""
    found = reference.commit(COLUMNS, ROWS, SECRET, ["id"])
    good = reference.row_proof(found, 2)
    absent = next(
        proof
        for proof in (
            reference.absence_proof(found, reference.cell("int64", n)) for n in range(100, 200)
        )
        if proof["left"] and proof["right"]
    )
    lone = reference.commit(COLUMNS, [], SECRET, ["id"])
    other = reference.commit(COLUMNS, ROWS, bytes(32), ["id"])

    def flip(text: str) -> str:
        return format(int(text[0], 16) ^ 1, "x") + text[1:]

    def changed(proof: Fields, change: Callable[[Fields], object]) -> Fields:
        edited = copy.deepcopy(proof)
        change(edited)
        return edited

    def swap(p: Fields) -> None:
        p["left"], p["right"] = p["right"], p["left"]

    attacks = {
        "row_edited": changed(good, lambda p: p.update(row=p["row"][:-1] + flip(p["row"][-1]))),
        "row_cut": changed(good, lambda p: p.update(row=p["row"][:-2])),
        "row_longer": changed(good, lambda p: p.update(row=p["row"] + "00")),
        "row_no_cell": changed(good, lambda p: p.update(row="02" + p["row"][2:])),
        "row_odd": changed(good, lambda p: p.update(row=p["row"] + "0")),
        "salt_edited": changed(good, lambda p: p.update(salt=flip(p["salt"]))),
        "salt_short": changed(good, lambda p: p.update(salt=p["salt"][2:])),
        "order_key_edited": changed(good, lambda p: p.update(order_key=flip(p["order_key"]))),
        "header_edited": changed(good, lambda p: p.update(header=p["header"].replace("id", "ID"))),
        "header_spaced": changed(good, lambda p: p.update(header=p["header"] + " ")),
        "index_edited": changed(good, lambda p: p.update(index=p["index"] ^ 1)),
        "count_edited": changed(good, lambda p: p.update(count=p["count"] + 1)),
        "path_cut": changed(good, lambda p: p["path"].pop()),
        "path_no_list": changed(good, lambda p: p.update(path={})),
        "path_endless": changed(good, lambda p: p.update(path=["00" * 32] * 65)),
        "other_secret": reference.row_proof(other, 2),
        "claimed_root": changed(good, lambda p: p.update(root=other["root"].hex())),
        "unknown_field": changed(good, lambda p: p.update(note=1)),
        "other_format": changed(good, lambda p: p.update(format="provenance-row/2")),
        "absent_but_there": changed(absent, lambda p: p.update(key=good["row"][:26])),
        "absent_key_of_two": changed(absent, lambda p: p.update(key=p["key"] * 2)),
        "absent_not_adjacent": changed(absent, lambda p: p.update(left=None)),
        "absent_no_last": changed(absent, lambda p: p.update(right=None)),
        "absent_no_neighbour": changed(absent, lambda p: p.update(left=None, right=None)),
        "absent_swapped": changed(absent, swap),
        "absent_tag_edited": changed(
            absent, lambda p: p["left"].update(tag=flip(p["left"]["tag"]))
        ),
        "absent_side_no_object": changed(absent, lambda p: p.update(left=[])),
        "absent_claimed_root": changed(absent, lambda p: p.update(root=other["root"].hex())),
        "absent_empty_table": reference.absence_proof(lone, reference.cell("int64", 1)),
    }
    return {"root": found["root"].hex(), "good": [good, absent], "attacks": attacks}


def document() -> Fields:
    """Return the file as JSON values."""
    values = [[value] for kind, _, value in CELLS if kind == "float64"]
    return {
        "generated_by": "scripts/generate_row_vectors.py",
        "cells": cells(),
        "tables": [
            table(COLUMNS, ROWS, ["id"], [4]),
            table(COLUMNS, [*ROWS, ROWS[0]], [], [1, "Ada", None]),
            table(COLUMNS, ROWS[:1], ["name", "id"], ["Ada", 2]),
            table(COLUMNS, [], ["id"], [1]),
            table([["x", "float64"]], values, [], [1.0]),
        ],
        "hostile": hostile(),
    }


def main(words: list[str]) -> int:
    """Write or check; return 0, or 1 if the committed file differs."""
    text = json.dumps(document(), indent=1, ensure_ascii=True) + "\n"
    if "--check" not in words:
        VECTORS.write_text(text, encoding="utf-8")
        return 0
    if VECTORS.is_file() and VECTORS.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{VECTORS.name} differs: run python -m scripts.generate_row_vectors\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
