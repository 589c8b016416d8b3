"""Pages: bounded lists that go on from the last key, in constant time however long the list is.

Promises: no page is larger than ``MAX_LIMIT``; every page says as of which block it is; a page
that has a ``next`` has at least one successor. Must never count, nor skip rows by number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from provenance.chain.client import BlockRef
from provenance.errors import InputError, TooLarge

MAX_LIMIT = 1000
"""Most items of one page."""

DEFAULT_LIMIT = 50

T = TypeVar("T")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Page(Generic[T, C]):
    """A part of a list.

    Attributes:
        items: in the order of the list.
        next: what to pass as ``after`` for the page behind this one; None at the end.
        at: the block that the answer is as of.
        whole: what there is to say of the whole list, as JSON values.
    """

    items: Sequence[T]
    next: C | None
    at: BlockRef
    whole: Mapping[str, Any] = field(default_factory=dict)


def checked_limit(limit: int) -> int:
    """Return how many rows to read: one more than the page holds, to know whether it is the last.

    Raises:
        InputError: less than one.
        TooLarge: more than ``MAX_LIMIT``.
    """
    if limit < 1:
        raise InputError(f"expected a limit of at least 1, found {limit}")
    if limit > MAX_LIMIT:
        raise TooLarge(f"expected a limit of at most {MAX_LIMIT}, found {limit}")
    return limit + 1
