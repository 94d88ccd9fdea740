"""Finds endpoints that nobody calls, and deletes them with what only they use: on AWS or Hostler.

Invariant: an endpoint is deleted only on a verdict that is read anew right before, on counts of
calls that reach beyond the moment at which the clean-up began. Nothing but the public API is used.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hostler.planning import cleanup as deciding
from hostler.planning.cleanup import Candidate, Rules, State, Verdict
from hostler.toolkit import endpoint_facts, last_calls, prices
from hostler.toolkit.endpoint_facts import Clients, Facts
from hostler.toolkit.last_calls import UnreadError
from hostler.toolkit.prices import Cost, Prices

FRESH_S = 900.0
"""How far behind CloudWatch may be where nothing is deleted yet."""
PROOF_WITHIN_S = 1200.0
"""How long to wait for counts of calls until the beginning."""
GONE_WITHIN_S, GONE_POLL_S = 900.0, 1.0
POLL_S = 15.0


@dataclass(frozen=True, slots=True)
class Found:
    """An endpoint, the verdict on it, and what it costs."""

    name: str
    arn: str
    status: str
    verdict: Verdict
    cost: Cost
    created: float = 0.0
    """Epoch seconds."""
    config: str = ""
    models: tuple[str, ...] = ()


@dataclass
class Cleanup:
    """One clean-up.

    Args:
        clients: Of the account and region.
        rules: Whom it concerns; ``fresh_s`` is for a look alone.
        prices: What instances cost.
        say: Gets a line for each thing that is done.
        pause: Waits so many seconds.
    """

    clients: Clients
    rules: Rules
    prices: Prices
    say: Callable[[str], None] = lambda _line: None
    pause: Callable[[float], None] = time.sleep
    _began: tuple[float, float] | None = field(default=None, init=False)
    """The service's time at the beginning, and our monotonic time then."""

    def look(self) -> list[Found]:
        """Every endpoint, with its verdict as of now."""
        return [self._found(name) for name in self._names()]

    def proven(self, found: Sequence[Found]) -> list[Found]:
        """The same, those that are idle only where their calls are known until the beginning."""
        deadline = time.monotonic() + PROOF_WITHIN_S
        settled = {each.name: each for each in found}
        waiting = [each.name for each in found if each.verdict.state is State.IDLE]
        while waiting:
            for name in waiting:
                settled[name] = self._found(name, until_began=True)
            waiting = [name for name in waiting if settled[name].verdict.state is State.UNKNOWN]
            if time.monotonic() > deadline:
                break
            if waiting:
                self.say(f"waiting for the counts of calls until now of {len(waiting)} endpoints")
                self.pause(POLL_S)
        return list(settled.values())

    def delete(self, found: Found) -> Verdict:
        """Delete an idle endpoint, then its config and models that nobody else uses.

        Returns: the verdict on which it was deleted, or on which it was not.

        Raises:
            ClientError: It was refused.
        """
        again = self._found(found.name, until_began=True)
        if again.verdict.state is not State.IDLE:
            return again.verdict
        self.clients.sagemaker.delete_endpoint(EndpointName=again.name)
        self.say(f"endpoint {again.name} is deleted: {again.verdict.why}")
        if not self._is_gone(again.name):
            self.say(f"endpoint {again.name} is not gone yet: its config and models stay")
            return again.verdict
        others = list(self._others())
        used = [name for each in others for name in (each.config, each.pending)]
        sagemaker = self.clients.sagemaker
        for config in deciding.unused([again.config], used):
            self._remove(sagemaker.delete_endpoint_config, again, EndpointConfigName=config)
        for model in self._free_models(again, others):
            self._remove(sagemaker.delete_model, again, ModelName=model)
        return again.verdict

    def _remove(self, delete: Callable[..., object], of: Found, **named: str) -> None:
        """Delete what only an endpoint used; what is refused stays, and is told."""
        ((what, name),) = named.items()
        what = what.removesuffix("Name")
        try:
            delete(**named)
        except self.clients.refused as error:
            self.say(f"{what} {name} stays: {endpoint_facts.said(error)}")
        else:
            self.say(f"{what} {name} is deleted: only {of.name} used it")

    def _names(self) -> list[str]:
        pages = self.clients.sagemaker.get_paginator("list_endpoints").paginate(
            SortBy="Name", SortOrder="Ascending"
        )
        return [each["EndpointName"] for page in pages for each in page["Endpoints"]]

    def _others(self) -> Iterator[Facts]:
        """All endpoints that are there; one that goes meanwhile is none."""
        for name in self._names():
            try:
                yield self._facts(name)
            except self.clients.refused as error:
                if endpoint_facts.code(error) != "ValidationException":
                    raise

    def _found(self, name: str, *, until_began: bool = False) -> Found:
        try:
            facts = self._facts(name)
        except self.clients.refused as error:
            why = f"it cannot be described: {endpoint_facts.said(error)}"
            return Found(name, "", "unknown", Verdict(State.UNKNOWN, why), prices.NOTHING)
        candidate, now = replace(facts.candidate, apart=facts.apart), self._now()
        rules = self.rules
        if until_began and self._began is not None:
            now, rules = self._began[0], _exactly(self.rules)
        concerned, _ = deciding.concerns(candidate, rules)
        if concerned and candidate.status == "InService" and not candidate.apart:
            candidate = self._with_calls(facts)
        return _as_found(facts, deciding.decide(candidate, rules, now))

    def _with_calls(self, facts: Facts) -> Candidate:
        candidate, silent, calls = facts.candidate, "", None
        try:
            calls = last_calls.read(
                self.clients.cloudwatch,
                candidate.name,
                facts.variants,
                self.rules.older_than_s,
                self._now(),
            )
        except UnreadError as error:
            silent = str(error)
        except self.clients.refused as error:
            silent = f"its metrics cannot be read: {endpoint_facts.said(error)}"
        return replace(candidate, calls=calls, silent=silent)

    def _facts(self, name: str) -> Facts:
        found = endpoint_facts.read(self.clients, self.prices, name)
        self._set_clock(found.server_s)
        return found

    def _free_models(self, gone: Found, others: Sequence[Facts]) -> Sequence[str]:
        """Its models that no config names; none where an endpoint's own config is gone."""
        if any(not each.models and not each.apart for each in others):
            self.say(f"the models of {gone.name} stay: an endpoint's config is gone")
            return []
        used = [name for each in others for name in each.models]
        pages = self.clients.sagemaker.get_paginator("list_endpoint_configs").paginate()
        for name in [
            each["EndpointConfigName"] for page in pages for each in page["EndpointConfigs"]
        ]:
            given = self.clients.sagemaker.describe_endpoint_config(EndpointConfigName=name)
            used += [
                each["ModelName"] for each in endpoint_facts.variants(given) if "ModelName" in each
            ]
        return deciding.unused(gone.models, used)

    def _is_gone(self, name: str) -> bool:
        deadline = time.monotonic() + GONE_WITHIN_S
        while time.monotonic() < deadline:
            try:
                self.clients.sagemaker.describe_endpoint(EndpointName=name)
            except self.clients.refused as error:
                return endpoint_facts.code(error) == "ValidationException"
            self.pause(GONE_POLL_S)
        return False

    def _set_clock(self, server_s: float) -> None:
        """Take the service's time from its first answer: this machine's may be wrong."""
        if self._began is None:
            self._began = server_s, time.monotonic()

    def _now(self) -> float:
        assert self._began is not None
        began, monotonic = self._began
        return began + time.monotonic() - monotonic


def _exactly(rules: Rules) -> Rules:
    return replace(rules, fresh_s=0.0)


def _as_found(facts: Facts, verdict: Verdict) -> Found:
    candidate = facts.candidate
    return Found(
        candidate.name,
        facts.arn,
        candidate.status,
        verdict,
        facts.cost,
        candidate.created,
        facts.config,
        facts.models,
    )
