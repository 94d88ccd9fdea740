"""Which instance of a variant gets a request."""

import random
from collections import Counter
from typing import Any

from gateway_pieces import Worker
from hostler.domain.snapshot import TargetRoute
from hostler.gateway import chain
from hostler.gateway.target import Pool, Target

DRAWS = 3000


def instances(pool: Pool, count: int) -> list[Worker]:
    """Workers with room for as many requests as a test makes."""
    later: list[Any] = []
    workers = []
    for number in range(count):
        route = TargetRoute(f"i-{number}", ("w0.sock",))
        target = Target(route, pool, lambda *_: None, later.append)
        pool.targets = (*pool.targets, target)
        workers.append(Worker(target, DRAWS, later.clear))
    return workers


def picked(pool: Pool, draws: int = DRAWS, *, avoid: Target | None = None) -> Counter[str]:
    links = [pool.acquire(avoid=avoid) for _ in range(draws)]
    return Counter(link.target.instance_id for link in links if link is not None)


def test_at_random_each_instance_is_as_likely_however_busy() -> None:
    pool = Pool(chain.reroute, random.Random(7).random)
    pool.at_random = True
    workers = instances(pool, 3)
    workers[0].link.target.outstanding = 50
    found = picked(pool)
    assert set(found) == {"i-0", "i-1", "i-2"}
    assert all(abs(count - DRAWS / 3) < DRAWS / 20 for count in found.values()), found


def test_at_random_those_without_room_are_left_out() -> None:
    pool = Pool(chain.reroute, random.Random(7).random)
    pool.at_random = True
    workers = instances(pool, 3)
    workers[1].link.going_away = True
    assert set(picked(pool, 50)) == {"i-0", "i-2"}
    assert set(picked(pool, 50, avoid=workers[0].link.target)) == {"i-2"}
    workers[2].link.silent = True
    assert set(picked(pool, 50, avoid=workers[0].link.target)) == {"i-0"}, "for want of others"
    workers[0].link.silent = True
    assert not picked(pool, 5)


def test_else_the_least_busy_instance_gets_it_and_equals_take_turns() -> None:
    pool = Pool(chain.reroute)
    workers = instances(pool, 3)
    assert picked(pool, 30) == {"i-0": 10, "i-1": 10, "i-2": 10}
    workers[0].link.target.outstanding = 2
    workers[1].link.target.outstanding = 1
    assert set(picked(pool, 30)) == {"i-2"}
