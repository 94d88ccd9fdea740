"""Condition operators, one case per rule of AWS's pages.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from typing import Any

import pytest

from hostler.iam import conditions
from hostler.iam.answer import Answer
from hostler.iam.context import ABSENT, EVERYTHING_ELSE, Facts
from hostler.iam.grammar import Condition

YES, MAYBE, NO = Answer.YES, Answer.MAYBE, Answer.NO
ROLE = "arn:aws:iam::123456789012:role/r"


def answer(operator: str, wanted: Any, given: Any, **more: Any) -> Answer:
    """Of ``{operator: {"k:k": wanted}}`` where the request has ``given``; None: nobody knows."""
    values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
    checks = conditions.compiled([Condition(operator, "k:K", values)], has_variables=True)
    context = {"K:k": given, **{name.replace("_", ":"): value for name, value in more.items()}}
    return conditions.answer(checks, Facts({}, {**context, EVERYTHING_ELSE: ABSENT}))


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        # Strings: with case, whole, wildcards only in Like.
        ("StringEquals", "red", "red", YES),
        ("StringEquals", "red", "Red", NO),
        ("StringEquals", "re*", "red", NO),
        ("StringEquals", ["blue", "red"], "red", YES),
        ("StringNotEquals", "red", "blue", YES),
        ("StringNotEquals", ["blue", "red"], "red", NO),
        ("StringEqualsIgnoreCase", "red", "RED", YES),
        ("StringNotEqualsIgnoreCase", "red", "RED", NO),
        ("StringEqualsIgnoreCase", "straße", "STRASSE", MAYBE),
        ("StringLike", "r*", "red", YES),
        ("StringLike", "r?d", "red", YES),
        ("StringLike", "R*", "red", NO),
        ("StringNotLike", ["b*", "r*"], "red", NO),
        ("StringNotLike", "b*", "red", YES),
        # Numbers: by value.
        ("NumericEquals", "10", "10.0", YES),
        ("NumericNotEquals", "10", "11", YES),
        ("NumericLessThan", "10", "9", YES),
        ("NumericLessThan", "10", "10", NO),
        ("NumericLessThanEquals", "10", "10", YES),
        ("NumericGreaterThan", "9", "10", YES),
        ("NumericGreaterThan", "10", "9", NO),
        ("NumericGreaterThanEquals", "10", "9", NO),
        ("NumericLessThan", "ten", "9", MAYBE),
        ("NumericLessThan", "10", "nine", MAYBE),
        ("NumericLessThan", "NaN", "9", MAYBE),
        ("NumericLessThan", "1e3", "9", MAYBE),
        # Dates: ISO 8601 or seconds of the epoch.
        ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", YES),
        ("DateEquals", "2026-01-01", "2026-01-01T01:00:00+01:00", YES),
        ("DateNotEquals", "2026-01-01", "2026-01-02", YES),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", YES),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", NO),
        ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", YES),
        ("DateGreaterThan", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:01Z", YES),
        ("DateGreaterThanEquals", "2026-01", "2025-12-31", NO),
        ("DateGreaterThan", "2026", "2026-06-01", MAYBE),
        ("DateGreaterThan", "2026-01-01T00:00:00", "2026-06-01", MAYBE),
        ("DateGreaterThan", "2026-02-31", "2026-06-01", MAYBE),
        # Booleans.
        ("Bool", "true", "true", YES),
        ("Bool", "true", "false", NO),
        ("Bool", ["true", "false"], "false", YES),
        ("Bool", "yes", "true", MAYBE),
        # Bytes, as base64.
        ("BinaryEquals", "QUJD", "QUJD", YES),
        ("BinaryEquals", "QUJD", "QUJE", NO),
        ("BinaryEquals", "not base64", "QUJD", MAYBE),
        # Addresses: CIDR, /32 or /128 without a prefix, IPv6 and IPv4 apart.
        ("IpAddress", "203.0.113.0/24", "203.0.113.9", YES),
        ("IpAddress", "203.0.113.0/24", "203.0.114.9", NO),
        ("IpAddress", "203.0.113.9", "203.0.113.9", YES),
        ("IpAddress", "203.0.113.9/24", "203.0.113.1", YES),
        ("NotIpAddress", ["203.0.113.0/24", "10.0.0.0/8"], "10.0.0.1", NO),
        ("NotIpAddress", "203.0.113.0/24", "10.0.0.1", YES),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", YES),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1", NO),
        ("IpAddress", "203.0.113.0/24", "::ffff:203.0.113.9", YES),
        ("IpAddress", "203.0.113.0/255.255.255.0", "203.0.113.9", MAYBE),
        ("IpAddress", "somewhere", "203.0.113.9", MAYBE),
        ("IpAddress", "203.0.113.0/24", "", MAYBE),
        # ARNs: six parts, each by itself; Equals and Like are the same.
        ("ArnEquals", "arn:aws:iam::123456789012:role/*", ROLE, YES),
        ("ArnLike", "arn:aws:iam::*:role/r", ROLE, YES),
        ("ArnLike", "arn:aws:iam:*:role/r", ROLE, MAYBE),
        ("ArnLike", "arn:*:r", ROLE, MAYBE),
        ("ArnNotEquals", "arn:aws:iam::*:user/*", ROLE, YES),
        ("ArnNotLike", "arn:aws:iam::*:role/?", ROLE, NO),
        ("ArnLike", "arn:aws:iam::*:role/r", "no ARN", MAYBE),
    ],
)
def test_operators(operator: str, wanted: Any, given: str, expected: Answer) -> None:
    assert answer(operator, wanted, given) is expected


@pytest.mark.parametrize("name", sorted(conditions.OPERATORS))
def test_an_absent_key_matches_nothing(name: str) -> None:
    """«…the condition is false» (and true where the operator is negated); IfExists makes it true.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_IfExists
    """
    negated = "Not" in name
    assert answer(name, "1", ABSENT) is (YES if negated else NO)
    assert answer(f"{name}IfExists", "1", ABSENT) is YES


@pytest.mark.parametrize("name", [*sorted(conditions.OPERATORS), "Null"])
@pytest.mark.parametrize("over", ["", "ForAllValues:", "ForAnyValue:"])
@pytest.mark.parametrize("end", ["", "IfExists"])
def test_a_key_that_nobody_knows_settles_nothing(name: str, over: str, end: str) -> None:
    assert answer(f"{over}{name}{end}", "true", None) is MAYBE


@pytest.mark.parametrize(
    ("wanted", "given", "expected"),
    [
        ("true", ABSENT, YES),
        ("true", "x", NO),
        ("false", ABSENT, NO),
        ("false", "x", YES),
        (["true", "false"], "x", YES),
        ("perhaps", "x", MAYBE),
        ([], "x", MAYBE),
        ("false", "", MAYBE),
    ],
)
def test_null_asks_whether_the_key_is_absent(wanted: Any, given: Any, expected: Answer) -> None:
    """…condition_operators.html#Conditions_Null"""
    assert answer("Null", wanted, given) is expected


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "expected"),
    [
        # Every value of the request matches one of the policy; true without any.
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], YES),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], NO),
        ("ForAllValues:StringEquals", ["a", "b"], ABSENT, YES),
        ("ForAllValues:StringEquals", ["a", "b"], "", YES),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], YES),
        ("ForAllValues:StringNotEquals", ["a", "b"], ["a", "c"], NO),
        ("ForAllValues:StringLike", ["a*"], ["ab", "ac"], YES),
        # One of them does; false without any, whatever the operator.
        ("ForAnyValue:StringEquals", ["a", "b"], ["a", "c"], YES),
        ("ForAnyValue:StringEquals", ["a", "b"], ["c"], NO),
        ("ForAnyValue:StringEquals", ["a", "b"], ABSENT, NO),
        ("ForAnyValue:StringEquals", [""], "", NO),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], YES),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], NO),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ABSENT, NO),
        ("ForAnyValue:StringEqualsIfExists", ["a"], ABSENT, YES),
        ("ForAllValues:NumericLessThan", ["10"], ["1", "2"], YES),
        ("ForAnyValue:IpAddress", ["10.0.0.0/8"], ["192.0.2.1", "10.0.0.1"], YES),
        # Without either, several values are only clear where all of them agree.
        ("StringEquals", ["a"], ["a", "b"], MAYBE),
        ("StringEquals", ["a", "b"], ["a", "b"], YES),
        ("StringEquals", [], "a", MAYBE),
    ],
)
def test_keys_with_several_values(operator: str, wanted: Any, given: Any, expected: Answer) -> None:
    """…/reference_policies_condition-single-vs-multi-valued-context-keys.html"""
    assert answer(operator, wanted, given) is expected


