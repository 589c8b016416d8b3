import pytest

from provenance.chain.signing import SigningKey, sign_request
from provenance.errors import AccessError, ContractRevert, InputError
from provenance.ledger import parties
from provenance.ledger.grants import EXCLUSIVE_GAS
from provenance.ledger.lineage import DERIVE_GAS
from provenance.ledger.parties import Profile
from provenance.ledger.relay import MAX_GAS, ForwardRequest, relay

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


def test_a_contract_judges_its_own_signatures(ledger, clock):
    sender = ledger.address("Titles")
    request = request_of(ledger, clock, sender=sender)
    with pytest.raises(ContractRevert) as refused:
        relay(ledger, request, bytes(65))
    assert refused.value.name == "BadSignature"
