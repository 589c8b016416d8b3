import pytest

from provenance.chain.signing import SigningKey, sign_request
from provenance.errors import AccessError, CallRefused, ContractRevert, InputError
from provenance.identifiers import DatasetId
from provenance.ledger import datasets, offers, parties, policies
from provenance.ledger import relay as relaying
from provenance.ledger.grants import EXCLUSIVE_GAS
from provenance.ledger.lineage import DERIVE_GAS
from provenance.ledger.parties import Profile
from provenance.ledger.relay import MAX_DATA_BYTES, MAX_GAS, ForwardRequest, _gas_limit, relay

WALLET = SigningKey(b"\x07" * 32)
SOURCE = b"\x05" * 32


@pytest.fixture
def wallet(ledger):
    """A party whose key is elsewhere."""
    parties.add(ledger, "wallet", Profile.of_words("CN"), account=WALLET.address)
    return WALLET


def request_of(ledger, clock, **changes):
    content = (b"\x01" * 32, b"\x02" * 32, bytes(32), 0, bytes(32))
    classification = (2, 2, 1, 0, 0, 0, b"CN", 1)
    data = ledger.contracts["Datasets"].encode("register", classification, SOURCE, content, 0)
    fields = {
        "sender": WALLET.address,
        "to": ledger.address("Datasets"),
        "gas": 400_000,
        "nonce": 2**200,
        "deadline": int(clock()) + 3600,
        "data": data,
    }
    return ForwardRequest(**{**fields, **changes})


def signed(ledger, request, key=WALLET):
    return sign_request(key, request, ledger.chain_id, ledger.address("Forwarder"))


def test_a_signed_request_is_carried_out_for_its_signer(ledger, clock, wallet):
    request = request_of(ledger, clock)
    done = relay(ledger, request, signed(ledger, request))
    found = done.to_json()
    assert found["dataset_id"] == 1
    assert found["party_id"] == 5
    assert found["nonce"] == str(2**200)
    assert found["events"] == ["DatasetRegistered"]
    assert done.receipt.transaction_hash


def test_the_ids_that_events_name_are_told(ledger, clock, wallet, content):
    def send(module, function, *values):
        data = ledger.contracts[module].encode(function, *values)
        to, nonce = ledger.address(module), 1 + len(done)
        request = request_of(ledger, clock, to=to, data=data, nonce=nonce, gas=1_000_000)
        done.append(relay(ledger, request, signed(ledger, request)).to_json())
        return {key: value for key, value in done[-1].items() if key in IDS}

    done = []
    until = int(clock()) + 10_000
    # An event whose dataset is a number, and zero for any.
    assert send("Parties", "delegate", 4, 0, (0, 1, until)) == {}
    assert send("Parties", "delegate", 4, 7, (0, 1, until)) == {"dataset_id": 7}
    datasets.register(ledger, "founder", content, "T")
    policy = policies.store(ledger, "founder", policies.of_license("CC-BY-4.0")).policy_id
    offers.make(ledger, "founder", DatasetId(1), policy)
    taken = {"dataset_id": 1, "grant_id": 1, "offer_id": 1}
    assert send("Licenses", "takeUp", 1, 0) == taken
    with pytest.raises(ContractRevert, match="OfferTaken"):
        send("Licenses", "takeUp", 1, 0)
    request = (1 << 8, 1, 1, 1, b"CN", 0)
    assert send("Licenses", "use", 1, request, 1, 0) == {"dataset_id": 1, "grant_id": 1}


IDS = {f"{kind}_id" for kind in ("dataset", "transfer", "policy", "grant", "offer", "hold")}


def test_it_is_not_carried_out_twice(ledger, clock, wallet):
    request = request_of(ledger, clock)
    relay(ledger, request, signed(ledger, request))
    nonce = ledger.client.nonce(ledger.keystore.address("admin"))
    with pytest.raises(ContractRevert) as refused:
        relay(ledger, request, signed(ledger, request))
    assert refused.value.name == "NonceUsed"
    # refused before gas was spent
    assert ledger.client.nonce(ledger.keystore.address("admin")) == nonce


def test_it_is_not_carried_out_late(ledger, clock, wallet):
    request = request_of(ledger, clock, deadline=1_000)
    with pytest.raises(ContractRevert) as refused:
        relay(ledger, request, signed(ledger, request))
    assert refused.value.name == "RequestExpired"


