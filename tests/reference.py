"""The formats a second time: slow, literal, straight from ``docs/formats.md``.

Shares no code with the package, so that a mistake in one is not a mistake in both. Must never be
made faster.
"""

import hashlib
import struct


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# RFC 9162 section 2.1.1: MTH({}) = HASH(), MTH({d}) = HASH(0x00 || d),
# MTH(D_n) = HASH(0x01 || MTH(D[0:k]) || MTH(D[k:n])), k the largest power of two below n


def split_point(count):
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def tree_hash(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return sha256(b"\x00", leaves[0])
    k = split_point(len(leaves))
    return sha256(b"\x01", tree_hash(leaves[:k]), tree_hash(leaves[k:]))


# RFC 9162 section 2.1.3.1: PATH(0, {d}) = {}, PATH(m, D_n) = PATH(m, D[0:k]) : MTH(D[k:n]) or
# PATH(m - k, D[k:n]) : MTH(D[0:k])


def audit_path(index, leaves):
    if len(leaves) == 1:
        return []
    k = split_point(len(leaves))
    if index < k:
        return [*audit_path(index, leaves[:k]), tree_hash(leaves[k:])]
    return [*audit_path(index - k, leaves[k:]), tree_hash(leaves[:k])]


def root_from_path(leaf_hash, index, count, path):
    """Follow a path from the top down; None if it has the wrong length."""
    if count == 1:
        return leaf_hash if not path else None
    if not path:
        return None
    k = split_point(count)
    *below, top = path
    if index < k:
        inner = root_from_path(leaf_hash, index, k, below)
        return inner and sha256(b"\x01", inner, top)
    inner = root_from_path(leaf_hash, index - k, count - k, below)
    return inner and sha256(b"\x01", top, inner)


def quote(text):
    """A JSON string as RFC 8785 section 3.2.2.2 writes it."""
    short = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    out = '"'
    for character in text:
        code = ord(character)
        out += short.get(code) or (f"\\u{code:04x}" if code < 32 else character)
    return out + '"'


def header_line(algorithms, ignore, private):
    names = ",".join(quote(name) for name in sorted(algorithms))
    patterns = ",".join(quote(p) for p in sorted(ignore, key=lambda p: p.encode()))
    return (
        f'{{"algorithms":[{names}],"format":"provenance-manifest/1","ignore":[{patterns}],'
        f'"private":{"true" if private else "false"},"unicode":"14.0.0"}}'
    ).encode()


def entry_line(path, size, digests, salt=None):
    pairs = ",".join(f'"{name}":"{digests[name].hex()}"' for name in sorted(digests))
    salted = f'"salt":"{salt.hex()}",' if salt is not None else ""
    return f'{{"digests":{{{pairs}}},"path":{quote(path)},{salted}"size":{size}}}'.encode()


def version_root(header, lines):
    return sha256(b"\x02", struct.pack(">Q", len(lines)), sha256(header), tree_hash(lines))


def open_document(header, lines, private):
    if private:
        lines = [b'{"leaf":"' + sha256(b"\x00", x).hex().encode() + b'"}' for x in lines]
    return b"".join(line + b"\n" for line in [header, *lines])


def event_hash(block_number, address, topics, data):
    count = bytes([len(topics)])
    return sha256(b"\x10", struct.pack(">Q", block_number), address, count, *topics, data)


def initial_head(chain_id, history, subject):
    return sha256(b"\x11", chain_id.to_bytes(32, "big"), history, subject)


def fold(chain_id, history, subject, logs):
    """``logs`` are (block number, address, topics, data)."""
    head = initial_head(chain_id, history, subject)
    for log in logs:
        if subject == bytes(32) or subject in log[2][1:]:
            head = sha256(b"\x12", head, event_hash(*log))
    return head


def commitment(document, salt):
    assert len(salt) == 16
    return sha256(b"\x03", salt, document)


def checkpoint_text(chain_id, history, block_number, block_hash, ledger_head):
    import base64

    return (
        f"provenance-ledger/{chain_id}/0x{history.hex()}\n{block_number}\n"
        f"{base64.b64encode(ledger_head).decode()}\nchain {chain_id}\nhistory 0x{history.hex()}\n"
        f"block-hash 0x{block_hash.hex()}\n"
    )


def record_leaf(nonce, kind, document):
    """Return the leaf text of a record of a batch: what follows 0x00 in its leaf hash."""
    assert len(nonce) == 16
    return nonce + bytes([kind]) + hashlib.sha256(document).digest()
