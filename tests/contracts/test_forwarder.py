"""Requests signed by eth_account, delivered by a relayer without any rights."""

import pytest

from scripts.tester_ledger import FAR_FUTURE, content, digest

RELAYER = 9


def test_a_signed_request_is_carried_out_in_the_name_of_its_signer(ledger, forwarder, titles):
    request, signature = ledger.request(ledger.register("data"), 1, 0)
    assert forwarder.verify(request, signature).call()
    ledger.send(forwarder.relay(request, signature), RELAYER)
    assert titles.registrantOf(1).call() == 1
    assert forwarder.isNonceUsed(ledger.accounts[1], 0).call()


def test_nonces_have_no_order(ledger, forwarder, datasets):
    for nonce in (2**255, 7, 0, 255, 256):
        request, signature = ledger.request(ledger.register(f"data {nonce}"), 1, nonce)
        ledger.send(forwarder.relay(request, signature), RELAYER)
    assert datasets.count().call() == 5


def test_a_replay_is_refused(ledger, forwarder, refusal):
    request, signature = ledger.request(ledger.register("data"), 1, 0)
    ledger.send(forwarder.relay(request, signature), RELAYER)
    expected = {"from": ledger.accounts[1].lower(), "nonce": 0}
    assert refusal(forwarder.relay(request, signature), RELAYER) == ("NonceUsed", expected)


@pytest.mark.parametrize(
    ("field", "value"),
    [(2, 600_001), (3, 1), (4, FAR_FUTURE + 1), (5, b"\x00")],
    ids=["gas", "nonce", "deadline", "data"],
)
def test_an_altered_request_is_refused(ledger, forwarder, refusal, field, value):
    request, signature = ledger.request(ledger.register("data"), 1, 0)
    altered = (*request[:field], value, *request[field + 1 :])
    expected = ("BadSignature", {"from": ledger.accounts[1].lower()})
    assert refusal(forwarder.relay(altered, signature), RELAYER) == expected


def test_an_expired_request_is_refused(ledger, forwarder, refusal):
    request, signature = ledger.request(ledger.register("data"), 1, 0)
    ledger.travel(FAR_FUTURE + 1)
    expected = ("RequestExpired", {"deadline": FAR_FUTURE})
    assert refusal(forwarder.relay(request, signature), RELAYER) == expected


def test_a_cancelled_request_is_refused(ledger, forwarder, refusal):
    request, signature = ledger.request(ledger.register("data"), 1, 3)
    ledger.send(forwarder.cancelNonce(3), 1)
    assert not forwarder.verify(request, signature).call()
    assert refusal(forwarder.relay(request, signature), RELAYER)[0] == "NonceUsed"


def test_an_error_of_a_module_comes_through_unchanged(ledger, forwarder, datasets, refusal):
    ledger.send(ledger.register("data"), 1)
    request, signature = ledger.request(datasets.publish(1, 5, content("gap"), 0), 1, 0)
    expected = ("VersionGap", {"expected": 2, "given": 5})
    assert refusal(forwarder.relay(request, signature), RELAYER) == expected


def test_nobody_speaks_as_a_module_through_the_forwarder(ledger, forwarder, refusal):
    zero = bytes(32)
    history = ledger.modules["History"].functions
    supervision = ledger.modules["Supervision"].functions
    subject = b"\x02" + bytes(23) + (1).to_bytes(8, "big")
    calls = [
        history.record(1, digest("anything"), zero, zero, zero, b""),
        supervision.place(subject, 1, 1, 0, digest("case"), 0),
        ledger.modules["Titles"].functions.close(1),
    ]
    expected = ("NotModule", {"caller": ledger.modules["Forwarder"].address.lower()})
    for nonce, call in enumerate(calls):
        request, signature = ledger.request(call, 1, nonce)
        assert refusal(forwarder.relay(request, signature), RELAYER) == expected


def test_a_batch_skips_and_reports_what_fails(ledger, forwarder, datasets, contracts):
    calls = [
        ledger.register("one"),
        datasets.publish(9, 1, content("x"), 0),
        ledger.register("two"),
    ]
    signed = [ledger.request(call, 1, nonce) for nonce, call in enumerate(calls)]
    requests, signatures = zip(*signed, strict=True)
    receipt = ledger.send(forwarder.relayBatch(requests, signatures), RELAYER)
    (failed,) = (
        ledger.modules["Forwarder"]
        .events.RequestFailed()
        .process_receipt(
            {**receipt, "logs": [log for log in receipt["logs"] if is_failure(ledger, log)]}
        )
    )
    assert failed["args"]["nonce"] == 1
    revert = contracts.decode_revert(failed["args"]["reason"])
    assert (revert.name, revert.arguments) == ("NotFound", {"kind": 2, "id": 9})
    assert datasets.count().call() == 2
    used = [forwarder.isNonceUsed(ledger.accounts[1], nonce).call() for nonce in range(3)]
    assert used == [True, False, True]


def is_failure(ledger, log):
    topic = ledger.w3.keccak(text="RequestFailed(address,uint256,bytes)")
    return log["topics"][0] == topic
