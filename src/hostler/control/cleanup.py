"""Deletes endpoints that nobody calls: by schedule, announced, and as a caller of the API would.

Invariant: what is under way is rows (``store.cleanups``), so a restart goes on with it; an endpoint
is only deleted on a verdict of the same moment (``planning.cleanup``).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hostler.domain.cleanup import Cleanup
from hostler.domain.endpoint import Deployment, Endpoint
from hostler.domain.errors import CallerError
from hostler.domain.ids import AccountId, EndpointId, Region
from hostler.domain.moments import to_second
from hostler.domain.ports import Clock
from hostler.planning import cleanup as deciding
from hostler.planning import cleanup_steps as steps
from hostler.planning.cleanup import Calls, Candidate, Rules, State, Verdict
from hostler.planning.cleanup_steps import Mark, Step
from hostler.snapshot import background
from hostler.store import cleanups, endpoints, tags
from hostler.store.configs import CONFIGS
from hostler.store.database import Store, StoreUnavailableError, Transaction
from hostler.store.models import MODELS
from hostler.telemetry import calls

POLL_S = 5.0
FRESH_S = 120.0
"""How far behind counts may be: the longest call, and their way from the gateways."""
_OFF = Verdict(State.KEPT, "clean-ups are switched off")
_GONE = Verdict(State.KEPT, steps.GONE)

_log = logging.getLogger("hostler.control")


class Itself(Protocol):
    """Hostler as a caller of SageMaker's operations (``api.own.OwnCalls``)."""

    async def call(
        self,
        operation: str,
        account: AccountId,
        region: Region,
        params: Mapping[str, Any],
        why: str,
    ) -> None:
        """Call an operation; raises CallerError, StoreUnavailableError."""

    def tell(
        self, event: str, account: AccountId, region: Region, arn: str, details: Mapping[str, Any]
    ) -> None:
        """Write an event about a resource into the audit log."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An endpoint as it was found; None where it is gone."""

    endpoint: Endpoint | None
    verdict: Verdict


