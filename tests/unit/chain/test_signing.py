import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from provenance.chain.signing import (
    ForwardRequest,
    SigningKey,
    Transaction,
    created_address,
    recover_signer,
    request_digest,
    sign_request,
    sign_transaction,
)
from provenance.errors import AccessError, KeystoreError
from provenance.identifiers import Address

SECRETS = st.binary(min_size=32, max_size=32).filter(lambda secret: 0 < secret[0] < 0xFF)
FORWARDER = Address(b"\x0f" * 20)


@given(
    secret=SECRETS,
    nonce=st.integers(0, 2**63),
    fee=st.integers(0, 2**90),
    value=st.integers(0, 2**90),
    data=st.binary(max_size=200),
    to=st.sampled_from([b"", b"\x02" * 20]),
)
def test_a_transaction_equals_that_of_eth_account(secret, nonce, fee, value, data, to):
    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 5,
            "nonce": nonce,
            "maxPriorityFeePerGas": fee,
            "maxFeePerGas": fee + 1,
            "gas": 200_000,
            "value": value,
            "data": data,
            **({"to": to} if to else {}),
        },
        secret,
    )
    ours = sign_transaction(
        SigningKey(secret), Transaction(5, nonce, fee, fee + 1, 200_000, to, value, data)
    )
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == bytes(theirs.hash)


@given(
    secret=SECRETS,
    nonce=st.integers(0, 2**256 - 1),
    deadline=st.integers(0, 2**48 - 1),
    data=st.binary(max_size=200),
)
def test_a_relay_request_equals_that_of_eth_account(secret, nonce, deadline, data):
    key = SigningKey(secret)
    request = ForwardRequest(key.address, Address(b"\x02" * 20), 90_000, nonce, deadline, data)
    message = encode_typed_data(
        {
            "name": "ProvenanceForwarder",
            "version": "1",
            "chainId": 9,
            "verifyingContract": FORWARDER,
        },
        {
            "ForwardRequest": [
                {"name": "from", "type": "address"},
                {"name": "to", "type": "address"},
                {"name": "gas", "type": "uint256"},
                {"name": "nonce", "type": "uint256"},
                {"name": "deadline", "type": "uint48"},
                {"name": "data", "type": "bytes"},
            ]
        },
        {
            "from": bytes(request.sender),
            "to": bytes(request.to),
            "gas": request.gas,
            "nonce": nonce,
            "deadline": deadline,
            "data": data,
        },
    )
    signature = sign_request(key, request, 9, FORWARDER)
    assert signature == bytes(Account.sign_message(message, secret).signature)
    assert recover_signer(request_digest(request, 9, FORWARDER), signature) == key.address


def test_another_key_may_not_sign_a_request():
    request = ForwardRequest(Address(b"\x01" * 20), Address(b"\x02" * 20), 1, 2, 3, b"")
    with pytest.raises(AccessError, match="expected the key of 0x0101"):
        sign_request(SigningKey(b"\x03" * 32), request, 1, FORWARDER)


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(65),
        b"\x01" * 64 + b"\x05",
        b"\x01" * 32 + b"\xff" * 32 + b"\x1b",
        b"\xff" * 32 + b"\x01" * 32 + b"\x1b",
    ],
    ids=["empty", "short", "zero", "v", "upper half", "r out of range"],
)
def test_what_is_no_signature_is_refused(signature):
    with pytest.raises(AccessError):
        recover_signer(b"\x05" * 32, signature)


def test_the_other_s_of_a_signature_is_refused():
    key, digest = SigningKey(b"\x03" * 32), b"\x05" * 32
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    good = key.sign(digest)
    assert recover_signer(digest, good) == key.address
    mirrored = (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    with pytest.raises(AccessError, match="lower half"):
        recover_signer(digest, good[:32] + mirrored + bytes([1 - good[64]]))


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\xff" * 32, b"\x01" * 31])
def test_a_key_out_of_range_is_refused(secret):
    with pytest.raises(KeystoreError):
        SigningKey(secret)


def test_a_key_does_not_show_itself():
    key = SigningKey(b"\x11" * 32)
    assert "11" * 32 not in repr(key)
    assert key.address.hex() in repr(key)


def test_the_address_of_a_contract_follows_from_the_nonce():
    sender = Address(bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"))
    shown = [created_address(sender, nonce).hex() for nonce in range(3)]
    # Values widely quoted for this sender; the rule is in section 7 of the Yellow Paper.
    assert shown == [
        "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d",
        "343c43a37d37dff08ae8c4a11544c718abb4fcf8",
        "f778b86fa74e846c4f0a1fbd1335fe81c00a0c91",
    ]
