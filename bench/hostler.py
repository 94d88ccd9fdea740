"""Hostler as its users run it: ``hostler up``, two endpoints deployed with boto3, everything on."""

import contextlib
import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench import processes
from bench.load import Key
from bench.peers import MODELS, Peer, free_port, hostler_version

ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Bench-ExecutionRole"
BUCKET = "acme-sm-rc-bench"
ECHO = """
def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    return data, content_type
"""
IMAGES = {"echo": "sagemaker-inference:latest", "logistic": "sagemaker-scikit-learn:latest"}


@dataclass
class Deployed:
    """The running server with what is known of it beside its speed."""

    peer: Peer
    key: Key
    exports: dict[str, str]
    in_service_s: dict[str, float]
    memory_mb: dict[str, float]


@contextlib.contextmanager
def hostler(work: Path) -> Iterator[Deployed]:
    """Hostler with the endpoints ``echo`` and ``logistic``."""
    home = work / "d"
    port = free_port()
    _run("up", "--data-dir", home, "--port", port, "--region", "us-east-1", "--detach")
    try:
        _run(
            "bootstrap",
            "--data-dir",
            home,
            "--company",
            "acme",
            "--team",
            "rc",
            "--project",
            "bench",
        )
        exports = json.loads(_run("env", "--data-dir", home, "--json"))
        key = Key(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"], "us-east-1")
        archives = {"echo": _echo_archive(), "logistic": (work / "logistic.tar.gz").read_bytes()}
        times = {}
        for model in MODELS:
            _deploy(exports, model, archives[model])
            times[f"{model}, first of its runtime"] = _create(exports, model, model)
        for model in MODELS:
            times[f"{model}, runtime warm"] = _create(exports, model, f"{model}-warm")
            _clients(exports, "sagemaker").delete_endpoint(EndpointName=f"{model}-warm")
        supervisor = _supervisor(home)
        peer = Peer("hostler", hostler_version(), port, [supervisor])
        yield Deployed(peer, key, exports, times, _memory(home, supervisor))
    finally:
        _run("down", "--data-dir", home)


def _run(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hostler.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"hostler {words[0]}: {done.stderr}{done.stdout}")
    return done.stdout


def _clients(exports: dict[str, str], service: str) -> Any:
    session = boto3.Session(
        exports["AWS_ACCESS_KEY_ID"],
        exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_REGION"],
    )
    return session.client(
        service, endpoint_url=exports["AWS_ENDPOINT_URL"], config=Config(read_timeout=120)
    )


def _deploy(exports: dict[str, str], model: str, archive: bytes) -> None:
    """Everything up to the config."""
    key = f"models/{model}/model.tar.gz"
    _clients(exports, "s3").put_object(Bucket=BUCKET, Key=key, Body=archive)
    sagemaker = _clients(exports, "sagemaker")
    sagemaker.create_model(
        ModelName=model,
        PrimaryContainer={
            "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{IMAGES[model]}",
            "ModelDataUrl": f"s3://{BUCKET}/{key}",
            "Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
        },
        ExecutionRoleArn=ROLE,
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=model,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": model,
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
            }
        ],
    )


def in_service_s(deployed: Deployed, config: str, endpoint: str) -> float:
    """How long a new endpoint takes to be in service; it is deleted again."""
    seconds = _create(deployed.exports, config, endpoint)
    _clients(deployed.exports, "sagemaker").delete_endpoint(EndpointName=endpoint)
    return seconds


def _create(exports: dict[str, str], config: str, endpoint: str) -> float:
    """CreateEndpoint to InService, in seconds."""
    sagemaker = _clients(exports, "sagemaker")
    began = time.monotonic()
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    while True:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
        status = described["EndpointStatus"]
        if status == "InService":
            return time.monotonic() - began
        if status == "Failed":
            raise RuntimeError(described["FailureReason"])
        time.sleep(0.01)


def _supervisor(home: Path) -> int:
    gateway = int(json.loads((home / "run/gateway-0.pid").read_text())["pid"])
    fields = Path(f"/proc/{gateway}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def _memory(home: Path, supervisor: int) -> dict[str, float]:
    """Proportional memory in MB, by process."""
    found = {"everything": processes.memory_mb(processes.tree(supervisor))}
    for name in ("control", "s3", "gateway-0"):
        pid = int(json.loads((home / f"run/{name}.pid").read_text())["pid"])
        found[name] = processes.memory_mb([pid])
    for path in (home / "i").glob("*/shim.json"):
        spec = json.loads((path.parent / "spec.json").read_text())
        pid = int(json.loads(path.read_text())["pid"])
        name = spec.get("endpoint_name") or path.parent.name
        found[f"instance of {name}"] = processes.memory_mb(processes.tree(pid))
    return found


def _echo_archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(ECHO)
        tar.addfile(info, io.BytesIO(ECHO.encode()))
    return buffer.getvalue()
