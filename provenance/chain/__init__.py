"""The chain: the only room that talks to a node, holds a key, or knows the EVM.

A tour, from the node upwards:

- ``client``: the ``Node`` protocol (raw JSON-RPC) and ``Client``, typed reads over it.
- ``embedded``: a durable chain in one file. ``embedded_store`` keeps it, ``embedded_engine`` runs
  the EVM, ``embedded_pool`` holds what waits, ``embedded_reads`` looks things up,
  ``embedded_rendering`` and ``embedded_rpc`` answer as a node would.
- ``ownership``: one process owns the chain of a home; the others reach it over RPC.
- ``rpc``: a node over HTTP. ``rpc_server``: any node, served. ``web3_provider``: for web3's users.
- ``keystore``: encrypted keys of a home. ``signing``: transactions, relayed requests.
- ``outbox``: what was promised to be sent, durable. ``transactions``: sends it, once.
- ``contracts``: ABIs, calls, reverts. ``deployments``: the contracts of a ledger, in order.

::

    from provenance.chain.ownership import OwnedChain
    from provenance.chain.client import Client

    with OwnedChain(home, {address: 10**24}) as owned:
        print(Client(owned.chain).head())

Nothing of it is imported here: a command that needs no chain does not pay for one.
"""

import os

# eth-hash takes the slow keccak of pycryptodome when it is left to choose, and it chooses when the
# first module hashes, some of them on import. Whoever set another one keeps it.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
