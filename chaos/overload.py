"""F20: several times what an endpoint can take."""

import time
from collections.abc import Iterator

from chaos import verdict
from chaos.load import Outcome, Outcomes, load, p99_ms, pause
from chaos.verdict import Claim
from chaos.world import World

SERVICE_S = 0.01
WORKERS = 2
SHED = "ServiceUnavailable retry-after 1: "
SHED_MS_MAX = 5.0
WAIT_S_MAX = 30.0
"""``Limits.queue_wait_s``."""


def overloaded(world: World) -> Iterator[Claim]:
    """More and more requests at a model of 10 ms, then at one that is slow."""
    seconds = world.scale.overload_s
    endpoint = world.endpoint("overloaded", workers=WORKERS)
    with load(world.server, endpoint, {"sleep": SERVICE_S}, connections=32) as calls:
        pause(world.scale.warm_s)
        began = time.monotonic()
        pause(seconds)
        ended = time.monotonic()
    peak = _goodput(calls.all, began, ended)
    yield verdict.count("at the peak nothing is refused", calls.summary(), not calls.failed)
    for factor in world.scale.factors:
        per_second = factor * max(peak, WORKERS / SERVICE_S)
        with load(world.server, endpoint, {"sleep": SERVICE_S}, per_second=per_second) as calls:
            pause(world.scale.warm_s)
            began = time.monotonic()
            pause(seconds)
            ended = time.monotonic()
        yield from _judged(f"{factor} ×", calls, peak, _goodput(calls.all, began, ended))
    if world.scale.slow_model_s:
        yield from _slow(world)


def _slow(world: World) -> Iterator[Claim]:
    """Half a second a request and two servers: the line is bounded by the wait, not by number."""
    endpoint = world.endpoint("half-a-second", workers=2)
    with load(world.server, endpoint, {"sleep": 0.5}, per_second=40) as calls:
        pause(5.0)
        began = time.monotonic()
        pause(world.scale.slow_model_s)
        ended = time.monotonic()
    served = [each for each in calls.all if each.well]
    longest = max((each.ms for each in served), default=0.0) / 1000
    yield verdict.time(
        f"10 × at a slow model: nobody waits much more than {WAIT_S_MAX:.0f} s",
        f"{longest:.1f} s at most",
        bool(served) and longest <= WAIT_S_MAX * 1.25,
    )
    yield from _judged("there", calls, 4.0, _goodput(calls.all, began, ended))


def _goodput(calls: list[Outcome], began: float, ended: float) -> float:
    """Good answers a second within a span."""
    return sum(each.well and began <= each.ended < ended for each in calls) / (ended - began)


def _judged(where: str, calls: Outcomes, peak: float, goodput: float) -> Iterator[Claim]:
    shed = [each for each in calls.all if each.status == 503 and SHED in each.note]
    others = [each for each in calls.all if not each.well and each not in set(shed)]
    yield verdict.count(
        f"{where}: an answer or a 503 with Retry-After, and nothing else",
        calls.summary(),
        not others,
    )
    yield verdict.count(f"{where}: some are refused", len(shed), bool(shed))
    yield verdict.time(
        f"{where}: goodput ≥90 % of the peak",
        f"{goodput:.0f} of {peak:.0f} a second",
        goodput >= 0.9 * peak,
    )
    yield verdict.time(
        f"{where}: refused within {SHED_MS_MAX:.0f} ms (p99)",
        f"{p99_ms(shed):.1f} ms, median {p99_ms(shed, 0.5):.1f} ms; the load's clock is late by "
        f"{calls.late_ms:.1f} ms",
        p99_ms(shed) <= SHED_MS_MAX + calls.late_ms,
    )
