"""A gateway's record, as SageMaker's metrics."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.domain import latencies
from hostler.domain.errors import CallerError
from hostler.domain.subject import Side, Subject
from hostler.gateway import record as gateway_record
from hostler.telemetry import endpoint_metrics, points
from hostler.telemetry.metrics import Sample

FAST = settings(max_examples=60, deadline=None)

SUBJECT = Subject("1", "r", "e", "v")


def read(recorder: gateway_record.Recorder) -> endpoint_metrics.Record:
    (written,) = recorder.records(1_700_000_000.5)
    found = endpoint_metrics.read(json.dumps(written))
    assert found is not None
    return found


def named(record: endpoint_metrics.Record, instances: int | None = 1) -> dict[str, Sample]:
    known = {} if instances is None else {Side(SUBJECT): instances}
    found = list(endpoint_metrics.samples(record, known))
    assert all(each.metric.namespace == "AWS/SageMaker" for each in found)
    assert {each.metric.dimensions for each in found} == {
        (("EndpointName", "e"), ("VariantName", "v"))
    }
    return {each.metric.name: each for each in found}


def statistics(sample: Sample, *names: str) -> list[float | None]:
    return [points.statistic(sample.point, name) for name in names]


@pytest.fixture
def recorder() -> gateway_record.Recorder:
    return gateway_record.Recorder()


@pytest.fixture
def counters(recorder: gateway_record.Recorder) -> Any:
    return recorder.counters(SUBJECT)


def test_calls_and_errors(recorder: gateway_record.Recorder, counters: Any) -> None:
    for _ in range(6):
        counters.answered(200, model_us=1000, overhead_us=50)
    counters.answered(400, model_us=900, overhead_us=40)
    counters.answered(500, model_us=0, overhead_us=0)
    counters.refused(CallerError("ThrottlingException", "later"))
    counters.refused(CallerError("ServiceUnavailable", "away"))
    found = named(read(recorder), 4)
    assert statistics(found["Invocations"], "Sum", "SampleCount", "Average") == [10, 10, 1]
    assert statistics(found["Invocation4XXErrors"], "Sum", "Average") == [2, 0.2]
    assert statistics(found["Invocation5XXErrors"], "Sum", "Average") == [2, 0.2]
    assert statistics(found["InvocationModelErrors"], "Sum", "Average") == [2, 0.2]
    assert statistics(found["InvocationsPerInstance"], "Sum", "Maximum") == [2.5, 0.25]
    assert statistics(found["ModelLatency"], "SampleCount", "Sum") == [7, 6900]
    assert found["ModelLatency"].unit == "Microseconds"
    assert statistics(found["OverheadLatency"], "SampleCount", "Average") == [7, 340 / 7]
    assert {each.unit for name, each in found.items() if "Latency" not in name} == {"None"}


def test_one_call_is_known_exactly(recorder: gateway_record.Recorder, counters: Any) -> None:
    counters.answered(200, model_us=1234, overhead_us=56)
    found = named(read(recorder))
    assert statistics(found["ModelLatency"], "Minimum", "Maximum", "Sum") == [1234] * 3


def test_without_an_answer_there_is_no_latency_and_perhaps_no_share(
    recorder: gateway_record.Recorder, counters: Any
) -> None:
    counters.refused(CallerError("ServiceUnavailable", "away"))
    found = named(read(recorder), None)
    assert sorted(found) == [
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "Invocations",
    ]
    assert statistics(found["InvocationModelErrors"], "Sum") == [0]


@FAST
@given(st.lists(st.integers(1, 60_000_000), min_size=1, max_size=50))
def test_latencies_are_true_to_their_bucket(spread: list[int]) -> None:
    recorder = gateway_record.Recorder()
    counters = recorder.counters(SUBJECT)
    for latency in spread:
        counters.answered(200, model_us=latency, overhead_us=1)
    point = named(read(recorder))["ModelLatency"].point
    assert (point.count, point.total) == (len(spread), sum(spread))
    assert point.least == pytest.approx(min(spread), rel=0.126)
    assert point.greatest == pytest.approx(max(spread), rel=0.126)
    median = points.statistic(point, "p50")
    assert median == pytest.approx(sorted(spread)[(len(spread) - 1) // 2], rel=0.14)
    average = points.statistic(point, "Average")
    assert average is not None
    assert point.least <= average <= point.greatest


@FAST
@given(st.integers(0, latencies.BUCKETS - 2))
def test_the_middle_of_a_bucket_is_in_it(bucket: int) -> None:
    floor, above = latencies.bucket_floor(bucket), latencies.bucket_floor(bucket + 1)
    middle = latencies.bucket_middle(bucket)
    assert floor <= middle < above
    assert all(abs(middle - end) <= end / 8 for end in (floor, above - 1))


def test_zeros() -> None:
    found = list(endpoint_metrics.zeros(Side(SUBJECT), 60))
    names = [*endpoint_metrics.COUNTED, endpoint_metrics.CONCURRENT]
    assert [each.metric.name for each in found] == names
    assert {(each.point.count, each.point.total) for each in found} == {(1, 0)}


@pytest.mark.parametrize("line", ["", "{}", "[hostler] 3 lines of output were lost", '{"v": 1}'])
def test_what_is_no_record(line: str) -> None:
    assert endpoint_metrics.read(line) is None


def test_a_later_version_is_not_guessed_at(
    recorder: gateway_record.Recorder, counters: Any
) -> None:
    counters.answered(200, model_us=1, overhead_us=1)
    (written,) = recorder.records(0.0)
    assert endpoint_metrics.read(json.dumps({**written, "v": 2})) is None
    assert endpoint_metrics.read(json.dumps({**written, "more": 2})) is not None
    for bucket in ("-1", "160", "1e9", "a"):
        strange = {**written, "model_us": {"sum": 1, "buckets": {bucket: 1}}}
        assert endpoint_metrics.read(json.dumps(strange)) is None


def test_during_a_deployment_calls_count_for_their_config_as_well(
    recorder: gateway_record.Recorder,
) -> None:
    whole, side = Side(SUBJECT), Side(SUBJECT, "c-2")
    recorder.counters(SUBJECT, "c-2").answered(200, model_us=9, overhead_us=5)
    record = read(recorder)
    found = [
        (dict(each.metric.dimensions).get("EndpointConfigName"), each.point.total)
        for each in endpoint_metrics.samples(record, {whole: 4, side: 2})
        if each.metric.name == "InvocationsPerInstance"
    ]
    assert found == [(None, 0.25), ("c-2", 0.5)]


def test_a_serverless_variant_has_its_own_metrics(
    recorder: gateway_record.Recorder, counters: Any
) -> None:
    counters.serverless = gateway_record.ServerlessCounters()
    for in_flight in (1, 2, 3, 2):
        counters.serverless.admitted(in_flight, most=4, provisioned=2)
        counters.answered(200, model_us=1000, overhead_us=50)
    counters.serverless.set_up(120_000)
    found = named(read(recorder), None)
    assert "InvocationsPerInstance" not in found
    assert statistics(found["ServerlessConcurrentExecutionsUtilization"], "Maximum") == [0.75]
    assert statistics(found["ModelSetupTime"], "Sum", "SampleCount") == [120_000, 1]
    assert found["ModelSetupTime"].unit == "Microseconds"
    prefix = "ServerlessProvisionedConcurrency"
    assert statistics(found[f"{prefix}Executions"], "Maximum") == [2]
    assert statistics(found[f"{prefix}Utilization"], "Maximum") == [1]
    assert statistics(found[f"{prefix}Invocations"], "Sum") == [3]
    assert statistics(found[f"{prefix}SpilloverInvocations"], "Sum") == [1]
    counters.answered(200, model_us=1000, overhead_us=50)
    assert "ModelSetupTime" not in named(read(recorder), None), "told once"


def test_what_has_no_provisioned_environments_says_nothing_of_them(
    recorder: gateway_record.Recorder, counters: Any
) -> None:
    counters.serverless = gateway_record.ServerlessCounters()
    counters.serverless.admitted(1, most=4, provisioned=0)
    counters.answered(200, model_us=1000, overhead_us=50)
    assert not any("Provisioned" in name for name in named(read(recorder), None))


def test_a_sleeping_variant_has_zeros() -> None:
    found = {
        each.metric.name: statistics(each, "Sum")
        for each in endpoint_metrics.serverless_zeros(SUBJECT, 1, 60.0)
    }
    assert found["Invocations"] == found["ServerlessConcurrentExecutionsUtilization"] == [0]
    assert found["ServerlessProvisionedConcurrencyUtilization"] == [0]
    assert "InvocationsPerInstance" not in found


def test_what_a_shadow_was_sent_and_how_far_it_agrees(recorder: gateway_record.Recorder) -> None:
    shadow = recorder.shadow(SUBJECT)
    shadow.copied = 5
    shadow.answered(200, model_us=1000, overhead_us=50)
    for why in ("full", "full", "session"):
        shadow.drop(why)
    for agreement in ("equal", "close", "equal", None):
        shadow.compared(agreement)
    found = list(endpoint_metrics.samples(read(recorder), {Side(SUBJECT): 1}))
    assert {each.metric.name for each in found if each.metric.namespace == "AWS/SageMaker"} >= {
        "Invocations",
        "ModelLatency",
    }
    told = {
        (each.metric.name, dict(each.metric.dimensions).get("Reason")): points.statistic(
            each.point, "Sum"
        )
        for each in found
        if each.metric.namespace == "Hostler/Shadow"
    }
    assert told == {
        ("Copied", None): 5,
        ("Dropped", None): 3,
        ("Dropped", "full"): 2,
        ("Dropped", "session"): 1,
        ("AnswersEqual", None): 2,
        ("AnswersClose", None): 1,
        ("Uncompared", None): 1,
    }


def test_a_shadow_that_was_sent_nothing_has_no_invocations(
    recorder: gateway_record.Recorder,
) -> None:
    recorder.shadow(SUBJECT).drop("full")
    found = list(endpoint_metrics.samples(read(recorder), {Side(SUBJECT): 1}))
    assert {each.metric.namespace for each in found} == {"Hostler/Shadow"}
