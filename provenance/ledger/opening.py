"""Opening a ledger: everything that the use cases need, made when it is first used.

Promises: one process owns the embedded chain, or speaks to its owner; everything that was opened
is closed, in order, whatever happens. Must never ask for a password before a key is needed.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from provenance.chain import deployments
from provenance.chain.client import BlockRef, BlockTag, Client, Node, RpcError
from provenance.chain.deployments import Deployment
from provenance.chain.keystore import (
    Keystore,
    Password,
    PasswordSource,
    load_or_create_seed,
)
from provenance.config import Settings
from provenance.documents import Documents
from provenance.errors import ChainReorganised, NotFoundError
from provenance.identifiers import Address, PartyId
from provenance.ledger.batches import Batches
from provenance.ledger.connecting import connect
from provenance.ledger.journal import JOURNAL_FILE, Journal
from provenance.ledger.passwords import password_source
from provenance.ledger.recent import Recent
from provenance.ledger.refusals import refusal_of
from provenance.proofs.batches import AnchorPart
from provenance.proofs.history import RawLog

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from sqlalchemy import Engine

    from provenance.chain.contracts import Contracts
    from provenance.chain.events import Decoder
    from provenance.chain.signing import SigningKey
    from provenance.chain.transactions import Transactions
    from provenance.ledger.connecting import OwnedNode

ADMIN = "admin"
"""Name of the key that is root admin, and pays for the others."""

COMPLETE_FILE = "setup.complete"
"""Written last by ``setup``; holds the name of the first party's key."""

_KEPT_NOTES = 1024
_LOW_BALANCE_WEI = 10**15
_FUNDED_BALANCE_WEI = 10**17
# Or that of so many transactions, where gas is dear: a few may wait at once.
_LOW_COSTS, _FUNDED_COSTS = 4, 12
_FUNDS_LAST_S = 1.0  # what is left below the limit pays for many seconds more
_TRANSFER_GAS = 21_000  # Yellow Paper, appendix G: a transaction without data


