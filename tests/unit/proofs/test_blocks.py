import pytest

from provenance.errors import InvalidProof, VerificationError
from provenance.proofs import blocks, rlp, trie
from provenance.proofs.blocks import HEADER_INTEGERS, HEADER_NAMES, ReceiptLog

SIZES = {"miner": 20, "logsBloom": 256, "nonce": 8, "extraData": 3}
FIELDS = {
    name: 5 if name in HEADER_INTEGERS else bytes(SIZES.get(name, 32)) for name in HEADER_NAMES
}
LOG = ReceiptLog(b"\x01" * 20, (b"\x02" * 32, b"\x03" * 32), b"data")
BLOOM = bytes(256)


def header(**changes):
    fields = [FIELDS[name] for name in HEADER_NAMES]
    items = [rlp.integer(v) if isinstance(v, int) else v for v in fields]
    for name, value in changes.items():
        items[HEADER_NAMES.index(name)] = value
    return rlp.encode(items)


def test_a_header_is_encoded_from_its_fields_and_read_again():
    encoded = blocks.header_from_fields(FIELDS)
    assert encoded == header()
    found = blocks.parse_header(encoded)
    assert (found.number, found.timestamp, found.hash) == (5, 5, trie.keccak(encoded))


def test_older_headers_have_fewer_fields():
    older = {name: FIELDS[name] for name in HEADER_NAMES[:15]}
    assert blocks.parse_header(blocks.header_from_fields(older)).number == 5
    del older["number"]
    with pytest.raises(InvalidProof, match="number"):
        blocks.header_from_fields(older)


@pytest.mark.parametrize(
    "encoded",
    [
        rlp.encode([b""] * 14),
        rlp.encode([b""] * 41),
        rlp.encode([b""] * 15),
        rlp.encode([[]] * 15),
        header(number=b"\x01" * 9),
        header(timestamp=b"\x01" * 9),
        header(number=b"\0"),
        header(stateRoot=bytes(31)),
        header() + b"\0",
    ],
)
def test_no_other_header_is_read(encoded):
    with pytest.raises(InvalidProof):
        blocks.parse_header(encoded)


@pytest.mark.parametrize("kind", [0, 1, 2, 0x7E])
def test_receipts_of_all_types_are_read_again(kind):
    encoded = blocks.encode_receipt(kind, True, 21_000, BLOOM, [LOG, LOG])
    assert encoded[0] == (kind or 0xF9)
    assert blocks.decode_receipt(encoded) == (LOG, LOG)


def test_a_failed_transaction_has_no_logs():
    with pytest.raises(VerificationError):
        blocks.decode_receipt(blocks.encode_receipt(2, False, 21_000, BLOOM, []))


@pytest.mark.parametrize(
    "fields",
    [
        [b"\x01", b"", BLOOM],
        [b"\x01", b"", BLOOM, b""],
        [b"\x01", b"", BLOOM, [b""]],
        [b"\x01", b"", BLOOM, [[b"\x01" * 20, b"", b""]]],
        [b"\x01", b"", BLOOM, [[b"\x01" * 19, [], b""]]],
        [b"\x01", b"", BLOOM, [[b"\x01" * 20, [b"\x02"], b""]]],
        [b"\x01", b"", BLOOM, [[b"\x01" * 20, [[]], b""]]],
        [b"\x01", b"", BLOOM, [[b"\x01" * 20, [], []]]],
    ],
)
def test_no_other_receipt_is_read(fields):
    with pytest.raises(InvalidProof):
        blocks.decode_receipt(rlp.encode(fields))


def test_nothing_is_no_receipt():
    with pytest.raises(InvalidProof):
        blocks.decode_receipt(b"")


def test_a_receipt_is_found_at_its_index():
    receipts = [blocks.encode_receipt(2, True, n, BLOOM, [LOG] * (n % 3)) for n in range(300)]
    for index in (0, 1, 127, 128, 255, 256, 299):
        proof = blocks.prove_receipt(receipts, index)
        found = blocks.verify_receipt(proof.root, index, proof.nodes)
        assert found == (LOG,) * (index % 3)
    absent = blocks.prove_receipt(receipts, 300)
    with pytest.raises(InvalidProof, match="there is none"):
        blocks.verify_receipt(absent.root, 300, absent.nodes)


def _account(*fields):
    address = b"\x07" * 20
    return address, trie.prove({trie.keccak(address): rlp.encode(list(fields))}, bytes(32))


def test_an_account_has_a_storage_root():
    root = b"\x05" * 32
    address, proof = _account(b"", b"", root, bytes(32))
    assert blocks.verify_storage_root(proof.root, address, proof.nodes) == root
    with pytest.raises(InvalidProof, match="proof of none"):
        blocks.verify_storage_root(proof.root, b"\x08" * 20, proof.nodes)
    address, proof = _account(b"", root)
    with pytest.raises(InvalidProof, match="four fields"):
        blocks.verify_storage_root(proof.root, address, proof.nodes)


def test_a_slot_has_a_value_or_zero():
    slot = bytes(32)

    def stored(value):
        return trie.prove({trie.keccak(slot): rlp.encode(value)}, trie.keccak(slot))

    proof = stored(b"\x05")
    assert blocks.verify_slot(proof.root, slot, proof.nodes) == bytes(31) + b"\x05"
    assert blocks.verify_slot(trie.EMPTY_ROOT, slot, ()) == bytes(32)
    for wrong in (b"\x01" * 33, b"\0\x01", [b"\x05"]):
        proof = stored(wrong)
        with pytest.raises(InvalidProof):
            blocks.verify_slot(proof.root, slot, proof.nodes)
