"""``provenance grants``: issue, use, suspend, resume, revoke, assign, show, list, tree."""

from pathlib import Path
from typing import Any

import click

from provenance.cli import output
from provenance.cli.datasets import when
from provenance.cli.door import (
    BLOCK,
    FOLDER_OR_FILE,
    ID,
    PARTY,
    USES,
    Acting,
    Door,
    acting_options,
    door,
    moment_s,
    read_file,
    writing_door,
)
from provenance.cli.metering import audit, meter, report
from provenance.cli.rights import request_options, requested
from provenance.identifiers import DatasetId, GrantId, PartyId, PolicyId


@click.group()
def grants() -> None:
    """Rights to use data, cut from titles and from each other."""


grants.add_command(report)
grants.add_command(meter)
grants.add_command(audit)


@grants.command()
@click.option(
    "--to", "grantee", type=PARTY, required=True, metavar="NAME|ADDRESS", help="Who may use it."
)
@click.option("--policy", "policy_id", type=ID, required=True, help="The terms.")
@click.option("--dataset", "dataset_id", type=ID, help="Cut from the titles of this dataset.")
@click.option("--parent", type=ID, help="Cut from this grant.")
@click.option("--uses", type=USES, help="How many; as many as the terms allow.")
@click.option("--from", "begins", metavar="TIME", help="2027-01-31, or a Unix second.")
@click.option("--until", "ends", metavar="TIME", help="The same, or 90d for 90 days from now.")
@click.option("--exclusive", is_flag=True, help="Nobody else gets these actions meanwhile.")
@acting_options()
@writing_door
def issue(
    door: Door,
    grantee: str,
    policy_id: int,
    dataset_id: int | None,
    parent: int | None,
    uses: int | None,
    begins: str | None,
    ends: str | None,
    exclusive: bool,
    acting: Acting,
) -> None:
    r"""Grant the use of a dataset under a policy.

    \b
      provenance grants issue --dataset 1 --policy 1 --to bank --until 365d
      provenance grants issue --parent 1 --policy 2 --to fab --uses 50 --as bank
    """
    from provenance.ledger import grants as use
    from provenance.ledger import parties

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.issue(
            ledger,
            who,
            PolicyId(policy_id),
            parties.resolve(ledger, grantee).party_id,
            dataset_id=DatasetId(dataset_id) if dataset_id else None,
            parent=GrantId(parent) if parent else None,
            not_before=moment_s(begins) if begins else None,
            not_after=moment_s(ends) if ends else None,
            uses=uses,
            exclusive=exclusive,
            on_behalf_of=principal,
        )
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@grants.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@acting_options("Its grantee.")
@writing_door
def activate(door: Door, grant_id: int, acting: Acting) -> None:
    r"""Start the time of a grant whose terms limit its duration.

    \b
      provenance grants activate 1 --as bank
    """
    from provenance.ledger import grants as use

    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        found = use.activate(ledger, who, GrantId(grant_id), on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@grants.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@request_options
@click.option("--uses", type=USES, default=1, show_default=True, help="How many.")
@acting_options("Its grantee.")
@writing_door
def use(door: Door, grant_id: int, uses: int, acting: Acting, **request: Any) -> None:
    r"""Record uses; what the terms do not permit is refused with the reason.

    \b
      provenance grants use 1 --action compute --purpose rd_test --industry C --mode api --as bank
    """
    from provenance.ledger import grants as cases

    asked = requested(request)
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        grant = GrantId(grant_id)
        found = cases.use(ledger, who, grant, asked, uses=uses, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


def _status_command(change: str, help_: str) -> click.Command:
    @click.argument("grant_id", metavar="GRANT", type=ID)
    @click.option("--reason", metavar="TEXT", help="Why; kept as a document, its hash recorded.")
    @click.option("--reason-file", type=FOLDER_OR_FILE, help="A document that says why.")
    @acting_options()
    @writing_door
    def run(
        door: Door,
        grant_id: int,
        reason: str | None,
        reason_file: Path | None,
        acting: Acting,
    ) -> None:
        from provenance.ledger import grants as cases

        if (reason is None) == (reason_file is None):
            raise click.UsageError("expected --reason or --reason-file, found both or neither")
        limit = door.settings.max_document_bytes
        why = read_file(reason_file, limit) if reason_file else (reason or "").encode()
        with door.ledger() as ledger:
            who, principal = acting.resolve(ledger)
            grant = GrantId(grant_id)
            found = cases.set_status(ledger, who, grant, change, why, on_behalf_of=principal)
            ledger.sync()
        output.print_receipt(door.as_json, found.to_json())

    example = f'\b\n  provenance grants {change} 1 --reason "invoice 47 unpaid"'
    return click.command(change, help=f"{help_}\n\n{example}")(run)


grants.add_command(_status_command("suspend", "Suspend a grant and all that is cut from it."))
grants.add_command(_status_command("resume", "End a suspension."))
grants.add_command(_status_command("revoke", "End a grant and all cut from it, for ever."))


@grants.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@click.option(
    "--to", type=PARTY, metavar="NAME|ADDRESS", help="Propose that the grant passes to this party."
)
@click.option("--withdraw", is_flag=True, help="Withdraw what was proposed.")
@click.option(
    "--consent", type=PARTY, metavar="NAME|ADDRESS", help="Consent to this party, as granter."
)
@click.option("--accept", is_flag=True, help="Take the grant over.")
@acting_options()
@writing_door
def assign(
    door: Door,
    grant_id: int,
    to: str | None,
    withdraw: bool,
    consent: str | None,
    accept: bool,
    acting: Acting,
) -> None:
    r"""Pass a grant on, in three steps by three parties.

    \b
      provenance grants assign 1 --to fab --as bank
      provenance grants assign 1 --consent fab
      provenance grants assign 1 --accept --as fab
    """
    from provenance.ledger import grants as cases
    from provenance.ledger import parties

    if sum(map(bool, (to, withdraw, consent, accept))) != 1:
        raise click.UsageError("expected one of --to, --withdraw, --consent, --accept")
    with door.ledger() as ledger:
        who, principal = acting.resolve(ledger)
        grant = GrantId(grant_id)
        other: PartyId | None = None
        if name := to or consent:
            other = parties.resolve(ledger, name).party_id
        if accept:
            found = cases.accept_assignment(ledger, who, grant, on_behalf_of=principal)
        elif consent and other:
            found = cases.consent_to_assignment(ledger, who, grant, other, on_behalf_of=principal)
        else:
            found = cases.propose_assignment(ledger, who, grant, other, on_behalf_of=principal)
        ledger.sync()
    output.print_receipt(door.as_json, found.to_json())


@grants.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def show(door: Door, grant_id: int, as_of: int | None) -> None:
    r"""Show a grant: its terms, whether it can be used, what happened to it.

    \b
      provenance grants show 1
      provenance grants show 1 --as-of 12
    """
    from provenance.ledger import license_views

    with door.ledger() as ledger:
        found = license_views.grant(ledger, GrantId(grant_id), as_of=as_of)
    if door.as_json:
        output.print_json(found)
        return
    output.print_fields([(name, _said(found[name])) for name in _SHOWN])
    if not found["changes_complete"]:
        output.print_fields([("earlier changes", f"provenance history {found['dataset_id']}")])
    for change in found["changes"]:
        output.print_fields([(change["status"], f"by party {change['by_id']}")])


_SHOWN = (
    *("grant_id", "dataset_id", "parent_id", "policy_id", "granter_id", "grantee_id", "status"),
    *("inactive", "right", "exclusive", "not_before", "not_after", "uses", "uses_left", "used"),
)


@grants.command("list")
@click.option("--dataset", "dataset_id", type=ID, help="Only those of this dataset.")
@click.option(
    "--party", type=PARTY, metavar="NAME|ADDRESS", help="Only those that it issued or may use."
)
@click.option("--after", type=int, default=0, metavar="ID", help="Begin behind this one.")
@door
def list_(door: Door, dataset_id: int | None, party: str | None, after: int) -> None:
    r"""List grants.

    \b
      provenance grants list --dataset 1
      provenance grants list --party bank
    """
    from provenance.ledger import license_views, parties

    if dataset_id and party:
        raise click.UsageError("--dataset and --party exclude each other")
    with door.ledger() as ledger:
        found = license_views.grants(
            ledger,
            dataset_id=DatasetId(dataset_id) if dataset_id else None,
            party_id=parties.resolve(ledger, party).party_id if party else None,
            after=after,
        )
    if door.as_json:
        output.print_json(found)
        return
    print_grants(found["items"])
    output.note_more(found["next"])


@grants.command()
@click.argument("grant_id", metavar="[GRANT]", type=ID, required=False)
@click.option("--dataset", "dataset_id", type=ID, help="All grants of this dataset.")
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def tree(door: Door, grant_id: int | None, dataset_id: int | None, as_of: int | None) -> None:
    r"""Show which grants are cut from which.

    \b
      provenance grants tree --dataset 1
      provenance grants tree 1 --json
    """
    from provenance.ledger import license_views

    with door.ledger() as ledger:
        found = license_views.tree(
            ledger,
            dataset_id=DatasetId(dataset_id) if dataset_id else None,
            grant_id=GrantId(grant_id) if grant_id else None,
            as_of=as_of,
        )
    if door.as_json:
        output.print_json(found)
        return
    print_grants(found["rows"], nested=True)
    if found["next"] is not None:
        output.note(f"more: grants above {found['next']} are left out; provenance grants list")


def print_grants(items: list[dict[str, Any]], *, nested: bool = False) -> None:
    """Print grants as a table, with those below each other moved in if they come as a tree."""
    least = min((item["depth"] for item in items), default=0)
    rows = []
    for item in items:
        lead = "  " * (item["depth"] - least) if nested else ""
        state = _STATES.get(item["inactive"], item["inactive"])
        left = "no limit" if item["uses_left"] is None else item["uses_left"]
        parties = (item["granter_id"], item["grantee_id"])
        ends = _said(item["not_after"]) if item["not_after"] >= _FAR else when(item["not_after"])
        rows.append((f"{lead}{item['grant_id']}", *parties, item["policy_id"], state, left, ends))
    heads = ("grant", "granter", "grantee", "policy", "state", "uses left", "until (UTC)")
    output.print_table(heads, rows)


_FAR = (1 << 40) - 1
_STATES = {None: "usable", "quota_exceeded": "used up"}


def _said(value: object) -> str:
    return "no limit" if value is None or value == _FAR else str(value)
