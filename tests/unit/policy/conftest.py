"""What tests of policies share: random valid terms."""

import pytest
from hypothesis import strategies as st

from provenance.policy import terms, vocabulary
from provenance.policy.terms import Policy
from provenance.policy.territory import ALL_COUNTRIES, Territory
from provenance.policy.vocabulary import Action, Derivation


def some(everything):
    return st.just(everything) | st.integers(1, everything).map(lambda bits: bits & everything or 1)


def limit(highest, lowest=1):
    return st.just(highest) | st.integers(lowest, highest) | st.integers(lowest, 100)


@st.composite
def valid(draw):
    """Draw terms that the contract stores at some time."""
    actions = draw(st.integers(0, vocabulary.ACTIONS_ALL)) & vocabulary.ACTIONS_ALL
    roles = draw(some(vocabulary.ROLES_ALL))
    if draw(st.integers(0, 9)) == 0:
        actions = actions & ~vocabulary.ACTIONS_NOT_SHARED | Action.SHARE_GOV
        roles = vocabulary.PUBLIC_BODY
    else:
        actions &= ~Action.SHARE_GOV
    actions = actions or int(Action.READ)
    derives = bool(actions & Action.DERIVE)
    rules = st.sampled_from(list(Derivation)[1:]) if derives else st.just(Derivation.NONE)
    not_after = draw(limit(terms.NO_END, 2))
    forbidden = draw(st.integers(0, vocabulary.ACTIONS_ALL)) & vocabulary.ACTIONS_ALL & ~actions
    return Policy(
        actions=actions,
        purposes=draw(some(vocabulary.PURPOSES_ALL)),
        industries=draw(some(vocabulary.INDUSTRIES_ALL)),
        roles=roles,
        modes=draw(some(vocabulary.MODES_ALL)),
        min_security_grade=draw(st.integers(0, 255)),
        off_chain_terms=draw(st.booleans()),
        territory=draw(st.none() | st.integers(1, ALL_COUNTRIES).map(Territory)),
        prohibited=forbidden,
        duties=draw(st.integers(0, vocabulary.DUTIES_ALL)),
        sub_depth=draw(st.integers(1 if actions & Action.LICENSE else 0, 4)),
        derivation=draw(rules),
        not_before=draw(st.integers(0, not_after - 1)),
        not_after=not_after,
        max_duration=draw(limit(terms.UNLIMITED_DURATION)),
        max_uses=draw(limit(terms.UNLIMITED_USES)),
        max_grants=draw(limit(terms.UNLIMITED_GRANTS, 0)),
    )


@pytest.fixture(scope="session")
def policies():
    return valid()