def test_it_cannot_be_altered(ledger, clock, wallet):
    request = request_of(ledger, clock)
    with pytest.raises(AccessError, match="signature of"):
        relay(ledger, request_of(ledger, clock, nonce=1), signed(ledger, request))


def test_reverts_of_the_module_come_back_unchanged(ledger, clock, wallet):
    content = (bytes(32), bytes(32), bytes(32), 0, bytes(32))
    classification = (2, 2, 1, 0, 0, 0, b"CN", 1)
    data = ledger.contracts["Datasets"].encode("register", classification, SOURCE, content, 0)
    request = request_of(ledger, clock, data=data)
    with pytest.raises(ContractRevert) as refused:
        relay(ledger, request, signed(ledger, request))
    assert refused.value.name == "EmptyRoot"


def test_only_modules_are_called(ledger, clock, wallet):
    request = request_of(ledger, clock, to=WALLET.address)
    with pytest.raises(ContractRevert) as refused:
        relay(ledger, request, signed(ledger, request))
    assert refused.value.name == "NotTarget"


@pytest.mark.parametrize("changes", [{"gas": MAX_GAS + 1}, {"data": bytes(70_000)}])
def test_limits_are_kept(ledger, clock, changes):
    with pytest.raises(InputError, match="at most"):
        relay(ledger, request_of(ledger, clock, **changes), bytes(65))


def test_a_request_may_name_what_the_costliest_act_takes(ledger, clock, wallet):
    request = request_of(ledger, clock, gas=max(DERIVE_GAS, EXCLUSIVE_GAS))
    assert relay(ledger, request, signed(ledger, request)).to_json()["dataset_id"] == 1


@pytest.mark.parametrize("size", [20_000, 60_000, MAX_DATA_BYTES])
def test_all_data_that_is_allowed_is_carried(ledger, clock, wallet, size):
    """The transaction pays for it, whatever the request names for the module."""
    data = request_of(ledger, clock).data
    request = request_of(ledger, clock, data=data + b"\xff" * (size - len(data)))
    assert relay(ledger, request, signed(ledger, request)).to_json()["dataset_id"] == 1


def test_the_module_gets_the_gas_that_was_signed_for(ledger, clock, wallet):
    """A 64th of it stays with the forwarder, so the transaction needs more."""
    data = request_of(ledger, clock).data + b"\xff" * 40_000
    request = request_of(ledger, clock, gas=MAX_GAS, data=data)
    assert relay(ledger, request, signed(ledger, request)).to_json()["dataset_id"] == 1


def test_a_chain_with_a_floor_for_calldata_accepts_the_limit(ledger, clock):
    """EIP-7623: a transaction must be able to pay 40 gas a byte that is not zero."""
    request = request_of(ledger, clock, gas=1, data=b"\xff" * 60_000)
    assert _gas_limit(ledger, request, bytes(65)) > 21_000 + 40 * 60_000


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "History"},
        {"data": b""},
        {"data": b"\xde\xad\xbe\xef"},
        {"data": "short"},
        {"gas": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_call_that_a_module_does_not_know_is_the_callers_fault(ledger, clock, wallet, changes):
    if "to" in changes:
        changes = {"to": ledger.address(changes["to"])}
    if changes.get("data") == "short":
        changes = {"data": request_of(ledger, clock).data[:-40]}
    request = request_of(ledger, clock, **changes)
    nonce = ledger.client.nonce(ledger.keystore.address("admin"))
    with pytest.raises(CallRefused, match="refused without a reason"):
        relay(ledger, request, signed(ledger, request))
    assert ledger.client.nonce(ledger.keystore.address("admin")) == nonce


def test_the_rehearsal_has_the_gas_of_the_transaction(ledger, clock, wallet, monkeypatch):
    """What the transaction could not pay for is refused before gas is spent on it."""
    request = request_of(ledger, clock)
    monkeypatch.setattr(relaying, "_OVERHEAD_GAS", 21_000)
    nonce = ledger.client.nonce(ledger.keystore.address("admin"))
    with pytest.raises(ContractRevert, match="GasTooLow"):
        relay(ledger, request, signed(ledger, request))
    assert ledger.client.nonce(ledger.keystore.address("admin")) == nonce


def test_a_contract_judges_its_own_signatures(ledger, clock):
    sender = ledger.address("Titles")
    request = request_of(ledger, clock, sender=sender)
    with pytest.raises(ContractRevert) as refused:
        relay(ledger, request, bytes(65))
    assert refused.value.name == "BadSignature"
