"""Folds random policies on Anvil with the compiled contracts, and with the library.

Promises: terms and countries stored by transactions; folds by ``eth_call`` of ``Policies.foldOf``,
comparisons by ``requireWithinCeiling`` and ``requireFoldCovers``, all of them at one time. Must
never compute an answer: `compare` only asks both.

Run it as ``python -m scripts.ceiling_chain [--trees N] [--folds N] [--seed N]``.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from provenance.errors import IncompatibleInputs, InvalidPolicy
from provenance.policy.ceiling import first_excess_of_ceiling, fold
from provenance.policy.terms import FIELDS, Policy, require_valid
from provenance.policy.territory import Territory
from provenance.policy.vocabulary import Action, Derivation
from scripts.anvil import anvil
from scripts.policy_chain import ARTIFACTS, Chain, store_terms
from scripts.policy_worlds import FINAL_S, START, World, Worlds

_TERMS = (
    "(uint32,uint64,uint32,uint32,uint16,uint8,bool,uint64,uint32,uint16,uint8,uint8,uint40,uint40,"
    "uint32,uint40,uint32)"
)
_FOLD = "foldOf(uint64,uint64[])"
_WITHIN = "requireWithinCeiling(uint64,uint64)"
_INCOMPATIBLE = keccak(b"IncompatibleInputs(bytes32)")[:4]
_COVERS = "requireFoldCovers(uint64,uint64[])"
_NARROWER = keccak(b"CeilingNarrower(bytes32)")[:4]
_EXCEEDS = keccak(b"PolicyExceedsCeiling(bytes32)")[:4]

_Compared = tuple[object, object, object]
"""What was asked, the library's answer, the chain's."""


@dataclass(frozen=True, slots=True)
class Case:
    """Policies to fold, by their numbers from 1; 0 for no policy that counts whole."""

    whole: int
    inputs: tuple[int, ...]


def widen(world: World, seed: int) -> list[tuple[int, int]]:
    """Add to each policy one that differs in a field or two; return the numbers of both."""
    chance = random.Random(seed)
    pairs = []
    for number, policy in enumerate(tuple(world.policies), 1):
        for _ in range(3):
            other = _near(chance, _near(chance, policy) if chance.random() < 0.2 else policy)
            try:
                require_valid(other, START)
            except InvalidPolicy:
                continue
            if other.territory is not None and other.territory not in world.territories:
                world.territories.append(other.territory)
            if other not in world.policies:
                world.policies.append(other)
            pairs.append((number, world.policies.index(other) + 1))
    return pairs


def _near(chance: random.Random, policy: Policy) -> Policy:
    """Return terms with one field somewhere else."""
    bit = 1 << chance.randrange(32)
    country = Territory(1 << chance.choice((0, 255, 256, 675)))
    actions = policy.actions ^ bit
    changes: tuple[dict[str, Any], ...] = (
        {"actions": actions, "derivation": _rule(policy, actions)},
        {"prohibited": policy.prohibited ^ bit},
        {"duties": policy.duties ^ (bit & 0x7FFF)},
        {"purposes": policy.purposes ^ bit},
        {"industries": policy.industries ^ bit},
        {"roles": policy.roles ^ (bit & 0x3FFFFFF)},
        {"modes": 1 << chance.randrange(6)},
        {"min_security_grade": chance.choice((0, 1, 2, 255))},
        {"off_chain_terms": not policy.off_chain_terms},
        {"territory": country},
        {"sub_depth": chance.randint(0, 4)},
        {"derivation": chance.choice(list(Derivation))},
        {"not_before": chance.choice((START, FINAL_S, FINAL_S + 60))},
        {"not_after": chance.choice((FINAL_S - 1, FINAL_S, FINAL_S + 1, FINAL_S + 60))},
        {"max_duration": chance.choice((1, 2_000, 90_000))},
    )
    return replace(policy, **chance.choice(changes))


def _rule(policy: Policy, actions: int) -> Derivation:
    if not actions & Action.DERIVE:
        return Derivation.NONE
    return max(policy.derivation, Derivation.SAME_TERMS)


def cases(world: World, count: int, seed: int, pairs: Sequence[tuple[int, int]]) -> list[Case]:
    """Return what to fold: few policies, near each other more often than not."""
    chance = random.Random(seed)
    last = len(world.policies)
    found = []
    for _ in range(count):
        inputs = list(chance.choice(pairs))
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2, 14))):
            near = chance.choice(chance.choice(pairs)) if chance.random() < 0.3 else inputs[-1]
            inputs.append(near)
        chance.shuffle(inputs)
        whole = chance.choice((0, 0, 0, inputs[0], chance.randint(1, last)))
        found.append(Case(whole, tuple(inputs)))
    return found


def _expected(world: World, case: Case) -> tuple[str | None, Policy | None]:
    """Return the library's answer: the field that is refused, or the terms."""
    whole = world.policies[case.whole - 1] if case.whole else None
    try:
        folded = fold([world.policies[number - 1] for number in case.inputs], FINAL_S, whole)
    except IncompatibleInputs as refused:
        return refused.field, None
    return None, folded


