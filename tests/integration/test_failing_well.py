"""An endpoint whose model cannot start is Failed within seconds, and says why.

FailureReason begins with AWS's own sentence and then names the cause; the traceback is in the log
stream.
"""

import contextlib
import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from archives import ECHO, archive, script
from deploying import create_config, create_model, deploy, settled
from hostler.toolkit import policies
from running import ACCOUNT, BUCKET, PREFIX, REGION, ROLE, Running, eventually, hostler

PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)
IMAGES = (
    "Please make sure all images included in the model for the production variant AllTraffic exist"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def hanging(server: Running) -> str:
    """An endpoint whose model never gets ready: AWS's shortest time-out passes meanwhile."""
    source = "import threading\ndef model_fn(model_dir):\n    threading.Event().wait()\n"
    model = create_model(server, "hangs", script(source))
    config = create_config(server, "hangs", model, ContainerStartupHealthCheckTimeoutInSeconds=60)
    endpoint = f"{PREFIX}hangs-ep"
    server.client("sagemaker").create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    return endpoint


def _reason(server: Running, name: str, content: bytes, **more: object) -> str:
    endpoint = deploy(server, name, content, wait=False, **more)
    described = settled(server, endpoint)
    assert described["EndpointStatus"] == "Failed", described
    reason: str = described["FailureReason"]
    assert len(reason) <= 1024
    return reason


def _log(server: Running, name: str) -> str:
    client = server.client("logs")
    group = f"/aws/sagemaker/Endpoints/{PREFIX}{name}-ep"
    try:
        events = client.filter_log_events(logGroupName=group)
    except client.exceptions.ResourceNotFoundException:
        return ""  # nothing was carried yet
    return "\n".join(event["message"] for event in events["events"])


@contextlib.contextmanager
def role_without(server: Running, action: str) -> Iterator[None]:
    """The project's execution role lacks a permission for as long as the block runs."""
    iam, role = server.client("iam"), ROLE.rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    denied = {"Effect": "Deny", "Action": action, "Resource": "*"}
    document["Statement"].append(denied)
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))
    try:
        yield
    finally:
        server.bootstrap()


def _taken_back(client: Any, endpoint: str) -> dict[str, Any] | None:
    described: dict[str, Any] = client.describe_endpoint(EndpointName=endpoint)
    is_back = described["EndpointStatus"] == "InService" and "FailureReason" in described
    return described if is_back else None


def _hostile() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("../../etc/cron.d/evil")
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    return buffer.getvalue()


CASES = {
    "import-error": (
        script("import os\nimport nobody_has_this\n"),
        ["nobody_has_this", "inference.py", "line 2"],
    ),
    "model-fn-raises": (
        script("def model_fn(model_dir):\n    raise RuntimeError('weights are sour')\n"),
        ["weights are sour", "inference.py", "line 2"],
    ),
    "syntax-error": (script("def model_fn(:\n"), ["inference.py", "line 1"]),
    "no-handler": (archive({"notes.txt": "no model here"}), ["notes.txt"]),
    "mixed-hooks": (
        script(
            "def model_fn(d): return 1\ndef predict_fn(x, m): return x\n"
            "def transform_fn(m, d, c, a): return d\n"
        ),
        ["transform_fn", "predict_fn"],
    ),
    "corrupt": (b"this is no archive", ["archive"]),
    "cut-short": (script("def model_fn(d): pass\n" * 500)[:-20], ["archive"]),
    "hostile": (_hostile(), [".."]),
}


@pytest.mark.parametrize("name", list(CASES))
def test_the_reason_begins_with_awss_sentence_and_names_the_cause(
    server: Running, name: str
) -> None:
    content, words = CASES[name]
    reason = _reason(server, name, content)
    assert reason.startswith(PING)
    for word in words:
        assert word in reason, reason


def test_the_traceback_is_in_the_log_stream(server: Running) -> None:
    source = "def model_fn(model_dir):\n    return 1 / 0\n"
    reason = _reason(server, "traceback", script(source))
    assert "ZeroDivisionError" in reason
    text = eventually(
        "the traceback", lambda: (log := _log(server, "traceback")) and "Traceback" in log and log
    )
    assert "return 1 / 0" in text


