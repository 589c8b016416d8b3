from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import HistoryMismatch, InvalidProof
from provenance.identifiers import LEDGER_SUBJECT, SubjectKind, subject_of
from provenance.proofs.history import (
    Heads,
    RawLog,
    event_hash,
    fold,
    initial_head,
    next_head,
    require_head,
    subjects_of,
)

CHAIN_ID, HISTORY = 31337, b"\x11" * 20
DATASET, PARTY = subject_of(SubjectKind.DATASET, 1), subject_of(SubjectKind.PARTY, 2)
EVENT = b"\xee" * 32


def folded(logs, subject=DATASET):
    return fold(logs, chain_id=CHAIN_ID, history_address=HISTORY, subject=subject)


def ledger(count):
    """A history of a dataset in which every log also names one of two parties."""
    return [
        RawLog(
            number // 3,
            number % 3,
            b"\xaa" * 20,
            (EVENT, DATASET, subject_of(SubjectKind.PARTY, 1 + number % 2)),
            number.to_bytes(32, "big"),
        )
        for number in range(count)
    ]


def raw(fields):
    def of(text):
        return bytes.fromhex(text[2:])

    return RawLog(
        fields["block_number"],
        fields["log_index"],
        of(fields["address"]),
        tuple(map(of, fields["topics"])),
        of(fields["data"]),
    )


def test_vectors(vectors):
    case = vectors("histories")
    logs = [raw(fields) for fields in case["logs"]]
    history = bytes.fromhex(case["history"][2:])
    heads = Heads(case["chain_id"], history)
    for log, fields in zip(logs, case["logs"], strict=True):
        found = event_hash(log.block_number, log.address, log.topics, log.data)
        assert "0x" + found.hex() == fields["hash"]
        assert heads.fold(log) == (*subjects_of(log.topics), LEDGER_SUBJECT)
    for text, expected in case["heads"].items():
        subject = bytes.fromhex(text[2:])
        mine = [x for x in logs if not any(subject) or subject in subjects_of(x.topics)]
        found = fold(mine, chain_id=case["chain_id"], history_address=history, subject=subject)
        assert "0x" + found.hex() == "0x" + heads.head(subject).hex() == expected


TOPICS = st.sampled_from([EVENT, bytes(32), DATASET, PARTY])
LOGS = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1),
        st.binary(min_size=20, max_size=20),
        st.lists(TOPICS, min_size=1, max_size=4),
        st.binary(max_size=70),
    ),
    max_size=10,
).map(lambda logs: sorted(logs, key=lambda log: log[0]))


@given(LOGS)
def test_heads_equal_the_reference(reference, logs):
    heads = Heads(CHAIN_ID, HISTORY)
    for index, (block, address, topics, data) in enumerate(logs):
        heads.fold(RawLog(block, index, address, tuple(topics), data))
    for subject in (LEDGER_SUBJECT, DATASET, PARTY):
        assert heads.head(subject) == reference.fold(CHAIN_ID, HISTORY, subject, logs)


def test_a_subject_is_folded_once_and_zeros_never():
    assert subjects_of((EVENT, PARTY, bytes(32), PARTY)) == (PARTY,)
    assert subjects_of((PARTY,)) == ()
    assert subjects_of(()) == ()


def test_going_on_from_a_head_equals_starting_over():
    logs = ledger(9)
    half = folded(logs[:4])
    rest = fold(logs[4:], chain_id=CHAIN_ID, history_address=HISTORY, subject=DATASET, head=half)
    assert rest == folded(logs)
    heads = Heads(CHAIN_ID, HISTORY, {DATASET: half})
    for log in logs[4:]:
        heads.fold(log)
    assert heads.head(DATASET) == rest


def test_an_empty_history_has_the_initial_head():
    assert folded([]) == initial_head(CHAIN_ID, HISTORY, DATASET)
    assert folded([]) != initial_head(CHAIN_ID + 1, HISTORY, DATASET)
    assert folded([]) != initial_head(CHAIN_ID, b"\x12" * 20, DATASET)
    assert folded([]) != folded([], PARTY)


