import json

import pytest
from eth_hash.auto import keccak

from provenance.chain.contracts import ABI_FOLDER, Contract, Contracts
from provenance.errors import ChainError, InputError


def selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


def test_calldata_is_selector_and_arguments(contracts):
    call = contracts["Directory"].encode("add", b"Parties".ljust(32, b"\0"), b"\x05" * 20)
    assert call == (
        selector("add(bytes32,address)") + b"Parties".ljust(32, b"\0") + bytes(12) + b"\x05" * 20
    )


def test_addresses_come_back_as_bytes(contracts):
    assert contracts["Directory"].decode("rootAdmin", bytes(12) + b"\x05" * 20) == (b"\x05" * 20,)


def test_text_that_looks_like_an_address_stays_text():
    shown = "0x" + "ab" * 20
    contract = Contract(
        {
            "contractName": "Text",
            "bytecode": "0x",
            "abi": [
                {
                    "type": "function",
                    "name": "both",
                    "inputs": [],
                    "outputs": [{"type": "address", "name": ""}, {"type": "string", "name": ""}],
                }
            ],
        }
    )
    returned = (
        bytes(12)
        + b"\x05" * 20
        + (64).to_bytes(32, "big")
        + (42).to_bytes(32, "big")
        + shown.encode().ljust(64, b"\0")
    )
    assert contract.decode("both", returned) == (b"\x05" * 20, shown)


@pytest.mark.parametrize(
    "arguments", [(), (b"x",), ("no bytes", b"\x05" * 20), (bytes(33), bytes(20))]
)
def test_arguments_that_do_not_fit_are_refused(contracts, arguments):
    with pytest.raises(InputError, match=r"Directory\.add: expected"):
        contracts["Directory"].encode("add", *arguments)


def test_what_does_not_exist_says_so(contracts):
    with pytest.raises(ChainError, match="no function fly"):
        contracts["Directory"].encode("fly")
    with pytest.raises(ChainError, match="no compiled contract Nothing"):
        contracts["Nothing"]
    with pytest.raises(ChainError, match="expected the result of"):
        contracts["Directory"].decode("rootAdmin", b"")


def test_every_custom_error_of_every_contract_is_known(contracts):
    declared = {
        entry["name"]
        for path in ABI_FOLDER.glob("*.json")
        for entry in json.loads(path.read_text())["abi"]
        if entry["type"] == "error"
    }
    assert declared
    assert {error.name for error in contracts.errors.values()} == declared


def test_a_custom_error_carries_its_values(contracts):
    data = selector("NotRootAdmin(address)") + bytes(12) + b"\xaa" * 20
    revert = contracts.decode_revert(data)
    assert (revert.name, revert.arguments) == ("NotRootAdmin", {"caller": "0x" + "aa" * 20})


def test_reverts_of_the_language_are_named(contracts):
    text = selector("Error(string)") + (32).to_bytes(32, "big") + (3).to_bytes(32, "big")
    revert = contracts.decode_revert(text + b"boo".ljust(32, b"\0"))
    assert (revert.name, revert.arguments) == ("Error", {"message": "boo"})
    revert = contracts.decode_revert(selector("Panic(uint256)") + (0x11).to_bytes(32, "big"))
    assert revert.arguments == {"code": 17, "meaning": "arithmetic overflow"}


@pytest.mark.parametrize("data", [b"", b"\x01", b"\xde\xad\xbe\xef" + bytes(500)])
def test_an_unknown_revert_is_shown_and_not_guessed(contracts, data):
    revert = contracts.decode_revert(data)
    assert revert.name == "UnknownRevert"
    assert revert.arguments == {"data": "0x" + data[:128].hex()}


def test_a_known_error_with_broken_values_is_unknown(contracts):
    assert contracts.decode_revert(selector("NotRootAdmin(address)")).name == "UnknownRevert"
    assert contracts.decode_revert(selector("Error(string)") + b"\xff" * 40).name == "UnknownRevert"


def test_contracts_can_live_elsewhere(tmp_path):
    (tmp_path / "Broken.json").write_text("{}")
    with pytest.raises(ChainError, match="expected a compiled contract"):
        Contracts(tmp_path)["Broken"]
