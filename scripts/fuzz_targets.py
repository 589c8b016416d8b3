"""What fuzzing calls: one function for each parser of what others send, by name in ``TARGETS``.

A target returns, or raises an ``InputError`` or a ``VerificationError``: anything else is a crash.
Where a parser promises that what it reads is written the same way again, its target looks.

Must never import a parser before its target is called: ``scripts.fuzz`` instruments imports.
"""

import json
from collections.abc import Callable, Sequence


def _same(written: object, read: object) -> None:
    if written != read:
        raise AssertionError("what was parsed is written differently")


def _fields(data: bytes) -> object:
    from provenance.errors import InvalidProof

    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidProof(str(error)) from None


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _manifest(data: bytes) -> None:
    from provenance.content import manifest

    parsed = manifest.parse(data)
    if not parsed.header.private:
        _same(parsed.document, data)


def _remaining(data: bytes) -> None:
    from provenance.content.erasure import parse_remaining

    _same(parse_remaining(data).document, data)


def _sums(data: bytes) -> None:
    from provenance.content.declared import parse_sums

    parse_sums(_text(data))


def _croissant(data: bytes) -> None:
    from contextlib import suppress

    from provenance.content.declared import parse_croissant
    from provenance.errors import InputError
    from provenance.interchange.croissant import read

    with suppress(InputError):
        parse_croissant(data)
    read(data)


def _prov(data: bytes) -> None:
    from provenance.interchange import prov

    graph = prov.import_json(data)
    if prov.import_json(prov.export(graph)) != graph:
        raise AssertionError("what was read is written differently")


def _openlineage(data: bytes) -> None:
    from provenance.interchange import openlineage, times

    found = openlineage.parse_event(data)
    _same(times.parse_time(times.format_time(found.time_us)), found.time_us)


def _openlineage_batch(data: bytes) -> None:
    from provenance.interchange import openlineage_batch

    openlineage_batch.split_batch(data)


def _batch_proof(data: bytes) -> None:
    from provenance.proofs import batch_verification, batches

    proof = batches.parse(data)
    if proof.to_bytes() != data:
        raise AssertionError("what was parsed is written differently")
    batch_verification.verify_batch(proof, document_digest=proof.digest)


def _dvc(data: bytes) -> None:
    from provenance.content.declared import parse_dvc_dir

    parse_dvc_dir(data)


def _lfs(data: bytes) -> None:
    from provenance.content.declared import parse_lfs_pointer

    parse_lfs_pointer(data, "file")


def _model_signing(data: bytes) -> None:
    from provenance.content.declared import parse_model_signing

    parse_model_signing(data)


def _rows(data: bytes) -> None:
    from provenance.content.rows import parse_document

    _same(parse_document(data).document, data)


def _row_proof(data: bytes) -> None:
    from provenance.proofs import rows

    fields = _fields(data)
    proof = rows.parse(fields)
    _same(proof.to_json(), fields)
    rows.verify(proof, proof.root)


def _cells(data: bytes) -> None:
    from provenance.content import cells

    name, _, rest = data.partition(b"\n")
    kind = cells.parse_type(_text(name))
    for value in cells.split_cells(rest, 1) if rest[:1] in (b"\0", b"\1") else ():
        if value is not None:
            cells.check_value(kind, value)
            _same(cells.value_of_text(kind, cells.text_of_value(kind, value)), value)
    found = cells.value_of_text(kind, _text(rest))
    if found is not None:
        _same(cells.value_of_text(kind, cells.text_of_value(kind, found)), found)


def _csv(data: bytes) -> None:
    import tempfile
    from pathlib import Path

    from provenance.content.rows import commit
    from provenance.content.tables import open_table

    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(data)
        file.flush()
        commit(open_table(Path(file.name)), bytes(32))


def _parquet(data: bytes) -> None:
    import tempfile
    from pathlib import Path

    from provenance.content.rows import commit
    from provenance.content.tables import open_table

    with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
        file.write(data)
        file.flush()
        commit(open_table(Path(file.name)), bytes(32))


def _inclusion(data: bytes) -> None:
    from provenance.proofs.merkle import InclusionProof, verify_inclusion

    fields = _fields(data)
    proof = InclusionProof.from_json(fields)
    _same(proof.to_json(), fields)
    verify_inclusion(proof, proof.root)


def _absence(data: bytes) -> None:
    from provenance.proofs.absence import AbsenceProof, check_absence

    fields = _fields(data)
    proof = AbsenceProof.from_json(fields)
    _same(proof.to_json(), fields)
    for side in (proof.left, proof.right):
        if side is not None:
            check_absence(proof, side.root)


