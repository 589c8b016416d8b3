"""A story of one dataset on a real chain: acts that change who has which right in it.

It begins with what has to happen once for every reason to be met, and goes on at random. One act a
block, each ten seconds after the one before, and all times of grants, offers and holds are
multiples of ten, so that ends are met to the second. An act that the contracts refuse is part of
the story. Must never read the clock of the machine: the same seed tells the same story.
"""

import random
from dataclasses import replace

from provenance.errors import ContractRevert
from provenance.policy import terms
from provenance.policy.terms import NO_END, UNLIMITED_USES, Policy
from provenance.policy.vocabulary import Action, Derivation

STEP_S = 10
DATASET = 1
HOLDER, TAKER, REGULATOR = "a", "e", "f"
PARTIES = {name: number for number, name in enumerate("abcdef", start=1)}
BOTH, CONSUMER, SUPPLIER, SUPERVISES = 1 << 4 | 1 << 5, 1 << 5, 1 << 4, 1
REASON = b"\x01" * 32
ALL = 10_000 | 10_000 << 16 | 10_000 << 32
OPERATE = 10_000 << 32
SCOPES = (1 << 2, 1 << 3, 1 << 3, 1 << 4, 1 << 7, 1 << 2 | 1 << 3)


class StepClock:
    """Unix seconds that pass when they are told to; while it ticks, with every look."""

    def __init__(self):
        self.now_s = 1_800_000_000
        self.ticks = True

    def __call__(self):
        self.now_s += self.ticks
        return self.now_s


def policies_of(now_s):
    """Return the terms of the story; what must be within others comes after them."""
    wide = Policy(
        actions=int(Action.READ | Action.COMPUTE | Action.LICENSE | Action.DERIVE | Action.EXPORT),
        roles=BOTH,
        sub_depth=2,
        derivation=Derivation.SAME_TERMS,
    )
    read = Policy(actions=int(Action.READ), roles=BOTH)
    special = Policy(actions=int(Action.DERIVE | Action.EXPORT), roles=BOTH)
    return (
        wide,
        replace(wide, sub_depth=1),
        replace(read, roles=CONSUMER, max_grants=2),
        replace(special, derivation=Derivation.SAME_TERMS),
        replace(read, max_duration=200),
        replace(read, off_chain_terms=True),
        replace(read, not_after=now_s + 26 * STEP_S),
        Policy(actions=int(Action.STORE), roles=BOTH),
    )


def issue(policy, to, uses, *, parent=0, begins=0, ends=NO_END, exclusive=False):
    """Return a call that issues a grant."""
    cut = (DATASET, parent, policy, PARTIES[to], begins, ends, uses, exclusive)
    return "Licenses", "issue", cut, 0


