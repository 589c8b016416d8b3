"""What answers about lineage look like; ``responses`` has the others.

Promises: as ``responses``. Must never hold values.
"""

from typing import Literal

from api.license_responses import Grant
from api.responses import Answer, AsOfAnswer, Block, Contested, Digest, PageAnswer, Receipt


class VersionOf(Answer):
    """One version of one dataset."""

    dataset_id: int
    version: int


class Input(VersionOf):
    """A version that was used; `grant_id` is null if a title allowed it."""

    grant_id: int | None


class Activity(Answer):
    """What was done with data; hashes that nobody named are null."""

    activity_id: int
    kind: str
    party_id: int
    agent_id: int
    started_at: int
    ended_at: int
    code_hash: Digest | None
    parameters_hash: Digest | None
    environment_hash: Digest | None
    purpose: list[str]
    industry: list[str]
    mode: list[str]
    country: str
    security_grade: int
    inputs: list[Input]
    output: VersionOf | None
    ceiling_policy_id: int | None
    home_taint: bool
    supersedes: int | None
    superseded_by: int | None
    reason_hash: Digest | None
    recorded: Block


class ActivityAnswer(Activity, AsOfAnswer):
    """An activity."""


class ActivityPage(PageAnswer):
    """Activities by id."""

    items: list[Activity]


class ActivityRecorded(Receipt):
    """An activity that was recorded; the last members with a version that came out of it."""

    activity_id: int
    kind: str
    party_id: int
    dataset_id: int | None
    version: int | None
    ceiling_policy_id: int | None
    home_taint: bool
    supersedes: int | None
    root: Digest | None = None
    manifest_hash: Digest | None = None
    metadata_hash: Digest | None = None
    source_hash: Digest | None = None
    precedence: int | None = None
    contested: Contested | None = None
    urn: str | None = None


class Through(Input):
    """A way over which a version was reached: the nearer version and the activity.

    `superseded` says that the activity was corrected.
    """

    activity_id: int
    superseded: bool


class Relative(VersionOf):
    """A version that was reached, and how far it is.

    `superseded` says that it was reached only because of activities that were corrected.
    """

    distance: int
    activity_id: int | None
    kind: str | None
    root: Digest | None
    withdrawn: bool
    superseded: bool
    through: list[Through]


class WalkPage(PageAnswer):
    """Versions by distance; the counts are of the whole walk, not of the page."""

    versions: int
    derivations: int
    truncated: bool
    stopped_by: Literal["depth", "versions"] | None


class RelativePage(WalkPage):
    """Ancestors or descendants, the nearest first."""

    items: list[Relative]


class Affected(Relative):
    """A version that a recall affects, with the grants of its dataset that can be used."""

    grants: list[Grant]
    more_grants: bool


class ImpactPage(WalkPage):
    """What a recall affects: the version itself at distance 0, then the nearest first."""

    items: list[Affected]
    datasets: int


class Derivation(Answer):
    """That a version came from another."""

    source: VersionOf
    derived: VersionOf
    activity_id: int
    grant_id: int | None


class PathsAnswer(AsOfAnswer):
    """The ways from a source to what came of it; `count` is decimal text, it may be huge."""

    source: VersionOf
    derived: VersionOf
    count: str
    paths: list[list[Derivation]]
    derivations: list[Derivation]
    next: int | None
    truncated: bool
    stopped_by: Literal["depth", "versions"] | None


class Gap(VersionOf):
    """Where lineage breaks off before a collection; `superseded` as of a version reached."""

    distance: int
    lack: Literal["collect_missing", "activity_missing", "inputs_missing"]
    superseded: bool


class Origin(VersionOf):
    """A collected version; `superseded` as of a version reached."""

    superseded: bool


class CompletenessAnswer(AsOfAnswer):
    """Whether all that a version comes from begins with a collection."""

    dataset_id: int
    version: int
    complete: bool
    origins: list[Origin]
    origin_count: int
    gaps: list[Gap]
    gap_count: int
    versions: int
    truncated: bool


class CeilingAnswer(AsOfAnswer):
    """What bounds the terms of a derived dataset; null if nothing does."""

    dataset_id: int
    ceiling_policy_id: int | None
    home_taint: bool
    since_block: int | None
