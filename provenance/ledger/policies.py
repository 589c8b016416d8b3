"""Policies: read terms from JSON, an ODRL document or a ready-made licence; store them, once.

Promises: terms that are on the ledger already are not stored again; a document is in the document
store before its hash goes on chain. Must never change what a document says: what terms cannot
hold is refused.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.errors import ContractRevert, NotFoundError, ProvenanceError
from provenance.identifiers import DatasetId, PartyId, PolicyId, TerritoryId, urn
from provenance.ledger.datasets import latest_version
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.writing import write
from provenance.policy import json_form, licenses, terms
from provenance.policy.odrl.export import export as export_odrl
from provenance.policy.odrl.import_ import PROFILE_KEY, import_document
from provenance.policy.odrl.reading import read
from provenance.policy.odrl.rules import Scope
from provenance.policy.terms import Policy
from provenance.policy.territory import Territory

ZERO32 = bytes(32)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Terms that were read, not stored yet.

    Attributes:
        policy: the terms.
        source: ``json``, ``odrl`` or ``license``.
        spdx_id: identifier of the licence, or None.
        document: the ODRL document, or None.
        remarks: what a reader should know: where the document describes without deciding, of what
            and of whom it speaks, or why a licence has these terms.
        scope: of what and of whom the document speaks; None without a document. Terms do not hold
            it, grants do.
    """

    policy: Policy
    source: str
    spdx_id: str | None = None
    document: bytes | None = None
    remarks: tuple[str, ...] = ()
    scope: Scope | None = None

    @property
    def spdx_hash(self) -> bytes:
        """SHA-256 of the SPDX identifier, or 32 zero bytes."""
        return licenses.hash_of(self.spdx_id) if self.spdx_id else ZERO32

    @property
    def document_hash(self) -> bytes:
        """SHA-256 of the document, or 32 zero bytes."""
        return hashlib.sha256(self.document).digest() if self.document is not None else ZERO32

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "source": self.source,
            "terms": json_form.render(self.policy),
            "spdx_id": self.spdx_id,
            "document_hash": self.document_hash.hex() if self.document is not None else None,
            "remarks": list(self.remarks),
            "scope": None if self.scope is None else dict(_named(self.scope)),
        }


@dataclass(frozen=True, slots=True)
class PolicyStored:
    """Terms that are on the ledger.

    Attributes:
        policy_id: under which id.
        territory_id: the id of their territory; None for everywhere.
        proposal: the terms.
        content_hash: by what the ledger finds them again.
        receipt: the transaction; None if they were there before.
    """

    policy_id: PolicyId
    territory_id: TerritoryId | None
    proposal: Proposal
    content_hash: bytes
    receipt: WriteReceipt | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "policy_id": self.policy_id,
            "territory_id": self.territory_id,
            "stored": self.receipt is not None,
            "content_hash": self.content_hash.hex(),
            **self.proposal.to_json(),
            **(self.receipt.to_json() if self.receipt else {}),
        }


def of_json(fields: Mapping[str, object]) -> Proposal:
    """Return the terms of a JSON object (``policy.json_form``).

    Raises:
        InvalidPolicy: an unknown key, or a value out of range.
        InputError: an unknown word.
    """
    return Proposal(json_form.parse(fields), "json")


def of_odrl(document: bytes, profiles: Iterable[str] = ()) -> Proposal:
    """Return the terms of an ODRL document.

    Args:
        document: JSON-LD in UTF-8.
        profiles: IRIs of profiles that are known to add no meaning.

    Raises:
        UnsupportedOdrlTerm: it says something that terms cannot hold.
        InvalidDocument: it is not JSON-LD, or not one policy.
        InvalidPolicy: terms that the contract refuses.
        TooLarge: it is over the reader's limits.
    """
    found = import_document(document, profiles=profiles)
    named = [
        f"{role} {', '.join(iris)}: terms are for anyone, a grant says for what and for whom"
        for role, iris in _named(found.scope)
        if iris
    ]
    remarks = (*found.annotations, *named)
    return Proposal(found.policy, "odrl", document=document, remarks=remarks, scope=found.scope)


def said_besides(ledger: Ledger, document_hash: bytes | None) -> dict[str, Any]:
    """Return remarks and scope of the document of stored terms; nothing if it is not here.

    A hash on the ledger may be of anything: of what cannot be read as ODRL, the remark is that.
    """
    if document_hash is None:
        return {"remarks": None, "scope": None}
    try:
        document = ledger.documents.get(document_hash)
        found = of_odrl(document, read(document).identifiers(PROFILE_KEY)).to_json()
    except NotFoundError:
        return {"remarks": None, "scope": None}
    except ProvenanceError as error:
        remark = f"the document of these terms cannot be read: {error!s:.300}"
        return {"remarks": [remark], "scope": None}
    return {name: found[name] for name in ("remarks", "scope")}


def of_license(spdx_id: str) -> Proposal:
    """Return the ready-made terms of a licence.

    Raises:
        NotFoundError: none are ready for it.
    """
    found = licenses.find(spdx_id)
    return Proposal(found.policy, "license", spdx_id=found.spdx_id, remarks=(found.reason,))


