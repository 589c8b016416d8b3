"""The contracts of one ledger: deployed in order, recorded, found again.

Promises: the addresses are known before anything is sent, because they follow from the deployer's
nonces; a crash halfway is resumed, whatever was already mined; the record is written whole, after
everything in it was seen on chain. Must never change what is deployed: a ledger grows by a
successor (design 3.1).

Files in the home: ``deployment.draft.json`` while it lasts, ``deployment.json`` for ever.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provenance.chain.client import Client
from provenance.chain.contracts import Contract, Contracts
from provenance.chain.outbox import Request
from provenance.chain.signing import SigningKey, created_address
from provenance.chain.transactions import Transactions
from provenance.errors import ChainError, WrongChain
from provenance.identifiers import Address, format_address, parse_address

_log = logging.getLogger(__name__)

DIRECTORY = "Directory"

MODULES = (
    "Forwarder",
    "History",
    "Parties",
    "Supervision",
    "Titles",
    "Datasets",
    "Policies",
    "Licenses",
    "Lineage",
    "Anchors",
)
"""Everything the directory names, in the order of construction: each looks up those above it."""

RECORD_FILE = "deployment.json"
_DRAFT_FILE = "deployment.draft.json"

_CREATE_GAS = 6_000_000
_CALL_GAS = 200_000
_NO_PREDECESSOR = (0, bytes(20), bytes(32), bytes(32))


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where a ledger is.

    Attributes:
        chain_id: EIP-155 id of the chain.
        directory: address of the directory.
        modules: addresses by name.
        start_block: number of the block before which the ledger has no log.
        start_block_hash: hash of that block, 32 bytes.
        root_admin: account that names role admins, as of the deployment.
    """

    chain_id: int
    directory: Address
    modules: Mapping[str, Address]
    start_block: int
    start_block_hash: bytes
    root_admin: Address

    def save(self, home: Path) -> None:
        """Write the record whole.

        Raises:
            ChainError: it cannot be written.
        """
        _write(
            home / RECORD_FILE,
            {
                "chain_id": self.chain_id,
                "directory": format_address(self.directory),
                "modules": {name: format_address(at) for name, at in self.modules.items()},
                "root_admin": format_address(self.root_admin),
                "start_block": self.start_block,
                "start_block_hash": self.start_block_hash.hex(),
            },
        )


