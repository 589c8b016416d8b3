"""The index follower."""

import asyncio
import threading
import time

from api.follower import IndexFollower, Reached
from provenance.errors import HistoryMismatch


def run(sync, body):
    async def main():
        with IndexFollower(sync) as follower:
            return await body(follower)

    return asyncio.run(main())


def test_who_waits_is_told_when_a_block_is_indexed():
    go, numbers = threading.Event(), iter(range(1, 100))

    def sync():
        go.wait(10)
        return Reached(next(numbers), 0, 0)

    async def body(follower):
        waiting = asyncio.create_task(follower.wait_for(3, 10))
        await asyncio.sleep(0)
        go.set()
        for _ in range(5):
            follower.wake()
            await asyncio.sleep(0.01)
        assert await waiting
        assert await follower.wait_for(1, 0.001)
        return True

    assert run(sync, body)


def test_who_waits_too_long_is_told_so():
    async def body(follower):
        found = await follower.wait_for(9, 0.05)
        assert follower._waiting == []
        return found

    assert run(lambda: Reached(1, 0, 0), body) is False


def test_a_failing_sync_is_tried_again():
    failures = [HistoryMismatch("no"), RuntimeError("unforeseen"), HistoryMismatch("no")]
    seen = []

    def sync():
        if failures:
            raise failures.pop()
        return Reached(5, 4, 3)

    async def body(follower):
        while failures:
            follower.wake()
            await asyncio.sleep(0.01)
            seen.append(follower.failure)
        assert await follower.wait_for(5, 10)
        return follower

    follower = run(sync, body)
    assert follower.failure is None
    assert "HistoryMismatch" in seen
    assert follower.finality(3) == "finalized"
    assert follower.finality(4) == "safe"
    assert follower.finality(5) == "latest"


def test_what_was_sent_is_settled_by_the_follower(service):
    service.register()
    outbox = service.ledger.transactions._outbox
    deadline = time.monotonic() + 60
    while outbox.mined():
        assert time.monotonic() < deadline, "mined transactions become final"
        service.app.state.context.follower.wake()
        time.sleep(0.2)
