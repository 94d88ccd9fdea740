"""A shadow variant through boto3: what is frozen, what is shown, and how its weight is changed."""

from dataclasses import replace
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from hostler.domain.endpoint import EndpointStatus, EndpointView, Size, VariantView
from hostler.store import endpoints

NAME = "rc-shadow-ep"
EXPERIMENT = {
    "Name": "e",
    "Type": "ShadowMode",
    "RoleArn": "arn:aws:iam::123456789012:role/r",
    "EndpointName": NAME,
    "ModelVariants": [
        {
            "ModelName": "rc-v1",
            "VariantName": name,
            "InfrastructureConfig": {
                "InfrastructureType": "RealTimeInference",
                "RealTimeInferenceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
        }
        for name in ("live", "next")
    ],
    "ShadowModeConfig": {
        "SourceModelVariantName": "live",
        "ShadowModelVariants": [{"ShadowModelVariantName": "next", "SamplingPercentage": 50}],
    },
}


@pytest.fixture
def created(sagemaker: Any, deployable: Any) -> Any:
    deployable("rc")
    live, new = (
        {
            "VariantName": name,
            "ModelName": "rc-v1",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
            "InitialVariantWeight": weight,
        }
        for name, count, weight in [("live", 2, 2.0), ("next", 1, 0.5)]
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="rc-shadow", ProductionVariants=[live], ShadowProductionVariants=[new]
    )
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="rc-shadow")
    return sagemaker


def serve(world: Any) -> None:
    """What the controller would write."""
    before = world.endpoint(NAME)
    view = EndpointView(
        (
            VariantView("live", 2.0, 2.0, 2, 2),
            VariantView("next", 0.5, 0.5, 1, 1, shadow=True),
        )
    )

    def write(tx: Any) -> None:
        endpoints.save_view(tx, before.id, view)
        endpoints.save(tx, replace(before, status=EndpointStatus.IN_SERVICE, current=before.target))

    world.rooms.store.run(write, write=True)


def test_a_shadow_is_frozen_beside_what_it_shadows(world: Any, created: Any) -> None:
    target = world.endpoint(NAME).target
    deployment = world.rooms.store.run(lambda tx: endpoints.deployment(tx, target))
    assert [(v.name, v.shadow) for v in deployment.variants] == [("live", False), ("next", True)]


def test_both_are_shown_apart_before_and_after_they_serve(world: Any, created: Any) -> None:
    pending = created.describe_endpoint(EndpointName=NAME)["PendingDeploymentSummary"]
    assert [v["VariantName"] for v in pending["ProductionVariants"]] == ["live"]
    assert [v["VariantName"] for v in pending["ShadowProductionVariants"]] == ["next"]
    serve(world)
    shown = created.describe_endpoint(EndpointName=NAME)
    assert [v["VariantName"] for v in shown["ProductionVariants"]] == ["live"]
    (shadow,) = shown["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["DesiredWeight"]) == ("next", 0.5)


def test_the_weight_of_a_shadow_is_changed_by_its_name(world: Any, created: Any) -> None:
    serve(world)
    created.update_endpoint_weights_and_capacities(
        EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "next", "DesiredWeight": 2.0}],
    )
    assert world.endpoint(NAME).asked == {"live": Size(2.0, 2), "next": Size(2.0, 1)}


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("CreateInferenceExperiment", EXPERIMENT),
        ("DescribeInferenceExperiment", {"Name": "e"}),
        ("StartInferenceExperiment", {"Name": "e"}),
        ("UpdateInferenceExperiment", {"Name": "e"}),
        ("StopInferenceExperiment", {"Name": "e", "ModelVariantActions": {"live": "Retain"}}),
        ("DeleteInferenceExperiment", {"Name": "e"}),
        ("ListInferenceExperiments", {}),
    ],
)
def test_an_inference_experiment_is_refused_by_name_with_what_to_do(
    sagemaker: Any, operation: str, params: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(sagemaker, xform_name(operation))(**params)
    error = caught.value.response["Error"]
    assert error["Code"] == "UnknownOperationException"
    assert f"sagemaker's operation {operation}. " in error["Message"]
    assert "CreateEndpointConfig ShadowProductionVariants" in error["Message"]
    assert "UpdateEndpointWeightsAndCapacities" in error["Message"]
