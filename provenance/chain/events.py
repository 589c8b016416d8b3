"""Logs of the modules as typed events, by slicing fixed words (design 6: microseconds an event).

Promises: an event that is returned has exactly the bytes of its log: encoding it again gives the
same data. An unknown topic, a wrong length or a value outside its type is a ``ChainError``, never
a guess. Must never talk to a node.

Every event of every module has static types only (design 4.4), so the data of a log is a row of
words of 32 bytes (Solidity ABI specification, "Formal Specification of the Encoding"), and one
``struct`` per event, made when it is first needed, reads them all.

Values: integers for ``uintN``, enums and ids; bytes for ``bytesN``, addresses (20) and subjects
(32); bool; a struct is a dict by field name, an array of fixed length a tuple.
"""

import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from eth_hash.auto import keccak

from provenance.errors import ChainError
from provenance.identifiers import Address
from provenance.proofs.history import RawLog

_ABI_FOLDER = Path(__file__).parent / "abi"

MODULES = (
    *("Parties", "Supervision", "Titles", "Datasets", "Policies", "Licenses"),
    *("Lineage", "Anchors"),
)
"""The contracts that write history: only their logs are folded into heads."""

# How struct reads one word; what is not read ("x") is padding, and is checked to be zero.
_WORDS = {
    "bytes32": "32s",
    "address": "12x20s",
    "bool": "31x?",
    "uint8": "31xB",
    "uint16": "30xH",
    "uint32": "28xI",
    "uint40": "27x5s",
    "uint48": "26x6s",
    "uint64": "24xQ",
    "uint96": "20x12s",
    "uint256": "32s",
    "bytes2": "2s30x",
    "bytes12": "12s20x",
}
_WIDE_INTEGERS = frozenset({"uint40", "uint48", "uint96", "uint256"})
_ARRAY = re.compile(r"(\w+)\[(\d+)\]")
_MAX_SAFE_INTEGER = 2**53 - 1  # RFC 7493 section 2.2


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a module.

    Attributes:
        name: as in the contract, such as ``DatasetRegistered``.
        module: name of the contract that emitted it.
        arguments: values by parameter name.
        log: the bytes it was read from.
    """

    name: str
    module: str
    arguments: dict[str, Any]
    log: RawLog

    def as_json(self) -> dict[str, Any]:
        """Return name, module and arguments: bytes as hex, integers over 2^53 - 1 as text."""
        return {"name": self.name, "module": self.module, "arguments": _plain(self.arguments)}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to read one event."""

    name: str
    indexed: tuple[str, ...]
    words: struct.Struct
    names: tuple[str, ...]
    wide: tuple[str, ...]
    nested: tuple[tuple[str, tuple[str, ...]], ...]
    arrays: tuple[tuple[str, tuple[str, ...]], ...]


class Decoder:
    """Reads the logs of one ledger.

    Args:
        modules: address by name of contract; those that write no history are left out.
    """

    def __init__(self, modules: Mapping[str, Address]) -> None:
        self._modules = {
            bytes(address): (name, _plans(name))
            for name, address in modules.items()
            if name in MODULES
        }

    @property
    def addresses(self) -> list[Address]:
        """The addresses whose logs are the history."""
        return [Address(address) for address in self._modules]

    def decode(self, log: RawLog) -> Event:
        """Return the event of a log.

        Raises:
            ChainError: another address, an unknown event, or bytes that do not fit it.
        """
        found = self._modules.get(log.address)
        if found is None:
            raise ChainError(f"expected a log of a module, found one of 0x{log.address.hex()}")
        return _decode(log, *found)


def decode(log: RawLog, module: str) -> Event:
    """Return the event of a log of the contract ``module``.

    Raises:
        ChainError: the contract has no such event, or the bytes do not fit it.
    """
    return _decode(log, module, _plans(module))


def _decode(log: RawLog, module: str, plans: Mapping[bytes, _Plan]) -> Event:
    topics = log.topics
    plan = plans.get(topics[0]) if topics else None
    if plan is None:
        topic = topics[0].hex() if topics else "none"
        raise ChainError(f"expected an event of {module}, found topic {topic}")
    data = log.data
    if len(topics) != len(plan.indexed) + 1 or len(data) != plan.words.size:
        raise ChainError(
            f"expected {module}.{plan.name} with {len(plan.indexed) + 1} topics and "
            f"{plan.words.size} bytes, found {len(topics)} and {len(data)}"
        )
    values = plan.words.unpack(data)
    if plan.words.pack(*values) != data:
        raise ChainError(f"expected {module}.{plan.name} in canonical encoding, found padding")
    arguments: dict[str, Any] = dict(zip(plan.indexed, topics[1:], strict=True))
    arguments.update(zip(plan.names, values, strict=True))
    for name in plan.wide:
        arguments[name] = int.from_bytes(arguments[name], "big")
    for name, parts in plan.arrays:
        arguments[name] = tuple(arguments.pop(part) for part in parts)
    for name, fields in plan.nested:
        arguments[name] = {field: arguments.pop(f"{name}.{field}") for field in fields}
    return Event(plan.name, module, arguments, log)


@cache
def _plans(module: str) -> dict[bytes, _Plan]:
    """Return the plans of a contract's events by first topic."""
    try:
        abi = orjson.loads((_ABI_FOLDER / f"{module}.json").read_bytes())["abi"]
    except (OSError, ValueError, KeyError) as error:
        raise ChainError(f"expected the ABI of a contract {module!r}, found none") from error
    return dict(_plan(entry) for entry in abi if entry["type"] == "event")


def _plan(entry: Mapping[str, Any]) -> tuple[bytes, _Plan]:
    inputs = entry["inputs"]
    words: list[tuple[str, str]] = []
    nested = []
    arrays = []
    for item in inputs:
        if item["indexed"]:
            continue
        if item["type"] == "tuple":
            fields = item["components"]
            nested.append((item["name"], tuple(field["name"] for field in fields)))
            words.extend((f"{item['name']}.{field['name']}", field["type"]) for field in fields)
        elif array := _ARRAY.fullmatch(item["type"]):
            parts = tuple(f"{item['name']}[{index}]" for index in range(int(array[2])))
            arrays.append((item["name"], parts))
            words.extend((part, array[1]) for part in parts)
        else:
            words.append((item["name"], item["type"]))
    signature = f"{entry['name']}({','.join(_type(item) for item in inputs)})"
    return keccak(signature.encode()), _Plan(
        entry["name"],
        tuple(item["name"] for item in inputs if item["indexed"]),
        struct.Struct(">" + "".join(_word(entry["name"], kind) for _, kind in words)),
        tuple(name for name, _ in words),
        tuple(name for name, kind in words if kind in _WIDE_INTEGERS),
        tuple(nested),
        tuple(arrays),
    )


def _word(event: str, kind: str) -> str:
    try:
        return _WORDS[kind]
    except KeyError:
        raise ChainError(f"expected static types in {event}, found {kind}") from None


def _type(item: Mapping[str, Any]) -> str:
    """Return the canonical type (ABI specification, "Function Selector")."""
    if item["type"] != "tuple":
        return str(item["type"])
    fields: Sequence[Mapping[str, Any]] = item["components"]
    return f"({','.join(_type(field) for field in fields)})"


def subject_id(subject: bytes) -> int:
    """Return the id in a subject, whatever its kind; 0 for nobody."""
    return int.from_bytes(subject[24:], "big")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, int) and value > _MAX_SAFE_INTEGER:
        return str(value)
    return value
