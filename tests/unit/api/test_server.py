"""The application: signatures, permissions, limits, errors in each service's form, health."""

import json
import logging
import sqlite3
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.exceptions import ClientError
from sqlalchemy.exc import OperationalError

from hostler.api.registry import Effect, Operation, table
from hostler.api.server import BODY_BYTES_MAX, create_app
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.snapshot import Credential
from hostler.store.database import StoreUnavailableError

ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
LIST = {"Effect": "Allow", "Action": "sagemaker:ListModels", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def error(call: Any, **params: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return (
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Code"],
        response["Error"]["Message"],
    )


def with_handler(world: Any, handler: Any, effect: Effect = Effect.READS) -> None:
    """Put a handler of the test's own behind ListModels."""
    tables = [table("sagemaker", [Operation("ListModels", handler, lambda _call: (), effect)])]
    world.app = create_app(replace(world.rooms, tables=tables))


def test_a_wrong_secret_and_an_unknown_key_are_refused(world: Any) -> None:
    wrong = Credential(world.root.access_key_id, "0" * 40, "")
    assert error(world.client("sagemaker", wrong).list_models)[1] == "InvalidSignatureException"
    unknown = Credential("AKIAUNKNOWNUNKNOWN00", "0" * 40, "")
    _, code, message = error(world.client("sagemaker", unknown).list_models)
    assert code == "UnrecognizedClientException"
    assert message == "The security token included in the request is invalid."
    assert error(world.client("sts", unknown).get_caller_identity)[:2] == (
        403,
        "InvalidClientTokenId",
    )


def test_an_inactive_key_is_unknown(world: Any) -> None:
    user = world.user("kim", policy(LIST))
    assert world.client("sagemaker", user).list_models()["Models"] == []
    world.client("iam").update_access_key(
        UserName="kim", AccessKeyId=user.access_key_id, Status="Inactive"
    )
    assert error(world.client("sagemaker", user).list_models)[1] == "UnrecognizedClientException"


def test_an_unsigned_request_is_refused(world: Any) -> None:
    answer = world.call(
        "POST",
        "/",
        {
            "host": "127.0.0.1:4747",
            "x-amz-target": "SageMaker.ListModels",
            "content-type": "application/x-amz-json-1.1",
        },
        b"{}",
    )
    assert answer.status == 400
    assert json.loads(answer.body)["__type"] == "MissingAuthenticationTokenException"
    assert answer.headers["x-amzn-requestid"]


def test_permissions_are_named_when_they_are_missing(world: Any) -> None:
    client = world.client("sagemaker", world.user("kim", policy(LIST)))
    assert client.list_models()["Models"] == []
    status, code, message = error(client.describe_model, ModelName="rc-fraud-v1")
    assert (status, code) == (400, "AccessDeniedException")
    assert message == (
        "User: arn:aws:iam::123456789012:user/kim is not authorized to perform: "
        "sagemaker:DescribeModel on resource: "
        "arn:aws:sagemaker:us-east-1:123456789012:model/rc-fraud-v1 because no identity-based "
        "policy allows the sagemaker:DescribeModel action"
    )


def test_creating_a_model_needs_to_pass_its_role_and_to_tag(world: Any) -> None:
    statement = {"Effect": "Allow", "Action": ["sagemaker:CreateModel"], "Resource": "*"}
    wanted = {
        "ModelName": "rc-fraud-v1",
        "PrimaryContainer": {"Image": "image"},
        "ExecutionRoleArn": ROLE,
        "Tags": [{"Key": "Team", "Value": "rc"}],
    }
    iam = world.client("iam")
    user = world.user("kim", policy(statement))
    client = world.client("sagemaker", user)
    for action in ("sagemaker:AddTags", "iam:PassRole"):
        assert f"perform: {action} on resource" in error(client.create_model, **wanted)[2]
        statement["Action"].append(action)  # type: ignore[attr-defined]
        iam.put_user_policy(
            UserName="kim", PolicyName="given", PolicyDocument=json.dumps(policy(statement))
        )
    client.create_model(**wanted)


def test_query_services_call_it_access_denied(world: Any) -> None:
    client = world.client("iam", world.user("kim", policy(LIST)))
    assert error(client.list_users)[:2] == (403, "AccessDenied")


def test_creating_an_endpoint_needs_both_resources(world: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    only = {
        "Effect": "Allow",
        "Action": "sagemaker:CreateEndpoint",
        "Resource": "arn:aws:sagemaker:*:*:endpoint/*",
    }
    client = world.client("sagemaker", world.user("kim", policy(only)))
    message = error(client.create_endpoint, EndpointName="e", EndpointConfigName="rc-fraud-config")[
        2
    ]
    assert "endpoint-config/rc-fraud-config" in message


def test_the_caller_learns_who_it_is(world: Any) -> None:
    identity = world.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::123456789012:root"


def test_operations_that_do_not_exist_say_so(world: Any) -> None:
    _, code, message = error(world.client("sagemaker").list_training_jobs)
    assert code == "UnknownOperationException"
    assert "ListTrainingJobs" in message
    client = world.client("ecr")
    assert error(client.describe_repositories)[1] == "UnknownOperationException"


def test_a_body_over_the_limit_is_refused_before_it_is_read(world: Any) -> None:
    headers = {
        "host": "127.0.0.1:4747",
        "x-amz-target": "SageMaker.CreateModel",
        "content-type": "application/x-amz-json-1.1",
    }
    for length in ({"content-length": str(BODY_BYTES_MAX + 1)}, {}):
        answer = world.call("POST", "/", headers | length, b"x" * (BODY_BYTES_MAX + 1))
        assert answer.status == 413
        assert json.loads(answer.body)["__type"] == "RequestEntityTooLargeException"


def test_a_body_that_is_no_json_is_refused_after_the_signature(world: Any) -> None:
    client = world.client("sagemaker")

    def spoil(request: Any, **_: Any) -> None:
        request.data = b"{"

    client.meta.events.register("before-sign", spoil)
    assert error(client.list_models)[1] == "SerializationException"


def test_our_failure_is_logged_once_and_tells_nothing(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_tx: Any, _call: Any) -> None:
        raise RuntimeError("the secret cause")

    with_handler(world, broken)
    with caplog.at_level(logging.ERROR, "hostler.api"):
        status, code, message = error(world.client("sagemaker").list_models)
    assert (status, code) == (500, "InternalFailure")
    assert "secret cause" not in message
    (record,) = caplog.records
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("cause", "words"),
    [("database is locked", "database is busy"), ("database or disk is full", "disk is full")],
)
def test_a_store_that_cannot_be_used_is_worth_a_retry(world: Any, cause: str, words: str) -> None:
    def unusable(_tx: Any, _call: Any) -> None:
        raise StoreUnavailableError(cause)

    with_handler(world, unusable)
    status, code, message = error(world.client("sagemaker").list_models)
    assert (status, code) == (503, "ServiceUnavailable")
    assert words in message


def test_only_what_deletes_may_use_the_room_that_is_kept_back(world: Any) -> None:
    def needy(_tx: Any, _call: Any) -> dict[str, Any]:
        if world.reserve.exists():
            raise OperationalError("", None, sqlite3.OperationalError("database or disk is full"))
        return {"Models": []}

    with_handler(world, needy, Effect.WRITES)
    assert error(world.client("sagemaker").list_models)[1] == "ServiceUnavailable"
    with_handler(world, needy, Effect.DELETES)
    assert world.client("sagemaker").list_models()["Models"] == []


def test_a_row_that_changed_is_read_again(world: Any) -> None:
    attempts: list[int] = []

    def contended(_tx: Any, call: Any) -> dict[str, Any]:
        attempts.append(1)
        call.wakes.append(f"attempt-{len(attempts)}")
        if len(attempts) < 3:
            raise ConcurrentChangeError("someone was faster")
        return {"Models": []}

    with_handler(world, contended, Effect.WRITES)
    assert world.client("sagemaker").list_models()["Models"] == []
    assert world.wakes == ["attempt-3"]


def test_a_failed_write_leaves_nothing_and_wakes_nobody(world: Any, sagemaker: Any) -> None:
    world.committed.clear()
    assert (
        error(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="absent")[1]
        == "ValidationException"
    )
    assert world.wakes == []
    assert world.committed == []
    assert sagemaker.list_endpoints()["Endpoints"] == []


def test_health_says_when_it_is_ready(world: Any) -> None:
    answer = world.call("GET", "/_hostler/health", {"host": "127.0.0.1:4747"})
    assert (answer.status, json.loads(answer.body)) == (200, {"ready": True})
    world.app = create_app(replace(world.rooms, health=lambda: {"ready": False, "why": "starting"}))
    answer = world.call("GET", "/_hostler/health", {"host": "127.0.0.1:4747"})
    assert (answer.status, json.loads(answer.body)["why"]) == (503, "starting")


def test_nothing_is_ever_answered_in_html(world: Any) -> None:
    for method, target in [("GET", "/"), ("GET", "/favicon.ico"), ("POST", "/nothing/here")]:
        answer = world.call(method, target, {"host": "127.0.0.1:4747"})
        assert answer.status >= 400
        assert "html" not in answer.headers.get("content-type", "")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4747",
        "localhost",
        "LOCALHOST:80",
        "localhost.",
        "[::1]:4747",
        "10.0.0.5:4747",
        "hostler:4747",
    ],
)
def test_own_routes_answer_under_this_machines_names(world: Any, host: str) -> None:
    world.app = create_app(replace(world.rooms, hosts=("hostler",)))
    assert world.call("GET", "/_hostler/health", {"host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:4747", "127.0.0.1.example", "127.1", "", "["]
)
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/_hostler/health"),
        ("HEAD", "/_hostler/health"),
        ("POST", "/_hostler/health"),
        ("GET", "/_hostler/nothing"),
        ("GET", "/%5fhostler/health"),
    ],
)
def test_own_routes_are_closed_to_names_that_were_made_to_lead_here(
    world: Any, host: str, method: str, target: str
) -> None:
    answer = world.call(method, target, {"host": host}, path=unquote(target))
    assert answer.status == 421
    assert "127.0.0.1" in json.loads(answer.body)["message"]


def test_own_routes_need_a_host_at_all(world: Any) -> None:
    assert world.call("GET", "/_hostler/health", {}).status == 421


def test_signed_calls_may_come_under_any_name(world: Any) -> None:
    client = world.client("sagemaker", endpoint_url="http://sagemaker.us-east-1.amazonaws.com")
    assert client.list_models()["Models"] == []


def test_the_audit_log_names_what_was_changed_even_where_it_had_to_be_located(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    iam = world.client("iam")
    iam.create_user(UserName="kim", Path="/team/")
    with caplog.at_level(logging.INFO, "hostler.api"):
        iam.put_user_policy(
            UserName="kim", PolicyName="given", PolicyDocument=json.dumps(policy(LIST))
        )
    (line,) = caplog.messages
    assert line.endswith(
        "PutUserPolicy by arn:aws:iam::123456789012:root on arn:aws:iam::123456789012:user/team/kim"
    )
