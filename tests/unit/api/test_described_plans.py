"""What DescribeEndpoint tells of an endpoint's changes, from the plans that make them."""

from dataclasses import replace
from typing import Any

from hostler.api.sagemaker.describe import shape
from hostler.domain.endpoint import EndpointStatus
from hostler.domain.instance import FailureCause, Phase
from hostler.planning.sizing import Wish
from planning_pieces import NOW, Play, deployment, endpoint, variant

CANARY = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 60,
        },
        "TerminationWaitInSeconds": 30,
    },
    "AutoRollbackConfiguration": {},
}


def updating(count: int = 2) -> Play:
    """An endpoint of so many instances that begins to go over to another config."""
    green = replace(deployment(2, variant(count=count)), deployment_config=CANARY)
    return serving(count).update(green)


def serving(count: int = 2) -> Play:
    return Play(endpoint(), deployment(1, variant(count=count))).serve()


def shown(play: Play) -> dict[str, Any]:
    """DescribeEndpoint's answer after the last plan."""
    row = play.endpoint
    assert play.last is not None
    current = play.deployments.get(row.current) if row.current else None
    target = play.deployments.get(row.target) if row.target else None
    return dict(shape(row, play.last.view, current, target))


def statuses(play: Play) -> tuple[str, ...]:
    """The first VariantStatus of what serves, and of what is to come; '' where there is none."""
    described = shown(play)
    sides = described, described.get("PendingDeploymentSummary", {})
    found = [side.get("ProductionVariants", [{}])[0].get("VariantStatus", [{}]) for side in sides]
    return tuple(states[0].get("Status", "") for states in found)


def walked(play: Play) -> list[tuple[str, ...]]:
    """The statuses on the way to the end of a change, each once; waits are over at once."""
    seen: list[tuple[str, ...]] = []
    while play.endpoint.status.endswith("ing"):
        before = play.endpoint
        play.plan()
        if not seen or statuses(play) != seen[-1]:
            seen.append(statuses(play))
        for record in play.standing():
            if record.id not in play.observed:
                play.show(Phase.READY, record)
        play.vanish(*play.retired())
        play.ack()
        play.now += 60 if play.endpoint == before else 0
    return seen


def test_a_new_endpoint_is_creating_and_then_activates_its_traffic() -> None:
    play = Play(endpoint(), deployment(1, variant(count=2)))
    assert walked(play) == [("", "Creating"), ("", "ActivatingTraffic"), ("", "")]
    assert "PendingDeploymentSummary" not in shown(play)


def test_a_canary_is_shown_step_by_step_on_both_sides() -> None:
    assert walked(updating()) == [
        ("Updating", "Creating"),
        ("Updating", "ActivatingTraffic"),
        ("Updating", "Baking"),
        ("Updating", "ActivatingTraffic"),
        ("Updating", "Baking"),
        ("Updating", "Updating"),  # the old instances are kept for TerminationWaitInSeconds
        ("Updating", ""),  # and stop
        ("", ""),
    ]


def test_what_is_pending_is_told_with_its_config_weights_and_instances() -> None:
    play = updating()
    play.settle()
    described = shown(play)
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == (
        "Updating",
        "config-1",
    )
    pending = described["PendingDeploymentSummary"]
    assert (pending["EndpointConfigName"], pending["StartTime"]) == ("config-2", NOW + 2)
    (old,), (new,) = described["ProductionVariants"], pending["ProductionVariants"]
    for side in (old, new):
        assert (side["CurrentWeight"], side["CurrentInstanceCount"]) == (0.5, 2)
        assert (side["DesiredWeight"], side["DesiredInstanceCount"]) == (1.0, 2)
    assert new["InstanceType"] == "ml.m5.large"
    assert new["VariantStatus"][0]["StatusMessage"].startswith("Step 1 of 2, 0.5 of the traffic")


def test_what_is_taken_back_is_deleting_until_it_is_gone() -> None:
    play = updating(1)
    play.settle()
    for _ in range(2):
        play.exit(play.standing("d-2")[0], FailureCause.MODEL_LOAD)
        play.plan()
    assert statuses(play) == ("Updating", "Deleting")
    assert shown(play)["PendingDeploymentSummary"]["EndpointConfigName"] == "config-2"
    play.settle()
    assert (play.endpoint.status, statuses(play)) == (EndpointStatus.IN_SERVICE, ("", ""))
    assert "PendingDeploymentSummary" not in shown(play)


def test_a_change_of_sizes_is_an_update_of_what_serves() -> None:
    play = serving()
    play.resize(AllTraffic=Wish(None, 3))
    assert walked(play) == [("Updating", ""), ("", "")]


def test_an_endpoint_that_is_deleted_is_deleting_with_all_its_variants() -> None:
    play = serving()
    play.endpoint = replace(play.endpoint, status=EndpointStatus.DELETING, deleting=True)
    play.plan()
    assert (shown(play)["EndpointStatus"], statuses(play)) == ("Deleting", ("Deleting", ""))
