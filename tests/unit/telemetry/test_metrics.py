"""The metrics' database: what is put, merged, rolled up, listed and read."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.store.database import Store
from hostler.telemetry import levels, metric_lists, metric_rollups, metrics, points
from hostler.telemetry.levels import DAY_S, HOUR_S
from hostler.telemetry.metric_lists import Filter
from hostler.telemetry.metrics import Sample
from memory_stores import memory_store

NOW = 1_700_000_000
LATENCY = metrics.metric("1", "r", "A", "Latency", [("V", "b"), ("E", "a")])


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store(metrics.metadata) as made:
        yield made


def sample(time_s: float, *values: float, resolution_s: int = 60, **more: Any) -> Sample:
    point = points.of_values((value, 1.0) for value in values)
    metric = more.get("metric", LATENCY)
    return Sample(metric, time_s, resolution_s, more.get("unit", "None"), point)


def put(store: Store, *samples: Sample, now: float = NOW) -> None:
    store.run(lambda tx: metrics.put(tx, samples, now), write=True)


def read(store: Store, period_s: int = 60, **more: Any) -> list[tuple[int, float, float]]:
    span = {"metric": LATENCY, "start_s": 0, "end_s": 2 * NOW, **more}
    found = store.run(lambda tx: metrics.read(tx, period_s=period_s, **span))
    return [(each.time_s, each.point.count, each.point.total) for each in found]


def roll(store: Store, now: float) -> int:
    """Turn after turn until nothing moves; how many points moved."""
    total = behind = 0
    while True:
        turn = partial(metric_rollups.turn, now_s=now, behind=behind)
        done = store.run(turn, write=True)
        total, behind = total + done.moved, done.behind
        if not done.moved and not behind:
            return total


def test_points_of_one_interval_are_one(store: Store) -> None:
    put(store, sample(NOW, 1, 2), sample(NOW + 1, 3))
    put(store, sample(NOW + 2, 4), sample(NOW + 2, 5, unit="Count"))
    start = levels.start_of(NOW, 60)
    assert read(store, unit="None") == [(start, 4, 10)]
    assert read(store, unit="Count") == [(start, 1, 5)]
    assert read(store, unit="Bytes") == []
    (found,) = store.run(
        lambda tx: metrics.read(
            tx, LATENCY, period_s=60, start_s=0, end_s=2 * NOW, unit="None", sketches=True
        )
    )
    assert points.statistic(found.point, "p50") == pytest.approx(2, rel=0.01)


def test_a_span_includes_its_start_and_not_its_end(store: Store) -> None:
    at = levels.start_of(NOW, 60)
    put(store, sample(at, 1), sample(at + 60, 1))
    assert [time for time, *_ in read(store, start_s=at, end_s=at + 60)] == [at]
    assert [time for time, *_ in read(store, start_s=at + 1, end_s=at + 61)] == [at + 60]


def test_points_move_up_and_end(store: Store) -> None:
    put(store, *(sample(NOW + second, 1, resolution_s=1) for second in range(600)))
    assert len(read(store, 1)) == 600
    for age_s, resolution_s, count in ((3 * HOUR_S, 60, 11), (15 * DAY_S, 300, 3)):
        roll(store, NOW + age_s + 4000)
        assert len(read(store, resolution_s)) == count
        assert sum(each[1] for each in read(store, 3600)) == 600
    roll(store, NOW + 63 * DAY_S + 8000)
    assert len(read(store, 3600)) <= 2
    assert sum(each[1] for each in read(store, 3600)) == 600
    assert read(store, 300) == []
    roll(store, NOW + 456 * DAY_S)
    assert read(store, 3600) == []
    left = store.run(lambda tx: metric_lists.listed(tx, "1", "r", Filter(), after=None, limit=9))
    assert left == [], "a series without points is forgotten"


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 20 * DAY_S), st.sampled_from([1, 10, 60]), st.integers(-5, 99)),
        min_size=1,
        max_size=40,
    )
)
def test_rolling_up_loses_and_doubles_nothing(
    given_ones: list[tuple[int, int, int]],
) -> None:
    made = Store("sqlite://", inline=True, tables=metrics.metadata)
    made.create_tables()
    try:
        put(made, *(sample(NOW - age, value, resolution_s=res) for age, res, value in given_ones))
        before = read(made, 3600)
        roll(made, NOW + DAY_S)
        after = read(made, 3600)
    finally:
        made.close()
    for place in (1, 2):
        assert sum(each[place] for each in before) == sum(each[place] for each in after)
    assert sum(each[1] for each in after) == len(given_ones)


def test_a_turn_is_bounded(store: Store) -> None:
    put(store, *(sample(NOW + second, 1, resolution_s=1) for second in range(2500)))
    done = store.run(lambda tx: metric_rollups.turn(tx, NOW + DAY_S, 0), write=True)
    assert done == metric_rollups.Turn(metric_rollups.POINTS_MAX, 0)
    assert sum(each[1] for each in read(store, 60)) == 2500


@pytest.mark.parametrize("moments", [1, 20], ids=["of one moment", "each of its own"])
def test_many_points_are_found_where_they_are(store: Store, moments: int) -> None:
    made = [metrics.metric("1", "r", "A", f"m{number}", []) for number in range(20)]
    samples = [
        sample(NOW - 60 * (number % moments), 1, metric=metric)
        for number, metric in enumerate(made)
    ]
    put(store, *samples)
    put(store, *samples)
    store.run(lambda tx: metrics.put_missing(tx, samples, NOW), write=True)
    later = samples[0]._replace(time_s=NOW + 60)
    store.run(lambda tx: metrics.put_missing(tx, [*samples, later], NOW), write=True)
    counts = [sum(each[1] for each in read(store, 60, metric=metric)) for metric in made]
    assert counts == [3, *[2] * 19]


def test_lists_in_pages(store: Store) -> None:
    made = [
        metrics.metric("1", "r", space, name, dims)
        for space in ("A", "B")
        for name in ("m", "n")
        for dims in ([], [("E", "a")], [("E", "b"), ("V", "c")])
    ]
    put(store, *(sample(NOW, 1, metric=metric) for metric in made))
    put(store, sample(NOW, 1, metric=metrics.metric("2", "r", "A", "m", [])))
    put(store, sample(NOW, 1, metric=made[0]), now=NOW + metrics.ACTIVE_STEP_S)

    def listed(limit: int = 100, after: Any = None, **wanted: Any) -> list[metrics.Metric]:
        return list(
            store.run(
                lambda tx: metric_lists.listed(
                    tx, "1", "r", Filter(**wanted), after=after, limit=limit
                )
            )
        )

    assert sorted(made, key=lambda m: (m.namespace, m.name, m.text)) == listed()
    pages: list[metrics.Metric] = []
    while page := listed(
        5, (pages[-1].namespace, pages[-1].name, pages[-1].text) if pages else None
    ):
        pages += page
    assert pages == listed()
    assert len(listed(namespace="A")) == 6
    assert len(listed(name="n", namespace="B")) == 3
    assert len(listed(dimensions=(("E", None),))) == 8
    assert len(listed(dimensions=(("E", "b"), ("V", None)))) == 4
    assert listed(dimensions=(("E", "a"), ("V", None))) == []
    assert len(listed(active_since_s=NOW + metrics.ACTIVE_STEP_S)) == len(made)
    assert listed(active_since_s=NOW + metrics.ACTIVE_STEP_S + 1) == [made[0]]
