"""Which endpoints may be cleaned up: whom it concerns, and whether it is proven that nobody calls.

Invariant: pure. ``IDLE`` is said only where counts of calls are known without a hole for the whole
window that ends at ``Calls.until``, and the last call, creation and change lie before it. The
window never reaches beyond what is known: no clock but that of the counts decides, so one that is
ahead makes nobody idle. What is not known is ``UNKNOWN``, and nothing is done about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from hostler.domain import durations
from hostler.domain.endpoint import EndpointStatus

ENVIRONMENT = "Environment"
"""The tag that says what an endpoint is for."""
SERVERLESS = "it is serverless: it costs nothing while nobody calls it"
"""Why such an endpoint stays (``Candidate.apart``)."""
CALLED, CALLED_TO_S = "called", 180.0
"""How exactly it is told when an endpoint was called."""


class State(StrEnum):
    """What becomes of an endpoint."""

    IDLE = "idle"
    USED = "used"
    UNKNOWN = "unknown"
    """It is one of those that are looked at, and nobody can tell whether it is called."""
    KEPT = "kept"
    """It is none of them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Whom a clean-up concerns.

    ``environments`` and ``include`` name who is looked at (one that fits is enough), ``exempt`` who
    is not, whatever else fits. A tag is written ``Key=Value``; ``*`` stands for anything.
    """

    older_than_s: float
    fresh_s: float
    """How far behind now counts may be, to be called known."""
    environments: tuple[str, ...] = ("dev",)
    include: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known of an endpoint's calls, in epoch seconds of the clock that counts are of."""

    since: float
    """From then on none is missing."""
    until: float
    """All that were made before are known."""
    last: float | None
    """The latest moment at which one may have been made; None: none that is known of."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An endpoint as it is; times are epoch seconds."""

    name: str
    status: str
    created: float
    modified: float
    tags: Mapping[str, str] = field(default_factory=dict)
    calls: Calls | None = None
    silent: str = ""
    """Why nothing is known of its calls."""
    apart: str = ""
    """Why it stays, whoever calls it, if it does."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an endpoint, and why in words."""

    state: State
    why: str
    idle_since: float | None = None
    """Since when nobody called, created or changed it, where that is known."""


def decide(candidate: Candidate, rules: Rules, now: float) -> Verdict:
    """The verdict on an endpoint.

    ``now`` says only whether what is known is fresh, and in words how long something is ago.
    """
    concerned, reason = concerns(candidate, rules)
    if not concerned:
        return Verdict(State.KEPT, reason)
    if candidate.status != EndpointStatus.IN_SERVICE:
        return Verdict(State.KEPT, f"it is {candidate.status}, not InService")
    if candidate.apart:
        return Verdict(State.KEPT, candidate.apart)
    calls, window = candidate.calls, durations.written(rules.older_than_s)
    touched, how = _touched(candidate)
    if calls is None:
        if touched >= now - rules.older_than_s:
            return Verdict(
                State.USED, f"{how} {_ago(how, now - touched)}, within {window}", touched
            )
        return Verdict(State.UNKNOWN, candidate.silent or "nothing is known of its calls")
    if touched >= calls.until - rules.older_than_s:
        return Verdict(State.USED, f"{how} {_ago(how, now - touched)}, within {window}", touched)
    if calls.since > calls.until - rules.older_than_s:
        known = durations.written(max(0.0, calls.until - calls.since))
        return Verdict(State.UNKNOWN, f"its calls are known for {known} only, not for {window}")
    if calls.until < now - rules.fresh_s:
        behind = durations.written(now - calls.until)
        return Verdict(State.UNKNOWN, f"of the last {behind} it is not known whether it is called")
    idle = durations.written(calls.until - touched)
    return Verdict(State.IDLE, f"{reason}, and not called for {idle}", touched)


def concerns(candidate: Candidate, rules: Rules) -> tuple[bool, str]:
    """Whether an endpoint is among those that are looked at, and by what."""
    for each in rules.exempt:
        if _tagged(candidate.tags, each):
            return False, f"it is exempt by its tag {each}"
    for each in rules.include:
        if _tagged(candidate.tags, each):
            return True, f"tagged {each}"
    tag = candidate.tags.get(ENVIRONMENT)
    for name in rules.environments:
        if tag is not None and tag.lower() == name.lower():
            return True, f"tagged {ENVIRONMENT}={tag}"
        if tag is None and f"-{name}-".lower() in candidate.name.lower():
            return True, f"-{name}- in its name"
    if tag is not None:
        return False, f"it is tagged {ENVIRONMENT}={tag}"
    return False, f"neither its tags nor its name say {' or '.join(rules.environments)}"


def unused(names: Sequence[str], used: Sequence[str]) -> list[str]:
    """Those of some names that nobody uses, whatever their case."""
    taken = {each.lower() for each in used}
    return [each for each in dict.fromkeys(names) if each.lower() not in taken]


def _touched(candidate: Candidate) -> tuple[float, str]:
    """When it was last called, changed or made, as far as is known, and which of them it was."""
    moments = [(candidate.created, "created"), (candidate.modified, "changed")]
    if candidate.calls is not None and candidate.calls.last is not None:
        moments.append((candidate.calls.last, CALLED))
    return max(moments, key=lambda each: each[0])


def _ago(how: str, length_s: float) -> str:
    """How long ago something was, in words: of a call only the minute is known, and late."""
    if how == CALLED and length_s < CALLED_TO_S:
        return "in the last minutes that are known"
    return f"{durations.written(max(0.0, length_s))} ago"


def _tagged(tags: Mapping[str, str], wanted: str) -> bool:
    key, separator, value = wanted.partition("=")
    found = tags.get(key)
    return found is not None and fnmatchcase(found, value if separator else "*")
