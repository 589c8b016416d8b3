"""What a contract's refusal means to whoever asked.

Promises: what is not there is not found, whoever says so; names of fields and modules are text,
units are by right. Must never hide another reason, or change what it does not know.
"""

from typing import Any

from provenance.errors import ContractRevert, NotFoundError, ProvenanceError
from provenance.ledger.vocabulary import Units

_KINDS = (
    *("ledger", "party", "dataset", "grant", "version", "transfer", "hold", "commitment"),
    *("proposal", "policy", "territory", "offer", "activity"),
)
"""Kinds of things by number (``Subject.sol``)."""

_NAMES = frozenset(
    [("BadModule", "name"), ("UnknownModule", "name")]
    + [
        (error, "field")
        for error in (
            *("InvalidField", "ScopeExceedsParent", "PolicyExceedsCeiling", "CeilingNarrower"),
            "IncompatibleInputs",
        )
    ]
)
_UNITS = frozenset([("UnitsMissing", "free"), ("UnitsMissing", "asked")])


def refusal_of(revert: ContractRevert) -> ProvenanceError:
    """Return a revert as doors say it: what is not there is not found, here as everywhere."""
    kind = revert.arguments.get("kind")
    if revert.name == "NotFound" and isinstance(kind, int) and kind < len(_KINDS):
        return NotFoundError(_KINDS[kind], revert.arguments.get("id"))
    said = {name: _said(revert.name, name, value) for name, value in revert.arguments.items()}
    return revert if said == revert.arguments else ContractRevert(revert.name, said)


def _said(error: str, name: str, value: Any) -> Any:
    """Return an argument as people read it; as it is if it is not what the contract would say."""
    if (error, name) in _NAMES and isinstance(value, str):
        return _text(value)
    if (error, name) in _UNITS and isinstance(value, int):
        return Units.unpack(value).to_json()
    return value


def _text(word: str) -> str:
    """Return a short ASCII text that stands left in a word of 32 bytes."""
    try:
        text = bytes.fromhex(word.removeprefix("0x")).rstrip(b"\0").decode("ascii")
    except ValueError:
        return word
    return text if text.isprintable() and text else word
