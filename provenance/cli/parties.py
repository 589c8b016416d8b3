"""``provenance parties``: add, list, rotate-key, recover; ``memberships`` has the others."""

import click

from provenance.cli import output
from provenance.cli.door import ID, Door, door, words, writing_door
from provenance.identifiers import PartyId, parse_address


@click.group()
def parties() -> None:
    """Admit parties, change their keys and roles, suspend them, name delegates."""


@parties.command()
@click.argument("name")
@click.option("--country", required=True, help="Two capital letters.")
@click.option("--roles", default="supplier,consumer", show_default=True, help="By commas.")
@click.option("--kind", default="company", help="company, public_body, individual or other.")
@click.option("--zone", default="", help="Code of a zone, such as CN-SH-LG.")
@click.option("--flags", default="", help="foreign_invested, ciio, restricted: by commas.")
@click.option("--sectors", type=int, default=1, help="Bits of sectors.")
@click.option("--account", metavar="ADDRESS", help="Its account, if its key is kept elsewhere.")
@writing_door
def add(
    door: Door,
    name: str,
    country: str,
    roles: str,
    kind: str,
    zone: str,
    flags: str,
    sectors: int,
    account: str | None,
) -> None:
    r"""Register a party; its key is made here unless an account is given.

    \b
      provenance parties add bank --country CN --roles consumer
      provenance parties add fab --country CN --roles supplier --account 0x960e…a3f7e8

    NAME is the name of its key in this home. It does not go on the ledger.
    """
    from provenance.ledger import parties as use

    profile = use.Profile.of_words(
        country, zone=zone, kind=kind, flags=words(flags), sectors=sectors
    )
    address = parse_address(account) if account else None
    with door.ledger() as ledger:
        found = use.add(ledger, name, profile, words(roles), account=address)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command("list")
@door
def list_(door: Door) -> None:
    r"""List parties.

    \b
      provenance parties list
    """
    from provenance.ledger import views

    with door.ledger() as ledger:
        found = views.all_parties(ledger)
    if door.as_json:
        output.print_json(found)
        return
    rows = [
        (
            p["party_id"],
            p["name"],
            p["country"],
            p["status"],
            ",".join(p["roles"]),
            *p["accounts"][:1],
        )
        for p in found["items"]
    ]
    output.print_table(("party", "name", "country", "status", "roles", "account"), rows)


@parties.command("rotate-key")
@click.argument("name")
@writing_door
def rotate_key(door: Door, name: str) -> None:
    r"""Replace the key of a party: the old one proposes the new one, which confirms.

    \b
      provenance parties rotate-key bank

    An interrupted rotation is finished by the same command. The old key file is kept, without
    power, in HOME/keys/retired.
    """
    from provenance.ledger import keys

    with door.ledger() as ledger:
        found = keys.rotate(ledger, name)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command()
@click.argument("name")
@click.option("--party", "party_id", type=ID, help="Its id, if the key file is lost too.")
@click.option("--reason", default="the key was lost", show_default=True, help="Why.")
@click.option("--confirm", is_flag=True, help="Complete the recovery, after its delay.")
@click.option("--object", "objecting", is_flag=True, help="Stop a recovery with a key at hand.")
@writing_door
def recover(
    door: Door, name: str, party_id: int | None, reason: str, confirm: bool, objecting: bool
) -> None:
    r"""Replace the lost keys of a party; whoever gives its roles proposes the new one.

    \b
      provenance parties recover bank --reason "laptop stolen, report 4711"
      provenance parties recover bank --confirm        # after the delay
      provenance parties recover bank --object         # the key is not lost
    """
    from provenance.ledger import keys

    if confirm and objecting:
        raise click.UsageError("--confirm and --object exclude each other")
    given = PartyId(party_id) if party_id else None
    with door.ledger() as ledger:
        if confirm:
            found = keys.confirm_recovery(ledger, name, party_id=given)
        elif objecting:
            found = keys.object_to_recovery(ledger, name)
        else:
            found = keys.propose_recovery(ledger, name, reason.encode(), party_id=given)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())
