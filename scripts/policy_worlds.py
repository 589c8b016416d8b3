"""Random worlds to check rights in: policies, trees of grants, and holds.

Promises: the same seed gives the same worlds on every machine; every grant is one that the
contract issues, by `first_excess` and `first_excess_of_grant`. Must never talk to a chain: that is
``scripts/policy_chain.py``.
"""

import random
from dataclasses import dataclass, field, replace

from provenance.policy.grants import Grant, Grantee, GrantStatus, Snapshot, StandingHold
from provenance.policy.narrowing import first_excess, first_excess_of_grant
from provenance.policy.terms import (
    NO_END,
    UNLIMITED_DURATION,
    UNLIMITED_USES,
    Policy,
    require_valid,
)
from provenance.policy.territory import ALL_COUNTRIES, Territory
from provenance.policy.vocabulary import (
    ACTIONS_ALL,
    ACTIONS_NOT_SHARED,
    DUTIES_ALL,
    INDUSTRIES_ALL,
    MODES_ALL,
    PUBLIC_BODY,
    PURPOSES_ALL,
    ROLES_ALL,
    Action,
    Derivation,
)

START = 1_900_000_000
"""Unix time in seconds of a world's first block; later blocks follow every `STEP_S` seconds."""

STEP_S = 100
# Blocks: territories and policies, then one for the grants of each depth and one for their
# activation, then uses, then what supervisors and granters decide.
DEPTHS = 5
FINAL_S = START + STEP_S * (2 * DEPTHS + 4)
"""When everything has happened; requests are about this time and later."""

SUPPLIER = 1
"""The party that registers every dataset and cuts the roots of all trees."""

ROLES_OF = {
    1: 1 << 4,
    2: 1 << 5,
    3: 1 << 5 | 1 << 25,
    4: 1 << 22,
    5: 1 << 6,
    6: 1 << 7 | 1 << 14,
    7: 1 << 8,
    8: 1 << 23,
}
SUSPENDED = frozenset((8,))
"""Parties that are suspended in the end."""

HELD = (
    (5, 1 << 4 | 1 << 7, 0),
    (6, 1 << 2 | 1 << 8, 0),
    (6, 1 << 3, FINAL_S + 100),
)
"""Holds on parties in the end: party, scope, Unix time in seconds until which, 0 for ever."""

LATER_ROLES = {7: 1 << 9}
"""Roles of parties that others are given in the end."""


@dataclass(frozen=True, slots=True)
class PlannedGrant:
    """A grant as it is issued, and what happens to it afterwards.

    Attributes:
        grant: As `Snapshot` shows it in the end.
        uses: Uses that it is issued with.
        not_after: End of the window that it is issued with.
        used: Uses that are reported.
    """

    grant: Grant
    uses: int
    not_after: int
    used: int


@dataclass(slots=True)
class World:
    """Everything that exists in the end, ids counted from 1 in the order of creation."""

    territories: list[Territory] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    grants: dict[int, PlannedGrant] = field(default_factory=dict)
    holds: list[tuple[str, int, StandingHold]] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    datasets: int = 0

    def snapshot(self) -> Snapshot:
        """Return what a check looks at."""
        by_kind: dict[str, dict[int, tuple[StandingHold, ...]]] = {
            "dataset": {},
            "grant": {},
            "party": {},
        }
        for kind, target, hold in self.holds:
            by_kind[kind][target] = (*by_kind[kind].get(target, ()), hold)
        return Snapshot(
            grants={key: planned.grant for key, planned in self.grants.items()},
            policies=dict(enumerate(self.policies, 1)),
            parties={
                party: Grantee(roles, party not in SUSPENDED)
                for party, roles in (ROLES_OF | LATER_ROLES).items()
            },
            dataset_holds=by_kind["dataset"],
            grant_holds=by_kind["grant"],
            party_holds=by_kind["party"],
            closed=frozenset(self.closed),
        )


