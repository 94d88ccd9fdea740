"""The history that is kept of each update, held against what its rows went through.

Invariant: what is expected is noted from the rows, commit by commit; whatever died between two of
them, each has its event, once, and the last one says how the endpoint ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from hostler.domain.endpoint import Endpoint, EndpointStatus, RolloutStage
from hostler.domain.ids import DeploymentId, EndpointId
from hostler.domain.updates import KEPT_MAX, Outcome, Update
from hostler.sim.sizes import EPSILON

E, S = EndpointStatus, RolloutStage
_SERVING = frozenset({E.IN_SERVICE, E.UPDATING, E.UPDATE_ROLLBACK_FAILED})


@dataclass(slots=True)
class Story:
    """What one update's rows went through: (stage, step, back), and how it ended."""

    deployment: DeploymentId
    went: list[tuple[RolloutStage | None, int, int]] = field(default_factory=list)
    outcome: Outcome | None = None
    reason: str | None = None
    """Its FailureReason then."""


@dataclass(slots=True)
class Histories:
    """Of every endpoint that there ever was."""

    _stories: dict[EndpointId, list[Story]] = field(default_factory=dict)

    def written(
        self, before: Endpoint | None, after: Endpoint, kept: Sequence[Update]
    ) -> Iterator[str]:
        """A row was written, and these updates (the newest first) are kept of it since."""
        stories = self._stories.setdefault(after.id, [])
        self._note(stories, before, after)
        expected = list(reversed(stories))[:KEPT_MAX]
        if [each.terms.deployment for each in kept] != [each.deployment for each in expected]:
            yield f"{after.id} has a history of {[each.terms.deployment for each in kept]}"
            return
        numbers = [each.number for each in kept]
        if numbers != list(range(len(stories), len(stories) - len(kept), -1)):
            yield f"{after.id} has updates numbered {numbers}"
        for update, story in zip(kept[:1], expected[:1], strict=True):
            yield from _told_wrongly(update, story, after)

    def _note(self, stories: list[Story], before: Endpoint | None, after: Endpoint) -> None:
        run = None if before is None else _replacing(before)
        if before is None or run is None or after.deleting or _at(before) == _at(after):
            return
        if not stories or stories[-1].deployment != run:
            stories.append(Story(run))
        story, rollout = stories[-1], after.rollout
        if rollout is not None:
            story.went.append((rollout.stage, rollout.step, rollout.back))
            return
        story.went.append((None, 0, 0))
        story.reason = after.failure_reason
        if after.status is E.FAILED:
            story.outcome = Outcome.FAILED
        elif after.current == run:
            story.outcome = Outcome.COMPLETED
        else:
            stuck = after.beside is not None and after.beside.deployment == run
            story.outcome = Outcome.ROLLBACK_FAILED if stuck else Outcome.ROLLED_BACK


def _told_wrongly(update: Update, story: Story, endpoint: Endpoint) -> Iterator[str]:
    told = [(event.stage, event.step, event.back) for event in update.events]
    if told != story.went:
        yield f"{story.deployment} went through {story.went}, and is told as {told}"
    last = update.last
    if update.outcome is not story.outcome:
        yield f"{story.deployment} ended as {story.outcome}, and is told as {update.outcome}"
    elif last.outcome is not None and last.reason != story.reason:
        yield f"{story.deployment} ended with {story.reason}, and is told with {last.reason}"
    serves = endpoint.current is not None and endpoint.status in _SERVING
    if serves and abs(last.blue.share + last.green.share - 1.0) > EPSILON:
        yield f"{story.deployment} is told with shares of {last.blue.share} and {last.green.share}"


def _replacing(endpoint: Endpoint) -> DeploymentId | None:
    """What follows what serves, in this row."""
    if endpoint.target != endpoint.current:
        return endpoint.target
    draining = endpoint.rollout is not None and endpoint.rollout.stage is S.DRAINING
    return endpoint.current if draining else None


def _at(endpoint: Endpoint) -> tuple[object, ...]:
    rollout = endpoint.rollout
    at = None if rollout is None else (rollout.stage, rollout.step, rollout.back)
    return endpoint.status, at
