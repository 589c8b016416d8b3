"""``provenance init``, ``backup`` and ``restore``: a home as a whole."""

from pathlib import Path

import click

from provenance.cli import output
from provenance.cli.door import FOLDER_OR_FILE, Door, door, words, writing_door


@click.command()
@click.option("--name", default="founder", show_default=True, help="Name of the first party.")
@click.option("--country", default="CN", show_default=True, help="Its country, two letters.")
@click.option("--roles", default="supplier,consumer", show_default=True, help="Its roles.")
@writing_door
def init(door: Door, name: str, country: str, roles: str) -> None:
    r"""Make a home: keys, chain, contracts, and a first party.

    \b
      provenance init
      provenance init --name pujiang-power --roles supplier
      PROVENANCE_HOME=~/ledger provenance init --ask-password

    The password of the keys comes from PROVENANCE_PASSWORD, from the file that
    PROVENANCE_PASSWORD_FILE names, or is asked for; otherwise a random one is written to
    HOME/password, readable by you alone. An interrupted run is finished by the next one.
    """
    from provenance.ledger import setup

    made = setup.initialise(
        door.settings,
        name=name,
        country=country,
        roles=words(roles),
        password=door.password_source(confirm=True),
        report=output.Steps(door.as_json),
    )
    if door.as_json:
        output.print_json(made.to_json())
        return
    output.print_fields(
        (
            ("home", made.home),
            ("chain", made.chain_id),
            ("directory", "0x" + made.directory.hex()),
            ("first party", f"{made.name} (party {made.party_id})"),
            ("checkpoint key", made.verifier_key),
        )
    )
    output.note('Next: provenance datasets register PATH --title "…"')


@click.command()
@click.argument("file", type=FOLDER_OR_FILE)
@door
def backup(door: Door, file: Path) -> None:
    r"""Write the whole home into one file, also while the service runs.

    \b
      provenance backup ledger-2026-07-01.tar

    The file holds the encrypted keys AND, if the home has one, the file with their password:
    whoever has the backup can act for the parties. Keep it as you would keep the keys.
    """
    from provenance.ledger import backup as backups

    with output.byte_progress("copying") as progress:
        made = backups.backup(door.settings, file, progress=progress)
    if door.as_json:
        output.print_json(made.to_json())
        return
    output.print_fields(made.to_json().items())
    output.note("It holds the keys and their password: keep it as you would keep the keys.")


@click.command()
@click.argument("file", type=FOLDER_OR_FILE)
@door
def restore(door: Door, file: Path) -> None:
    r"""Make a home from a backup. An existing home is never overwritten.

    \b
      PROVENANCE_HOME=./restored provenance restore ledger-2026-07-01.tar

    Every document is compared with its SHA-256, and the chain with its own hashes.
    """
    from provenance.ledger import backup as backups

    with output.byte_progress("copying") as progress:
        made = backups.restore(door.settings, file, progress=progress)
    if door.as_json:
        output.print_json(made.to_json())
        return
    output.print_fields(made.to_json().items())
