"""Alarms' rows: found by every filter, changed by one writer at a time, history that is bounded."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from alarm_pieces import NOW, composite_alarm, metric_alarm, standing
from hostler.domain.alarm import (
    Actions,
    Alarm,
    AlarmKind,
    AlarmState,
    Firing,
    HistoryItem,
    HistoryType,
)
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from hostler.store import alarm_history, alarm_queue, alarms, tags
from hostler.store.alarm_history import Filter
from hostler.store.alarm_queue import actions as queue
from hostler.store.alarms import Kept, Wanted
from hostler.store.database import Store, Transaction
from hostler.store.lines import Queued
from memory_stores import memory_store

WHERE = (DEFAULT_ACCOUNT, DEFAULT_REGION)
TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"


@pytest.fixture
def store() -> Iterator[Store]:
    with memory_store() as store:
        yield store


def put(store: Store, *made: Alarm) -> None:
    for each in made:
        store.run(lambda tx, alarm=each: alarms.create(tx, alarm), write=True)


def kept(store: Store, name: str) -> Kept:
    found = store.run(lambda tx: alarms.get(tx, *WHERE, name))
    assert found is not None
    return found


def names(store: Store, wanted: Wanted, after: str | None = None, limit: int = 9) -> list[str]:
    found = store.run(lambda tx: alarms.listed(tx, *WHERE, wanted, after=after, limit=limit))
    return [each.name for each in found]


def item(name: str, at: float, summary: str = "it happened") -> HistoryItem:
    return HistoryItem(name, AlarmKind.METRIC, at, HistoryType.STATE, summary, "{}")


def firing(name: str = "errors") -> Firing:
    state = AlarmState.ALARM
    return Firing(*WHERE, name, AlarmKind.METRIC, TOPIC, state, NOW, "{}")


def test_alarms_are_kept_whole(store: Store) -> None:
    metric, composite = metric_alarm(), composite_alarm("both", "ALARM(errors)")
    put(store, metric, composite)
    assert kept(store, "errors").alarm == metric
    assert kept(store, "both").alarm == composite
    assert store.run(lambda tx: alarms.get(tx, *WHERE, "Errors")) is None


def test_alarms_are_listed_by_every_filter_in_pages(store: Store) -> None:
    told = Actions(ok=(TOPIC,))
    put(
        store,
        metric_alarm("b-1", AlarmState.OK),
        metric_alarm("a_1", AlarmState.ALARM, actions=told),
        metric_alarm("a-2"),
        metric_alarm("A-3"),
        composite_alarm("c", "TRUE"),
    )
    assert names(store, Wanted()) == ["A-3", "a-2", "a_1", "b-1"]
    assert names(store, Wanted(prefix="a")) == ["a-2", "a_1"]
    assert names(store, Wanted(prefix="a_")) == ["a_1"]
    assert names(store, Wanted(state=AlarmState.OK)) == ["b-1"]
    assert names(store, Wanted(action_prefix="arn:aws:sns:")) == ["a_1"]
    assert names(store, Wanted(names=["b-1", "c"])) == ["b-1"]
    assert names(store, Wanted(kinds=tuple(AlarmKind))) == ["A-3", "a-2", "a_1", "b-1", "c"]
    assert names(store, Wanted(), limit=2) == ["A-3", "a-2"]
    assert names(store, Wanted(), after="a-2", limit=2) == ["a_1", "b-1"]
    put(store, replace(metric_alarm("elsewhere"), region="eu-west-1"))
    assert names(store, Wanted(prefix="else")) == []


def test_states_are_told_of_those_that_are_there(store: Store) -> None:
    put(store, metric_alarm("a", AlarmState.OK), composite_alarm("b", "TRUE"))
    found = store.run(lambda tx: alarms.states(tx, *WHERE, ["a", "b", "gone"]))
    assert found == {"a": AlarmState.OK, "b": AlarmState.INSUFFICIENT_DATA}


def test_an_alarm_is_settled_once_with_its_history_and_actions(store: Store) -> None:
    put(store, metric_alarm())
    before = kept(store, "errors")
    after = replace(before.alarm, standing=standing(AlarmState.ALARM))
    items, firings = [item("errors", NOW)], [firing()]

    def settle() -> Kept:
        return store.run(
            lambda tx: alarms.settle(tx, before, after, items=items, firings=firings), write=True
        )

    settle()
    with pytest.raises(ConcurrentChangeError):
        settle()
    assert kept(store, "errors").alarm.standing.state is AlarmState.ALARM
    assert store.run(queue.waiting) == [firing().line]
    queued = store.run(lambda tx: queue.first(tx, firing().line))
    assert queued is not None
    assert queued.item == firing()
    page = store.run(
        lambda tx: alarm_history.page(tx, *WHERE, Filter(), descending=True, after=None, limit=9)
    )
    assert [each for _, each in page] == items


def test_an_action_is_put_off_and_done(store: Store) -> None:
    again = replace(firing("a"), at=NOW + 1)
    store.run(lambda tx: alarm_queue.put(tx, [firing("a"), firing("b"), again]), write=True)

    def first(line: str) -> Queued[Firing] | None:
        return store.run(lambda tx: queue.first(tx, line))

    assert sorted(store.run(queue.waiting)) == [firing("a").line, firing("b").line]
    action = first(again.line)
    assert action is not None
    store.run(lambda tx: queue.put_off(tx, action, NOW + 60), write=True)
    waiting = first(again.line)
    assert waiting is not None
    assert (waiting.item, waiting.due, waiting.attempts) == (firing("a"), NOW + 60, 1)
    store.run(lambda tx: queue.done(tx, waiting), write=True)
    following = first(again.line)
    assert following is not None
    assert following.item == again
    assert first("nothing") is None


def test_a_line_of_actions_is_bounded_and_what_gives_way_is_in_the_history(store: Store) -> None:
    put(store, metric_alarm())
    many = [replace(firing(), at=NOW + turn) for turn in range(alarm_queue.WAITING_MAX + 2)]
    for each in many:
        now = kept(store, "errors")
        store.run(lambda tx, k=now, f=each: alarms.settle(tx, k, k.alarm, firings=[f]), write=True)

    def left(tx: Transaction) -> list[Firing]:
        found = []
        while action := queue.first(tx, firing().line):
            found.append(action.item)
            queue.done(tx, action)
        return found

    assert store.run(left, write=True) == [many[0], *many[3:]]
    page = store.run(
        lambda tx: alarm_history.page(tx, *WHERE, Filter(), descending=False, after=None, limit=9)
    )
    assert [json.loads(each.data)["stateUpdateTimestamp"] for _, each in page] == [
        int(each.at * 1000) for each in many[1:3]
    ]


def test_who_is_due_is_told_apart_by_its_interval(store: Store) -> None:
    metric = metric_alarm().metric
    assert metric is not None
    put(store, metric_alarm("slow"), metric_alarm("fast", metric=replace(metric, period_s=30)))
    put(store, composite_alarm("both", "TRUE"))
    due = store.run(lambda tx: [each.alarm.name for each in alarms.due(tx, [10])])
    assert due == ["fast"]
    assert len(store.run(lambda tx: alarms.due(tx, [10, 60]))) == 2
    assert [each.alarm.name for each in store.run(alarms.composites)] == ["both"]


def test_history_outlives_its_alarm_and_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm_history, "ITEMS_MAX", 3)
    put(store, metric_alarm("a"))
    for number in range(5):
        store.run(
            lambda tx, at=NOW + number: alarm_history.note(tx, *WHERE, item("a", at)), write=True
        )
    store.run(lambda tx: alarm_history.note(tx, *WHERE, item("b", NOW)), write=True)
    store.run(lambda tx: alarms.remove(tx, *WHERE, ["a"]), write=True)
    assert store.run(lambda tx: alarms.get(tx, *WHERE, "a")) is None

    def times(wanted: Filter, *, descending: bool = True) -> list[float]:
        page = store.run(
            lambda tx: alarm_history.page(
                tx, *WHERE, wanted, descending=descending, after=None, limit=9
            )
        )
        return [each.at - NOW for _, each in page]

    assert times(Filter(name="a")) == [4, 3, 2]
    assert times(Filter(name="a"), descending=False) == [2, 3, 4]
    assert times(Filter(start=NOW + 3, end=NOW + 3)) == [3]
    assert times(Filter(type=HistoryType.ACTION)) == []
    assert times(Filter(kinds=(AlarmKind.COMPOSITE,))) == []
    store.run(lambda tx: alarm_history.forget(tx, NOW + 4), write=True)
    assert times(Filter()) == [4]


def test_an_alarm_that_is_forgotten_leaves_no_tags(store: Store) -> None:
    mine, other = metric_alarm(name="mine"), metric_alarm(name="other")
    put(store, mine, other)
    for each in (mine, other):
        store.run(lambda tx, arn=each.arn: tags.put(tx, arn, {"Team": "rc"}), write=True)
    store.run(lambda tx: alarms.remove(tx, *WHERE, ["mine"]), write=True)
    assert store.run(lambda tx: tags.of(tx, mine.arn)) == {}
    assert store.run(lambda tx: tags.of(tx, other.arn)) == {"Team": "rc"}