class Cleaner:
    """Looks, warns and deletes.

    Args:
        store: The control database.
        metrics: The metrics' database, for the calls.
        clock: For deadlines.
        known_until: Until when all calls are read; None while that is not known.
        settings: Whom it concerns, and when.
        itself: Deletes, and says so.
    """

    def __init__(
        self,
        store: Store,
        metrics: Store,
        clock: Clock,
        *,
        known_until: Callable[[], float | None],
        settings: Cleanup,
        itself: Itself,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._known_until = known_until
        self._settings = settings
        self._itself = itself
        self._rules = Rules(
            settings.older_than_s,
            FRESH_S,
            settings.environments,
            settings.include,
            settings.exempt,
        )

    async def run(self) -> None:
        """Work until cancelled."""
        attempts = background.Attempts("hostler.control", (StoreUnavailableError,))
        await attempts.repeat("idle endpoints are looked for later", self.turn, POLL_S)

    async def turn(self) -> None:
        """Look for idle endpoints if it is time, and go on with what is under way."""
        now = self._clock.now()
        marks = {each.endpoint_id: each for each in await self._store.read(cleanups.marks)}
        looked = self._settings.enabled and await self._is_time(now)
        if looked:
            wanted = {*await self._store.read(endpoints.ids), *marks}
        else:
            wanted = {each.endpoint_id for each in marks.values() if self._is_due(each, now)}
        for endpoint_id, seen in (await self._look(sorted(wanted), now)).items():
            await self._step(marks.get(endpoint_id), seen, now)
        if looked:
            next_s = now + self._settings.every_s
            await self._store.write(lambda tx: cleanups.look_at(tx, next_s))

    async def _is_time(self, now: float) -> bool:
        """Whether to look now; a clock that was set back does not put it off."""
        next_s = await self._store.read(cleanups.next_look)
        return next_s is None or not now < next_s <= now + self._settings.every_s

    def _is_due(self, mark: Mark, now: float) -> bool:
        on = self._settings.enabled
        return not on or mark.stage is steps.Stage.DELETING or now >= mark.delete_s

    async def _look(self, ids: Sequence[EndpointId], now: float) -> Mapping[EndpointId, Seen]:
        """Endpoints, each with the verdict of this moment."""
        if not ids:
            return {}
        until = self._known_until()  # before the calls: they then are known until then at least
        called = await self._metrics.read(calls.last)
        since = await self._metrics.read(calls.whole_since)

        def seen(tx: Transaction, endpoint_id: EndpointId) -> Seen:
            endpoint = endpoints.by_id(tx, endpoint_id)
            if endpoint is None:
                return Seen(None, _GONE)
            if not self._settings.enabled:
                return Seen(endpoint, _OFF)
            known = None
            if until is not None and since is not None:
                callee = calls.callee(endpoint.account, endpoint.region, endpoint.name)
                known = Calls(since, until, called.get(callee))
            candidate = Candidate(
                endpoint.name,
                endpoint.status.value,
                endpoint.created,
                endpoint.modified,
                tags.of(tx, endpoint.arn),
                known,
                "a gateway has not said yet how far its counts of calls go",
                deciding.SERVERLESS if _is_serverless(tx, endpoint) else "",
            )
            return Seen(endpoint, deciding.decide(candidate, self._rules, now))

        return await self._store.read(lambda tx: {each: seen(tx, each) for each in ids})

    async def _step(self, mark: Mark | None, seen: Seen, now: float) -> None:
        status = None if seen.endpoint is None else seen.endpoint.status.value
        match steps.step(mark, status, seen.verdict, now):
            case Step.WARN:
                assert seen.endpoint is not None
                await self._warn(seen.endpoint, seen.verdict, now)
            case Step.WITHDRAW:
                assert mark is not None
                await self._withdraw(mark, seen.verdict.why)
            case Step.DELETE:
                assert mark is not None
                assert seen.endpoint is not None
                await self._delete(mark, seen.endpoint, seen.verdict)
            case Step.CLEAR:
                assert mark is not None
                await self._clear(mark)
            case Step.NOTHING:
                pass

    async def _warn(self, endpoint: Endpoint, verdict: Verdict, now: float) -> None:
        assert verdict.idle_since is not None
        mark = Mark(
            endpoint.id,
            endpoint.account,
            endpoint.region,
            endpoint.name,
            endpoint.arn,
            warned_s=now,
            delete_s=now + self._settings.warn_before_s,
            idle_since_s=verdict.idle_since,
            why=verdict.why,
        )
        await self._store.write(lambda tx: cleanups.put(tx, mark))
        at, since = to_second(mark.delete_s), to_second(verdict.idle_since)
        _log.warning("endpoint %s will be deleted at %s: %s", endpoint.arn, at, verdict.why)
        details = {"deleteAfter": at, "idleSince": since, "why": verdict.why}
        self._tell(steps.SCHEDULED, mark, details)

    def _tell(self, event: str, mark: Mark, details: Mapping[str, Any]) -> None:
        self._itself.tell(event, mark.account, mark.region, mark.arn, details)

    async def _call(self, operation: str, mark: Mark, params: Mapping[str, Any], why: str) -> None:
        await self._itself.call(operation, mark.account, mark.region, params, why)

    async def _withdraw(self, mark: Mark, why: str) -> None:
        await self._store.write(lambda tx: cleanups.remove(tx, mark.endpoint_id))
        _log.info("endpoint %s will not be deleted: %s", mark.arn, why)
        self._tell(steps.WITHDRAWN, mark, {"why": why})

    async def _delete(self, mark: Mark, endpoint: Endpoint, verdict: Verdict) -> None:
        """Ask for the endpoint's end; what is to follow is written down before."""
        deployment = await self._store.read(
            lambda tx: endpoints.deployment(tx, endpoint.current) if endpoint.current else None
        )
        models = () if deployment is None else _models(deployment)
        mark = replace(steps.deleting(mark, endpoint.config_name, models), why=verdict.why)
        await self._store.write(lambda tx: cleanups.put(tx, mark))
        try:
            await self._call("DeleteEndpoint", mark, {"EndpointName": mark.name}, mark.why)
        except CallerError as error:
            await self._withdraw(mark, f"DeleteEndpoint: {error.message}")

    async def _clear(self, mark: Mark) -> None:
        """Delete the config and the models that nobody else uses, and forget the mark."""
        why = f"it was used by {mark.name} alone, which was deleted: {mark.why}"
        if await self._store.read(lambda tx: _config_is_free(tx, mark)):
            params = {"EndpointConfigName": mark.config}
            await self._tried("DeleteEndpointConfig", mark, params, why)
        for model in await self._store.read(lambda tx: _free_models(tx, mark)):
            await self._tried("DeleteModel", mark, {"ModelName": model}, why)
        await self._store.write(lambda tx: cleanups.remove(tx, mark.endpoint_id))

    async def _tried(self, operation: str, mark: Mark, params: Mapping[str, Any], why: str) -> None:
        """Delete something that may be gone already."""
        try:
            await self._call(operation, mark, params, why)
        except CallerError as error:
            _log.info("%s after %s: %s", operation, mark.arn, error.message)


def _config_is_free(tx: Transaction, mark: Mark) -> bool:
    """Whether its config is there still, and nobody else's."""
    if CONFIGS.get(tx, mark.account, mark.region, mark.config) is None:
        return False
    return bool(
        deciding.unused([mark.config], [each.config_name for each in _deployments(tx, mark)])
    )


def _free_models(tx: Transaction, mark: Mark) -> Sequence[str]:
    """Those of its models that are there still, and nobody else's."""
    used = [name for each in _deployments(tx, mark) for name in _models(each)]
    used += [
        variant["ModelName"]
        for record in CONFIGS.every(tx, mark.account, mark.region)
        for members in ("ProductionVariants", "ShadowProductionVariants")
        for variant in record.request.get(members) or ()
        if "ModelName" in variant
    ]
    free = deciding.unused(mark.models, used)
    return [name for name in free if MODELS.get(tx, mark.account, mark.region, name)]


def _deployments(tx: Transaction, mark: Mark) -> Sequence[Deployment]:
    """What the endpoints beside it run, and are to run."""
    found: list[Deployment] = []
    for endpoint_id in endpoints.ids(tx):
        known = endpoints.known(tx, endpoint_id)
        if known is None or endpoint_id == mark.endpoint_id:
            continue
        if (known.endpoint.account, known.endpoint.region) == (mark.account, mark.region):
            found += known.deployments.values()
    return found


def _is_serverless(tx: Transaction, endpoint: Endpoint) -> bool:
    serving = endpoints.deployment(tx, endpoint.current) if endpoint.current else None
    return serving is not None and any(each.serverless for each in serving.variants)


def _models(deployment: Deployment) -> tuple[str, ...]:
    return tuple(dict.fromkeys(variant.model.name for variant in deployment.variants))
