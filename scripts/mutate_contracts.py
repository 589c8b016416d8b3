"""Shows that the comparison of library and chain notices wrong contracts: a dozen and more.

Each mutation changes a single comparison of the Solidity check, or of the fold, in a copy of the
sources, compiles the copy and runs `policy_chain.compare` or `ceiling_chain.compare`, which must
find a disagreement. Promises: the repository is not touched; a mutation whose text is not found
exactly once is an error, so none goes stale unnoticed. Slow (about half a minute each): CI runs it
at night, not with the tests.

Run it as ``python -m scripts.mutate_contracts [NAME ...]``.
"""

import json
import os
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
        unit: The source unit.
        before: Text that stands there exactly once.
        after: What stands there instead.
    """

    unit: str
    before: str
    after: str


MUTATIONS: dict[str, Mutation] = {
    "window-begins-late": Mutation(
        "contracts/GrantRecords.sol",
        "notBefore <= block.timestamp && block.timestamp <= notAfter;",
        "notBefore < block.timestamp && block.timestamp <= notAfter;",
    ),
    "window-ends-early": Mutation(
        "contracts/GrantRecords.sol",
        "notBefore <= block.timestamp && block.timestamp <= notAfter;",
        "notBefore <= block.timestamp && block.timestamp < notAfter;",
    ),
    "suspended-is-active": Mutation(
        "contracts/GrantRecords.sol", "return status == ACTIVE &&", "return status <= SUSPENDED &&"
    ),
    "parents-do-not-matter": Mutation(
        "contracts/GrantRecords.sol",
        "while (parent != 0) {",
        "while (parent > type(uint40).max) {",
    ),
    "anybody-is-grantee": Mutation(
        "contracts/Licenses.sol",
        "if (grantee != actor) return (Code.NOT_GRANTEE, 0);",
        "if (grantee == NO_PARTY) return (Code.NOT_GRANTEE, 0);",
    ),
    "any-role-will-do": Mutation(
        "contracts/Policies.sol",
        "if (roles & allowed == 0) return",
        "if (roles | allowed == 0) return",
    ),
    "one-of-several-purposes-will-do": Mutation(
        "contracts/Policies.sol",
        "return asked != 0 && asked & ~permitted == 0;",
        "return asked != 0 && asked & permitted != 0;",
    ),
    "several-actions-at-once": Mutation(
        "contracts/Policies.sol",
        "return asked & (asked - 1) == 0 && asked & permitted != 0;",
        "return asked & (asked - 1) >= 0 && asked & permitted != 0;",
    ),
    "grade-must-be-higher": Mutation(
        "contracts/Policies.sol",
        "if (request.securityGrade < least) return",
        "if (request.securityGrade <= least) return",
    ),
    "country-z-is-malformed": Mutation(
        "contracts/Policies.sol",
        "if (high > 25 || low > 25) return false;",
        "if (high > 25 || low >= 25) return false;",
    ),
    "quota-does-not-matter": Mutation(
        "contracts/Licenses.sol",
        "marks & EXHAUSTED == 0, request)",
        "marks & EXHAUSTED <= EXHAUSTED, request)",
    ),
    "hold-lapses-early": Mutation(
        "contracts/Supervision.sol",
        "record.until != 0 && record.until < block.timestamp;",
        "record.until != 0 && record.until <= block.timestamp;",
    ),
}

CEILINGS: dict[str, Mutation] = {
    "a-rule-lifts-nothing": Mutation(
        "contracts/Ceilings.sol",
        "_foldIn(fold, next, next.derivation == Derivation.ATTRIBUTION_ONLY);",
        "_foldIn(fold, next, false);",
    ),
    "a-corrected-ceiling-is-lifted": Mutation(
        "contracts/Ceilings.sol",
        "_foldIn(fold, _existing(whole), false);",
        "_foldIn(fold, _existing(whole), true);",
    ),
    "every-duty-sticks": Mutation(
        "contracts/Ceilings.sol",
        "terms.duties |= next.duties & DUTIES_STICKY;",
        "terms.duties |= next.duties;",
    ),
    "prohibitions-leave-actions": Mutation(
        "contracts/Ceilings.sol",
        "terms.actions &= ~terms.prohibited;",
        "terms.actions &= ~uint32(0);",
    ),
    "sharing-stays": Mutation(
        "contracts/Ceilings.sol",
        "if (!shared) terms.actions &= ~ACTION_SHARE_GOV;",
        "if (shared) terms.actions &= ~uint32(0);",
    ),
    "countries-add-up": Mutation(
        "contracts/Ceilings.sol",
        "fold.countries[i] &= words[i];",
        "fold.countries[i] |= words[i];",
    ),
    "the-latest-end-counts": Mutation(
        "contracts/Ceilings.sol",
        "if (next.notAfter < terms.notAfter)",
        "if (next.notAfter > terms.notAfter)",
    ),
    "an-ended-fold-will-do": Mutation(
        "contracts/Ceilings.sol",
        "block.timestamp < terms.notAfter",
        "block.timestamp <= terms.notAfter",
    ),
    "the-lowest-grade-counts": Mutation(
        "contracts/Ceilings.sol",
        "if (next.minSecurityGrade > terms.minSecurityGrade)",
        "if (next.minSecurityGrade < terms.minSecurityGrade)",
    ),
    "depth-must-shrink": Mutation(
        "contracts/Ceilings.sol",
        "if (child.subDepth > ceiling.subDepth) return",
        "if (child.subDepth >= ceiling.subDepth) return",
    ),
    "a-ceiling-may-end-early": Mutation(
        "contracts/Ceilings.sol",
        "if (child.notAfter > ceiling.notAfter) return",
        "if (child.notAfter < ceiling.notAfter) return",
    ),
}


def compile_with(mutation: Mutation, folder: Path) -> None:
    """Compile all contracts with one mutation into a folder, as `build_contracts` would.

    Raises:
        ReplayFailed: the text of the mutation is not there exactly once.
        SolcError: the mutated source does not compile.
    """
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
            "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
        },
    }
    answer = solcx.compile_standard(request, solc_binary=toolchain.compiler())
    for unit, contracts in answer["contracts"].items():
        for name, compiled in contracts.items():
            if Path(unit).parent.as_posix() == "contracts":
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
        print(f"{name} ({spent}): {(noticed or 'NOT NOTICED')[:160]}", flush=True)
    print(f"{survivors} mutations survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
