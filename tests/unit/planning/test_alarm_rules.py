"""Composite alarms' rules: read, evaluated, refused with the place, put in order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarm_pieces import composite_alarm
from hostler.domain.alarm import AlarmState
from hostler.planning import alarm_rules
from hostler.planning.alarm_rules import RuleError

STATES = {"a": AlarmState.ALARM, "b": AlarmState.OK, "c d": AlarmState.INSUFFICIENT_DATA}
ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:c d"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("ALARM(a)", True),
        ('ALARM("b")', False),
        ("OK( b )", True),
        ('INSUFFICIENT_DATA("c d")', True),
        (f'INSUFFICIENT_DATA("{ARN}")', True),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(a) OR ALARM(b)", True),
        ("NOT ALARM(b)", True),
        ("NOT NOT ALARM(b)", False),
        ("TRUE OR FALSE AND FALSE", True),
        ("(TRUE OR FALSE) AND FALSE", False),
        ("NOT FALSE AND FALSE", False),
        ("NOT (FALSE AND FALSE)", True),
        ("ALARM(a)AND(OK(b))", True),
        ("  ALARM(a)\n\tAND OK(b) ", True),
        ("ALARM(gone) OR OK(gone) OR INSUFFICIENT_DATA(gone)", False),
    ],
)
def test_rules_hold_or_do_not(text: str, expected: bool) -> None:
    assert alarm_rules.holds(alarm_rules.parse(text), STATES) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends too early"),
        ("ALARM(a) AND", "ends too early"),
        ("ALARM", r'takes the name or the ARN of one alarm, as in ALARM\("name"\)'),
        ("ALARM()", "takes the name"),
        ('ALARM("")', "names no alarm"),
        ("ALARM(a b)", "takes the name"),
        ("(ALARM(a)", r"'\)' is missing"),
        ("ALARM(a))", r"'\)' was not expected at character 9"),
        ("ALARM(a) XOR ALARM(b)", "'XOR' was not expected at character 9"),
        ("alarm(a)", r"'alarm\(a\)' was not expected"),
        ("AT_LEAST(1, ALARM, (a))", "was not expected"),
        ("(" * 51 + "TRUE" + ")" * 51, "nested deeper than 50"),
        ("NOT " * 52 + "TRUE", "nested deeper than 50"),
        (" OR ".join(["TRUE"] * 501), "more than 500 elements"),
        (" OR ".join(f"ALARM(a{number})" for number in range(101)), "more than 100 alarms"),
    ],
)
def test_what_is_no_rule_is_refused(text: str, problem: str) -> None:
    with pytest.raises(RuleError, match=problem):
        alarm_rules.parse(text)


def test_children_are_named_once_whether_by_name_or_arn() -> None:
    alarm = composite_alarm("x", f'ALARM(a) OR (OK(a) AND NOT ALARM("{ARN}"))')
    assert alarm_rules.names(alarm) == ("a", "c d")


def test_alarms_come_after_those_they_use_and_circles_are_found() -> None:
    order, circling = alarm_rules.in_order({"top": ["middle", "a"], "middle": ["b"], "x": []})
    assert order.index("middle") < order.index("top")
    assert (sorted(order), circling) == (["middle", "top", "x"], frozenset())
    assert alarm_rules.in_order({"self": ["self"]})[1] == {"self"}
    assert alarm_rules.in_order({"a": ["b"], "b": ["c"], "c": ["a"], "d": []}) == (
        ["d"],
        frozenset("abc"),
    )


@given(st.text('ALRM()OKTUEFSNDI_ "ab', max_size=40))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = alarm_rules.parse(text)
    except RuleError:
        return
    assert alarm_rules.holds(rule, STATES) in (True, False)
