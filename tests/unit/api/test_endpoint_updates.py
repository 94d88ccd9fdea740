"""The history of an endpoint's updates, asked as `hostler rollout` asks it."""

import json
from typing import Any

import pytest

from hostler.aws.signing import EMPTY_SHA256, sign
from hostler.domain.alarm import AlarmState, Comparison
from hostler.domain.endpoint import RolloutStage
from hostler.domain.ids import DEFAULT_REGION, DeploymentId, EndpointId
from hostler.domain.own_paths import ENDPOINT_UPDATES as PATH
from hostler.domain.updates import KEPT_MAX, Event, Fired, Outcome, Side, Terms, Told
from hostler.store import endpoint_updates, endpoints

NOW = 1_700_000_000.0
FIRED = Fired("guard", NOW + 4, "Threshold Crossed", 5.0, 1.0, Comparison.GREATER)


def ask(
    world: Any,
    name: str,
    credential: Any = None,
    secret: str | None = None,
    service: str = "sagemaker",
) -> Any:
    key = credential or world.root
    target = f"{PATH}?EndpointName={name}" if name else PATH
    headers = sign(
        "GET",
        target,
        (("host", "127.0.0.1:4747"),),
        EMPTY_SHA256,
        access_key_id=key.access_key_id,
        secret=secret or key.secret,
        region=DEFAULT_REGION,
        service=service,
        now=world.rooms.wall(),
    )
    answer = world.call("GET", target, dict(headers))
    return answer.status, json.loads(answer.body)


@pytest.fixture
def key(world: Any, sagemaker: Any, deployable: Any) -> EndpointId:
    """An endpoint that is there."""
    deployable("rc-fraud")
    sagemaker.create_endpoint(EndpointName="Demo", EndpointConfigName="rc-fraud-config")
    (found,) = world.rooms.store.run(endpoints.ids)
    return EndpointId(found)


def told(number: int, **about: Any) -> Told:
    terms = Terms(
        DeploymentId(f"d-{number}"),
        "two",
        NOW,
        before="one",
        policy="CANARY",
        shares=(0.5, 1.0),
        alarms=("guard",),
    )
    given = {"at": NOW, "stage": None, "step": 0, "back": 0, "blue": Side(1.0, 2), "green": Side()}
    return Told(terms, Event(**{**given, **about}))


def test_the_last_updates_are_told_with_why_they_were_taken_back(
    world: Any, key: EndpointId
) -> None:
    events = (
        told(1, stage=RolloutStage.SWITCHING, at=NOW + 3, blue=Side(0.5, 2), green=Side(0.5, 1)),
        told(
            1,
            stage=RolloutStage.ROLLING_BACK,
            at=NOW + 5,
            reason="The deployment was rolled back.",
            unsettled={"guard": AlarmState.ALARM},
            fired=(FIRED,),
        ),
        told(1, at=NOW + 7, outcome=Outcome.ROLLED_BACK, reason="The deployment was rolled back."),
    )
    for each in events:
        world.rooms.store.run(lambda tx, one=each: endpoint_updates.note(tx, key, one), write=True)
    status, said = ask(world, "demo")
    assert (status, said["EndpointName"]) == (200, "Demo")
    (update,) = said["Updates"]
    assert (update["Number"], update["Outcome"], update["RollbackSeconds"]) == (1, "RolledBack", 2)
    assert update["Events"][0]["Green"] == {"Share": 0.5, "Instances": 1}
    assert [each["Stage"] for each in update["Events"]] == [
        "Switching",
        "RollingBack",
        "RolledBack",
    ]
    (fired,) = update["Events"][1]["AlarmsFired"]
    assert fired["Message"] == ('Alarm "guard", in ALARM since 22:13:24: 5 > 1. Threshold Crossed')
    assert update["Events"][1]["AlarmsNotOK"] == {"guard": "ALARM"}


def test_the_oldest_are_let_go_and_all_of_them_with_the_endpoint(
    world: Any, key: EndpointId
) -> None:
    store = world.rooms.store
    for number in range(1, KEPT_MAX + 3):
        event = told(number, outcome=Outcome.COMPLETED)
        store.run(lambda tx, one=event: endpoint_updates.note(tx, key, one), write=True)
    _, said = ask(world, "Demo")
    assert [each["Number"] for each in said["Updates"]] == list(range(KEPT_MAX + 2, 2, -1))
    store.run(lambda tx: endpoints.remove(tx, key), write=True)
    assert not store.run(lambda tx: endpoint_updates.listed(tx, key))


@pytest.mark.usefixtures("key")
def test_it_is_for_those_who_may_describe_the_endpoint(world: Any) -> None:
    allowed = {"Effect": "Allow", "Action": "sagemaker:DescribeEndpoint", "Resource": "*"}
    may = world.user("may", {"Version": "2012-10-17", "Statement": [allowed]})
    assert ask(world, "Demo", may) == (200, {"EndpointName": "Demo", "Updates": []})
    other = {**allowed, "Action": "sagemaker:ListEndpoints"}
    may_not = world.user("may-not", {"Version": "2012-10-17", "Statement": [other]})
    status, refusal = ask(world, "Demo", may_not)
    assert (status, refusal["__type"]) == (400, "AccessDeniedException")
    assert ask(world, "Demo", secret="0" * 40)[1]["__type"] == "InvalidSignatureException"
    status, refusal = ask(world, "Demo", service="logs")
    assert (status, refusal["__type"]) == (400, "InvalidSignatureException")
    assert refusal["message"] == "Credential should be scoped to correct service: 'sagemaker'."
    assert 'Could not find endpoint "arn:' in ask(world, "Nothing")[1]["message"]
    assert "EndpointName must be given" in ask(world, "")[1]["message"]
    answer = world.call("GET", f"{PATH}?EndpointName=Demo", {"host": "127.0.0.1:4747"})
    assert answer.status in {400, 403}
    assert [each.operation for each in world.rooms.journal.take()].count("ListEndpointUpdates") >= 6
