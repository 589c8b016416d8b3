from provenance.chain.events import Event
from provenance.identifiers import SubjectKind, subject_of
from provenance.index import erasures
from provenance.proofs.history import RawLog


def test_an_entry_that_no_manifest_has_does_not_stop_the_index():
    arguments = {
        "dataset": subject_of(SubjectKind.DATASET, 1),
        "by": subject_of(SubjectKind.PARTY, 3),
        "version": 1,
        "entry": 2**64 - 1,
        "tombstone": bytes(32),
    }
    log = RawLog(5, 0, bytes(20), (), b"", block_hash=bytes(32))
    row = erasures._row(Event("EntryErased", "Datasets", arguments, log))
    assert row["entry"] == 2**63 - 1
    assert (row["dataset_id"], row["by_id"]) == (1, 3)
