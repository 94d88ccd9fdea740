"""Patterns against a reference that is short enough to be believed."""

from functools import cache

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hostler.iam import match
from hostler.iam.answer import Answer
from hostler.iam.context import Facts
from hostler.iam.globs import glob, read

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
PATTERNS = st.text("ab*?:", max_size=10)
TEXTS = st.text("ab:", max_size=12)


def plainly(pattern: str, text: str) -> bool:
    @cache
    def fits(i: int, j: int) -> bool:
        if i == len(pattern):
            return j == len(text)
        if pattern[i] == "*":
            return fits(i + 1, j) or (j < len(text) and fits(i, j + 1))
        return j < len(text) and pattern[i] in ("?", text[j]) and fits(i + 1, j + 1)

    return fits(0, 0)


@CALM
@given(PATTERNS, TEXTS)
@example("a*a", "a")
@example("*ab*ba*", "aba")
@example("?*?", "ab")
def test_glob_equals_the_plain_one(pattern: str, text: str) -> None:
    assert glob(read(pattern)).matches(text) is plainly(pattern, text)


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    pattern = "*".join("a" * 500) + "b"
    assert not glob(read(pattern)).matches("a" * 20_000)
    assert not glob(read("*" + "?" * 500 + "*b")).matches("a" * 5_000)


def test_actions_match_without_case() -> None:
    actions = match.actions(["SageMaker:Describe*", "s3:get?bject"], ())
    assert actions.match("sagemaker:describeendpoint")
    assert actions.match("s3:getobject")
    assert not actions.match("sagemaker:deleteendpoint")


def test_not_action_is_every_other_action() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html"""
    actions = match.actions((), ["iam:*"])
    assert actions.match("s3:getobject")
    assert not actions.match("iam:getuser")


def test_not_resource_is_every_other_resource() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notresource.html"""
    others = match.resources((), ["arn:aws:s3:::b", "arn:aws:s3:::b/*"], has_variables=True)
    answers = [others.answer(match.split(one), NOTHING) for one in ("arn:aws:s3:::b/k", "*")]
    assert answers == [Answer.NO, Answer.YES]


NOTHING = Facts({}, {})
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-x"


@pytest.mark.parametrize(
    ("pattern", "resource", "answer"),
    [
        ("*", ENDPOINT, Answer.YES),
        ("*", "*", Answer.YES),
        (ENDPOINT, ENDPOINT, Answer.YES),
        (ENDPOINT, ENDPOINT.upper(), Answer.NO),
        (ENDPOINT, "*", Answer.NO),
        ("arn:aws:sagemaker:*:123456789012:endpoint/rc-*", ENDPOINT, Answer.YES),
        ("arn:*:sagemaker:*:*:endpoint/*", ENDPOINT, Answer.YES),
        ("arn:aws:sagemaker:us-east-1:12345678901?:endpoint/rc-?", ENDPOINT, Answer.YES),
        # A wildcard stays within its part of the ARN …
        ("arn:aws:sagemaker:*:endpoint/rc-x", ENDPOINT, Answer.NO),
        ("arn:aws:s3:::b*", "arn:aws:s3:us-east-1:1:b", Answer.NO),
        # … but the last part is one, with all its slashes and colons.
        ("arn:aws:s3:::b/*/c", "arn:aws:s3:::b/1/2/c", Answer.YES),
        (
            "arn:aws:logs:*:*:log-group:/aws/*",
            "arn:aws:logs:us-east-1:1:log-group:/aws/x:log-stream:y",
            Answer.YES,
        ),
        # A short ARN stands for what it leaves out.
        ("arn:aws:sagemaker:*", ENDPOINT, Answer.YES),
        ("arn:aws:s3", ENDPOINT, Answer.NO),
        # Variables whose values nobody knows.
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/k", Answer.MAYBE),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::c/bob/k", Answer.NO),
        ("arn:aws:s3:::b/${aws:user", "arn:aws:s3:::b/bob", Answer.MAYBE),
    ],
)
def test_resources(pattern: str, resource: str, answer: Answer) -> None:
    compiled = match.resources([pattern], (), has_variables=True)
    assert compiled.answer(match.split(resource), NOTHING) is answer


def test_in_the_old_version_a_variable_is_text() -> None:
    compiled = match.resources(["arn:aws:s3:::b/${x}"], (), has_variables=False)
    assert compiled.answer(match.split("arn:aws:s3:::b/${x}"), NOTHING) is Answer.YES
    assert compiled.answer(match.split("arn:aws:s3:::b/y"), NOTHING) is Answer.NO
