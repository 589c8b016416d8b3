"""The use cases of a ledger: what the doors (``cli``, ``api``) call, and nothing of how they look.

A tour:

- :mod:`~provenance.ledger.opening`: an open ledger, and all that hangs on it;
- :mod:`~provenance.ledger.setup`: a new home, with its keys, chain, contracts and first parties;
- :mod:`~provenance.ledger.datasets`, :mod:`~provenance.ledger.titles`,
  :mod:`~provenance.ledger.parties`, :mod:`~provenance.ledger.keys`,
  :mod:`~provenance.ledger.relay`: writes; each waits for its block and returns what it did, with
  a :class:`~provenance.ledger.receipts.WriteReceipt`;
- :mod:`~provenance.ledger.writing`: the one way in which they are sent;
- :mod:`~provenance.ledger.metadata`, :mod:`~provenance.ledger.vocabulary`: documents and words;
- :mod:`~provenance.ledger.verification`: bytes in hand against the ledger;
- :mod:`~provenance.ledger.history`, :mod:`~provenance.ledger.checkpoints`: is it complete, and is
  it still the same chain;
- :mod:`~provenance.ledger.tokens`, :mod:`~provenance.ledger.backup`: running a service.

::

    from provenance.config import load_settings
    from provenance.content import manifest
    from provenance.ledger import datasets
    from provenance.ledger.opening import open_ledger

    with open_ledger(load_settings()) as ledger:
        found = datasets.register(ledger, "founder", manifest.build("data/"), "Meter readings")
        print(found.dataset_id, found.receipt.transaction_hash.hex())

Nothing is imported here: a command that needs no chain does not pay for one.
"""
