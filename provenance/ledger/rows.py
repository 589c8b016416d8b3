"""Rows of tables, bound to versions: the metadata document of a version names their documents.

The hash of the metadata is in the log of the version, which the history of the dataset proves; the
metadata has ``"row_commitments": [{"path":…,"sha256":…}]``, and the store has the document of that
SHA-256. So a root of rows is believed only through the log.

Promises: every document is stored before the metadata that names it is registered. Must never take
the word of the index for what a version is bound to when a proof is verified.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from provenance.content import row_secrets
from provenance.content.rows import Rows, RowsDocument, parse_document
from provenance.content.tables import SUFFIXES
from provenance.content.writer import Manifest
from provenance.errors import ConflictError, InvalidDocument, NotFoundError, VerificationError
from provenance.identifiers import DatasetId, Digest32, SubjectKind, parse_hex, subject_of
from provenance.ledger import history
from provenance.ledger.files import write_whole
from provenance.ledger.opening import Ledger
from provenance.ledger.receipts import AsOf
from provenance.proofs import rows as proofs

FIELD = "row_commitments"
SECRETS_FOLDER = "rows"
MAX_TABLES = 1000


@dataclass(frozen=True, slots=True)
class BoundRows:
    """The rows of one table of a version.

    Attributes:
        path: path of the table in the manifest.
        sha256: hash of the public document.
        public: the public document.
    """

    path: str
    sha256: Digest32
    public: RowsDocument

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        header = self.public.header
        return {
            "path": self.path,
            "sha256": self.sha256.hex(),
            "root": self.public.root.hex(),
            "count": self.public.count,
            "columns": [{"name": c.name, "type": c.kind.name} for c in header.columns],
            "key": list(header.key),
            "document": self.public.document.decode(),
        }


@dataclass(frozen=True, slots=True)
class RowVerification:
    """A proof that held, and what its root is bound to.

    Attributes:
        finding: what the proof shows.
        root: the root of the rows, 32 bytes.
        bound: the table of the version that has this root; None if no version was named.
        dataset_id: the version's dataset.
        version: its number.
        as_of: the block up to which the history of the dataset was found complete.
        is_trusted: whether the root is one that the caller trusts.
    """

    finding: proofs.RowFinding
    root: bytes
    bound: BoundRows | None = None
    dataset_id: DatasetId | None = None
    version: int | None = None
    as_of: AsOf | None = None
    is_trusted: bool = False

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "verdict": "passed" if self.bound or self.is_trusted else "not_checked",
            "present": self.finding.present,
            "values": dict(self.finding.values),
            "root": self.root.hex(),
            "path": self.bound.path if self.bound else None,
            "dataset_id": self.dataset_id,
            "version": self.version,
            "as_of": self.as_of.to_json() if self.as_of else None,
            "not_checked": list(_unchecked(self)),
        }


def tables_in(path: Path, manifest: Manifest) -> dict[str, Path]:
    """Return the tables among the files of a manifest, by their paths in it.

    Raises:
        NotFoundError: there is none.
    """
    paths = [entry.path for entry in manifest.entries()]
    places = {one: path if one == "." else path / one for one in paths}
    found = {one: place for one, place in places.items() if place.suffix.lower() in SUFFIXES}
    if not found:
        raise NotFoundError("table in", ascii(path.name))
    return found


def bind(
    ledger: Ledger, metadata: Mapping[str, Any], tables: Mapping[str, RowsDocument]
) -> dict[str, Any]:
    """Store the documents of tables, and return metadata that names them.

    Raises:
        ConflictError: the metadata names some already.
    """
    if FIELD in metadata:
        raise ConflictError(f"expected metadata without {FIELD!r}, found it")
    named = [
        {"path": path, "sha256": ledger.documents.put(public.document).hex()}
        for path, public in sorted(tables.items())
    ]
    return {**metadata, FIELD: named}


def keep_secret(ledger: Ledger, rows: Rows) -> Path:
    """Write the sidecar of a table into the home, under its root, and return where."""
    folder = ledger.settings.home / SECRETS_FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{rows.public.root.hex()}.secret"
    write_whole(path, row_secrets.write(rows), 0o600)
    return path


def bound_by(ledger: Ledger, metadata_hash: bytes | None) -> tuple[BoundRows, ...]:
    """Return the tables that a metadata document names.

    Raises:
        InvalidDocument: it names them in another form.
        NotFoundError: a document is not in the store.
    """
    if not metadata_hash or not any(metadata_hash):
        return ()
    try:
        metadata = orjson.loads(ledger.documents.get(metadata_hash))
    except orjson.JSONDecodeError:
        return ()
    named = metadata.get(FIELD, []) if isinstance(metadata, dict) else []
    if not isinstance(named, list) or len(named) > MAX_TABLES:
        raise InvalidDocument(f"expected {FIELD} as a list of at most {MAX_TABLES}")
    return tuple(_bound(ledger, one) for one in named)


def verify(
    ledger: Ledger,
    proof: proofs.RowProof | proofs.RowAbsence,
    dataset_id: DatasetId,
    version: int,
) -> RowVerification:
    """Check a proof against what a version is bound to, by the complete history of its dataset.

    Raises:
        InvalidProof: the proof breaks its form.
        VerificationError: it proves nothing, no table of the version has its root, or the index
            holds another history than the chain.
        NotFoundError: there is no such version.
    """
    finding = proofs.verify(proof, proof.root)
    subject = subject_of(SubjectKind.DATASET, dataset_id)
    answer, checked = history.check_own(ledger, subject)
    tables = bound_by(ledger, _metadata_hash(ledger, answer, dataset_id, version))
    for bound in tables:
        if bound.public.root == proof.root:
            return RowVerification(finding, proof.root, bound, dataset_id, version, checked.as_of)
    shown = ", ".join(bound.public.root.hex() for bound in tables[:3]) or "no rows"
    raise VerificationError(
        f"expected a root of rows of version {version} of dataset {dataset_id} ({shown}), found "
        f"{proof.root.hex()}"
    )


def _metadata_hash(
    ledger: Ledger, answer: history.HistoryAnswer, dataset_id: DatasetId, version: int
) -> bytes:
    """Return the hash of a version's metadata as its log has it."""
    for log in answer.logs:
        if not ledger.writes_history(log):
            continue
        event = ledger.decoder.decode(log)
        if event.name == "DatasetRegistered":
            number = 1
        elif event.name == "VersionPublished":
            number = event.arguments["version"]
        else:
            continue
        if number == version:
            found: bytes = event.arguments["content"]["metadataHash"]
            return found
    raise NotFoundError("version", f"{version} of dataset {dataset_id}")


def _bound(ledger: Ledger, named: object) -> BoundRows:
    fields = named if isinstance(named, dict) else {}
    path, text = fields.get("path"), fields.get("sha256")
    if not isinstance(path, str) or not isinstance(text, str):
        raise InvalidDocument(f"expected path and sha256 in {FIELD}, found others")
    digest = Digest32(parse_hex(text, 32))
    return BoundRows(path, digest, parse_document(ledger.documents.get(digest)))


def _unchecked(found: RowVerification) -> Iterable[str]:
    if found.bound is None:
        yield "that a version is bound to this root"
    yield "that the rows committed to are those of the file: its registrant says so"
    if not found.finding.present:
        yield "that the rows are sorted by their tags: their registrant says so"
