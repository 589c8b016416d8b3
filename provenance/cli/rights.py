"""``provenance rights``: check, show; and the options that describe a use."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli import output
from provenance.cli.door import BLOCK, ID, PARTY, Door, door, moment_s, words
from provenance.identifiers import DatasetId, GrantId

if TYPE_CHECKING:
    from provenance.policy.evaluation import UseRequest

_Command = TypeVar("_Command", bound=Callable[..., Any])

CONTEXT_OPTIONS = (
    click.option("--purpose", default="", help="What for, by commas; all must be permitted."),
    click.option("--industry", default="", help="Sections of GB/T 4754, by commas."),
    click.option("--mode", default="", help="file, api, sandbox, privacy_compute, report, …"),
    click.option("--country", default="CN", show_default=True, help="Where it takes place."),
    click.option("--grade", type=click.IntRange(0, 255), default=0, help="Security grade there."),
)
"""What grants are judged by, besides the act."""


def request_options(function: _Command) -> _Command:
    """Add the options that describe a use."""
    action = click.option("--action", required=True, help="One action, such as compute.")
    for option in reversed((action, *CONTEXT_OPTIONS)):
        function = option(function)
    return function


def requested(given: dict[str, Any]) -> "UseRequest":
    """Return the use that these options describe.

    Raises:
        InputError: an unknown word.
    """
    from provenance.ledger.rights import request_of

    return request_of(
        given["action"],
        purpose=words(given["purpose"]),
        industry=words(given["industry"]),
        mode=words(given["mode"]),
        country=given["country"],
        security_grade=given["grade"],
    )


@click.group()
def rights() -> None:
    """Who may do what, and why."""


@rights.command()
@click.argument("grant_id", metavar="GRANT", type=ID)
@click.option("--party", type=PARTY, required=True, metavar="NAME|ADDRESS", help="Who wants to.")
@request_options
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def check(door: Door, grant_id: int, party: str, as_of: int | None, **request: Any) -> int:
    r"""Ask whether a party may do something under a grant; nothing is recorded.

    \b
      provenance rights check 1 --party bank --action compute \
          --purpose rd_test --industry C --mode api

    The contract and the library are both asked. Leaves with 0 only if it is permitted.
    """
    from provenance.ledger import parties
    from provenance.ledger import rights as use

    asked = requested(request)
    with door.ledger() as ledger:
        actor = parties.resolve(ledger, party).party_id
        found = use.check(ledger, GrantId(grant_id), actor, asked, as_of=as_of)
    shown = found.to_json()
    if door.as_json:
        output.print_json(shown)
    else:
        rule = shown["rule"]
        said = f"{rule['field']} of policy {rule['policy_id']}: {rule['says']}" if rule else "none"
        output.print_fields(
            [
                ("verdict", shown["verdict"]),
                ("code", shown["code"]),
                ("detail", shown["detail"]),
                ("rule", said),
                ("grants", " < ".join(str(grant["grant_id"]) for grant in shown["grants"])),
                ("asked", ", ".join(shown["asked"])),
                ("block", f"{shown['as_of']['block_number']}, {shown['as_of']['finality']}"),
            ]
        )
    return {"permitted": 0, "refused": 1}.get(found.verdict, 2)


@rights.command()
@click.argument("dataset_id", metavar="DATASET", type=ID)
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@click.option("--at", metavar="TIME", help="As it stood then: 2026-01-31, or a Unix second.")
@door
def show(door: Door, dataset_id: int, as_of: int | None, at: str | None) -> None:
    r"""Show holders, usable grants and open offers of a dataset, now or then.

    \b
      provenance rights show 1
      provenance rights show 1 --at 2026-01-31
    """
    from provenance.cli.grants import print_grants
    from provenance.ledger import license_views

    moment = moment_s(at) if at else None
    with door.ledger() as ledger:
        found = license_views.dataset_rights(ledger, DatasetId(dataset_id), as_of=as_of, at=moment)
    if door.as_json:
        output.print_json(found)
        return
    rows = [(h["party_id"], *h["units"].values()) for h in found["holders"]]
    output.print_table(("holder", "hold", "use", "operate"), rows)
    if found["status"] == "deregistered":
        output.print_fields([("titles", "closed: holders may end grants, nothing else")])
    if found["grants"]:
        print_grants(found["grants"])
    if found["offers"]:
        rows = [(o["offer_id"], o["policy_id"], o["taken"]) for o in found["offers"]]
        output.print_table(("offer", "policy", "taken"), rows)
    if not found["complete"]:
        output.note("more: some holders, grants or offers are left out; see their lists")
