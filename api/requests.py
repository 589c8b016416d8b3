"""What a body may hold: one model for each kind, strict, closed, and described for OpenAPI.

Promises: an unknown member, a value of another type, or one out of range is refused with what was
expected. Must never look anything up.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from api.parameters import MAX_VERSION, IdNumber, checked, parse_party, parse_quantity
from provenance.errors import InvalidIdentifier
from provenance.identifiers import MAX_ID, parse_address, parse_digest32, parse_hex
from provenance.ledger.metadata import MAX_TITLE_CHARACTERS

MAX_TEXT_CHARACTERS = 1 << 20
MAX_CALL_BYTES = 1 << 17
MAX_SIGNATURE_BYTES = 4096
UNITS_WHOLE = 10_000
_UINT48 = 2**48 - 1
_UINT256 = 2**256 - 1


class Body(BaseModel):
    """A body: no other members than those named, no conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _account(text: Any) -> str:
    return "0x" + parse_address(text).hex()


def _data(most_bytes: int) -> Callable[[Any], str]:
    def parse(text: Any) -> str:
        found = parse_hex(text, prefix=True)
        if len(found) > most_bytes:
            raise InvalidIdentifier(f"expected at most {most_bytes} bytes, found {len(found)}")
        return text if isinstance(text, str) else ""

    return parse


def _quantity_schema(most: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": most},
                {"type": "string", "pattern": "^(0|[1-9][0-9]*|0x(0|[1-9a-f][0-9a-f]*))$"},
            ]
        },
        mode="validation",
    )


def _party_name(value: Any) -> str:
    parse_party(str(value) if type(value) is int else value if isinstance(value, str) else "")
    return str(value)


Id = IdNumber
Digest = Annotated[
    str, checked(lambda text: parse_digest32(text).hex()), Field(pattern="^[0-9a-f]{64}$")
]
Account = Annotated[str, checked(_account), Field(pattern="^0x[0-9a-fA-F]{40}$")]
PartyName = Annotated[
    str,
    checked(_party_name),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_ID},
                {"type": "string", "pattern": "^([1-9][0-9]{0,19}|0x[0-9a-fA-F]{40})$"},
            ]
        },
        mode="validation",
    ),
]
Uint48 = Annotated[
    int, checked(lambda value: parse_quantity(value, _UINT48)), _quantity_schema(_UINT48)
]
Uint256 = Annotated[
    int, checked(lambda value: parse_quantity(value, _UINT256)), _quantity_schema(_UINT256)
]
Text = Annotated[str, Field(max_length=MAX_TEXT_CHARACTERS)]
UnitCount = Annotated[int, Field(ge=0, le=UNITS_WHOLE)]


class PartyBody(Body):
    """Whose write it is."""

    party_id: Id | None = Field(
        default=None,
        description="The party that the token has to be of; another party's is refused.",
    )


class Acting(PartyBody):
    """In whose name a write is done."""

    on_behalf_of: Id | None = Field(
        default=None,
        description="The party acted for, if the token's party is its delegate on chain.",
    )


class Content(Acting):
    """What a version holds: a manifest, or what to hash; an upload stands beside the body."""

    manifest: str | None = Field(
        default=None, description="The manifest document (docs/formats.md)."
    )
    root: Digest | None = Field(
        default=None, description="The root that it has to have; another one is refused."
    )
    path: str | None = Field(
        default=None,
        description="A file or folder below the data root of the service, to be hashed there.",
        min_length=1,
        max_length=4096,
    )
    digests: list[Literal["sha256", "blake3", "sm3"]] = Field(
        default=["sha256"],
        description="Digest algorithms for what is hashed here; not with a manifest.",
        min_length=1,
        max_length=3,
    )
    metadata: dict[str, Any] = Field(default={}, description="More of the metadata document.")


class ClassificationBody(Body):
    """What is declared about a dataset; GB/T 43697 and domain terms."""

    source_kind: Literal["public", "enterprise", "personal"] = "enterprise"
    form: Literal["raw", "resource", "product"] = "resource"
    level: Literal["general", "important", "core"] = "general"
    sub_level: Annotated[int, Field(ge=0, le=255)] = 0
    pi_kind: Literal["none", "personal", "sensitive"] = "none"
    open_class: Literal["none", "open", "conditional", "closed"] = "none"
    origin_country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "CN"
    sectors: Annotated[int, Field(ge=0, le=2**32 - 1)] = 1


