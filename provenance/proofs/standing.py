"""Standing: what the complete history of a dataset says about it, event by event.

Holders are not stored in a bundle for their own sake: they are a fold of the history, which is
proven complete. Events that are not about titles, versions or holds change nothing here.

Promises: no units appear or vanish; what a log says counts only in the exact form of its event.
Must never do I/O.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from provenance.errors import HistoryMismatch
from provenance.identifiers import parse_subject
from provenance.proofs.history import RawLog
from provenance.proofs.trie import keccak

WHOLE_UNITS = 10_000
RIGHTS = ("hold", "use", "operate")
_LANE_BITS = 16
_CONTENT = b"(bytes32,bytes32,bytes32,uint64,bytes32)"  # types/Dataset.sol, struct Content


def _topic(signature: bytes, words: int) -> tuple[bytes, int]:
    """Return the first topic of an event, and the number of 32-byte words in its data."""
    return keccak(signature), words


REGISTERED = _topic(
    b"DatasetRegistered(bytes32,bytes32,uint96,bytes32," + _CONTENT + b",uint48)", 8
)
PUBLISHED = _topic(b"VersionPublished(bytes32,bytes32,uint32," + _CONTENT + b",uint48)", 7)
WITHDRAWN = _topic(b"VersionWithdrawn(bytes32,bytes32,uint32,bytes32)", 2)
DEREGISTERED = _topic(b"DatasetDeregistered(bytes32,bytes32,bytes32)", 1)
ACCEPTED = _topic(b"TransferAccepted(bytes32,bytes32,bytes32,uint64,uint48)", 2)
PLACED = _topic(b"HoldPlaced(bytes32,bytes32,uint64,uint8,uint16,uint48,bytes32)", 5)
ERASED = _topic(b"EntryErased(bytes32,bytes32,uint32,uint64,bytes32)", 3)
LIFTED = _topic(b"HoldLifted(bytes32,bytes32,uint64,bytes32)", 2)


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version as its log states it.

    Attributes:
        root: root of its manifest, 32 bytes.
        manifest_hash: SHA-256 of the manifest document, 32 bytes.
        event: position of the log in the history.
    """

    root: bytes
    manifest_hash: bytes
    event: int


@dataclass(slots=True)
class Standing:
    """A dataset after a block.

    Attributes:
        holders: units of the three rights by party, in the order of ``RIGHTS``.
        versions: what was registered and published, by number.
        withdrawn: numbers of the versions that were withdrawn.
        deregistered: whether the dataset was ended.
        holds: ids of the holds that were placed and not lifted, with the Unix second in which each
            lapses, 0 for never.
        erased: entries that their holder has erased: version, index in the manifest, and the
            SHA-256 of the tombstone, in the order of the history.
    """

    holders: dict[int, tuple[int, ...]] = field(default_factory=dict)
    versions: dict[int, VersionRecord] = field(default_factory=dict)
    withdrawn: set[int] = field(default_factory=set)
    deregistered: bool = False
    holds: dict[int, int] = field(default_factory=dict)
    erased: list[tuple[int, int, bytes]] = field(default_factory=list)

    def standing_holds(self, timestamp: int) -> list[int]:
        """Return the ids of the holds that have not lapsed at a time in Unix seconds."""
        return sorted(hold for hold, until in self.holds.items() if not 0 < until < timestamp)

    def holders_json(self) -> list[dict[str, object]]:
        """Return who holds units, by party, as JSON values."""
        return [
            {"party_id": party, "units": dict(zip(RIGHTS, units, strict=True))}
            for party, units in sorted(self.holders.items())
            if any(units)
        ]

    def status_json(self, version: int, timestamp: int) -> dict[str, object]:
        """Return how a version stands at a time in Unix seconds, as JSON values."""
        return {
            "deregistered": self.deregistered,
            "holds": self.standing_holds(timestamp),
            "withdrawn": version in self.withdrawn,
        }


def fold_standing(logs: Sequence[RawLog], subject: bytes) -> Standing:
    """Return how a dataset stands after its history.

    Args:
        logs: the complete history of the dataset, in order.
        subject: subject of the dataset, 32 bytes.

    Raises:
        HistoryMismatch: an event of ours has another form, or takes units that are not there.
    """
    standing = Standing()
    for position, log in enumerate(logs):
        about_it = len(log.topics) > 1 and log.topics[1] == subject
        change = _CHANGES.get(log.topics[0]) if about_it else None
        if change is not None:
            words, apply = change
            if len(log.data) != 32 * words:
                raise HistoryMismatch(
                    f"expected an event of {words} words at {position}, found {len(log.data)} bytes"
                )
            apply(standing, log, position)
    return standing


def _register(standing: Standing, log: RawLog, position: int) -> None:
    if standing.versions:
        raise HistoryMismatch(f"expected one registration, found a second one at {position}")
    standing.holders[_party(log, 2)] = (WHOLE_UNITS,) * len(RIGHTS)
    standing.versions[1] = VersionRecord(_word(log, 2), _word(log, 3), position)


def _publish(standing: Standing, log: RawLog, position: int) -> None:
    number = _integer(log, 0)
    if number != len(standing.versions) + 1:
        raise HistoryMismatch(f"expected version {len(standing.versions) + 1}, found {number}")
    standing.versions[number] = VersionRecord(_word(log, 1), _word(log, 2), position)


def _withdraw(standing: Standing, log: RawLog, position: int) -> None:
    standing.withdrawn.add(_integer(log, 0))


def _deregister(standing: Standing, log: RawLog, position: int) -> None:
    standing.deregistered = True


def _accept(standing: Standing, log: RawLog, position: int) -> None:
    giver, taker, packed = _party(log, 2), _party(log, 3), _integer(log, 1)
    moved = [packed >> _LANE_BITS * lane & 0xFFFF for lane in range(len(RIGHTS))]
    nothing = (0,) * len(RIGHTS)
    left = [a - b for a, b in zip(standing.holders.get(giver, nothing), moved, strict=True)]
    if min(left) < 0:
        raise HistoryMismatch(f"party {giver} gives units that it does not hold, at {position}")
    standing.holders[giver] = tuple(left)
    had = standing.holders.get(taker, nothing)
    standing.holders[taker] = tuple(a + b for a, b in zip(had, moved, strict=True))


def _place(standing: Standing, log: RawLog, position: int) -> None:
    standing.holds[_integer(log, 0)] = _integer(log, 3)


def _lift(standing: Standing, log: RawLog, position: int) -> None:
    standing.holds.pop(_integer(log, 0), None)


def _erase(standing: Standing, log: RawLog, position: int) -> None:
    standing.erased.append((_integer(log, 0), _integer(log, 1), _word(log, 2)))


_CHANGES = {
    topic: (words, apply)
    for (topic, words), apply in (
        (REGISTERED, _register),
        (PUBLISHED, _publish),
        (WITHDRAWN, _withdraw),
        (DEREGISTERED, _deregister),
        (ACCEPTED, _accept),
        (PLACED, _place),
        (LIFTED, _lift),
        (ERASED, _erase),
    )
}


def _word(log: RawLog, index: int) -> bytes:
    return log.data[32 * index : 32 * index + 32]


def _integer(log: RawLog, index: int) -> int:
    return int.from_bytes(_word(log, index), "big")


def _party(log: RawLog, topic: int) -> int:
    if len(log.topics) <= topic:
        raise HistoryMismatch(f"expected {topic + 1} topics, found {len(log.topics)}")
    return parse_subject(log.topics[topic])[1]
