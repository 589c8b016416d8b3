"""The part of ``world`` that makes plausible events of policies, grants and offers."""

ACTIVE, SUSPENDED, REVOKED = 1, 2, 3
UNLIMITED = (1 << 40) - 1
NO_DURATION = (1 << 32) - 1
NO_END = (1 << 40) - 1


class Licensing:
    """What ``World`` does with terms and grants; ``make`` encodes an event."""

    def __init__(self, make, subjects, sha):
        self.raw = make
        self.party, self.dataset, self.grant = subjects
        self.sha = sha
        self.policies = {}
        self.territories = 0
        self.grants = {}
        self.offers = {}

    def acts(self, world):
        """Return the acts that are possible now, by name."""
        found = [self.store]
        if self.policies and world.open_dataset():
            found += [self.issue, self.issue, self.offer]
        if self.grants:
            found += [self.use, self.use, self.activate, self.set_status, self.propose]
        if any(grant["assignment"] for grant in self.grants.values()):
            found += [self.consent, self.assign]
        if self.offers:
            found += [self.take_up, self.close]
        return found

    def store(self, world):
        chosen = world.random
        events = []
        if chosen.random() < 0.5:
            self.territories += 1
            words = [1 << chosen.randint(0, 255), chosen.getrandbits(256), 7]
            events.append(self.raw("TerritoryStored", [], [self.territories, words]))
        identifier = len(self.policies) + 1
        duration = chosen.choice([NO_DURATION, NO_DURATION, 60])
        most = chosen.choice([(1 << 32) - 1, 2])
        terms = (
            chosen.choice([1 << 8, 0x00203F08]),
            chosen.choice([(1 << 64) - 1, 5]),
            (1 << 32) - 1,
            chosen.choice([(1 << 26) - 1, 1 << 22]),
            63,
            chosen.randint(0, 3),
            chosen.random() < 0.2,
            chosen.randint(0, self.territories),
            0,
            2,
            4,
            chosen.choice([0, 1]),
            0,
            NO_END,
            duration,
            UNLIMITED,
            most,
        )
        self.policies[identifier] = {"duration": duration, "most": most}
        hashes = [chosen.choice([bytes(32), self.sha("spdx")]) for _ in range(2)]
        content = self.sha("policy", identifier)
        return [*events, self.raw("PolicyStored", [], [identifier, terms, *hashes, content])]

    def issue(self, world, offer_id=0):
        chosen = world.random
        granter, grantee = world.any_party(), world.any_party()
        policy = chosen.choice(sorted(self.policies))
        dataset_id, parent = world.open_dataset(), 0
        uses = chosen.choice([UNLIMITED, 10, 40])
        possible = [
            key
            for key, grant in self.grants.items()
            if grant["status"] == ACTIVE
            and not grant["dormant"]
            and grant["depth"] < 4
            and grant["left"] > 3
        ]
        if offer_id:
            found = self.offers[offer_id]
            dataset_id, policy, granter = found["dataset"], found["policy"], found["granter"]
        elif possible and chosen.random() < 0.5:
            parent = chosen.choice(possible)
            above = self.grants[parent]
            dataset_id, granter = above["dataset"], above["grantee"]
            uses = chosen.randint(1, 3)
            if above["left"] != UNLIMITED:
                above["left"] -= uses
        identifier = len(self.grants) + 1
        self.grants[identifier] = {
            "dataset": dataset_id,
            "parent": parent,
            "grantee": grantee,
            "status": ACTIVE,
            "dormant": self.policies[policy]["duration"] != NO_DURATION,
            "depth": self.grants[parent]["depth"] + 1 if parent else 0,
            "left": uses,
            "used": 0,
            "assignment": None,
        }
        end = world.time_s + chosen.choice([5, 100, 10_000])
        exclusive = not parent and chosen.random() < 0.2
        terms = (dataset_id, parent, policy, grantee, world.time_s - 1, end, uses, exclusive)
        subjects = [self.dataset(dataset_id), self.party(granter), self.party(grantee)]
        return [self.raw("GrantIssued", subjects, [identifier, terms, offer_id])]

    def any_grant(self, world, *statuses):
        found = [key for key, grant in self.grants.items() if grant["status"] in statuses]
        return world.random.choice(found) if found else None

    def about(self, identifier, party_id):
        grant = self.grants[identifier]
        return [self.dataset(grant["dataset"]), self.grant(identifier), self.party(party_id)]

    def use(self, world):
        identifier = self.any_grant(world, ACTIVE)
        grant = self.grants.get(identifier)
        if grant is None or grant["dormant"] or not grant["left"]:
            return []
        uses = world.random.randint(1, min(3, grant["left"]))
        if grant["left"] != UNLIMITED:
            grant["left"] -= uses
        first, grant["used"] = grant["used"] + 1, grant["used"] + uses
        action, receipts = world.random.choice([(1 << 8, bytes(32)), (0, self.sha("receipts"))])
        subjects = self.about(identifier, grant["grantee"])
        return [self.raw("GrantUsed", subjects, [first, uses, action, receipts])]

    def activate(self, world):
        identifier = self.any_grant(world, ACTIVE)
        if identifier is None or not self.grants[identifier]["dormant"]:
            return []
        self.grants[identifier]["dormant"] = False
        subjects = self.about(identifier, self.grants[identifier]["grantee"])
        return [self.raw("GrantActivated", subjects, [world.time_s + 60])]

    def set_status(self, world):
        identifier = self.any_grant(world, ACTIVE, SUSPENDED)
        if identifier is None:
            return []
        grant = self.grants[identifier]
        other = SUSPENDED if grant["status"] == ACTIVE else ACTIVE
        grant["status"] = world.random.choice([other, other, REVOKED])
        grant["assignment"] = None
        subjects = self.about(identifier, world.any_party())
        return [self.raw("GrantStatusSet", subjects, [grant["status"], self.sha("why")])]

    def propose(self, world):
        identifier = self.any_grant(world, ACTIVE)
        if identifier is None:
            return []
        grant, to = self.grants[identifier], world.any_party()
        if grant["assignment"] and world.random.random() < 0.5:
            to = 0
        grant["assignment"] = {"to": to, "consenter": 0} if to else None
        subjects = [self.grant(identifier), self.party(grant["grantee"]), self.party(to)]
        return [self.raw("AssignmentProposed", subjects, [])]

    def any_assignment(self, world, *, consented):
        found = [
            key
            for key, grant in self.grants.items()
            if grant["assignment"] and bool(grant["assignment"]["consenter"]) >= consented
        ]
        return world.random.choice(found) if found else None

    def consent(self, world):
        identifier = self.any_assignment(world, consented=False)
        assignment = self.grants[identifier]["assignment"]
        assignment["consenter"] = world.any_party()
        parties = [self.party(assignment["consenter"]), self.party(assignment["to"])]
        return [self.raw("AssignmentConsented", [self.grant(identifier), *parties], [])]

    def assign(self, world):
        identifier = self.any_assignment(world, consented=True)
        if identifier is None:
            return []
        grant = self.grants[identifier]
        before, grant["grantee"] = grant["grantee"], grant["assignment"]["to"]
        grant["assignment"] = None
        subjects = [self.dataset(grant["dataset"]), self.party(before)]
        subjects.append(self.party(grant["grantee"]))
        return [self.raw("GrantAssigned", subjects, [identifier])]

    def offer(self, world):
        identifier, granter = len(self.offers) + 1, world.any_party()
        dataset_id, policy = world.open_dataset(), world.random.choice(sorted(self.policies))
        uses = world.random.choice([UNLIMITED, 5])
        self.offers[identifier] = {
            "dataset": dataset_id,
            "granter": granter,
            "policy": policy,
            "open": True,
            "left": self.policies[policy]["most"],
        }
        subjects = [self.dataset(dataset_id), self.party(granter)]
        values = [identifier, policy, world.time_s + world.random.choice([3, 5000]), uses]
        return [self.raw("OfferMade", subjects, values)]

    def take_up(self, world):
        found = [key for key, offer in self.offers.items() if offer["open"] and offer["left"]]
        if not found:
            return []
        identifier = world.random.choice(found)
        self.offers[identifier]["left"] -= 1
        return self.issue(world, identifier)

    def close(self, world):
        found = [key for key, offer in self.offers.items() if offer["open"]]
        if not found or world.random.random() < 0.5:
            return []
        identifier = world.random.choice(found)
        offer = self.offers[identifier]
        offer["open"] = False
        subjects = [self.dataset(offer["dataset"]), self.party(offer["granter"])]
        return [self.raw("OfferClosed", subjects, [identifier])]
