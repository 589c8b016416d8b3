"""A deployed ledger and the parties that use it: real contracts on a real chain, no shortcuts.

``Actors`` sends transactions of several keys; what is handed over in one ``together`` block may
land in one block of the chain.
"""

import hashlib
from contextlib import contextmanager

from provenance.chain import deployments
from provenance.chain.contracts import Contracts
from provenance.chain.outbox import Outbox
from provenance.chain.signing import SigningKey
from provenance.chain.transactions import Transactions

ADMIN = SigningKey(b"\x07" * 32)
KEYS = {name: SigningKey(hashlib.sha256(name.encode()).digest()) for name in "abcdefgh"}
MONEY = {key.address: 10**21 for key in (ADMIN, *KEYS.values())}
GAS = 900_000
NONE = bytes(32)
ALL = 10_000 | 10_000 << 16 | 10_000 << 32
CLASS = (2, 1, 1, 0, 0, 0, b"CN", 1)
SUPPLIER_CONSUMER, ARBITER = 1 << 4 | 1 << 5, 1 << 16


def sha(text):
    return hashlib.sha256(text.encode()).digest()


def profile(name):
    return (1, 0, b"CN", b"CN-SH-LG".ljust(12, b"\0"), 1, sha("papers of " + name))


class Actors:
    """A ledger on the chain of ``client``.

    Args:
        client: a node on which the keys have money.
        folder: for the record and the outbox.
    """

    def __init__(self, client, folder):
        self.client = client
        self.contracts = Contracts()
        self.outbox = Outbox(folder / "outbox.sqlite3")
        decode = self.contracts.decode_revert
        self.transactions = Transactions(client, client.chain_id(), self.outbox, decode)
        self.deployment = deployments.deploy(
            folder, client, self.transactions, ADMIN, self.contracts, ADMIN.address
        )
        self._together = None

    def close(self):
        self.outbox.close()

    def do(self, key, module, function, *arguments):
        """Send a call; return its receipt, or None inside ``together``."""
        data = self.contracts[module].encode(function, *arguments)
        to = self.deployment.modules[module]
        if self._together is None:
            return self.transactions.send(key, to, data, GAS)
        self._together.append((self.transactions.submit(key, to, data, GAS), key))
        return None

    @contextmanager
    def together(self):
        """Send what the block calls, and wait for all of it at its end."""
        self._together = []
        yield
        sent, self._together = self._together, None
        for request, key in sent:
            self.transactions.wait(request, key)

    def ask(self, module, function, *arguments, at="latest"):
        """Return what a view answers."""
        contract = self.contracts[module]
        data = contract.encode(function, *arguments)
        returned = self.client.call(self.deployment.modules[module], data, at)
        return contract.decode(function, returned)

    def content(self, name, salt=NONE):
        return (sha(name), sha("manifest of " + name), sha("metadata of " + name), 0, salt)

    def register_parties(self, names="abc", roles=SUPPLIER_CONSUMER):
        with self.together():
            for name in names:
                address = KEYS[name].address
                self.do(ADMIN, "Parties", "register", address, profile(name), roles)

    def register(self, name, content, salt=NONE):
        values = (CLASS, sha("source"), self.content(content, salt), 0)
        return self.do(KEYS[name], "Datasets", "register", *values)

    def start(self, name, dataset_id, taker_id, units, expires):
        values = (dataset_id, taker_id, units, sha("agreement"), expires, 0)
        return self.do(KEYS[name], "Titles", "startTransfer", *values)

    def now(self):
        return self.client.head().timestamp


def live_through(actors):
    """Let three parties and an arbiter use every part of the ledger, in about seven blocks."""
    week = actors.now() + 7 * 86_400
    actors.register_parties()
    actors.register_parties("d", ARBITER)
    with actors.together():
        for number in range(4):
            actors.register("a", f"content {number}")
        actors.register("b", "content 0")  # contests dataset 1
        actors.register("c", "content 1")  # contests dataset 2
        actors.do(KEYS["b"], "Datasets", "commit", sha("commitment"), 0)
        actors.do(KEYS["a"], "Parties", "proposeAccount", KEYS["e"].address, KEYS["a"].address)
        actors.do(KEYS["c"], "Parties", "delegate", 1, 0, (SUPPLIER_CONSUMER, 511, week))
    with actors.together():
        actors.do(KEYS["a"], "Datasets", "publish", 3, 2, actors.content("second"), 0)
        actors.do(KEYS["a"], "Datasets", "publish", 3, 3, actors.content("third"), 0)
        actors.do(KEYS["a"], "Datasets", "withdrawVersion", 3, 1, sha("wrong"), 0)
        actors.start("a", 3, 2, ALL, week)
        actors.start("a", 4, 2, 2_500 | 10_000 << 16, week)
        actors.start("a", 4, 3, 1_000, week)
        actors.start("a", 4, 3, 500, actors.now() + 2)
        actors.do(KEYS["a"], "Datasets", "concede", 1, 0)
        actors.do(KEYS["d"], "Datasets", "decide", 2, True, sha("ruling"), 0)
    with actors.together():
        actors.do(KEYS["b"], "Titles", "acceptTransfer", 1, NONE, 0)
        actors.do(KEYS["b"], "Titles", "acceptTransfer", 2, NONE, 0)
        actors.do(KEYS["c"], "Titles", "cancelTransfer", 3, 0)
        actors.do(KEYS["e"], "Parties", "confirmAccount", 1)
    with actors.together():
        actors.do(ADMIN, "Parties", "suspend", 3, sha("reason"))
        actors.start("b", 3, 1, 7, week)
        actors.do(KEYS["e"], "Datasets", "deregister", 4, sha("done"), 0)
        actors.do(ADMIN, "Parties", "setRoles", 2, 1 << 4)
        actors.do(ADMIN, "Parties", "setRoleAdmin", 1 << 5, 4)
        actors.do(ADMIN, "Parties", "proposeRecovery", 2, KEYS["f"].address, sha("lost"))
