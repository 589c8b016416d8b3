"""Homes for tests: one is made per process, the others are copies of it.

``FastClock`` lets a second of the chain pass in a fiftieth of a real one, so that a test does not
wait for blocks, and jumps when a test wants a delay to be over.
"""

import shutil
import time
from dataclasses import replace

from provenance.config import Settings
from provenance.ledger import parties, setup
from provenance.ledger.opening import open_ledger
from provenance.ledger.parties import Profile

RATE = 50


class FastClock:
    """Unix seconds that pass fifty times as fast as real ones."""

    def __init__(self):
        self._real = time.monotonic()
        self._start = time.time()
        self.jumped_s = 0

    def __call__(self):
        return self._start + (time.monotonic() - self._real) * RATE + self.jumped_s

    def jump(self, seconds):
        """Let a delay be over."""
        self.jumped_s += seconds


def make(path):
    """Make a home with the parties ``founder`` and ``bank``; return its settings."""
    settings = Settings(home=path)
    setup.initialise(settings)
    with open_ledger(settings) as ledger:
        parties.add(ledger, "bank", Profile.of_words("CN"), ("supplier", "consumer"))
        ledger.sync()
    return settings


def copy(settings, path):
    """Return the settings of a copy of a home."""
    shutil.copytree(settings.home, path)
    return replace(settings, home=path)