class Registration(Content):
    """Register a dataset with its first version."""

    title: str = Field(min_length=1, max_length=MAX_TITLE_CHARACTERS)
    source: Text | None = Field(
        default=None,
        description="Statement of where the data comes from, stored as a document; by default one "
        "that says that the registrant declares it by itself.",
        min_length=1,
    )
    classification: ClassificationBody = ClassificationBody()


class Publication(Content):
    """Publish the next version of a dataset."""

    version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = Field(
        default=None,
        description="The number it has to get; refused if another one came in between.",
    )
    title: str | None = Field(default=None, min_length=1, max_length=MAX_TITLE_CHARACTERS)


class UnitsBody(Body):
    """Units of each right, basis points."""

    hold: UnitCount = 0
    use: UnitCount = 0
    operate: UnitCount = 0


class TransferStart(Acting):
    """Reserve units of a dataset for a taker."""

    to: PartyName = Field(description="The taker: id of a party, or an account of it.")
    units: UnitsBody = Field(
        default=UnitsBody(hold=UNITS_WHOLE, use=UNITS_WHOLE, operate=UNITS_WHOLE),
        description="All units of all rights by default.",
    )
    agreement: Text | None = Field(
        default=None,
        description="The agreement: committed to under a salt that the answer has, stored nowhere.",
        min_length=1,
    )
    agreement_hash: Digest | None = Field(
        default=None,
        description="Commitment to an agreement that the service does not see, instead: "
        "SHA-256 of 03, a salt of 16 random bytes and the text (docs/formats.md, Commitment).",
    )
    expires: Annotated[int, Field(ge=1, le=_UINT48)] | None = Field(
        default=None,
        description="Unix second until which it may be accepted; in seven days by default.",
    )

    @model_validator(mode="after")
    def _one_agreement(self) -> Self:
        if self.agreement is not None and self.agreement_hash is not None:
            raise ValueError("expected agreement or agreement_hash, found both")
        return self


class TransferAccept(Acting):
    """Take the units of a transfer."""

    expected_head: Digest | None = Field(
        default=None,
        description="Head of the dataset's history that was seen; refused if it has moved.",
    )


class TransferCancel(Acting):
    """Give a transfer up."""


class ForwardRequestBody(Body):
    """What a party's own key has signed as EIP-712 typed data (docs/formats.md, section 12)."""

    sender: Account = Field(alias="from", description="The account that signed.")
    to: Account = Field(description="A module of the directory.")
    gas: Uint256
    nonce: Uint256
    deadline: Uint48
    data: Annotated[str, checked(_data(MAX_CALL_BYTES))] = Field(
        description="Calldata for the module, at most 65,536 bytes: `0x` and lower-case "
        "hexadecimal digits."
    )


class Relay(Body):
    """A signed request, to be sent on unchanged."""

    request: ForwardRequestBody
    signature: Annotated[str, checked(_data(MAX_SIGNATURE_BYTES))]


class Verification(Body):
    """Bytes in hand, against the ledger: a manifest or a digest; a file stands beside the body."""

    manifest: str | None = Field(default=None, description="The manifest of the bytes in hand.")
    digest: Digest | None = Field(default=None, description="Their root.")
    dataset_id: Id | None = Field(
        default=None,
        description="The dataset they are said to be; by default the one that claims them.",
    )
    version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = Field(
        default=None, description="The version they are said to be; the latest by default."
    )


class RowVerification(Body):
    """The proof of a row, and what its root has to be bound to."""

    proof: dict[str, Any] = Field(description="The proof (docs/formats.md, Rows).")
    root: Digest | None = Field(
        default=None, description="The root of the rows, from a source that the caller trusts."
    )
    dataset_id: Id | None = Field(default=None, description="The dataset it is said to be of.")
    version: Annotated[int, Field(ge=1, le=MAX_VERSION)] | None = Field(
        default=None, description="The version it is said to be of; needed beside dataset_id."
    )
