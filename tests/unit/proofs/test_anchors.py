import datetime
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
from opentimestamps.core.op import OpAppend, OpSHA1, OpSHA256
from opentimestamps.core.serialize import BytesSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

from provenance.errors import InvalidProof, VerificationError
from provenance.proofs.anchors import Stamp, check_anchor, stamped_text, with_anchors
from provenance.proofs.bundle import Anchor, parse
from provenance.proofs.bundle_verification import verify_bundle

VECTOR = Path(__file__).resolve().parents[2] / "vectors" / "bundle" / "good_file.json"
TIME = 1_700_000_000

CONFIG = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@pytest.fixture
def bundle():
    return parse(json.loads(VECTOR.read_text())["bundle"].encode())


def certificate(name, issuer=None, *, stamping=False):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = issuer or (subject, key)
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=not stamping, path_length=None), critical=True)
    )
    if stamping:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256()), key, subject


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A time stamping authority of our own: its root, and a way to have bytes stamped."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on the path, which plays the time stamping authority")
    folder = tmp_path_factory.mktemp("tsa")
    root, root_key, root_name = certificate("Root")
    tsa, tsa_key, _ = certificate("Stamps", (root_name, root_key), stamping=True)
    pem = serialization.Encoding.PEM
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "tsa.pem").write_bytes(tsa.public_bytes(pem))
    (folder / "tsa.key").write_bytes(
        tsa_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "serial").write_text("01")
    (folder / "config").write_text(CONFIG.format(folder=folder))

    def stamp(data):
        (folder / "data").write_bytes(data)
        words = (
            "ts -query -data data -sha256 -cert -out query",
            ("ts -reply -config config -queryfile query -out reply"),
        )
        for line in words:
            done = subprocess.run(
                ["openssl", *line.split()], cwd=folder, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
        return Anchor("rfc3161", (folder / "reply").read_bytes())

    return root, stamp


def test_an_authority_stamps_the_checkpoint(bundle, authority):
    root, stamp = authority
    before = int(datetime.datetime.now(datetime.UTC).timestamp())
    anchor = stamp(stamped_text(bundle))
    found = check_anchor(bundle, anchor, authorities=[root])
    assert before - 2 <= found.timestamp <= before + 60
    assert found.by == "CN=Root"
    other, _, _ = certificate("Other")
    assert check_anchor(bundle, anchor, authorities=[other, root]) == found
    for wrong in ([], [other]):
        with pytest.raises(VerificationError):
            check_anchor(bundle, anchor, authorities=wrong)


def test_a_stamp_over_something_else_is_refused(bundle, authority):
    root, stamp = authority
    with pytest.raises(VerificationError):
        check_anchor(bundle, stamp(b"something else"), authorities=[root])
    for wrong in (b"", b"no reply", b"\x30\x00"):
        with pytest.raises(InvalidProof):
            check_anchor(bundle, Anchor("rfc3161", wrong), authorities=[root])


def detached(bundle, *attestations, op=OpSHA256, digest=None):
    """Return an OpenTimestamps proof, and the digest that its attestations are over."""
    digest = digest or hashlib.new(op.HASHLIB_NAME, stamped_text(bundle)).digest()
    stamp = Timestamp(digest)
    below = stamp.ops.add(OpAppend(b"nonce")).ops.add(OpSHA256())
    for attestation in attestations:
        below.attestations.add(attestation)
    context = BytesSerializationContext()
    DetachedTimestampFile(op(), stamp).serialize(context)
    return Anchor("opentimestamps", context.getbytes()), below.msg


def header(merkle_root):
    return bytes(36) + merkle_root + TIME.to_bytes(4, "little") + bytes(8)


def test_a_bitcoin_block_holds_the_stamp(bundle):
    anchor, root = detached(bundle, BitcoinBlockHeaderAttestation(500_000))
    found = check_anchor(bundle, anchor, bitcoin_headers={500_000: header(root)})
    assert found == Stamp("opentimestamps", TIME, "Bitcoin block 500000")
    for wrong in (header(bytes(32)), header(root)[:-1]):
        with pytest.raises(VerificationError):
            check_anchor(bundle, anchor, bitcoin_headers={500_000: wrong})
    unknown = check_anchor(bundle, anchor)
    assert unknown.timestamp is None
    assert "header was not given" in unknown.by


def test_a_promise_is_no_stamp_yet(bundle):
    anchor, _ = detached(bundle, PendingAttestation("https://calendar.example"))
    found = check_anchor(bundle, anchor)
    assert found == Stamp("opentimestamps", None, "promised by https://calendar.example")


def test_a_proof_over_something_else_is_refused(bundle):
    pending = PendingAttestation("https://calendar.example")
    other, _ = detached(bundle, pending, digest=bytes(32))
    with pytest.raises(VerificationError):
        check_anchor(bundle, other)
    weak, _ = detached(bundle, pending, op=OpSHA1)
    with pytest.raises(InvalidProof, match="SHA-256"):
        check_anchor(bundle, weak)
    for wrong in (b"", b"no proof", other.proof[:-3]):
        with pytest.raises(InvalidProof):
            check_anchor(bundle, Anchor("opentimestamps", wrong))


def test_without_its_reader_an_anchor_is_not_checked(bundle, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    with pytest.raises(InvalidProof, match="extra"):
        check_anchor(bundle, Anchor("rfc3161", b""))


def test_an_anchor_needs_a_checkpoint(bundle):
    import dataclasses

    bare = dataclasses.replace(bundle, checkpoints=())
    with pytest.raises(InvalidProof):
        check_anchor(bare, Anchor("rfc3161", b""))


def test_a_verdict_says_what_the_stamps_show(bundle, authority):
    root, stamp = authority
    anchor, merkle_root = detached(bundle, BitcoinBlockHeaderAttestation(5))
    stamped = bundle.with_anchor(stamp(stamped_text(bundle))).with_anchor(anchor)
    verdict = verify_bundle(stamped)
    assert {"rfc3161", "opentimestamps"} <= {check.name for check in verdict.not_checked}
    plain = with_anchors(verdict, stamped)
    assert not plain.failed
    assert {"rfc3161", "opentimestamps"} <= {check.name for check in plain.not_checked}
    headers = {5: header(merkle_root)}
    found = with_anchors(verdict, stamped, authorities=[root], bitcoin_headers=headers)
    said = {check.name: check.detail for check in found.passed}
    assert said["opentimestamps"] == (
        "the checkpoint existed at 2023-11-14T22:13:20+00:00: Bitcoin block 5"
    )
    assert "CN=Root" in said["rfc3161"]
    other, _, _ = certificate("Other")
    refused = with_anchors(verdict, stamped, authorities=[other])
    assert [check.name for check in refused.failed] == ["rfc3161"]
    assert refused.status == "failed"
