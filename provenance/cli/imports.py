"""``provenance lineage import``: record what others wrote down as PROV."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli import output
from provenance.cli.door import (
    FOLDER_OR_FILE,
    Door,
    moment_s,
    read_file,
    signer_option,
    words,
    writing_door,
)
from provenance.cli.rights import CONTEXT_OPTIONS

if TYPE_CHECKING:
    from provenance.interchange.drafts import Draft
    from provenance.ledger.imports import Prospect, Terms, Wishes
    from provenance.lineage.records import ActivityId, VersionRef

    _Known = dict[str, ActivityId | None]

_Command = TypeVar("_Command", bound=Callable[..., Any])

# Kept here, so that help imports nothing; a test compares it with the library's.
MAX_BYTES = 1 << 23

_NAMES = (
    click.option(
        "--map",
        "maps",
        multiple=True,
        metavar="ENTITY=ID:VERSION[:GRANT]",
        help="The version that an entity is, and the grant it is used under. Repeatable.",
    ),
    click.option(
        "--data",
        multiple=True,
        metavar="ENTITY=PATH",
        help="The data of an entity, registered with the activity that made it. Repeatable.",
    ),
    click.option(
        "--agent",
        "agents",
        multiple=True,
        metavar="AGENT=PARTY",
        help="The party that an agent is: a name of this home, or party:ID. Repeatable.",
    ),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="[ACTIVITY=]KIND",
        help="What an activity did; without a name, all that do not say. Repeatable.",
    ),
    click.option(
        "--skip",
        "skipped",
        multiple=True,
        metavar="NAME",
        help="Leave over what is said of this entity, activity or agent. Repeatable.",
    ),
    click.option("--utc", is_flag=True, help="Read times without a time zone as UTC."),
    click.option("--flatten", "flattened", is_flag=True, help="Read what bundles say too."),
    click.option("--started", metavar="TIME", help="For activities that do not say when."),
    click.option("--ended", metavar="TIME", help="The same."),
)
_TERMS = (
    *CONTEXT_OPTIONS,
    click.option("--form", default="resource", help="Of new datasets: raw, resource or product."),
    click.option("--level", default="general", help="general or important (GB/T 43697)."),
    click.option("--pi", default="none", help="Personal information: none, personal, sensitive."),
)


def _options(function: _Command) -> _Command:
    """Add the options that say what names stand for, and what PROV has no words for."""
    for option in reversed((*_NAMES, *_TERMS)):
        function = option(function)
    return function


@click.command("import")
@click.argument("file", metavar="FILE", type=FOLDER_OR_FILE)
@_options
@click.option("--dry-run", is_flag=True, help="Show what would be recorded; record nothing.")
@signer_option
@writing_door
def import_(door: Door, file: Path, dry_run: bool, signer: str | None, **given: Any) -> int:
    r"""Record the activities of a PROV document (JSON, N, XML or JSON-LD).

    \b
      provenance lineage import run.provn --dry-run
      provenance lineage import run.json --map ex:raw=1:1 --data ex:clean=out/ --kind clean \
          --agent ex:alice=founder --utc

    What no record holds is listed as left over. Exit code 2: the document is refused, and nothing
    was recorded; each name that stands in the way is listed with what can be done.
    """
    from provenance.content import manifest as manifests
    from provenance.ledger import imports

    content = read_file(file, MAX_BYTES)
    wishes, terms = _wishes(given), _terms(given)
    with door.ledger() as ledger:
        found = imports.look(ledger, signer or ledger.first_party, content, wishes)
        known = {step.draft.name: step.known for step in found.steps}
        recorded: dict[str, dict[str, Any]] = {}
        if not (found.refused or dry_run):
            with output.byte_progress("hashing") as progress:
                made = {
                    name: manifests.build(path, progress=progress)
                    for name, path in found.data.items()
                }
            for done in imports.record(ledger, found, made, terms):
                output.note(f"{done.step.draft.shown} is activity {done.activity_id}")
                known[done.step.draft.name] = done.activity_id
                if done.recorded is not None:
                    recorded[done.step.draft.name] = done.recorded.to_json()
            ledger.sync()
    if door.as_json:
        output.print_json(_as_json(found, known, recorded, dry_run=dry_run))
    else:
        _print(found, known, recorded)
    for refusal in found.refused:
        output.note(f"✗ {refusal.name}: {refusal.reason}")
    return 2 if found.refused else 0


def _wishes(given: dict[str, Any]) -> "Wishes":
    from provenance.ledger.imports import Wishes

    names = ("maps", "data", "agents", "kinds", "skipped", "utc", "flattened")
    return Wishes(
        started_at=moment_s(given["started"]) if given["started"] else None,
        ended_at=moment_s(given["ended"]) if given["ended"] else None,
        **{name: given[name] for name in names},
    )


def _terms(given: dict[str, Any]) -> "Terms":
    """Return what holds of all activities.

    Raises:
        InputError: an unknown word.
    """
    from provenance.ledger.imports import Terms
    from provenance.ledger.vocabulary import Classification

    context = {name: words(given[name]) for name in ("purpose", "industry", "mode")}
    return Terms(
        {**context, "country": given["country"], "security_grade": given["grade"]},
        Classification.of_words(form=given["form"], level=given["level"], pi_kind=given["pi"]),
    )


def _as_json(
    found: "Prospect",
    known: "_Known",
    recorded: dict[str, dict[str, Any]],
    *,
    dry_run: bool,
) -> dict[str, Any]:
    return {
        "notation": found.document.notation,
        "dry_run": dry_run,
        "activities": [
            {
                **_draft(step.draft),
                "signer": step.signer,
                "activity_id": known[step.draft.name],
                "recorded": recorded.get(step.draft.name),
            }
            for step in found.steps
        ],
        "left_over": [_fields(one) for one in found.plan.left_over],
        "refused": [_fields(one) for one in found.refused],
    }


def _draft(draft: "Draft") -> dict[str, Any]:
    made = draft.output
    return {
        "name": draft.name,
        "shown": draft.shown,
        "kind": draft.kind.name.lower(),
        "started_at": draft.started_at,
        "ended_at": draft.ended_at,
        "party_id": draft.agent_id,
        "on_behalf_of": draft.party_id,
        "inputs": [
            {"entity": used.entity, **_version(used.source), "grant_id": used.grant_id}
            for used in draft.inputs
        ],
        "output": made and {**_version(made.version), "entity": made.entity, "new": made.new},
    }


def _version(ref: "VersionRef | None") -> dict[str, Any]:
    return {"dataset_id": ref and ref.dataset_id, "version": ref and ref.version}


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__}


def _print(found: "Prospect", known: "_Known", recorded: dict[str, dict[str, Any]]) -> None:
    rows = []
    for step in found.steps:
        draft = step.draft
        number, word = known[draft.name], "recorded" if draft.name in recorded else "known"
        state = number and f"{word} as {number}"
        used = ", ".join(_shown(one.source, one.entity) for one in draft.inputs)
        made = draft.output and _shown(draft.output.version, draft.output.entity)
        rows.append((draft.shown, draft.kind.name.lower(), used, made, step.signer, state))
    output.print_table(("activity", "kind", "used", "made", "by", "state"), rows)
    click.echo()
    left: Iterable[tuple[object, ...]] = (
        (one.record, one.attribute, one.reason) for one in found.plan.left_over
    )
    output.print_table(("left over", "attribute", "reason"), left)


def _shown(ref: "VersionRef | None", entity: str) -> str:
    return f"{ref.dataset_id}:{ref.version}" if ref else entity
