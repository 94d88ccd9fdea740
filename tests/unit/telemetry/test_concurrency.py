"""ConcurrentRequestsPerModel from gateways' records: ten seconds at a time."""

import pytest

from hostler.domain.subject import Subject
from hostler.telemetry import points
from hostler.telemetry.concurrency import LATE_S, QUIET_S, Concurrency
from hostler.telemetry.endpoint_metrics import Latencies, Record
from hostler.telemetry.metrics import Sample

START = 1_700_000_040
SUBJECT = Subject("123456789012", "us-east-1", "e", "v")


def record(at: float, calls: int, each_s: float) -> Record:
    took = Latencies(sum=round(calls * each_s * 1e6), buckets={40: calls})
    none = Latencies(sum=0, buckets={})
    return Record(1, at, *SUBJECT, calls, 0, 0, took, none)


def values(found: list[Sample]) -> dict[int, float]:
    assert {(each.metric.name, each.resolution_s) for each in found} <= {
        ("ConcurrentRequestsPerModel", 10)
    }
    averages = [(each.time_s - START, points.statistic(each.point, "Average")) for each in found]
    return {int(at): value for at, value in averages if value is not None}


def complete(bins: Concurrency, after_s: float, instances: int = 1) -> dict[int, float]:
    return values(list(bins.complete(START + after_s, {SUBJECT: instances})))


def test_the_time_that_requests_take_is_how_many_there_are_at_once() -> None:
    bins = Concurrency()
    for second in range(1, 11):
        bins.add(record(START + second, calls=40, each_s=0.1))
    assert complete(bins, 10 + LATE_S) == pytest.approx({0: 4.0})
    assert complete(bins, 10 + LATE_S) == {}, "a bin is told once"


def test_it_is_of_each_instance_and_of_all_gateways_together() -> None:
    bins = Concurrency()
    for _gateway in range(3):
        for second in range(1, 11):
            bins.add(record(START + second, calls=40, each_s=0.1))
    assert complete(bins, 10 + LATE_S, instances=4) == pytest.approx({0: 3.0})


def test_a_long_request_counts_in_each_bin_that_it_lasted_in() -> None:
    bins = Concurrency()
    bins.add(record(START + 25, calls=2, each_s=25.0))
    assert complete(bins, 30 + LATE_S) == pytest.approx({0: 2.0, 10: 2.0, 20: 1.0})


def test_what_comes_for_a_bin_that_was_told_counts_in_the_next() -> None:
    bins = Concurrency()
    bins.add(record(START + 5, calls=1, each_s=1.0))
    assert complete(bins, 10 + LATE_S) == pytest.approx({0: 0.1})
    bins.add(record(START + 15, calls=1, each_s=10.0))
    assert complete(bins, 20 + LATE_S) == pytest.approx({10: 1.0}), "five seconds were before"


def test_zeros_follow_for_a_while_and_then_the_variant_is_forgotten() -> None:
    bins = Concurrency()
    bins.add(record(START + 5, calls=1, each_s=0.5))
    found = complete(bins, 60 + LATE_S)
    assert [*found] == [0, 10, 20, 30, 40, 50]
    assert set(found.values()) == {0.05, 0.0}
    assert SUBJECT in bins.busy
    complete(bins, QUIET_S + 20 + LATE_S)
    assert SUBJECT not in bins.busy
    assert complete(bins, 900) == {}


def test_a_variant_without_instances_has_no_value() -> None:
    bins = Concurrency()
    bins.add(record(START + 5, calls=1, each_s=0.5))
    assert values(list(bins.complete(START + 20, {}))) == {}


def test_hours_in_which_the_machine_slept_have_no_bins() -> None:
    bins = Concurrency()
    bins.add(record(START + 5, calls=1, each_s=1.0))
    assert len(complete(bins, 8 * 3600)) == 1 + QUIET_S / 10
    assert not bins.busy
