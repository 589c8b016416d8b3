"""Anchors: time stamps by others over the first checkpoint of a bundle (``docs/formats.md``).

They show that the operator's statement existed at a time that the operator cannot choose: an
RFC 3161 reply of a time stamping authority, or an OpenTimestamps proof that ends in a Bitcoin
block. Who checks brings the certificate, or the block header, that it trusts.

Needs the extra ``timestamps``; the lone verifier lists anchors as not checked.

Promises: a time is returned only if the stamp is over this bundle's checkpoint. Must never do I/O.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provenance.errors import InvalidProof, VerificationError
from provenance.proofs.bundle import ANCHOR_KINDS, Anchor, Bundle
from provenance.proofs.bundle_verification import BundleVerdict
from provenance.proofs.verification import Check

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

BITCOIN_HEADER_BYTES = 80
_MERKLE_ROOT = slice(36, 68)
_TIME = slice(68, 72)


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time stamp that was checked.

    Attributes:
        kind: kind of the anchor.
        timestamp: Unix seconds by which the checkpoint existed; None if the stamp is not finished.
        by: who says so: the subject of a certificate, a Bitcoin block, a calendar that promised.
    """

    kind: str
    timestamp: int | None
    by: str


def stamped_text(bundle: Bundle) -> bytes:
    """Return what anchors are over: the text of the first checkpoint, without its signatures.

    Raises:
        InvalidProof: the bundle has no checkpoint.
    """
    if not bundle.checkpoints:
        raise InvalidProof("expected a bundle with a checkpoint, found none")
    return (bundle.checkpoints[0].note.rpartition("\n\n")[0] + "\n").encode()


def check_anchor(
    bundle: Bundle,
    anchor: Anchor,
    *,
    authorities: Sequence["Certificate"] = (),
    bitcoin_headers: Mapping[int, bytes] | None = None,
) -> Stamp:
    """Return what an anchor of a bundle shows.

    Args:
        bundle: the bundle, checked before.
        anchor: one of its anchors.
        authorities: root certificates of time stamping authorities that are trusted.
        bitcoin_headers: headers of Bitcoin blocks, 80 bytes, by height, from a trusted source.

    Raises:
        InvalidProof: the anchor is malformed, or its reader is not installed.
        VerificationError: it is over something else, or by nobody who is trusted.
    """
    text = stamped_text(bundle)
    try:
        if anchor.kind == "rfc3161":
            return _authority_stamp(anchor.proof, text, authorities)
        return _bitcoin_stamp(anchor.proof, text, bitcoin_headers or {})
    except ImportError as error:
        raise InvalidProof(f"expected the extra 'timestamps' to be installed: {error}") from error


def with_anchors(
    verdict: BundleVerdict,
    bundle: Bundle,
    *,
    authorities: Sequence["Certificate"] = (),
    bitcoin_headers: Mapping[int, bytes] | None = None,
) -> BundleVerdict:
    """Return the verdict on a bundle with those on its anchors; for the arguments see above."""
    passed, failed = list(verdict.passed), list(verdict.failed)
    skipped = [check for check in verdict.not_checked if check.name not in ANCHOR_KINDS]
    for anchor in bundle.anchors:
        try:
            stamp = check_anchor(
                bundle, anchor, authorities=authorities, bitcoin_headers=bitcoin_headers
            )
        except (InvalidProof, VerificationError) as error:
            # nobody asked about this kind of stamp, so nobody was lied to either
            asked = bitcoin_headers if anchor.kind == "opentimestamps" else authorities
            (failed if asked else skipped).append(Check(anchor.kind, str(error)))
            continue
        if stamp.timestamp is None:
            skipped.append(Check(anchor.kind, f"not finished: {stamp.by}"))
        else:
            at = datetime.fromtimestamp(stamp.timestamp, UTC).isoformat()
            passed.append(Check(anchor.kind, f"the checkpoint existed at {at}: {stamp.by}"))
    return replace(verdict, passed=tuple(passed), failed=tuple(failed), not_checked=tuple(skipped))


def _authority_stamp(proof: bytes, text: bytes, authorities: Sequence["Certificate"]) -> Stamp:
    import rfc3161_client

    try:
        response = rfc3161_client.decode_timestamp_response(proof)
        token_info = response.tst_info
    except ValueError as error:
        raise InvalidProof(f"expected an RFC 3161 reply: {error}") from error
    reasons = []
    for authority in authorities:
        builder = rfc3161_client.VerifierBuilder().add_root_certificate(authority)
        try:
            builder.build().verify_message(response, text)
        except (rfc3161_client.VerificationError, ValueError) as error:
            reasons.append(str(error))
            continue
        at = token_info.gen_time.replace(tzinfo=UTC)
        return Stamp("rfc3161", int(at.timestamp()), authority.subject.rfc4514_string())
    raise VerificationError(
        f"expected a time stamp by one of {len(authorities)} trusted authorities: "
        f"{'; '.join(reasons) or 'none was given'}"
    )


def _bitcoin_stamp(proof: bytes, text: bytes, headers: Mapping[int, bytes]) -> Stamp:
    from opentimestamps.core.notary import BitcoinBlockHeaderAttestation
    from opentimestamps.core.op import OpSHA256

    file = _detached_file(proof)
    if not isinstance(file.file_hash_op, OpSHA256):
        raise InvalidProof("expected an OpenTimestamps proof over a SHA-256")
    if file.file_digest != hashlib.sha256(text).digest():
        raise VerificationError("the OpenTimestamps proof is over something else")
    found = list(file.timestamp.all_attestations())
    for message, attestation in found:
        if isinstance(attestation, BitcoinBlockHeaderAttestation):
            header = headers.get(attestation.height)
            if header is None:
                continue
            if len(header) != BITCOIN_HEADER_BYTES or header[_MERKLE_ROOT] != message:
                raise VerificationError(
                    f"Bitcoin block {attestation.height} does not hold the OpenTimestamps proof"
                )
            at = int.from_bytes(header[_TIME], "little")
            return Stamp("opentimestamps", at, f"Bitcoin block {attestation.height}")
    names = ", ".join(sorted({_name_of(attestation) for _, attestation in found}))
    return Stamp("opentimestamps", None, names or "nobody")


def _detached_file(proof: bytes) -> Any:
    from opentimestamps.core.serialize import BytesDeserializationContext, DeserializationError
    from opentimestamps.core.timestamp import DetachedTimestampFile

    try:
        return DetachedTimestampFile.deserialize(BytesDeserializationContext(proof))
    except (DeserializationError, ValueError, RecursionError) as error:
        raise InvalidProof(f"expected an OpenTimestamps proof: {error}") from error


def _name_of(attestation: Any) -> str:
    height = getattr(attestation, "height", None)
    if height is not None:
        return f"Bitcoin block {height}, whose header was not given"
    return f"promised by {getattr(attestation, 'uri', 'someone unknown')}"
