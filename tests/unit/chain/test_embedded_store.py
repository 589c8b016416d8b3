import threading

import pytest

from provenance.chain.embedded_store import BlockStore
from provenance.errors import ChainError

KEY = b"k" * 32


def test_a_batch_is_there_after_reopening(tmp_path):
    store = BlockStore(tmp_path / "c")
    with store.batch():
        store[KEY] = b"value"
        store[b"pointer"] = b"1"
    store.close()
    store = BlockStore(tmp_path / "c")
    assert (store[KEY], store[b"pointer"]) == (b"value", b"1")
    assert KEY in store
    store.close()


def test_a_batch_that_raises_leaves_nothing(tmp_path):
    store = BlockStore(tmp_path / "c")

    def break_off():
        with store.batch():
            store[KEY] = b"value"
            assert store[KEY] == b"value"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert KEY not in store
    store.close()


def test_an_open_batch_is_invisible_to_other_threads(tmp_path):
    store = BlockStore(tmp_path / "c")
    seen = []
    with store.batch():
        store[b"pointer"] = b"new"
        reader = threading.Thread(target=lambda: seen.append(b"pointer" in store))
        reader.start()
        reader.join()
    assert seen == [False]
    assert b"pointer" in store
    store.close()


def test_what_is_deleted_is_gone(tmp_path):
    store = BlockStore(tmp_path / "c")
    with store.batch():
        store[b"pointer"] = b"1"
    with store.batch():
        del store[b"pointer"]
        assert b"pointer" not in store
    with pytest.raises(KeyError):
        store[b"pointer"]
    store.close()


def test_writes_outside_a_batch_are_refused(tmp_path):
    store = BlockStore(tmp_path / "c")
    with pytest.raises(ChainError, match="inside a batch"):
        store[KEY] = b"value"
    with store.batch(), pytest.raises(ChainError, match="second one"), store.batch():
        pass
    store.close()