class Story:
    """What happens to a dataset.

    Args:
        actors: a deployed ledger (``tests/actors.py``).
        keys: the keys of its parties by name.
        admin: the key that admits and suspends them.
        clock: of the chain.
        seed: of everything random.
    """

    def __init__(self, actors, keys, admin, clock, seed):
        self.actors, self.keys, self.admin, self.clock = actors, keys, admin, clock
        self.random = random.Random(seed)
        self.suspended = set()
        self.counts = dict.fromkeys(("grants", "offers", "holds", "transfers"), 0)
        self.policies = policies_of(clock.now_s)
        clock.ticks = False

    def open(self):
        """Register the dataset, and store the terms."""
        self.do(HOLDER, "Datasets", "register", *self.first_version())
        for policy in self.policies:
            self.do(HOLDER, "Policies", "storePolicy", terms.encode(policy, 0), bytes(32), REASON)

    def first_version(self):
        classification = (2, 1, 1, 0, 0, 0, b"CN", 1)
        return classification, REASON, self.actors.content("the data"), 0

    def begin(self):
        """Let every reason against a grant or an offer be there for a while."""
        for policy, to, uses in ((1, "b", 9), (3, "c", 1), (4, "d", 9), (5, "b", 9), (6, "c", 9)):
            self.count("grants", "a", *issue(policy, to, uses))
        self.count("grants", "b", *issue(2, "c", 4, parent=1))
        self.count(
            "grants", "a", *issue(8, "d", 1, ends=self.clock.now_s + 6 * STEP_S, exclusive=True)
        )
        self.count("grants", "a", *issue(3, "d", 1, begins=self.clock.now_s + 6 * STEP_S))
        for policy in (1, 7, 8):
            ends = self.policies[policy - 1].not_after
            values = (DATASET, policy, ends, UNLIMITED_USES, 0)
            self.count("offers", "a", "Licenses", "offer", *values)
        for party in "ba":
            self.do(None, "Parties", "suspend", PARTIES[party], REASON)
            self.do(None, "Parties", "restore", PARTIES[party], REASON)
        for change in ("suspend", "resume"):
            self.do("a", "Licenses", change, 1, REASON, 0)
        self.do("c", "Licenses", "report", 2, 1, 1, REASON, 0)
        self.do("a", "Licenses", "revoke", 2, REASON, 0)
        for roles in (SUPPLIER, BOTH):
            self.do(None, "Parties", "setRoles", PARTIES["d"], roles)
        for scope in (1 << 4, 1 << 7, 1 << 3, 1 << 2):
            self.order(2, DATASET, scope, self.later(3))
        for scope in (1 << 2, 1 << 3):
            self.order(1, PARTIES["a"], scope, self.later(3))
        for kind, number in ((1, PARTIES["b"]), (3, 1)):
            self.order(kind, number, 1 << 3, self.later(3))
        for units in (OPERATE, ALL - OPERATE):
            self.transfer("a", "b", units)
        self.transfer("b", "a", ALL)
        assert self.counts == {"grants": 8, "offers": 3, "holds": 8, "transfers": 3}

    def live(self, acts):
        """Let so many random acts happen."""
        often = (self.issue, self.issue_below, self.offer)
        ways = [
            *often * 3,
            *(self.report, self.hold, self.release, self.restore, self.restore) * 2,
            *(self.activate, self.take_up, self.suspend, self.set_roles, self.give, self.close),
            self.set_status,
        ]
        for _ in range(acts):
            self.random.choice(ways)()

    def deregister(self):
        """End the dataset, with nobody suspended."""
        while self.suspended:
            self.restore()
        assert self.do(self.holder(), "Datasets", "deregister", DATASET, REASON, 0)

    def do(self, name, module, function, *arguments):
        """Do something as a party, or as the admin (None); tell whether the contracts agreed."""
        self.clock.now_s += STEP_S
        key = self.admin if name is None else self.keys[name]
        try:
            self.actors.do(key, module, function, *arguments)
        except ContractRevert:
            return False
        return True

    def count(self, what, name, module, function, *arguments):
        self.counts[what] += self.do(name, module, function, *arguments)

    def any_of(self, what):
        return self.random.randint(1, max(self.counts[what], 1))

    def anyone(self):
        return self.random.choice("abcd")

    def later(self, most=30):
        return self.clock.now_s + STEP_S * self.random.randint(2, most)

    def holder(self):
        """Return who has the majority of HOLD."""
        ((units),) = self.actors.ask("Titles", "unitsOf", DATASET, PARTIES[HOLDER])
        return HOLDER if units & 0xFFFF > 5_000 else "b"

    def record(self, grant):
        (found,) = self.actors.ask("Licenses", "grant", grant)
        return dict(
            zip(
                ("parent", "policy", "status", "depth", "exclusive", "on_hold", "dormant"),
                found,
                strict=False,
            ),
            grantee=found[10],
            left=found[11],
            used=found[12],
        )

    def usable(self):
        """Return a grant that can be used, if one out of a few can."""
        for _ in range(6):
            grant = self.any_of("grants")
            if self.actors.ask("Licenses", "inactivity", grant) == (0,):
                break
        return grant

    def grantee_of(self, grant):
        return "abcdef"[self.record(grant)["grantee"] - 1]

    def cut(self, policy_id, parent, exclusive=False):
        """Return the terms of a grant."""
        policy, chosen = self.policies[policy_id - 1], self.random
        begins = self.later(5) if chosen.random() < 0.2 else policy.not_before
        ends = chosen.choice([policy.not_after, min(self.later(90), policy.not_after)])
        ends = min(self.later(12), policy.not_after) if exclusive else ends
        uses = chosen.choice([UNLIMITED_USES, 3, 1])
        if parent:
            uses = min(uses, self.record(parent)["left"])
        to = PARTIES[chosen.choice("bcd")]
        return DATASET, parent, policy_id, to, begins, ends, uses, exclusive

    def issue(self):
        policy = self.random.randint(1, len(self.policies))
        cut = self.cut(policy, 0, self.random.random() < 0.15)
        self.count("grants", self.holder(), "Licenses", "issue", cut, 0)

    def issue_below(self):
        if self.counts["grants"]:
            parent = self.usable()
            cut = self.cut(self.random.choice([2, 3, 4]), parent)
            self.count("grants", self.grantee_of(parent), "Licenses", "issue", cut, 0)

    def report(self):
        if self.counts["grants"]:
            grant = self.usable()
            found = self.record(grant)
            uses = found["left"] if found["left"] < 9 else 1
            values = (grant, found["used"] + 1, uses, REASON, 0)
            self.do(self.grantee_of(grant), "Licenses", "report", *values)

    def activate(self):
        if self.counts["grants"]:
            grant = self.any_of("grants")
            self.do(self.grantee_of(grant), "Licenses", "activate", grant, 0)

    def set_status(self):
        change = self.random.choice(["suspend", "suspend", "resume", "revoke"])
        self.do(self.holder(), "Licenses", change, self.any_of("grants"), REASON, 0)

    def offer(self):
        policy_id = self.random.randint(1, len(self.policies))
        policy = self.policies[policy_id - 1]
        ends = min(self.random.choice([NO_END, self.later()]), policy.not_after)
        values = (DATASET, policy_id, ends, UNLIMITED_USES, 0)
        self.count("offers", self.holder(), "Licenses", "offer", *values)

    def take_up(self):
        taken = self.do(self.random.choice("bcd"), "Licenses", "takeUp", self.any_of("offers"), 0)
        self.counts["grants"] += taken

    def close(self):
        self.do(self.holder(), "Licenses", "closeOffer", self.any_of("offers"), 0)

    def hold(self):
        kind, number = self.random.choice(
            [(2, DATASET), (3, self.any_of("grants")), (1, PARTIES[self.anyone()])]
        )
        until = self.random.choice([0, self.later(6), self.later(6)])
        self.order(kind, number, self.random.choice(SCOPES), until)

    def order(self, kind, number, scope, until):
        target = bytes([kind]) + bytes(23) + number.to_bytes(8, "big")
        values = (target, 1, scope, 0, REASON, until)
        self.count("holds", REGULATOR, "Supervision", "order", *values)

    def release(self):
        self.do(REGULATOR, "Supervision", "release", self.counts["holds"], REASON)

    def suspend(self):
        name = self.anyone()
        if self.do(None, "Parties", "suspend", PARTIES[name], REASON):
            self.suspended.add(name)

    def restore(self):
        if self.suspended:
            name = min(self.suspended)
            self.suspended.remove(name)
            self.do(None, "Parties", "restore", PARTIES[name], REASON)

    def set_roles(self):
        roles = self.random.choice([SUPPLIER, CONSUMER, BOTH])
        self.do(None, "Parties", "setRoles", PARTIES[self.random.choice("bcd")], roles)

    def give(self):
        giver = self.holder()
        taker = "b" if giver == HOLDER else HOLDER
        self.transfer(giver, taker, self.random.choice([ALL, ALL, OPERATE, 4_000]))

    def transfer(self, giver, taker, units):
        values = (DATASET, PARTIES[taker], units, REASON, self.later(), 0)
        self.count("transfers", giver, "Titles", "startTransfer", *values)
        self.do(taker, "Titles", "acceptTransfer", self.counts["transfers"], bytes(32), 0)
