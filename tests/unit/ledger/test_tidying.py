"""Grants that are over are no burden for an exclusive one."""

import pytest

from provenance.errors import ContractRevert, TransactionFailed
from provenance.ledger import datasets, grants, policies, tidying

BANK = 4


@pytest.fixture
def policy_ids(ledger, content):
    datasets.register(ledger, "founder", content, "T")
    words = (["read"], ["compute"])
    stored = [policies.of_json({"actions": actions}) for actions in words]
    return [policies.store(ledger, "founder", proposal).policy_id for proposal in stored]


def issue(ledger, policy_id, **more):
    return grants.issue(ledger, "founder", policy_id, BANK, dataset_id=1, **more).grant_id


def revoke(ledger, *grant_ids):
    for grant_id in grant_ids:
        grants.set_status(ledger, "founder", grant_id, "revoke", b"over")


def test_many_that_are_over_do_not_stop_an_exclusive_one(ledger, policy_ids, monkeypatch):
    read, compute = policy_ids
    over = [issue(ledger, read) for _ in range(17)]
    standing = issue(ledger, read)
    over += [issue(ledger, read) for _ in range(19)]
    revoke(ledger, *over)
    monkeypatch.setattr(grants, "EXCLUSIVE_GAS", 250_000)
    with monkeypatch.context() as untidy:
        untidy.setattr(tidying, "FEW", 1_000)
        with pytest.raises(TransactionFailed, match="ran out of gas"):
            issue(ledger, compute, exclusive=True)
    monkeypatch.setattr(tidying, "STEP", 10)
    monkeypatch.setattr(tidying, "FEW", 3)
    assert tidying.tidy(ledger, "bank", 1) == 4
    assert tidying.tidy(ledger, "bank", 1) == 0
    (record,) = ledger.call("Licenses", "grant", over[-1])
    assert record[-1] == standing
    sole = issue(ledger, compute, exclusive=True)
    (record,) = ledger.call("Licenses", "grant", standing)
    assert record[-1] == 0
    with pytest.raises(ContractRevert, match="ExclusiveConflict"):
        issue(ledger, read, exclusive=True)
    assert issue(ledger, read) == sole + 1


def test_an_exclusive_grant_tidies_first(ledger, policy_ids, monkeypatch):
    read, compute = policy_ids
    revoke(ledger, *[issue(ledger, read) for _ in range(12)])
    monkeypatch.setattr(tidying, "FEW", 3)
    done = []
    real = tidying.write
    monkeypatch.setattr(tidying, "write", lambda *a, **k: done.append(a[3]) or real(*a, **k))
    issue(ledger, compute, exclusive=True)
    assert done == ["tidy"]


def listed(text):
    """Return grants from 1 on: ``x`` is over, ``o`` stands."""
    return [(number, letter == "x") for number, letter in enumerate(text, start=1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("o", []),
        ("xx", []),
        ("xxx", [(3, 1)]),
        ("xxo", [(3, 1)]),
        ("xoxo", []),
        ("xxoxxo", [(3, 1), (6, 4)]),
        ("oxxxo", [(5, 2)]),
        ("xxxxxo", [(5, 1)]),
        ("xxxxxxxxxxo", [(5, 1), (9, 5), (11, 9)]),
        ("xxooooxx", [(3, 1)]),
        ("xxoooooxx", []),
    ],
)
def test_each_place_goes_on_from_the_one_before(monkeypatch, text, expected):
    monkeypatch.setattr(tidying, "STEP", 4)
    monkeypatch.setattr(tidying, "MAX_COMPARED", 4)
    monkeypatch.setattr(tidying, "FEW", 2)
    assert tidying.places(listed(text)) == expected
