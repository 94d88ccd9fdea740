"""DeploymentConfig through the wire: what is accepted, kept, used again and refused."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.domain.endpoint import EndpointStatus
from hostler.store import endpoints
from refusals import invalid

NAME = "rc-fraud-ep"


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def count(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def blue_green(kind: str, **more: Any) -> dict[str, Any]:
    outer = {
        key: more.pop(key)
        for key in ("TerminationWaitInSeconds", "MaximumExecutionTimeoutInSeconds")
        if key in more
    }
    routing = {"Type": kind, "WaitIntervalInSeconds": 60, **more}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **outer}}


def watched(*names: str) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in names]}}


def rolling(batch: dict[str, Any], **more: Any) -> dict[str, Any]:
    policy = {"MaximumBatchSize": batch, "WaitIntervalInSeconds": 60, **more}
    return {"RollingUpdatePolicy": policy}


CANARY = blue_green("CANARY", CanarySize=percent(10))


@pytest.fixture
def serving(world: Any, sagemaker: Any, deployable: Any) -> Any:
    """An endpoint of four instances that is in service."""
    deployable("rc-fraud")
    sagemaker.create_endpoint_config(
        EndpointConfigName="four",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": "rc-fraud-v1",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 4,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="four")
    settle(world)
    return sagemaker


def settle(world: Any, name: str = NAME) -> None:
    """What the controller would write."""

    def transaction(tx: Any) -> None:
        row = endpoints.get(tx, "123456789012", "us-east-1", name)
        assert row is not None
        after = replace(row, status=EndpointStatus.IN_SERVICE, current=row.target)
        endpoints.save(tx, after)

    world.rooms.store.run(transaction, write=True)


def update(client: Any, config: dict[str, Any] | None = None, **options: Any) -> None:
    given = {} if config is None else {"DeploymentConfig": config}
    client.update_endpoint(EndpointName=NAME, EndpointConfigName="four", **given, **options)


def refused(client: Any, config: dict[str, Any] | None = None, **options: Any) -> str:
    return invalid(update, client, config, **options)


@pytest.mark.parametrize(
    "config",
    [
        blue_green("ALL_AT_ONCE", TerminationWaitInSeconds=3600),
        CANARY,
        blue_green("CANARY", CanarySize=count(2), MaximumExecutionTimeoutInSeconds=600),
        blue_green("LINEAR", LinearStepSize=percent(50)),
        blue_green("LINEAR", LinearStepSize=count(1)),
        rolling(percent(5), RollbackMaximumBatchSize=percent(100)),
        rolling(count(2), MaximumExecutionTimeoutInSeconds=600),
    ],
)
def test_a_policy_is_accepted_and_shown(world: Any, serving: Any, config: dict[str, Any]) -> None:
    assert "LastDeploymentConfig" not in serving.describe_endpoint(EndpointName=NAME)
    update(serving, config)
    assert serving.describe_endpoint(EndpointName=NAME)["LastDeploymentConfig"] == config
    settle(world)
    assert serving.describe_endpoint(EndpointName=NAME)["LastDeploymentConfig"] == config


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (blue_green("CANARY"), "CanarySize is required where Type is CANARY"),
        (blue_green("LINEAR"), "LinearStepSize is required where Type is LINEAR"),
        (blue_green("ALL_AT_ONCE", CanarySize=percent(5)), "belongs to Type CANARY alone"),
        (
            blue_green("CANARY", CanarySize=percent(5), LinearStepSize=percent(10)),
            "belongs to Type LINEAR alone",
        ),
        (blue_green("CANARY", CanarySize=percent(51)), "at most 50% of the capacity"),
        (blue_green("CANARY", CanarySize=count(3)), "INSTANCE_COUNT 3 of 4 instances"),
        (blue_green("CANARY", CanarySize=count(0)), "greater than or equal to 1"),
        (blue_green("LINEAR", LinearStepSize=percent(9)), "at least 10% and at most 50%"),
        (blue_green("LINEAR", LinearStepSize=percent(60)), "at most 50%"),
        (blue_green("ALL_AT_ONCE", TerminationWaitInSeconds=3601), "less than or equal to 3600"),
        (
            blue_green("ALL_AT_ONCE", MaximumExecutionTimeoutInSeconds=599),
            "greater than or equal to 600",
        ),
        (
            blue_green(
                "LINEAR",
                LinearStepSize=percent(10),
                TerminationWaitInSeconds=0,
                MaximumExecutionTimeoutInSeconds=600,
            ),
            "is 600, and must be more than the waits of the deployment, which are 600 seconds",
        ),
        (rolling(percent(4)), "at least 5% and at most 50%"),
        (rolling(count(3)), "INSTANCE_COUNT 3 of 4 instances"),
        (rolling(percent(50), RollbackMaximumBatchSize=percent(101)), "at most 100%"),
        (
            rolling(count(1), MaximumExecutionTimeoutInSeconds=600, WaitIntervalInSeconds=150),
            "must be more than the waits of the deployment, which are 600 seconds",
        ),
        (rolling(count(1)) | CANARY, "exclude each other"),
        (watched("absent", "gone"), "alarms that do not exist: absent, gone"),
        (watched("a", "a"), 'names the alarm "a" twice'),
        (watched(*"abcdefghij"), "alarms that do not exist: a, b, c, d, e, f, g, h, i, j"),
        (watched(*"abcdefghijk"), "Member must have length less than or equal to 10"),
        ({"AutoRollbackConfiguration": {"Alarms": [{}]}}, "needs an AlarmName each"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    serving: Any, config: dict[str, Any], said: str
) -> None:
    assert said in refused(serving, config)
    assert serving.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "InService"


def put_alarm(world: Any, name: str) -> None:
    world.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        MetricName="Invocation5XXErrors",
        Namespace="AWS/SageMaker",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )


def test_an_alarm_that_exists_may_watch(world: Any, serving: Any) -> None:
    put_alarm(world, "errors")
    update(serving, CANARY | watched("errors"))


def test_rolling_keeps_the_one_variant(serving: Any) -> None:
    variant = {"ModelName": "rc-fraud-v1", "InstanceType": "ml.m5.large"}
    for config, names in (("other", ["Other"]), ("two", ["AllTraffic", "Other"])):
        serving.create_endpoint_config(
            EndpointConfigName=config,
            ProductionVariants=[
                {**variant, "VariantName": name, "InitialInstanceCount": 2} for name in names
            ],
        )
        with pytest.raises(ClientError, match=r"one variant|keeps the variant"):
            serving.update_endpoint(
                EndpointName=NAME, EndpointConfigName=config, DeploymentConfig=rolling(count(1))
            )


STEPS = [
    CANARY,
    blue_green("LINEAR", LinearStepSize=percent(50)),
    blue_green("ALL_AT_ONCE", TerminationWaitInSeconds=60),
    rolling(percent(50)),
    watched("errors"),
]


def test_serverless_variants_are_replaced_at_once_and_by_no_steps(world: Any, serving: Any) -> None:
    """Neither one by another one, nor one by instances."""
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "rc-fraud-v1",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1},
    }
    serving.create_endpoint_config(EndpointConfigName="naps", ProductionVariants=[variant])
    serving.create_endpoint(EndpointName="naps", EndpointConfigName="naps")
    settle(world, "naps")
    for config, wanted in product(STEPS, ("four", "naps")):
        asked = {"EndpointName": "naps", "EndpointConfigName": wanted}
        said = invalid(serving.update_endpoint, **asked, DeploymentConfig=config)
        assert "serverless variants are replaced all at once" in said
    plain = blue_green("ALL_AT_ONCE", WaitIntervalInSeconds=0)
    serving.update_endpoint(**asked, DeploymentConfig=plain)


def test_the_last_policy_is_used_again_where_that_is_asked(world: Any, serving: Any) -> None:
    update(serving, CANARY)
    settle(world)
    assert "exclude each other" in refused(serving, CANARY, RetainDeploymentConfig=True)
    update(serving, RetainDeploymentConfig=True)
    settle(world)
    assert serving.describe_endpoint(EndpointName=NAME)["LastDeploymentConfig"] == CANARY
    update(serving)
    settle(world)
    assert "LastDeploymentConfig" not in serving.describe_endpoint(EndpointName=NAME)


def test_what_create_endpoint_says_is_kept_for_a_later_update(world: Any, serving: Any) -> None:
    config = CANARY | watched("made-later")
    serving.create_endpoint(
        EndpointName="other", EndpointConfigName="four", DeploymentConfig=config
    )
    assert serving.describe_endpoint(EndpointName="other")["LastDeploymentConfig"] == config
    settle(world, "other")
    again = {"EndpointName": "other", "EndpointConfigName": "four", "RetainDeploymentConfig": True}
    assert "do not exist: made-later" in invalid(serving.update_endpoint, **again)
    put_alarm(world, "made-later")
    serving.update_endpoint(**again)
    described = serving.describe_endpoint(EndpointName="other")
    assert (described["EndpointStatus"], described["LastDeploymentConfig"]) == ("Updating", config)
    with pytest.raises(ClientError, match="CanarySize is required"):
        serving.create_endpoint(
            EndpointName="third",
            EndpointConfigName="four",
            DeploymentConfig=blue_green("CANARY"),
        )