class Worlds:
    """Makes one world from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._world = World()

    def make(self, trees: int) -> World:
        """Return a world with a number of trees, each over a dataset of its own."""
        roots = [self._root(dataset) for dataset in range(1, trees + 1)]
        self._world.datasets = trees
        level = roots
        plans: list[list[_Draft]] = [roots]
        while level and len(plans) < DEPTHS:
            level = [child for draft in level for child in self._children(draft, len(plans))]
            plans.append(level)
        self._number([draft for drafts in plans for draft in drafts])
        self._decide()
        return self._world

    def _root(self, dataset: int) -> "_Draft":
        policy = self._policy()
        party = self._recipient(policy)
        return self._draft(dataset, policy, party, None)

    def _draft(self, dataset: int, policy: Policy, party: int, parent: "_Draft | None") -> "_Draft":
        chance = self._random
        depth = 0 if parent is None else parent.depth + 1
        first = policy.not_before if parent is None else max(policy.not_before, parent.not_before)
        last = policy.not_after if parent is None else min(policy.not_after, parent.not_after)
        if chance.random() < 0.08 and last > FINAL_S + 40:
            first = max(first, FINAL_S + 30)
        if chance.random() < 0.3 and first < FINAL_S:
            last = max(issued_at(depth) + STEP_S * 3, last - chance.randrange(200_000))
        most = policy.max_uses
        if parent is not None and parent.left != UNLIMITED_USES:
            most = min(most, parent.left)
        uses = most if chance.random() < 0.5 else chance.randint(1, min(most, 40))
        dormant = policy.max_duration != UNLIMITED_DURATION
        draft = _Draft(dataset, policy, party, parent, depth, first, last, uses, uses)
        above = None if parent is None else (parent.not_before, parent.not_after, parent.left)
        excess = first_excess_of_grant((first, last), uses, policy, above)
        if excess is None and parent is not None:
            excess = first_excess(policy, parent.policy)
        if excess is not None:
            raise AssertionError(f"a planned grant is wider than its parent in {excess}")
        if parent is not None and parent.left != UNLIMITED_USES:
            parent.left -= uses
        draft.dormant = dormant and (first > FINAL_S or chance.random() < 0.3)
        if dormant and not draft.dormant:
            end = issued_at(depth) + STEP_S + policy.max_duration
            draft.ends = min(last, end)
        return draft

    def _children(self, parent: "_Draft", depth: int) -> list["_Draft"]:
        if parent.dormant or not parent.policy.actions & Action.LICENSE:
            return []
        if parent.ends <= issued_at(depth) + 4 * STEP_S or parent.not_before > issued_at(depth):
            return []
        found = []
        for _ in range(self._random.choice((0, 1, 2, 2, 3))):
            if parent.left == 0:
                break
            policy = self._narrowed(parent.policy)
            # What was cut to its activation is what children must fit.
            view = _as_activated(parent)
            found.append(self._draft(parent.dataset, policy, self._recipient(policy), view))
            parent.left = view.left
        for child in found:
            child.parent = parent
        return found

    def _policy(self) -> Policy:
        """Return terms that the contract stores, mostly wide enough to be cut from."""
        chance = self._random
        actions = ACTIONS_ALL & ~Action.SHARE_GOV & ~(self._mask(32) & self._mask(32))
        if chance.random() < 0.8:
            actions |= Action.LICENSE
        roles = self._some(ROLES_ALL)
        if not any(roles & own for own in ROLES_OF.values()):
            roles = ROLES_ALL
        if chance.random() < 0.08:
            actions = (actions & ~ACTIONS_NOT_SHARED) | Action.SHARE_GOV
            roles = PUBLIC_BODY
        actions = actions or int(Action.READ)
        policy = Policy(
            actions=int(actions),
            purposes=self._some(PURPOSES_ALL),
            industries=self._some(INDUSTRIES_ALL),
            roles=roles,
            modes=self._some(MODES_ALL),
            min_security_grade=chance.choice((0, 0, 1, 3, 255)),
            off_chain_terms=chance.random() < 0.15,
            territory=self._territory(None),
            prohibited=int(self._mask(32) & ACTIONS_ALL & ~actions),
            duties=self._mask(16) & DUTIES_ALL,
            sub_depth=chance.choice((1, 2, 3, 4, 4)),
            derivation=self._rule(actions),
            not_before=chance.choice((0, START)),
            not_after=chance.choice((FINAL_S + 50, FINAL_S + 300_000, NO_END, NO_END)),
            max_duration=chance.choice((UNLIMITED_DURATION,) * 3 + (2_000, 250_000)),
            max_uses=chance.choice((UNLIMITED_USES, UNLIMITED_USES, 5_000, 7)),
            max_grants=chance.choice((0, 1, 10)),
        )
        return self._stored(policy)

    def _narrowed(self, parent: Policy) -> Policy:
        """Return terms within the parent's."""
        chance = self._random
        depth = max(0, parent.sub_depth - chance.choice((1, 1, 1, 2)))
        actions = parent.actions & ~(self._mask(32) & self._mask(32) & self._mask(32))
        actions = (actions | Action.LICENSE) if depth else actions & ~Action.LICENSE
        actions = actions or parent.actions & -parent.actions
        derives = bool(actions & Action.DERIVE)
        roles = parent.roles & self._some(ROLES_ALL)
        if not any(roles & own for own in ROLES_OF.values()):
            roles = parent.roles
        policy = Policy(
            actions=int(actions),
            purposes=parent.purposes & self._some(PURPOSES_ALL) or parent.purposes,
            industries=parent.industries & self._some(INDUSTRIES_ALL) or parent.industries,
            roles=roles,
            modes=parent.modes & self._some(MODES_ALL) or parent.modes,
            min_security_grade=min(255, parent.min_security_grade + chance.choice((0, 0, 2))),
            off_chain_terms=parent.off_chain_terms or chance.random() < 0.05,
            territory=self._territory(parent.territory),
            prohibited=parent.prohibited,
            duties=parent.duties,
            sub_depth=depth,
            derivation=parent.derivation if derives else Derivation.NONE,
            not_before=parent.not_before,
            not_after=max(parent.not_after - chance.choice((0, 25)), START + 1),
            max_duration=min(parent.max_duration, chance.choice((UNLIMITED_DURATION, 90_000))),
            max_uses=min(parent.max_uses, chance.choice((UNLIMITED_USES, 5))),
            max_grants=parent.max_grants,
        )
        if actions & ~parent.actions or not actions:
            raise AssertionError("narrowed terms are wider")
        return self._stored(policy)

    def _rule(self, actions: int) -> Derivation:
        if not actions & Action.DERIVE:
            return Derivation.NONE
        return self._random.choice(list(Derivation)[1:])

    def _territory(self, parent: Territory | None) -> Territory | None:
        """Return a part of the parent's countries, often one near the seams of the words."""
        chance = self._random
        if chance.random() < 0.5:
            return parent
        inside = ALL_COUNTRIES if parent is None else parent.bits
        bits = chance.getrandbits(676) & inside
        for seam in (0, 255, 256, 511, 512, 675):
            bits |= chance.getrandbits(1) << seam & inside
        return Territory(bits) if bits else parent

    def _stored(self, policy: Policy) -> Policy:
        """Enter terms and their territory, each once, as the contract does."""
        require_valid(policy, START)
        territory = policy.territory
        if territory is not None and territory not in self._world.territories:
            self._world.territories.append(territory)
        if policy not in self._world.policies:
            self._world.policies.append(policy)
        return policy

    def _recipient(self, policy: Policy) -> int:
        able = [party for party, roles in ROLES_OF.items() if roles & policy.roles]
        weights = [0.2 if party in SUSPENDED or party in LATER_ROLES else 1 for party in able]
        return self._random.choices(able, weights)[0]

    def _some(self, everything: int) -> int:
        """Return all bits, or at least one of them."""
        if self._random.random() < 0.4:
            return everything
        return everything & self._mask(64) or everything

    def _mask(self, bits: int) -> int:
        return self._random.getrandbits(bits)

    def _number(self, drafts: list["_Draft"]) -> None:
        """Give ids in the order of issuing, and decide how each ends."""
        ids = {id(draft): number for number, draft in enumerate(drafts, 1)}
        policies = {policy: number for number, policy in enumerate(self._world.policies, 1)}
        for draft in drafts:
            used = self._uses(draft)
            left = draft.left if draft.left == UNLIMITED_USES else draft.left - used
            grant = Grant(
                dataset=draft.dataset,
                policy=policies[draft.policy],
                grantee=draft.party,
                parent=0 if draft.parent is None else ids[id(draft.parent)],
                status=self._random.choices(list(GrantStatus)[1:], (90, 5, 5))[0],
                depth=draft.depth,
                dormant=draft.dormant,
                not_before=draft.not_before,
                not_after=draft.ends,
                uses_left=left,
                used=used,
            )
            number = ids[id(draft)]
            planned = PlannedGrant(grant, draft.uses, draft.not_after, used)
            self._world.grants[number] = planned

    def _uses(self, draft: "_Draft") -> int:
        """Return how many uses its grantee reports: none, some, or all that are left."""
        if _is_unusable(draft) or draft.left == 0:
            return 0
        if draft.left == UNLIMITED_USES:
            return self._random.choice((0, 3))
        return self._random.choice((0, draft.left, self._random.randint(0, draft.left)))

    def _decide(self) -> None:
        """Place holds and close titles."""
        world, chance = self._world, self._random
        scopes = (1 << 3, 1 << 4, 1 << 7, 1 << 4 | 1 << 7, 1 << 2 | 1 << 8)
        for number, planned in world.grants.items():
            for _ in range(chance.choices((0, 1, 2), (92, 6, 2))[0]):
                kind = chance.choice(("dataset", "grant"))
                target = planned.grant.dataset if kind == "dataset" else number
                until = chance.choice((0, FINAL_S + 100, FINAL_S + 100_000))
                hold = StandingHold(len(world.holds) + 1, chance.choice(scopes), until)
                world.holds.append((kind, target, hold))
        for party, scope, until in HELD:
            world.holds.append(("party", party, StandingHold(len(world.holds) + 1, scope, until)))
        for dataset in range(1, world.datasets + 1):
            if chance.random() < 0.03:
                world.closed.add(dataset)


@dataclass(slots=True)
class _Draft:
    """A grant before it has an id; ``left`` and ``ends`` change while children are cut."""

    dataset: int
    policy: Policy
    party: int
    parent: "_Draft | None"
    depth: int
    not_before: int
    not_after: int
    uses: int
    left: int
    dormant: bool = False
    ends: int = 0

    def __post_init__(self) -> None:
        self.ends = self.not_after


def _as_activated(draft: _Draft) -> _Draft:
    """Return a copy whose window is what activation left of it."""
    return replace(draft, not_after=draft.ends)


def _is_unusable(draft: _Draft | None) -> bool:
    """Tell whether a grant or one above it cannot be used when uses are reported."""
    if draft is None:
        return False
    outside = draft.ends < FINAL_S or draft.not_before >= FINAL_S - 2 * STEP_S
    return outside or draft.dormant or _is_unusable(draft.parent)


def issued_at(depth: int) -> int:
    """Return the Unix time in seconds of the block in which the grants of a depth are issued."""
    return START + STEP_S * (2 * depth + 2)