def _use_receipts(data: bytes) -> None:
    from provenance.proofs import metering

    header, *lines = data.split(b"\n")
    _same(metering.header_line(metering.parse_header(header)), header)
    for line in lines:
        _same(metering.line_of(metering.parse_line(line)), line)


def _receipt_proof(data: bytes) -> None:
    from provenance.proofs import metering

    fields = _fields(data)
    proof = metering.ReceiptProof.from_json(fields)
    _same(proof.to_json(), fields)
    metering.verify(proof, bytes(32))


def _rlp(data: bytes) -> None:
    from provenance.proofs import rlp

    _same(rlp.encode(rlp.decode(data)), data)


def _trie(data: bytes) -> None:
    from provenance.proofs import rlp, trie

    items = rlp.decode_list(data)
    parts = [item for item in items if isinstance(item, bytes)]
    if len(parts) > 1:
        trie.verify(trie.keccak(parts[1]), parts[0], parts[1:])


def _block_header(data: bytes) -> None:
    from provenance.proofs import blocks

    blocks.parse_header(data)


def _receipt(data: bytes) -> None:
    from provenance.proofs import blocks

    blocks.decode_receipt(data)


def _checkpoint(data: bytes) -> None:
    from provenance.proofs import checkpoint

    text = _text(data)
    checkpoint.signers(text)
    body = text.partition("\n\n")[0] + "\n"
    _same(checkpoint.parse_text(body).text(), body)


def _verifier_key(data: bytes) -> None:
    from provenance.proofs import checkpoint

    checkpoint.parse_verifier_key(_text(data))


def _pins(data: bytes) -> None:
    from provenance.proofs.bundle_verification import pins_of

    pins_of([_text(data)])


def _bundle(data: bytes) -> None:
    from provenance.proofs import bundle, bundle_verification

    parsed = bundle.parse(data)
    _same(parsed.to_bytes(), data)
    bundle_verification.verify_bundle(parsed).to_json()


def _lone_verifier(data: bytes) -> None:
    from provenance import verifier

    code, _ = verifier.verify(data, None, [])
    if code == 0:
        raise AssertionError("a bundle passed without a pin")


def _opentimestamps(data: bytes) -> None:
    from provenance.proofs.anchors import _bitcoin_stamp

    _bitcoin_stamp(data, b"stamped", {})


def _odrl(data: bytes) -> None:
    from provenance.policy.odrl.export import export_again
    from provenance.policy.odrl.import_ import import_document

    imported = import_document(data)
    _same(import_document(export_again(imported)).policy, imported.policy)


def _policy(data: bytes) -> None:
    from collections.abc import Mapping

    from provenance.policy import json_form

    fields = _fields(data)
    if isinstance(fields, Mapping):
        policy = json_form.parse(fields)
        _same(json_form.parse(json_form.render(policy)), policy)


def _cursor(data: bytes) -> None:
    from api.parameters import decode_cursor, encode_cursor

    text = _text(data)
    for count in (1, 2):
        found = decode_cursor("items", text, count)
        if found is not None:
            _same(encode_cursor("items", *found), text)


def _identifiers(data: bytes) -> None:
    from provenance import identifiers
    from provenance.errors import InvalidIdentifier

    text = _text(data)
    parsers: Sequence[Callable[[str], object]] = (
        identifiers.parse_hex,
        identifiers.parse_digest32,
        identifiers.parse_address,
        identifiers.parse_id,
    )
    for parse in parsers:
        try:
            parse(text)
        except InvalidIdentifier:
            continue


TARGETS: dict[str, Callable[[bytes], None]] = {
    "manifest": _manifest,
    "remaining": _remaining,
    "sums": _sums,
    "croissant": _croissant,
    "prov": _prov,
    "openlineage": _openlineage,
    "openlineage_batch": _openlineage_batch,
    "batch_proof": _batch_proof,
    "dvc": _dvc,
    "lfs": _lfs,
    "model_signing": _model_signing,
    "rows": _rows,
    "row_proof": _row_proof,
    "cells": _cells,
    "csv": _csv,
    "parquet": _parquet,
    "inclusion": _inclusion,
    "absence": _absence,
    "use_receipts": _use_receipts,
    "receipt_proof": _receipt_proof,
    "rlp": _rlp,
    "trie": _trie,
    "block_header": _block_header,
    "receipt": _receipt,
    "checkpoint": _checkpoint,
    "verifier_key": _verifier_key,
    "pins": _pins,
    "bundle": _bundle,
    "lone_verifier": _lone_verifier,
    "opentimestamps": _opentimestamps,
    "odrl": _odrl,
    "policy": _policy,
    "cursor": _cursor,
    "identifiers": _identifiers,
}
