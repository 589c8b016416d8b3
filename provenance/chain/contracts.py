"""The contracts of a ledger as Python sees them: calls out, return values and reverts in.

Promises: selectors are computed once; a custom error of any contract is recognised wherever it
comes from, through the forwarder too; an unknown revert is named, never guessed. Must never talk
to a node. The ABI files are made by ``scripts/build_contracts.py``.

Values: addresses are 20 bytes, ``bytesN`` and ``bytes`` are bytes, integers are integers, a struct
is a tuple in the order of its fields. In the arguments of a revert, addresses and bytes are hex.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import orjson
from eth_abi.codec import ABICodec
from eth_abi.decoding import AddressDecoder
from eth_abi.encoding import AddressEncoder
from eth_abi.exceptions import DecodingError, EncodingError
from eth_abi.registry import BaseEquals
from eth_abi.registry import registry as default_registry
from eth_hash.auto import keccak

from provenance.errors import ChainError, ContractRevert, InputError

ABI_FOLDER = Path(__file__).parent / "abi"

_ERROR_STRING = keccak(b"Error(string)")[:4]
_PANIC = keccak(b"Panic(uint256)")[:4]
_SHOWN_BYTES = 128

# Solidity manual, "Panic via assert and Error via require".
_PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "invalid enum value",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """One function, constructor or error: selector, and the types that go in and come out."""

    name: str
    selector: bytes
    inputs: tuple[str, ...]
    input_names: tuple[str, ...]
    outputs: tuple[str, ...]


class Contract:
    """One compiled contract.

    Args:
        artifact: the parsed JSON of ``abi/<name>.json``.

    Raises:
        ChainError: a field is missing.
    """

    def __init__(self, artifact: Mapping[str, Any]) -> None:
        try:
            self.name: str = artifact["contractName"]
            self._abi: list[dict[str, Any]] = artifact["abi"]
            self.bytecode = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
        except (KeyError, ValueError, AttributeError) as error:
            raise ChainError(f"expected a compiled contract, found one without {error}") from error

    @cached_property
    def functions(self) -> dict[str, Signature]:
        """Functions by name, and overloaded ones by signature, as in ``f(uint256)``."""
        found: dict[str, Signature] = {}
        for entry in self._abi:
            if entry["type"] == "function":
                function = _callable(entry)
                found.setdefault(function.name, function)
                found[f"{function.name}({','.join(function.inputs)})"] = function
        return found

    @cached_property
    def errors(self) -> dict[bytes, Signature]:
        """Custom errors by selector."""
        entries = (_callable(entry) for entry in self._abi if entry["type"] == "error")
        return {entry.selector: entry for entry in entries}

    def encode(self, function: str, *arguments: Any) -> bytes:
        """Return the calldata of a call.

        Raises:
            InputError: an argument does not fit its type, or their number is wrong.
            ChainError: there is no such function.
        """
        called = self._function(function)
        return called.selector + _encode(f"{self.name}.{function}", called.inputs, arguments)

    def encode_constructor(self, *arguments: Any) -> bytes:
        """Return the code that creates the contract.

        Raises:
            InputError: an argument does not fit its type, or their number is wrong.
        """
        constructors = [entry for entry in self._abi if entry["type"] == "constructor"]
        inputs = _callable(constructors[0]).inputs if constructors else ()
        return self.bytecode + _encode(f"{self.name}.constructor", inputs, arguments)

    def decode(self, function: str, returned: bytes) -> tuple[Any, ...]:
        """Return the values a call gave back; addresses as 20 bytes.

        Raises:
            ChainError: they do not fit: another contract, or none, is at the address.
        """
        called = self._function(function)
        try:
            return tuple(_codec().decode(called.outputs, returned))
        except (DecodingError, OverflowError) as error:
            raise ChainError(
                f"expected the result of {self.name}.{function}, found {len(returned)} other bytes"
            ) from error

    def _function(self, name: str) -> Signature:
        try:
            return self.functions[name]
        except KeyError:
            raise ChainError(f"the contract {self.name} has no function {name}") from None


class Contracts:
    """All contracts of a folder of ABI files; each is read when it is first used.

    Args:
        folder: holds ``<name>.json`` files.
    """

    def __init__(self, folder: Path = ABI_FOLDER) -> None:
        self._folder = folder
        self._loaded: dict[str, Contract] = {}

    @property
    def names(self) -> Sequence[str]:
        """Names of all contracts, sorted."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def __getitem__(self, name: str) -> Contract:
        found = self._loaded.get(name)
        if found is None:
            path = self._folder / f"{name}.json"
            try:
                found = Contract(orjson.loads(path.read_bytes()))
            except (OSError, orjson.JSONDecodeError) as error:
                raise ChainError(f"there is no compiled contract {name}") from error
            self._loaded[name] = found
        return found

    @cached_property
    def errors(self) -> dict[bytes, Signature]:
        """Custom errors of all contracts by selector."""
        return {
            selector: error for name in self.names for selector, error in self[name].errors.items()
        }

    def decode_revert(self, data: bytes) -> ContractRevert:
        """Return what a reverted call says; never raises on what it cannot read.

        ``Error(string)`` and ``Panic(uint256)`` keep those names (arguments ``message``, and
        ``code`` and ``meaning``); anything else is ``UnknownRevert`` with the ``data``.
        """
        selector, payload = data[:4], data[4:]
        try:
            if selector == _ERROR_STRING:
                (message,) = _codec().decode(["string"], payload)
                return ContractRevert("Error", {"message": message[:1000]})
            if selector == _PANIC:
                (code,) = _codec().decode(["uint256"], payload)
                meaning = _PANICS.get(code, "unknown")
                return ContractRevert("Panic", {"code": code, "meaning": meaning})
            error = self.errors.get(selector)
            if error is not None:
                values = _codec().decode(error.inputs, payload)
                shown = [_shown(value) for value in values]
                return ContractRevert(error.name, dict(zip(error.input_names, shown, strict=True)))
        except (DecodingError, OverflowError, UnicodeDecodeError):
            pass
        return ContractRevert("UnknownRevert", {"data": "0x" + data[:_SHOWN_BYTES].hex()})


