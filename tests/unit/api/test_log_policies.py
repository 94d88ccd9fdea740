"""Resource policies of log groups: kept, asked, and what they let others do."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.store import identities

GROUP, OTHER = "app", "111122223333"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def policy(effect: str, principal: str, action: str = "logs:FilterLogEvents") -> str:
    statement = {
        "Effect": effect,
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": f"{ARN}:*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def client(world: Any) -> Any:
    made = world.client("logs")
    made.create_log_group(logGroupName=GROUP)
    made.create_log_stream(logGroupName=GROUP, logStreamName="s")
    event = {"timestamp": 1_700_000_000_000, "message": "ours"}
    made.put_log_events(logGroupName=GROUP, logStreamName="s", logEvents=[event])
    return made


def test_policies_are_kept_listed_and_removed(client: Any) -> None:
    document = policy("Allow", OTHER)
    for name in ("b", "a", "b"):
        made = client.put_resource_policy(policyName=name, policyDocument=document)
        assert made["resourcePolicy"]["policyName"] == name
    first = client.describe_resource_policies(limit=1)
    (shown,) = first["resourcePolicies"]
    assert (shown["policyName"], shown["policyDocument"]) == ("a", document)
    rest = client.describe_resource_policies(nextToken=first["nextToken"])
    assert [each["policyName"] for each in rest["resourcePolicies"]] == ["b"]
    assert "nextToken" not in rest
    client.delete_resource_policy(policyName="a")
    assert code(client.delete_resource_policy, policyName="a") == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"policyName": "p"}, "InvalidParameterException"),
        ({"policyName": "p", "policyDocument": "{"}, "InvalidParameterException"),
        (
            {"policyName": "p", "policyDocument": policy("Allow", OTHER) + " " * 5120},
            "InvalidParameterException",
        ),
        (
            {"policyName": "p", "policyDocument": policy("Allow", OTHER), "resourceArn": ARN},
            "InvalidParameterException",
        ),
    ],
)
def test_what_is_no_policy_is_refused(client: Any, params: Any, expected: str) -> None:
    assert code(client.put_resource_policy, **params) == expected


def test_an_account_has_ten_policies_in_a_region(client: Any) -> None:
    put = {"policyDocument": policy("Allow", OTHER)}
    for number in range(10):
        client.put_resource_policy(policyName=f"p{number}", **put)
    client.put_resource_policy(policyName="p9", **put)
    assert code(client.put_resource_policy, policyName="more", **put) == "LimitExceededException"


def test_another_account_reads_where_both_sides_allow(world: Any, client: Any) -> None:
    root = world.rooms.store.run(lambda tx: identities.ensure_root(tx, OTHER, 1.0), write=True)
    theirs, wanted = world.client("logs", root), {"logGroupIdentifier": ARN}
    assert code(theirs.filter_log_events, **wanted) == "AccessDeniedException"
    client.put_resource_policy(policyName="p", policyDocument=policy("Allow", OTHER))
    assert [each["message"] for each in theirs.filter_log_events(**wanted)["events"]] == ["ours"]
    assert code(theirs.describe_log_streams, **wanted) == "AccessDeniedException"
    nowhere = {"logGroupIdentifier": f"{ARN}-none"}
    assert code(theirs.filter_log_events, **nowhere) == "AccessDeniedException"
    client.put_resource_policy(policyName="q", policyDocument=policy("Deny", OTHER))
    assert code(theirs.filter_log_events, **wanted) == "AccessDeniedException"


def test_within_an_account_it_allows_what_identity_policies_do_not_say(
    world: Any, client: Any
) -> None:
    nothing = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    user = world.user("kim", {"Version": "2012-10-17", "Statement": [nothing]})
    limited, wanted = world.client("logs", user), {"logGroupName": GROUP}
    assert code(limited.filter_log_events, **wanted) == "AccessDeniedException"
    arn = "arn:aws:iam::123456789012:user/kim"
    client.put_resource_policy(policyName="p", policyDocument=policy("Allow", arn))
    assert limited.filter_log_events(**wanted)["events"]
    assert code(limited.delete_log_group, **wanted) == "AccessDeniedException"
    client.put_resource_policy(policyName="q", policyDocument=policy("Deny", arn, "logs:*"))
    assert code(limited.filter_log_events, **wanted) == "AccessDeniedException"
