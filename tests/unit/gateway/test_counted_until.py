"""How far a gateway's counts go, and that every call which was admitted is among them."""

from dataclasses import replace
from time import monotonic

import pytest

from gateway_pieces import REAL_TIME, Bench, bench, signed
from gateway_rig import ACCOUNT, REGION, snapshot_of
from hostler.domain.snapshot import EndpointRoute


def invocations(made: Bench) -> int:
    return sum(record["invocations"] for record in made.gateway.recorder.records(0.0))


def publish(made: Bench, config: str) -> None:
    """Demo as one of two deployments, or as the only one."""
    variant = replace(REAL_TIME, config=config)
    made.gateway.use(snapshot_of((EndpointRoute(ACCOUNT, REGION, "Demo", "arn", (variant,)),)))


def test_counts_go_until_the_oldest_call_that_is_not_answered() -> None:
    with bench() as made:
        worker = made.instance(credit=2)
        before = monotonic()
        assert made.gateway.counted_until >= before
        one, other = made.client(), made.client()
        one.sends(signed())
        between = monotonic()
        other.sends(signed())
        assert before <= made.gateway.counted_until <= between
        worker.answers(2)
        assert made.gateway.counted_until <= between, "the first one is the oldest still"
        assert invocations(made) == 1
        worker.answers(1)
        assert made.gateway.counted_until > between
        assert invocations(made) == 1


def test_a_call_whose_caller_leaves_is_a_call_without_a_latency() -> None:
    with bench() as made:
        made.instance(credit=1)
        served, waiting = made.client(), made.client()
        served.sends(signed())
        waiting.sends(signed())
        before = monotonic()
        served.leaves()
        waiting.leaves()
        (record,) = made.gateway.recorder.records(0.0)
        assert record["invocations"] == 2
        assert record["errors_4xx"] == record["errors_5xx"] == 0
        assert record["model_us"] == {"sum": 0, "buckets": {"0": 2}}
        assert made.gateway.counted_until >= before


def test_a_call_that_is_refused_before_it_has_a_variant_is_nobodys() -> None:
    with bench() as made:
        client = made.client()
        client.sends(signed(path="/endpoints/Nobody/invocations"))
        client.leaves()
        assert invocations(made) == 0


@pytest.mark.parametrize(("before", "after"), [("", "old-config"), ("new-config", "")])
def test_a_call_under_way_is_counted_though_its_variant_is_counted_elsewhere_now(
    before: str, after: str
) -> None:
    """An update begins, or ends, while the model computes."""
    with bench() as made:
        publish(made, before)
        worker, client = made.instance(), made.client()
        client.sends(signed())
        publish(made, after)
        worker.answers(1, status=503)
        assert [status for status, _ in client.reads()] == [424]
        (record,) = made.gateway.recorder.records(0.0)
        assert (record["invocations"], record["errors_5xx"]) == (1, 1)
        assert record.get("config", "") == before
