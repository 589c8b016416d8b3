"""Parties on a real EVM: admission, keys, recovery, delegates, status."""

from scripts.tester_ledger import FAR_FUTURE, NO_HASH, SUPPLIER, content, digest, profile

NOBODY = "0x" + "00" * 20
WEEK_S = 7 * 24 * 3600


def test_a_party_is_registered_once_by_its_account(ledger, parties, refusal):
    account = ledger.accounts[5]
    ledger.send(parties.register(account, profile("five"), SUPPLIER))
    assert parties.partyOf(account).call() == 5
    found = parties.party(5).call()
    assert found[:4] == (1, 1, 0, b"CN")
    assert found[6] == SUPPLIER
    again = parties.register(account, profile("again"), SUPPLIER)
    assert refusal(again, 0) == ("AccountTaken", {"account": account.lower()})


def test_only_the_admin_of_a_role_gives_it(ledger, parties, refusal):
    call = parties.register(ledger.accounts[5], profile("five"), SUPPLIER)
    assert refusal(call, 1) == ("NotRoleAdmin", {"roles": SUPPLIER})


def test_roles_of_two_sides_conflict(ledger, parties, refusal):
    call = parties.register(ledger.accounts[5], profile("five"), SUPPLIER | 1)
    assert refusal(call, 0) == ("RoleConflict", {"a": SUPPLIER, "b": 1})


def test_a_rotated_key_has_no_power(ledger, parties, refusal):
    ledger.send(parties.proposeAccount(ledger.accounts[5], ledger.accounts[1]), 1)
    ledger.send(parties.confirmAccount(1), 5)
    assert parties.partyOf(ledger.accounts[1]).call() == 0
    assert parties.partyOf(ledger.accounts[5]).call() == 1
    refused = refusal(ledger.register("anything"), 1)
    assert refused == ("NotParty", {"account": ledger.accounts[1].lower()})
    ledger.send(ledger.register("anything"), 5)


def test_recovery_waits_and_can_be_objected_to(ledger, parties, refusal):
    ledger.send(parties.proposeRecovery(1, ledger.accounts[5], digest("lost")))
    not_before = parties.recovery(1).call()[1]
    assert refusal(parties.confirmRecovery(1), 5) == ("RecoveryNotDue", {"notBefore": not_before})
    ledger.send(parties.objectToRecovery(), 1)
    expected = {"party": 1, "account": ledger.accounts[5].lower()}
    assert refusal(parties.confirmRecovery(1), 5) == ("NotProposed", expected)


def test_recovery_replaces_all_keys_and_ends_delegations(ledger, parties, refusal):
    delegation = (SUPPLIER, 1, FAR_FUTURE)
    ledger.send(parties.delegate(2, 0, delegation), 1)
    ledger.send(parties.proposeRecovery(1, ledger.accounts[5], digest("lost")))
    now = ledger.w3.eth.get_block("latest")["timestamp"]
    ledger.travel(now + WEEK_S + 1)
    ledger.send(parties.confirmRecovery(1), 5)
    assert parties.partyOf(ledger.accounts[1]).call() == 0
    assert parties.party(1).call()[7:9] == (1, 1)
    assert parties.delegation(1, 2, 0).call() == (0, 0, 0)


def test_a_delegate_acts_within_act_role_and_time(ledger, parties, datasets, refusal):
    call = datasets.register((2, 2, 1, 0, 0, 0, b"CN", 1), digest("s"), content("c"), 1)
    expected = {"principal": 1, "delegate": 3, "act": 1}
    assert refusal(call, 3) == ("NotDelegate", expected)
    ledger.send(parties.delegate(3, 0, (SUPPLIER, 1, FAR_FUTURE)), 1)
    ledger.send(call, 3)
    assert ledger.modules["Titles"].functions.registrantOf(1).call() == 1


def test_a_suspended_party_passes_no_check(ledger, parties, refusal):
    assert refusal(parties.suspend(1, NO_HASH), 0) == ("EvidenceMissing", {})
    ledger.send(parties.suspend(1, digest("reason")))
    assert refusal(ledger.register("anything"), 1) == ("PartyInactive", {"party": 1})
    ledger.send(parties.restore(1, digest("reason")))
    ledger.send(ledger.register("anything"), 1)


def test_nobody_is_admin_by_the_zero_address(parties, refusal):
    call = parties.register(NOBODY, profile("nobody"), SUPPLIER)
    assert refusal(call, 0) == ("AccountTaken", {"account": NOBODY})
