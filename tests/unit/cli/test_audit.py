"""`hostler audit` in words: times, outcomes, and which statement decided."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hostler.cli.audit import _outcome, explained
from hostler.cli.moments import moment
from hostler.cli.output import CommandError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def record(**more: Any) -> dict[str, Any]:
    return {
        "eventTime": "2026-01-31T12:00:00Z",
        "eventName": "DeleteEndpoint",
        "sourceIPAddress": "10.1.2.3",
        "userIdentity": {"type": "IAMUser", "userName": "kim"},
        "additionalEventData": {"decisions": []},
        **more,
    }


def decided(**more: Any) -> dict[str, Any]:
    usual = {
        "action": "sagemaker:DeleteEndpoint",
        "resource": "arn:e",
        "allowed": False,
        "explicitDeny": False,
        "policyType": "identity-based policy",
        "policy": None,
        "statement": None,
    }
    return {"decisions": [{**usual, **more}]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "refused, as no identity-based policy allows it"),
        ({"policyType": "resource-based policy"}, "refused, as no resource-based policy allows it"),
        (
            {"policy": "Own", "statement": "Never", "explicitDeny": True},
            "denied by statement Never of Own (identity-based policy)",
        ),
        (
            {"policy": "Own", "statement": "Statement[0]", "allowed": True},
            "allowed by statement Statement[0] of Own (identity-based policy)",
        ),
    ],
)
def test_what_decided(given: dict[str, Any], said: str) -> None:
    lines = explained(record(errorCode="AccessDenied", additionalEventData=decided(**given)))
    assert lines[0] == "2026-01-31T12:00:00Z DeleteEndpoint by kim from 10.1.2.3"
    assert lines[-1] == f"  sagemaker:DeleteEndpoint on arn:e: {said}"


def test_the_root_and_strangers() -> None:
    root = record(userIdentity={"type": "Root"}, additionalEventData=decided(allowed=True))
    assert "the account's root may do everything" in explained(root)[-1]
    stranger = record(userIdentity={"type": "Unknown", "accessKeyId": "AK"}, errorCode="X")
    assert "by unknown (AK)" in explained(stranger)[0]
    assert "nobody is known by this key" in explained(stranger)[-1]
    assert explained(record())[-1] == "  nothing needed to be decided"


def test_outcomes() -> None:
    assert _outcome(record()) == "done"
    assert _outcome(record(errorCode="AccessDenied")) == "refused"
    assert _outcome(record(additionalEventData=decided())) == "refused"
    assert _outcome(record(errorCode="ValidationException")) == "ValidationException"
    assert _outcome(record(userIdentity={"type": "Unknown"})) == "unknown caller"


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("30m", "2026-01-31T11:30:00+00:00"),
        ("7d", "2026-01-24T12:00:00+00:00"),
        ("2026-01-01", "2026-01-01T00:00:00+00:00"),
        ("2026-01-01T10:00+02:00", "2026-01-01T10:00:00+02:00"),
    ],
)
def test_since(since: str, expected: str) -> None:
    assert moment(since, NOW).isoformat() == expected


@pytest.mark.parametrize("since", ["", "yesterday", "5", "1w"])
def test_no_time(since: str) -> None:
    with pytest.raises(CommandError, match="12h"):
        moment(since, NOW)
