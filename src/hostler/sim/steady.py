"""What must hold once the world is quiet: what is, is exactly what was asked for.

Invariant: the comparison goes both ways; what is missing and what is left over are both wrong.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from hostler.domain.endpoint import Endpoint, EndpointStatus, EndpointView
from hostler.domain.ids import DeploymentId, EndpointId
from hostler.domain.instance import Phase
from hostler.sim.backend import FakeBackend
from hostler.sim.client import Client
from hostler.sim.gateways import Fleet as Gateways
from hostler.sim.sizes import counted, weighed, weights
from hostler.store import endpoint_updates, endpoints, preparations
from hostler.store.database import Store, Transaction

E = EndpointStatus


@dataclass(frozen=True, slots=True)
class Row:
    """An endpoint as DescribeEndpoint would find it."""

    endpoint: Endpoint
    view: EndpointView | None


class Settled(Protocol):
    """What the comparison reads."""

    store: Store
    backend: FakeBackend
    gateways: Gateways
    client: Client


def unsettled(world: Settled) -> Iterator[str]:
    """How the steady state differs from the desired one; nothing at all if it does not."""
    rows = {row.endpoint.id: row for row in world.store.run(all_rows)}
    wanted = {e.endpoint_id: e for e in world.client.expected.values() if e is not None}
    for key in rows.keys() - wanted.keys():
        yield f"{key} should be gone"
    for key, expected in wanted.items():
        if key not in rows:
            yield f"{key} is gone, though nobody deleted it"
            continue
        endpoint = rows[key].endpoint
        status = E.IN_SERVICE if expected.serving is not None else E.FAILED
        if expected.mixed:
            status = E.UPDATE_ROLLBACK_FAILED
        if (endpoint.status, endpoint.current) != (status, expected.serving):
            yield f"{key} is {endpoint.status} with {endpoint.current}, expected {expected}"
        if (endpoint.failure_reason is not None) != expected.reason:
            yield f"{key} has the reason {endpoint.failure_reason!r}, expected {expected}"
        if endpoint.awake:
            yield f"{key} is awake, though nobody calls: {endpoint.awake}"
        yield from _unsettled_instances(world, endpoint)
    yield from _unsettled_routes(world, rows)
    owners = {instance.spec.owner for instance in world.backend.instances.values()}
    yield from (f"instances of {owner} are orphans" for owner in sorted(owners - rows.keys()))
    yield from world.store.run(lambda tx: list(_leftovers(tx, world.client, set(rows))))


def _unsettled_instances(world: Settled, endpoint: Endpoint) -> Iterator[str]:
    mine = {
        key: instance
        for key, instance in world.backend.instances.items()
        if instance.spec.owner == endpoint.id
    }
    records = world.store.run(lambda tx: endpoints.instances(tx, endpoint.id))
    if {record.id for record in records} != mine.keys():
        yield f"{endpoint.id} has other records than instances"
    have: dict[str, int] = {}
    beside = endpoint.beside
    for key, instance in mine.items():
        have[instance.spec.variant_name] = have.get(instance.spec.variant_name, 0) + 1
        if instance.phase is not Phase.READY:
            yield f"{key} is {instance.phase}"
        number = instance.spec.container.image.rpartition(":")[2]
        if f"d-{number}" not in (endpoint.current, beside and beside.deployment):
            yield f"{key} runs another deployment than {endpoint.current}"
    current = endpoint.current
    want = counted(world.client.sizes.at_rest(current)) if current is not None else {}
    if beside is not None:
        want = {name: count + beside.count for name, count in want.items()}
    if have != want:
        yield f"{endpoint.id} has instances {have}, wanted {want}"


def _unsettled_routes(world: Settled, rows: Mapping[EndpointId, Row]) -> Iterator[str]:
    serving = {
        row.endpoint.arn: row.endpoint
        for row in rows.values()
        if row.endpoint.status in (E.IN_SERVICE, E.UPDATE_ROLLBACK_FAILED)
        and row.endpoint.current is not None
    }
    for gateway in world.gateways.gateways:
        routes = {route.arn: route for route in gateway.routes}
        if routes.keys() != serving.keys():
            yield f"{gateway.name} serves {sorted(routes)}, should {sorted(serving)}"
            continue
        for arn, endpoint in serving.items():
            wanted = world.client.sizes.at_rest(endpoint.current or DeploymentId(""))
            alone = endpoint.beside is None
            if alone and weights(routes[arn].every_variant) != weighed(wanted):
                yield f"{gateway.name} has other weights for {arn} than asked"
            if routes[arn].tags != {"life": endpoint.id}:
                yield f"{gateway.name} has other tags for {arn}"
            ready = {
                key
                for key, instance in world.backend.instances.items()
                if instance.spec.owner == endpoint.id and instance.phase is Phase.READY
            }
            if {t.instance_id for v in routes[arn].every_variant for t in v.targets} != ready:
                yield f"{gateway.name} sends {arn} to others than the ready instances"


def all_rows(tx: Transaction) -> list[Row]:
    """Every endpoint there is."""
    return [Row(endpoint, view) for endpoint, view in endpoints.all_described(tx)]


def _leftovers(tx: Transaction, client: Client, alive: set[EndpointId]) -> Iterator[str]:
    for arn in preparations.keys(tx):
        yield f"{arn} still waits to be made ready"
    for deployment in client.deployments.values():
        kept = endpoints.deployment(tx, deployment.id)
        owner = endpoints.by_id(tx, deployment.endpoint_id)
        needed = owner is not None and deployment.id in (
            owner.current,
            owner.target,
            owner.beside and owner.beside.deployment,
        )
        if (kept is not None) != needed:
            yield f"{deployment.id} is {'' if kept else 'not '}kept"
        if deployment.endpoint_id not in alive:
            if endpoints.view(tx, deployment.endpoint_id) is not None:
                yield f"the view of {deployment.endpoint_id} is kept"
            if endpoint_updates.listed(tx, deployment.endpoint_id):
                yield f"the updates of {deployment.endpoint_id} are kept"
            if endpoints.instances(tx, deployment.endpoint_id):
                yield f"records of {deployment.endpoint_id} are kept"
