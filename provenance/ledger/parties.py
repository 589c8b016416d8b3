"""Parties: admit them, find them, give them roles.

Promises: a party that this home hosts has an encrypted key under its name before the ledger hears
of it, so that no party is ever registered whose key is lost. Must never put a name on chain: names
are personal data; they are this home's names for its keys. Nor a credential: only a salted
commitment to it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from provenance.errors import CommitmentMismatch, InputError, KeystoreError, NotFoundError
from provenance.identifiers import (
    Address,
    Digest32,
    PartyId,
    format_address,
    parse_address,
    parse_id,
)
from provenance.ledger import commitments
from provenance.ledger.commitments import Drawn
from provenance.ledger.opening import ADMIN, Ledger
from provenance.ledger.receipts import WriteReceipt
from provenance.ledger.vocabulary import (
    FLAGS,
    PARTY_KINDS,
    ROLES,
    bits_of,
    country_bytes,
    number_of,
    words_of,
    zone_bytes,
)
from provenance.ledger.writing import DEFAULT_GAS, Written, request_hash_of, write
from provenance.proofs.commitments import require_opened

EXCHANGE = "exchange"
"""Name of the key of the party that gives and takes market roles."""

REGULATOR = "regulator"
"""Name of the key of the party that gives and takes roles of supervision."""

DEFAULT_ROLES = ("supplier", "consumer")
_NO_STATUS = 0  # of a party that does not exist (``Party.sol``)
_LIKE_AN_ID = re.compile(r"0[xX]|[0-9]+\Z", re.ASCII)
_PARTY = re.compile(r"party:([0-9]+)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Profile:
    """What is declared about a party; no name, no contact (they would be personal data).

    Attributes:
        country: ISO 3166-1 alpha-2, upper case.
        zone: code of a zone, ASCII, at most 12; empty for none.
        kind: of ``PARTY_KINDS``.
        flags: bits of ``FLAGS``.
        sectors: bits of sectors.
        credential_hash: commitment to licence, name and contact (design 4.2), 32 bytes.
    """

    country: str
    zone: str = ""
    kind: int = PARTY_KINDS["company"]
    flags: int = 0
    sectors: int = 1
    credential_hash: bytes = bytes(32)

    @classmethod
    def of_words(
        cls,
        country: str,
        *,
        zone: str = "",
        kind: str = "company",
        flags: Iterable[str] = (),
        sectors: int = 1,
        credential_hash: bytes = bytes(32),
    ) -> "Profile":
        """Return the profile that words describe.

        Raises:
            InputError: a word is unknown, or a value is out of range.
        """
        profile = cls(
            country,
            zone,
            number_of(PARTY_KINDS, kind, "a kind of party"),
            bits_of(FLAGS, flags, "a flag"),
            sectors,
            credential_hash,
        )
        profile.values()
        return profile

    def values(self) -> tuple[int | bytes, ...]:
        """Return the fields in the order of the Solidity struct.

        Raises:
            InputError: the country or the zone is malformed.
        """
        return (
            self.kind,
            self.flags,
            country_bytes(self.country),
            zone_bytes(self.zone),
            self.sectors,
            self.credential_hash,
        )


@dataclass(frozen=True, slots=True)
class PartyAdded:
    """A party that was registered.

    Attributes:
        party_id: its id.
        name: name of its key in this home; None when its key is elsewhere.
        account: its first account.
        roles: its roles.
        credential_hash: commitment to its credential, 32 bytes, or None.
        credential_salt: salt of it, 16 bytes; None unless the credential was shown here.
        receipt: the transaction.
    """

    party_id: PartyId
    name: str | None
    account: Address
    roles: tuple[str, ...]
    credential_hash: Digest32 | None
    credential_salt: bytes | None = field(repr=False)
    receipt: WriteReceipt

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "party_id": self.party_id,
            "name": self.name,
            "account": format_address(self.account),
            "roles": list(self.roles),
            "credential_hash": self.credential_hash.hex() if self.credential_hash else None,
            "credential_salt": self.credential_salt.hex() if self.credential_salt else None,
            **self.receipt.to_json(),
        }


@dataclass(frozen=True, slots=True)
class PartyRef:
    """A party that was found: its id, and its name in this home if it has one."""

    party_id: PartyId
    name: str | None


def add(
    ledger: Ledger,
    name: str,
    profile: Profile,
    roles: Iterable[str] = DEFAULT_ROLES,
    *,
    account: Address | None = None,
    credential: bytes | None = None,
    idempotency_key: str | None = None,
) -> PartyAdded:
    """Register a party; the holder of the office that gives these roles signs.

    Args:
        ledger: the ledger.
        name: name of its key in this home; the key is made unless an account is given.
        profile: what is declared about it.
        roles: its roles.
        account: account of a key that is kept elsewhere.
        credential: document to commit to, under a salt that stays in the home.
        idempotency_key: see :func:`provenance.ledger.writing.write`.

    Raises:
        InputError: a role is unknown, the name is reserved, or the profile has a credential too.
        KeystoreError: the name belongs to a party already.
        ContractRevert: the contracts refuse it.
    """
    if credential is not None and any(profile.credential_hash):
        raise InputError("expected a credential or its hash, found both")
    bits = bits_of(ROLES, roles, "a role")
    office = office_for(ledger, bits)
    if account is None:
        account = account_for(ledger, name)
        ledger.fund(account, DEFAULT_GAS, wait=False)
    with commitments.drawn(ledger, credential) as drawn:
        declared = replace(profile, credential_hash=drawn.commitment) if drawn else profile
        written = write(
            ledger,
            office,
            "Parties",
            "register",
            *(account, declared.values(), bits),
            idempotency_key=idempotency_key,
            # without the salt, which is another one each time
            request_hash=request_hash_of("register", account, profile.values(), bits, credential),
        )
    return _added(ledger, written, account, bits, drawn)


def require_credential(ledger: Ledger, party_id: PartyId, document: bytes, salt: bytes) -> Digest32:
    """Raise an error unless a document is the credential of a party; return the commitment.

    Args:
        ledger: the ledger.
        party_id: the party.
        document: the document in hand.
        salt: its salt, 16 bytes.

    Raises:
        InputError: the salt has another length.
        CommitmentMismatch: the credential or its salt is another one, or there is none.
    """
    (party,) = ledger.call("Parties", "party", party_id)
    committed = party[-1]
    if not any(committed):
        raise CommitmentMismatch(f"expected party {party_id} with a credential, found none")
    require_opened(committed, document, salt)
    return Digest32(committed)


def _added(
    ledger: Ledger, written: Written, account: Address, bits: int, drawn: Drawn | None
) -> PartyAdded:
    event = written.event("PartyRegistered")
    committed = event.arguments["profile"]["credentialHash"]
    return PartyAdded(
        PartyId(written.id_in(event, "party")),
        hosted_name(ledger, account),
        account,
        words_of(ROLES, bits),
        Digest32(committed) if any(committed) else None,
        drawn.settle(committed) if drawn else None,
        written.receipt,
    )


def account_for(ledger: Ledger, name: str) -> Address:
    """Return the account of a new party's key, made unless an interrupted run made it.

    Raises:
        InputError: the name reads as an id or an account.
        KeystoreError: the name belongs to a party already.
    """
    require_name(name)
    if name == ADMIN:
        raise KeystoreError(f"the name {ADMIN} is reserved for the key that pays")
    if name not in ledger.keystore.names():
        return ledger.keystore.create(name, ledger.password(name)).address
    account = Address(ledger.keystore.address(name))
    if (known := ledger.party_of(account)) is not None:
        raise KeystoreError(f"the name {name} belongs to party {known} already")
    return account


def require_name(name: str) -> None:
    """Refuse a name that :func:`resolve` would take for something else.

    Raises:
        InputError: it reads as an id or an account.
    """
    if _LIKE_AN_ID.match(name):
        raise InputError(
            f"expected a name, found one that reads as an id or account: {name[:80]!a}"
        )


class Standing(NamedTuple):
    """What a party may be, and who has the say over it.

    Attributes:
        roles: bits of its roles.
        admission: the role whose office has the say over its profile, status and lost keys.
        barred: whether a regulator suspended it.
    """

    roles: int
    admission: int
    barred: bool


def standing_of(ledger: Ledger, party_id: PartyId) -> Standing:
    """Return how a party stands, as the chain has it.

    Raises:
        NotFoundError: there is no such party.
    """
    (party,) = ledger.call("Parties", "party", party_id)
    if party[1] == _NO_STATUS:
        raise NotFoundError("party", party_id)
    return Standing(party[6], 1 << party[10], party[11])


def office_for(ledger: Ledger, roles: int) -> str:
    """Return the name of the key that gives these roles.

    Raises:
        InputError: there is no role, or no one office gives them all.
        KeystoreError: the office's key is not in this home.
    """
    if not roles:
        raise InputError("expected at least one role, found none")
    admins = {bit: _admin_of(ledger, bit) for bit in ROLES.values() if roles & bit}
    if len(set(admins.values())) != 1:
        given = ", ".join(words_of(ROLES, roles))
        raise InputError(
            f"expected roles that one office gives, found {given}: give those of one office, "
            "and then add the others (provenance parties set-roles)"
        )
    party_id = next(iter(admins.values()))
    if not party_id:
        return ADMIN
    name = name_of_party(ledger, party_id)
    if name is None:
        raise KeystoreError(f"the key of party {party_id}, which gives these roles, is not here")
    return name


def hosted_name(ledger: Ledger, account: Address) -> str | None:
    """Return the name of a key of this home by its account."""
    for name in ledger.keystore.names():
        if ledger.keystore.address(name) == account:
            return name
    return None


def name_of_party(ledger: Ledger, party_id: PartyId) -> str | None:
    """Return the name of a key of this home that acts for a party."""
    return ledger.names().get(party_id)


def resolve(ledger: Ledger, text: str) -> PartyRef:
    """Return the party that a name, an account or ``party:ID`` stands for.

    Raises:
        NotFoundError: there is none.
        InvalidIdentifier: an account that does not parse.
    """
    if found := _PARTY.match(text):
        party_id = PartyId(parse_id(found[1]))
        (count,) = ledger.call("Parties", "count")
        if party_id > count:
            raise NotFoundError("party", party_id)
        return PartyRef(party_id, name_of_party(ledger, party_id))
    if text.startswith("0x"):
        account = parse_address(text)
        known = ledger.party_of(account)
        if known is None:
            raise NotFoundError("party of account", text)
        return PartyRef(known, hosted_name(ledger, account))
    try:
        return PartyRef(ledger.party_of_signer(text), text)
    except KeystoreError:
        raise NotFoundError("party named", text) from None


def _admin_of(ledger: Ledger, role: int) -> PartyId:
    (found,) = ledger.call("Parties", "roleAdmin", role)
    return PartyId(found)
