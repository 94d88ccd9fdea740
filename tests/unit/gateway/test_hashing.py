"""Large bodies are hashed beside the loop, each in its order."""

import asyncio
import hashlib
import threading
from random import Random
from types import SimpleNamespace
from typing import ClassVar

import pytest

from gateway_pieces import Client, signed
from hostler.gateway import hashing
from http_exchange import Front, front
from running import eventually


class Watched:
    """SHA-256, and the threads that computed it."""

    threads: ClassVar[set[int]] = set()
    real = hashlib.sha256

    def __init__(self) -> None:
        self._sha256 = Watched.real()

    def update(self, piece: bytes) -> None:
        self.threads.add(threading.get_ident())
        self._sha256.update(piece)

    def hexdigest(self) -> str:
        return self._sha256.hexdigest()


def test_bodies_that_arrive_in_turns_are_hashed_in_one_other_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing.hashlib, "sha256", Watched)
    rng = Random(3)
    bodies = [[rng.randbytes(rng.randint(1, 90_000)) for _ in range(20)] for _ in range(3)]

    async def hashed() -> list[str]:
        loop = asyncio.get_running_loop()
        hasher = hashing.Hasher(loop)
        digests: list[asyncio.Future[str]] = [loop.create_future() for _ in bodies]
        begun = [
            hasher.start(pieces[:1], future.set_result)
            for pieces, future in zip(bodies, digests, strict=True)
        ]
        for number in range(1, 20):
            for body, pieces in zip(begun, bodies, strict=True):
                body(pieces[number])
        for body in begun:
            hasher.finish(body)
        assert not any(each.done() for each in digests), "the loop has not had its turn"
        found = await asyncio.wait_for(asyncio.gather(*digests), 30)
        hasher.close()
        return list(found)

    found = asyncio.run(hashed())
    assert found == [Watched.real(b"".join(pieces)).hexdigest() for pieces in bodies]
    assert len(Watched.threads) == 1
    assert threading.get_ident() not in Watched.threads


def arrives(made: Front, client: Client, body: bytes) -> None:
    """Send it in pieces, until the worker is asked."""
    request = signed(body)
    for start in range(0, len(request), 50_000):
        client.sends(request[start : start + 50_000])

    def reaches_the_worker() -> bool:
        made.turn_loop()
        return [made.body_of(payload) for _, _, payload in made.worker.heard()] == [body]

    eventually("its signature is good", reaches_the_worker, every_s=0.001)


class Gated(Watched):
    """SHA-256 that is held up, and how many bytes it computed."""

    gate: ClassVar[threading.Event]
    bytes_hashed: ClassVar[int]

    def update(self, piece: bytes) -> None:
        assert Gated.gate.wait(30)
        Gated.bytes_hashed += len(piece)
        super().update(piece)


def test_what_clients_that_left_have_sent_is_neither_kept_nor_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "hashlib", SimpleNamespace(sha256=Gated))
    monkeypatch.setattr(Gated, "gate", threading.Event(), raising=False)
    monkeypatch.setattr(Gated, "bytes_hashed", 0, raising=False)
    with front() as made:
        for _ in range(5):
            request, client = signed(bytes(2_000_000)), made.client()
            for start in range(0, 1_500_000, 50_000):
                client.sends(request[start : start + 50_000])
            client.leaves()
        Gated.gate.set()
        body = Random(5).randbytes(300_000)
        arrives(made, made.client(), body)
    assert Gated.bytes_hashed <= len(body) + 400_000, "a piece of the first had been begun"


@pytest.mark.parametrize(
    ("size", "threads"), [(256 * 1024, 0), (256 * 1024 + 1, 1)], ids=["at the bound", "above"]
)
def test_the_gateway_leaves_bodies_above_a_bound_to_the_thread(
    size: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "hashlib", SimpleNamespace(sha256=Watched))
    monkeypatch.setattr(Watched, "threads", set())
    body = Random(size).randbytes(size)
    with front() as made:
        client = made.client()
        arrives(made, client, body)
        made.worker.answers(1)
        assert client.reads() == [(200, b"ok")]
    assert len(Watched.threads) == threads
    assert threading.get_ident() not in Watched.threads
