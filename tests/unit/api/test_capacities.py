"""UpdateEndpointWeightsAndCapacities: the wish, its refusals, and what an update retains of it."""

from dataclasses import replace
from typing import Any

import pytest

from hostler.domain.endpoint import Endpoint, EndpointStatus, Size
from hostler.store import endpoints
from refusals import invalid

NAME = "rc-ab-ep"
ARN = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{NAME}"


def put(world: Any, status: EndpointStatus, **changes: Any) -> Endpoint:
    """What the controller would write."""
    after = replace(world.endpoint(NAME), status=status, **changes)
    return world.rooms.store.run(lambda tx: endpoints.save(tx, after), write=True)


@pytest.fixture
def serving(world: Any, sagemaker: Any, deployable: Any) -> Any:
    """Two variants in service: «a» of weight 1 and two instances, «b» of 0.5 and one."""
    deployable("rc-ab")
    variants = [
        {
            "VariantName": name,
            "ModelName": "rc-ab-v1",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": count,
            "InitialVariantWeight": weight,
        }
        for name, count, weight in [("a", 2, 1.0), ("b", 1, 0.5)]
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="rc-AB", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="rc-AB")
    put(world, EndpointStatus.IN_SERVICE, current=world.endpoint(NAME).target)
    world.wakes.clear()
    return sagemaker


def change(client: Any, *wishes: dict[str, Any]) -> Any:
    return client.update_endpoint_weights_and_capacities(
        EndpointName=NAME, DesiredWeightsAndCapacities=list(wishes)
    )


def refused(client: Any, *wishes: dict[str, Any]) -> str:
    return invalid(change, client, *wishes)


def test_a_wish_is_written_and_the_controller_woken(world: Any, serving: Any) -> None:
    before = world.endpoint(NAME)
    answer = change(serving, {"VariantName": "b", "DesiredWeight": 3, "DesiredInstanceCount": 4})
    assert answer["EndpointArn"] == ARN
    after = world.endpoint(NAME)
    assert after.status is EndpointStatus.UPDATING
    assert after.asked == {"a": Size(1.0, 2), "b": Size(3.0, 4)}
    assert (after.current, after.target) == (before.current, before.target)
    assert after.modified > before.modified
    assert world.wakes == [after.id]
    shown = serving.describe_endpoint(EndpointName=NAME)
    assert shown["EndpointStatus"] == "Updating"
    assert "PendingDeploymentSummary" not in shown


def test_what_is_left_out_stays_as_it_last_was(world: Any, serving: Any) -> None:
    put(world, EndpointStatus.IN_SERVICE, sizes={"a": Size(0.25, 5), "b": Size(0.5, 1)})
    change(serving, {"VariantName": "a", "DesiredInstanceCount": 3})
    assert world.endpoint(NAME).asked == {"a": Size(0.25, 3), "b": Size(0.5, 1)}


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        (
            [{"VariantName": "c", "DesiredWeight": 1}],
            'The variant name(s) "c" is/are not present within endpoint configuration "rc-AB".',
        ),
        (
            [{"VariantName": "c", "DesiredWeight": 1}, {"VariantName": "A", "DesiredWeight": 1}],
            'The variant name(s) "c, A" is/are not present within endpoint configuration "rc-AB".',
        ),
        (
            [{"VariantName": "a", "DesiredWeight": 1}, {"VariantName": "a", "DesiredWeight": 2}],
            'The variant name "a" was non-unique within the request.',
        ),
        ([{"VariantName": "a", "DesiredInstanceCount": 0}], "must be at least 1"),
        ([{"VariantName": "a", "DesiredInstanceCount": -1}], "greater than or equal to 0"),
        ([{"VariantName": "a", "DesiredWeight": -0.5}], "greater than or equal to 0"),
        ([{"VariantName": "a", "DesiredWeight": 1e39}], "must be a number up to"),
        ([{"DesiredWeight": 1.0}], "Member must not be null"),
        ([], "length greater than or equal to 1"),
        (
            [{"VariantName": "a", "ServerlessUpdateConfig": {"MaxConcurrency": 2}}],
            "it is not serverless",
        ),
    ],
)
def test_refusals(world: Any, serving: Any, wishes: list[dict[str, Any]], said: str) -> None:
    assert said in refused(serving, *wishes)
    assert world.endpoint(NAME).asked is None


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (EndpointStatus.CREATING, f'Cannot update in-progress endpoint "{ARN}".'),
        (EndpointStatus.UPDATING, f'Cannot update in-progress endpoint "{ARN}".'),
        (EndpointStatus.ROLLING_BACK, f'Cannot update in-progress endpoint "{ARN}".'),
        (EndpointStatus.DELETING, f'Cannot update in-progress endpoint "{ARN}".'),
        (EndpointStatus.FAILED, "only DeleteEndpoint is allowed"),
    ],
)
def test_a_change_waits_for_the_one_under_way(
    world: Any, serving: Any, status: EndpointStatus, said: str
) -> None:
    put(world, status)
    assert said in refused(serving, {"VariantName": "a", "DesiredWeight": 1})


def test_an_endpoint_that_is_not_there(sagemaker: Any) -> None:
    assert refused(sagemaker, {"VariantName": "a"}) == f'Could not find endpoint "{ARN}".'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a": (1.0, 2), "b": (0.5, 1)}),
        ({"RetainAllVariantProperties": True}, {"a": (9.0, 7), "b": (0.5, 1)}),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DesiredWeight"}],
            },
            {"a": (1.0, 7), "b": (0.5, 1)},
        ),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [
                    {"VariantPropertyType": "DesiredInstanceCount"},
                    {"VariantPropertyType": "DataCaptureConfig"},
                ],
            },
            {"a": (9.0, 2), "b": (0.5, 1)},
        ),
    ],
)
def test_an_update_begins_with_its_own_sizes_unless_it_retains_these(
    world: Any, serving: Any, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    put(world, EndpointStatus.IN_SERVICE, sizes={"a": Size(9.0, 7)})
    serving.update_endpoint(EndpointName=NAME, EndpointConfigName="rc-AB", **options)
    target = world.endpoint(NAME).target
    deployment = world.rooms.store.run(lambda tx: endpoints.deployment(tx, target))
    found = {v.name: (v.weight, v.initial_instance_count) for v in deployment.variants}
    assert found == expected
