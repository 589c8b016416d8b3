"""What every write returns beside its result: which transaction, in which block, how final.

Promises: a receipt carries a checkpoint signed over the block it names, so that whoever keeps it
can show later that the ledger said so. Must never talk to a chain.
"""

from dataclasses import dataclass

from provenance.chain.client import BlockRef, Finality


@dataclass(frozen=True, slots=True)
class WriteReceipt:
    """Evidence of one write.

    Attributes:
        transaction_hash: 32 bytes.
        block: the block it is in.
        finality: how final that block was when this receipt was made.
        checkpoint: signed note of the ledger head after that block (design 4.5).
    """

    transaction_hash: bytes
    block: BlockRef
    finality: Finality
    checkpoint: str

    def to_json(self) -> dict[str, object]:
        """Return the receipt as JSON values."""
        return {
            "transaction_hash": "0x" + self.transaction_hash.hex(),
            "block": block_json(self.block),
            "finality": self.finality,
            "checkpoint": self.checkpoint,
        }


@dataclass(frozen=True, slots=True)
class AsOf:
    """The block an answer rests on, and how final it was."""

    block_number: int
    block_hash: bytes
    finality: Finality

    def to_json(self) -> dict[str, object]:
        """Return it as JSON values."""
        return {
            "block_number": self.block_number,
            "block_hash": "0x" + self.block_hash.hex(),
            "finality": self.finality,
        }


def block_json(block: BlockRef) -> dict[str, object]:
    """Return a block as JSON values."""
    return {
        "number": block.number,
        "hash": "0x" + block.hash.hex(),
        "timestamp": block.timestamp,
    }
