"""Reconciles endpoints: read the rows, look at the world, plan, write, publish, act.

Invariant: a run takes nothing but a key and keeps nothing for the next one. Routes that go are
taken back before the row says so, routes that come are published after it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeVar

from hostler.backends.base import InstanceBackend
from hostler.control.controller import REQUEUE_S_MIN
from hostler.control.demand import Demands
from hostler.control.execute import Executor
from hostler.control.publish import Publication
from hostler.control.vigil import Vigil
from hostler.domain import lifecycle
from hostler.domain.alarm import AlarmState, States
from hostler.domain.endpoint import Endpoint
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.ids import EndpointId
from hostler.domain.ports import Clock
from hostler.domain.updates import Fired
from hostler.planning import course as courses
from hostler.planning import endpoint as planning
from hostler.planning import updates
from hostler.planning.plan import Action, Plan, Situation
from hostler.store import alarms, endpoint_updates, endpoints, tags
from hostler.store.database import Transaction

T = TypeVar("T")


class Rows(Protocol):
    """The part of ``store.database.Store`` that reconcilers use."""

    async def read(self, transaction: Callable[[Transaction], T]) -> T: ...

    async def write(self, transaction: Callable[[Transaction], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store knows of one endpoint."""

    rows: endpoints.Known
    tags: Mapping[str, str]
    alarms: States
    fired: Sequence[Fired]


class EndpointReconciler:
    """Brings endpoints to what their rows ask for; a key is an endpoint's id."""

    def __init__(
        self,
        store: Rows,
        backend: InstanceBackend,
        publication: Publication,
        executor: Executor,
        clock: Clock,
        *,
        demands: Demands,
        vigil: Vigil,
    ) -> None:
        self._demands = demands
        self._store = store
        self._backend = backend
        self._publication = publication
        self._executor = executor
        self._clock = clock
        self._vigil = vigil
        self.awaiting: set[str] = set()
        """Keys whose next step the gateways' acknowledgements allow: a hint, to be quick."""

    async def keys(self) -> Iterable[str]:
        """Every endpoint, and every owner of an instance: some may have lost their row."""
        ids = await self._store.read(endpoints.ids)
        owners = set(await self._backend.owners())
        return [*ids, *sorted(owners.difference(ids))]

    async def serving(self) -> list[str]:
        """The ARNs of the endpoints that take requests, for the first snapshot."""

        def arns(tx: Transaction) -> list[str]:
            return [e.arn for e, _ in endpoints.all_described(tx) if _serves(e)]

        return await self._store.read(arns)

    async def reconcile(self, key: str) -> timedelta | None:
        """One step nearer; when to be called again."""
        endpoint_id = EndpointId(key)
        known = await self._store.read(lambda tx: _read(tx, endpoint_id))
        observations = await self._backend.observe(endpoint_id)
        if known is None:
            return await self._sweep(key, planning.sweep(observations))
        situation = Situation(
            endpoint=known.rows.endpoint,
            deployments=known.rows.deployments,
            records=known.rows.instances,
            observations=observations,
            exposure=self._publication.exposure(known.rows.endpoint.arn),
            now=self._clock.now(),
            tags=known.tags,
            alarms=known.alarms,
            fired=known.fired,
            watching_since=self._vigil.since,
            demand=self._demands.of(key),
            view=known.rows.view,
        )
        plan = planning.plan(situation)
        if plan.awaits_gateways:
            self.awaiting.add(key)
        else:
            self.awaiting.discard(key)
        try:
            await self._apply(known.rows, plan)
        except ConcurrentChangeError:
            return timedelta(seconds=REQUEUE_S_MIN)
        await self._executor.carry_out(plan.actions)
        return None if plan.requeue_after_s is None else timedelta(seconds=plan.requeue_after_s)

    async def _sweep(self, key: str, actions: Sequence[Action]) -> timedelta | None:
        """End what runs for an endpoint that has no row."""
        self.awaiting.discard(key)
        self._demands.forget(key)
        await self._executor.carry_out(actions)
        return timedelta(seconds=REQUEUE_S_MIN) if actions else None

    async def _apply(self, rows: endpoints.Known, plan: Plan) -> None:
        """Write the plan and publish its route."""
        arn = plan.endpoint.arn
        if plan.route is None:
            self._publication.set_route(arn, None)
        if _changes(rows, plan):
            await self._store.write(lambda tx: _write(tx, rows, plan))
        if plan.gone:
            self._publication.forget(arn)
            self._demands.forget(plan.endpoint.id)
        if plan.route is not None:
            self._publication.set_route(arn, plan.route)


def _read(tx: Transaction, endpoint_id: EndpointId) -> _Known | None:
    rows = endpoints.known(tx, endpoint_id)
    if rows is None:
        return None
    endpoint = rows.endpoint
    course = courses.of(endpoint, rows.deployments)
    watched = alarms.states(tx, endpoint.account, endpoint.region, course.alarms if course else ())
    return _Known(rows, tags.of(tx, endpoint.arn), watched, _fired(tx, endpoint, watched))


def _fired(tx: Transaction, endpoint: Endpoint, watched: States) -> Sequence[Fired]:
    """What the alarms saw that are in ALARM."""
    names = [name for name, state in watched.items() if state is AlarmState.ALARM]
    found = [alarms.get(tx, endpoint.account, endpoint.region, name) for name in names]
    return [updates.fired(kept.alarm) for kept in found if kept is not None]


def _serves(endpoint: Endpoint) -> bool:
    return endpoint.status in lifecycle.SERVING and not endpoint.deleting


def _changes(rows: endpoints.Known, plan: Plan) -> bool:
    kept = plan.endpoint == rows.endpoint and plan.view == rows.view
    return not kept or bool(plan.records or plan.dropped or plan.forgotten or plan.gone)


def _write(tx: Transaction, rows: endpoints.Known, plan: Plan) -> None:
    """The plan's rows, all or none; refused if the endpoint changed since it was read."""
    endpoint = endpoints.save(tx, plan.endpoint)
    if plan.gone:
        tags.remove_all(tx, endpoint.arn)
        endpoints.remove(tx, endpoint.id)
        return
    for record in plan.records:
        endpoints.put_instance(tx, record)
    for instance_id in plan.dropped:
        endpoints.drop_instance(tx, instance_id)
    if plan.forgotten:
        endpoints.drop_deployments(tx, plan.forgotten)
    if plan.told is not None:
        endpoint_updates.note(tx, endpoint.id, plan.told)
    if plan.view != rows.view:
        endpoints.save_view(tx, endpoint.id, plan.view)
