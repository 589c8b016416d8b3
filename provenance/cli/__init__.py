"""The command line: each command is a door over one call of ``ledger``, ``index`` or ``content``.

A tour: :mod:`~provenance.cli.main` finds the command and turns errors into one line and an exit
code; :mod:`~provenance.cli.door` holds what all commands share; :mod:`~provenance.cli.output`
prints; every other file is one group of commands, imported when it is called.
"""
