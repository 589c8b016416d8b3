"""A real node of another make, for whatever has to hold on any chain."""

import importlib.util
from pathlib import Path

import pytest

from provenance.chain.keystore import Keystore, Password
from provenance.chain.rpc import HttpNode
from provenance.config import Settings
from provenance.ledger import setup
from provenance.ledger.opening import ADMIN, open_ledger


@pytest.fixture(scope="session")
def exchange_module():
    """The module that runs Anvil for the stories too."""
    path = Path(__file__).with_name("exchange.py")
    spec = importlib.util.spec_from_file_location("exchange", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def anvil_node(exchange_module):
    """An Anvil of its own; it knows its ``url``."""
    if exchange_module.find_anvil() is None:
        pytest.skip("no anvil: set ANVIL, or install the npm package in contracts/")
    with exchange_module.anvil() as url, HttpNode(url, retries=0) as opened:
        opened.url = url
        yield opened


@pytest.fixture
def anvil_ledger(anvil_node, tmp_path):
    """A new ledger on that Anvil, open."""

    def password(_):
        return Password("correct horse battery")

    settings = Settings(home=tmp_path / "home", chain=anvil_node.url)
    settings.home.mkdir(mode=0o700)
    admin = Keystore(settings.home / "keys").create(ADMIN, password(ADMIN))
    anvil_node.request("anvil_setBalance", ["0x" + admin.address.hex(), hex(10**24)])
    setup.initialise(settings, password=password)
    with open_ledger(settings, password=password) as opened:
        yield opened
