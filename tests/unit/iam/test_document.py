"""Policy documents: what is read, and what is refused with which words at which place."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostler.domain.errors import CallerError
from hostler.iam.document import parse
from hostler.iam.grammar import Condition, Effect, Kind, PrincipalPattern

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def document(*statements: Any, **top: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})


def refused(text: str, kind: Kind = Kind.IDENTITY) -> str:
    with pytest.raises(CallerError) as caught:
        parse(text, kind)
    assert caught.value.code == "MalformedPolicyDocument"
    assert caught.value.status == 400
    return caught.value.message


def test_a_statement_keeps_everything_it_says() -> None:
    text = document(
        {
            "Sid": "One",
            "Effect": "Deny",
            "Action": ["s3:GetObject", "sagemaker:*"],
            "NotResource": "arn:aws:s3:::b/*",
            "Condition": {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"s3:n": [3]}},
        },
        ALLOW,
        Id="P",
    )
    parsed = parse(text)
    first, second = parsed.statements
    assert (parsed.version, parsed.id) == ("2012-10-17", "P")
    assert (first.label, first.effect) == ("One", Effect.DENY)
    assert first.actions == ("s3:GetObject", "sagemaker:*")
    assert first.resources == ()
    assert first.not_resources == ("arn:aws:s3:::b/*",)
    assert first.conditions == (
        Condition("Bool", "aws:SecureTransport", ("false",)),
        Condition("NumericLessThan", "s3:n", ("3",)),
    )
    assert second.label == "Statement[1]"


def test_one_statement_needs_no_list() -> None:
    parsed = parse(json.dumps({"Version": "2012-10-17", "Statement": ALLOW}))
    assert len(parsed.statements) == 1


def test_without_a_version_a_document_is_the_old_one() -> None:
    assert parse(json.dumps({"Statement": ALLOW})).version == "2008-10-17"


@pytest.mark.parametrize(
    ("statement", "sentence", "place"),
    [
        ({**ALLOW, "Effect": "allow"}, "Syntax errors in policy.", "Statement[1].Effect"),
        (
            {"Action": "s3:*", "Resource": "*"},
            "Syntax errors in policy.",
            "Missing required field Effect in Statement[1]",
        ),
        (
            {"Effect": "Allow", "Resource": "*"},
            "Policy statement must contain actions.",
            "Statement[1]",
        ),
        (
            {"Effect": "Allow", "Action": [], "Resource": "*"},
            "Policy statement must contain actions.",
            "Statement[1]",
        ),
        (
            {"Effect": "Allow", "Action": "s3:*"},
            "Policy statement must contain resources.",
            "Statement[1]",
        ),
        ({**ALLOW, "NotAction": "s3:*"}, "Syntax errors in policy.", "both Action and NotAction"),
        ({**ALLOW, "Actions": "s3:*"}, "Syntax errors in policy.", "does not know: Actions"),
        ({**ALLOW, "Action": 3}, "Syntax errors in policy.", "Statement[1].Action"),
        ({**ALLOW, "Action": ["s3:*", None]}, "Syntax errors in policy.", "Statement[1].Action"),
        ({**ALLOW, "Condition": "x"}, "Syntax errors in policy.", "Statement[1].Condition"),
        (
            {**ALLOW, "Condition": {"Bool": {"k": {}}}},
            "Syntax errors in policy.",
            "Statement[1].Condition.Bool.k",
        ),
        (
            {**ALLOW, "Condition": {"StringEqual": {"aws:username": "bob"}}},
            "Syntax errors in policy.",
            "Statement[1].Condition has an operator that IAM does not know: StringEqual",
        ),
        ({**ALLOW, "Condition": {"stringequals": {}}}, "Syntax errors in policy.", "stringequals"),
        (
            {**ALLOW, "Condition": {"ForAllValue:Bool": {"aws:x": "true"}}},
            "Syntax errors in policy.",
            "ForAllValue:Bool",
        ),
        (
            {**ALLOW, "Condition": {"ForAnyValue:DateLessThanIfExists": {"aws:x": ["soon"]}}},
            "The policy failed legacy parsing",
            "Statement[1].Condition.ForAnyValue:DateLessThanIfExists.aws:x: soon",
        ),
        ({**ALLOW, "Sid": "with space"}, "Statement IDs (SID) must be alpha-numeric.", ""),
        ({**ALLOW, "Sid": 4}, "Syntax errors in policy.", "Statement[1].Sid"),
        (
            {**ALLOW, "Action": "GetObject"},
            "Actions/Conditions must be prefaced by a vendor",
            "Statement[1]: GetObject",
        ),
        ({**ALLOW, "Action": "s3:"}, "Actions/Conditions must be prefaced by a vendor", "s3:"),
        ({**ALLOW, "Action": "a:b:c"}, "Actions/Condition can contain only one colon.", "a:b:c"),
        ({**ALLOW, "Action": "s 3:Get"}, "Vendor s 3 is not valid", "Statement[1]"),
        ({**ALLOW, "Resource": "bucket"}, "Resource bucket must be in ARN format", "Statement[1]"),
        ({**ALLOW, "Resource": "arn:"}, "Resource arn: must be in ARN format", "Statement[1]"),
        (
            {**ALLOW, "Resource": "arn:error:s3:::b"},
            'Partition "error" is not valid for resource "arn:error:s3:::b".',
            "Statement[1]",
        ),
        ({**ALLOW, "Resource": "arn:aws:s*:::b"}, "Resource vendor must be fully qualified", ""),
        (
            {**ALLOW, "Resource": "arn:aws:iam:us-east-1::user/x"},
            "cannot contain region information.",
            "Statement[1]",
        ),
        ({**ALLOW, "Principal": "*"}, "Policy document should not specify a principal.", ""),
        ("s3:*", "Syntax errors in policy.", "Statement[1] must be a JSON object"),
    ],
)
def test_refusals_say_what_and_where(statement: Any, sentence: str, place: str) -> None:
    message = refused(document(ALLOW, statement))
    assert sentence in message
    assert place in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "line 1, column 1"),
        ('{"Version": "2012-10-17",\n "Statement": [}', "line 2, column 16"),
        ("[]", "the document must be a JSON object"),
        ("null", "the document must be a JSON object"),
        (document(ALLOW, Version="2012-10-18"), "Version must be"),
        (document(ALLOW, Version=["2012-10-17"]), "Version must be"),
        (document(ALLOW, Id=1), "Id must be a string"),
        (document(ALLOW, Statements=[]), "does not know: Statements"),
        (document(), "Statement is empty"),
        (json.dumps({"Version": "2012-10-17"}), "has no Statement"),
        ("[" * 100_000, "nested too deeply"),
        (" " * 131_073, "longer than 131072"),
    ],
)
def test_documents_that_are_none(text: str, part: str) -> None:
    assert part in refused(text)


def test_half_a_character_is_no_text() -> None:
    assert "half of a character" in refused(document({**ALLOW, "Resource": "arn:aws:s3:::\ud800"}))


def test_policies_of_log_groups_name_principal_and_resource() -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html"""
    said = {**ALLOW, "Principal": {"Service": "es.amazonaws.com"}, "Action": "logs:PutLogEvents"}
    assert parse(document(said), Kind.LOGS).statements[0].principals
    assert "Missing required field Principal" in refused(document(ALLOW), Kind.LOGS)
    del said["Resource"]
    assert "Missing required field Resource" in refused(document(said), Kind.LOGS)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', "the document"),
        (
            (
                '{"Version":"2012-10-17","Statement":'
                '{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}}'
            ),
            "Statement[0] has the key Effect twice",
        ),
        (
            (
                '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*",'
                '"Condition":{"Bool":{"a":"1"},"Bool":{"b":"1"}}}}'
            ),
            "Statement[0].Condition has the key Bool twice",
        ),
    ],
)
def test_a_key_given_twice_never_wins_silently(text: str, place: str) -> None:
    assert place in refused(text)


