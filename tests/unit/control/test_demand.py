"""What gateways say of serverless variants, as control keeps it."""

from hostler.control.demand import HEARD_AFTER_S, LOOK_S, STALE_S, Demands
from hostler.domain.snapshot import Demand
from hostler.planning.serverless import Need

START = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.time = START

    def now(self) -> float:
        return self.time


def said(environments: int, idle_s: float = 0.0, endpoint_id: str = "e-1") -> Demand:
    return Demand(endpoint_id, "v", environments, idle_s)


def test_of_several_gateways_the_one_that_needs_most_and_the_latest_use_count() -> None:
    clock = Clock()
    demands = Demands(clock, 300.0)
    assert demands.hear("gateway-0", [said(3, 5.0), said(0, endpoint_id="e-2")]) == ["e-1"]
    assert demands.hear("gateway-1", [said(1, 2.0)]) == ["e-1"]
    assert demands.of("e-1").needs == {"v": Need(3, START - 2.0)}
    assert demands.of("e-2").needs == {"v": Need(0, START)}
    assert demands.of("e-3").needs == {}


def test_a_gateway_that_says_nothing_more_needs_nothing() -> None:
    clock = Clock()
    demands = Demands(clock, 300.0)
    demands.hear("gateway-0", [said(3)])
    clock.time += STALE_S + 0.1
    assert demands.of("e-1").needs == {"v": Need(0, START)}


def test_gateways_have_time_to_speak_before_anything_sleeps() -> None:
    clock = Clock()
    demands = Demands(clock, 300.0)
    assert not demands.of("e-1").heard
    clock.time += HEARD_AFTER_S
    assert demands.of("e-1").heard
    assert demands.of("e-1").idle_s == 300.0


def test_what_is_gone_is_forgotten() -> None:
    demands = Demands(Clock(), 300.0)
    demands.hear("gateway-0", [said(1)])
    demands.forget("e-1")
    demands.forget("e-1")
    assert demands.of("e-1").needs == {}


def test_what_is_heard_of_the_forgotten_does_not_stay_for_ever() -> None:
    clock = Clock()
    demands = Demands(clock, 300.0)
    for number in range(100):
        demands.forget(f"e-{number}")
        demands.hear("gateway-0", [said(1, endpoint_id=f"e-{number}")])
    clock.time += 299.0
    demands.hear("gateway-0", [said(0, 299.0), said(1, endpoint_id="used")])
    assert demands.of("e-1").needs == {"v": Need(0, START)}
    assert len(demands) == 101
    clock.time += LOOK_S
    demands.hear("gateway-0", [])
    assert len(demands) == 1
    assert demands.of("used").needs == {"v": Need(0, START + 299.0)}
    assert demands.of("e-1").needs == {}
