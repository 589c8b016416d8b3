"""A new home: keys, chain, contracts, and the parties that let others in.

Promises: an interrupted run is finished by the next one, whatever it had done; a finished home is
never set up again. Must never print or return a password.

The first parties (domain 3.2): ``admin`` is the root admin's key and pays for gas; ``exchange``
gives and takes market roles, ``regulator`` those of supervision; then one party of the user's own.
All their transactions are chained by nonce and handed over at once, so that they need a block or
two (the embedded chain makes at most one a second).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from provenance.chain import deployments, ownership
from provenance.chain.keystore import PasswordSource, load_or_create_password
from provenance.chain.outbox import Request
from provenance.config import Settings
from provenance.errors import ChainError, ConflictError
from provenance.identifiers import Address, PartyId
from provenance.ledger import checkpoints
from provenance.ledger.connecting import connect_remote
from provenance.ledger.files import write_whole
from provenance.ledger.opening import (
    ADMIN,
    COMPLETE_FILE,
    Ledger,
)
from provenance.ledger.parties import (
    DEFAULT_ROLES,
    EXCHANGE,
    REGULATOR,
    Profile,
    require_name,
)
from provenance.ledger.passwords import PASSWORD_VARIABLE, password_source
from provenance.ledger.vocabulary import ROLES, SUPERVISION_ROLES, bits_of

DEFAULT_NAME = "founder"
DEFAULT_COUNTRY = "CN"
_GAS = 2_000_000  # naming the admin of all market roles writes a slot for each
_GENESIS_WEI = 10**27
_GAS_MONEY_WEI = 10**17

Report = Callable[[str], None]
"""Told, in a few words, what is being done."""


@dataclass(frozen=True, slots=True)
class NewHome:
    """A home that was set up.

    Attributes:
        home: its folder.
        chain_id: EIP-155 id of its chain.
        directory: address of the directory of its contracts.
        party_id: the first party of the user's own.
        name: name of that party's key.
        parties: ids of all first parties by name.
        verifier_key: opens the checkpoints of this ledger.
    """

    home: Path
    chain_id: int
    directory: Address
    party_id: PartyId
    name: str
    parties: dict[str, PartyId]
    verifier_key: str

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "home": str(self.home),
            "chain_id": self.chain_id,
            "directory": "0x" + self.directory.hex(),
            "party_id": self.party_id,
            "name": self.name,
            "parties": dict(self.parties),
            "verifier_key": self.verifier_key,
        }


def initialise(
    settings: Settings,
    *,
    name: str = DEFAULT_NAME,
    country: str = DEFAULT_COUNTRY,
    roles: Iterable[str] = DEFAULT_ROLES,
    password: PasswordSource | None = None,
    report: Report = lambda _: None,
) -> NewHome:
    """Set a home up, or finish what an interrupted run began.

    Args:
        settings: where, and on which chain.
        name: name of the first party's key.
        country: its country.
        roles: its roles.
        password: asked for the password of each key; by default the variable
            ``PROVENANCE_PASSWORD``, else a file that is made with a random one.
        report: told what is being done.

    Raises:
        ConflictError: the home is complete, or the name is reserved.
        InputError: a role or the country is unknown, or the name reads as an id or an account.
        ChainOwned: another process keeps the embedded chain.
    """
    if name in (ADMIN, EXCHANGE, REGULATOR):
        raise ConflictError(f"expected a name other than {name}, which this home needs itself")
    require_name(name)
    profile = Profile.of_words(country)
    founders = _founders(name, profile, bits_of(ROLES, roles, "a role"))
    complete = settings.home / COMPLETE_FILE
    if complete.exists():
        raise ConflictError(f"{settings.home} is complete already; nothing was changed")
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    report("making keys")
    source = password or _password_source(settings)
    with _opened(settings, source, founders) as ledger:
        ledger.checkpoint_key  # noqa: B018 - made now, so that it is part of every backup
        found = _found(ledger, founders, report)
        result = NewHome(
            settings.home,
            ledger.chain_id,
            ledger.address("Directory"),
            found[name],
            name,
            found,
            str(checkpoints.verifier_key(ledger)),
        )
    write_whole(complete, f"{name}\n".encode())
    return result


@dataclass(frozen=True, slots=True)
class _Founder:
    """A party that a new home registers."""

    name: str
    profile: Profile
    roles: int


def _found(ledger: Ledger, founders: Sequence[_Founder], report: Report) -> dict[str, PartyId]:
    """Deploy the contracts, register the first parties, build the index, pin the chain."""
    admin = ledger.key(ADMIN)
    report("deploying the contracts")
    deployments.deploy(
        ledger.settings.home,
        ledger.client,
        ledger.transactions,
        admin,
        ledger.contracts,
        admin.address,
    )
    report("registering the first parties")
    found = _register(ledger, founders)
    report("building the index")
    ledger.sync()
    checkpoints.pin_own(ledger)
    return found


def _founders(name: str, profile: Profile, roles: int) -> tuple[_Founder, ...]:
    authority = Profile.of_words(profile.country, kind="public_body")
    return (
        _Founder(EXCHANGE, profile, ROLES["exchange"]),
        _Founder(REGULATOR, authority, bits_of(ROLES, ("regulator", "arbiter"), "a role")),
        _Founder(name, profile, roles),
    )


def _password_source(settings: Settings) -> PasswordSource:
    import os

    if not os.environ.get(PASSWORD_VARIABLE):
        load_or_create_password(settings.password_path)
    return password_source(settings)


@contextmanager
def _opened(
    settings: Settings, password: PasswordSource, founders: Iterable[_Founder]
) -> Iterator[Ledger]:
    """Open a ledger that may not have a chain yet; its keys are made first."""
    from provenance.chain.keystore import Keystore

    keystore = Keystore(settings.home / "keys")
    known = keystore.names()
    for name in (ADMIN, *(founder.name for founder in founders)):
        if name not in known:
            keystore.create(name, password(name))
    with ExitStack() as closing:
        if not settings.is_embedded:
            node = connect_remote(settings, closing)
            yield Ledger(settings, node, password, closing)
            return
        accounts = [keystore.address(ADMIN)] + [keystore.address(f.name) for f in founders]
        balances = {
            account: _GENESIS_WEI if index == 0 else _GAS_MONEY_WEI
            for index, account in enumerate(accounts)
        }
        owned = closing.enter_context(
            ownership.OwnedChain(settings.home, balances, mining="on_wait")
        )
        yield Ledger(settings, owned.chain, password, closing, owned)


def _register(ledger: Ledger, founders: Sequence[_Founder]) -> dict[str, PartyId]:
    """Register what is not registered yet, and fill the two offices."""
    (count,) = ledger.call("Parties", "count")
    known = {founder.name: _party_of(ledger, founder.name) for founder in founders}
    # only the admin's key registers before the offices are filled, so ids follow from the order
    expected = {
        founder.name: known[founder.name] or PartyId(count + index)
        for index, founder in enumerate(
            sorted(founders, key=lambda founder: known[founder.name] is not None), start=1
        )
    }
    requests = [
        _submit(ledger, "register", *_registration(ledger, founder))
        for founder in founders
        if known[founder.name] is None
    ]
    market = sum(bit for word, bit in ROLES.items() if word not in SUPERVISION_ROLES)
    supervision = bits_of(ROLES, SUPERVISION_ROLES, "a role")
    requests += [
        _submit(ledger, "setRoleAdmin", bits, expected[name])
        for bits, name in ((market, EXCHANGE), (supervision, REGULATOR))
        if not _administers(ledger, bits, expected[name])
    ]
    for request in requests:
        ledger.transactions.wait(request, ledger.key(ADMIN))
    found = {founder.name: ledger.party_of_signer(founder.name) for founder in founders}
    if found != expected:
        raise ChainError(f"expected first parties {expected}, found {found}")
    return found


def _registration(ledger: Ledger, founder: _Founder) -> tuple[object, ...]:
    account = ledger.keystore.address(founder.name)
    return account, founder.profile.values(), founder.roles


def _submit(ledger: Ledger, function: str, *arguments: object) -> Request:
    data = ledger.contracts["Parties"].encode(function, *arguments)
    # a second run finds what an interrupted one handed over
    key = f"setup:{function}:{data.hex()}"
    return ledger.transactions.submit(
        ledger.key(ADMIN), ledger.address("Parties"), data, _GAS, idempotency_key=key
    )


def _administers(ledger: Ledger, bits: int, party_id: PartyId) -> bool:
    (found,) = ledger.call("Parties", "roleAdmin", bits & -bits)
    return bool(found == party_id)


def _party_of(ledger: Ledger, name: str) -> PartyId | None:
    return ledger.party_of(Address(ledger.keystore.address(name)))