def test_a_process_that_grows_past_its_instance_is_out_of_memory(server: Running) -> None:
    source = "def model_fn(model_dir):\n    return [bytearray(1 << 24) for _ in range(4000)]\n"
    reason = _reason(server, "memory", script(source))
    assert reason.startswith(PING)
    assert "memory" in reason.lower()


def test_an_image_without_a_runtime_is_said_with_those_there_are(server: Running) -> None:
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/somebody-elses:1"
    reason = _reason(server, "image", script("def model_fn(d): pass\n"), image=image)
    assert reason.startswith(IMAGES)
    assert "sagemaker-scikit-learn" in reason


def test_requirements_that_cannot_be_installed_are_named(server: Running) -> None:
    content = script(
        "def model_fn(d): pass\n",
        **{"code/requirements.txt": "hostler-no-such-package-anywhere==9.9\n"},
    )
    reason = _reason(server, "requirements", content)
    assert reason.startswith(PING)
    assert "hostler-no-such-package-anywhere" in reason


def test_an_object_that_went_away_and_a_role_that_lost_its_right(server: Running) -> None:
    good = gzip.compress(b"")
    model = create_model(server, "gone", good)
    config = create_config(server, "gone", model)
    server.client("s3").delete_object(Bucket=BUCKET, Key="models/gone/model.tar.gz")
    client = server.client("sagemaker")
    client.create_endpoint(EndpointName=f"{PREFIX}gone-ep", EndpointConfigName=config)
    reason = settled(server, f"{PREFIX}gone-ep")["FailureReason"]
    assert f"s3://{BUCKET}/models/gone/model.tar.gz" in reason

    model = create_model(server, "barred", good)
    config = create_config(server, "barred", model)
    with role_without(server, "s3:GetObject"):
        client.create_endpoint(EndpointName=f"{PREFIX}barred-ep", EndpointConfigName=config)
        reason = settled(server, f"{PREFIX}barred-ep")["FailureReason"]
    assert "s3:GetObject" in reason
    assert ROLE in reason
    assert policies.COMPLETION not in reason
    eventually(
        "the log says it too", lambda: f"{ROLE} may not s3:GetObject" in _log(server, "barred")
    )


def test_a_role_that_lost_its_right_starts_no_next_instance(server: Running) -> None:
    endpoint = deploy(server, "served", script(ECHO))
    client = server.client("sagemaker")
    with role_without(server, "s3:GetObject"):
        client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 1.0}
            ],
        )
        taken_back = partial(_taken_back, client, endpoint)
        described = eventually("the added instance is taken back", taken_back)
    assert f"{ROLE} may not s3:GetObject" in described["FailureReason"]
    eventually("the log says it too", lambda: "may not s3:GetObject" in _log(server, "served"))
    (variant,) = described["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, Body=b"[1]", ContentType="application/json"
    )
    assert answer["Body"].read() == b"[1]", "what runs serves on"


def test_what_a_role_may_not_log_is_not_in_the_log_until_it_may(server: Running) -> None:
    source = "def model_fn(model_dir):\n    print('loaded', flush=True)\n"
    with role_without(server, "logs:PutLogEvents"):
        endpoint = deploy(server, "silent", script(source))
        waits = "the execution role may not write it"
        eventually("it is warned of", lambda: waits in server.run("status").stdout)
        assert _log(server, "silent") == ""
        assert f"{ROLE} may not logs:PutLogEvents" in server.process_logs()
    eventually("its lines arrive", lambda: "loaded" in _log(server, "silent"))
    server.client("sagemaker").delete_endpoint(EndpointName=endpoint)


def test_a_model_that_never_gets_ready_fails_at_its_time_out(server: Running, hanging: str) -> None:
    described = settled(server, hanging, within_s=120)
    assert described["EndpointStatus"] == "Failed"
    assert described["FailureReason"].startswith(PING)
    assert "60" in described["FailureReason"]
