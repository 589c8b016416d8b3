"""What answers about pipelines look like: models for the OpenAPI document.

Promises: every answer of a route validates against its model. Must never hold values.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.responses import Answer, Digest

State = Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]


class Posted(Answer):
    """A record that is kept for good; `sequence` is its number in the journal of the service."""

    sequence: int
    digest: Digest


class RefusedEvent(Answer):
    """An event of a batch that was not kept, by its place, from 0."""

    index: int
    reason: str


class PostedBatch(Answer):
    """What became of the events of a batch: those that are not refused are kept."""

    status: Literal["success", "partial_success"]
    received: int
    recorded: int
    refused: list[RefusedEvent]


class Drawn(Answer):
    """As of when an answer is: the time asked for, and how far into the journal the graph is.

    With `recorded_by` of this `sequence` the same question has the same answer for good.
    """

    time: str | None
    sequence: int


class DrawnAnswer(Answer):
    """An answer of the graph of pipelines."""

    as_of: Drawn


class Meaning(Answer):
    """Which registered dataset a name means."""

    dataset_id: int
    version: int | None


class Job(Answer):
    """A job."""

    node: str
    namespace: str
    name: str
    first_seen: str
    runs: int
    latest_run_id: str | None
    latest_state: State | None


class JobPage(DrawnAnswer):
    """Jobs in the order in which they became known."""

    items: list[Job]
    next: str | None


class RunLine(Answer):
    """A run in a list; its state by all of its events up to the time."""

    run_id: str
    state: State
    first_seen: str


class RunPage(DrawnAnswer):
    """Runs of a job, newest first."""

    items: list[RunLine]
    next: str | None


class Used(Answer):
    """A dataset that a run read or wrote; `version` as its events say."""

    node: str
    namespace: str
    name: str
    version: str | None
    registered: Meaning | None


class EventLine(Answer):
    """One event of a run; `digest` is the SHA-256 of the posted bytes."""

    sequence: int
    digest: Digest
    event_type: State
    event_time: str


class RunAnswer(DrawnAnswer):
    """A run, by all of its events up to the time; `truncated` says that not all are shown."""

    node: str
    run_id: str
    job: str
    parent_run_id: str | None
    children: list[str]
    state: State
    first_seen: str
    started: str | None
    ended: str | None
    inputs: list[Used]
    outputs: list[Used]
    events: list[EventLine]
    truncated: bool


class GraphNode(Answer):
    """A job, a dataset, a run, or a version that a run wrote; `distance` in steps.

    `incomplete` is of versions: whether the run that wrote it was not complete by the time.
    `aliases` are the other names of a dataset.
    """

    node: str
    kind: Literal["job", "dataset", "run", "version"]
    distance: int
    namespace: str | None = None
    name: str | None = None
    registered: Meaning | None = None
    aliases: list[str] | None = None
    job: str | None = None
    state: State | None = None
    dataset: str | None = None
    version: str | None = None
    written_by: str | None = None
    incomplete: bool | None = None


class GraphEdge(BaseModel):
    """From what was used to what came of it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    source: str = Field(alias="from")
    target: str = Field(alias="to")


class GraphAnswer(DrawnAnswer):
    """The graph around a node; `truncated` says that nodes within the depth were left out."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    truncated: bool
    next: str | None


class Event(BaseModel):
    """An OpenLineage event (2-0-2)."""

    model_config = ConfigDict(extra="allow")

    eventTime: str  # noqa: N815 - a member of OpenLineage
    producer: str
    schemaURL: str  # noqa: N815 - a member of OpenLineage
    eventType: State | None = None  # noqa: N815 - a member of OpenLineage
    run: dict[str, Any] | None = None
    job: dict[str, Any] | None = None
    dataset: dict[str, Any] | None = None
    inputs: list[dict[str, Any]] | None = None
    outputs: list[dict[str, Any]] | None = None
