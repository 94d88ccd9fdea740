"""ServerlessConfig in configs, endpoints and updates: what acts, and what is refused beside it."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.api.sagemaker import serverless
from hostler.control.scaling_steps import Rules, settle
from hostler.domain.config import Quotas
from hostler.domain.endpoint import EndpointStatus, Size
from hostler.domain.errors import CallerError
from hostler.domain.scaling import KEY
from hostler.domain.serverless import Serverless
from hostler.store import endpoints
from refusals import invalid

NAME = "rc-naps"
ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
CONFIG = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
SHADOW = {"VariantName": "copy", "ModelName": f"{NAME}-v1"}
ON_INSTANCES = {**SHADOW, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://b/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}
ASYNC = {"OutputConfig": {"S3OutputPath": "s3://b/answers"}}
EXPLAINER = {"ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {}}}}
CONTAINER = {"Image": IMAGE, "ModelDataUrl": "s3://b/m.tar.gz"}


def variant(**changes: Any) -> dict[str, Any]:
    return {
        "VariantName": "AllTraffic",
        "ModelName": f"{NAME}-v1",
        "ServerlessConfig": CONFIG,
        **changes,
    }


@pytest.fixture
def client(sagemaker: Any, deployable: Any) -> Any:
    deployable(NAME)
    return sagemaker


@pytest.fixture
def serving(world: Any, client: Any) -> Any:
    """A serverless endpoint, in service as the controller would write it."""
    client.create_endpoint_config(EndpointConfigName="s", ProductionVariants=[variant()])
    client.create_endpoint(EndpointName=NAME, EndpointConfigName="s")
    found = world.endpoint(NAME)
    after = replace(found, status=EndpointStatus.IN_SERVICE, current=found.target)
    world.rooms.store.run(lambda tx: endpoints.save(tx, after), write=True)
    return client


def test_a_serverless_config_is_described_as_it_was_made(client: Any) -> None:
    made = variant(ServerlessConfig={**CONFIG, "ProvisionedConcurrency": 2})
    client.create_endpoint_config(EndpointConfigName="s", ProductionVariants=[made])
    shown = client.describe_endpoint_config(EndpointConfigName="s")
    assert shown["ProductionVariants"] == [{**made, "InitialVariantWeight": 1.0}]


def test_what_is_to_come_is_shown_without_instances(world: Any, client: Any) -> None:
    client.create_endpoint_config(EndpointConfigName="s", ProductionVariants=[variant()])
    client.create_endpoint(EndpointName=NAME, EndpointConfigName="s")
    (coming,) = client.describe_endpoint(EndpointName=NAME)["PendingDeploymentSummary"][
        "ProductionVariants"
    ]
    assert coming["DesiredServerlessConfig"] == CONFIG
    assert not {"InstanceType", "DesiredInstanceCount", "CurrentInstanceCount"} & coming.keys()
    target = world.endpoint(NAME).target
    assert target is not None
    frozen = world.rooms.store.run(lambda tx: endpoints.deployment(tx, target))
    assert frozen.variants[0].startup_timeout_s == 180
    assert frozen.variants[0].instance_type.memory_bytes == 2048 * 2**20


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"InstanceType": "ml.m5.large"}, "InstanceType cannot be specified together with"),
        ({"InitialInstanceCount": 1}, "InitialInstanceCount cannot be specified together with"),
        (
            {"RoutingConfig": {"RoutingStrategy": "RANDOM"}},
            "RoutingConfig cannot be specified together with",
        ),
        ({"ServerlessConfig": {**CONFIG, "MemorySizeInMB": 1500}}, "MemorySizeInMB 1500 of the"),
        ({"ServerlessConfig": {**CONFIG, "MemorySizeInMB": 512}}, "greater than or equal to 1024"),
        ({"ServerlessConfig": {**CONFIG, "MaxConcurrency": 201}}, "less than or equal to 200"),
        (
            {"ServerlessConfig": {**CONFIG, "ProvisionedConcurrency": 6}},
            "ProvisionedConcurrency 6 of the production variant",
        ),
        ({"ModelName": "none"}, "Could not find model"),
    ],
)
def test_a_variant_that_cannot_be_served_is_refused(
    client: Any, changes: dict[str, Any], said: str
) -> None:
    asked = {"EndpointConfigName": "s", "ProductionVariants": [variant(**changes)]}
    assert said in invalid(client.create_endpoint_config, **asked)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"ProductionVariants": [variant(), variant(VariantName="b")]}, "exactly one"),
        ({"EnableNetworkIsolation": True}, "does not support network isolation"),
        (
            {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            "does not support VPC configuration",
        ),
        ({"ShadowProductionVariants": [ON_INSTANCES]}, "does not support shadow variants"),
        (
            {"ShadowProductionVariants": [{**SHADOW, "ServerlessConfig": CONFIG}]},
            "ShadowProductionVariants[0].ServerlessConfig is not supported yet",
        ),
        ({"DataCaptureConfig": CAPTURE}, "DataCaptureConfig is not supported yet"),
        ({"AsyncInferenceConfig": ASYNC}, "AsyncInferenceConfig is not supported yet"),
        ({"ExplainerConfig": EXPLAINER}, "ExplainerConfig is not supported yet"),
    ],
)
def test_a_config_with_what_excludes_it_is_refused(
    client: Any, more: dict[str, Any], said: str
) -> None:
    asked = {"EndpointConfigName": "s", "ProductionVariants": [variant()], **more}
    assert said in invalid(client.create_endpoint_config, **asked)


@pytest.mark.parametrize(
    ("model", "image", "said"),
    [
        ({"EnableNetworkIsolation": True}, IMAGE, "network isolation (EnableNetworkIsolation of"),
        (
            {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}},
            IMAGE,
            "VPC configuration (VpcConfig of model m)",
        ),
        ({}, f"{IMAGE.partition(':')[0]}:2.0.0-gpu-py310", "does not support GPUs"),
    ],
)
def test_a_model_that_serverless_inference_cannot_serve_is_refused(
    client: Any, model: dict[str, Any], image: str, said: str
) -> None:
    container = {**CONTAINER, "Image": image}
    client.create_model(ModelName="m", PrimaryContainer=container, ExecutionRoleArn=ROLE, **model)
    asked = {"EndpointConfigName": "s", "ProductionVariants": [variant(ModelName="m")]}
    assert said in invalid(client.create_endpoint_config, **asked)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Containers": [CONTAINER, CONTAINER]}, "Containers with 2 entries"),
        ({"PrimaryContainer": {**CONTAINER, "Mode": "MultiModel"}}, "Mode 'MultiModel'"),
    ],
)
def test_a_model_of_several_is_refused_before_it_could_be_served(
    client: Any, given: dict[str, Any], said: str
) -> None:
    asked = {"ModelName": "m", "ExecutionRoleArn": ROLE, **given}
    assert said in invalid(client.create_model, **asked)
    with pytest.raises(CallerError, match="Serverless inference does not support"):
        serverless.check_model(asked)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"DataCaptureConfig": CAPTURE}, "data capture"),
        ({"AsyncInferenceConfig": ASYNC}, "asynchronous inference"),
        ({"ExplainerConfig": EXPLAINER}, "explanations"),
    ],
)
def test_what_instances_may_have_one_day_serverless_variants_have_not(
    more: dict[str, Any], what: str
) -> None:
    asked = {"ProductionVariants": [variant()], **more}
    with pytest.raises(CallerError, match=f"does not support {what}"):
        serverless.check_config(asked)


def test_a_real_time_endpoint_does_not_become_serverless(world: Any, client: Any) -> None:
    client.create_endpoint_config(EndpointConfigName="s", ProductionVariants=[variant()])
    client.create_endpoint(EndpointName=NAME, EndpointConfigName=f"{NAME}-config")
    found = world.endpoint(NAME)
    after = replace(found, status=EndpointStatus.IN_SERVICE, current=found.target)
    world.rooms.store.run(lambda tx: endpoints.save(tx, after), write=True)
    said = invalid(client.update_endpoint, EndpointName=NAME, EndpointConfigName="s")
    assert "from a real-time to a serverless endpoint configuration" in said


def test_a_serverless_endpoint_becomes_a_real_time_one(world: Any, serving: Any) -> None:
    serving.update_endpoint(EndpointName=NAME, EndpointConfigName=f"{NAME}-config")
    assert world.endpoint(NAME).status is EndpointStatus.UPDATING


def test_concurrency_is_changed_without_another_config(world: Any, serving: Any) -> None:
    def change(**update: int) -> None:
        serving.update_endpoint_weights_and_capacities(
            EndpointName=NAME,
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "ServerlessUpdateConfig": update}
            ],
        )

    assert "ProvisionedConcurrency 6 of" in invalid(change, ProvisionedConcurrency=6)
    change(MaxConcurrency=8, ProvisionedConcurrency=6)
    assert world.endpoint(NAME).asked == {"AllTraffic": Size(1.0, 6, Serverless(2048, 8, 6))}


def test_a_serverless_variant_has_no_instance_count(serving: Any) -> None:
    wish = {"VariantName": "AllTraffic", "DesiredInstanceCount": 2}
    said = invalid(
        serving.update_endpoint_weights_and_capacities,
        EndpointName=NAME,
        DesiredWeightsAndCapacities=[wish],
    )
    assert "it is serverless and takes a ServerlessUpdateConfig" in said


def test_provisioned_concurrency_is_scaled_and_instances_are_not(world: Any, serving: Any) -> None:
    client = world.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{NAME}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency",
    }
    asked = {**target, "MinCapacity": 2, "MaxCapacity": 4}
    assert "it has no ProvisionedConcurrency" in invalid(client.register_scalable_target, **asked)
    found = world.endpoint(NAME)
    sizes = {"AllTraffic": Size(1.0, 1, Serverless(2048, 5, 1))}
    put = replace(found, sizes=sizes)
    world.rooms.store.run(lambda tx: endpoints.save(tx, put), write=True)
    instances = {**asked, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
    assert "it is serverless" in invalid(client.register_scalable_target, **instances)
    client.register_scalable_target(**asked)
    client.put_scaling_policy(
        **target,
        PolicyName="busy",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
            },
        },
    )
    (key,) = {each for each in world.wakes if each.startswith(KEY)}
    rules = Rules(world.clock.now(), Quotas())
    world.rooms.store.run(lambda tx: settle(tx, key.removeprefix(KEY), rules), write=True)
    assert world.endpoint(NAME).asked == {"AllTraffic": Size(1.0, 2, Serverless(2048, 5, 2))}
    (told,) = client.describe_scaling_activities(ServiceNamespace="sagemaker")["ScalingActivities"]
    assert told["Description"] == "Setting desired provisioned concurrency to 2."
