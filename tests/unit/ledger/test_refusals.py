"""What a contract's refusal says to whoever asked."""

import pytest

from provenance.errors import ContractRevert, NotFoundError
from provenance.ledger.refusals import refusal_of


def word(text):
    return "0x" + text.encode().ljust(32, b"\0").hex()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("InvalidField", "field"),
        ("ScopeExceedsParent", "field"),
        ("PolicyExceedsCeiling", "field"),
        ("CeilingNarrower", "field"),
        ("IncompatibleInputs", "field"),
        ("BadModule", "name"),
        ("UnknownModule", "name"),
    ],
)
def test_names_are_text(error, name):
    found = refusal_of(ContractRevert(error, {name: word("taker")}))
    assert found.arguments == {name: "taker"}
    assert str(found) == f"{error}({name}=taker)"


def test_units_are_by_right():
    arguments = {"dataset": 1, "party": 4, "free": 0, "asked": 42950328330000}
    found = refusal_of(ContractRevert("UnitsMissing", arguments))
    assert found.arguments["free"] == {"hold": 0, "use": 0, "operate": 0}
    assert found.arguments["asked"] == {"hold": 10_000, "use": 10_000, "operate": 10_000}
    assert found.arguments["party"] == 4


@pytest.mark.parametrize("value", ["0x" + "ff" * 32, "0x" + "00" * 32, "0x" + "07" * 32, "zz", 7])
def test_what_is_no_name_stays(value):
    revert = ContractRevert("InvalidField", {"field": value})
    assert refusal_of(revert) is revert


def test_hashes_of_others_stay():
    revert = ContractRevert("HeadMoved", {"expected": word("taker"), "found": word("giver")})
    assert refusal_of(revert) is revert


def test_what_is_not_there_is_not_found():
    found = refusal_of(ContractRevert("NotFound", {"kind": 3, "id": 9}))
    assert isinstance(found, NotFoundError)
    assert found.kind == "grant"
    unknown = ContractRevert("NotFound", {"kind": 99, "id": 9})
    assert refusal_of(unknown) is unknown
