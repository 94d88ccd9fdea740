import time

import pytest

from hostler.snapshot import clock


def test_a_process_that_is_started_again_after_a_clock_jump_keeps_the_products_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(clock.EPOCH, raising=False)
    clock.begin()
    before = clock.SystemClock()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3600)
    after = clock.SystemClock()
    assert after.now() - before.now() < 60


def test_without_a_supervisor_the_wall_clock_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.EPOCH, raising=False)
    assert abs(clock.SystemClock().now() - time.time()) < 60


def test_the_time_that_the_machine_slept_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(clock.EPOCH, raising=False)
    clock.begin()
    control = clock.SystemClock()
    before, slept_before_s = control.now(), clock.asleep_s()
    real = time.clock_gettime
    monkeypatch.setattr(time, "clock_gettime", lambda of: real(of) + 3600)  # time.monotonic() stood
    assert 3600 <= control.now() - before < 3660
    assert clock.asleep_s() - slept_before_s == pytest.approx(3600, abs=1)
