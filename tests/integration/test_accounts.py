"""Several accounts of one running Hostler: added with a command, apart in everything."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from archives import ECHO, script
from deploying import deploy, settled
from running import ACCOUNT, BUCKET, PREFIX, REGION, Running, eventually, hostler

OTHER = "111122223333"
ENDPOINT = f"{PREFIX}echo-ep"
IMAGE = f"{OTHER}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-inference:latest"
WORDS = ("--company", "acme", "--team", "rc", "--project")
INVOCATION = {"EndpointName": ENDPOINT, "ContentType": "application/json", "Body": b"[1]"}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        running.run("account", "create", OTHER)
        deploy(running, "echo", script(ECHO))
        yield running


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def test_an_account_is_there_at_once_and_once(server: Running) -> None:
    assert server.client("sts", OTHER).get_caller_identity()["Arn"] == f"arn:aws:iam::{OTHER}:root"
    again = json.loads(server.run("account", "create", OTHER, "--json").stdout)
    assert again == {"account": OTHER, "ready": True}
    listed = json.loads(server.run("account", "list", "--json").stdout)
    assert listed == {"accounts": [ACCOUNT, OTHER]}
    key_file = server.home / "accounts" / OTHER / "root.json"
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_another_account_neither_calls_nor_sees_an_endpoint(server: Running) -> None:
    assert server.client("sagemaker-runtime").invoke_endpoint(**INVOCATION)["Body"].read() == b"[1]"
    theirs = server.client("sagemaker-runtime", OTHER)
    with pytest.raises(ClientError, match=f"Endpoint {ENDPOINT} of account {OTHER} not found"):
        theirs.invoke_endpoint(**INVOCATION)
    assert server.client("sagemaker", OTHER).list_endpoints()["Endpoints"] == []
    assert server.client("logs", OTHER).describe_log_groups()["logGroups"] == []


def test_buckets_have_one_owner_and_one_name(server: Running) -> None:
    s3 = server.client("s3", OTHER)
    assert s3.list_buckets()["Buckets"] == []
    location = {"LocationConstraint": REGION}
    create = {"Bucket": BUCKET, "CreateBucketConfiguration": location}
    assert code(s3.create_bucket, **create) == "BucketAlreadyExists"
    key = "models/echo/model.tar.gz"
    for call, params in [
        (s3.list_objects_v2, {"Bucket": BUCKET}),
        (s3.get_object, {"Bucket": BUCKET, "Key": key}),
        (s3.put_object, {"Bucket": BUCKET, "Key": key, "Body": b""}),
        (s3.delete_object, {"Bucket": BUCKET, "Key": key}),
        (s3.delete_bucket, {"Bucket": BUCKET}),
    ]:
        assert code(call, **params) == "AccessDenied"


def test_the_same_names_serve_in_both_accounts(server: Running) -> None:
    made = json.loads(
        server.run("bootstrap", *WORDS, "project-b", "--account", OTHER, "--json").stdout
    )
    assert made["role_arn"].startswith(f"arn:aws:iam::{OTHER}:role/")
    root = server.client("sagemaker", OTHER)
    data = {"Bucket": made["bucket"], "Key": "models/echo/model.tar.gz", "Body": script(ECHO)}
    server.client("s3", OTHER).put_object(**data)
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/models/echo/model.tar.gz"}
    model = {"ModelName": f"{PREFIX}echo-v1", "ExecutionRoleArn": made["role_arn"]}
    assert code(root.create_model, **model, PrimaryContainer=container) == "ValidationException"
    container["ModelDataUrl"] = f"s3://{made['bucket']}/{data['Key']}"
    root.create_model(**model, PrimaryContainer=container)
    variant = {
        "VariantName": "theirs",
        "ModelName": f"{PREFIX}echo-v1",
        "InstanceType": "ml.t2.medium",
        "InitialInstanceCount": 1,
    }
    config = {"EndpointConfigName": f"{PREFIX}echo-config"}
    root.create_endpoint_config(**config, ProductionVariants=[variant])
    root.create_endpoint(EndpointName=ENDPOINT, **config)
    root.get_waiter("endpoint_in_service").wait(
        EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    theirs = server.client("sagemaker-runtime", OTHER).invoke_endpoint(**INVOCATION)
    assert theirs["InvokedProductionVariant"] == "theirs"
    ours = server.client("sagemaker-runtime").invoke_endpoint(**INVOCATION)
    assert ours["InvokedProductionVariant"] == "AllTraffic"
    assert (
        server.exports(f"{OTHER}/deployer")["AWS_ACCESS_KEY_ID"] == made["deployer_access_key_id"]
    )
    arn = server.client("sts", f"{OTHER}/caller").get_caller_identity()["Arn"]
    assert arn.startswith(f"arn:aws:iam::{OTHER}:user/")
    root.delete_endpoint(EndpointName=ENDPOINT)
    assert settled(server, ENDPOINT)["EndpointStatus"] == "InService", "ours stays"


def test_an_account_outlives_a_restart_and_may_be_asked_for_while_down(server: Running) -> None:
    key = server.exports(OTHER)["AWS_ACCESS_KEY_ID"]
    server.down()
    late = "444455556666"
    asked = json.loads(server.run("account", "create", late, "--json").stdout)
    assert asked == {"account": late, "ready": False}
    server.up()
    answer = server.home / "accounts" / late / "root.json"
    eventually("the account is made", answer.exists)
    assert server.client("sts", late).get_caller_identity()["Account"] == late
    assert server.client("sts", OTHER).get_caller_identity()["Account"] == OTHER
    kept = json.loads((server.home / "accounts" / OTHER / "root.json").read_text())
    assert kept["access_key_id"] == key
