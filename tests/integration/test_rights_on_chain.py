"""The library and the compiled contracts give the same answers.

`scripts.mutate_contracts` shows that this comparison notices wrong contracts.
"""

from itertools import islice

import pytest

from provenance.policy.evaluation import Code
from provenance.policy.grants import Inactive
from scripts import policy_chain, toolchain
from scripts.policy_requests import cases
from scripts.policy_worlds import Worlds

TREES = 1_000
REQUESTS = 100_000
SEED = 20_211_125


def require_anvil():
    try:
        toolchain.anvil()
    except toolchain.ToolMissing as missing:
        pytest.skip(f"no Anvil to replay on: {missing}")


def test_a_hundred_thousand_answers_over_a_thousand_trees_agree():
    require_anvil()
    found = policy_chain.compare(policy_chain.ARTIFACTS, TREES, REQUESTS, SEED)
    assert found is None


def test_the_requests_reach_every_answer_and_every_reason_to_be_inactive():
    world = Worlds(SEED).make(TREES)
    reached, why = set(), set()
    for case in islice(cases(world, REQUESTS, SEED), 20_000):
        reached.add(case.answer.code)
        if case.answer.code is Code.GRANT_NOT_ACTIVE:
            why.add(Inactive(case.answer.detail))
    assert reached == set(Code)
    assert why == set(Inactive) - {Inactive.NONE}
    assert {planned.grant.depth for planned in world.grants.values()} == set(range(5))
