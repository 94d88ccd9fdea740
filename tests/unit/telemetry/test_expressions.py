"""Metric math: what is understood, what it means, and what is refused."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.telemetry import expressions, timelines
from hostler.telemetry.evaluate import Evaluator, Value
from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.timelines import Line

FAST = settings(max_examples=60, deadline=None)

GRID = range(0, 300, 60)


def line(*values: float | None, label: str = "", period: int = 60) -> Line:
    times = range(0, 300, period)
    found = {at: value for at, value in zip(times, values, strict=False) if value is not None}
    return Line(found, times, label)


METRICS = {
    "m1": line(1, 2, 3, 4, 5, label="one"),
    "m2": line(10, None, 0, 40, label="two"),
    "errors3": line(1, 1, 1, 1, 1, label="errors"),
    "gaps": line(None, 4, None, None, 10),
}


def evaluate(text: str, metrics: dict[str, Line] | None = None) -> Value:
    known = METRICS if metrics is None else metrics

    def find(name: str) -> Value:
        if name not in known:
            raise ExpressionError(f"unknown {name}")
        return known[name]

    def every() -> Sequence[tuple[str, Line]]:
        return [(name, found) for name, found in known.items() if name != "gaps"]

    return Evaluator(find, every).value(expressions.parse(text))


def values(text: str) -> list[float | None]:
    found = evaluate(text)
    assert isinstance(found, Line)
    return [found.values.get(at) for at in GRID]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m1 + m2", [11, None, 3, 44, None]),
        ("m1 / m2", [0.1, None, None, 0.1, None]),
        ("100 * (m1 - 1) / 2", [0, 50, 100, 150, 200]),
        ("-m1 ^ 2", [-1, -4, -9, -16, -25]),
        ("2 - -m1", [3, 4, 5, 6, 7]),
        ("m1 - SUM(m1)", [-14, -13, -12, -11, -10]),
        ("SUM([m1, m2])", [11, 2, 3, 44, 5]),
        ("AVG([m1, m2])", [5.5, 2, 1.5, 22, 5]),
        ("MAX(METRICS())", [10, 2, 3, 40, 5]),
        ("MIN(METRICS())", [1, 1, 0, 1, 1]),
        ('SUM(METRICS("err"))', [1, 1, 1, 1, 1]),
        ("FILL(m2, 0)", [10, 0, 0, 40, 0]),
        ("FILL(m2, REPEAT)", [10, 10, 0, 40, 40]),
        ("FILL(gaps, REPEAT)", [None, 4, 4, 4, 10]),
        ("FILL(gaps, LINEAR)", [None, 4, 6, 8, 10]),
        ("IF(m1 > 2 AND m1 <= 4, m1, 0)", [0, 0, 3, 4, 0]),
        ("IF(m1 == 1 || m1 != 5, m2)", [10, None, 0, 40, None]),
        ("IF(1, m1, m2)", [1, 2, 3, 4, 5]),
        ("RATE(m1) * 60", [None, 1, 1, 1, 1]),
        ("DIFF(gaps)", [None, None, None, None, 6]),
        ("m1 * PERIOD(m1)", [60, 120, 180, 240, 300]),
        ("m1 * 1e308 * 10", [None] * 5),
    ],
)
def test_meaning(text: str, expected: list[float | None]) -> None:
    assert values(text) == [None if e is None else pytest.approx(e) for e in expected]


def test_a_long_sum_is_no_deep_one() -> None:
    text = "+".join(["m1"] * 680)
    assert values(text)[0] == 680
    assert expressions.names(expressions.parse(text)) == {"m1"}


def test_an_array_keeps_its_labels() -> None:
    found = evaluate("1 / METRICS()")
    assert isinstance(found, tuple)
    assert [each.label for each in found] == ["one", "two", "errors"]


def test_lines_of_two_periods_meet_at_the_coarser_one() -> None:
    found = evaluate("m1 + c", {"m1": METRICS["m1"], "c": line(1, 2, period=120)})
    assert isinstance(found, Line)
    assert (found.values, found.grid.step) == ({0: 2.0, 120: 5.0}, 120)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("m1 +", "ends too early"),
        ("m1 m2", "'m2' was not expected"),
        ("(m1", "'\\)' is missing"),
        ("m1 $ 2", "unexpected character '\\$'"),
        ("SEARCH('x', 'Sum', 300)", "SEARCH cannot be used here"),
        ("nobody", "unknown nobody"),
        ("RATE(1)", "a time series is needed"),
        ("SUM(1)", "not a number"),
        ("[m1] + [m2]", "between two arrays"),
        ("PERIOD(METRICS())", "not an array"),
        ("FILL(m1)", "FILL takes 2 arguments, not 1"),
        ("FILL(m1, m2)", "FILL fills with"),
        ("METRICS(m1)", "takes a text"),
        ('METRICS("nothing")', "finds no metric"),
        ("m1 + 'text'", "only in METRICS"),
        ("REPEAT", "only in FILL"),
        ("IF(0, m1)", "third argument"),
        ("1 / 0", "no result"),
        ("(" * 60 + "m1" + ")" * 60, "deeper than 50"),
        ("-" * 2000 + "m1", "deeper than 50"),
    ],
)
def test_what_is_refused(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        evaluate(text)


@FAST
@given(st.text(alphabet="m1e+-*/^()[],.\"' <>=&|FILSUM0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree = expressions.parse(text)
    except ExpressionError:
        return
    assert expressions.names(tree) <= set(text.replace("[", " ").split()) | expressions.names(tree)


LINES = st.dictionaries(st.sampled_from(list(GRID)), st.floats(-1e6, 1e6)).map(
    lambda found: Line(found, GRID)
)


@FAST
@given(LINES, LINES)
def test_laws_of_lines(one: Line, other: Line) -> None:
    given_ones = {"m1": one, "m2": other}
    assert evaluate("m1 + m2", given_ones) == evaluate("m2 + m1", given_ones)
    assert evaluate("m1 - m1", given_ones) == timelines.mapped(one, lambda _: 0.0)
    full = evaluate("FILL(m1, 7)", given_ones)
    assert isinstance(full, Line)
    assert list(full.values) == list(GRID)
    total = evaluate("SUM([m1, m2])", given_ones)
    assert isinstance(total, Line)
    assert total.values.keys() == one.values.keys() | other.values.keys()
    expected = math.fsum([*one.values.values(), *other.values.values()])
    assert math.isclose(math.fsum(total.values.values()), expected, abs_tol=1e-6)
