import importlib.util
from pathlib import Path

import pytest
from eth_abi import decode as abi_decode
from eth_abi import encode

from provenance.chain import events
from provenance.errors import ChainError
from provenance.proofs.history import RawLog

TESTS = Path(__file__).resolve().parents[2]


def load_scenario():
    spec = importlib.util.spec_from_file_location("scenario", TESTS / "scenario.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCENARIO = load_scenario()
EXTREMES = {
    "address": ("0x" + "ab" * 20, "0x" + "ff" * 20),
    "bool": (True, False),
    "bytes2": (b"CN", b"\xff\x01"),
    "bytes12": (b"CN-SH-LG".ljust(12, b"\0"), b"\xff" * 12),
    "bytes32": (b"\x01" * 32, bytes(32)),
}


def value(kind, which):
    if kind.endswith("]"):
        kind, _, count = kind[:-1].rpartition("[")
        return tuple(value(kind, which) for _ in range(int(count)))
    if kind.startswith("("):
        return tuple(value(part, which) for part in kind[1:-1].split(","))
    if kind in EXTREMES:
        return EXTREMES[kind][which]
    return (1, 2 ** int(kind.removeprefix("uint")) - 1)[which]


def make_log(name, which=0):
    module, topic, types = SCENARIO.EVENTS[name]
    data = encode(types, [value(kind, which) for kind in types])
    count = sum(item["indexed"] for item in abi_inputs(name))
    topics = (topic, *(SCENARIO.party(index + 1) for index in range(count)))
    return RawLog(5, 0, SCENARIO.MODULES[module], topics, data), module


def abi_inputs(name):
    import json

    module = SCENARIO.EVENTS[name][0]
    abi = json.loads((SCENARIO.ABI / f"{module}.json").read_text())["abi"]
    return next(e["inputs"] for e in abi if e["type"] == "event" and e["name"] == name)


def expected(name, log):
    found = {}
    data = [item for item in abi_inputs(name) if not item["indexed"]]
    decoded = abi_decode(SCENARIO.EVENTS[name][2], log.data)
    for item, got in zip(data, decoded, strict=True):
        if item["type"] == "tuple":
            names = [field["name"] for field in item["components"]]
            found[item["name"]] = dict(zip(names, got, strict=True))
        else:
            found[item["name"]] = bytes.fromhex(got[2:]) if item["type"] == "address" else got
    indexed = [item["name"] for item in abi_inputs(name) if item["indexed"]]
    return found | dict(zip(indexed, log.topics[1:], strict=True))


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("name", sorted(SCENARIO.EVENTS))
def test_every_event_is_read_as_the_abi_says(name, which):
    log, module = make_log(name, which)
    event = events.decode(log, module)
    assert (event.name, event.module, event.log) == (name, module, log)
    assert event.arguments == expected(name, log)


def test_the_module_is_found_by_its_address():
    decoder = events.Decoder(SCENARIO.MODULES)
    log, module = make_log("HoldPlaced")
    assert decoder.decode(log) == events.decode(log, module)
    assert len(decoder.addresses) == len(events.MODULES)
    assert SCENARIO.MODULES["Forwarder"] not in decoder.addresses


def replaced(log, **changes):
    fields = ("block_number", "log_index", "address", "topics", "data")
    return RawLog(**{**{name: getattr(log, name) for name in fields}, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"address": b"\x77" * 20}, "expected a log of a module, found one of 0x7777"),
        ({"topics": ()}, "found topic none"),
        ({"topics": (b"\x01" * 32,)}, "found topic 0101"),
        ({"topics": lambda log: log.topics[:2]}, "with 3 topics and 160 bytes, found 2 and 160"),
        ({"data": lambda log: log.data[:-1]}, "found 3 and 159"),
        ({"data": lambda log: log.data + bytes(32)}, "found 3 and 192"),
        ({"data": lambda log: b"\x01" + log.data[1:]}, "canonical encoding"),
    ],
)
def test_other_bytes_are_refused(changes, message):
    log, _ = make_log("HoldPlaced")
    changed = {key: new(log) if callable(new) else new for key, new in changes.items()}
    with pytest.raises(ChainError, match=message):
        events.Decoder(SCENARIO.MODULES).decode(replaced(log, **changed))


def test_a_bool_is_zero_or_one():
    log, module = make_log("ClaimDecided")
    edited = log.data[:63] + b"\x02" + log.data[64:]
    with pytest.raises(ChainError, match="canonical"):
        events.decode(replaced(log, data=edited), module)


def test_a_contract_without_abi_is_refused():
    log, _ = make_log("HoldPlaced")
    with pytest.raises(ChainError, match="ABI of a contract 'Nothing'"):
        events.decode(log, "Nothing")


def test_dynamic_types_are_refused():
    log, _ = make_log("HoldPlaced")
    with pytest.raises(ChainError, match="expected static types in RequestFailed, found bytes"):
        events.decode(log, "Forwarder")


def test_the_id_of_a_subject():
    assert events.subject_id(SCENARIO.dataset(2**64 - 1)) == 2**64 - 1
    assert events.subject_id(bytes(32)) == 0