def test_all_operators_and_keys_must_hold_and_one_of_the_values() -> None:
    """…/reference_policies_condition-logic-multiple-context-keys-or-values.html"""
    checks = conditions.compiled(
        [
            Condition("StringEquals", "a:a", ("1", "2")),
            Condition("StringEquals", "b:b", ("3",)),
            Condition("Bool", "c:c", ("true",)),
        ],
        has_variables=True,
    )
    right = {"a:a": "2", "b:b": "3", "c:c": "true"}
    assert conditions.answer(checks, Facts({}, right)) is YES
    for key in right:
        assert conditions.answer(checks, Facts({}, {**right, key: "0"})) is not YES


@pytest.mark.parametrize(
    ("operator", "wanted", "given", "team", "expected"),
    [
        ("StringEquals", "${t:team}", "red", "red", YES),
        ("StringEquals", "${T:Team}-x", "red-x", "red", YES),
        ("StringEquals", "${t:team}", "blue", "red", NO),
        ("StringLike", "${t:team}/*", "red/k", "red", YES),
        ("ArnLike", "arn:aws:iam::*:role/${t:team}", ROLE, "r", YES),
        # Null equals nothing, so that a negated operator holds; a default stands for it.
        ("StringEquals", "${t:team}", "red", ABSENT, NO),
        ("StringNotEquals", "${t:team}", "red", ABSENT, YES),
        ("StringEquals", "${t:team, 'none'}", "none", ABSENT, YES),
        ("StringEquals", "${t:team, 'none'}", "none", "red", NO),
        # Escapes.
        ("StringLike", "${*}${?}${$}", "*?$", "red", YES),
        ("StringLike", "${*}", "anything", "red", NO),
        ("StringEquals", "a${*}", "a*", "red", YES),
        # What nobody knows may be anything, but the rest must fit.
        ("StringEquals", "${t:team}-x", "red-x", None, MAYBE),
        ("StringEquals", "${t:team}-x", "red-y", None, NO),
        ("StringEqualsIgnoreCase", "${t:team}-x", "RED-X", None, MAYBE),
        ("StringNotEquals", "${t:team}-x", "red-y", None, YES),
        # A value with a wildcard, several values, and what cannot be read, are as good as unknown.
        ("StringLike", "${t:team}", "red", "r*", MAYBE),
        ("StringEquals", "${t:team}", "r*", "r*", YES),
        ("StringEquals", "${t:team}", "red", ["red", "blue"], MAYBE),
        ("StringEquals", "${t:team", "red", "red", MAYBE),
        ("StringEquals", "${ t:team }", "red", "red", MAYBE),
        ("StringEquals", "${t:team, none}", "red", "red", MAYBE),
        # Other operators have no variables.
        ("NumericEquals", "${t:team}", "1", "1", MAYBE),
        ("Bool", "${t:team}", "true", "true", MAYBE),
        ("IpAddress", "${t:team}", "10.0.0.1", "10.0.0.1", MAYBE),
    ],
)
def test_variables(operator: str, wanted: str, given: Any, team: Any, expected: Answer) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""
    assert answer(operator, wanted, given, t_team=team) is expected


def test_in_the_old_version_variables_are_text() -> None:
    checks = conditions.compiled(
        [Condition("StringEquals", "k:k", ("${t:team}",))], has_variables=False
    )
    for text, expected in (("${t:team}", YES), ("red", NO)):
        assert conditions.answer(checks, Facts({}, {"k:k": text, "t:team": "red"})) is expected
