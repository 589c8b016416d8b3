"""A ledger deployed from the committed bytecode on eth-tester, put back after every test.

Parties 1 to 4 are the supplier, the rival, the buyer and the arbiter; their accounts have the same
numbers. Account 0 is the root admin, 9 a relayer without a party.
"""

import ast

import pytest
from eth_tester.exceptions import TransactionFailed

from provenance.chain.contracts import Contracts
from scripts.tester_ledger import ARBITER, CONSUMER, SUPPLIER, TesterLedger


@pytest.fixture(scope="session")
def deployed():
    ledger = TesterLedger()
    for account, roles in enumerate([SUPPLIER, SUPPLIER, CONSUMER, ARBITER], start=1):
        ledger.admit(account, roles)
    return ledger


@pytest.fixture
def ledger(deployed):
    snapshot = deployed.tester.take_snapshot()
    yield deployed
    deployed.tester.revert_to_snapshot(snapshot)


@pytest.fixture
def parties(ledger):
    return ledger.modules["Parties"].functions


@pytest.fixture
def titles(ledger):
    return ledger.modules["Titles"].functions


@pytest.fixture
def datasets(ledger):
    return ledger.modules["Datasets"].functions


@pytest.fixture
def forwarder(ledger):
    return ledger.modules["Forwarder"].functions


@pytest.fixture(scope="session")
def contracts():
    return Contracts()


@pytest.fixture
def refusal(ledger, contracts):
    """Call as an account and return name and arguments of the custom error that it meets."""

    def refused(call, sender):
        with pytest.raises(TransactionFailed) as caught:
            call.call({"from": ledger.accounts[sender]})
        data = ast.literal_eval(str(caught.value).partition("reverted: ")[2])
        revert = contracts.decode_revert(data)
        return revert.name, revert.arguments

    return refused