def _callable(entry: Mapping[str, Any]) -> Signature:
    inputs = tuple(_type_of(item) for item in entry.get("inputs", ()))
    name = entry.get("name", "constructor")
    return Signature(
        name=name,
        selector=keccak(f"{name}({','.join(inputs)})".encode())[:4],
        inputs=inputs,
        input_names=tuple(
            item["name"] or str(index) for index, item in enumerate(entry.get("inputs", ()))
        ),
        outputs=tuple(_type_of(item) for item in entry.get("outputs", ())),
    )


def _type_of(item: Mapping[str, Any]) -> str:
    """Return the canonical type (Contract ABI specification, "Handling tuple types")."""
    kind: str = item["type"]
    if kind.startswith("tuple"):
        inner = ",".join(_type_of(component) for component in item["components"])
        return f"({inner}){kind[len('tuple') :]}"
    return kind


def _encode(what: str, types: Sequence[str], arguments: Sequence[Any]) -> bytes:
    if len(types) != len(arguments):
        raise InputError(f"{what}: expected {len(types)} arguments, found {len(arguments)}")
    try:
        return _codec().encode(types, arguments)
    except (EncodingError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{what}: expected ({','.join(types)}): {error}") from error


class _AddressDecoder(AddressDecoder):
    """Gives the 20 bytes of an address, where eth-abi gives text."""

    decoder_fn = staticmethod(bytes)  # type: ignore[assignment]


@cache
def _codec() -> ABICodec:
    """Return the ABI codec with addresses as bytes."""
    registry = default_registry.copy()  # type: ignore[no-untyped-call]
    registry.unregister("address")
    is_address = BaseEquals("address")  # type: ignore[no-untyped-call]
    registry.register(is_address, AddressEncoder, _AddressDecoder, label="address")
    return ABICodec(registry)


def _shown(value: Any) -> Any:
    """Return a value of a revert as the doors show it: hex for bytes and addresses."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple | list):
        return [_shown(item) for item in value]
    return value
