"""The audit log of a running Hostler: who deleted this endpoint, and why was that refused."""

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from hostler.audit.record import event_id
from refusals import refused
from running import BUCKET, PREFIX, Running, eventually, hostler

NAME = f"{PREFIX}echo-ep"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


def request_id(response: dict[str, Any]) -> str:
    return str(response["ResponseMetadata"]["RequestId"])


def recorded(server: Running, request: str) -> dict[str, Any]:
    """The record of a request, as soon as it is known."""

    wanted = {"AttributeKey": "EventId", "AttributeValue": event_id(request)}
    client = server.client("cloudtrail")

    def look() -> Any:
        found = client.lookup_events(LookupAttributes=[wanted])["Events"]
        return json.loads(found[0]["CloudTrailEvent"]) if found else None

    record: dict[str, Any] = eventually(f"{request} is recorded", look)
    return record


def test_refusals_of_every_process_say_who_from_where_and_why(server: Running) -> None:
    deployer, caller = (server.client("sagemaker", who) for who in ("deployer", "caller"))
    asked = {
        "sagemaker": refused(caller.delete_endpoint, EndpointName=NAME),
        "s3": refused(server.client("s3", "caller").get_object, Bucket=BUCKET, Key="k"),
        "runtime": refused(
            server.client("sagemaker-runtime", "deployer").invoke_endpoint,
            EndpointName="another-ep",
            Body=b"",
        ),
    }
    for process, response in asked.items():
        record = recorded(server, request_id(response))
        assert record["errorCode"].startswith("AccessDenied"), process
        assert record["errorMessage"] == response["Error"]["Message"]
        assert record["sourceIPAddress"] == "127.0.0.1"
        assert record["userIdentity"]["userName"].endswith(
            "deployer" if process == "runtime" else "caller"
        )
        (decision,) = record["additionalEventData"]["decisions"]
        assert decision["allowed"] is False
    text = server.run("audit", "explain", request_id(asked["sagemaker"])).stdout
    assert "as no identity-based policy allows it" in text
    gone = refused(deployer.delete_endpoint, EndpointName=NAME)
    recorded(server, request_id(gone))
    lines = server.run("audit", "--resource", NAME, "--event", "DeleteEndpoint").stdout.splitlines()
    assert [line.split("  ")[1].rpartition("-")[2] for line in lines] == ["caller", "deployer"]
    only = server.run("audit", "--resource", NAME, "--refused", "--json").stdout.splitlines()
    assert [json.loads(line)["errorCode"] for line in only] == ["AccessDeniedException"]
    (decision,) = recorded(server, request_id(gone))["additionalEventData"]["decisions"]
    assert decision["statement"] == decision["policy"] == "EndpointManagement"


def test_a_killed_process_loses_no_record_that_is_a_second_old(server: Running) -> None:
    client = server.client("iam")
    answers = [client.list_users() for _ in range(3)]
    spools = server.home / "spool"
    last = request_id(answers[-1]).encode()
    eventually(
        "it is in the spool",
        lambda: any(last in path.read_bytes() for path in spools.glob("audit-control-*/*.log")),
    )
    pid = server.pid("control")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually("another is there", lambda: server.pid("control") not in (None, pid))
    eventually("it is ready", lambda: server.status().get("ready"))
    for answer in answers:
        assert recorded(server, request_id(answer))["eventName"] == "ListUsers"
    ids = [each["EventId"] for each in server.client("cloudtrail").lookup_events()["Events"]]
    assert len(ids) == len(set(ids))


def test_the_address_and_the_transport_decide_behind_the_gateway(server: Running) -> None:
    iam = server.client("iam")
    user = f"{PREFIX}caller"
    for service, operation, params in (
        ("sagemaker", "list_models", {}),
        ("s3", "list_buckets", {}),
    ):
        for condition, allowed in (
            ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
            ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
            ({"Bool": {"aws:SecureTransport": "true"}}, False),
            ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ):
            statement = {
                "Effect": "Allow",
                "Action": ["sagemaker:ListModels", "s3:ListAllMyBuckets"],
                "Resource": "*",
                "Condition": condition,
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=user, PolicyName="here", PolicyDocument=document)
            call = getattr(server.client(service, "caller"), operation)
            if allowed:
                call(**params)
            else:
                assert refused(call, **params)["Error"]["Code"].startswith("AccessDenied")
    iam.delete_user_policy(UserName=user, PolicyName="here")


def test_a_request_that_nobody_made(server: Running) -> None:
    done = server.run("audit", "explain", "nobody-asked", check=False)
    assert done.returncode == 1
    assert "there is no record of the request nobody-asked" in done.stderr
