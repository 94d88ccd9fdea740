"""A framework's model on the image that AWS names for it, deployed and called with boto3."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import onnx_models
from archives import archive
from deploying import deploy
from frameworks import framework_python
from machine import skip_without_openmp
from running import Running, eventually, hostler

FIXTURES = Path(__file__).parents[1] / "fixtures"
XGBOOST_IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    skip_without_openmp()
    for name in ("xgboost-3.0", "xgboost", "lightgbm", "onnx"):
        framework_python(name)
    with hostler() as running:
        yield running


def says(server: Running, endpoint: str, *texts: str) -> None:
    """Wait until the endpoint's log holds all of it."""
    logs = server.client("logs")

    def look() -> bool:
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
        except logs.exceptions.ResourceNotFoundException:
            return False
        lines = "\n".join(event["message"] for event in found["events"])
        return all(text in lines for text in texts)

    eventually(f"{endpoint}'s log says {texts}", look)


def invoke(server: Running, endpoint: str, body: Any, content_type: str) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType=content_type, Body=data
    )
    body = answer["Body"].read()
    assert isinstance(body, bytes)
    return body


def test_xgboost_on_aws_s_own_image_answers_and_says_which_version_serves(server: Running) -> None:
    model = (FIXTURES / "xgboost" / "binary-1.2.bin").read_bytes()
    endpoint = deploy(server, "xgb", archive({"xgboost-model": model}), image=XGBOOST_IMAGE)
    answer = invoke(server, endpoint, b"0,0,0\n1,3,1\n", "text/csv")
    assert [float(cell) for cell in answer.split(b",")] == pytest.approx([0.21191308, 0.35265478])
    runtime = server.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as refused:
        invoke(server, endpoint, [[0, 0, 0]], "application/json")
    assert refused.value.response["OriginalStatusCode"] == 415
    assert invoke(server, endpoint, b"", "text/csv") == b""
    says(
        server,
        endpoint,
        "xgboost-cpu 3.0.5",
        "the nearest to sagemaker-xgboost:1.7-1 that is available",
        "warning: xgboost-model was saved by xgboost 1.2, and xgboost 3.0.5 serves it",
    )


def test_onnx_on_the_generic_image_starts_with_an_interpreter_of_its_own(server: Running) -> None:
    endpoint = deploy(server, "onnx", archive({"model.onnx": onnx_models.linear([1.0, 10.0])}))
    answer = invoke(server, endpoint, {"features": [1.0, 2.0]}, "application/json")
    assert json.loads(answer) == [[21.0]]
    says(server, endpoint, "onnx runtime (onnxruntime ", "model.onnx: made by hostler-tests")


def test_a_model_of_an_older_xgboost_is_served_by_one_that_reads_it(server: Running) -> None:
    model = (FIXTURES / "xgboost" / "booster-0.90.pkl").read_bytes()
    endpoint = deploy(server, "old", archive({"model.pkl": model}))
    answer = json.loads(invoke(server, endpoint, {"features": [0, 0, 0]}, "application/json"))
    assert answer == pytest.approx([0.21191308])
    says(server, endpoint, "xgboost-3.0 runtime")


def test_parity_compares_two_versions_and_leaves_nothing_behind(
    server: Running, tmp_path: Path
) -> None:
    model = (FIXTURES / "xgboost" / "json-1.2.1.json").read_bytes()
    endpoint = deploy(server, "par", archive({"xgboost-model": model}), image=XGBOOST_IMAGE)
    data = tmp_path / "rows.csv"
    data.write_text("0,0,0\n1,3,1\n1,2,3,4,5,6\n")
    words = ("runtimes", "parity", endpoint, "--data", str(data))
    told = json.loads(server.run(*words, "--json").stdout)
    assert (told["rows"], told["different"]) == (3, 0)
    assert (told["one"], told["other"]) == ("xgboost-cpu 3.0.5", "xgboost-cpu 3.2.0")
    refused = server.run(*words, "--with", "lightgbm", check=False)
    assert refused.returncode == 1
    assert "the model does not serve on lightgbm" in refused.stderr
    client = server.client("sagemaker")

    def gone() -> bool:
        names = [each["EndpointName"] for each in client.list_endpoints()["Endpoints"]]
        return not any(name.startswith("parity-") for name in names)

    eventually("the second endpoint is deleted", gone)
    assert not client.list_models(NameContains="parity-")["Models"]
    assert not client.list_endpoint_configs(NameContains="parity-")["EndpointConfigs"]
    listed = json.loads(server.run("runtimes", "list", "--json").stdout)["runtimes"]
    [row] = [each for each in listed if each["name"] == "xgboost-3.0"]
    assert row["state"] == "yes"
    assert row["size_bytes"] > 50_000_000
    assert endpoint in row["used_by"]
