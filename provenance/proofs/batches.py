"""Batches: one root on the ledger for many records (design 4.3; ``docs/formats.md``, "Batch").

Leaf of a record: ``SHA-256(0x00 ‖ nonce16 ‖ kind1 ‖ SHA-256(document))``.
"""

from enum import IntEnum


class RecordKind(IntEnum):
    """What a record is, as one byte of its leaf says."""

    DOCUMENT = 1
    OPENLINEAGE_EVENT = 2
    USE_RECEIPT = 3
    FILE_SET = 4
