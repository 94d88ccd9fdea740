"""Counters and their buckets."""

from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.errors import CallerError
from hostler.domain.subject import Side, Subject
from hostler.gateway.record import BUCKETS, EXAMPLES_MAX, Recorder, bucket_floor, bucket_of

SUBJECT = Subject("123456789012", "us-east-1", "Demo", "AllTraffic")


@given(st.integers(0, 2**41 - 1))
def test_a_bucket_holds_its_latency_within_a_quarter(microseconds):
    bucket = bucket_of(microseconds)
    assert bucket_floor(bucket) <= microseconds
    assert microseconds < bucket_floor(bucket + 1)
    assert microseconds - bucket_floor(bucket) <= microseconds / 4


def test_buckets_are_numbered_without_gaps():
    assert [bucket_of(bucket_floor(bucket)) for bucket in range(BUCKETS)] == list(range(BUCKETS))


def test_what_no_bucket_holds_falls_into_the_last():
    assert bucket_of(2**60) == BUCKETS - 1
    assert bucket_of(-5) == 0


def test_a_record_tells_what_is_new_and_only_that():
    recorder = Recorder()
    counters = recorder.counters(SUBJECT)
    assert recorder.counters(SUBJECT) is counters
    assert list(recorder.records(1.0)) == []
    counters.answered(200, model_us=100, overhead_us=7)
    counters.answered(503, model_us=100, overhead_us=7)
    counters.refused(CallerError("ThrottlingException", "later"))
    counters.refused(CallerError("ServiceUnavailable", "away"))
    (record,) = recorder.records(2.0)
    assert record["at"] == 2.0
    assert (record["invocations"], record["errors_4xx"], record["errors_5xx"]) == (4, 1, 2)
    assert record["model_us"] == {"sum": 200, "buckets": {str(bucket_of(100)): 2}}
    assert record["overhead_us"]["sum"] == 14
    assert list(recorder.records(3.0)) == []


CALL_S_MAX = 60.0


def told(recorder: Recorder) -> int:
    """How many calls there is news of."""
    return sum(record["invocations"] for record in recorder.records(1.0))


def test_variants_that_are_gone_are_forgotten_once_told():
    recorder = Recorder()
    before = recorder.counters(SUBJECT)
    recorder.keep_only(set(), now=100.0, call_s_max=CALL_S_MAX)
    before.answered(200, model_us=1, overhead_us=1)
    recorder.keep_only(set(), now=200.0, call_s_max=CALL_S_MAX)
    assert told(recorder) == 1
    recorder.keep_only(set(), now=200.0, call_s_max=CALL_S_MAX)
    assert recorder.counters(SUBJECT) is not before


def test_variants_that_are_gone_are_kept_for_as_long_as_a_call_may_take():
    recorder = Recorder()
    counters, shadow = recorder.counters(SUBJECT), recorder.shadow(SUBJECT)
    for now in (100.0, 130.0, 160.0):
        recorder.keep_only(set(), now=now, call_s_max=CALL_S_MAX)
        counters.answered(200, model_us=1, overhead_us=1)
        shadow.answered(200, model_us=1, overhead_us=1)
        assert told(recorder) == 2
    recorder.keep_only(set(), now=161.0, call_s_max=CALL_S_MAX)
    assert recorder.counters(SUBJECT) is not counters
    assert recorder.shadow(SUBJECT) is not shadow


def test_a_variant_that_comes_back_is_counted_on_and_goes_anew():
    recorder = Recorder()
    counters = recorder.counters(SUBJECT)
    for now, kept in ((100.0, set()), (130.0, {Side(SUBJECT)}), (180.0, set()), (230.0, set())):
        recorder.keep_only(kept, now=now, call_s_max=CALL_S_MAX)
        assert recorder.counters(SUBJECT) is counters


def test_a_shadow_s_examples_are_bounded_while_nobody_writes_them_down():
    recorder = Recorder()
    counters = recorder.shadow(SUBJECT)
    for number in range(1000):
        counters.compared("different")
        counters.example(str(number))
    (record,) = recorder.records(1.0)
    assert record["shadow"]["examples"] == [str(number) for number in range(EXAMPLES_MAX)]
