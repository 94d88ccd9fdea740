"""Every call of the control plane leaves a record, in CloudTrail's form, with what decided it."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.audit import record
from hostler.domain.snapshot import Credential
from known_records import written

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Reads", "Effect": "Allow", "Action": "sagemaker:List*", "Resource": "*"},
        {"Sid": "Never", "Effect": "Deny", "Action": "*:Delete*", "Resource": "*"},
    ],
}
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-ep"


def refused(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response


def records(world: Any) -> list[dict[str, Any]]:
    return written(world.rooms.journal)


def test_a_call_and_what_allowed_it(world: Any) -> None:
    key = world.user("kim", POLICY)
    records(world)
    client = world.client("sagemaker", key)
    answer = client.list_endpoints(NameContains="rc")
    (found,) = records(world)
    assert found["eventVersion"] == "1.11"
    assert found["eventSource"] == "sagemaker.amazonaws.com"
    assert found["eventName"] == "ListEndpoints"
    assert found["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert found["eventID"] == record.event_id(found["requestID"])
    assert found["requestParameters"] == {"nameContains": "rc"}
    assert found["responseElements"] is None
    assert found["readOnly"] is True
    assert found["managementEvent"] is True
    assert (found["eventType"], found["eventCategory"]) == ("AwsApiCall", "Management")
    assert (found["awsRegion"], found["recipientAccountId"]) == ("us-east-1", "123456789012")
    assert "Botocore" in found["userAgent"]
    assert found["sourceIPAddress"] == "unknown", "no gateway told it"
    identity = found["userIdentity"]
    assert (identity["type"], identity["userName"]) == ("IAMUser", "kim")
    assert identity["arn"] == "arn:aws:iam::123456789012:user/kim"
    assert identity["accessKeyId"] == key.access_key_id
    assert found["additionalEventData"]["decisions"] == [
        {
            "action": "sagemaker:ListEndpoints",
            "resource": "*",
            "allowed": True,
            "explicitDeny": False,
            "policyType": "identity-based policy",
            "policy": "given",
            "statement": "Reads",
        }
    ]


@pytest.mark.parametrize(
    ("operation", "statement"), [("delete_endpoint", "Never"), ("describe_endpoint", None)]
)
def test_a_refusal_and_what_refused_it(world: Any, operation: str, statement: str | None) -> None:
    client = world.client("sagemaker", world.user("kim", POLICY))
    records(world)
    error = refused(getattr(client, operation), EndpointName="rc-ep")["Error"]
    (found,) = records(world)
    assert found["errorCode"] == "AccessDeniedException"
    assert found["errorMessage"] == error["Message"]
    assert [each["ARN"] for each in found["resources"]] == [ENDPOINT]
    (decision,) = found["additionalEventData"]["decisions"]
    assert (decision["allowed"], decision["statement"]) == (False, statement)
    assert decision["explicitDeny"] is (statement is not None)


def test_what_went_wrong_otherwise_is_told_too(world: Any, sagemaker: Any) -> None:
    refused(sagemaker.describe_endpoint, EndpointName="rc-ep")
    assert records(world)[-1]["errorCode"] == "ValidationException"
    world.rooms.store.close()
    refused(sagemaker.list_models)
    assert not records(world), "nobody was authenticated"


def test_a_stranger(world: Any) -> None:
    stranger = Credential("AKIANOBODY0000000000", "secret", "")
    refused(world.client("iam", stranger).list_users)
    (found,) = records(world)
    assert found["userIdentity"] == {"type": "Unknown", "accessKeyId": "AKIANOBODY0000000000"}
    assert found["errorCode"] == "InvalidClientTokenId"
    assert found["recipientAccountId"] == "123456789012"
    assert found["additionalEventData"]["decisions"] == []


def test_no_secret_and_no_content_is_written_down(world: Any, sagemaker: Any) -> None:
    iam, logs = world.client("iam"), world.client("logs")
    iam.create_user(UserName="kim")
    secret = iam.create_access_key(UserName="kim")["AccessKey"]["SecretAccessKey"]
    group = {"logGroupName": "/g"}
    logs.create_log_group(**group)
    logs.create_log_stream(**group, logStreamName="s")
    event = {"timestamp": int(world.clock.now() * 1000), "message": "personal"}
    logs.put_log_events(**group, logStreamName="s", logEvents=[event])
    sagemaker.create_model(
        ModelName="m",
        PrimaryContainer={"Image": "i", "Environment": {"TOKEN": "confidential"}},
        ExecutionRoleArn="arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole",
    )
    found = records(world)
    text = json.dumps(found)
    for each in (secret, "personal", "confidential"):
        assert each not in text
    made = next(each for each in found if each["eventName"] == "CreateAccessKey")
    assert made["responseElements"]["accessKey"]["secretAccessKey"] == record.HIDDEN
    assert made["responseElements"]["accessKey"]["userName"] == "kim"
    model = next(each for each in found if each["eventName"] == "CreateModel")
    assert model["requestParameters"]["primaryContainer"]["environment"] == record.HIDDEN
    assert model["responseElements"]["modelArn"].endswith(":model/m")
    actions = [each["action"] for each in model["additionalEventData"]["decisions"]]
    assert actions == ["sagemaker:CreateModel", "iam:PassRole"]


def test_whom_a_topic_tells_is_not_written_down(world: Any) -> None:
    sns = world.client("sns")
    topic = sns.create_topic(Name="ops")["TopicArn"]
    secret = "https://hooks.example.com/services/confidential"
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=secret)
    found = records(world)
    assert "confidential" not in json.dumps(found)
    assert found[-1]["requestParameters"] == {
        "topicArn": topic,
        "protocol": "https",
        "endpoint": record.HIDDEN,
    }


def test_a_record_fits_a_line_of_a_spool(world: Any, sagemaker: Any) -> None:
    names = [f"arn:aws:s3:::bucket-{number}/{'k' * 900}" for number in range(90)]
    world.client("iam").create_user(UserName="kim")
    world.client("iam").simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::123456789012:user/kim",
        ActionNames=["s3:GetObject"],
        ResourceArns=names,
    )
    line = record.written(world.rooms.journal.take()[-1])
    assert len(line) <= record.BYTES_MAX
    assert json.loads(line)["requestParameters"]["omitted"] is True


def lookup(world: Any, client: Any, **params: Any) -> list[str]:
    """What LookupEvents tells, as the records' event names."""
    found = client.lookup_events(**params)["Events"]
    assert [each["EventName"] for each in found] == [
        json.loads(each["CloudTrailEvent"])["eventName"] for each in found
    ]
    return [each["EventName"] for each in found]


