"""Test vectors of entry lines: what every reader of a proof takes, and what none does.

A root takes any line, so whoever registers chooses what stands under it. ``generate_vectors``
writes the lines, ``generate_bundles`` puts some of them into bundles.

Promises: the package takes no part in it: what it must refuse does not come from it.
"""

import hashlib
from typing import Any

import reference  # type: ignore[import-not-found] # found through the path of the generators

Fields = dict[str, Any]
CONTENT = b"1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PLAIN: str = reference.entry_line(
    "a.csv", len(CONTENT), {"sha256": hashlib.sha256(CONTENT).digest()}, None
).decode()
SALTED = PLAIN.replace(',"size"', ',"salt":"' + "07" * 16 + '","size"')
IN_BUNDLES = (
    *("md5", "md5_beside", "repeated_digests", "repeated_path", "unknown_key", "dot_dot"),
    *("size_null", "salt_null", "space", "not_nfc"),
)


def named(path: str) -> str:
    """Return the plain line with another path."""
    return PLAIN.replace('"a.csv"', reference.quote(path))


def sized(size: str) -> str:
    """Return the plain line with another size."""
    return PLAIN.replace('"size":4', f'"size":{size}')


def hashed(digests: str) -> str:
    """Return the plain line with another object of digests."""
    return PLAIN.replace(f'{{"sha256":"{SHA256}"}}', digests)


def good() -> dict[str, str]:
    """Return lines that are entries."""
    others = f'"blake3":"{"0a" * 32}","sha256":"{SHA256}","sm3":"{"0b" * 32}"'
    return {
        "plain": PLAIN,
        "salted": SALTED,
        "three_digests": hashed(f"{{{others}}}"),
        "single_file": named("."),
        "hidden": named("a/.b/...c/..d"),
        "odd_name": named('\x01\n"\\\x7f\u2028<\u00e9\U0001f4be'),
        "longest_path": named("x" * 4096),
        # by Unicode 15 the last mark would stand before the one before it; 14 does not know it
        "young_character": named("x\u0301\U00010efd"),
        "empty": sized("0"),
        "largest": sized(str(2**53 - 1)),
    }


def hostile_forms() -> dict[str, str]:
    """Return lines that are none by their form, their keys, their size or their salt."""
    return {
        "not_json": PLAIN[:-1],
        "nothing": "",
        "no_object": f"[{PLAIN}]",
        "null": "null",
        "text": '"digests path size"',
        "nested": "[" * 5000 + "]" * 5000,
        "space": PLAIN.replace(",", ", "),
        "line_feed": PLAIN + "\n",
        "byte_order_mark": "\ufeff" + PLAIN,
        "escape": PLAIN.replace("a.csv", "\\u0061.csv"),
        "key_order": '{"size":4,' + PLAIN[1:].replace(',"size":4', ""),
        "repeated_path": '{"path":"shown.txt",' + PLAIN[1:],
        "repeated_size": sized('5,"size":4'),
        "unknown_key": PLAIN[:-1] + ',"z":1}',
        "missing_path": PLAIN.replace('"path":"a.csv",', ""),
        "missing_size": PLAIN.replace(',"size":4', ""),
        "missing_digests": PLAIN.replace(f'"digests":{{"sha256":"{SHA256}"}},', ""),
        "leaf": '{"leaf":"' + "00" * 32 + '"}',
        "size_null": sized("null"),
        "size_true": sized("true"),
        "size_text": sized('"4"'),
        "size_fraction": sized("4.5"),
        "size_float": sized("4.0"),
        "size_exponent": sized("4e0"),
        "size_negative": sized("-4"),
        "size_minus_zero": sized("-0"),
        "size_too_large": sized(str(2**53)),
        "size_inexact": sized(str(2**53 + 1)),
        "size_endless": sized("9" * 5000),
        "size_nan": sized("NaN"),
        "salt_null": SALTED.replace('"' + "07" * 16 + '"', "null"),
        "salt_short": SALTED.replace("07" * 16, "07" * 15),
        "salt_upper": SALTED.replace("07" * 16, "0A" * 16),
        "salt_list": SALTED.replace('"' + "07" * 16 + '"', '["' + "07" * 16 + '"]'),
    }


