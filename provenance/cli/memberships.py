"""``provenance parties`` suspend, restore, set-roles, delegate, delegations."""

import click

from provenance.cli import output
from provenance.cli.door import ID, PARTY, Door, door, moment_s, signer_option, words, writing_door
from provenance.cli.parties import parties
from provenance.identifiers import DatasetId

_PARTY = click.argument("party", metavar="NAME|ADDRESS")
_REASON = click.option("--reason", required=True, help="Why; stored as a document.")
_OFFICE = click.option(
    "--as", "signer", type=PARTY, metavar="NAME", help="By default who gives its roles."
)


@parties.command()
@_PARTY
@_REASON
@_OFFICE
@writing_door
def suspend(door: Door, party: str, reason: str, signer: str | None) -> None:
    r"""Suspend a party, as who gives its roles or as a regulator: it passes no check.

    \b
      provenance parties suspend bank --reason "licence expired"
    """
    from provenance.ledger import memberships as use
    from provenance.ledger.parties import resolve

    with door.ledger() as ledger:
        found = use.suspend(ledger, signer, resolve(ledger, party).party_id, reason.encode())
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command()
@_PARTY
@_REASON
@_OFFICE
@writing_door
def restore(door: Door, party: str, reason: str, signer: str | None) -> None:
    r"""Restore a suspended party.

    \b
      provenance parties restore bank --reason "licence renewed"
    """
    from provenance.ledger import memberships as use
    from provenance.ledger.parties import resolve

    with door.ledger() as ledger:
        found = use.restore(ledger, signer, resolve(ledger, party).party_id, reason.encode())
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command("set-roles")
@_PARTY
@click.option("--add", default="", metavar="ROLES", help="Roles to give, by commas.")
@click.option("--remove", default="", metavar="ROLES", help="Roles to take, by commas.")
@_OFFICE
@writing_door
def set_roles(door: Door, party: str, add: str, remove: str, signer: str | None) -> None:
    r"""Give a party roles and take others; one office gives or takes all that are named.

    \b
      provenance parties set-roles bank --add custodian --remove consumer
    """
    from provenance.ledger import memberships as use
    from provenance.ledger.parties import resolve

    with door.ledger() as ledger:
        party_id = resolve(ledger, party).party_id
        found = use.set_roles(ledger, signer, party_id, add=words(add), remove=words(remove))
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command()
@click.argument("to", metavar="NAME|ADDRESS")
@click.option("--acts", default="", help="What it may do, by commas, such as transfer,accept.")
@click.option("--roles", default="", help="Roles of the party that it may exercise, by commas.")
@click.option("--dataset", "dataset_id", type=ID, help="The one dataset; any by default.")
@click.option("--until", "ends", metavar="TIME", help="2027-01-31, 90d, or a Unix second.")
@click.option("--withdraw", is_flag=True, help="Take back what it was let do.")
@signer_option
@writing_door
def delegate(
    door: Door,
    to: str,
    acts: str,
    roles: str,
    dataset_id: int | None,
    ends: str | None,
    withdraw: bool,
    signer: str | None,
) -> None:
    r"""Let another party act in the name of one of this home.

    \b
      provenance parties delegate broker --acts transfer,accept --until 90d --as bank
      provenance parties delegate broker --withdraw --as bank

    Acts: register, publish, withdraw, deregister, concede, transfer, accept, commit, decide, grant,
    use, derive, anchor. What was let before, for that dataset or for any, is replaced.
    """
    from provenance.ledger import memberships as use
    from provenance.ledger.parties import resolve

    if withdraw == bool(acts or roles or ends):
        raise click.UsageError("expected --acts and --until, or --withdraw alone")
    if not withdraw and not (acts and ends):
        raise click.UsageError("expected --acts and --until")
    dataset = DatasetId(dataset_id) if dataset_id else None
    until = moment_s(ends) if ends else 0
    with door.ledger() as ledger:
        who, party_id = signer or ledger.first_party, resolve(ledger, to).party_id
        if withdraw:
            found = use.withdraw_delegation(ledger, who, party_id, dataset_id=dataset)
        else:
            named = {"roles": words(roles), "dataset_id": dataset}
            found = use.delegate(ledger, who, party_id, words(acts), until, **named)  # type: ignore[arg-type]
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command()
@click.option(
    "--of", "giver", type=PARTY, metavar="NAME|ADDRESS", help="Only those that this party gave."
)
@click.option(
    "--to", type=PARTY, metavar="NAME|ADDRESS", help="Only those that were given to this party."
)
@door
def delegations(door: Door, giver: str | None, to: str | None) -> None:
    r"""Show who may act in whose name.

    \b
      provenance parties delegations --of bank
    """
    from provenance.ledger import views
    from provenance.ledger.parties import resolve

    with door.ledger() as ledger:
        party_id, delegate_id = (
            None if text is None else resolve(ledger, text).party_id for text in (giver, to)
        )
        found = views.delegations(ledger, party_id=party_id, delegate_id=delegate_id)
    if door.as_json:
        output.print_json(found)
        return
    columns = ("party_id", "delegate_id", "dataset_id", "acts", "roles", "until")
    rows = [
        [
            ",".join(item[name]) if name in ("acts", "roles") else item[name] or ""
            for name in columns
        ]
        for item in found["items"]
    ]
    output.print_table(("party", "delegate", "dataset", "acts", "roles", "until"), rows)
    if not found["complete"]:
        output.note("There are more: name --of or --to, or ask the service.")
