"""Proofs: pure functions from bytes to yes, no, or "not checked". This room does no I/O.

A tour:

- :mod:`~provenance.proofs.merkle`: an entry belongs to a version (inclusion);
- :mod:`~provenance.proofs.absence`: a path does not, if the entries are sorted; and the proof
  that they are not;
- :mod:`~provenance.proofs.history`: a list of logs is the complete history of a subject;
- :mod:`~provenance.proofs.checkpoint`: signed statements of the operator about the chain, which
  make rewriting it detectable;
- :mod:`~provenance.proofs.rlp`, :mod:`~provenance.proofs.trie`,
  :mod:`~provenance.proofs.blocks`: a log or a storage slot is under the header of a block;
- :mod:`~provenance.proofs.standing`: who holds a dataset and how it stands, as its history says;
- :mod:`~provenance.proofs.bundle`, :mod:`~provenance.proofs.bundle_verification`: all of it in one
  file, and the verdict on it;
- :mod:`~provenance.proofs.commitments`: a document that its holders keep is the one committed to;
- :mod:`~provenance.proofs.verification`: bytes in hand and what the ledger says, put together
  into a ``Verdict`` that names what passed, what failed and what was not checked.

The formats are in ``docs/formats.md``. Example::

    from provenance.proofs import merkle

    proof = merkle.prove(manifest, "train/part-0.parquet")
    merkle.verify_inclusion(proof, root_from_the_ledger)  # the path, or an error
"""