def hostile_digests() -> dict[str, str]:
    """Return lines that are none by their digests."""
    md5 = f'"md5":"{hashlib.md5(CONTENT).hexdigest()}"'
    sha512 = f'"sha512":"{hashlib.sha512(CONTENT).hexdigest()}"'
    return {
        "md5": hashed(f"{{{md5}}}"),
        "md5_beside": hashed(f'{{{md5},"sha256":"{SHA256}"}}'),
        "sha512_beside": hashed(f'{{"sha256":"{SHA256}",{sha512}}}'),
        "made_up": hashed(f'{{"__proto__":"{SHA256}"}}'),
        "no_digest": hashed("{}"),
        "digests_list": hashed(f'["sha256","{SHA256}"]'),
        "digests_null": hashed("null"),
        "repeated_digest": hashed(f'{{"sha256":"{"00" * 32}","sha256":"{SHA256}"}}'),
        "repeated_digests": '{"digests":{"sha256":"' + "00" * 32 + '"},' + PLAIN[1:],
        "digest_order": hashed(f'{{"sm3":"{"0b" * 32}","sha256":"{SHA256}"}}'),
        "digest_short": hashed(f'{{"sha256":"{SHA256[:-2]}"}}'),
        "digest_long": hashed(f'{{"sha256":"{SHA256}00"}}'),
        "digest_prefix": hashed(f'{{"sha256":"0x{SHA256}"}}'),
        "digest_upper": hashed(f'{{"sha256":"{SHA256.upper()}"}}'),
        "digest_null": hashed('{"sha256":null}'),
        "digest_list": hashed(f'{{"sha256":["{SHA256}"]}}'),
    }


def hostile_paths() -> dict[str, str]:
    """Return lines that are none by their path."""
    return {
        "dot_dot": named("../../etc/passwd"),
        "dot_dot_inside": named("a/../b"),
        "dot_dot_alone": named(".."),
        "dot_inside": named("a/./b"),
        "dot_first": named("./a"),
        "absolute": named("/etc/passwd"),
        "empty_segment": named("a//b"),
        "last_slash": named("a/"),
        "empty_path": named(""),
        "nul": named("a\0b"),
        "after_line_feed": named("a\n/../b"),
        "not_nfc": named("e\u0301"),
        "not_nfc_below": named("\u00e9/\u212b.csv"),
        "too_long": named("x" * 4097),
        "too_long_in_bytes": named("\u00e9" * 2049),
        "surrogate": PLAIN.replace("a.csv", "\\ud800"),
        "path_number": PLAIN.replace('"a.csv"', "1"),
        "path_null": PLAIN.replace('"a.csv"', "null"),
        "path_list": PLAIN.replace('"a.csv"', '["a.csv"]'),
    }


def hostile() -> dict[str, str]:
    """Return lines that are no entries."""
    return hostile_forms() | hostile_digests() | hostile_paths()


def entries() -> Fields:
    """Return all lines, and whether each is an entry."""
    kinds = ((good(), True), (hostile(), False))
    return {
        "cases": [
            {"title": title, "line": line, "is_entry": is_entry}
            for lines, is_entry in kinds
            for title, line in lines.items()
        ]
    }


def inclusion(lines: list[str], index: int) -> Fields:
    """Return the proof of one of the lines under a header of SHA-256 alone."""
    header, encoded = (
        reference.header_line(["sha256"], [], False),
        [line.encode() for line in lines],
    )
    return {
        "count": len(lines),
        "entry": lines[index],
        "format": "provenance-inclusion/1",
        "header_hash": hashlib.sha256(header).hexdigest(),
        "index": index,
        "path": [node.hex() for node in reference.audit_path(index, encoded)],
        "root": reference.version_root(header, encoded).hex(),
    }
