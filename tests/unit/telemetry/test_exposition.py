"""Prometheus's page: every line of the format, and histograms whose counts are exact."""

import re

from hypothesis import given
from hypothesis import strategies as st

from hostler.domain import latencies
from hostler.domain.subject import Subject
from hostler.telemetry import endpoint_metrics, exposition, totals
from hostler.telemetry.endpoint_metrics import Latencies, Record, Shadow
from hostler.telemetry.exposition import Family, Kind
from hostler.telemetry.totals import Totals
from prometheus_page import Page, read

SUBJECT = Subject("123456789012", "us-east-1", "demo", "v")


def record(
    answered: dict[int, int], *, refused: int = 0, errors: int = 0, shadow: Shadow | None = None
) -> Record:
    """A second's record of so many answers by latency (µs)."""
    buckets: dict[int, int] = {}
    for latency, count in answered.items():
        bucket = latencies.bucket_of(latency)
        buckets[bucket] = buckets.get(bucket, 0) + count
    spread = Latencies(sum(latency * count for latency, count in answered.items()), buckets)
    calls = sum(answered.values()) + refused
    told = endpoint_metrics.VERSION, 1.0, *SUBJECT, calls, refused, errors, spread, spread
    return Record(*told, shadow=shadow)


def page(counted: Totals) -> Page:
    return read(exposition.text(counted.families()))


def test_a_page_of_every_kind() -> None:
    odd = 'a "quoted"\\ name\nof two lines'
    family = Family("some_total", Kind.COUNTER, "What it\nis.")
    family.add(3, name=odd)
    family.add(0.5)
    text = exposition.text([family, Family("empty", Kind.GAUGE, "Nothing.")])
    assert text.startswith("# HELP some_total What it\\nis.\n# TYPE some_total counter\n")
    found = read(text)
    assert found.value("some_total", name=odd) == 3
    assert found.value("some_total") == 0.5
    assert "empty" not in text


def test_counters_are_the_sum_of_the_records() -> None:
    counted = Totals()
    counted.add(record({0: 1, 1000: 2}, refused=3, errors=1))
    counted.add(record({3_000_000: 1}))
    found, who = page(counted), SUBJECT._asdict()
    assert found.value("hostler_invocations_total", **who) == 7
    assert found.value("hostler_invocation_errors_total", **who, status="4xx") == 3
    assert found.value("hostler_invocation_errors_total", **who, status="5xx") == 1
    assert found.value("hostler_invocations_refused_total", **who) == 3
    model = "hostler_model_latency_seconds"
    assert found.value(f"{model}_count", **who) == 3  # without the one that was not answered
    assert found.value(f"{model}_sum", **who) == 3.002
    assert found.value(f"{model}_bucket", **who, le="0.001024") == 2
    assert found.value(f"{model}_bucket", **who, le="+Inf") == 3
    assert found.value("hostler_overhead_latency_seconds_count", **who) == 4
    counted.keep_only([SUBJECT])
    assert page(counted).samples == found.samples
    counted.keep_only([])
    assert page(counted).samples == {}


def test_what_a_shadow_was_sent_and_how_it_compares_are_counters() -> None:
    counted, who = Totals(), SUBJECT._asdict()
    counted.add(record({1000: 1}))
    assert not [name for name in page(counted).kinds if "shadow" in name], "it is none"
    counted.add(record({}, shadow=Shadow(3, {"full": 2}, {}, 0)))
    first = page(counted).values("hostler_shadow_answers_total")
    assert sorted(dict(labels)["result"] for labels in first) == sorted(totals.RESULTS)
    assert set(first.values()) == {0}, "they begin at 0, as a rate needs"
    counted.add(record({1000: 3}, errors=1, shadow=Shadow(4, {"full": 1}, {"different": 2}, 1)))
    counted.add(record({1000: 2}, shadow=Shadow(1, {"late": 1}, {"equal": 1, "close": 1}, 0)))
    found = page(counted)
    assert found.value("hostler_shadow_copied_total", **who) == 8
    assert found.value("hostler_shadow_dropped_total", **who, reason="full") == 3
    assert found.value("hostler_shadow_dropped_total", **who, reason="late") == 1
    compared = {"equal": 1, "close": 1, "different": 2, "uncompared": 1}
    for result, number in compared.items():
        assert found.value("hostler_shadow_answers_total", **who, result=result) == number
    assert found.value("hostler_invocation_errors_total", **who, status="5xx") == 1, "its failures"
    counted.keep_only([])
    assert page(counted).samples == {}


@given(st.lists(st.integers(1, 2**30), min_size=1, max_size=40))
def test_a_histograms_counts_are_exact_at_its_bounds(given: list[int]) -> None:
    counted = Totals()
    for latency in given:
        counted.add(record({latency: 1}))
    found = page(counted)
    for bound in totals.BOUNDS_US:
        counts = found.value(
            "hostler_model_latency_seconds_bucket", **SUBJECT._asdict(), le=repr(bound / 1e6)
        )
        assert counts == sum(latency < bound for latency in given)


def test_names_are_those_that_prometheus_wants() -> None:
    counted = Totals()
    counted.add(record({1: 1}, shadow=Shadow(1, {"full": 1}, {"equal": 1}, 0)))
    for name in page(counted).kinds:
        assert re.fullmatch(r"hostler_[a-z_]+(_total|_seconds)", name)
