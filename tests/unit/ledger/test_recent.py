import threading

import pytest

from provenance.ledger.recent import Recent


def test_the_oldest_values_are_forgotten():
    recent = Recent(2)
    for number in range(3):
        recent.put(number, number * 10)
    assert [recent.get(number) for number in range(3)] == [None, 10, 20]


def test_a_value_is_made_once_for_all_that_want_it_at_the_same_moment():
    recent, made, found = Recent(8), [], []
    go = threading.Barrier(8)

    def make():
        made.append(threading.get_ident())
        # The others arrive while it is being made.
        threading.Event().wait(0.05)
        return "value"

    def want():
        go.wait()
        found.append(recent.made("key", make))

    threads = [threading.Thread(target=want) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["value"] * 8
    assert len(made) == 1


def test_a_failure_is_not_kept():
    recent = Recent(8)
    with pytest.raises(ZeroDivisionError):
        recent.made("key", lambda: 1 // 0)
    assert recent.made("key", lambda: "value") == "value"
