"""Counters and their buckets."""

from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.errors import CallerError
from hostler.domain.subject import Subject
from hostler.gateway.record import BUCKETS, Recorder, bucket_floor, bucket_of

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


def test_variants_that_are_gone_are_forgotten_once_told():
    recorder = Recorder()
    recorder.counters(SUBJECT).answered(200, model_us=1, overhead_us=1)
    recorder.keep_only(set())
    assert len(list(recorder.records(1.0))) == 1
    before = recorder.counters(SUBJECT)
    recorder.keep_only(set())
    assert recorder.counters(SUBJECT) is not before
