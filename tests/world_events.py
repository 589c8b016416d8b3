"""Subjects and logs of events, encoded by ``eth_abi`` and the ABI files as contracts do it."""

import hashlib
import json
from pathlib import Path

from eth_abi import encode
from eth_hash.auto import keccak

import provenance.chain
from provenance.identifiers import SubjectKind, subject_of

ABI = Path(provenance.chain.__file__).parent / "abi"
CHAIN_ID = 41_337
MODULES = {
    name: bytes([index]) * 20
    for index, name in enumerate(
        (
            *("Forwarder", "History", "Parties", "Supervision", "Titles", "Datasets"),
            *("Policies", "Licenses", "Lineage", "Anchors"),
        ),
        start=1,
    )
}
ZERO = bytes(32)


def sha(*parts):
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


def party(identifier):
    return subject_of(SubjectKind.PARTY, identifier) if identifier else ZERO


def dataset(identifier):
    return subject_of(SubjectKind.DATASET, identifier)


def grant(identifier):
    return subject_of(SubjectKind.GRANT, identifier)


def _type(item):
    if item["type"] != "tuple":
        return item["type"]
    return f"({','.join(_type(field) for field in item['components'])})"


def _load():
    found = {}
    for module in MODULES.keys() - {"Forwarder", "History"}:
        for entry in json.loads((ABI / f"{module}.json").read_text())["abi"]:
            if entry["type"] == "event":
                inputs = entry["inputs"]
                types = [_type(item) for item in inputs]
                topic = keccak(f"{entry['name']}({','.join(types)})".encode())
                data = [_type(item) for item in inputs if not item["indexed"]]
                found[entry["name"]] = (module, topic, data)
    return found


EVENTS = _load()


def raw(name, subjects, values):
    """Return module address, topics and data of an event."""
    module, topic, types = EVENTS[name]
    return MODULES[module], (topic, *subjects), encode(types, values)
