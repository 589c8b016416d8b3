"""The turnstile: who goes ahead when, and that nobody is stopped for ever."""

import threading

import pytest

from provenance.chain.turnstile import Turnstile

SOON_S = 10.0


class Crowd:
    """Threads that pass a turnstile and stay inside until they are let go."""

    def __init__(self, turnstile, leaves_early=False):
        self.turnstile, self.leaves_early = turnstile, leaves_early
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.inside = 0
        self.let_go = threading.Event()
        self.threads = []

    def join(self, count):
        for _ in range(count):
            thread = threading.Thread(target=self.go, daemon=True)
            self.threads.append(thread)
            thread.start()

    def go(self):
        with self.turnstile.turn():
            if self.leaves_early:
                self.turnstile.leave()
            with self.changed:
                self.inside += 1
                self.changed.notify_all()
            self.let_go.wait(SOON_S)

    def wait_inside(self, count, timeout_s=SOON_S):
        with self.changed:
            return self.changed.wait_for(lambda: self.inside >= count, timeout_s)

    def end(self):
        self.let_go.set()
        for thread in self.threads:
            thread.join(SOON_S)


def test_a_few_at_a_time():
    crowd = Crowd(Turnstile(slots=2, patience_s=SOON_S))
    crowd.join(5)
    assert crowd.wait_inside(2)
    assert not crowd.wait_inside(3, timeout_s=0.1)
    crowd.end()
    assert crowd.inside == 5


def test_whoever_waits_for_a_block_lets_the_next_in():
    crowd = Crowd(Turnstile(slots=1, patience_s=SOON_S), leaves_early=True)
    crowd.join(5)
    assert crowd.wait_inside(5)
    crowd.end()


def test_nobody_is_stopped_for_ever():
    crowd = Crowd(Turnstile(slots=1, patience_s=0.05))
    crowd.join(3)
    assert crowd.wait_inside(3)
    crowd.end()


def test_a_turn_is_given_back_once():
    turnstile = Turnstile(slots=1, patience_s=SOON_S)
    turnstile.leave()
    with turnstile.turn():
        turnstile.leave()
        turnstile.leave()
    crowd = Crowd(turnstile)
    crowd.join(2)
    assert crowd.wait_inside(1)
    assert not crowd.wait_inside(2, timeout_s=0.1)
    crowd.end()


def test_a_turn_ends_with_an_error():
    turnstile = Turnstile(slots=1, patience_s=SOON_S)
    with pytest.raises(ValueError, match="broken"), turnstile.turn():
        raise ValueError("broken")
    with turnstile.turn():
        pass
