"""How fast a variant's instances are, and who is refused because of it."""

from time import monotonic
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_pieces import Bench, Worker, bench, signed
from hostler.gateway.pace import Pace
from hostler.modelserver import frames

SWEEP_S = 0.5


@settings(max_examples=50)
@given(st.floats(0.2, 5000.0), st.integers(40, 200))
def test_a_steady_pace_is_found(per_second: float, sweeps: int) -> None:
    pace = Pace()
    for number in range(sweeps):
        pace.saw(number * SWEEP_S, int(number * SWEEP_S * per_second), full=True)
    if pace.per_second is None:
        assert per_second * sweeps * SWEEP_S < 4
    else:
        assert pace.per_second == pytest.approx(per_second, rel=0.35)


def test_nothing_is_claimed_of_instances_that_are_not_full() -> None:
    pace = Pace()
    for number in range(100):
        pace.saw(number * SWEEP_S, number, full=number % 2 == 0)
    assert pace.per_second is None


def test_a_slow_first_answer_is_soon_forgotten() -> None:
    """A model that compiles itself with its first request."""
    pace, answered = Pace(), 0
    for number in range(40):
        answered += 0 if number < 20 else 50
        pace.saw(number * SWEEP_S, answered, full=True)
    assert pace.per_second == pytest.approx(100)


def test_it_follows_a_change() -> None:
    pace, answered = Pace(), 0
    for number in range(200):
        answered += 100 if number < 100 else 10
        pace.saw(number * SWEEP_S, answered, full=True)
    assert pace.per_second == pytest.approx(20, rel=0.2)


class Crowd:
    """Clients at an endpoint whose one worker answers a request every half second."""

    def __init__(self, gateway: Bench, credit: int) -> None:
        self.gateway = gateway
        self.worker = gateway.instance(credit=credit)
        self.untaken: list[int] = []
        self.now = float(int(monotonic()))  # halves are exact, and so is the pace

    def sends(self, count: int) -> list[Any]:
        clients = [self.gateway.client() for _ in range(count)]
        for client in clients:
            client.sends(signed())
        return [client.reads() for client in clients]

    def answers(self, count: int) -> None:
        for _ in range(count):
            self.untaken += _ids(self.worker)
            if self.untaken:
                self.worker.answers(self.untaken.pop(0))
            self.now += SWEEP_S
            self.gateway.pool.judge(self.now, 10.0)


def _ids(worker: Worker) -> list[int]:
    return [request_id for kind, request_id, _ in worker.heard() if kind == frames.REQUEST]


def test_who_would_wait_too_long_is_refused_at_once() -> None:
    """2 answers a second and ten seconds at most: 20 may be unanswered."""
    with bench() as gateway:
        crowd = Crowd(gateway, credit=4)
        assert crowd.sends(30) == [[]] * 30
        crowd.answers(12)  # 18 are left
        assert gateway.pool.unanswered_max == 20
        answers = [each[0] for each in crowd.sends(6) if each]
        assert [status for status, _ in answers] == [503] * 4
        assert b"in good time" in answers[0][1]
        crowd.answers(3)
        assert [each for each in crowd.sends(3) if each] == []


def test_a_slow_worker_is_not_given_all_it_would_take() -> None:
    """Its own line is a wait as well: 2 a second for ten seconds are 20, not 128."""
    with bench() as gateway:
        crowd = Crowd(gateway, credit=128)
        assert crowd.sends(100) == [[]] * 100
        crowd.answers(90)
        assert crowd.worker.link.window == 20
        assert len([each for each in crowd.sends(20) if each]) == 10
        crowd.worker.says(frames.frame(frames.CREDIT, 0, frames.CREDIT_PAYLOAD.pack(1)))
        assert crowd.worker.link.window == 20


def test_what_waits_for_a_large_request_to_leave_is_not_refused_for_it() -> None:
    """Its line has places: 20 may be unanswered, and 10 are."""
    with bench(hash_inline_bytes_max=1 << 20) as gateway:
        crowd = Crowd(gateway, credit=128)
        crowd.sends(100)
        crowd.answers(90)
        large, small = gateway.client(), gateway.client()
        large.sends(signed(b"x" * 300_000))
        assert crowd.worker.link.full
        small.sends(signed())
        assert small.reads() == []
        assert len(_ids(crowd.worker)) == 1
        assert len(_ids(crowd.worker)) == 1, "it follows with the next turn"


def test_an_instance_that_is_retired_has_not_answered_all_at_once() -> None:
    with bench() as gateway:
        old = gateway.instance("i-old", credit=4)
        for number in range(1, 500):
            gateway.client().sends(signed())
            old.answers(number)
        gateway.client().sends(signed())
        old.link.target.retire()
        gateway.pool.targets = ()
        gateway.pool.forget_pace()
        crowd = Crowd(gateway, credit=4)
        crowd.sends(30)
        crowd.answers(2)
        old.answers(500)  # its last: its connection ends
        old.link.target.close_if_idle()
        assert old.wire.closed
        crowd.answers(10)
        assert gateway.pool.unanswered_max == 20


def test_a_worker_that_dies_has_not_answered_what_it_had_in_line() -> None:
    with bench() as gateway:
        crowd = Crowd(gateway, credit=8)
        dying = gateway.instance("i-2", credit=8)
        crowd.sends(60)
        crowd.answers(10)
        most = gateway.pool.unanswered_max
        dying.wire.close()
        crowd.now += SWEEP_S
        gateway.pool.judge(crowd.now, 10.0)
        assert gateway.pool.unanswered_max <= most


def test_time_without_any_instance_is_not_slowness() -> None:
    with bench() as gateway:
        crowd = Crowd(gateway, credit=4)
        crowd.sends(30)
        crowd.answers(5)
        most = gateway.pool.unanswered_max
        crowd.worker.link.silent = True
        for number in range(100):
            gateway.pool.judge(crowd.now + number * SWEEP_S, 10.0)
        crowd.worker.link.silent = False
        crowd.now += 100 * SWEEP_S
        crowd.answers(3)
        assert abs(gateway.pool.unanswered_max - most) <= 4


@pytest.mark.parametrize("why", ["at rest", "other instances"])
def test_what_was_measured_is_forgotten(why: str) -> None:
    with bench() as gateway:
        crowd = Crowd(gateway, credit=4)
        crowd.sends(10)
        crowd.answers(5)
        assert gateway.pool.unanswered_max < 100
        if why == "at rest":
            crowd.answers(8)
        else:
            gateway.pool.forget_pace()
        assert gateway.pool.unanswered_max > 1000
        assert crowd.worker.link.window == 4


def test_a_variant_of_no_known_pace_is_bounded_by_number_alone() -> None:
    with bench(queue_max=50) as gateway:
        crowd = Crowd(gateway, credit=4)
        gateway.pool.judge(crowd.now, 10.0)
        gateway.pool.judge(crowd.now + SWEEP_S, 10.0)
        assert len([each for each in crowd.sends(60) if each]) == 6
