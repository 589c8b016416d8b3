"""Shows that the comparison of library and chain notices wrong contracts.

Each mutation changes a single comparison of the Solidity check, or of the fold of ceilings, in a
copy of the sources, compiles the contract that it is part of and runs `policy_chain.compare` or
`ceiling_chain.compare`, which must find a disagreement: then it is caught. Promises: the repository
is not touched; a mutation whose text is not found exactly once is an error, so none goes stale
unnoticed. Slow: not run with the tests.

Run it as ``python -m scripts.mutate_contracts [NAME ...]``.
"""

import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import solcx

from scripts import build_contracts, ceiling_chain, policy_chain, toolchain
from scripts.anvil import ReplayFailed

TREES = 150
REQUESTS = 15_000
CEILING_TREES = 100
FOLDS = 5_000
SEED = 1


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of one comparison.

    Attributes:
        contract: The contract that ships with it.
        unit: The source unit.
        before: Text that stands there exactly once.
        after: What stands there instead.
    """

    contract: str
    unit: str
    before: str
    after: str


MUTATIONS: dict[str, Mutation] = {
    "window-begins-late": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "notBefore <= block.timestamp && block.timestamp <= notAfter;",
        "notBefore < block.timestamp && block.timestamp <= notAfter;",
    ),
    "window-ends-early": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "notBefore <= block.timestamp && block.timestamp <= notAfter;",
        "notBefore <= block.timestamp && block.timestamp < notAfter;",
    ),
    "suspended-is-active": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "return status == ACTIVE &&",
        "return status <= SUSPENDED &&",
    ),
    "suspended-above-is-active": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "if (suspect && !PARTIES.isActive(_granteeOf(above))) inForce = false;",
        "if (suspect && PARTIES.isActive(_granteeOf(above))) inForce = false;",
    ),
    "suspects-are-looked-up-wrongly": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "(suspects >> (grantee & 255)) & 1 == 1;",
        "(suspects >> (grantee & 255)) & 1 == 0;",
    ),
    "holds-above-do-not-matter": Mutation(
        "Licenses",
        "contracts/Licenses.sol",
        "(marks | marksAbove) & HELD != 0);",
        "marks & HELD != 0);",
    ),
    "holds-on-datasets-do-not-matter": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "if (onDataset) hold =",
        "if (!onDataset) hold =",
    ),
    "holds-on-parties-do-not-matter": Mutation(
        "Licenses",
        "contracts/Licenses.sol",
        "if (actorHeld && hold == NO_HOLD)",
        "if (!actorHeld && hold == NO_HOLD)",
    ),
    "ended-titles-do-not-matter": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "return registered ? Inactive.NONE : Inactive.TITLE;",
        "return registered ? Inactive.NONE : Inactive.NONE;",
    ),
    "parents-do-not-matter": Mutation(
        "Licenses",
        "contracts/GrantRecords.sol",
        "while (parent != 0) {",
        "while (parent > type(uint40).max) {",
    ),
    "anybody-is-grantee": Mutation(
        "Licenses",
        "contracts/Licenses.sol",
        "if (grantee != actor) return (Code.NOT_GRANTEE, 0);",
        "if (grantee == NO_PARTY) return (Code.NOT_GRANTEE, 0);",
    ),
    "any-role-will-do": Mutation(
        "Policies",
        "contracts/Policies.sol",
        "if (roles & allowed == 0) return",
        "if (roles | allowed == 0) return",
    ),
    "one-of-several-purposes-will-do": Mutation(
        "Policies",
        "contracts/Policies.sol",
        "return asked != 0 && asked & ~permitted == 0;",
        "return asked != 0 && asked & permitted != 0;",
    ),
    "several-actions-at-once": Mutation(
        "Policies",
        "contracts/Policies.sol",
        "return asked & (asked - 1) == 0 && asked & permitted != 0;",
        "return asked & (asked - 1) >= 0 && asked & permitted != 0;",
    ),
    "grade-must-be-higher": Mutation(
        "Policies",
        "contracts/Policies.sol",
        "if (request.securityGrade < least) return",
        "if (request.securityGrade <= least) return",
    ),
    "country-z-is-malformed": Mutation(
        "Policies",
        "contracts/Policies.sol",
        "if (high > 25 || low > 25) return false;",
        "if (high > 25 || low >= 25) return false;",
    ),
    "quota-does-not-matter": Mutation(
        "Licenses",
        "contracts/Licenses.sol",
        "marks & EXHAUSTED == 0, request)",
        "marks & EXHAUSTED <= EXHAUSTED, request)",
    ),
    "hold-lapses-early": Mutation(
        "Supervision",
        "contracts/Supervision.sol",
        "record.until != 0 && record.until < block.timestamp;",
        "record.until != 0 && record.until <= block.timestamp;",
    ),
}

CEILINGS: dict[str, Mutation] = {
    "a-rule-lifts-nothing": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "_foldIn(fold, next, next.derivation == Derivation.ATTRIBUTION_ONLY);",
        "_foldIn(fold, next, false);",
    ),
    "a-corrected-ceiling-is-lifted": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "_foldIn(fold, _existing(whole), false);",
        "_foldIn(fold, _existing(whole), true);",
    ),
    "every-duty-sticks": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "terms.duties |= next.duties & DUTIES_STICKY;",
        "terms.duties |= next.duties;",
    ),
    "prohibitions-leave-actions": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "terms.actions &= ~terms.prohibited;",
        "terms.actions &= ~uint32(0);",
    ),
    "sharing-stays": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "if (!shared) terms.actions &= ~ACTION_SHARE_GOV;",
        "if (shared) terms.actions &= ~uint32(0);",
    ),
    "countries-add-up": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "fold.countries[i] &= words[i];",
        "fold.countries[i] |= words[i];",
    ),
    "the-latest-end-counts": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "if (next.notAfter < terms.notAfter)",
        "if (next.notAfter > terms.notAfter)",
    ),
    "an-ended-fold-will-do": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "block.timestamp < terms.notAfter",
        "block.timestamp <= terms.notAfter",
    ),
    "the-lowest-grade-counts": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "if (next.minSecurityGrade > terms.minSecurityGrade)",
        "if (next.minSecurityGrade < terms.minSecurityGrade)",
    ),
    "depth-must-shrink": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "if (child.subDepth > ceiling.subDepth) return",
        "if (child.subDepth >= ceiling.subDepth) return",
    ),
    "a-ceiling-may-end-early": Mutation(
        "Policies",
        "contracts/Ceilings.sol",
        "if (child.notAfter > ceiling.notAfter) return",
        "if (child.notAfter < ceiling.notAfter) return",
    ),
}


def compile_with(mutation: Mutation, folder: Path) -> None:
    """Lay all contracts into a folder as they ship, the one with the mutation compiled anew.

    Raises:
        ReplayFailed: the text of the mutation is not there exactly once.
        SolcError: the mutated source does not compile.
    """
    name, unit = mutation.contract, f"contracts/{mutation.contract}.sol"
    sources = build_contracts.sources()
    found = sources[mutation.unit].count(mutation.before)
    if found != 1:
        text = mutation.before
        raise ReplayFailed(f"expected {text!r} once in {mutation.unit}, found {found}")
    sources[mutation.unit] = sources[mutation.unit].replace(mutation.before, mutation.after)
    request = {
        "language": "Solidity",
        "sources": {unit: {"content": text} for unit, text in sources.items()},
        "settings": {
            **build_contracts.SETTINGS,
            "outputSelection": {unit: {name: ["evm.bytecode.object"]}},
        },
    }
    shutil.copytree(policy_chain.ARTIFACTS, folder, dirs_exist_ok=True)
    answer = solcx.compile_standard(request, solc_binary=toolchain.compiler())
    compiled = answer["contracts"][unit][name]
    document = {"bytecode": "0x" + compiled["evm"]["bytecode"]["object"]}
    (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")


def find_out(name: str) -> str | None:
    """Return how the comparison notices a mutation; None if it does not."""
    with tempfile.TemporaryDirectory() as folder:
        compile_with((MUTATIONS | CEILINGS)[name], Path(folder))
        try:
            if name in CEILINGS:
                return ceiling_chain.compare(Path(folder), CEILING_TREES, FOLDS, SEED)[0]
            return policy_chain.compare(Path(folder), TREES, REQUESTS, SEED)
        except ReplayFailed as refused:
            return f"the chain refuses what it should accept: {refused}"


def main(words: list[str]) -> int:
    """Try the mutations that are named, else all; return 0 if each is noticed, else 1."""
    os.environ["PATH"] = toolchain.environment()["PATH"]
    survivors = 0
    for name in words or (*MUTATIONS, *CEILINGS):
        begun = time.monotonic()
        noticed = find_out(name)
        survivors += noticed is None
        spent = f"{time.monotonic() - begun:.0f} s"
        verdict = f"caught: {noticed[:120]}" if noticed else "NOT CAUGHT"
        print(f"{name} ({spent}): {verdict}", flush=True)
    tried = len(words or MUTATIONS | CEILINGS)
    print(f"{tried - survivors} of {tried} mutations caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
