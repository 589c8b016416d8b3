"""``provenance parties``: add, credential, list, rotate-key, recover; others in ``memberships``."""

from pathlib import Path

import click

from provenance.cli import output
from provenance.cli.door import FOLDER_OR_FILE, ID, Door, door, read_file, words, writing_door
from provenance.identifiers import PartyId, parse_address
from provenance.proofs.commitments import parse_salt


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
@click.option("--credential", type=FOLDER_OR_FILE, help="A file; a salted hash is recorded.")
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
    credential: Path | None,
) -> None:
    r"""Register a party; its key is made here unless an account is given.

    \b
      provenance parties add bank --country CN --roles consumer
      provenance parties add fab --country CN --roles supplier --account 0x960e…a3f7e8
      provenance parties add mill --country CN --credential licence.pdf

    NAME is the name of its key in this home. It does not go on the ledger. Of the credential (its
    licence, name, contact) only a salted commitment does; whoever is to check it is given the file
    and the salt in the answer, which also stays in HOME/commitments.
    """
    from provenance.ledger import parties as use

    profile = use.Profile.of_words(
        country, zone=zone, kind=kind, flags=words(flags), sectors=sectors
    )
    address = parse_address(account) if account else None
    document = read_file(credential, door.settings.max_document_bytes) if credential else None
    with door.ledger() as ledger:
        found = use.add(ledger, name, profile, words(roles), account=address, credential=document)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@parties.command()
@click.argument("party", metavar="NAME|ADDRESS|party:ID")
@click.argument("file", type=FOLDER_OR_FILE)
@click.option("--salt", required=True, metavar="HEX", help="What the answer to `add` says.")
@door
def credential(door: Door, party: str, file: Path, salt: str) -> None:
    r"""Check that a file is the credential that a party was admitted with.

    \b
      provenance parties credential mill licence.pdf --salt 8f14e45fceea167a5a36dedd4bea2543

    Exit code 0: it is. 1: file or salt are others, or there is no credential. Neither leaves here.
    """
    from provenance.ledger import parties as use

    drawn = parse_salt(salt)
    document = read_file(file, door.settings.max_document_bytes)
    with door.ledger() as ledger:
        party_id = use.resolve(ledger, party).party_id
        commitment = use.require_credential(ledger, party_id, document, drawn)
    if door.as_json:
        fields = {"verdict": "passed", "party_id": party_id, "credential_hash": commitment.hex()}
        output.print_json(fields)
    else:
        click.echo(f"✓ passed: {output.shown(str(file))} is the credential of party {party_id}")


@parties.command("list")
@click.option("--after", type=int, default=0, metavar="ID", help="Begin behind this one.")
@door
def list_(door: Door, after: int) -> None:
    r"""List parties.

    \b
      provenance parties list
    """
    from provenance.ledger import views

    with door.ledger() as ledger:
        found = views.all_parties(ledger, after=after)
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
    output.note_more(found["next"])


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
