"""`hostler shadow report` in words and numbers, from what CloudWatch tells."""

from datetime import UTC, datetime

from hostler.cli.shadow import REASONS, Report, Window, _queries
from hostler.gateway.copied import Drop

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
LIVE = {"VariantName": "live", "CurrentWeight": 2.0, "CurrentInstanceCount": 2}
NEXT = {"VariantName": "next", "CurrentWeight": 0.5, "CurrentInstanceCount": 1}


def report(**measured: float) -> Report:
    return Report.of("demo", START, LIVE, NEXT, measured)


def test_every_reason_for_a_drop_is_asked_for() -> None:
    assert set(REASONS) == {each.value for each in Drop}


def test_nothing_measured_is_told_as_nothing() -> None:
    made = report()
    assert made.agreement is None
    assert made.shadow.p99_us is None
    assert [*made.lines()] == [
        "demo since 2026-01-31T12:00:00+00:00",
        "copied to the shadow: 0",
        "no answers were compared",
    ]


def test_shares_drops_and_agreement_are_told() -> None:
    made = report(
        live_invocations=1000,
        copy_invocations=240,
        live_p50_us=900.0,
        copied=245,
        dropped_full=4,
        dropped_session=1,
        equal=180,
        close=45,
        different=15,
        uncompared=5,
    )
    assert made.agreement == 225 / 240
    assert [*made.lines()][1:] == [
        "copied to the shadow: 245 (24.5% of 1000)",
        "not copied, or not taken: 4 full, 1 session",
        "answers: 180 equal, 45 close, 15 different (93.8% agree), 5 not compared",
    ]
    assert (made.production.invocations, made.production.p50_us) == (1000, 900.0)
    assert (made.shadow.invocations, made.shadow.weight) == (240, 0.5)


def test_the_whole_window_is_one_period_of_whole_minutes() -> None:
    window = Window(START, START.replace(minute=10, second=30))
    asked = [window._query(*each) for each in _queries("demo", "live", "next")]
    assert {each["MetricStat"]["Period"] for each in asked} == {660}
    assert len({each["Id"] for each in asked}) == len(asked) == 25
