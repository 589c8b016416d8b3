"""Plausible events of every kind, as the contracts would make them, from a seeded generator.

``World`` keeps just enough state to decide what can come next, so that the same seed gives the
same history. Logs are encoded by ``eth_abi``: nothing of the code under test makes the data that
it is tested with.
"""

import hashlib
import importlib.util
import random
from pathlib import Path

GENESIS_TIME_S = 1_800_000_000


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


events = _load("world_events")
ABI, CHAIN_ID, EVENTS, MODULES = events.ABI, events.CHAIN_ID, events.EVENTS, events.MODULES
ZERO = events.ZERO
dataset, grant, party, raw, sha = (
    events.dataset,
    events.grant,
    events.party,
    events.raw,
    events.sha,
)
Licensing = _load("world_licenses").Licensing
Deriving = _load("world_lineage").Deriving


class World:
    """The state that decides which events can come next."""

    def __init__(self, seed=0):
        self.random = random.Random(seed)
        self.parties = {}
        self.datasets = {}
        self.transfers = {}
        self.holds = {}
        self.roots = {}
        self.contests = {}
        self.delegations = {}
        self.licensing = Licensing(raw, (party, dataset, grant), sha)
        self.lineage = Deriving(raw, (party, dataset, grant), sha, ZERO)
        self.commitments = 0
        self.anchors = []
        self.accounts = 0
        self.time_s = GENESIS_TIME_S
        self.number = 0

    def acts(self, count):
        """Return the events of one block: module address, topics, data."""
        found = []
        while len(found) < count:
            found.extend(self.act())
        return found

    def act(self):
        if len(self.parties) < 3:
            return self.register_party()
        if not self.datasets:
            return self.register()
        names = [
            "register_party",
            "change_party",
            "keys",
            "delegate",
            "register",
            "register",
            "publish",
            "publish",
            "withdraw",
            "deregister",
            "start",
            "start",
            "start",
            "accept",
            "accept",
            "cancel",
            "hold",
            "lift",
            "commit",
            "end_contest",
            "role_admin",
            "anchor",
        ]
        chosen = self.random.choice([*names, *["license"] * 9, *["lineage"] * 3])
        if chosen == "license":
            return self.random.choice(self.licensing.acts(self))(self)
        if chosen == "lineage":
            return self.lineage.act(self)
        return getattr(self, chosen)()

    def account(self):
        self.accounts += 1
        return "0x" + hashlib.sha256(b"account%d" % self.accounts).digest()[:20].hex()

    def any_party(self):
        return self.random.choice(sorted(self.parties))

    def profile(self):
        chosen = self.random
        zone = chosen.choice([bytes(12), b"CN-SH-LG".ljust(12, b"\0")])
        credential = chosen.choice([ZERO, sha("credential", chosen.random())])
        return (chosen.randint(1, 4), chosen.randint(0, 7), b"CN", zone, 5, credential)

    def register_party(self):
        identifier = len(self.parties) + 1
        account = self.account()
        self.parties[identifier] = {"active": True, "accounts": [account], "epoch": 0}
        self.parties[identifier]["roles"] = 48
        return [raw("PartyRegistered", [party(identifier)], [account, self.profile(), 48])]

    def change_party(self):
        identifier = self.any_party()
        record, subject = self.parties[identifier], party(identifier)
        which = self.random.randint(0, 2)
        if which == 0:
            return [raw("PartyUpdated", [subject], [self.profile()])]
        if which == 1:
            before, record["roles"] = record["roles"], self.random.choice([16, 32, 48])
            return [raw("RolesSet", [subject], [before, record["roles"]])]
        record["active"] = not record["active"]
        reason = sha("reason", self.random.random())
        return [raw("PartyStatusSet", [subject], [1 if record["active"] else 2, reason])]

    def keys(self):
        identifier = self.any_party()
        record, subject = self.parties[identifier], party(identifier)
        account, replaced = self.account(), self.random.choice(record["accounts"])
        offer = raw("AccountProposed", [subject], [account, replaced])
        which = self.random.randint(0, 4)
        nobody = "0x" + "00" * 20
        recovery = raw("RecoveryProposed", [subject], [account, self.time_s + 7, sha("lost")])
        if which == 0:
            record["accounts"] = [a for a in record["accounts"] if a != replaced] + [account]
            added = raw("AccountAdded", [subject], [account])
            return [offer, added, raw("AccountRemoved", [subject], [replaced])]
        if which == 1:
            return [offer, raw("AccountProposed", [subject], [nobody, nobody])]
        if which == 2:
            return [recovery, raw("RecoveryObjected", [subject], [account])]
        if which == 3:
            record["epoch"] += 1
            record["accounts"] = [account]
            for key in [key for key in self.delegations if key[0] == identifier]:
                del self.delegations[key]
            return [recovery, raw("PartyRecovered", [subject], [account, record["epoch"]])]
        return [self.random.choice([offer, recovery])]

    def delegate(self):
        giver = self.any_party()
        taker = self.random.choice([other for other in sorted(self.parties) if other != giver])
        for_dataset = self.random.choice([0, *sorted(self.datasets)])
        given = self.random.choice([(0, 0, 0), (16, 511, self.time_s + 100), (0, 3, self.time_s)])
        self.delegations[(giver, taker, for_dataset)] = given
        if not any(given):
            del self.delegations[(giver, taker, for_dataset)]
        return [raw("Delegated", [party(giver), party(taker)], [for_dataset, given])]

    def role_admin(self):
        admin = self.random.choice([0, self.any_party()])
        return [raw("RoleAdminSet", [party(admin)], [self.random.choice([1, 6, 1 << 25])])]

    def content(self, party_id):
        root = sha("root", self.random.randint(1, 4 + 2 * len(self.datasets)))
        salt = self.random.choice([ZERO, ZERO, ZERO, sha("salt")])
        precedence = self.number if salt == ZERO else self.random.randint(1, self.number)
        metadata = self.random.choice([ZERO, sha("metadata")])
        activity = self.random.choice([0, 0, 5])
        return (root, sha("manifest", root.hex()), metadata, activity, salt), precedence

    def claim(self, identifier, version, claimant, content, precedence):
        """Enter a claim as ``Claims.sol`` does; return the events of a contest."""
        root = content[0]
        claim = (identifier, version, claimant, precedence)
        claims = self.roots.setdefault(root, {"first": None, "all": {}})
        claims["all"][(identifier, version)] = claim
        first = claims["first"]
        if first is None:
            claims["first"] = claim
            return []
        overtakes = precedence < first[3]
        earlier, later = (claim, first) if overtakes else (first, claim)
        if overtakes:
            claims["first"] = claim
        if first[0] == identifier or first[2] == claimant:
            return []
        hold = len(self.holds) + 1
        placed = self.place(dataset(later[0]), earlier[2], 2, ZERO[:31] + b"\x01", 0)
        self.contests[hold] = (earlier, later, root)
        subjects = [dataset(earlier[0]), dataset(later[0])]
        return [*placed, raw("ClaimContested", subjects, [hold, later[1], root])]

    def register(self):
        identifier, registrant = len(self.datasets) + 1, self.any_party()
        content, precedence = self.content(registrant)
        self.datasets[identifier] = {"versions": 1, "withdrawn": set(), "open": True}
        self.datasets[identifier]["units"] = {registrant: [10_000] * 3}
        packed = int.from_bytes(bytes([2, 1, 1, 3, 0, 0]) + b"DE" + b"\0\0\0\x09", "big")
        subjects = [dataset(identifier), party(registrant)]
        values = [packed, sha("source"), content, precedence]
        contest = self.claim(identifier, 1, registrant, content, precedence)
        return [raw("DatasetRegistered", subjects, values), *contest]

    def open_dataset(self):
        found = [key for key, record in self.datasets.items() if record["open"]]
        return self.random.choice(found) if found else None

    def publish(self):
        identifier, publisher = self.open_dataset(), self.any_party()
        if identifier is None:
            return []
        record = self.datasets[identifier]
        record["versions"] += 1
        content, precedence = self.content(publisher)
        subjects = [dataset(identifier), party(publisher)]
        values = [record["versions"], content, precedence]
        contest = self.claim(identifier, record["versions"], publisher, content, precedence)
        return [raw("VersionPublished", subjects, values), *contest]

    def withdraw(self):
        identifier = self.open_dataset()
        if identifier is None:
            return []
        record = self.datasets[identifier]
        left = [n + 1 for n in range(record["versions"]) if n + 1 not in record["withdrawn"]]
        if not left:
            return []
        version = self.random.choice(left)
        record["withdrawn"].add(version)
        subjects = [dataset(identifier), party(self.any_party())]
        return [raw("VersionWithdrawn", subjects, [version, sha("why")])]

    def deregister(self):
        identifier = self.open_dataset()
        if identifier is None or self.random.random() < 0.8:
            return []
        self.datasets[identifier]["open"] = False
        subjects = [dataset(identifier), party(self.any_party())]
        return [raw("DatasetDeregistered", subjects, [sha("why")])]

    def start(self):
        identifier = self.open_dataset()
        if identifier is None:
            return []
        giver, units = self.random.choice(sorted(self.datasets[identifier]["units"].items()))
        reserved = [0, 0, 0]
        for transfer in self.transfers.values():
            if transfer["dataset"] == identifier and transfer["giver"] == giver:
                reserved = [a + b for a, b in zip(reserved, transfer["units"], strict=True)]
        free = [a - b for a, b in zip(units, reserved, strict=True)]
        asked = [self.random.randint(0, max(0, lane // 2)) for lane in free]
        if not any(asked):
            return []
        taker = self.random.choice([other for other in sorted(self.parties) if other != giver])
        transfer_id = len(self.transfers) + 1
        expires = self.time_s + self.random.randint(1, 60)
        self.transfers[transfer_id] = {
            "dataset": identifier,
            "giver": giver,
            "taker": taker,
            "units": asked,
            "expires": expires,
            "open": True,
            "id": transfer_id,
        }
        agreement = self.random.choice([ZERO, sha("agreement")])
        values = [transfer_id, pack(asked), agreement, expires]
        return [raw("TransferStarted", self.subjects(transfer_id), values)]

    def subjects(self, transfer_id):
        transfer = self.transfers[transfer_id]
        return [dataset(transfer["dataset"]), party(transfer["giver"]), party(transfer["taker"])]

    def pending(self):
        return [transfer for transfer in self.transfers.values() if transfer["open"]]

    def accept(self):
        found = [transfer for transfer in self.pending() if transfer["expires"] >= self.time_s]
        if not found:
            return []
        transfer = self.random.choice(found)
        transfer["open"] = False
        asked = transfer["units"]
        transfer["units"] = [0, 0, 0]
        units = self.datasets[transfer["dataset"]]["units"]
        held = units[transfer["giver"]]
        units[transfer["giver"]] = [a - b for a, b in zip(held, asked, strict=True)]
        taken = units.get(transfer["taker"], [0, 0, 0])
        units[transfer["taker"]] = [a + b for a, b in zip(taken, asked, strict=True)]
        values = [transfer["id"], pack(asked)]
        return [raw("TransferAccepted", self.subjects(transfer["id"]), values)]

    def cancel(self):
        found = self.pending()
        if not found:
            return []
        transfer = self.random.choice(found)
        transfer["open"] = False
        transfer["units"] = [0, 0, 0]
        values = [transfer["id"], self.random.choice([transfer["giver"], transfer["taker"]])]
        return [raw("TransferCancelled", self.subjects(transfer["id"]), values)]

    def place(self, target, beneficiary, kind, case, until):
        hold = len(self.holds) + 1
        self.holds[hold] = {"target": target, "beneficiary": beneficiary, "open": True}
        values = [hold, kind, 57, until, case]
        return [raw("HoldPlaced", [target, party(beneficiary)], values)]

    def hold(self):
        targets = [party(self.any_party()), dataset(1), grant(1)]
        target = self.random.choice(targets)
        beneficiary = self.random.choice([0, self.any_party()])
        until = self.random.choice([0, self.time_s + 30])
        found = self.place(target, beneficiary, self.random.randint(1, 5), sha("case"), until)
        hold = len(self.holds)
        if hold % 2 == 0:
            found.append(raw("HoldOrdered", [target, party(1)], [hold]))
        return found

    def lift(self, hold=None):
        found = [key for key, record in self.holds.items() if record["open"]]
        found = [key for key in found if key not in self.contests]
        if hold is None and not found:
            return []
        hold = hold or self.random.choice(found)
        record = self.holds[hold]
        record["open"] = False
        subjects = [record["target"], party(record["beneficiary"])]
        found = [raw("HoldLifted", subjects, [hold, sha("lift")])]
        if hold % 2 == 0:
            found.append(raw("HoldReleased", [record["target"], party(hold % 4 // 2)], [hold]))
        return found

    def commit(self):
        self.commitments += 1
        value = sha("commitment", self.commitments)
        return [raw("RootCommitted", [party(self.any_party())], [value])]

    def anchor(self):
        found = (self.any_party(), sha("batch", len(self.anchors)), self.random.randint(1, 2**32))
        self.anchors.append(found)
        return [raw("BatchAnchored", [party(found[0])], [*found[1:]])]

    def end_contest(self):
        if not self.contests:
            return []
        hold = self.random.choice(sorted(self.contests))
        earlier, later, root = self.contests.pop(hold)
        by = party(self.any_party())
        subjects = [dataset(earlier[0]), dataset(later[0]), by]
        outcome = self.random.randint(0, 2)
        if outcome == 0:
            events = [raw("ClaimConceded", subjects, [hold])]
        else:
            events = [raw("ClaimDecided", subjects, [hold, outcome == 1, sha("evidence")])]
        if outcome == 2:
            return events
        claims = self.roots[root]
        if claims["first"][0] == earlier[0]:
            claims["first"] = (*later[:3], claims["first"][3])
        return events + self.lift(hold)


def pack(lanes):
    return lanes[0] | lanes[1] << 16 | lanes[2] << 32