LENGTH = 500
LOG_AT = st.integers(0, LENGTH - 1)
HISTORY_OF_500 = ledger(LENGTH)
PARTY_OF_500 = [log for log in HISTORY_OF_500 if PARTY in log.topics]


@pytest.mark.parametrize(
    ("logs", "subject"),
    [(HISTORY_OF_500, DATASET), (PARTY_OF_500, PARTY)],
    ids=["dataset", "party"],
)
class TestALyingServer:
    """One event of a long history dropped, swapped, repeated, invented or edited."""

    def refused(self, logs, lie, subject):
        expected = folded(logs, subject)
        with pytest.raises(HistoryMismatch):
            require_head(expected, folded(lie, subject))

    def test_the_truth_is_believed(self, logs, subject):
        require_head(folded(logs, subject), folded(list(logs), subject))

    @given(LOG_AT)
    def test_dropped(self, logs, subject, at):
        at %= len(logs)
        self.refused(logs, logs[:at] + logs[at + 1 :], subject)

    @given(LOG_AT)
    def test_cut_off(self, logs, subject, at):
        self.refused(logs, logs[: at % len(logs)], subject)

    @given(LOG_AT)
    def test_repeated(self, logs, subject, at):
        at %= len(logs)
        again = replace(logs[at], log_index=logs[at].log_index + 1000)
        self.refused(logs, [*logs[: at + 1], again], subject)
        self.refused(logs, [*logs[: at + 1], logs[at], *logs[at + 1 :]], subject)

    @given(LOG_AT)
    def test_swapped(self, logs, subject, at):
        at = at % (len(logs) - 1)
        one, other = logs[at], logs[at + 1]
        swapped = [
            *logs[:at],
            replace(other, block_number=one.block_number, log_index=one.log_index),
            replace(one, block_number=other.block_number, log_index=other.log_index),
            *logs[at + 2 :],
        ]
        self.refused(logs, swapped, subject)
        self.refused(logs, [*logs[:at], other, one, *logs[at + 2 :]], subject)

    @given(LOG_AT, st.sampled_from(["address", "event", "topic", "data", "block", "topic count"]))
    def test_edited(self, logs, subject, at, what):
        at %= len(logs)
        log = logs[at]
        edited = {
            "address": lambda: replace(log, address=b"\xab" * 20),
            "event": lambda: replace(log, topics=(b"\xef" * 32, *log.topics[1:])),
            "topic": lambda: replace(log, topics=(*log.topics, subject_of(SubjectKind.PARTY, 9))),
            "data": lambda: replace(log, data=log.data + b"\0"),
            "block": lambda: replace(log, block_number=log.block_number + 1000),
            # the bytes hashed stay the same but for the number of topics
            "topic count": lambda: replace(
                log, topics=(EVENT, subject), data=log.topics[2] + log.data
            ),
        }[what]()
        self.refused(logs, [*logs[:at], edited, *logs[at + 1 :]], subject)

    def test_of_another_subject(self, logs, subject):
        stranger = replace(logs[-1], topics=(EVENT,), log_index=1000)
        self.refused(logs, [*logs, stranger], subject)


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (RawLog(2**64, 0, bytes(20), (EVENT, DATASET), b""), "64 bits"),
        (RawLog(0, 0, bytes(19), (EVENT, DATASET), b""), "20 bytes of address"),
        (RawLog(0, 0, bytes(20), (EVENT, DATASET, EVENT, EVENT, EVENT), b""), "four topics"),
        (RawLog(0, 0, bytes(20), (EVENT, DATASET, b"x"), b""), "32 bytes"),
    ],
)
def test_a_log_has_its_lengths(log, message):
    with pytest.raises(InvalidProof, match=message):
        folded([log])


@pytest.mark.parametrize(
    ("chain_id", "address", "subject"),
    [(-1, HISTORY, DATASET), (2**256, HISTORY, DATASET), (1, b"", DATASET), (1, HISTORY, b"")],
)
def test_a_head_has_its_lengths(chain_id, address, subject):
    with pytest.raises(InvalidProof, match="expected"):
        initial_head(chain_id, address, subject)


def test_the_parts_of_a_head_cannot_be_confused():
    assert len({next_head(bytes(32), bytes(32)), next_head(b"\1" * 32, bytes(32))}) == 2
