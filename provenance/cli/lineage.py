"""``provenance lineage``: where a version came from, where it went, whether that is all."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provenance.cli import output
from provenance.cli.activities import derive, record, supersede
from provenance.cli.door import BLOCK, ID, Door, door, moment_s
from provenance.cli.imports import import_
from provenance.cli.interchange import verify
from provenance.errors import InputError
from provenance.identifiers import DatasetId

if TYPE_CHECKING:
    from provenance.index.derivations import Bounds
    from provenance.lineage.records import VersionRef

_Command = TypeVar("_Command", bound=Callable[..., Any])

_OPTIONS = (
    click.argument("dataset_id", metavar="ID", type=ID),
    click.argument("version", metavar="VERSION", type=ID),
    click.option("--depth", type=click.IntRange(1), help="Most derivations away."),
    click.option("--versions", type=click.IntRange(1), help="Most versions that are visited."),
    click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block."),
    click.option("--at", metavar="TIME", help="As it stood then: 2026-01-31, or a Unix second."),
)
_page_options = (
    click.option("--after", metavar="NEXT", help="Where the page before ended: its `next`."),
    click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True),
)


def _question(*more: Callable[[Any], Any]) -> Callable[[_Command], _Command]:
    """Add the options of a question about a version."""

    def add(function: _Command) -> _Command:
        for option in reversed((*_OPTIONS, *more)):
            function = option(function)
        return function

    return add


@click.group()
def lineage() -> None:
    """What was made from what, under which rights."""


lineage.add_command(derive)
lineage.add_command(import_)
lineage.add_command(record)
lineage.add_command(supersede)
lineage.add_command(verify)


@lineage.command()
@click.argument("activity_id", metavar="ACTIVITY", type=ID)
@click.option("--as-of", type=BLOCK, metavar="BLOCK", help="As it stood after this block.")
@door
def show(door: Door, activity_id: int, as_of: int | None) -> None:
    r"""Show an activity: what was done, by whom, with what, and what came out.

    \b
      provenance lineage show 1
    """
    from provenance.ledger import lineage_views
    from provenance.lineage.records import ActivityId

    with door.ledger() as ledger:
        found = lineage_views.activity(ledger, ActivityId(activity_id), as_of=as_of)
    if door.as_json:
        output.print_json(found)
        return
    made, used = found.pop("output"), found.pop("inputs")
    recorded = found.pop("recorded")
    found |= {name: ", ".join(found[name]) for name in ("purpose", "industry", "mode")}
    fields = {"inputs": ", ".join(map(_covered, used)), "output": _named(made) if made else None}
    del found["as_of"]
    output.print_fields([*found.items(), *fields.items(), ("block", recorded["number"])])


def _relatives_command(direction: Any, help_: str) -> click.Command:
    @_question(*_page_options)
    @door
    def run(door: Door, after: str | None, limit: int, **asked: Any) -> None:
        from provenance.ledger import lineage_views

        bounds, moment = _bounds(asked), _moment(asked)
        with door.ledger() as ledger:
            found = lineage_views.relatives(
                ledger, _ref(asked), direction, bounds, after=_key(after), limit=limit, **moment
            )
        _print_versions(door, found)

    example = f"\b\n  provenance lineage {direction} 3 1 --depth 5"
    return click.command(direction, help=f"{help_}\n\n{example}")(run)


lineage.add_command(_relatives_command("ancestors", "Show what a version comes from."))
lineage.add_command(_relatives_command("descendants", "Show what came of a version."))


@lineage.command()
@_question(
    click.option("--source", required=True, metavar="ID:VERSION", help="Where they begin."),
    click.option("--after", type=click.IntRange(0), default=0, help="Leave out so many."),
    click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True),
)
@door
def paths(door: Door, source: str, after: int, limit: int, **asked: Any) -> int:
    r"""Show the ways from a source to a version. Exit code 1: there is none.

    \b
      provenance lineage paths 3 1 --source 1:1
    """
    from provenance.ledger import lineage_views
    from provenance.ledger.deeds import parse_input

    origin, bounds, moment = parse_input(source).source, _bounds(asked), _moment(asked)
    with door.ledger() as ledger:
        found = lineage_views.paths(
            ledger, origin, _ref(asked), bounds, after=after, limit=limit, **moment
        )
    if door.as_json:
        output.print_json(found)
    else:
        for path in found["paths"]:
            steps = [f"{_named(step['source'])} —{step['activity_id']}→" for step in path[::-1]]
            click.echo(" ".join([*steps, _named(found["derived"])]))
        output.note(f"{found['count']} paths{_more(found)}")
    return 0 if found["count"] != "0" else 1


@lineage.command()
@_question(*_page_options)
@door
def impact(door: Door, after: str | None, limit: int, **asked: Any) -> None:
    r"""Show what a recall of a version affects, and the grants that can still be used.

    \b
      provenance lineage impact 1 1

    What an activity said before it was corrected counts too: its state is superseded.
    """
    from provenance.ledger import lineage_views

    bounds, moment = _bounds(asked, whole=True), _moment(asked)
    with door.ledger() as ledger:
        found = lineage_views.impact_of(
            ledger, _ref(asked), bounds, after=_key(after), limit=limit, **moment
        )
    _print_versions(door, found)


@lineage.command()
@_question()
@door
def complete(door: Door, **asked: Any) -> int:
    r"""Say whether all that a version comes from begins with a collection. Exit code 1: no.

    \b
      provenance lineage complete 3 1

    What an activity said before it was corrected counts too.
    """
    from provenance.ledger import lineage_views

    bounds, moment = _bounds(asked, whole=True), _moment(asked)
    with door.ledger() as ledger:
        found = lineage_views.completeness_of(ledger, _ref(asked), bounds, **moment)
    if door.as_json:
        output.print_json(found)
    else:
        word = "complete" if found["complete"] else "not complete"
        output.print_fields([("lineage", word), ("origins", found["origin_count"])])
        for gap in found["gaps"]:
            late = " (superseded)" if gap["superseded"] else ""
            click.echo(f"✗ {_named(gap)}: {gap['lack'].replace('_', ' ')}{late}")
        output.note(f"{found['versions']} versions visited{_more(found)}")
    return 0 if found["complete"] else 1


def _print_versions(door: Door, found: dict[str, Any]) -> None:
    if door.as_json:
        output.print_json(found)
        return
    rows = []
    for item in found["items"]:
        through = ", ".join(f"{_named(way)} ({way['activity_id']})" for way in item["through"])
        words = [word for word in ("withdrawn", "superseded") if item[word]]
        live = ", ".join(str(grant["grant_id"]) for grant in item.get("grants", ()))
        state = ", ".join(words)
        rows.append((item["distance"], _named(item), item["kind"], through, state, live))
    output.print_table(
        ("distance", "version", "made by", "through (activity)", "state", "grants"), rows
    )
    output.note(f"{found['versions']} versions{_more(found)}")
    if found["next"]:
        output.note(f"go on with --after {':'.join(map(str, found['next']))}")


def _more(found: dict[str, Any]) -> str:
    return "; there may be more beyond what was visited" if found["truncated"] else ""


def _named(version: dict[str, Any]) -> str:
    return f"{version['dataset_id']}:{version['version']}"


def _covered(used: dict[str, Any]) -> str:
    by = "title" if used["grant_id"] is None else f"grant {used['grant_id']}"
    return f"{_named(used)} by {by}"


def _ref(asked: dict[str, Any]) -> "VersionRef":
    from provenance.lineage.records import VersionRef

    return VersionRef(DatasetId(asked["dataset_id"]), asked["version"])


def _bounds(asked: dict[str, Any], *, whole: bool = False) -> "Bounds":
    """Return how far to go; ``whole`` if it is as far as possible unless something was said."""
    from provenance.index import derivations

    usual = derivations.MAX_DEPTH if whole else derivations.DEFAULT_DEPTH
    return derivations.Bounds(
        asked["depth"] or usual, asked["versions"] or derivations.DEFAULT_VERSIONS
    )


def _moment(asked: dict[str, Any]) -> dict[str, Any]:
    return {"as_of": asked["as_of"], "at": moment_s(asked["at"]) if asked["at"] else None}


def _key(after: str | None) -> tuple[int, int, int] | None:
    """Return the position that ``DISTANCE:ID:VERSION`` names.

    Raises:
        InputError: any other text.
    """
    if after is None:
        return None
    parts = after.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise InputError(
            f"expected the `next` of a page, DISTANCE:ID:VERSION, found {after[:80]!r}"
        )
    distance, dataset_id, version = map(int, parts)
    return distance, dataset_id, version
