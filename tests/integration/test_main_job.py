"""The main job on a real Hostler: what a team does with an endpoint, through boto3 alone."""

import io
import json
import os
import signal
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from archives import ECHO, archive, script
from deploying import create_config, create_model, deploy, put, settled
from load import load
from machine import needs_namespaces
from running import BUCKET, GENERIC_IMAGE, PREFIX, ROLE, Running, eventually, hostler

CONSTANT = """
def model_fn(model_dir):
    return {answer!r}

def input_fn(data, content_type):
    return data

def predict_fn(data, model):
    return model

def output_fn(prediction, accept):
    import json
    return json.dumps(prediction), "application/json"
"""

SPEAKER = """
import os, sys

def model_fn(model_dir):
    return sorted(os.listdir(model_dir))

def transform_fn(model, data, content_type, accept, context):
    text = data.decode() if isinstance(data, bytes) else data
    if text == "raise":
        print("about to raise", file=sys.stderr)
        raise ValueError("the model says no")
    if text == "refuse":
        error = ValueError("this is not for me")
        error.status_code = 422
        raise error
    return repr((text, content_type, accept, model)), "text/plain"
"""

DIALLER = """
import socket

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept, context):
    try:
        socket.create_connection(("127.0.0.1", PORT), 2).close()
        return "network", "text/plain"
    except OSError:
        return "none", "text/plain"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


def _invoke(server: Running, endpoint: str, body: Any, who: str | None = None, **more: Any) -> Any:
    options = {"ContentType": "application/json", **more}
    payload = body if isinstance(body, bytes | str) else json.dumps(body)
    client = server.client("sagemaker-runtime", who)
    return client.invoke_endpoint(EndpointName=endpoint, Body=payload, **options)


def _refusal(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def _two_variants(server: Running, name: str, weights: tuple[float, float]) -> str:
    models = [
        create_model(server, f"{name}-{each}", script(CONSTANT.format(answer=each)))
        for each in ("a", "b")
    ]
    server.client("sagemaker").create_endpoint_config(
        EndpointConfigName=f"{PREFIX}{name}-config",
        ProductionVariants=[
            {
                "VariantName": each.upper(),
                "ModelName": model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": weight,
            }
            for each, model, weight in zip("ab", models, weights, strict=True)
        ],
    )
    endpoint = f"{PREFIX}{name}-ep"
    server.client("sagemaker").create_endpoint(
        EndpointName=endpoint, EndpointConfigName=f"{PREFIX}{name}-config"
    )
    described = settled(server, endpoint)
    assert described["EndpointStatus"] == "InService", described
    return endpoint


def test_weights_share_the_traffic_and_a_target_variant_takes_it(server: Running) -> None:
    endpoint = _two_variants(server, "ab", (3.0, 1.0))
    served = Counter(_invoke(server, endpoint, {})["InvokedProductionVariant"] for _ in range(400))
    assert 240 <= served["A"] <= 350, served  # 300 expected; 6 standard deviations either way
    answer = _invoke(server, endpoint, {}, TargetVariant="B")
    assert json.loads(answer["Body"].read()) == "b"
    with pytest.raises(ClientError) as caught:
        _invoke(server, endpoint, {}, TargetVariant="C")
    assert _refusal(caught)[0] == "ValidationError"
    described = server.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    assert [each["CurrentWeight"] for each in described["ProductionVariants"]] == [3.0, 1.0]
    made = server.run("alarms", "setup", endpoint).stdout.split()
    assert len(made) == 12, "six for each variant"
    listed = json.loads(server.run("alarms", "list", f"{endpoint}/B/", "--json").stdout)
    assert [each["AlarmName"] for each in listed["Alarms"]] == sorted(made)[6:]


def test_a_scikit_learn_model_answers_json_csv_and_npy_without_a_script(
    server: Running, iris_archive: bytes
) -> None:
    endpoint = deploy(server, "iris", iris_archive)
    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]

    def answer(body: bytes | str, content_type: str, accept: str = "application/json") -> bytes:
        said = _invoke(server, endpoint, body, ContentType=content_type, Accept=accept)
        content: bytes = said["Body"].read()
        return content

    for form in ({"features": rows}, {"instances": rows}, {"inputs": rows}, rows):
        assert json.loads(answer(json.dumps(form), "application/json")) == [0, 2]
    assert json.loads(answer(json.dumps({"features": rows[1]}), "application/json")) == [2]
    csv = "\n".join(",".join(map(str, row)) for row in rows)
    assert json.loads(answer(csv, "text/csv")) == [0, 2]
    assert answer(csv, "text/csv", "text/csv").decode().split() == ["0", "2"]
    assert json.loads(answer(_npy(rows), "application/x-npy")) == [0, 2]
    assert answer(csv, "text/csv", "application/x-npy").startswith(b"\x93NUMPY")


def _npy(rows: list[list[float]]) -> bytes:
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }" % (2, 4)  # noqa: UP031
    header = header.ljust(117) + "\n"
    data = b"".join(struct.pack("<4d", *row) for row in rows)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def test_what_the_models_code_raises_is_a_model_error_with_its_place_in_the_log(
    server: Running,
) -> None:
    endpoint = deploy(server, "speaker", script(SPEAKER))
    said = _invoke(server, endpoint, "hello", ContentType="text/plain", Accept="text/plain")
    assert "hello" in said["Body"].read().decode()
    with pytest.raises(ClientError) as caught:
        _invoke(server, endpoint, "raise", ContentType="text/plain")
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert _refusal(caught)[0] == "ModelError"
    assert response["OriginalStatusCode"] == 500
    assert "the model says no" in response["OriginalMessage"]
    assert _refusal(caught)[1].startswith("Received server error (500) from primary with message")
    assert f"log-group:/aws/sagemaker/Endpoints/{endpoint}" in response["LogStreamArn"]
    with pytest.raises(ClientError) as caught:
        _invoke(server, endpoint, "refuse", ContentType="text/plain")
    assert caught.value.response["OriginalStatusCode"] == 422
    text = eventually("the traceback", lambda: (log := _log(server, endpoint, "says no")) and log)
    assert "ValueError: the model says no" in text
    assert "about to raise" in text


def _log(server: Running, endpoint: str, until: str) -> str | None:
    pages = server.client("logs").get_paginator("filter_log_events")
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    try:
        events = [event for page in pages.paginate(logGroupName=group) for event in page["events"]]
    except server.client("logs").exceptions.ResourceNotFoundException:
        return None  # nothing was carried yet
    text = "\n".join(event["message"] for event in events)
    return text if until in text else None


def test_output_written_while_control_was_dead_reaches_the_log_once(server: Running) -> None:
    endpoint = deploy(
        server,
        "diary",
        script(
            "import json\n"
            "def model_fn(d): return 1\n"
            "def transform_fn(m, data, c, a):\n"
            "    print('dear diary', data if isinstance(data, str) else data.decode())\n"
            "    return 'ok', 'text/plain'\n"
        ),
    )
    pid = server.pid("control")
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        for number in range(20):
            _invoke(server, endpoint, f"entry-{number};", ContentType="text/plain")
    finally:
        os.kill(pid, signal.SIGKILL)
    eventually("control is back", lambda: server.pid("control") not in (None, pid))
    text = eventually(
        "the last line", lambda: (log := _quietly(server, endpoint, "entry-19;")) and log
    )
    assert [text.count(f"entry-{number};") for number in range(20)] == [1] * 20
    streams = server.client("logs").describe_log_streams(
        logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}"
    )["logStreams"]
    (instance,) = [each for each in server.instance_pids() if _owner(server, each) == endpoint]
    assert [each["logStreamName"] for each in streams] == [f"AllTraffic/{instance}"]


def _quietly(server: Running, endpoint: str, until: str) -> str | None:
    try:
        return _log(server, endpoint, until)
    except ClientError:  # control is not back yet
        return None


def _owner(server: Running, instance: str) -> str:
    try:
        spec = json.loads((server.home / "i" / instance / "spec.json").read_text())
    except FileNotFoundError:
        return ""  # it was removed a moment ago
    name: str = spec["spec"]["endpoint_name"]
    return name


def test_an_update_under_load_loses_no_call_and_ends_on_the_new_model(server: Running) -> None:
    endpoint = deploy(server, "roll", script(CONSTANT.format(answer="blue")))
    model = create_model(server, "roll2", script(CONSTANT.format(answer="green")))
    config = create_config(server, "roll2", model, 2)
    with load(server, endpoint, {}, "green", threads=4) as calls:
        eventually("some calls", lambda: len(calls.outcomes) > 20)
        server.client("sagemaker").update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        described = settled(server, endpoint)
        seen = len(calls.outcomes)
        eventually("calls afterwards", lambda: len(calls.outcomes) > seen + 50)
        assert all(not outcome.error for outcome in calls.outcomes[seen + 8 :])
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == config
    assert described["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert "FailureReason" not in described
    assert {each.error for each in calls.failures} <= {"wrong answer 'blue'"}
    eventually("blue is gone", lambda: len(_instances_of(server, endpoint)) == 2)


def _instances_of(server: Running, endpoint: str) -> list[str]:
    return [each for each in server.instance_pids() if _owner(server, each) == endpoint]


def test_an_update_that_cannot_start_leaves_the_old_model_serving(server: Running) -> None:
    endpoint = deploy(server, "hold", script(CONSTANT.format(answer="old")))
    broken = create_model(
        server, "hold2", script("import time\ntime.sleep(2)\nimport nobody_has_this")
    )
    config = create_config(server, "hold2", broken)
    client = server.client("sagemaker")
    client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    described = settled(server, endpoint)
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == f"{PREFIX}hold-config"
    assert "nobody_has_this" in described["FailureReason"]
    assert json.loads(_invoke(server, endpoint, {})["Body"].read()) == "old"


def test_an_endpoint_outlives_its_config_and_model_until_it_is_deleted(server: Running) -> None:
    endpoint = deploy(server, "alone", script(ECHO))
    client = server.client("sagemaker")
    client.delete_endpoint_config(EndpointConfigName=f"{PREFIX}alone-config")
    client.delete_model(ModelName=f"{PREFIX}alone-v1")
    (instance,) = _instances_of(server, endpoint)
    os.kill(server.instance_pids()[instance], signal.SIGKILL)
    eventually("another instance", lambda: _instances_of(server, endpoint) not in ([], [instance]))
    eventually("it serves", lambda: _serves(server, endpoint))
    client.delete_endpoint(EndpointName=endpoint)
    client.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    assert _instances_of(server, endpoint) == []
    with pytest.raises(ClientError) as caught:
        _invoke(server, endpoint, {})
    assert _refusal(caught)[0] == "ValidationError"
    assert "not found" in _refusal(caught)[1]


def _serves(server: Running, endpoint: str) -> bool:
    try:
        return bool(json.loads(_invoke(server, endpoint, [7])["Body"].read()) == [7])
    except ClientError:
        return False


def test_requirements_of_a_model_are_installed_for_it_alone(server: Running) -> None:
    source = (
        "import inflection\n"
        "def model_fn(d): return inflection.camelize\n"
        "def transform_fn(m, data, c, a):\n"
        "    return m(data if isinstance(data, str) else data.decode()), 'text/plain'\n"
    )
    content = script(source, **{"code/requirements.txt": "inflection==0.5.1\n"})
    endpoint = deploy(server, "camel", content)
    said = _invoke(server, endpoint, "model_data_url", ContentType="text/plain")
    assert said["Body"].read() == b"ModelDataUrl"


def test_uncompressed_model_data_below_a_prefix(server: Running) -> None:
    s3 = server.client("s3")
    for key, text in (("code/inference.py", SPEAKER), ("weights/a.bin", "1")):
        s3.put_object(Bucket=BUCKET, Key=f"models/open/{key}", Body=text)
    client = server.client("sagemaker")
    client.create_model(
        ModelName=f"{PREFIX}open-v1",
        PrimaryContainer={
            "Image": GENERIC_IMAGE,
            "ModelDataSource": {
                "S3DataSource": {
                    "S3Uri": f"s3://{BUCKET}/models/open/",
                    "S3DataType": "S3Prefix",
                    "CompressionType": "None",
                }
            },
        },
        ExecutionRoleArn=ROLE,
    )
    create_config(server, "open", f"{PREFIX}open-v1")
    client.create_endpoint(
        EndpointName=f"{PREFIX}open-ep", EndpointConfigName=f"{PREFIX}open-config"
    )
    described = settled(server, f"{PREFIX}open-ep")
    assert described["EndpointStatus"] == "InService", described
    said = _invoke(server, f"{PREFIX}open-ep", "x", ContentType="text/plain", Accept="text/plain")
    assert "['code', 'weights']" in said["Body"].read().decode()


@needs_namespaces
def test_attributes_travel_and_an_isolated_model_has_no_network(server: Running) -> None:
    source = DIALLER.replace("PORT", str(server.port))
    for name, isolated, expected in (("open-net", False, "network"), ("no-net", True, "none")):
        endpoint = deploy(server, name, script(source), EnableNetworkIsolation=isolated)
        said = _invoke(
            server,
            endpoint,
            "x",
            ContentType="text/plain",
            CustomAttributes="trace=1",
            InferenceId="call-1",
        )
        assert said["Body"].read().decode() == expected


def test_who_may_do_what(server: Running) -> None:
    endpoint = deploy(server, "rights", script(ECHO))
    said = _invoke(server, endpoint, [1], "caller")
    assert json.loads(said["Body"].read()) == [1]
    caller = server.client("sagemaker", "caller")
    with pytest.raises(ClientError, match="is not authorized to perform: sagemaker:ListEndpoints"):
        caller.list_endpoints()
    with pytest.raises(ClientError, match="AccessDeniedException"):
        caller.delete_endpoint(EndpointName=endpoint)
    deployer = server.client("sagemaker", "deployer")
    with pytest.raises(ClientError) as caught:
        deployer.create_model(
            ModelName="somebody-elses-v1",
            PrimaryContainer={"Image": GENERIC_IMAGE},
            ExecutionRoleArn=ROLE,
        )
    code, message = _refusal(caught)
    assert code == "AccessDeniedException"
    assert "because no identity-based policy allows the sagemaker:CreateModel action" in message
    identity = server.client("sts", "caller").get_caller_identity()
    assert identity["Arn"].endswith(":user/rc-project-a-caller")


def test_a_model_needs_a_role_that_trusts_and_data_that_is_there(server: Running) -> None:
    client = server.client("sagemaker")
    container = {"Image": GENERIC_IMAGE, "ModelDataUrl": put(server, "there", archive({"a": "b"}))}
    with pytest.raises(ClientError, match=r"The execution role ARN .* is invalid"):
        client.create_model(
            ModelName=f"{PREFIX}role-v1",
            PrimaryContainer=container,
            ExecutionRoleArn=ROLE.replace("Execution", "Nobody"),
        )
    missing = container | {"ModelDataUrl": f"s3://{BUCKET}/models/nowhere.tar.gz"}
    with pytest.raises(ClientError, match="Could not access model data at s3://"):
        client.create_model(
            ModelName=f"{PREFIX}data-v1", PrimaryContainer=missing, ExecutionRoleArn=ROLE
        )


def test_a_field_whose_feature_does_not_exist_is_refused_by_name(server: Running) -> None:
    with pytest.raises(ClientError, match="DataCaptureConfig"):
        server.client("sagemaker").create_endpoint_config(
            EndpointConfigName=f"{PREFIX}capture-config",
            ProductionVariants=[
                {"VariantName": "A", "ModelName": "m", "InstanceType": "ml.m5.large"}
            ],
            DataCaptureConfig={
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": "s3://b/c",
                "CaptureOptions": [{"CaptureMode": "Input"}],
            },
        )


def test_a_large_body_travels_both_ways(server: Running) -> None:
    source = (
        "def model_fn(d): return 1\n"
        "def transform_fn(m, data, c, a): return data, 'application/octet-stream'\n"
    )
    endpoint = deploy(server, "large", script(source))
    body = os.urandom(5 * 1024 * 1024)
    said = _invoke(server, endpoint, body, ContentType="application/octet-stream")
    assert said["Body"].read() == body
    stream = io.BytesIO(body[:1_000_000])
    client = server.client("sagemaker-runtime")
    said = client.invoke_endpoint(
        EndpointName=endpoint, Body=stream, ContentType="application/octet-stream"
    )
    assert said["Body"].read() == body[:1_000_000]
