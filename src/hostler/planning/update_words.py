"""What an update's events mean, in words: what was decided, and why.

Invariant: pure; what is said follows from the events alone.
"""

from collections.abc import Iterator, Sequence

from hostler.domain.alarm import AlarmState, Comparison
from hostler.domain.endpoint import RolloutStage
from hostler.domain.moments import time_of_day
from hostler.domain.updates import Event, Fired, Outcome, Terms, Update
from hostler.planning.updates import BACK

_SIGNS = {
    Comparison.GREATER_OR_EQUAL: ">=",
    Comparison.GREATER: ">",
    Comparison.LESS: "<",
    Comparison.LESS_OR_EQUAL: "<=",
}
MINUTE_S, LONG_S = 60, 120


def lines(update: Update) -> Sequence[str]:
    """A sentence or two for each of an update's events, in their order."""
    before: Sequence[Event | None] = (None, *update.events)
    return [
        " ".join(_said(update, last, event))
        for last, event in zip(before, update.events, strict=False)
    ]


def alarm(fired: Fired) -> str:
    """What an alarm saw."""
    said = f'Alarm "{fired.name}", in ALARM since {time_of_day(fired.since)}: '
    if fired.value is not None and fired.comparison is not None:
        said += f"{fired.value:g} {_SIGNS[fired.comparison]} {fired.threshold:g}. "
    elif fired.threshold is not None:
        said += f"threshold {fired.threshold:g}. "
    return said + fired.reason


def summary(update: Update) -> str:
    """How it went, in one line."""
    last, took = update.last, _lasting(max(0.0, update.last.at - update.terms.asked))
    match update.outcome:
        case None:
            return "under way"
        case Outcome.COMPLETED:
            return f"completed in {took}"
        case Outcome.FAILED:
            return f"failed after {took}"
        case Outcome.ROLLED_BACK | Outcome.ROLLBACK_FAILED:
            how = "rolled back" if last.outcome is Outcome.ROLLED_BACK else "rollback failed"
            return f"{how} after {took}, the rollback took {_lasting(rollback_s(update) or 0.0)}"


def rollback_s(update: Update) -> float | None:
    """Seconds from the decision to go back to its end, or to the last event; None without one."""
    began = next((e.at for e in update.events if e.stage in BACK), None)
    if began is not None:
        return max(0.0, update.last.at - began)
    return 0.0 if update.outcome is Outcome.ROLLED_BACK else None


def plan(terms: Terms) -> str:
    """What was asked for, in one line."""
    if terms.before is None:
        return "its first deployment"
    said = [f"{terms.policy} {', '.join(map(percent, terms.shares))}"]
    if terms.wait_s:
        said.append(f"each watched for {_lasting(terms.wait_s)}")
    if terms.termination_wait_s:
        said.append(f"old instances kept for {_lasting(terms.termination_wait_s)}")
    if terms.alarms:
        said.append("alarms " + ", ".join(terms.alarms))
    return "; ".join(said)


def percent(share: float) -> str:
    """A share as it is read: 0.1 is 10 %."""
    return f"{share * 100:.3g} %"


def _said(update: Update, last: Event | None, event: Event) -> Iterator[str]:
    terms = update.terms
    if last is not None and last.stage is RolloutStage.BAKING and event.stage not in BACK:
        yield _baked(terms, last, event)
    step = f"Step {event.step + 1} of {max(len(terms.shares), event.step + 1)}"
    match event.stage:
        case None:
            yield _ended(update, event)
        case RolloutStage.PROVISIONING if event.step == 0:
            yield "Starting the new instances." if terms.before else "Starting the instances."
        case RolloutStage.PROVISIONING:
            yield f"{step}: starting the next batch of new instances."
        case RolloutStage.SWITCHING if terms.before is None:
            yield "All instances are ready; telling the gateways."
        case RolloutStage.SWITCHING:
            yield f"{step}: turning {_aimed(terms, event)} of the traffic to the new instances."
        case RolloutStage.BAKING:
            yield f"{step}: every gateway gives the new instances their share."
            if terms.wait_s:
                yield f"Watching them for {_lasting(terms.wait_s)}."
        case RolloutStage.TERMINATING:
            yield f"Keeping the old instances for {_lasting(terms.termination_wait_s)}."
        case RolloutStage.DRAINING:
            yield "The new instances have taken over; stopping the old ones."
        case RolloutStage.RETREATING:
            batch = f"Starting batch {event.back + 1} of the old instances again."
            yield batch if event.back else f"Going back in batches. {event.reason} {batch}"
        case RolloutStage.ROLLING_BACK:
            if last is not None and last.green.share > 0:
                yield "All traffic is the old instances' again; stopping the new ones."
            elif last is not None:
                yield "Stopping the new instances, which had no traffic."
            if last is None or last.stage is not RolloutStage.RETREATING:
                yield event.reason or ""


def _baked(terms: Terms, last: Event, event: Event) -> str:
    told = f"Watched for {_lasting(max(0.0, event.at - last.at))}"
    unsure = [k for k, s in event.unsettled.items() if s is AlarmState.INSUFFICIENT_DATA]
    if unsure:
        return f"{told}, without data for {', '.join(unsure)}."
    return f"{told}, alarms OK." if terms.alarms else f"{told}."


def _aimed(terms: Terms, event: Event) -> str:
    """The share that a step is for; what it comes to at once may be less, or more."""
    known = event.step < len(terms.shares)
    return percent(terms.shares[event.step] if known else event.green.share)


def _ended(update: Update, event: Event) -> str:
    match event.outcome:
        case Outcome.COMPLETED:
            return "Done: the new instances serve alone." if update.terms.before else "In service."
        case Outcome.ROLLED_BACK if len(update.events) == 1:
            return event.reason or ""
        case Outcome.ROLLED_BACK:
            took = _lasting(rollback_s(update) or 0.0)
            return f"Back as before; the rollback took {took}."
        case _:
            return event.reason or ""


def _lasting(seconds: float) -> str:
    if seconds < LONG_S:
        return f"{round(seconds, 1):g} s"
    minutes, rest = divmod(round(seconds), MINUTE_S)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
