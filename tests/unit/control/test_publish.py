"""Snapshots: whole, in order, and what their acknowledgements tell; in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from hostler.control.publish import HOLD_S_MAX, PAUSE_S, SETTLE_S, Publication
from hostler.domain.snapshot import (
    Credential,
    EndpointRoute,
    Identities,
    Snapshot,
    TargetRoute,
    VariantRoute,
)
from hostler.sim import loop as virtual
from hostler.sim.world import StartClock

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/demo"


@dataclass
class Desk:
    """A publisher whose gateways acknowledge when the test says so."""

    sent: list[Snapshot] = field(default_factory=list)
    acknowledged: int = 0
    first: int = 1
    on_ack: Callable[[int], None] = lambda _generation: None

    def next_generation(self) -> int:
        return self.first + len(self.sent)

    def publish(self, snapshot: Snapshot) -> None:
        self.sent.append(snapshot)

    def acked(self, generation: int) -> bool:
        return self.acknowledged >= generation

    def acknowledge(self, generation: int) -> None:
        self.acknowledged = generation
        self.on_ack(generation)


def route(*instance_ids: str, arn: str = ARN) -> EndpointRoute:
    targets = tuple(TargetRoute(each, (f"/{each}/w0.sock",)) for each in instance_ids)
    variants = (VariantRoute("AllTraffic", 1.0, targets),)
    return EndpointRoute("123456789012", "us-east-1", arn.rpartition("/")[2], arn, variants)


def play(story: Callable[[Publication, Desk], Awaitable[None]], desk: Desk | None = None) -> Desk:
    used = desk or Desk()

    async def run() -> None:
        publication = Publication(
            used,
            StartClock(1000.0),
            account="123456789012",
            region="us-east-1",
            on_progress=lambda: None,
        )
        used.on_ack = publication.acknowledged
        await story(publication, used)

    virtual.run(run())
    return used


def test_nothing_is_published_before_identities_are_known() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_route(ARN, route("i-1"))
        assert desk.sent == []
        publication.set_identities(Identities((Credential("AKIA", "secret", "arn"),)))
        (snapshot,) = desk.sent
        assert snapshot.endpoints == (route("i-1"),)
        assert snapshot.credentials[0].access_key_id == "AKIA"

    play(story)


def test_a_restart_goes_on_with_the_last_routes_of_what_still_serves() -> None:
    gone = route("i-9", arn=ARN + "-gone")
    last = Snapshot(7, "123456789012", "us-east-1", (route("i-1"), gone))

    async def story(publication: Publication, desk: Desk) -> None:
        publication.set_identities(Identities())
        publication.begin(last, [ARN])
        assert desk.sent[0].endpoints == (route("i-1"),)
        assert desk.sent[0].generation == 8

    play(story, Desk(first=8))


def test_a_serving_endpoint_without_a_remembered_route_is_waited_for() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.set_identities(Identities())
        publication.begin(None, [ARN, ARN + "-2"])
        publication.set_route(ARN, route("i-1"))
        assert desk.sent == []
        publication.set_route(ARN + "-2", None)
        assert desk.sent[0].endpoints == (route("i-1"),)

    play(story)


def test_but_not_for_ever() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.set_identities(Identities())
        publication.begin(None, [ARN])
        await asyncio.sleep(HOLD_S_MAX - 0.1)
        assert desk.sent == []
        await asyncio.sleep(0.2)
        assert len(desk.sent) == 1

    play(story)


def test_what_changes_in_quick_succession_goes_out_together() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_identities(Identities())
        for number in range(20):
            publication.set_route(ARN, route(f"i-{number}"))
        publication.set_route(ARN, route("i-19"))
        assert len(desk.sent) == 1
        await asyncio.sleep(2 * PAUSE_S)
        assert [s.endpoints for s in desk.sent] == [(), (route("i-19"),)]
        assert [s.generation for s in desk.sent] == [1, 2]

    play(story)


def test_an_unchanged_route_is_not_published_again() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_identities(Identities())
        await asyncio.sleep(1)
        publication.set_route(ARN, None)
        publication.set_identities(Identities())
        await asyncio.sleep(1)
        assert len(desk.sent) == 1

    play(story)


def test_acknowledgements_tell_who_may_and_who_must_be_sent_to() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_identities(Identities())
        await asyncio.sleep(SETTLE_S)
        desk.acknowledge(1)
        publication.set_route(ARN, route("i-1", "i-2"))
        await asyncio.sleep(1)
        now = 1000.0 + SETTLE_S + 1
        seen = publication.exposure(ARN)
        assert not seen.includes({"i-1"}, now)
        assert not seen.excludes("i-1", now)
        desk.acknowledge(2)
        publication.set_route(ARN, route("i-2"))
        await asyncio.sleep(1)
        seen = publication.exposure(ARN)
        assert seen.includes({"i-2"}, now)
        assert not seen.excludes("i-1", now)
        desk.acknowledge(3)
        seen = publication.exposure(ARN)
        assert seen.excludes("i-1", now)
        assert not seen.excludes("i-2", now)

    play(story)


def test_silence_right_after_a_restart_is_no_acknowledgement() -> None:
    """No gateway is connected yet, so nobody objects: they need a moment to come back."""

    async def story(publication: Publication, desk: Desk) -> None:
        desk.acknowledged = 1_000_000
        publication.begin(None, ())
        publication.set_identities(Identities())
        publication.set_route(ARN, None)
        assert publication.exposure(ARN).possible is None
        await asyncio.sleep(SETTLE_S + 0.1)
        assert publication.exposure(ARN).possible == frozenset()

    play(story)


def test_patience_counts_from_the_publication_of_the_endpoints_own_route() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_identities(Identities())
        await asyncio.sleep(5)
        publication.set_route(ARN, route("i-1"))
        await asyncio.sleep(5)
        publication.set_route(ARN + "-2", route("i-2", arn=ARN + "-2"))
        await asyncio.sleep(1)
        assert publication.exposure(ARN).since == 1005.0
        assert publication.exposure(ARN + "-2").since == 1010.0
        assert publication.exposure(ARN + "-3").since == 1000.0
        ends = publication.exposure(ARN).patience_ends
        assert publication.exposure(ARN).includes({"i-1"}, ends)
        assert not publication.exposure(ARN).includes({"i-9"}, ends)

    play(story)


def test_what_was_acknowledged_once_stays_so_while_a_gateway_comes_back() -> None:
    """Asked or not asked meanwhile: to ask changes nothing."""

    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_identities(Identities())
        publication.set_route(ARN, route("i-1"))
        await asyncio.sleep(SETTLE_S)
        desk.acknowledge(2)
        desk.acknowledged = 0  # a gateway was started again and has said nothing yet
        seen = publication.exposure(ARN)
        assert seen.includes({"i-1"}, 1000.0 + SETTLE_S)
        assert seen.excludes("i-2", 1000.0 + SETTLE_S)
        assert publication.exposure(ARN) == seen

    play(story)


def test_the_date_of_an_endpoint_that_is_gone_is_not_its_successor_s() -> None:
    async def story(publication: Publication, desk: Desk) -> None:
        publication.begin(None, ())
        publication.set_identities(Identities())
        await asyncio.sleep(5)
        publication.set_route(ARN, route("i-1"))
        publication.set_route(ARN, None)
        await asyncio.sleep(5)
        publication.forget(ARN)
        assert publication.exposure(ARN).since == 1000.0

    play(story)
