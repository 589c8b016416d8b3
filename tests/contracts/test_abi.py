"""What the interfaces of the contracts cannot do, whatever the code says."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "provenance" / "chain" / "abi"
ARTIFACTS = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
MODULES = (
    *("Parties", "Supervision", "Titles", "Datasets", "Policies", "Licenses"),
    *("Lineage", "Anchors"),
)
# What is about nobody goes into the head of the ledger alone.
ABOUT_NOBODY = {"PolicyStored", "TerritoryStored"}

# Every function that writes, spelled out: a new one is a decision, made here too. None of them
# deletes or edits what was recorded. Whoever adds one says in INVARIANTS.md why that stays so.
WRITERS = {
    "Directory": "acceptRootAdmin add proposeRootAdmin seal",
    "Forwarder": "cancelNonce relay relayBatch",
    "History": "record",
    "Parties": "confirmAccount confirmRecovery delegate objectToRecovery proposeAccount"
    " proposeRecovery register removeAccount restore setHeld setRoleAdmin setRoles suspend update",
    "Supervision": "lift order place release",
    "Titles": "acceptTransfer cancelTransfer close open startTransfer",
    "Datasets": "commit concede decide deregister publish publishDerived recordErasure"
    " register registerDerived setActivity setHeld withdrawVersion",
    "Policies": "storeFold storePolicy storeTerritory",
    "Licenses": "acceptAssignment activate closeOffer consentToAssignment exercise issue offer"
    " proposeAssignment report resume revoke setHeld suspend takeUp tidy use",
    "Lineage": "derive record supersede",
    "Anchors": "anchor",
    "Proofs": "",
}


def entries(name, kind):
    return [entry for entry in ARTIFACTS[name]["abi"] if entry["type"] == kind]


def test_every_contract_is_looked_at():
    assert set(ARTIFACTS) == set(WRITERS)


@pytest.mark.parametrize("name", ARTIFACTS)
def test_no_function_deletes_or_edits(name):
    functions = entries(name, "function")
    writing = {f["name"] for f in functions if f["stateMutability"] not in ("view", "pure")}
    assert writing == set(WRITERS[name].split())


@pytest.mark.parametrize("name", ARTIFACTS)
def test_no_contract_takes_value(name):
    kinds = {entry["type"] for entry in ARTIFACTS[name]["abi"]}
    assert not kinds & {"receive", "fallback"}
    assert all(f["stateMutability"] != "payable" for f in entries(name, "function"))


@pytest.mark.parametrize("name", ARTIFACTS)
def test_no_contract_can_destroy_itself_or_run_foreign_code(name):
    assert not {0xFF, 0xF4, 0xF2} & set(opcodes(bytes.fromhex(deployed(name))))


def deployed(name):
    return ARTIFACTS[name]["deployedBytecode"].removeprefix("0x")


def opcodes(code):
    """Yield the instructions up to the first that is none: what follows is data."""
    position = 0
    while position < len(code):
        opcode = code[position]
        yield opcode
        position += 1 + max(0, opcode - 0x5F if 0x60 <= opcode <= 0x7F else 0)


@pytest.mark.parametrize("name", MODULES)
def test_events_of_modules_index_subjects_only(name):
    events = entries(name, "event")
    assert events
    for event in events:
        indexed = [item for item in event["inputs"] if item["indexed"]]
        assert len(indexed) <= 3
        assert (len(indexed) == 0) == (event["name"] in ABOUT_NOBODY)
        assert all(item["internalType"] == "Subject" for item in indexed), event["name"]


def test_heads_have_their_frozen_slots():
    layout = {entry["label"]: entry["slot"] for entry in ARTIFACTS["History"]["storageLayout"]}
    assert (layout["_heads"], layout["_ledgerHead"]) == (0, 1)
