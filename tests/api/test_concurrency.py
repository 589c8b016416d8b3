"""Many writers at once: every acknowledged write is there, once, and reads do not wait."""

import asyncio
import os
import time

import httpx


def test_many_writers_at_once(service):
    keys = [os.urandom(4).hex() for _ in range(40)]

    async def one(client, number):
        answer = await client.post(
            "/v1/datasets",
            files={"file": ("x", f"{keys[number]}".encode())},
            data={"request": f'{{"title": "{number}", "source": "s"}}'},
            headers={**service.bearer("alice" if number % 2 else "bob")},
        )
        assert answer.status_code == 201, answer.text
        found = await client.get(answer.headers["location"])
        assert found.status_code == 200, "a write that was answered is found at once"
        assert found.json()["root"] == answer.json()["root"]
        return answer.json()

    async def reads(client, stop):
        slowest = 0.0
        while not stop.is_set():
            started = time.perf_counter()
            assert (await client.get("/v1/datasets", params={"limit": 1})).status_code == 200
            slowest = max(slowest, time.perf_counter() - started)
            await asyncio.sleep(0.05)
        return slowest

    async def main():
        async with httpx.AsyncClient(base_url=str(service.client.base_url), timeout=120) as client:
            stop = asyncio.Event()
            reading = asyncio.create_task(reads(client, stop))
            made = await asyncio.gather(*(one(client, number) for number in range(len(keys))))
            stop.set()
            return made, await reading

    made, slowest = asyncio.run(main())
    assert len({item["dataset_id"] for item in made}) == len(keys)
    assert len({item["transaction_hash"] for item in made}) == len(keys)
    blocks = {item["block"]["number"]: item["block"]["timestamp"] for item in made}
    assert len(blocks) < len(keys), "transactions share blocks"
    assert slowest < 5, "reads go on while a hundred writes wait for their block"


def test_one_key_at_once_writes_once(service):
    key, content = os.urandom(4).hex(), os.urandom(8)

    async def one(client):
        return await client.post(
            "/v1/datasets",
            files={"file": ("x", content)},
            data={"request": '{"title": "t", "source": "s"}'},
            headers={**service.bearer(), "Idempotency-Key": key},
        )

    async def main():
        async with httpx.AsyncClient(base_url=str(service.client.base_url), timeout=120) as client:
            return await asyncio.gather(*(one(client) for _ in range(10)))

    answers = asyncio.run(main())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["dataset_id"] for answer in answers}) == 1
