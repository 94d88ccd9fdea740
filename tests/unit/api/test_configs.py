"""CreateEndpointConfig and its companions, from boto3 and back."""

from typing import Any

import pytest

from hostler.domain.instance_types import INSTANCE_TYPES
from refusals import invalid

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/rc-fraud-config"


def variant(**changes: Any) -> dict[str, Any]:
    made = {
        "VariantName": "AllTraffic",
        "ModelName": "rc-fraud-v1",
        "InstanceType": "ml.m5.xlarge",
        "InitialInstanceCount": 1,
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def test_a_config_is_described_as_it_was_made(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud", InitialVariantWeight=0.8, ModelDataDownloadTimeoutInSeconds=600)
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="rc-FRAUD-config")
    assert shown["EndpointConfigArn"] == ARN
    assert shown["ProductionVariants"] == [
        variant(InitialVariantWeight=0.8, ModelDataDownloadTimeoutInSeconds=600)
    ]
    assert set(shown) == {
        "EndpointConfigName",
        "EndpointConfigArn",
        "ProductionVariants",
        "CreationTime",
        "ResponseMetadata",
    }


@pytest.mark.parametrize("weight", [0.1, 0.30000001192092896, 1e-7, 3, 0])
def test_weights_are_echoed_exactly(sagemaker: Any, deployable: Any, weight: float) -> None:
    deployable("rc-fraud", InitialVariantWeight=weight)
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="rc-fraud-config")
    assert shown["ProductionVariants"][0]["InitialVariantWeight"] == weight


def test_a_weight_not_given_is_one(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    sagemaker.create_endpoint_config(EndpointConfigName="b", ProductionVariants=[variant()])
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="b")
    assert shown["ProductionVariants"][0]["InitialVariantWeight"] == 1.0


def test_a_model_that_is_not_there_is_named(sagemaker: Any) -> None:
    message = invalid(
        sagemaker.create_endpoint_config, EndpointConfigName="a", ProductionVariants=[variant()]
    )
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model/rc-fraud-v1"
    assert message == f'Could not find model "{arn}".'


def test_variant_names_are_unique(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="a",
        ProductionVariants=[variant(), variant()],
    )
    assert message == 'The variant name "AllTraffic" was non-unique within the request.'


@pytest.mark.parametrize("member", ["ModelName", "InstanceType", "InitialInstanceCount"])
def test_what_a_variant_needs_is_named(sagemaker: Any, deployable: Any, member: str) -> None:
    deployable("rc-fraud")
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="a",
        ProductionVariants=[variant(**{member: None})],
    )
    assert message == f'{member} is required for the variant "AllTraffic".'


def test_a_config_has_one_variant_and_its_shadow(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    sagemaker.create_endpoint_config(
        EndpointConfigName="a",
        ProductionVariants=[variant(InitialVariantWeight=2.0)],
        ShadowProductionVariants=[variant(VariantName="next")],
    )
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="a")
    assert shown["ProductionVariants"] == [variant(InitialVariantWeight=2.0)]
    assert shown["ShadowProductionVariants"] == [
        variant(VariantName="next", InitialVariantWeight=1.0)
    ]


def test_a_config_has_up_to_ten_variants(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    weights = [0.1 * number for number in range(10)]
    variants = [
        variant(VariantName=f"v{number}", InitialVariantWeight=weight)
        for number, weight in enumerate(weights)
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="ten", ProductionVariants=variants)
    shown = sagemaker.describe_endpoint_config(EndpointConfigName="ten")
    assert [each["InitialVariantWeight"] for each in shown["ProductionVariants"]] == weights
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="eleven",
        ProductionVariants=[*variants, variant()],
    )
    assert "Member must have length less than or equal to 10" in message


@pytest.mark.parametrize(
    ("names", "shadows", "said"),
    [
        (["a", "b"], ["c"], "2 and 1 are given"),
        (["a"], ["b", "c"], "1 and 2 are given"),
        (["a"], ["a"], 'The variant name "a" was non-unique within the request.'),
    ],
)
def test_one_variant_shadows_one(
    sagemaker: Any, deployable: Any, names: list[str], shadows: list[str], said: str
) -> None:
    deployable("rc-fraud")
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="a",
        ProductionVariants=[variant(VariantName=name) for name in names],
        ShadowProductionVariants=[variant(VariantName=name) for name in shadows],
    )
    assert message.rstrip(".").endswith(said.rstrip("."))


