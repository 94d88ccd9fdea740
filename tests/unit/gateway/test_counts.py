"""Counts that gateways share: several views of one page, and several processes."""

import multiprocessing
import os
import random
import signal
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from hostler.gateway import counts
from hostler.gateway.counts import Counts, CountsError


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "counts"


@pytest.fixture
def pair(page: Path) -> Iterator[tuple[Counts, Counts]]:
    first, second = Counts(page), Counts(page)
    first.look()
    yield first, second
    first.close()
    second.close()


def row_of(view: Counts, name: str) -> int:
    row = view.hold(name)
    assert row is not None
    return row


def test_a_count_is_the_sum_over_gateways(pair: tuple[Counts, Counts]) -> None:
    first, second = pair
    row = row_of(first, "i-1")
    assert row_of(second, "i-1") == row
    first.add(row, 3)
    second.add(row, 4)
    second.add(row, -1)
    assert first.total(row) == second.total(row) == 6
    assert row_of(second, "i-2") != row
    assert first.total(row_of(first, "i-2")) == 0


def test_a_row_is_kept_until_all_who_share_it_have_let_go(pair: tuple[Counts, Counts]) -> None:
    first, second = pair
    row = first.join("v")
    assert row is not None
    assert first.join("v") == row
    first.add(row, 2)
    first.let_go("v")
    assert (first.held("v"), second.total(row)) == (row, 2), "the other's, which are not answered"
    first.add(row, -2)
    first.let_go("v")
    assert first.held("v") is None


def test_a_count_below_zero_is_told_and_breaks_nothing(
    pair: tuple[Counts, Counts], caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = pair
    row = row_of(first, "i-1")
    first.add(row, -1)
    assert "counted down more often than up" in caplog.text
    first.add(row, 1)
    assert first.total(row) == 1


def test_one_gateway_knows_that_it_is_alone(page: Path) -> None:
    first = Counts(page)
    assert first.alone
    second = Counts(page)
    first.look()
    assert not first.alone
    second.close()
    first.look()
    assert first.alone
    first.close()


def test_a_gateway_that_joins_counts_at_once(page: Path) -> None:
    first = Counts(page)
    row = row_of(first, "account")
    second = Counts(page)
    second.add(row_of(second, "account"), 5)
    assert first.total(row) == 5, "before it looks again"
    assert not first.admit(row, 5)
    assert first.admit(row, 6)
    first.close()
    second.close()


def test_a_name_that_nobody_holds_makes_room_for_another(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = Counts(page)
    rows = [view.hold(f"i-{number}") for number in range(counts.ROWS)]
    assert sorted(row for row in rows if row is not None) == list(range(counts.ROWS))
    assert view.hold("one-too-many") is None
    view.add(7, 2)
    view.let_go("i-7")
    assert view.hold("another") == 7
    assert view.total(7) == 0
    view.close()


def test_the_limit_holds_over_gateways(pair: tuple[Counts, Counts]) -> None:
    first, second = pair
    row = row_of(first, "account")
    row_of(second, "account")
    admitted = [view.admit(row, 5) for _ in range(4) for view in pair]
    assert sum(admitted) == 5
    first.add(row, -1)
    assert second.admit(row, 5)
    assert not first.admit(row, 5)


def test_a_page_of_another_version_is_refused(page: Path) -> None:
    page.write_bytes(b"HSTCNT99" + bytes(2 << 20))
    with pytest.raises(CountsError, match="version"):
        Counts(page)


def test_more_gateways_than_columns_are_told(page: Path) -> None:
    views = [Counts(page) for _ in range(counts.COLUMNS)]
    with pytest.raises(CountsError, match="32 gateways"):
        Counts(page)
    views[3].close()
    views[3] = Counts(page)
    for view in views:
        view.close()


def test_a_page_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(CountsError, match="No such file"):
        Counts(tmp_path / "missing" / "counts")


def test_who_was_stopped_alone_with_the_page_holds_nobody_up(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Counts(page), Counts(page)
    monkeypatch.setattr(counts, "OPENING_S_MAX", 0.01)
    row = row_of(first, "account")
    second.look()
    with first._alone():
        assert second.hold("new") is None
        assert not second.admit(row, 0)
        second.look()
        with pytest.raises(CountsError):
            Counts(page)
    assert second.hold("new") is not None
    first.close()
    second.close()


LIMIT, EACH = 7, 1500


def _compete(
    page: Path, seed: int, highest: "multiprocessing.sharedctypes.Synchronized[int]"
) -> None:
    """Take and give places at random; what is held is counted a second time, under a lock."""
    view = Counts(page)
    row = row_of(view, "account")
    draw = random.Random(seed)
    held = 0
    for _ in range(EACH):
        if draw.random() < 0.6:
            if view.admit(row, LIMIT):
                held += 1
                with highest.get_lock():
                    highest.value += 1
                    assert highest.value <= LIMIT
        elif held:
            with highest.get_lock():
                highest.value -= 1
            held -= 1
            view.add(row, -1)
    with highest.get_lock():
        highest.value -= held
    view.add(row, -held)
    view.close()


def test_processes_that_compete_never_exceed_the_limit(page: Path) -> None:
    context = multiprocessing.get_context("spawn")
    highest = context.Value("i", 0)
    workers = [context.Process(target=_compete, args=(page, seed, highest)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    view = Counts(page)
    assert view.total(row_of(view, "account")) == 0
    view.close()


def _die_holding(page: Path, counted: Event) -> None:
    view = Counts(page)
    view.add(row_of(view, "i-1"), 9)
    counted.set()
    signal.pause()


def test_what_a_killed_gateway_had_counted_is_struck_out(page: Path) -> None:
    context = multiprocessing.get_context("spawn")
    counted = context.Event()
    victim = context.Process(target=_die_holding, args=(page, counted))
    view = Counts(page)
    row = row_of(view, "i-1")
    victim.start()
    assert counted.wait(60)
    view.look()
    assert view.total(row) == 9
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(60)
    view.look()
    assert view.total(row) == 0
    assert view.alone
    view.close()


def test_a_look_costs_nothing_where_nobody_is_left(page: Path) -> None:
    """It is taken twice a second, on the loop: all rows of all columns would be 15 ms."""
    view = Counts(page)
    others = [Counts(page) for _ in range(5)]
    for other in others:
        row_of(other, "i-1")
        other.close()
    struck: list[int] = []
    seen = view._strike_out
    view._strike_out = lambda column: struck.append(column) or seen(column)  # type: ignore[method-assign, func-returns-value]
    view.look()
    assert struck == [1, 2, 3, 4, 5]
    struck.clear()
    view.look()
    assert struck == []
    view.close()