def require_storable(proposal: Proposal, now: float) -> None:
    """Refuse terms that the contract would not store, as `store` does; a dry run asks this alone.

    Args:
        proposal: the terms.
        now: Unix seconds; terms that are over are refused.

    Raises:
        PolicyConflict: an action is both permitted and prohibited.
        InvalidPolicy: a field is out of range.
    """
    terms.require_valid(proposal.policy, int(now))


def store(
    ledger: Ledger, signer: str, proposal: Proposal, *, idempotency_key: str | None = None
) -> PolicyStored:
    """Put terms on the ledger, their territory and document first.

    Args:
        ledger: the ledger.
        signer: name of the key that signs.
        proposal: the terms.
        idempotency_key: see :func:`provenance.ledger.writing.write`; terms are stored once anyway.

    Raises:
        InvalidPolicy: the contract would refuse them.
        ContractRevert: the contract refuses them.
    """
    require_storable(proposal, ledger.client.head().timestamp)
    if proposal.document is not None:
        ledger.documents.put(proposal.document)
    territory_id = _territory(ledger, signer, proposal.policy.territory, idempotency_key)
    content = _content_hash(proposal, territory_id)
    known = _by_content(ledger, content)
    if known is not None:
        return PolicyStored(known, territory_id or None, proposal, content, None)
    written = write(
        ledger,
        signer,
        "Policies",
        "storePolicy",
        terms.encode(proposal.policy, territory_id),
        proposal.spdx_hash,
        proposal.document_hash,
        idempotency_key=idempotency_key,
    )
    found = _by_content(ledger, content)
    if found is None:
        raise NotFoundError("policy of content", content.hex())
    return PolicyStored(found, territory_id or None, proposal, content, written.receipt)


def find(ledger: Ledger, proposal: Proposal) -> PolicyId | None:
    """Return the id of terms that are on the ledger, or None."""
    territory = proposal.policy.territory
    territory_id = 0 if territory is None else _territory_id(ledger, territory)
    if territory is not None and not territory_id:
        return None
    return _by_content(ledger, _content_hash(proposal, territory_id))


def on_chain(ledger: Ledger, policy_id: PolicyId) -> Policy:
    """Return the terms of a policy as the contract has them.

    Raises:
        NotFoundError: there is none.
    """
    (values,) = ledger.call("Policies", "policy", policy_id)
    territory_id = values[terms.FIELDS.index("territory")]
    territory = None
    if territory_id:
        (words,) = ledger.call("Policies", "territory", territory_id)
        territory = Territory.from_words(words)
    return terms.decode(values, territory)


def export(
    ledger: Ledger,
    policy_id: PolicyId,
    *,
    dataset_id: DatasetId | None = None,
    assigner: PartyId | None = None,
    assignee: PartyId | None = None,
) -> bytes:
    """Return the terms of a policy as an ODRL document.

    Args:
        ledger: the ledger.
        policy_id: the policy.
        dataset_id: what it is about; ODRL tools want a target.
        assigner: who grants; makes it an Offer, or with an assignee an Agreement.
        assignee: who is granted.

    Raises:
        NotFoundError: there is no such policy, or no such dataset.
    """
    if dataset_id is not None:
        latest_version(ledger, dataset_id)  # refuses a dataset that is not there

    def name(kind: str, identifier: int) -> str:
        return urn(ledger.chain_id, ledger.address("Directory"), kind, identifier)

    return export_odrl(
        on_chain(ledger, policy_id),
        name("policy", policy_id),
        targets=[name("dataset", dataset_id)] if dataset_id else [],
        assigner=name("party", assigner) if assigner else None,
        assignees=[name("party", assignee)] if assignee else [],
    )


def _named(scope: Scope) -> list[tuple[str, list[str]]]:
    """Return of what and of whom a document speaks, by ODRL's words."""
    return [
        ("target", sorted(scope.targets)),
        ("assigner", sorted(scope.assigners)),
        ("assignee", sorted(scope.assignees)),
    ]


def _content_hash(proposal: Proposal, territory_id: int) -> bytes:
    hashes = (proposal.spdx_hash, proposal.document_hash)
    return terms.content_hash(proposal.policy, territory_id, *hashes)


def _by_content(ledger: Ledger, content: bytes) -> PolicyId | None:
    (found,) = ledger.call("Policies", "policyByContent", content)
    return PolicyId(found) if found else None


def _territory_id(ledger: Ledger, territory: Territory) -> TerritoryId:
    words = b"".join(word.to_bytes(32, "big") for word in territory.words())
    (found,) = ledger.call("Policies", "territoryByContent", hashlib.sha256(words).digest())
    return TerritoryId(found)


def _territory(
    ledger: Ledger, signer: str, territory: Territory | None, idempotency_key: str | None
) -> TerritoryId:
    """Return the id of a territory, stored if it is new; 0 for everywhere."""
    if territory is None:
        return TerritoryId(0)
    known = _territory_id(ledger, territory)
    if known:
        return known
    key = None if idempotency_key is None else f"{idempotency_key}:territory"
    write(ledger, signer, "Policies", "storeTerritory", territory.words(), idempotency_key=key)
    found = _territory_id(ledger, territory)
    if not found:
        raise ContractRevert("NotFound", {"kind": "territory"})
    return found
