"""Which instance of a variant gets a request."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from gateway_pieces import UNSHARED, Worker, bench, signed
from hostler.domain.snapshot import TargetRoute
from hostler.gateway import chain, session
from hostler.gateway.counts import Counts
from hostler.gateway.pool import Pool
from hostler.gateway.target import Target
from hostler.modelserver import frames

DRAWS = 3000


def instances(pool: Pool, count: int, counts: Counts = UNSHARED) -> list[Worker]:
    """Workers with room for as many requests as a test makes."""
    later: list[Any] = []
    workers = []
    for number in range(count):
        route = TargetRoute(f"i-{number}", ("w0.sock",))
        target = Target(route, pool, counts, lambda *_: None, later.append)
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


def test_what_other_gateways_have_sent_counts_as_well(tmp_path: Path) -> None:
    pages = [Counts(tmp_path / "counts") for _ in range(2)]
    pools = [Pool(chain.reroute) for _ in pages]
    gateways = [instances(pool, 3, page) for pool, page in zip(pools, pages, strict=True)]
    for worker in (*gateways[0], *gateways[1]):
        worker.link.target.share(yes=True)
    for number in (0, 0, 0, 1):
        gateways[0][number].link.target.count(1)
    assert set(picked(pools[1], 30)) == {"i-2"}
    gateways[1][2].link.target.count(2)
    assert set(picked(pools[1], 30)) == set(picked(pools[0], 30)) == {"i-1"}
    gateways[0][0].link.target.count(-3)
    assert set(picked(pools[1], 30)) == {"i-0"}
    for page in pages:
        page.close()


def test_a_gateway_that_is_joined_by_another_tells_what_it_had_sent_before(tmp_path: Path) -> None:
    first, second = Counts(tmp_path / "counts"), Counts(tmp_path / "counts")
    [early], [late] = (
        instances(Pool(chain.reroute), 1, first),
        instances(Pool(chain.reroute), 1, second),
    )
    early.link.target.count(4)
    for worker in (early, late):
        worker.link.target.share(yes=True)
    assert late.link.target.load() == 4
    early.link.target.share(yes=False)
    assert (early.link.target.load(), late.link.target.load()) == (4, 0)
    first.close()
    second.close()


def test_what_waits_is_sent_once_though_a_refusal_brings_the_next_request_of_its_client() -> None:
    """A refused client's pipelined request joins the line, which is looked at within a look."""
    gone, stays = "i-00000000000000001", "i-00000000000000002"
    pinned = {"x-amzn-sagemaker-session-id": session.begun("s1", gone) or ""}
    with bench() as made:
        first, second = made.instance(gone, credit=1), made.instance(stays, credit=3)
        busy = [made.client() for _ in range(4)]
        busy[0].sends(signed(**pinned))
        for client in busy[1:]:
            client.sends(signed())
        assert (len(first.heard()), len(second.heard())) == (1, 3)
        one, other, free = (made.client() for _ in range(3))
        one.sends(signed(**pinned) + signed(b"next"))
        other.sends(signed(**pinned))
        free.sends(signed(b"free"))
        assert len(made.pool.waiting) == 3
        made.pool.targets = made.pool.targets[1:]
        first.link.target.retire()
        second.says(b"".join(frames.response(each, 200, b"", b"ok") for each in (1, 2, 3)))
        sent = [payload for kind, _, payload in second.heard() if kind == frames.REQUEST]
        assert [payload[-4:] for payload in sent] == [b"free", b"next"]
        assert [status for status, _ in other.reads()] == [400]
        second.answers(4)
        second.answers(5)
        assert free.reads() == [(200, b"ok")]
        assert [status for status, _ in one.reads()] == [400, 200]
        assert second.link.unanswered == 0
