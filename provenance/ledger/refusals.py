"""What a contract's refusal of a question means to whoever asked.

Promises: what is not there is not found, whoever says so. Must never hide another reason.
"""

from provenance.errors import ContractRevert, NotFoundError, ProvenanceError

_KINDS = (
    *("ledger", "party", "dataset", "grant", "version", "transfer", "hold", "commitment"),
    *("proposal", "policy", "territory", "offer", "activity"),
)
"""Kinds of things by number (``Subject.sol``)."""


def refusal_of(revert: ContractRevert) -> ProvenanceError:
    """Return a revert of a question: what is not there is not found, here as everywhere."""
    kind = revert.arguments.get("kind")
    if revert.name == "NotFound" and isinstance(kind, int) and kind < len(_KINDS):
        return NotFoundError(_KINDS[kind], revert.arguments.get("id"))
    return revert