def _found(answer: dict[str, Any]) -> tuple[str | None, Policy | None]:
    """Return the chain's answer in the library's words."""
    if "error" in answer:
        return _refused(answer, _INCOMPATIBLE), None
    values, words = decode([_TERMS, "uint256[3]"], bytes.fromhex(answer["result"][2:]))
    given = dict(zip(FIELDS, values, strict=True))
    given["territory"] = Territory.from_words(words) if any(words) else None
    return None, Policy(**given)


def _field(answer: dict[str, Any], selector: bytes) -> str | None:
    return _refused(answer, selector) if "error" in answer else None


def _refused(answer: dict[str, Any], selector: bytes) -> str:
    data = bytes.fromhex(str(answer["error"].get("data", "0x"))[2:])
    if data[:4] != selector:
        return f"another error: {answer['error']}"
    name = data[4:36].rstrip(b"\0").decode("ascii")
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def _call(chain: Chain, signature: str, types: Sequence[str], values: Sequence[object]) -> Any:
    data = "0x" + (keccak(signature.encode())[:4] + encode(types, values)).hex()
    call = {"to": chain.address_of("Policies"), "data": data}
    return "eth_call", [call, "latest", {}, {"time": hex(FINAL_S)}]


def compare(artifacts: Path, trees: int, folds: int, seed: int) -> tuple[str | None, Counter[str]]:
    """Return the first disagreement in words, None if there is none, and how often each answer was.

    Args:
        artifacts: Folder of the compiled contracts.
        trees: How many trees of grants to take the policies of.
        folds: How many folds, and as many comparisons.
        seed: Of everything that is random.
    """
    world = Worlds(seed).make(trees)
    near = widen(world, seed)
    asked = cases(world, folds, seed, near)
    counts: Counter[str] = Counter()
    with anvil(START - 1_000) as node:
        chain = Chain(node, artifacts)
        store_terms(world, chain)
        for found in (_folds(world, chain, asked), _limits(world, chain, asked)):
            for about, expected, answer in found:
                counts[_name(expected)] += 1
                if expected != answer:
                    return f"of {about} the library says {expected}, the chain {answer}", counts
    return None, counts


def _name(expected: object) -> str:
    """Return what kind of answer this is."""
    if isinstance(expected, tuple):
        return expected[0] or "folded"
    return f"exceeds {expected}" if expected else "within"


def _folds(world: World, chain: Chain, asked: Sequence[Case]) -> Iterator[_Compared]:
    calls = [_call(chain, _FOLD, ["uint64", "uint64[]"], [c.whole, c.inputs]) for c in asked]
    for case, answer in zip(asked, chain.answers(calls), strict=True):
        yield case, _expected(world, case), _found(answer)


def _limits(world: World, chain: Chain, asked: Sequence[Case]) -> Iterator[_Compared]:
    """Ask what exceeds what: one policy another, and one the fold of others."""
    pairs = [case.inputs[:2] for case in asked]
    calls = [_call(chain, _WITHIN, ["uint64", "uint64"], pair) for pair in pairs]
    for pair, answer in zip(pairs, chain.answers(calls), strict=True):
        child, ceiling = (world.policies[number - 1] for number in pair)
        yield pair, first_excess_of_ceiling(child, ceiling), _field(answer, _EXCEEDS)
    folds = [Case(0, case.inputs[1:3]) for case in asked]
    kept = [case.inputs[0] for case in asked]
    calls = [
        _call(chain, _COVERS, ["uint64", "uint64[]"], [number, case.inputs])
        for number, case in zip(kept, folds, strict=True)
    ]
    for number, case, answer in zip(kept, folds, chain.answers(calls), strict=True):
        field, folded = _expected(world, case)
        if folded is None:
            yield (number, case), field, _field(answer, _INCOMPATIBLE)
        else:
            excess = first_excess_of_ceiling(world.policies[number - 1], folded)
            yield (number, case), excess, _field(answer, _NARROWER)


def main(words: list[str]) -> int:
    """Compare, and return 0 if all answers agree, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--folds", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--artifacts", type=Path, default=ARTIFACTS)
    given = parser.parse_args(words)
    begun = time.monotonic()
    found, counts = compare(given.artifacts, given.trees, given.folds, given.seed)
    spent = time.monotonic() - begun
    print(dict(counts.most_common()))
    print(found or f"{given.folds} folds and comparisons agree ({spent:.0f} s)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
