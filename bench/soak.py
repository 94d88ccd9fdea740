"""``python -m bench.soak``: an endpoint scaled by its load at AWS's timing, one to four and back.

Section 6 of the team's page, for real: 70 calls a minute for each instance, 60 s out and 300 s in,
three minutes of three above and fifteen of fifteen below. Takes three quarters of an hour;
``--short`` does the same by steps and alarms of ten seconds in two minutes. What was seen becomes a
JSON file and, by ``--svg``, a plot. Fails unless no call failed and the instances went 1, 4, 1.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench import deploying, soak_plot
from bench.environments import CACHE
from bench.peers.base import free_port

ENDPOINT, VARIANT = "rc-soak-fraud-ep", "AllTraffic"
BUCKET = "acme-sm-rc-soak"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference:latest"
RESOURCE = f"endpoint/{ENDPOINT}/variant/{VARIANT}"
OF = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
MODEL = """
import time

def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    time.sleep(0.02)
    return data, content_type
"""
THREADS = 16
EXPECTED = [1, 4, 1]


@dataclass(frozen=True, slots=True)
class Phase:
    """So many calls a minute for some seconds."""

    seconds: float
    a_minute: float


WHOLE = (Phase(180, 10), Phase(900, 290), Phase(1620, 10))
SHORT = (Phase(15, 150), Phase(45, 2700), Phase(60, 150))


@dataclass(frozen=True, slots=True)
class Seen:
    """A look at the endpoint; ``at`` in seconds since the load began."""

    at: float
    instances: int
    desired: int
    calls: int
    failures: int


class Load:
    """Calls at a pace that phases say, begun on time however long others take."""

    def __init__(self, client: Any, phases: Sequence[Phase]) -> None:
        self.calls = 0
        self.failures: list[str] = []
        self._client = client
        self._due = _times(phases)
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(THREADS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        while True:
            with self._lock:
                due = next(self._due, None)
            if due is None:
                return
            time.sleep(max(0.0, self._began + due - time.monotonic()))
            error = ""
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=ENDPOINT, ContentType="application/json", Body=b"[1]"
                )
                error = "" if answer["Body"].read() == b"[1]" else "a wrong answer"
            except Exception as caught:  # noqa: BLE001 - whatever it is, the call failed
                error = repr(caught)
            with self._lock:
                self.calls += 1
                if error:
                    self.failures.append(error)


def main() -> None:
    """Run, write down, and judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--short", action="store_true", help="steps and ten-second alarms")
    parser.add_argument("--out", type=Path, default=CACHE / "soak.json")
    parser.add_argument("--svg", type=Path, help="where to draw what was seen")
    options = parser.parse_args()
    phases = SHORT if options.short else WHOLE
    with tempfile.TemporaryDirectory(prefix="h-", dir="/tmp") as folder:
        home = Path(folder) / "d"
        try:
            exports = _up(home)
            _deploy(exports)
            (_by_steps if options.short else _by_target)(exports)
            seen, failures = _watched(exports, phases)
            said = _hostler(home, "scaling", "explain", ENDPOINT)
        finally:
            _hostler(home, "down")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(each) for each in seen]))
    if options.svg is not None:
        options.svg.write_text(soak_plot.draw(seen, phases))
    print(said)
    path = [count for count, _ in itertools.groupby(each.desired for each in seen)]
    print(f"instances {path}, {seen[-1].calls} calls, {len(failures)} failed {failures[:3]}")
    if failures or path != EXPECTED:
        sys.exit(f"expected {EXPECTED} and no failure")


def _watched(exports: dict[str, str], phases: Sequence[Phase]) -> tuple[list[Seen], list[str]]:
    """The load, and what was seen meanwhile, each second (or five, of the whole)."""
    sagemaker = _client(exports, "sagemaker")
    load = Load(_client(exports, "sagemaker-runtime"), phases)
    whole = sum(phase.seconds for phase in phases)
    load.start()
    began = time.monotonic()
    seen: list[Seen] = []
    while (at := time.monotonic() - began) < whole:
        shown = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"][0]
        counts = shown["CurrentInstanceCount"], shown["DesiredInstanceCount"]
        seen.append(Seen(round(at, 1), *counts, load.calls, len(load.failures)))
        time.sleep(1.0 if whole < 300 else 5.0)
    load.join()
    return seen, load.failures


def _times(phases: Sequence[Phase]) -> Iterator[float]:
    """When each call is due, in seconds since the beginning."""
    start = 0.0
    for phase in phases:
        every = 60 / phase.a_minute
        for number in range(int(phase.seconds / every)):
            yield start + number * every
        start += phase.seconds


def _up(home: Path) -> dict[str, str]:
    _hostler(home, "up", "--port", str(free_port()), "--region", "us-east-1", "--detach")
    _hostler(home, "bootstrap", "--company", "acme", "--team", "rc", "--project", "soak")
    exports: dict[str, str] = json.loads(_hostler(home, "env", "--json"))
    return exports


def _deploy(exports: dict[str, str]) -> None:
    key = "models/fraud/model.tar.gz"
    _client(exports, "s3").put_object(Bucket=BUCKET, Key=key, Body=deploying.archived(MODEL))
    sagemaker = _client(exports, "sagemaker")
    role = "arn:aws:iam::123456789012:role/SageMaker-Rc-Soak-ExecutionRole"
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{key}"}
    sagemaker.create_model(
        ModelName="rc-soak-fraud-v1", PrimaryContainer=container, ExecutionRoleArn=role
    )
    variant = {
        "VariantName": VARIANT,
        "ModelName": "rc-soak-fraud-v1",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    config = "rc-soak-fraud-config"
    sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=config)
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName=ENDPOINT, WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def _by_target(exports: dict[str, str]) -> None:
    """As section 6 has it."""
    client = _client(exports, "application-autoscaling")
    client.register_scalable_target(**OF, MinCapacity=1, MaxCapacity=4)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    client.put_scaling_policy(
        PolicyName="rc-soak-scaling-policy",
        **OF,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "PredefinedMetricSpecification": metric,
            "ScaleInCooldown": 300,
            "ScaleOutCooldown": 60,
        },
    )


def _by_steps(exports: dict[str, str]) -> None:
    """The same way by requests at once: above 0.5 for each instance out, below 0.2 in."""
    client = _client(exports, "application-autoscaling")
    client.register_scalable_target(**OF, MinCapacity=1, MaxCapacity=4)
    for name, number, operator, threshold in (
        ("out", 3, "GreaterThanThreshold", 0.5),
        ("in", -3, "LessThanThreshold", 0.1),
    ):
        steps = {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"ScalingAdjustment": number}],
            "Cooldown": 10,
        }
        made = client.put_scaling_policy(
            PolicyName=name, **OF, PolicyType="StepScaling", StepScalingPolicyConfiguration=steps
        )
        _client(exports, "cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            MetricName="ConcurrentRequestsPerModel",
            Dimensions=[
                {"Name": "EndpointName", "Value": ENDPOINT},
                {"Name": "VariantName", "Value": VARIANT},
            ],
            Statistic="Average",
            Period=10,
            EvaluationPeriods=1,
            Threshold=threshold,
            ComparisonOperator=operator,
            AlarmActions=[made["PolicyARN"]],
        )


def _client(exports: dict[str, str], service: str) -> Any:
    retries = {"total_max_attempts": 1}
    return deploying.client(exports, service, retries=retries, max_pool_connections=THREADS)


def _hostler(home: Path, *words: str) -> str:
    command = [sys.executable, "-m", "hostler.cli.main", *words, "--data-dir", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"hostler {words[0]}: {done.stderr}{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main()
