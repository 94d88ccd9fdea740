"""Hostler as its users run it: ``hostler up``, one endpoint deployed with boto3, everything on."""

import contextlib
import importlib.metadata
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import deploying, processes
from bench.answers import first_right
from bench.load import Key
from bench.peers.base import Peer, free_port

NAME = "hostler"
START_S_MAX = 60.0
ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Bench-ExecutionRole"
BUCKET = "acme-sm-rc-bench"
CALLER = "bench-caller"
MAY_CALL = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AllowInvokeEndpoint",
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpoint",
            "Resource": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/*",
        }
    ],
}
ECHO = """
def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    return data, content_type
"""
_SCIKIT_LEARN = "sagemaker-scikit-learn:latest"
IMAGES = {
    "echo": "sagemaker-inference:latest",
    "logistic": _SCIKIT_LEARN,
    "gbm": _SCIKIT_LEARN,
    "mlp": "pytorch-inference:latest",
}
RUNTIMES = {"echo": "generic", "logistic": "scikit-learn", "gbm": "scikit-learn", "mlp": "pytorch"}
WARM_STARTS = 5
IDLE_ENDPOINTS = 3


@dataclass
class Deployed:
    """The running server with what is known of it beside its speed."""

    home: Path
    model: str
    peer: Peer
    key: Key
    """Of a user who may call endpoints, by a policy, and do nothing else."""
    exports: dict[str, str]
    """Of the account's root user, who sets everything up."""
    first_answer_s: float = 0.0
    """From the start of `hostler up`."""
    killed_s: float = 0.0
    """From a kill of the gateway and the model server, which are then started anew."""
    in_service_s: dict[str, list[float]] = field(default_factory=dict)
    idle_endpoint_mb: dict[str, float] = field(default_factory=dict)

    def instance_pids(self) -> list[int]:
        """Every process of every instance: its shim and its model server."""
        found = []
        for path in (self.home / "i").glob("*/shim.json"):
            with contextlib.suppress(OSError, ValueError):
                found += processes.tree(int(json.loads(path.read_text())["pid"]))
        return found

    def process_pids(self, name: str) -> list[int]:
        """Of one of Hostler's own processes, or of all gateways."""
        paths = (self.home / "run").glob(f"{name}*.pid")
        return [int(json.loads(path.read_text())["pid"]) for path in paths]

    def memory(self) -> dict[str, processes.Memory]:
        """By process; what the targets name is the gateway with the one model server."""
        gateway, instances = self.process_pids("gateway-"), self.instance_pids()
        return {
            "gateway and model server": processes.memory([*gateway, *instances]),
            "gateway": processes.memory(gateway),
            "model server and shim": processes.memory(instances),
            "control": processes.memory(self.process_pids("control")),
            "s3": processes.memory(self.process_pids("s3")),
            "everything": processes.memory(self.peer.pids()),
        }


def build_runtimes(models: tuple[str, ...]) -> None:
    """The environments of these models, before any of it is timed."""
    _run("runtimes", "build", *sorted({RUNTIMES[model] for model in models}))


@contextlib.contextmanager
def hostler(
    work: Path, models: Path, model: str, right: Any, gateways: int = 1
) -> Iterator[Deployed]:
    """Hostler with one endpoint, started anew once that endpoint was in service."""
    home, port = work / "d", free_port()
    up = _up(home, port, gateways)
    try:
        _run(*up)
        project = ["--company", "acme", "--team", "rc", "--project", "bench"]
        _run("bootstrap", "--data-dir", home, *project)
        deployed = _deployed(home, port, model)
        archive = (
            deploying.archived(ECHO)
            if model == "echo"
            else (models / f"{model}.tar.gz").read_bytes()
        )
        _deploy(deployed.exports, model, archive)
        first = _create(deployed.exports, model, model)
        deployed.in_service_s["first of its runtime"] = [first]
        deployed.in_service_s["runtime warm"] = [
            in_service_s(deployed, model, f"{model}-warm-{number}") for number in range(WARM_STARTS)
        ]
        if model == "logistic":
            deployed.idle_endpoint_mb = _idle_endpoints(deployed)
        deployed.killed_s = _kill(deployed, right)
        _run("down", "--data-dir", home)
        deployed.first_answer_s = _restart(deployed, up, right)
        yield deployed
    finally:
        _run("down", "--data-dir", home)


def hostler_version() -> str:
    return f"Hostler {importlib.metadata.version('hostler')}"


def another(deployed: Deployed, config: str, endpoint: str) -> str:
    """A further endpoint, in service; its path."""
    _create(deployed.exports, config, endpoint)
    return f"/endpoints/{endpoint}/invocations"