def load(home: Path) -> Deployment | None:
    """Return the record of a home, or None before the deployment.

    Raises:
        ChainError: the record is broken.
    """
    found = _read(home / RECORD_FILE)
    if found is None:
        return None
    try:
        return Deployment(
            int(found["chain_id"]),
            parse_address(found["directory"]),
            {str(name): parse_address(at) for name, at in found["modules"].items()},
            int(found["start_block"]),
            bytes.fromhex(found["start_block_hash"]),
            parse_address(found["root_admin"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ChainError(f"the record {RECORD_FILE} is broken: {error}") from error


def check(client: Client, deployment: Deployment) -> None:
    """Make sure that a node serves the chain of a deployment.

    Raises:
        WrongChain: another chain id, or no code at the directory, or another start block.
    """
    chain_id = client.chain_id()
    if chain_id != deployment.chain_id:
        raise WrongChain(f"expected chain {deployment.chain_id}, found chain {chain_id}")
    if not client.code(deployment.directory):
        shown = format_address(deployment.directory)
        raise WrongChain(f"expected the directory at {shown}, found no contract there")
    start = client.block(deployment.start_block)
    if start is None or start.hash != deployment.start_block_hash:
        raise WrongChain(
            f"expected block {deployment.start_block} to be {deployment.start_block_hash.hex()}, "
            f"found {start.hash.hex() if start else 'none'}"
        )


def deploy(
    home: Path,
    client: Client,
    transactions: Transactions,
    key: SigningKey,
    contracts: Contracts,
    root_admin: Address,
    modules: Sequence[str] = MODULES,
) -> Deployment:
    """Deploy a ledger, or finish a deployment that was interrupted; return its record.

    All transactions are handed over at once and land in one or two blocks. The deployer must be
    able to call ``Directory.add`` and ``seal``: it is the root admin.

    Args:
        home: where the record goes.
        client: the node.
        transactions: sends over the same node.
        key: creates the contracts and pays.
        contracts: compiled code.
        root_admin: names role admins afterwards.
        modules: names in the order of construction.

    Raises:
        ChainError: a contract is not where its nonce puts it, or a transaction failed.
    """
    done = load(home)
    if done is not None:
        return done
    draft = _draft(home, client, key)
    addresses = _addresses(key.address, draft["first_nonce"], modules)
    steps = _steps(contracts, addresses, root_admin, modules)
    first = int(draft["first_nonce"])
    # What an earlier run got mined is not sent again, even if the outbox was lost since.
    mined = min(max(client.nonce(key.address) - first, 0), len(steps))
    _log.debug("deployment: %d of %d transactions are mined", mined, len(steps))
    for request in _submit(transactions, key, steps[mined:], first + mined):
        transactions.wait(request, key)
    _verify(client, contracts[DIRECTORY], addresses)
    start = client.block(draft["start_block"])
    if start is None:
        raise ChainError(f"expected block {draft['start_block']}, found none")
    rest = {name: addresses[name] for name in modules}
    record = Deployment(
        client.chain_id(), addresses[DIRECTORY], rest, start.number, start.hash, root_admin
    )
    record.save(home)
    (home / _DRAFT_FILE).unlink(missing_ok=True)
    return record


@dataclass(frozen=True, slots=True)
class _Step:
    """One transaction of a deployment; an empty ``to`` creates a contract."""

    to: bytes
    data: bytes
    gas: int


def _draft(home: Path, client: Client, key: SigningKey) -> dict[str, Any]:
    """Return the state of an interrupted deployment, or begin one."""
    found = _read(home / _DRAFT_FILE)
    if found is not None:
        if found.get("chain_id") != client.chain_id():
            raise WrongChain(
                f"expected chain {found.get('chain_id')} to finish the deployment, "
                f"found chain {client.chain_id()}"
            )
        return found
    begun = {
        "chain_id": client.chain_id(),
        "first_nonce": client.nonce(key.address),
        "start_block": client.head().number,
    }
    _write(home / _DRAFT_FILE, begun)
    return begun


def _addresses(deployer: Address, first_nonce: int, modules: Sequence[str]) -> dict[str, Address]:
    """Return where each contract will be: the directory first, then create and add in turns."""
    found = {DIRECTORY: created_address(deployer, first_nonce)}
    for index, name in enumerate(modules):
        found[name] = created_address(deployer, first_nonce + 1 + 2 * index)
    return found


def _steps(
    contracts: Contracts,
    addresses: Mapping[str, Address],
    root_admin: Address,
    modules: Sequence[str],
) -> list[_Step]:
    directory = contracts[DIRECTORY]
    at = addresses[DIRECTORY]
    code = directory.encode_constructor(root_admin, _NO_PREDECESSOR)
    steps = [_Step(b"", code, _CREATE_GAS)]
    for name in modules:
        steps.append(_Step(b"", contracts[name].encode_constructor(at), _CREATE_GAS))
        named = name.encode().ljust(32, b"\0")
        steps.append(_Step(at, directory.encode("add", named, addresses[name]), _CALL_GAS))
    steps.append(_Step(at, directory.encode("seal"), _CALL_GAS))
    return steps


def _submit(
    transactions: Transactions, key: SigningKey, steps: Sequence[_Step], first_nonce: int
) -> list[Request]:
    """Hand over steps; those that an earlier run handed over are found by their key.

    Raises:
        ChainError: something else was sent with the key meanwhile: the addresses are off.
    """
    requests: list[Request] = []
    for nonce, step in enumerate(steps, start=first_nonce):
        name = f"deploy:{format_address(key.address)}:{nonce}"
        request = transactions.submit(key, step.to, step.data, step.gas, idempotency_key=name)
        if request.nonce != nonce:
            raise ChainError(
                f"expected nonce {nonce} for the deployment, found {request.nonce}: the key of "
                "the deployer is in use; deploy with another one"
            )
        requests.append(request)
    return requests


def _verify(client: Client, directory: Contract, addresses: Mapping[str, Address]) -> None:
    """Make sure that the directory stands, names every module, and is sealed."""
    at = addresses[DIRECTORY]
    if not client.code(at):
        raise ChainError(f"expected the directory at {format_address(at)}, found no contract")
    for name, address in addresses.items():
        if name == DIRECTORY:
            continue
        call = directory.encode("addressOf", name.encode().ljust(32, b"\0"))
        (found,) = directory.decode("addressOf", client.call(at, call))
        if found != address or not client.code(address):
            raise ChainError(
                f"expected {name} at {format_address(address)}, found {format_address(found)}"
            )
    (is_sealed,) = directory.decode("isSealed", client.call(at, directory.encode("isSealed")))
    if not is_sealed:
        raise ChainError("expected a sealed directory, found one that is open")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ChainError(f"the record {path.name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ChainError(f"the record {path.name} is broken")
    return found


def _write(path: Path, content: Mapping[str, Any]) -> None:
    draft = path.with_suffix(".new")
    try:
        with draft.open("w") as file:
            file.write(json.dumps(content, indent=2, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ChainError(f"the record {path.name} cannot be written: {error.strerror}") from error
