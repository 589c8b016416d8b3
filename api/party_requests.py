"""What bodies about parties and their contests may hold; ``requests`` has the others.

Promises: as ``requests``. Must never look anything up.
"""

from typing import Literal

from pydantic import Field

from api.requests import Acting, Text


class ContestConcession(Acting):
    """Give the earlier claim up."""


class ContestDecision(Acting):
    """Whose claim stands, and why."""

    side: Literal["earlier", "later"] = Field(description="The claim that stands.")
    evidence: Text = Field(
        description="What the decision rests on: stored as a document, committed to.", min_length=1
    )
