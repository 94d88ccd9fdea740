"""Whether a cell of the matrix of clients did what its section means.

Invariant: Hostler is asked, as root; what a client said is looked at where the saying is the point.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from client_matrix import MODEL, Lane
from running import TEAM, eventually

POLICIES: Mapping[str, tuple[str, str, str]] = {
    "10.3": ("v2", "BlueGreenUpdatePolicy", "CANARY"),
    "10.4": ("v1", "BlueGreenUpdatePolicy", "LINEAR"),
    "10.5": ("v2", "RollingUpdatePolicy", "MaximumBatchSize"),
}
"""By section: which version serves afterwards, and the deployment that it came by."""
CALLS = 5
"""Of the blocks of 10.1 (beside one to the challenger) and 10.2."""


def judge(lane: Lane, section: str, said: str) -> None:
    """Fail with what is not as it should be."""
    endpoint = lane.project.endpoint(MODEL)
    match section:
        case "4.1":
            _deployed(lane, endpoint)
        case "4.2":
            name = f"{lane.project.prefix}pytorch-ep"
            rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
            answer = json.loads(_invoked(lane, name, rows))
            assert [len(row) for row in answer] == [3, 3]
        case "5":
            written = lane.folder / "output.json"
            text = written.read_text() if written.exists() else said.splitlines()[-1]
            assert json.loads(text) in ([0], [1], [2])
        case "6":
            _scaled(lane, endpoint)
        case "7.1":
            _slept(lane, f"{lane.project.prefix}{MODEL}-serverless")
        case "7.3":
            assert endpoint in said or lane.client.language == "bash"
        case "9":
            assert endpoint in said
            _deleted(lane, endpoint)
        case "10.1":
            _divided(lane)
        case "10.2":
            _mirrored(lane)
        case "10.6":
            _taken_back(lane, said)
        case _:
            _replaced(lane, *POLICIES[section])


def _deployed(lane: Lane, endpoint: str) -> None:
    client = lane.root("sagemaker")
    described = client.describe_endpoint(EndpointName=endpoint)
    assert described["EndpointStatus"] == "InService"
    tags = client.list_tags(ResourceArn=described["EndpointArn"])["Tags"]
    assert {"Key": "Team", "Value": TEAM} in tags
    model = client.describe_model(ModelName=lane.project.model(MODEL))
    assert model["VpcConfig"]["SecurityGroupIds"] == ["sg-sagemaker-studio"]


def _scaled(lane: Lane, endpoint: str) -> None:
    (policy,) = lane.root("application-autoscaling").describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=f"endpoint/{endpoint}/variant/AllTraffic"
    )["ScalingPolicies"]
    assert policy["PolicyName"] == f"{lane.project.prefix}scaling-policy"
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70
    assert len(policy["Alarms"]) == 2


def _slept(lane: Lane, endpoint: str) -> None:
    """It answers; then it goes, as section 9 looks whether anything of the model is left."""
    client = lane.root("sagemaker")
    described = client.describe_endpoint(EndpointName=endpoint)
    assert described["EndpointStatus"] == "InService"
    (variant,) = described["ProductionVariants"]
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    assert variant["CurrentServerlessConfig"] == config
    assert json.loads(_invoked(lane, endpoint, [1.0, 2.0, 3.0, 4.0])) in ([0], [1], [2])
    client.delete_endpoint(EndpointName=endpoint)
    client.delete_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    client.delete_model(ModelName=f"{endpoint}-v1")


def _invoked(lane: Lane, endpoint: str, rows: Any) -> str:
    answer = lane.root("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint,
        ContentType="application/json",
        Body=json.dumps({"features": rows}),
    )
    text: str = answer["Body"].read().decode()
    return text


def _deleted(lane: Lane, endpoint: str) -> None:
    client = lane.root("sagemaker")
    client.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    prefix = lane.project.prefix + MODEL
    left = client.list_endpoint_configs(NameContains=prefix)["EndpointConfigs"]
    assert left == [], "its configuration is deleted too"
    assert client.list_models(NameContains=prefix)["Models"] == []


def _described(lane: Lane, name: str) -> dict[str, Any]:
    """An endpoint that nothing changes any more."""
    client, endpoint = lane.root("sagemaker"), f"{lane.project.prefix}{name}-ep"

    def settled() -> dict[str, Any] | None:
        described: dict[str, Any] = client.describe_endpoint(EndpointName=endpoint)
        return described if described["EndpointStatus"] == "InService" else None

    return eventually(f"{endpoint} is in service", settled)


def _divided(lane: Lane) -> None:
    """One call was the challenger's, those of one user went all to the same; then 1 : 1."""
    described = _described(lane, "ab")
    weights = {v["VariantName"]: v["CurrentWeight"] for v in described["ProductionVariants"]}
    assert weights == {"champion": 1.0, "challenger": 1.0}
    counts = eventually("all calls are counted", lambda: _counted(lane, described["EndpointName"]))
    assert counts in ([CALLS, 1], [0, CALLS + 1])


def _counted(lane: Lane, endpoint: str) -> list[float] | None:
    """How many calls champion and challenger had, once all are known."""
    now = datetime.now(UTC)
    counts = []
    for variant in ("champion", "challenger"):
        found = lane.root("cloudwatch").get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[
                {"Name": "EndpointName", "Value": endpoint},
                {"Name": "VariantName", "Value": variant},
            ],
            StartTime=now - timedelta(minutes=30),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        counts.append(sum(point["Sum"] for point in found["Datapoints"]))
    return counts if sum(counts) > CALLS else None


def _mirrored(lane: Lane) -> None:
    """Each call was copied, and each answer is equal: it is the same model twice."""
    (shadow,) = _described(lane, "shadow")["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"]) == ("challenger", 1)
    words = ("shadow", "report", f"{lane.project.prefix}shadow-ep", "--json")

    def reported() -> dict[str, Any] | None:
        done = lane.server.run(*words, "--as", lane.project.deployer)
        told: dict[str, Any] = json.loads(done.stdout)
        return told if told["equal"] + told["uncompared"] >= CALLS else None

    told = eventually("the shadow's answers are compared", reported)
    assert (told["copied"], told["dropped"], told["different"]) == (CALLS, {}, 0)


def _replaced(lane: Lane, version: str, policy: str, kind: str) -> None:
    described = _described(lane, "careful")
    assert described["EndpointConfigName"] == f"{lane.project.prefix}careful-{version}-config"
    assert "FailureReason" not in described
    assert kind in json.dumps(described["LastDeploymentConfig"][policy])


def _taken_back(lane: Lane, said: str) -> None:
    described = _described(lane, "careful")
    config = f"{lane.project.prefix}careful-v2-config"
    assert described["EndpointConfigName"] == config, "what served before serves again"
    assert f'the alarm "{lane.alarm}" is in ALARM' in described["FailureReason"]
    assert config in said
    assert described["FailureReason"] in said
