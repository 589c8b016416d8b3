"""Claims to bytes in hand: which version they are, when nobody says which dataset to compare with.

The same content is recognised per set of digest algorithms and ignore patterns only, because the
header of a manifest is under its root (design 4.2). So when the ledger does not know the root under
the default header, the files are read once more, with all the algorithms that the headers of
registered versions name, and each of these headers is tried.

Promises: a version is found only by the contract's word for a root; a header that could not be
tried is a doubt that is named. Must never look at more versions and headers than the limits below.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from provenance.chain.client import BlockRef
from provenance.content import manifest as manifests
from provenance.content.entry import (
    MAX_LINE_BYTES,
    Header,
    leaf_line,
    parse_header,
)
from provenance.content.paths import SINGLE_FILE, leaver_out
from provenance.content.writer import Manifest
from provenance.errors import EmptyDataset, InvalidManifest, NotFoundError, StorageError
from provenance.identifiers import DatasetId, PartyId
from provenance.ledger.opening import Ledger
from provenance.lineage.records import Input, VersionRef

Build = Callable[[Iterable[str], Iterable[str]], Manifest]
"""Makes a manifest of the bytes in hand with algorithms and ignore patterns."""

MAX_VERSIONS = 10_000
"""How many of the newest versions are asked for their headers."""

MAX_HEADERS = 16
"""How many headers are tried."""

_LEAF_BYTES = len(leaf_line(bytes(32))) + 1


@dataclass(frozen=True, slots=True)
class Recognition:
    """What is known of bytes in hand.

    Attributes:
        computed: their manifest, under the header of the version if there is one.
        dataset_id: the dataset whose claim to this content has precedence; None if none is known.
        version: its version.
        doubts: why a version may have this content all the same.
    """

    computed: Manifest
    dataset_id: DatasetId | None = None
    version: int | None = None
    doubts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Survey:
    """The headers of registered versions, and what could not be learned of them.

    Attributes:
        headers: headers of manifests that are not private, the newest first.
        hidden: how many private versions there are by ignore patterns and number of files.
        unknown: number of manifests that are not at hand or cannot be read.
        beyond: whether there are more than were looked at.
    """

    headers: list[Header] = field(default_factory=list)
    hidden: Counter[tuple[tuple[str, ...], int]] = field(default_factory=Counter)
    unknown: int = 0
    beyond: bool = False


def recognise(ledger: Ledger, build: Build, block: BlockRef) -> Recognition:
    """Return the version that bytes in hand are, as of a block.

    Args:
        ledger: the ledger; its index is up to the block.
        build: makes manifests of the bytes.
        block: the block.

    Raises:
        InputError: the bytes cannot be hashed.
        ChainError: the ledger could not be asked.
    """
    plain = Header()
    computed = build(plain.algorithms, plain.ignore)
    if found := claim_of(ledger, computed.root, block):
        return Recognition(computed, *found)
    if computed.sealed:
        # of leaf hashes no other root can be made: what was given is this root
        return Recognition(computed)
    survey = _survey(ledger, block)
    wanted = {name for header in survey.headers for name in header.algorithms}
    whole = computed
    if not wanted <= set(computed.header.algorithms):
        whole = build(sorted(wanted), plain.ignore)
    for candidate in _candidates(whole, survey.headers):
        if found := claim_of(ledger, candidate.root, block):
            return Recognition(candidate, *found)
    return Recognition(computed, doubts=tuple(_doubts(whole, survey)))


def claim_of(ledger: Ledger, root: bytes, block: BlockRef) -> tuple[DatasetId, int] | None:
    """Return dataset and version whose claim to a root has precedence, by the contract itself."""
    (claim,) = ledger.call("Datasets", "claimOf", root, at=block.hash)
    return (DatasetId(claim[0]), claim[1]) if claim[0] else None


def ways_to(ledger: Ledger, root: bytes, party_id: PartyId, now_s: int) -> list[Input]:
    """Return the inputs by which a party may use some content, the best first.

    Its own titles come before its grants, and among either the claim that has precedence before
    the others. If it has neither, the first claim is all there is; nothing if nobody claims it.

    Args:
        ledger: the ledger; its index is up to date.
        root: the content, 32 bytes.
        party_id: the party.
        now_s: Unix seconds at which its grants are to be usable.
    """
    from provenance.index import claims
    from provenance.index.database import reading

    with reading(ledger.engine) as connection:
        first = claims.first_claim(connection, root)
        held = claims.held(connection, root, party_id)
        granted = claims.granted(connection, root, party_id, now_s)
    own = [Input(VersionRef(*claim), None) for claim in held]
    lent = [Input(VersionRef(of, version), grant_id) for of, version, grant_id in granted]
    if first is None:
        return []
    foremost = VersionRef(*first)
    for ways in (own, lent):
        ways.sort(key=lambda used: used.source != foremost)
    return own + lent or [Input(foremost, None)]


def header_of(ledger: Ledger, manifest_hash: bytes) -> Header | None:
    """Return the header of a manifest; None if it is not at hand, or cannot be read."""
    try:
        return _described(ledger, manifest_hash)[0]
    except (NotFoundError, StorageError, InvalidManifest):
        return None


def _survey(ledger: Ledger, block: BlockRef) -> _Survey:
    """Return what the manifests of the newest versions say of themselves."""
    from provenance.index import versions
    from provenance.index.database import reading

    with reading(ledger.engine) as connection:
        hashes = versions.manifest_hashes(connection, limit=MAX_VERSIONS + 1, as_of=block.number)
    found = _Survey(beyond=len(hashes) > MAX_VERSIONS)
    headers: dict[Header, None] = {}
    for digest in hashes[:MAX_VERSIONS]:
        try:
            header, count = _described(ledger, digest)
        except (NotFoundError, StorageError, InvalidManifest):
            found.unknown += 1
            continue
        if header.private:
            found.hidden[header.ignore, count] += 1
        else:
            headers[header] = None
    found.headers = list(headers)[:MAX_HEADERS]
    found.beyond = found.beyond or len(headers) > MAX_HEADERS
    return found


def _described(ledger: Ledger, manifest_hash: bytes) -> tuple[Header, int]:
    """Return the header of a manifest, and its number of files if it is private.

    The document is not compared with its hash: it only says which roots to ask the contract for.
    """
    with ledger.documents.open(manifest_hash) as stream:
        line = stream.readline(MAX_LINE_BYTES + 1)
        length = stream.seek(0, 2)
    return parse_header(line.removesuffix(b"\n")), (length - len(line)) // _LEAF_BYTES


def _candidates(whole: Manifest, headers: Iterable[Header]) -> Iterator[Manifest]:
    """Yield the manifests of the same files under other headers, as far as they can be made."""
    for header in headers:
        if set(header.algorithms) <= set(whole.header.algorithms):
            try:
                yield manifests.under(whole, header)
            except EmptyDataset:
                continue  # patterns that leave nothing: no version can be of these files


def _doubts(whole: Manifest, survey: _Survey) -> Iterator[str]:
    """Yield why a version may have this content though none of the roots is known."""
    untried = sum(not _settles(whole, header) for header in survey.headers)
    if untried:
        yield f"{untried} sets of digest algorithms and ignore patterns could not be tried"
    counts = {ignore: _count(whole, ignore) for ignore, _ in survey.hidden}
    hidden = sum(
        number
        for (ignore, count), number in survey.hidden.items()
        if counts[ignore] in (None, count)
    )
    if hidden:
        yield f"{hidden} private versions of as many files can be compared only with their secret"
    if survey.unknown:
        yield f"the manifests of {survey.unknown} versions are not at hand"
    if survey.beyond:
        yield f"only the newest {MAX_VERSIONS} versions and {MAX_HEADERS} headers were looked at"


def _settles(whole: Manifest, header: Header) -> bool:
    """Tell whether the files under a header are known from a manifest, and so their root."""
    known = set(header.algorithms) <= set(whole.header.algorithms)
    return known and _in_hand(whole, header.ignore)


def _in_hand(whole: Manifest, ignore: tuple[str, ...]) -> bool:
    """Tell whether a manifest has every file that patterns leave."""
    return whole.header.ignore in ((), ignore) or next(whole.entries()).path == SINGLE_FILE


def _count(whole: Manifest, ignore: tuple[str, ...]) -> int | None:
    """Return how many files patterns leave of those in hand; None if not all are in hand."""
    if not _in_hand(whole, ignore):
        return None
    left_out = leaver_out(ignore)
    return sum(not left_out(entry.path) for entry in whole.entries())
