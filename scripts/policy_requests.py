"""Requests about a random world of rights, each near something that decides, with their answers.

Promises: the same seed gives the same requests on every machine; every answer is `evaluate`'s. So a
chain that replays the world and answers otherwise disagrees with the library. Must never talk to a
chain.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from provenance.policy.evaluation import Answer, UseRequest, evaluate
from provenance.policy.grants import Grant
from provenance.policy.terms import Policy
from provenance.policy.territory import ALL_COUNTRIES
from scripts.policy_worlds import FINAL_S, World


@dataclass(frozen=True, slots=True)
class Case:
    """One request at one time, and the answer."""

    grant: int
    actor: int
    request: UseRequest
    now: int
    answer: Answer


def cases(world: World, count: int, seed: int) -> Iterator[Case]:
    """Yield requests with answers, each near something that decides.

    Args:
        world: What the requests are about.
        count: How many.
        seed: Of the requests.
    """
    chance = random.Random(seed)
    snapshot = world.snapshot()
    for _ in range(count):
        grant = chance.randint(1, len(world.grants))
        planned = world.grants[grant].grant
        policy = snapshot.policies[planned.policy]
        actor = planned.grantee if chance.random() < 0.95 else chance.randint(1, 9)
        request = _request(chance, policy)
        now = _moment(chance, world, planned)
        if chance.random() < 0.01:
            grant += len(world.grants)
        yield Case(grant, actor, request, now, evaluate(snapshot, grant, actor, request, now))


def _request(chance: random.Random, policy: Policy) -> UseRequest:
    """Return a request within the terms, with up to two fields somewhere else."""
    countries = ALL_COUNTRIES if policy.territory is None else policy.territory.bits
    values = {
        "action": _one_bit(chance, policy.actions),
        "purpose": _one_bit(chance, policy.purposes),
        "industry": _one_bit(chance, policy.industries),
        "mode": _one_bit(chance, policy.modes),
        "security_grade": min(255, policy.min_security_grade + chance.choice((0, 0, 1))),
    }
    country = _one_bit(chance, countries).bit_length() - 1
    code = bytes((65 + country // 26, 65 + country % 26))
    for name in chance.choices(
        (*values, "country", "none"), (3, 2, 2, 2, 2, 3, 8), k=chance.randint(0, 2)
    ):
        if name == "country":
            code = chance.choice((chance.randbytes(2), b"A\x00", b"@A", b"A[", b"[A", b"A@", b"ZZ"))
            if chance.random() < 0.5:
                code = bytes((65 + chance.randrange(26), 65 + chance.randrange(26)))
        elif name != "none":
            values[name] = _elsewhere(chance, name, policy)
    return UseRequest(country=code, **values)


def _elsewhere(chance: random.Random, name: str, policy: Policy) -> int:
    """Return a value for a field that may or may not be within the terms."""
    if name == "security_grade":
        return max(0, policy.min_security_grade - chance.choice((0, 1, 1, 200)))
    width = {"action": 32, "purpose": 64, "industry": 32, "mode": 16}[name]
    any_bits = chance.getrandbits(width)
    return chance.choice((0, any_bits, any_bits & -any_bits, 1 << chance.randrange(width)))


def _moment(chance: random.Random, world: World, planned: Grant) -> int:
    """Return a time at or after the end, mostly the very end or the edge of a window or hold."""
    above, edges = planned, [FINAL_S]
    while True:
        edges += [above.not_before, above.not_after, above.not_after]
        if above.parent == 0:
            break
        above = world.grants[above.parent].grant
    edges += [FINAL_S + 100, FINAL_S + 100_000]
    if chance.random() < 0.6:
        return FINAL_S + chance.randrange(40)
    edge = chance.choice(edges) + chance.choice((-1, 0, 0, 1))
    return min(max(edge, FINAL_S), (1 << 41) - 1)


def _one_bit(chance: random.Random, bits: int) -> int:
    """Return one of the bits that are set."""
    places = [place for place in range(bits.bit_length()) if bits >> place & 1]
    return 1 << chance.choice(places)
