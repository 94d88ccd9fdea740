"""CreateEndpoint, DescribeEndpoint, UpdateEndpoint, DeleteEndpoint: the wish, and what is shown."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.endpoint import (
    DeployedImage,
    Endpoint,
    EndpointStatus,
    EndpointView,
    Routing,
    VariantState,
    VariantView,
)
from hostler.store import endpoints
from refusals import invalid

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-fraud-ep"
CONFIG_ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/absent"


def stored(world: Any, name: str = "rc-fraud-ep") -> Endpoint:
    found: Endpoint = world.endpoint(name)
    return found


def settle(world: Any, status: EndpointStatus, **changes: Any) -> Endpoint:
    """What the controller would write."""
    before = stored(world)
    current = before.target if status is EndpointStatus.IN_SERVICE else before.current
    after = replace(before, status=status, current=current, **changes)
    return world.rooms.store.run(lambda tx: endpoints.save(tx, after), write=True)


@pytest.fixture
def created(sagemaker: Any, deployable: Any) -> Any:
    deployable("rc-fraud")
    sagemaker.create_endpoint(EndpointName="rc-Fraud-ep", EndpointConfigName="rc-fraud-config")
    return sagemaker


def test_creating_writes_a_wish_and_wakes_the_controller(world: Any, created: Any) -> None:
    endpoint = stored(world)
    assert world.wakes[1:] == [endpoint.id], "after the model's own"
    assert "sagemaker" in world.committed
    assert endpoint.status is EndpointStatus.CREATING
    assert endpoint.current is None
    assert endpoint.target is not None
    deployment = world.rooms.store.run(lambda tx: endpoints.deployment(tx, endpoint.target))
    assert deployment is not None
    (variant,) = deployment.variants
    assert (variant.name, variant.instance_type.name) == ("AllTraffic", "ml.m5.xlarge")
    assert (variant.instance_type.vcpus, variant.instance_type.memory_bytes) == (4, 16 << 30)
    assert variant.model.container.model_data.uri.endswith("model.tar.gz")
    assert (variant.startup_timeout_s, variant.download_timeout_s) == (480.0, 1200.0)


def test_how_requests_are_spread_is_kept_and_shown_where_it_was_said(
    world: Any, created: Any
) -> None:
    (pending,) = created.describe_endpoint(EndpointName="rc-fraud-ep")["PendingDeploymentSummary"][
        "ProductionVariants"
    ]
    assert "RoutingConfig" not in pending
    routing = {"RoutingStrategy": "RANDOM"}
    config = created.describe_endpoint_config(EndpointConfigName="rc-fraud-config")
    variants = [{**config["ProductionVariants"][0], "RoutingConfig": routing}]
    created.create_endpoint_config(EndpointConfigName="random", ProductionVariants=variants)
    shown = created.describe_endpoint_config(EndpointConfigName="random")
    assert shown["ProductionVariants"][0]["RoutingConfig"] == routing
    created.create_endpoint(EndpointName="random", EndpointConfigName="random")
    described = created.describe_endpoint(EndpointName="random")
    (pending,) = described["PendingDeploymentSummary"]["ProductionVariants"]
    assert pending["RoutingConfig"] == routing
    endpoint = stored(world, "random")
    deployment = world.rooms.store.run(lambda tx: endpoints.deployment(tx, endpoint.target))
    assert deployment.variants[0].routing is Routing.RANDOM


def test_what_is_deployed_outlives_its_config_and_model(world: Any, created: Any) -> None:
    created.delete_endpoint_config(EndpointConfigName="rc-fraud-config")
    created.delete_model(ModelName="rc-fraud-v1")
    endpoint = stored(world)
    deployment = world.rooms.store.run(lambda tx: endpoints.deployment(tx, endpoint.target))
    assert deployment is not None
    assert deployment.variants[0].model.name == "rc-fraud-v1"


def test_a_new_endpoint_shows_what_is_pending_and_nothing_empty(created: Any) -> None:
    shown = created.describe_endpoint(EndpointName="rc-fraud-ep")
    del shown["ResponseMetadata"]
    started = shown["PendingDeploymentSummary"].pop("StartTime")
    assert shown.pop("CreationTime") == shown.pop("LastModifiedTime") == started
    assert shown == {
        "EndpointName": "rc-Fraud-ep",
        "EndpointArn": ARN,
        "EndpointConfigName": "rc-fraud-config",
        "EndpointStatus": "Creating",
        "PendingDeploymentSummary": {
            "EndpointConfigName": "rc-fraud-config",
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "DesiredWeight": 1.0,
                    "DesiredInstanceCount": 1,
                    "InstanceType": "ml.m5.xlarge",
                }
            ],
        },
    }


def test_an_endpoint_in_service_shows_its_variants(world: Any, created: Any) -> None:
    endpoint = settle(world, EndpointStatus.IN_SERVICE)
    view = EndpointView(
        (
            VariantView(
                "AllTraffic",
                current_weight=0.8,
                desired_weight=0.8,
                current_count=1,
                desired_count=1,
                images=(DeployedImage("image:latest", "image@sha256:abc", 1_700_000_000.0),),
                statuses=(VariantState("ActivatingTraffic", "", 1_700_000_001.0),),
                routing=Routing.RANDOM,
            ),
        )
    )
    world.rooms.store.run(lambda tx: endpoints.save_view(tx, endpoint.id, view), write=True)
    shown = created.describe_endpoint(EndpointName="rc-fraud-ep")
    assert "PendingDeploymentSummary" not in shown
    assert "FailureReason" not in shown
    (variant,) = shown["ProductionVariants"]
    assert variant["CurrentWeight"] == 0.8
    assert variant["DeployedImages"][0]["ResolvedImage"] == "image@sha256:abc"
    assert variant["RoutingConfig"] == {"RoutingStrategy": "RANDOM"}
    assert [state["Status"] for state in variant["VariantStatus"]] == ["ActivatingTraffic"]
    assert "StatusMessage" not in variant["VariantStatus"][0]


def test_what_is_pending_is_shown_as_far_as_it_has_come(world: Any, created: Any) -> None:
    endpoint = stored(world)
    coming = VariantView(
        "AllTraffic",
        current_weight=0.0,
        desired_weight=1.0,
        current_count=0,
        desired_count=1,
        statuses=(VariantState("Creating", "Starting the new instances.", 1_700_000_001.0),),
    )
    for config, is_its_own in (("rc-fraud-config", True), ("rc-other-config", False)):
        view = EndpointView(pending=(coming,), pending_config=config)
        world.rooms.store.run(
            lambda tx, view=view: endpoints.save_view(tx, endpoint.id, view), write=True
        )
        shown = created.describe_endpoint(EndpointName="rc-fraud-ep")
        (variant,) = shown["PendingDeploymentSummary"]["ProductionVariants"]
        assert (variant["InstanceType"], variant["DesiredInstanceCount"]) == ("ml.m5.xlarge", 1)
        assert ("CurrentInstanceCount" in variant) is is_its_own
    assert "VariantStatus" not in variant


def test_an_endpoint_in_progress_is_left_alone(created: Any) -> None:
    message = f'Cannot update in-progress endpoint "{ARN}".'
    update = {"EndpointName": "rc-fraud-ep", "EndpointConfigName": "rc-fraud-config"}
    assert invalid(created.update_endpoint, **update) == message
    assert invalid(created.delete_endpoint, EndpointName="rc-fraud-ep") == message


def test_a_failed_endpoint_can_only_be_deleted(world: Any, created: Any) -> None:
    reason = "The primary container for production variant AllTraffic did not pass " + "x" * 2000
    settle(world, EndpointStatus.FAILED, failure_reason=reason)
    assert created.describe_endpoint(EndpointName="rc-fraud-ep")["FailureReason"] == reason[:1024]
    update = {"EndpointName": "rc-fraud-ep", "EndpointConfigName": "rc-fraud-config"}
    assert "only DeleteEndpoint is allowed" in invalid(created.update_endpoint, **update)
    created.delete_endpoint(EndpointName="rc-fraud-ep")
    assert stored(world).deleting


def test_updating_asks_for_another_deployment(world: Any, created: Any, deployable: Any) -> None:
    first = settle(world, EndpointStatus.IN_SERVICE)
    deployable("rc-better", InitialInstanceCount=2)
    world.wakes.clear()
    answer = created.update_endpoint(
        EndpointName="rc-fraud-ep", EndpointConfigName="rc-better-config"
    )
    assert answer["EndpointArn"] == ARN
    after = stored(world)
    assert world.wakes == [after.id] == [first.id]
    assert after.status is EndpointStatus.UPDATING
    assert after.current == first.target != after.target
    shown = created.describe_endpoint(EndpointName="rc-fraud-ep")
    assert shown["EndpointConfigName"] == "rc-fraud-config"
    pending = shown["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == "rc-better-config"
    assert pending["ProductionVariants"][0]["DesiredInstanceCount"] == 2


def test_an_update_to_a_config_that_is_gone_changes_nothing(world: Any, created: Any) -> None:
    before = settle(world, EndpointStatus.IN_SERVICE)
    message = invalid(
        created.update_endpoint, EndpointName="rc-fraud-ep", EndpointConfigName="absent"
    )
    assert message == f'Could not find endpoint configuration "{CONFIG_ARN}".'
    assert stored(world) == before


@pytest.mark.parametrize(("count", "allowed"), [(200, True), (201, False), (2**31 - 1, False)])
def test_more_instances_than_any_machine_starts_are_refused(
    sagemaker: Any, deployable: Any, count: int, allowed: bool
) -> None:
    deployable("rc-many")
    variants = [
        {
            "VariantName": name,
            "ModelName": "rc-many-v1",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
        }
        for name in ("Blue", "Green")
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="many", ProductionVariants=variants)
    asked = {"EndpointName": "rc-many-ep", "EndpointConfigName": "many"}
    if allowed:
        sagemaker.create_endpoint(**asked)
        return
    with pytest.raises(sagemaker.exceptions.ResourceLimitExceeded) as caught:
        sagemaker.create_endpoint(**asked)
    assert "'ml.m5.large for endpoint usage' is 400 Instances" in str(caught.value)
    assert f"request delta of {2 * count} Instances" in str(caught.value)


def test_an_all_at_once_policy_acts_and_is_shown(world: Any, created: Any) -> None:
    settle(world, EndpointStatus.IN_SERVICE)
    policy = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 0,
        }
    }
    created.update_endpoint(
        EndpointName="rc-fraud-ep",
        EndpointConfigName="rc-fraud-config",
        DeploymentConfig=policy,
        RetainAllVariantProperties=False,
    )
    settle(world, EndpointStatus.IN_SERVICE)
    shown = created.describe_endpoint(EndpointName="rc-fraud-ep")
    assert shown["LastDeploymentConfig"] == policy


def test_deleting_is_asynchronous(world: Any, created: Any) -> None:
    settle(world, EndpointStatus.IN_SERVICE)
    world.wakes.clear()
    created.delete_endpoint(EndpointName="RC-FRAUD-EP")
    assert created.describe_endpoint(EndpointName="rc-fraud-ep")["EndpointStatus"] == "Deleting"
    endpoint = stored(world)
    assert world.wakes == [endpoint.id]
    world.rooms.store.run(lambda tx: endpoints.remove(tx, endpoint.id), write=True)
    message = invalid(created.describe_endpoint, EndpointName="rc-fraud-ep")
    assert message == f'Could not find endpoint "{ARN}".'


def test_a_name_is_taken_regardless_of_case(created: Any) -> None:
    message = invalid(
        created.create_endpoint, EndpointName="RC-FRAUD-EP", EndpointConfigName="rc-fraud-config"
    )
    assert message == f'Cannot create already existing endpoint "{ARN}".'


def test_another_life_of_a_name_has_another_id_and_no_old_tags(
    world: Any, sagemaker: Any, deployable: Any
) -> None:
    deployable("rc-fraud")
    wanted = {"EndpointName": "rc-fraud-ep", "EndpointConfigName": "rc-fraud-config"}
    sagemaker.create_endpoint(**wanted, Tags=[{"Key": "Team", "Value": "rc"}])
    first = stored(world)
    world.rooms.store.run(lambda tx: endpoints.remove(tx, first.id), write=True)
    sagemaker.create_endpoint(**wanted)
    assert stored(world).id != first.id
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == []


def test_network_isolation_of_the_config_reaches_the_model(
    world: Any, sagemaker: Any, deployable: Any
) -> None:
    deployable("rc-fraud")
    variants = sagemaker.describe_endpoint_config(EndpointConfigName="rc-fraud-config")
    sagemaker.create_endpoint_config(
        EndpointConfigName="isolated",
        ProductionVariants=variants["ProductionVariants"],
        EnableNetworkIsolation=True,
    )
    sagemaker.create_endpoint(EndpointName="rc-fraud-ep", EndpointConfigName="isolated")
    target = stored(world).target
    deployment = world.rooms.store.run(lambda tx: endpoints.deployment(tx, target))
    assert deployment is not None
    assert deployment.variants[0].model.network_isolation
