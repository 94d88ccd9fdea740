"""`hostler cleanup`'s client against the API: what is found, what is deleted, and what stays."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from hostler.api.own import OwnCalls
from hostler.audit import record
from hostler.domain.endpoint import EndpointStatus, EndpointView, VariantView
from hostler.domain.errors import CallerError
from hostler.domain.subject import Side, Subject
from hostler.planning.cleanup import Rules, State
from hostler.store import endpoints
from hostler.store.database import Transaction
from hostler.telemetry import endpoint_metrics, metrics
from hostler.telemetry.metrics import Sample
from hostler.toolkit import prices
from hostler.toolkit.cleanup import FRESH_S, Cleanup
from hostler.toolkit.endpoint_facts import Clients

ACCOUNT, REGION = "123456789012", "us-east-1"
HOUR_S, DAY_S = 3600, 86_400
RULES = Rules(7 * DAY_S, FRESH_S)


class Company:
    """Endpoints with their metrics, and a controller for what is deleted."""

    def __init__(self, world: Any, deployable: Callable[..., str]) -> None:
        self.world = world
        self.store = world.rooms.store
        self.deployable = deployable
        self.now = float(int(time.time() // 60 * 60))
        self.said: list[str] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.quiet: list[str] = []
        world.clock.time = self.now - 20 * DAY_S

    def deploy(self, name: str, *, config: str = "", environment: str = "") -> None:
        sagemaker = self.world.client("sagemaker")
        tags = [{"Key": "Environment", "Value": environment}] if environment else []
        sagemaker.create_endpoint(
            EndpointName=name, EndpointConfigName=config or self.deployable(name), Tags=tags
        )

        def serve(tx: Transaction) -> None:
            found = endpoints.get(tx, ACCOUNT, REGION, name)
            assert found is not None
            served = replace(found, status=EndpointStatus.IN_SERVICE, current=found.target)
            endpoints.save(tx, served)
            view = EndpointView((VariantView("AllTraffic", 1.0, 1.0, 2, 2),))
            endpoints.save_view(tx, found.id, view)

        self.store.run(serve, write=True)
        self.quiet.append(name)

    def write(self, samples: list[Sample]) -> None:
        self.world.rooms.metrics.run(lambda tx: metrics.put(tx, samples, self.now), write=True)

    def count(self, name: str, times: Iterator[float], calls: int = 0) -> None:
        """Zeros, or calls, at times."""
        subject = Subject(ACCOUNT, REGION, name, "AllTraffic")
        for at in times:
            zero, *_ = endpoint_metrics.zeros(Side(subject), at)
            self.write([self.called(subject, at, calls) if calls else zero])

    def called(self, subject: Subject, at: float, calls: int) -> Sample:
        spread = endpoint_metrics.Latencies(0, {})
        told = endpoint_metrics.Record(1, at, *subject, calls, 0, 0, spread, spread)
        return next(iter(endpoint_metrics.samples(told, {Side(subject): 1})))

    def watch(self) -> None:
        """Of all that serve: zeros each hour for eight days, and one right now."""
        self.world.clock.time = self.now
        for name in self.quiet:
            hours = (self.now - hour * HOUR_S for hour in range(1, 8 * 24))
            self.count(name, hours)
            self.count(name, iter([self.now - 60]))

    def pause(self, _seconds: float) -> None:
        """The next minute has come, and its zeros."""
        self.world.remove_deleted()
        self.on_pause()
        for name in self.quiet:
            self.count(name, iter([self.now + 120]))

    def cleanup(self, rules: Rules = RULES) -> Cleanup:
        clients = Clients(self.world.client("sagemaker"), self.world.client("cloudwatch"))
        return Cleanup(clients, rules, prices.load(), self.said.append, self.pause)

    def left(self) -> tuple[list[str], list[str], list[str]]:
        """The names of what is there: endpoints, configs, models."""
        self.world.remove_deleted()
        sagemaker = self.world.client("sagemaker")
        return (
            sorted(x["EndpointName"] for x in sagemaker.list_endpoints()["Endpoints"]),
            sorted(
                x["EndpointConfigName"]
                for x in sagemaker.list_endpoint_configs()["EndpointConfigs"]
            ),
            sorted(x["ModelName"] for x in sagemaker.list_models()["Models"]),
        )


@pytest.fixture
def company(world: Any, deployable: Callable[..., str]) -> Company:
    return Company(world, deployable)


def states(work: Cleanup) -> dict[str, State]:
    return {each.name: each.verdict.state for each in work.look()}


def test_each_endpoint_has_its_verdict_its_reason_and_its_cost(company: Company) -> None:
    company.deploy("a-dev-quiet")
    company.deploy("a-dev-busy")
    company.deploy("tagged", environment="dev")
    company.deploy("a-dev-staging", environment="staging")
    company.deploy("other")
    company.quiet.remove("other")
    company.watch()
    company.count("a-dev-busy", iter([company.now - 2 * DAY_S]), calls=3)
    company.deploy("a-dev-new")
    found = {each.name: each for each in company.cleanup().look()}
    assert {name: each.verdict.state for name, each in found.items()} == {
        "a-dev-busy": State.USED,
        "a-dev-new": State.USED,
        "a-dev-quiet": State.IDLE,
        "a-dev-staging": State.KEPT,
        "other": State.KEPT,
        "tagged": State.IDLE,
    }
    assert "called 47h ago, within 7d" in found["a-dev-busy"].verdict.why
    assert found["a-dev-new"].verdict.why.startswith("created ")
    assert found["a-dev-quiet"].cost.per_hour == pytest.approx(0.46), "two ml.m5.xlarge"
    assert company.left()[0] == sorted(found), "looking changes nothing"


def test_an_endpoint_whose_metrics_cannot_be_read_is_left_and_says_so(company: Company) -> None:
    company.deploy("a-dev-quiet")
    company.watch()
    looks = {
        "Effect": "Allow",
        "Action": ["sagemaker:List*", "sagemaker:Describe*"],
        "Resource": "*",
    }
    key = company.world.user("ann", {"Version": "2012-10-17", "Statement": [looks]})
    work = company.cleanup()
    work.clients = Clients(
        company.world.client("sagemaker", key), company.world.client("cloudwatch", key)
    )
    (found,) = work.look()
    assert found.verdict.state is State.UNKNOWN
    assert "its metrics cannot be read" in found.verdict.why
    assert "cloudwatch:GetMetricData" in found.verdict.why


def test_what_only_it_used_goes_with_an_endpoint(company: Company) -> None:
    company.deploy("a-dev-quiet")
    company.deploy("other", config="a-dev-quiet-config")
    company.deploy("b-dev-quiet")
    company.watch()
    work = company.cleanup()
    proven = work.proven(work.look())
    assert [each.verdict.state for each in proven] == [State.IDLE, State.IDLE, State.KEPT]
    for each in proven[:2]:
        assert work.delete(each).state is State.IDLE
    assert company.left() == (["other"], ["a-dev-quiet-config"], ["a-dev-quiet-v1"])
    assert any("only b-dev-quiet used it" in line for line in company.said)


def test_a_model_that_another_config_names_stays(company: Company) -> None:
    company.deploy("a-dev-quiet")
    company.watch()
    sagemaker = company.world.client("sagemaker")
    variant = sagemaker.describe_endpoint_config(EndpointConfigName="a-dev-quiet-config")
    sagemaker.create_endpoint_config(
        EndpointConfigName="another", ProductionVariants=variant["ProductionVariants"]
    )
    work = company.cleanup()
    (found,) = work.proven(work.look())
    work.delete(found)
    assert company.left() == ([], ["another"], ["a-dev-quiet-v1"])


def test_a_call_while_the_proof_is_awaited_keeps_an_endpoint(company: Company) -> None:
    company.deploy("a-dev-quiet")
    company.watch()

    def call() -> None:
        company.count("a-dev-quiet", iter([company.now + 60]), calls=1)

    company.on_pause = call
    work = company.cleanup()
    (found,) = work.proven(work.look())
    assert found.verdict.state is State.USED
    assert company.said == ["waiting for the counts of calls until now of 1 endpoints"]


def test_a_call_right_before_the_deletion_keeps_an_endpoint(company: Company) -> None:
    company.deploy("a-dev-quiet")
    company.watch()
    work = company.cleanup()
    (found,) = work.proven(work.look())
    assert found.verdict.state is State.IDLE
    company.count("a-dev-quiet", iter([company.now + 130]), calls=1)
    assert work.delete(found).state is State.USED
    assert company.left()[0] == ["a-dev-quiet"]


def test_where_no_proof_comes_nothing_is_deleted(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.deploy("a-dev-quiet")
    company.watch()
    company.quiet.clear()  # nobody writes zeros any more
    monkeypatch.setattr("hostler.toolkit.cleanup.PROOF_WITHIN_S", 0.0)
    work = company.cleanup()
    (found,) = work.proven(work.look())
    assert found.verdict.state is State.UNKNOWN
    assert "it is not known whether it is called" in found.verdict.why


def test_a_price_that_is_unknown_is_said() -> None:
    told = prices.cost(prices.load(), [("ml.m5.large", 2), ("ml.x.new", 1), ("ml.x.off", 0)])
    assert told == prices.Cost(0.23, ("ml.x.new",))


def test_hostler_s_own_calls_go_the_way_of_all_and_say_who_and_why(company: Company) -> None:
    company.deploy("a-dev-quiet")
    itself = OwnCalls(company.world.rooms, "cleanup.hostler")
    journal = company.world.rooms.journal
    journal.take()
    asyncio.run(
        itself.call("DeleteEndpoint", ACCOUNT, REGION, {"EndpointName": "a-dev-quiet"}, "idle")
    )
    with pytest.raises(CallerError, match="in-progress"):
        asyncio.run(
            itself.call("DeleteEndpoint", ACCOUNT, REGION, {"EndpointName": "a-dev-quiet"}, "x")
        )
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/a-dev-quiet"
    itself.tell("EndpointCleanupScheduled", ACCOUNT, REGION, arn, {"why": "idle"})
    done, refused, event = [record._record(each) for each in journal.take()]
    assert done["userIdentity"] == {"type": "AWSService", "invokedBy": "cleanup.hostler"}
    assert done["additionalEventData"]["why"] == "idle"
    assert done["eventName"] == "DeleteEndpoint"
    assert done["resources"] == [{"ARN": arn, "accountId": ACCOUNT}] == event["resources"]
    assert "errorCode" not in done
    assert refused["errorCode"] == "ValidationException"
    assert event["eventType"] == "AwsServiceEvent"
    assert company.left()[0] == []