def test_events_are_looked_up(world: Any, keep: Any, deployable: Any) -> None:
    config = deployable("rc")
    sagemaker, trail = world.client("sagemaker"), world.client("cloudtrail")
    sagemaker.create_endpoint(EndpointName="rc-ep", EndpointConfigName=config)
    other = world.client("sagemaker", world.user("kim", POLICY))
    refused(other.delete_endpoint, EndpointName="rc-ep")
    keep()
    newest = trail.lookup_events(MaxResults=1)["Events"][0]
    assert (newest["EventName"], newest["Username"]) == ("DeleteEndpoint", "kim")
    assert newest["ReadOnly"] == "false"
    assert newest["Resources"] == [{"ResourceName": "rc-ep"}]

    def by(key: str, value: str) -> list[str]:
        attribute = {"AttributeKey": key, "AttributeValue": value}
        return lookup(world, trail, LookupAttributes=[attribute])

    assert by("ResourceName", "rc-ep") == ["DeleteEndpoint", "CreateEndpoint"]
    assert by("ResourceName", ENDPOINT) == ["DeleteEndpoint", "CreateEndpoint"]
    assert by("Username", "kim") == ["DeleteEndpoint"]
    assert by("EventName", "CreateModel") == ["CreateModel"]
    assert by("EventSource", "iam.amazonaws.com")[-1] == "CreateUser"
    assert by("EventId", newest["EventId"]) == ["DeleteEndpoint"]
    assert by("AccessKeyId", newest["AccessKeyId"]) == ["DeleteEndpoint"]
    assert "DeleteEndpoint" not in by("ReadOnly", "true")
    at = newest["EventTime"]
    assert lookup(world, trail, StartTime=at)[-1] == "DeleteEndpoint"
    assert "DeleteEndpoint" not in lookup(world, trail, EndTime=at.replace(microsecond=0))
    whole = lookup(world, trail)
    paged = trail.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 2})
    assert [each["EventName"] for page in paged for each in page["Events"]] == whole


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"MaxResults": 51}, "ValidationException"),
        ({"NextToken": "x"}, "InvalidNextTokenException"),
        ({"NextToken": f"{2**63}.1"}, "InvalidNextTokenException"),
        ({"NextToken": f"1.{2**63}"}, "InvalidNextTokenException"),
        ({"StartTime": 2, "EndTime": 1}, "InvalidTimeRangeException"),
        ({"EventCategory": "insight"}, "ValidationException"),
        (
            {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "yes"}]},
            "InvalidLookupAttributesException",
        ),
        (
            {"LookupAttributes": [{"AttributeKey": "ResourceType", "AttributeValue": "x"}]},
            "InvalidLookupAttributesException",
        ),
    ],
)
def test_what_a_lookup_refuses(world: Any, params: dict[str, Any], code: str) -> None:
    error = refused(world.client("cloudtrail").lookup_events, **params)["Error"]
    assert error["Code"] == code


def test_another_accounts_records_do_not_exist(world: Any, keep: Any, theirs: Any) -> None:
    world.client("sagemaker").list_models()
    keep()
    assert lookup(world, theirs("cloudtrail")) == []
    assert "ListModels" in lookup(world, world.client("cloudtrail"))


@pytest.fixture
def theirs(world: Any) -> Any:
    from hostler.store import identities

    root = world.rooms.store.run(
        lambda tx: identities.ensure_root(tx, "111122223333", 1.0), write=True
    )
    return lambda service: world.client(service, root)


@pytest.fixture
def keep(world: Any, tmp_path: Path) -> Any:
    """Carries what was written down into the audit log."""
    import asyncio

    from hostler.audit.journal import Journal
    from hostler.control.audit import AuditIngest
    from hostler.domain.config import Audit
    from hostler.domain.layout import Layout

    layout = Layout(tmp_path)

    def carry() -> None:
        journal = Journal(layout.audit_spool("control", "1"))
        for entry in world.rooms.journal.take():
            journal.add(entry)
        journal.flush()
        ingest = AuditIngest(world.rooms.audit, layout, world.clock, "123456789012", Audit())
        asyncio.run(ingest.sweep())

    return carry