def in_service_s(deployed: Deployed, config: str, endpoint: str) -> float:
    """How long a new endpoint takes to be in service; it is deleted again."""
    seconds = _create(deployed.exports, config, endpoint)
    _delete(deployed, endpoint)
    return seconds


def _up(home: Path, port: int, gateways: int) -> list[object]:
    place = ["--data-dir", home, "--port", port, "--region", "us-east-1"]
    return ["up", *place, "--gateways", gateways, "--detach"]


def _deployed(home: Path, port: int, model: str) -> Deployed:
    peer = Peer(NAME, port, f"/endpoints/{model}/invocations", 0.0, roots=[_supervisor(home)])
    exports = json.loads(_run("env", "--data-dir", home, "--json"))
    return Deployed(home, model, peer, _caller(exports), exports)


def _caller(exports: dict[str, str]) -> Key:
    """A user with one policy: for root, nothing would have to be decided."""
    iam = _client(exports, "iam")
    iam.create_user(UserName=CALLER)
    document = json.dumps(MAY_CALL)
    iam.put_user_policy(UserName=CALLER, PolicyName="AllowInvokeEndpoint", PolicyDocument=document)
    key = iam.create_access_key(UserName=CALLER)["AccessKey"]
    return Key(key["AccessKeyId"], key["SecretAccessKey"], "us-east-1")


def _restart(deployed: Deployed, up_words: list[object], right: Any) -> float:
    """Seconds from the start of `hostler up` to the endpoint's first right answer."""
    peer = deployed.peer
    peer.began = time.monotonic()
    with subprocess.Popen(_words(*up_words), stdout=subprocess.DEVNULL) as up:
        seconds = first_right(peer, deployed.key, right, START_S_MAX)
        up.wait(START_S_MAX)
    peer.roots = [_supervisor(deployed.home)]
    return seconds


def _kill(deployed: Deployed, right: Any) -> float:
    """Seconds until the endpoint answers again, by a new gateway and a new model server.

    Once only: what dies again and again is started again ever later.
    """
    pids = [*deployed.process_pids("gateway-"), *deployed.instance_pids()]
    deployed.peer.began = time.monotonic()
    processes.kill([each for pid in pids for each in processes.identified(pid)[:1]])
    return first_right(deployed.peer, deployed.key, right, START_S_MAX)


def _words(*words: object) -> list[str]:
    return [sys.executable, "-m", "hostler.cli.main", *map(str, words)]


def _run(*words: object) -> str:
    done = subprocess.run(_words(*words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hostler {words[0]}: {done.stderr}{done.stdout}")
    return done.stdout


def _client(exports: dict[str, str], service: str) -> Any:
    return deploying.client(exports, service, read_timeout=120)


def _deploy(exports: dict[str, str], model: str, archive: bytes) -> None:
    """Everything up to the config."""
    key = f"models/{model}/model.tar.gz"
    _client(exports, "s3").put_object(Bucket=BUCKET, Key=key, Body=archive)
    sagemaker = _client(exports, "sagemaker")
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


def _create(exports: dict[str, str], config: str, endpoint: str) -> float:
    """CreateEndpoint to InService, in seconds."""
    sagemaker = _client(exports, "sagemaker")
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


def _delete(deployed: Deployed, endpoint: str) -> None:
    """Until nothing of it is left."""
    sagemaker = _client(deployed.exports, "sagemaker")
    sagemaker.delete_endpoint(EndpointName=endpoint)
    for _ in range(1000):
        try:
            sagemaker.describe_endpoint(EndpointName=endpoint)
        except sagemaker.exceptions.ClientError:
            return
        time.sleep(0.01)
    raise RuntimeError(f"{endpoint} is still there 10 s after DeleteEndpoint")


def _idle_endpoints(deployed: Deployed) -> dict[str, float]:
    """What one more endpoint of this model costs that is never called."""
    whole, instances = (
        processes.memory(deployed.peer.pids()),
        processes.memory(deployed.instance_pids()),
    )
    names = [f"idle-{number}" for number in range(IDLE_ENDPOINTS)]
    for name in names:
        _create(deployed.exports, deployed.model, name)
    time.sleep(2)  # until what starting it needed is given back
    whole_then, instances_then = (
        processes.memory(deployed.peer.pids()),
        processes.memory(deployed.instance_pids()),
    )
    for name in names:
        _delete(deployed, name)
    private = instances_then.private - instances.private
    added = whole_then.proportional - whole.proportional
    return {
        "private, of its processes": private / IDLE_ENDPOINTS,
        "proportional, over all of Hostler": added / IDLE_ENDPOINTS,
    }


def _supervisor(home: Path) -> int:
    gateway = int(json.loads((home / "run/gateway-0.pid").read_text())["pid"])
    fields = Path(f"/proc/{gateway}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1])
