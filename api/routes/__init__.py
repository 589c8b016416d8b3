"""One file for each concept: parse, one call of ``ledger`` or ``index``, wrap."""
