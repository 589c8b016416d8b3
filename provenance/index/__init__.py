"""The index: a SQL copy of the history and what follows from it, disposable at any time."""
