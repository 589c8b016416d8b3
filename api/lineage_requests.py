"""What bodies about lineage may hold; ``requests`` has the others.

Promises: as ``requests``. Must never look anything up.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from api.license_requests import Seconds, Words
from api.parameters import MAX_VERSION
from api.requests import Body, ClassificationBody, Content, Digest, Id, Text
from provenance.ledger.deeds import MAX_INPUTS
from provenance.ledger.metadata import MAX_TITLE_CHARACTERS

Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]
Kind = Literal[
    "collect",
    "clean",
    "transform",
    "join",
    "anonymize",
    "train",
    "infer",
    "secure_compute",
    "apply",
    "delete",
]


class VersionBody(Body):
    """One version of one dataset."""

    dataset_id: Id
    version: Version


class InputBody(VersionBody):
    """A version that was used, and by what right."""

    grant_id: Id | None = Field(
        default=None, description="The grant that permits it; none for a title of the party."
    )


class OutputBody(Body):
    """The dataset of which something is the next version."""

    dataset_id: Id
    version: Version | None = Field(
        default=None,
        description="The number it has to get; refused if another one came in between.",
    )


class ActivityRecording(Content):
    """An activity: with content what came out of it, else without an output, or a correction."""

    kind: Kind
    inputs: list[InputBody] = Field(default=[], max_length=MAX_INPUTS)
    started_at: Seconds | None = Field(default=None, description="Unix second; now by default.")
    ended_at: Seconds | None = Field(default=None, description="Unix second; now by default.")
    code_hash: Digest | None = Field(default=None, description="SHA-256 of the code that ran.")
    parameters_hash: Digest | None = Field(default=None, description="SHA-256 of its parameters.")
    environment_hash: Digest | None = Field(
        default=None, description="SHA-256 of a description of the environment it ran in."
    )
    purpose: Words = Field(default=[], description="With the next four: what grants are judged by.")
    industry: Words = Field(default=[], description="Sections of GB/T 4754.")
    mode: Words = Field(default=[], description="Delivery modes.")
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "CN"
    security_grade: Annotated[int, Field(ge=0, le=255)] = 0
    output: OutputBody | None = Field(
        default=None, description="With content: the dataset it belongs to; none for a new one."
    )
    title: str | None = Field(
        default=None,
        description="Of a new dataset, or of a version.",
        min_length=1,
        max_length=MAX_TITLE_CHARACTERS,
    )
    source: Text | None = Field(
        default=None, description="Statement of where a new dataset comes from.", min_length=1
    )
    classification: ClassificationBody = Field(
        default=ClassificationBody(), description="What is declared about a new dataset."
    )
    collected: VersionBody | None = Field(
        default=None,
        description="Without content, for `collect`: a version that has no activity yet.",
    )
    supersedes: Id | None = Field(default=None, description="The activity that this one corrects.")
    reason: Text | None = Field(default=None, description="Why it does.", min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.supersedes is None) != (self.reason is None):
            raise ValueError("expected supersedes and reason, found one of them")
        if self.supersedes is not None and (self.collected or self.output):
            raise ValueError("expected a correction alone: the output of an activity stays")
        return self

    def has_content(self) -> bool:
        """Return whether the body itself names content; an upload stands beside it."""
        return self.manifest is not None or self.path is not None
