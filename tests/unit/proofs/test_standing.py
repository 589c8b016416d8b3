import pytest

from provenance.errors import HistoryMismatch
from provenance.identifiers import SubjectKind, subject_of
from provenance.proofs import standing
from provenance.proofs.history import RawLog
from provenance.proofs.standing import fold_standing

DATASET = subject_of(SubjectKind.DATASET, 7)
FOUNDER, BANK, COURT = (subject_of(SubjectKind.PARTY, number) for number in (1, 2, 3))
ALL = 10_000 | 10_000 << 16 | 10_000 << 32


def log(event, *topics, words):
    data = b"".join(w if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)
    return RawLog(1, 0, bytes(20), (event[0], *topics), data)


def root(number):
    return bytes([number]) * 32


def registered(by=FOUNDER):
    words = (0, root(9), root(1), root(2), root(3), 0, bytes(32), 5)
    return log(standing.REGISTERED, DATASET, by, words=words)


def published(version):
    words = (version, root(version), root(2), root(3), 0, bytes(32), 5)
    return log(standing.PUBLISHED, DATASET, FOUNDER, words=words)


def accepted(giver, taker, units):
    return log(standing.ACCEPTED, DATASET, giver, taker, words=(1, units))


def placed(hold, until=0, target=DATASET):
    return log(standing.PLACED, target, BANK, words=(hold, 2, 7, until, root(1)))


def test_the_registrant_holds_everything():
    found = fold_standing([registered()], DATASET)
    units = {"hold": 10_000, "use": 10_000, "operate": 10_000}
    assert found.holders_json() == [{"party_id": 1, "units": units}]
    assert found.versions[1] == standing.VersionRecord(root(1), root(2), 0)
    assert found.status_json(1, 0) == {"deregistered": False, "holds": [], "withdrawn": False}


def test_units_move_right_by_right():
    part = 4_000 | 10_000 << 32
    found = fold_standing([registered(), accepted(FOUNDER, BANK, part)], DATASET)
    assert found.holders == {1: (6_000, 10_000, 0), 2: (4_000, 0, 10_000)}
    found = fold_standing([registered(), accepted(FOUNDER, BANK, ALL)], DATASET)
    assert [holder["party_id"] for holder in found.holders_json()] == [2]


def test_a_party_gives_to_itself_without_gain():
    found = fold_standing([registered(), accepted(FOUNDER, FOUNDER, ALL)], DATASET)
    assert found.holders == {1: (10_000,) * 3}


@pytest.mark.parametrize("giver", [FOUNDER, BANK])
def test_nobody_gives_what_it_does_not_hold(giver):
    moves = [accepted(FOUNDER, COURT, ALL), accepted(giver, BANK, 1)]
    with pytest.raises(HistoryMismatch):
        fold_standing([registered(), *moves], DATASET)


def test_versions_withdrawn_and_ended():
    logs = [
        registered(),
        published(2),
        log(standing.WITHDRAWN, DATASET, FOUNDER, words=(1, root(4))),
        log(standing.DEREGISTERED, DATASET, FOUNDER, words=(root(4),)),
    ]
    found = fold_standing(logs, DATASET)
    assert found.versions[2] == standing.VersionRecord(root(2), root(2), 1)
    assert found.status_json(1, 0)["withdrawn"] is True
    assert found.status_json(2, 0) == {"deregistered": True, "holds": [], "withdrawn": False}


def test_holds_stand_until_lifted_or_lapsed():
    lifted = log(standing.LIFTED, DATASET, BANK, words=(1, root(4)))
    logs = [registered(), placed(1), placed(2, until=100), placed(3)]
    assert fold_standing(logs, DATASET).standing_holds(100) == [1, 2, 3]
    assert fold_standing(logs, DATASET).standing_holds(101) == [1, 3]
    assert fold_standing([*logs, lifted, lifted], DATASET).standing_holds(0) == [2, 3]


def test_what_is_about_others_changes_nothing():
    other = subject_of(SubjectKind.DATASET, 8)
    unknown = log((root(1), 0), DATASET, words=())
    logs = [registered(), placed(1, target=other), unknown, log((root(1), 0), words=())]
    assert fold_standing(logs, DATASET) == fold_standing([registered()], DATASET)


@pytest.mark.parametrize(
    "wrong",
    [
        registered(),
        published(3),
        published(1),
        log(standing.REGISTERED, DATASET, FOUNDER, words=(0,)),
        log(standing.ACCEPTED, DATASET, FOUNDER, words=(1, 0)),
        log(standing.DEREGISTERED, DATASET, FOUNDER, words=()),
    ],
)
def test_events_in_another_form_are_refused(wrong):
    with pytest.raises(HistoryMismatch):
        fold_standing([registered(), wrong], DATASET)


def test_erasures_are_listed_in_order():
    erased = [
        log(standing.ERASED, DATASET, FOUNDER, words=(1, entry, root(entry))) for entry in (4, 2)
    ]
    found = fold_standing([registered(), *erased], DATASET)
    assert found.erased == [(1, 4, root(4)), (1, 2, root(2))]
    assert found.holders == {1: (10_000,) * 3}
