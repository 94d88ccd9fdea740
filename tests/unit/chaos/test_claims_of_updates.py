"""What ``make chaos`` makes of the calls during updates."""

import pytest
from chaos.bad_versions import POLICIES, Cell, judged
from chaos.load import Outcome
from chaos.updates import Update, after
from chaos.versions import Flaw

CANARY = next(policy for policy in POLICIES if policy.name == "CANARY")


def call(began: float, version: str, *, ended: float | None = None) -> Outcome:
    return Outcome(began, began + 0.01 if ended is None else ended, 200, "", version)


def test_only_calls_between_an_end_and_the_next_update_must_find_its_version() -> None:
    done = [Update(1.0, 2.0, "new", ""), Update(3.0, 4.0, "old", "")]
    calls = [call(at, "?") for at in (0.5, 1.5, 2.5, 3.5, 4.5, 5.5)]
    assert [(one.began, version) for one, version in after(calls, done, end=5.0)] == [
        (2.5, "new"),
        (4.5, "old"),
    ]


def holds(flaw: Flaw, calls: list[Outcome], alarmed: float | None) -> list[bool]:
    return [claim.holds for claim in judged(Cell(flaw, CANARY), calls, alarmed)]


@pytest.mark.parametrize(
    ("every", "last", "expected"),
    [
        (10, 60.0, [True, True]),
        (2, 60.0, [False, True]),
        (10, 75.0, [True, False]),
    ],
)
def test_a_version_may_have_its_share_until_soon_after_the_alarm(
    every: int, last: float, expected: list[bool]
) -> None:
    """Calls ten times a second of which each ``every``-th is slow, and an alarm at a minute."""
    calls = [
        call(number / 10, "slow" if number % every == 0 else "good")
        for number in range(100, int(last * 10) + 1)
    ]
    assert holds(Flaw.SLOW, calls, alarmed=60.0) == expected


def test_an_alarm_that_never_went_off_is_no_excuse() -> None:
    calls = [call(1.0, "slow"), *(call(1.0 + n / 10, "good") for n in range(20)), call(3.0, "slow")]
    assert not holds(Flaw.SLOW, calls, alarmed=float("inf"))[1]
    assert holds(Flaw.SLOW, [call(1.0, "good")], alarmed=1.0) == [False]


def test_nobody_is_sent_to_a_version_that_never_was_healthy() -> None:
    assert holds(Flaw.HANGS, [call(1.0, "good")], None) == [True]
    assert holds(Flaw.HANGS, [call(1.0, "good"), call(2.0, "hangs")], None) == [False]


@pytest.mark.parametrize(("last", "expected"), [(29.0, True), (31.5, False)])
def test_one_that_crashes_has_the_calls_that_show_it_and_ten_seconds(
    last: float, expected: bool
) -> None:
    """Ten calls a second, a tenth of them there: twenty take as many seconds."""
    calls = [
        call(number / 10, "crashes" if number % 10 == 0 and number / 10 <= last else "good")
        for number in range(601)
    ]
    calls.append(call(last, "crashes", ended=last + 0.01))
    assert holds(Flaw.CRASHES, calls, None)[1] is expected
