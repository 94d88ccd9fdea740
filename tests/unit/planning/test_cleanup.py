"""Who may be cleaned up: never one that may have been called, and always with a reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.domain import durations
from hostler.domain.endpoint import EndpointStatus
from hostler.domain.ids import AccountId, EndpointId, Region
from hostler.planning import cleanup_steps as steps
from hostler.planning.cleanup import (
    Calls,
    Candidate,
    Rules,
    State,
    Verdict,
    concerns,
    decide,
    unused,
)
from hostler.planning.cleanup_steps import Mark, Stage, Step, step

DAY_S = 86_400.0
NOW = 100 * DAY_S
RULES = Rules(older_than_s=7 * DAY_S, fresh_s=120.0)
QUIET = Calls(since=0.0, until=NOW - 10, last=NOW - 8 * DAY_S)
IDLE = Candidate("rc-dev-iris-ep", "InService", 1.0, 2.0, {}, QUIET)


def test_an_endpoint_that_nobody_calls_is_idle_and_says_since_when() -> None:
    verdict = decide(IDLE, RULES, NOW)
    assert verdict.state is State.IDLE
    assert verdict.why == "-dev- in its name, and not called for 7d"
    assert verdict.idle_since == NOW - 8 * DAY_S


@pytest.mark.parametrize(
    ("change", "state", "why"),
    [
        ({"name": "rc-prod-ep"}, State.KEPT, "neither its tags nor its name say dev"),
        ({"tags": {"Environment": "staging"}}, State.KEPT, "it is tagged Environment=staging"),
        ({"status": "Updating"}, State.KEPT, "it is Updating, not InService"),
        ({"created": NOW - 3 * DAY_S}, State.USED, "created 3d ago, within 7d"),
        ({"modified": NOW - 3 * DAY_S}, State.USED, "changed 3d ago, within 7d"),
        (
            {"calls": replace(QUIET, last=NOW - 3 * DAY_S)},
            State.USED,
            "called 3d ago, within 7d",
        ),
        ({"calls": None, "created": NOW - 60}, State.USED, "created 1m ago, within 7d"),
        ({"calls": None, "silent": "its metrics cannot be read: no"}, State.UNKNOWN, "metrics"),
        ({"calls": replace(QUIET, since=NOW - 6 * DAY_S)}, State.UNKNOWN, "known for 5d only"),
        ({"calls": replace(QUIET, until=NOW - 600)}, State.UNKNOWN, "of the last 10m"),
    ],
)
def test_whoever_is_not_idle_is_told_why(change: dict[str, object], state: State, why: str) -> None:
    verdict = decide(replace(IDLE, **change), RULES, NOW)  # type: ignore[arg-type]
    assert verdict.state is state
    assert why in verdict.why


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (NOW - 70, "called in the last minutes that are known, within 7d"),
        (NOW + 30, "called in the last minutes that are known, within 7d"),
        (NOW - 600, "called 10m ago, within 7d"),
    ],
)
def test_a_call_of_a_moment_ago_is_told_as_exactly_as_it_is_known(last: float, told: str) -> None:
    behind = replace(QUIET, until=NOW - 100, last=last)
    assert decide(replace(IDLE, calls=behind), RULES, NOW).why == told
    made = replace(IDLE, calls=behind, created=NOW - 40)
    if last < NOW - 40:
        assert decide(made, RULES, NOW).why == "created 40s ago, within 7d"


@pytest.mark.parametrize(
    ("name", "tags", "reason"),
    [
        ("rc-dev-x", {}, "-dev- in its name"),
        ("RC-DEV-x", {}, "-dev- in its name"),
        ("x", {"Environment": "Dev"}, "tagged Environment=Dev"),
        ("x", {"Team": "rc"}, "tagged Team=rc"),
        ("x-dev-y", {"Environment": "prod", "Team": "rc"}, "tagged Team=rc"),
        ("rc-develop-x", {}, ""),
        ("x-dev-y", {"Environment": "prod"}, ""),
        ("x-dev-y", {"Team": "rc", "Keep": "until easter"}, ""),
        ("x-dev-y", {"Owner": "ann.b"}, ""),
    ],
)
def test_whom_it_concerns(name: str, tags: dict[str, str], reason: str) -> None:
    rules = replace(RULES, include=("Team=rc",), exempt=("Keep", "Owner=ann*"))
    concerned, why = concerns(Candidate(name, "InService", 0, 0, tags), rules)
    assert concerned is bool(reason)
    if concerned:
        assert why == reason


moments = st.floats(min_value=0, max_value=NOW + DAY_S, allow_nan=False)


candidates = st.builds(
    Candidate,
    name=st.just("a-dev-b"),
    status=st.just("InService"),
    created=moments,
    modified=moments,
    tags=st.dictionaries(st.sampled_from(["Environment", "Keep", "Team"]), st.text(max_size=4)),
    calls=st.builds(Calls, since=moments, until=moments, last=st.none() | moments),
)
any_rules = st.builds(
    Rules,
    older_than_s=st.floats(min_value=1, max_value=50 * DAY_S),
    fresh_s=st.floats(min_value=0, max_value=DAY_S),
    exempt=st.just(("Keep",)),
)


@given(candidates, any_rules, moments)
def test_nobody_idle_was_touched_in_a_window_that_is_known(
    candidate: Candidate, rules: Rules, now: float
) -> None:
    verdict, calls, tags = decide(candidate, rules, now), candidate.calls, candidate.tags
    assert verdict.why
    assert calls is not None
    if verdict.state is State.IDLE:
        begin = calls.until - rules.older_than_s
        assert max(candidate.created, candidate.modified, calls.since) <= begin
        assert calls.last is None or calls.last < begin
        assert calls.until >= now - rules.fresh_s
        assert "Keep" not in tags
        assert tags.get("Environment", "dev").lower() == "dev"
        earlier = decide(replace(candidate, modified=calls.until), rules, now)
        assert earlier.state is State.USED, "any sign of use is enough"


@given(st.sampled_from(sorted(EndpointStatus)), st.booleans(), st.text(max_size=5))
def test_nobody_is_idle_of_whom_nothing_is_known(
    status: EndpointStatus, concerned: bool, silent: str
) -> None:
    name = "a-dev-b" if concerned else "b"
    candidate = Candidate(name, status.value, 0, 0, {}, None, silent)
    assert decide(candidate, RULES, NOW).state in (State.UNKNOWN, State.KEPT)


def test_what_others_use_stays() -> None:
    assert unused(["A", "b", "a", "c"], ["B"]) == ["A", "a", "c"]
    assert unused(["m"], ["M"]) == []


MARK = Mark(
    EndpointId("e-1"),
    AccountId("1"),
    Region("r"),
    "e",
    "arn",
    warned_s=NOW - DAY_S,
    delete_s=NOW,
    idle_since_s=0,
    why="nobody",
)
STATES = {state: Verdict(state, "") for state in State}


@pytest.mark.parametrize(
    ("mark", "status", "state", "wanted"),
    [
        (None, "InService", State.IDLE, Step.WARN),
        (None, "InService", State.UNKNOWN, Step.NOTHING),
        (MARK, "InService", State.IDLE, Step.DELETE),
        (replace(MARK, delete_s=NOW + 1), "InService", State.IDLE, Step.NOTHING),
        (replace(MARK, warned_s=NOW + 1), "InService", State.IDLE, Step.WARN),
        (MARK, "InService", State.USED, Step.WITHDRAW),
        (MARK, "InService", State.KEPT, Step.WITHDRAW),
        (MARK, "InService", State.UNKNOWN, Step.NOTHING),
        (MARK, None, State.KEPT, Step.WITHDRAW),
        (steps.deleting(MARK, "c", ("m",)), "Deleting", State.KEPT, Step.NOTHING),
        (steps.deleting(MARK, "c", ("m",)), None, State.KEPT, Step.CLEAR),
        (steps.deleting(MARK, "c", ("m",)), "InService", State.IDLE, Step.DELETE),
        (steps.deleting(MARK, "c", ("m",)), "InService", State.USED, Step.WITHDRAW),
    ],
)
def test_the_next_step(mark: Mark | None, status: str | None, state: State, wanted: Step) -> None:
    assert step(mark, status, STATES[state], NOW) is wanted


@given(
    st.builds(
        Mark,
        *map(st.just, (MARK.endpoint_id, MARK.account, MARK.region, "e", "arn")),
        warned_s=moments,
        delete_s=moments,
        idle_since_s=moments,
        why=st.just("nobody"),
        stage=st.sampled_from(Stage),
    ),
    moments,
    st.sampled_from(State),
    st.sampled_from([None, "InService", "Deleting", "Updating"]),
)
def test_nothing_is_deleted_that_is_not_idle_and_was_not_warned_of_in_time(
    mark: Mark, now: float, state: State, status: str | None
) -> None:
    if step(mark, status, STATES[state], now) is Step.DELETE:
        assert state is State.IDLE
        assert mark.warned_s <= now
        assert mark.delete_s <= now
    assert step(None, status, STATES[state], now) in (Step.WARN, Step.NOTHING)


@pytest.mark.parametrize(
    ("text", "length"), [("90s", 90.0), ("15m", 900.0), ("12h", 43_200.0), ("7d", 604_800.0)]
)
def test_lengths_of_time(text: str, length: float) -> None:
    assert durations.seconds(text) == length


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1w", "7 d", "1.5h", "٣d"])
def test_what_is_no_length_of_time(text: str) -> None:
    assert durations.seconds(text) is None


@given(st.floats(min_value=1, max_value=1e9))
def test_lengths_are_written_rounded_down(length: float) -> None:
    read = durations.seconds(durations.written(length))
    assert read is not None
    assert length * 0.7 <= read + 1 <= length + 1
