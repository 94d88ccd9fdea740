"""Conversations in any order: bytes cut anywhere, clients that leave, answers in turn or out of it.

The worker, control and S3 answer when the test says; what a client is owed does not depend on it.
"""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import Client
from hostler.modelserver import frames
from http_cases import CHUNKED, CHUNKS, EACH, HEAD, INVOCATION, WAYS, following, on, sent
from http_exchange import Front, front, hold

SHORT = [(case, way) for case, way in EACH if len(case.data) < 3000]
REQUESTS = {
    "with a length": HEAD + b"Content-Length: 2\r\n\r\n{}",
    "in chunks": CHUNKED + CHUNKS,
    "that is expected": HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    "behind an upgrade": HEAD
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Front]:
    with front() as made:
        yield made


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SHORT), st.data())
def test_however_bytes_are_cut_the_outcome_is_the_same(gateway: Front, each, data) -> None:
    case, way = each
    whole = sent(case, way)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=5)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]
    hold(case, way, gateway.exchange(pieces))


@pytest.mark.parametrize("ends", [Client.leaves, Client.half_closes])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", REQUESTS)
def test_a_client_gone_at_any_byte_leaves_nothing_behind(
    gateway: Front, name: str, way: str, ends: Callable[[Client], None]
) -> None:
    """Half-closed is gone: what it asked for is given up, as it is for who closed for good."""
    data = on(way, REQUESTS[name])
    for cut in range(1, len(data) + 1):
        got = gateway.exchange([data[:cut]], then=ends)
        assert set(got.statuses) <= {100}
        if cut < len(data):  # what is not whole is no request (RFC 9112 section 8)
            assert not got.invoked
            assert not got.requests()
        assert got.invoked in ([], [b"{}"])
        assert len(got.requests()) <= 1
    assert gateway.exchange([following(way)]).statuses == [200]


class Conversation:
    """Clients with pipelines, and whom they reach, who answer what they are asked when told to."""

    def __init__(self, made: Front, random: Random) -> None:
        self.made, self.random = made, random
        self.clients = [made.client() for _ in range(random.randint(1, 3))]
        self.owed: list[list[bytes]] = []
        self.pieces: list[list[bytes]] = []
        for number, _ in enumerate(self.clients):
            tags = [b"%d-%d" % (number, each) for each in range(random.randint(1, 4))]
            self.owed.append(tags)
            self.pieces.append(self._cut(b"".join(map(self._request, tags))))
        self.leaving = {number for number, _ in enumerate(self.clients) if random.random() < 0.3}
        self.asked: list[tuple[int, bytes]] = []

    def _request(self, tag: bytes) -> bytes:
        way = self.random.choice(WAYS)
        head = HEAD + b"Content-Length: %d\r\n\r\n" % len(tag)
        if self.random.random() < 0.3:
            head = CHUNKED + b"%x\r\n" % len(tag)
            return on(way, head, tag) + tag + b"\r\n0\r\n\r\n"
        return on(way, head, tag) + tag

    def _cut(self, data: bytes) -> list[bytes]:
        count = self.random.randint(0, 4)
        cuts = sorted(self.random.sample(range(1, len(data)), count))
        return [data[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]

    def runs(self) -> None:
        while actions := self._possible():
            self.random.choice(actions)()
            self._look()

    def _possible(self) -> list[Callable[[], None]]:
        actions: list[Callable[[], None]] = []
        for number, client in enumerate(self.clients):
            if client.wire.closed:
                continue
            if self.pieces[number] and client.wire.reading:
                actions.append(lambda n=number: self.clients[n].sends(self.pieces[n].pop(0)))
            if number in self.leaving:
                actions.append(client.leaves)
        actions += [lambda at=at: self._answer(at) for at in range(len(self.asked))]
        for each in self.made.loop.reached:
            if each.is_whole() and not each.answered and not each.wire.closed:
                actions.append(each.echo)
        return actions

    def _look(self) -> None:
        self.made.turn_loop()
        for kind, request_id, payload in self.made.worker.heard():
            if kind == frames.REQUEST:
                self.asked.append((request_id, self.made.body_of(payload)))

    def _answer(self, at: int) -> None:
        """Also what was given up: it is in time for nobody."""
        request_id, body = self.asked.pop(at)
        self.made.worker.answers(request_id, body)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_pipelines_are_answered_in_order_whoever_leaves_and_whatever_comes_first(
    gateway: Front, seed: int
) -> None:
    gateway.loop.reached = []
    conversation = Conversation(gateway, Random(seed))
    conversation.runs()
    for number, client in enumerate(conversation.clients):
        got, owed = client.reads(), conversation.owed[number]
        wanted = [(200, tag) for tag in owed]
        if number in conversation.leaving:
            assert got == wanted[: len(got)]
        else:
            assert got == wanted
        gateway.let_go(client)
    assert not gateway.gateway._defects


def test_a_refusal_waits_for_the_answers_before_it(gateway: Front) -> None:
    for way in WAYS:
        good = on(way, REQUESTS["with a length"])
        got = gateway.exchange([good + good + b"NONSENSE\r\n\r\n" + good])
        assert got.statuses == [200, 200, 400]
        assert len(got.invoked if way == INVOCATION else got.requests()) == 2
        assert got.ended