def test_what_a_shadow_needs_is_named(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="a",
        ProductionVariants=[variant()],
        ShadowProductionVariants=[variant(VariantName="next", InstanceType=None)],
    )
    assert message == 'InstanceType is required for the variant "next".'


def test_an_instance_type_outside_the_enum_is_refused_in_aws_words(
    sagemaker: Any, deployable: Any
) -> None:
    deployable("rc-fraud")
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="a",
        ProductionVariants=[variant(InstanceType="ml.t3.medium")],
    )
    assert message.startswith(
        "1 validation error detected: Value 'ml.t3.medium' at "
        "'productionVariants.1.member.instanceType' failed to satisfy constraint: Member must "
        "satisfy enum value set: ["
    )


def test_an_instance_type_of_unknown_size_is_refused(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    message = invalid(
        sagemaker.create_endpoint_config,
        EndpointConfigName="a",
        ProductionVariants=[variant(InstanceType="ml.g7.2xlarge")],
    )
    assert message.startswith("The instance type ml.g7.2xlarge")


def test_names_are_unique_and_freed_by_deletion(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    again = {"EndpointConfigName": "RC-fraud-config", "ProductionVariants": [variant()]}
    message = invalid(sagemaker.create_endpoint_config, **again)
    assert message == f'Cannot create already existing endpoint configuration "{ARN}".'
    sagemaker.delete_endpoint_config(EndpointConfigName="rc-fraud-config")
    message = invalid(sagemaker.describe_endpoint_config, EndpointConfigName="rc-fraud-config")
    assert message == f'Could not find endpoint configuration "{ARN}".'
    sagemaker.create_endpoint_config(**again)


@pytest.mark.parametrize(
    ("name", "vcpus", "gib", "gpus"),
    [
        ("ml.t2.medium", 2, 4, 0),
        ("ml.m5.large", 2, 8, 0),
        ("ml.m6i.4xlarge", 16, 64, 0),
        ("ml.c5.xlarge", 4, 8, 0),
        ("ml.c6i.2xlarge", 8, 16, 0),
        ("ml.r5.large", 2, 16, 0),
        ("ml.g4dn.12xlarge", 48, 192, 4),
        ("ml.g5.48xlarge", 192, 768, 8),
        ("ml.p3.2xlarge", 8, 61, 1),
        ("ml.p4d.24xlarge", 96, 1152, 8),
        ("ml.p5.48xlarge", 192, 2048, 8),
    ],
)
def test_instance_types_have_their_sizes(name: str, vcpus: int, gib: int, gpus: int) -> None:
    found = INSTANCE_TYPES[name]
    assert (found.vcpus, found.memory_bytes, found.gpus) == (vcpus, gib * 1024**3, gpus)


def test_nearly_every_type_of_the_enum_has_a_size() -> None:
    from hostler.aws import specs

    service = specs.service("sagemaker")
    operation = service.operation("CreateEndpointConfig")
    assert operation is not None
    assert operation.input is not None
    variants = operation.input.members["ProductionVariants"].member
    enum = set(variants.members["InstanceType"].traits["enum"])
    families = {name.split(".")[1] for name in enum - set(INSTANCE_TYPES)}
    assert families <= {"g7", "g7e", "p6-b300", "p6e-gb200"}


def test_metrics_are_configured_as_they_are(sagemaker: Any, deployable: Any) -> None:
    deployable("rc-fraud")
    given = {"EnableEnhancedMetrics": False, "MetricPublishFrequencyInSeconds": 60}
    sagemaker.create_endpoint_config(
        EndpointConfigName="b", ProductionVariants=[variant()], MetricsConfig=given
    )
    assert sagemaker.describe_endpoint_config(EndpointConfigName="b")["MetricsConfig"] == given
    for member, value in (
        ("EnableEnhancedMetrics", True),
        ("EnableDetailedObservability", True),
        ("MetricPublishFrequencyInSeconds", 10),
    ):
        message = invalid(
            sagemaker.create_endpoint_config,
            EndpointConfigName="c",
            ProductionVariants=[variant()],
            MetricsConfig={member: value},
        )
        assert message.startswith(f"MetricsConfig.{member} {value} is not supported yet: ")
