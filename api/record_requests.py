"""What bodies about records may hold; ``requests`` has the others.

Promises: as ``requests``; what one record is and is not is said of that record alone, so that it
refuses no other. Must never look anything up.
"""

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, WithJsonSchema

from api.requests import Body, PartyBody
from provenance.errors import InvalidDocument
from provenance.proofs.batches import RecordKind

MAX_RECORDS = 1000
KindWord = Literal["document", "openlineage_event", "use_receipt", "file_set"]


class RecordItem(Body):
    """One document: as text, whose UTF-8 bytes are recorded, or in base64."""

    text: str | None = None
    base64: str | None = None

    def document(self) -> bytes:
        """Return its bytes.

        Raises:
            InvalidDocument: it is not given in exactly one form, or is malformed.
        """
        if (self.text is None) == (self.base64 is None):
            raise InvalidDocument("expected text or base64, found both or neither")
        try:
            if self.base64 is not None:
                return base64.b64decode(self.base64, validate=True)
            return (self.text or "").encode()
        except (binascii.Error, ValueError) as error:
            raise InvalidDocument(f"expected UTF-8 or base64: {error}") from None


def document_of(item: Any) -> bytes:
    """Return the bytes of one item of ``records``.

    Raises:
        InvalidDocument: it is none, which is said of it alone.
    """
    try:
        return RecordItem.model_validate(item).document()
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ascii(".".join(map(str, fault["loc"])))[:80]
        raise InvalidDocument(f"expected text or base64: {where}: {fault['msg']}") from None


class RecordMany(PartyBody):
    """Documents to record."""

    kind: KindWord = Field(default="document", description="What the documents are.")
    records: Annotated[
        list[Annotated[Any, WithJsonSchema(RecordItem.model_json_schema())]],
        Field(min_length=1, max_length=MAX_RECORDS),
    ]

    @property
    def record_kind(self) -> RecordKind:
        """The kind as the leaf of a batch holds it."""
        return RecordKind[self.kind.upper()]
