"""``provenance tokens``: add, list, revoke."""

import click

from provenance.cli import output
from provenance.cli.datasets import when
from provenance.cli.door import Door, door, words


@click.group()
def tokens() -> None:
    """Make and revoke bearer tokens of the service."""


@tokens.command()
@click.argument("name")
@click.option(
    "--scopes",
    default="",
    help="register, transfer, grant, use, relay, verify, record, lineage, admin: by commas.",
)
@door
def add(door: Door, name: str, scopes: str) -> None:
    r"""Make a token with which a client acts for the party NAME. It is shown once.

    \b
      provenance tokens add bank
      provenance tokens add bank --scopes transfer
    """
    from provenance.ledger import tokens as use

    made = use.add_for(door.settings, name, words(scopes) or use.DEFAULT_SCOPES)
    secret, token = made
    if door.as_json:
        output.print_json({"token": secret, **token.to_json()})
        return
    click.echo(secret)
    output.note(f"For {name}: {', '.join(token.scopes)}. It is shown this once and stored nowhere.")


@tokens.command("list")
@door
def list_(door: Door) -> None:
    r"""List tokens, without their secrets.

    \b
      provenance tokens list
    """
    from provenance.ledger import tokens as use

    found = use.Tokens(door.settings.home).list()
    if door.as_json:
        output.print_json({"items": [token.to_json() for token in found]})
        return
    rows = [(t.token_id, t.party, ",".join(t.scopes), when(t.created_at)) for t in found]
    output.print_table(("token", "party", "scopes", "made (UTC)"), rows)


@tokens.command()
@click.argument("token_id", metavar="TOKEN")
@door
def revoke(door: Door, token_id: str) -> None:
    r"""Revoke a token, named by its id in the list. A running service refuses it at once.

    \b
      provenance tokens revoke 3c1b9b686ef18861
    """
    from provenance.ledger import tokens as use

    found = use.Tokens(door.settings.home).revoke(token_id)
    if door.as_json:
        output.print_json(found.to_json())
        return
    click.echo(f"revoked {found.token_id} of {found.party}")
