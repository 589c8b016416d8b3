"""Chains, keys and a small contract for the tests of the chain room."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provenance.chain.client import Client
from provenance.chain.contracts import Contracts
from provenance.chain.embedded import EmbeddedChain
from provenance.chain.outbox import Outbox
from provenance.chain.signing import SigningKey, Transaction, sign_transaction
from provenance.chain.transactions import Transactions

ETHER = 10**18


class Clock:
    """A clock that a test moves; ``tick_s`` passes at each look, so that waiting ends."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key() -> SigningKey:
    return SigningKey(bytes(31) + b"\x07")


@pytest.fixture
def chain(tmp_path: Path, key: SigningKey) -> Iterator[EmbeddedChain]:
    with EmbeddedChain(tmp_path / "chain.sqlite3", {key.address: 1000 * ETHER}) as opened:
        yield opened


@pytest.fixture
def client(chain: EmbeddedChain) -> Client:
    return Client(chain)


@pytest.fixture
def contracts() -> Contracts:
    return Contracts()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def transactions(
    client: Client, chain: EmbeddedChain, outbox: Outbox, contracts: Contracts
) -> Transactions:
    return Transactions(client, chain.chain_id, outbox, contracts.decode_revert)


@pytest.fixture
def signed(chain: EmbeddedChain, key: SigningKey) -> Callable[..., bytes]:
    """Returns the raw bytes of a transfer of one wei to nobody, with fields replaced."""

    def sign(**replaced: object) -> bytes:
        fields: dict[str, object] = {
            "chain_id": chain.chain_id,
            "nonce": 0,
            "max_priority_fee_wei": 0,
            "max_fee_wei": 10**9,
            "gas": 100_000,
            "to": bytes(19) + b"\x99",
            "value_wei": 1,
            "data": b"",
        }
        signer = replaced.pop("key", key)
        return sign_transaction(signer, Transaction(**{**fields, **replaced})).raw  # type: ignore[arg-type]

    return sign