class Ledger:
    """An open ledger; any thread may use it. Made by :func:`open_ledger`.

    Attributes:
        settings: how this process works.
        client: reads of the chain.
        documents: the document store.
        keystore: the keys of the parties that this home hosts.
        notes: checkpoints signed lately, by block hash.
        anchor_parts: where logs of batches stand, as proven lately, by block hash and root.
        recorders: parties of keys that record, by name, with when the chain was asked.
        clock: returns Unix seconds.
    """

    def __init__(
        self,
        settings: Settings,
        node: Node,
        password: PasswordSource,
        closing: ExitStack,
        owned: "OwnedNode | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.settings = settings
        self.owned = owned
        self.clock = clock
        self.client = Client(
            node,
            confirmations_safe=settings.confirmations_safe,
            confirmations_finalized=settings.confirmations_finalized,
        )
        self.documents = Documents(settings.home / "documents", settings.max_document_bytes)
        self.keystore = Keystore(settings.home / "keys")
        self.notes: Recent[bytes, str] = Recent(_KEPT_NOTES)
        self.anchor_parts: Recent[bytes, AnchorPart] = Recent(_KEPT_NOTES)
        self.recorders: Recent[str, tuple[float, PartyId]] = Recent(_KEPT_NOTES)
        self._blocks: Recent[bytes, BlockRef | None] = Recent(_KEPT_NOTES)
        self._funded: Recent[tuple[Address, int], float] = Recent(_KEPT_NOTES)
        self._password = password
        self._closing = closing
        self._keys: dict[bytes, SigningKey] = {}
        self._lock = threading.RLock()
        self._funding = threading.Lock()

    @cached_property
    def deployment(self) -> Deployment:
        """Where the contracts are.

        Raises:
            NotFoundError: there are none yet: ``provenance init`` has not finished.
            WrongChain: the node serves another chain.
        """
        found = deployments.load(self.settings.home)
        if found is None:
            raise NotFoundError("ledger in", f"{self.settings.home}; make one: provenance init")
        deployments.check(self.client, found)
        return found

    def require_owned(self) -> None:
        """Raise an error once the process of the embedded chain that this one started is gone.

        Raises:
            NodeUnavailable: nothing can be asked or written any more; open the ledger anew.
        """
        require_alive = getattr(self.owned, "require_alive", None)
        if require_alive is not None:
            require_alive()

    @property
    def chain_id(self) -> int:
        """EIP-155 id of the chain."""
        return self.deployment.chain_id

    @cached_property
    def contracts(self) -> "Contracts":
        """The compiled contracts."""
        from provenance.chain.contracts import Contracts

        return Contracts()

    @cached_property
    def decoder(self) -> "Decoder":
        """Reads the logs of the modules."""
        from provenance.chain.events import Decoder

        return Decoder(self.deployment.modules)

    def writes_history(self, log: RawLog) -> bool:
        """Return whether a log is of a module, and so part of the history."""
        return log.address in self.decoder.addresses

    @property
    def transactions(self) -> "Transactions":
        """Sends transactions; what an earlier process promised is sent again first."""
        with self._lock:
            return self._transactions

    @cached_property
    def _transactions(self) -> "Transactions":
        from provenance.chain.outbox import Outbox
        from provenance.chain.transactions import Transactions

        if deployments.load(self.settings.home) is not None:
            self.deployment  # noqa: B018 - nothing is sent again to another chain
        outbox = Outbox(self.settings.home / "outbox.sqlite3")
        self._closing.callback(outbox.close)
        sender = Transactions(
            self.client, self.client.chain_id(), outbox, self.contracts.decode_revert
        )
        sender.follow()
        return sender

    @property
    def journal(self) -> Journal:
        """Records that wait to be anchored, and those that were."""
        with self._lock:
            return self._journal

    @cached_property
    def _journal(self) -> Journal:
        journal = Journal(
            self.settings.home / JOURNAL_FILE,
            clock=self.clock,
            max_document_bytes=self.settings.max_record_bytes,
        )
        self._closing.callback(journal.close)
        return journal

    @property
    def batches(self) -> Batches:
        """The batches of the journal."""
        with self._lock:
            return self._batches

    @cached_property
    def _batches(self) -> Batches:
        return Batches(self.journal)

    @property
    def engine(self) -> "Engine":
        """The index; made when it is missing."""
        with self._lock:
            return self._engine

    @cached_property
    def _engine(self) -> "Engine":
        from provenance.index import database

        if self.settings.index_url:
            engine = database.connect(self.settings.index_url)
        else:
            engine = database.open_engine(self.settings.home / database.INDEX_FILE)
        self._closing.callback(engine.dispose)
        return engine

    @cached_property
    def checkpoint_key(self) -> "Ed25519PrivateKey":
        """The key that signs checkpoints."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        seed = load_or_create_seed(self.settings.home / "checkpoint.key")
        return Ed25519PrivateKey.from_private_bytes(seed)

    def address(self, module: str) -> Address:
        """Return the address of a module, or of the ``Directory``."""
        found = self.deployment
        return found.directory if module == "Directory" else found.modules[module]

    def call(
        self,
        module: str,
        function: str,
        *arguments: Any,
        at: BlockTag = "latest",
        sender: Address | None = None,
        gas: int | None = None,
    ) -> tuple[Any, ...]:
        """Return what a view function of a module gives after a block, with at most so much gas.

        Raises:
            NotFoundError: it says that there is no such thing, or was not there by that block.
            ContractRevert: it reverted for another reason.
            ChainReorganised: the block is no longer part of the chain.
        """
        contract = self.contracts[module]
        try:
            found = self.client.call(
                self.address(module), contract.encode(function, *arguments), at, sender, gas
            )
        except RpcError as error:
            if error.revert is not None:
                raise refusal_of(self.contracts.decode_revert(error.revert)) from error
            if isinstance(at, bytes) and self.client.block(at) is None:
                raise ChainReorganised(
                    f"block 0x{at.hex()} is no longer part of the chain"
                ) from error
            raise
        if not found and isinstance(at, bytes):
            # an account without code answers nothing (Yellow Paper, section 8)
            raise NotFoundError("ledger yet at block", self.block(at).number)
        return contract.decode(function, found)

    def head_of(self, subject: bytes, at: BlockTag = "latest") -> bytes:
        """Return the head of a subject on chain, 32 bytes."""
        (head,) = self.call("History", "headOf", subject, at=at)
        return bytes(head)

    def block(self, block_hash: bytes) -> BlockRef:
        """Return a block by its hash.

        Raises:
            ChainReorganised: it is no longer part of the chain.
        """
        known = self._blocks.made(block_hash, lambda: self.client.block(block_hash))
        if known is None:
            raise ChainReorganised(f"block 0x{block_hash.hex()} is no longer part of the chain")
        return known

    def key(self, name: str) -> "SigningKey":
        """Return a key of this home, its password asked for once.

        Raises:
            KeystoreError: there is none of this name, or its password is wrong.
        """
        address = self.keystore.address(name)
        with self._lock:
            known = self._keys.get(address)
            if known is None:
                known = self.keystore.open(name, self._password(name))
                self._keys[address] = known
            return known

    def password(self, name: str) -> Password:
        """Return the password for a key of this name."""
        return self._password(name)

    def party_of(self, account: Address, at: BlockTag = "latest") -> PartyId | None:
        """Return the party of an account, or None."""
        (found,) = self.call("Parties", "partyOf", account, at=at)
        return PartyId(found) if found else None

    def party_of_signer(self, signer: str) -> PartyId:
        """Return the party of a key of this home.

        Raises:
            NotFoundError: its account belongs to no party.
        """
        found = self.party_of(Address(self.keystore.address(signer)))
        if found is None:
            raise NotFoundError("party of the key", signer)
        return found

    @cached_property
    def first_party(self) -> str:
        """Name of the key of the first party, which acts when no other is named.

        Raises:
            NotFoundError: the home is not complete.
        """
        try:
            return (self.settings.home / COMPLETE_FILE).read_text("utf-8").strip()
        except FileNotFoundError:
            raise NotFoundError("first party in", self.settings.home) from None

    def names(self) -> dict[PartyId, str]:
        """Return the names of the keys of this home by their parties."""
        found = {}
        for name in self.keystore.names():
            party_id = self.party_of(Address(self.keystore.address(name)))
            if party_id is not None:
                found[party_id] = name
        return found

    def fund(self, account: Address, gas: int, *, wait: bool = True) -> None:
        """Give an account money for gas from the admin's when it has little left.

        Args:
            account: who needs it.
            gas: gas limit of what it will send.
            wait: whether to wait until it is there; without, it comes with the next block.
        """
        now = time.monotonic()
        if now - (self._funded.get((account, gas)) or -math.inf) < _FUNDS_LAST_S:
            return
        cost_wei = self.transactions.cost_wei(gas)
        least_wei = max(_LOW_BALANCE_WEI, _LOW_COSTS * cost_wei)
        if self.client.balance(account) >= least_wei:
            self._funded.put((account, gas), now)
            return
        with self._funding:
            admin = self.key(ADMIN)
            if account == admin.address or self.client.balance(account) >= least_wei:
                return
            given = max(_FUNDED_BALANCE_WEI, _FUNDED_COSTS * cost_wei)
            money = self.transactions.submit(admin, account, b"", _TRANSFER_GAS, value_wei=given)
            if wait:
                self.transactions.wait(money, admin, self.settings.transaction_timeout_s)

    def sync(self) -> None:
        """Bring the index up to the newest block."""
        from provenance.index.sync import sync

        sync(self.engine, self.client, self.deployment)


@contextmanager
def open_ledger(
    settings: Settings,
    *,
    password: PasswordSource | None = None,
    serving_url: str | None = None,
    environment: Callable[[str], str | None] = os.environ.get,
    clock: Callable[[], float] = time.time,
) -> Iterator[Ledger]:
    """Open the ledger of a home.

    Args:
        settings: how.
        password: asked for passwords; by default the variable, then the file.
        serving_url: for the service: where it serves JSON-RPC. It owns the embedded chain and
            mines in the background; without, the chain is owned only if no service has it.
        environment: looks up variables.
        clock: returns Unix seconds, for the blocks of an embedded chain.

    Raises:
        NotFoundError: there is no home.
        ChainOwned: another process keeps the embedded chain and cannot be reached.
        NodeUnavailable: the node does not answer.
    """
    if not settings.home.is_dir():
        raise NotFoundError("home", f"{settings.home}; make one: provenance init")
    with ExitStack() as closing:
        node, owned = connect(settings, serving_url, clock, closing)
        source = password or password_source(settings, environment)
        ledger = Ledger(settings, node, source, closing, owned, clock)
        if serving_url is not None:
            ledger.documents.sweep()
        yield ledger