def test_sids_are_unique() -> None:
    named = {**ALLOW, "Sid": "A"}
    message = refused(document(named, ALLOW, named))
    assert message.startswith("Statement IDs (SID) in a single policy must be unique.")
    assert "Statement[2]" in message


def test_trust_documents_have_principals_and_no_resources() -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": ["sagemaker.amazonaws.com"], "AWS": "123456789012"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }
    (statement,) = parse(document(trust), Kind.TRUST).statements
    assert statement.principals == (
        PrincipalPattern("Service", "sagemaker.amazonaws.com"),
        PrincipalPattern("AWS", "123456789012"),
    )
    assert "prohibited field Resource" in refused(document({**trust, "Resource": "*"}), Kind.TRUST)
    assert "Principal" in refused(
        document({"Effect": "Allow", "Action": "sts:AssumeRole"}), Kind.TRUST
    )
    assert "STS AssumeRole" in refused(document({**trust, "Action": "s3:GetObject"}), Kind.TRUST)
    assert "Invalid principal" in refused(document({**trust, "Principal": {"X": "y"}}), Kind.TRUST)
    assert "Invalid principal" in refused(document({**trust, "Principal": {}}), Kind.TRUST)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Effect", "Action", "Resource", "Condition", "Principal", "Sid", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@CALM
@given(JSON)
def test_anything_is_read_or_refused(statement: Any) -> None:
    for kind in Kind:
        try:
            parse(document(statement), kind)
        except CallerError as error:
            assert error.code == "MalformedPolicyDocument"  # noqa: PT017 both outcomes are right
