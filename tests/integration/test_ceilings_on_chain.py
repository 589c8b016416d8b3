"""The library and the compiled contracts fold the terms of inputs alike.

`scripts.mutate_contracts` shows that this comparison notices wrong contracts.
"""

import pytest

from scripts import ceiling_chain, toolchain

TREES, FOLDS, SEED = 40, 2_000, 20_211_125
LEAST = 3  # of every answer
FIELDS = ("actions", "purposes", "industries", "roles", "modes", "not_after", "territory")


def test_thousands_of_folds_agree_and_every_field_is_reached():
    try:
        toolchain.anvil()
    except toolchain.ToolMissing as missing:
        pytest.skip(f"no Anvil to fold on: {missing}")
    found, counts = ceiling_chain.compare(ceiling_chain.ARTIFACTS, TREES, FOLDS, SEED)
    assert found is None
    assert {"folded", "within", *FIELDS, "exceeds territory", "exceeds derivation"} <= set(counts)
    assert min(counts.values()) >= LEAST, counts
