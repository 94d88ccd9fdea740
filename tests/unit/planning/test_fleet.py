"""Starting, failing and being followed: the rules for one slot."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.endpoint import EndpointStatus
from hostler.domain.instance import DETERMINISTIC, TRANSIENT, FailureCause, Phase
from hostler.planning.deadlines import BACKOFF_S_MAX, STABLE_AFTER_S, backoff_s, waited_s
from hostler.planning.fleet import FINAL
from planning_pieces import Play, deployment, ended, endpoint

E = EndpointStatus
REPEATABLE = sorted(set(FailureCause) - FINAL - TRANSIENT)


def starting() -> Play:
    play = Play(endpoint(), deployment(1))
    play.plan()
    return play


def fail(play: Play, cause: FailureCause, after_s: float = 0.0) -> None:
    """The standing instance starts, ends after a while, and its folder is removed."""
    (record,) = play.standing()
    play.show(Phase.STARTING, record, starting_since=play.now)
    play.plan()
    began = play.now
    play.now += after_s
    play.show(Phase.EXITED, record, starting_since=began, exit=ended(cause, at=play.now))
    play.plan()
    play.vanish(record)
    play.plan()


@pytest.mark.parametrize("cause", sorted(DETERMINISTIC))
def test_a_deterministic_cause_is_final(cause: FailureCause) -> None:
    play = starting()
    fail(play, cause)
    assert play.endpoint.status is E.FAILED


@pytest.mark.parametrize("cause", REPEATABLE)
def test_the_same_cause_twice_is_final_but_once_is_not(cause: FailureCause) -> None:
    play = starting()
    fail(play, cause)
    assert play.endpoint.status is E.CREATING
    assert len(play.standing()) == 1
    fail(play, cause)
    assert play.endpoint.status is E.FAILED


def test_an_instance_that_has_said_how_it_ends_ended_so_though_it_is_not_gone_yet() -> None:
    """Seen in that moment it once counted as killed from outside, and was tried again for ever."""
    play = starting()
    for _ in range(2):
        (record,) = play.standing()
        play.show(Phase.STOPPING, record, exit=ended(FailureCause.MODEL_LOAD, at=play.now))
        play.plan()
        play.vanish(record)
        play.plan()
    assert play.endpoint.status is E.FAILED


def test_another_cause_in_between_begins_to_count_anew() -> None:
    play = starting()
    fail(play, FailureCause.MODEL_LOAD)
    fail(play, FailureCause.OUT_OF_MEMORY)
    assert play.endpoint.status is E.CREATING


@pytest.mark.parametrize("cause", sorted(TRANSIENT))
def test_what_lies_outside_the_model_is_tried_again_until_the_start_up_time_is_used_up(
    cause: FailureCause,
) -> None:
    play = starting()
    attempts = 0
    while play.endpoint.status is E.CREATING:
        attempts += 1
        fail(play, cause, after_s=60.0)
        play.now += BACKOFF_S_MAX
    assert 3 < attempts <= 8
    assert play.endpoint.failure_reason is not None


def test_start_up_time_counts_from_the_start_not_from_the_preparation() -> None:
    play = starting()
    (record,) = play.standing()
    play.show(Phase.PREPARING, record)
    play.now += 3600.0
    play.plan()
    assert play.endpoint.status is E.CREATING
    began = play.now
    play.show(Phase.STARTING, record, starting_since=began)
    play.now = began + 479.9
    play.plan()
    assert play.endpoint.status is E.CREATING
    play.now = began + 480.0
    play.plan()
    assert play.endpoint.status is E.FAILED
    assert play.endpoint.failure_reason is not None
    assert "480 seconds" in play.endpoint.failure_reason


def test_a_preparation_that_died_with_its_process_is_launched_again() -> None:
    play = starting()
    (record,) = play.standing()
    play.show(Phase.ABSENT, record)
    (action,) = play.plan().actions
    assert action.spec.instance_id == record.id  # type: ignore[union-attr]


def test_the_leftovers_of_a_preparation_that_is_no_longer_wanted_are_removed() -> None:
    """Found in review: an ABSENT instance may have a folder, and was forgotten with it."""
    play = starting()
    (record,) = play.standing()
    play.show(Phase.ABSENT, record)
    play.endpoint = replace(play.endpoint, status=E.DELETING, deleting=True)
    plan = play.plan()
    assert [type(action).__name__ for action in plan.actions] == ["RemoveInstance"]
    assert not plan.gone


def test_an_instance_stopped_from_outside_is_followed() -> None:
    play = Play(endpoint(), deployment(1)).serve()
    (record,) = play.standing()
    play.show(Phase.STOPPING, record)
    plan = play.plan()
    (second,) = play.standing()
    assert second.id != record.id
    assert plan.route is not None
    assert plan.route.variants[0].targets == ()


def test_deaths_in_quick_succession_wait_longer_each_time_and_a_stable_life_starts_anew() -> None:
    play = Play(endpoint(), deployment(1)).serve()
    waits = []
    for served_s in (0.0, 0.0, 0.0, STABLE_AFTER_S):
        (record,) = play.standing()
        play.show(Phase.READY, record)
        play.plan()
        play.now += served_s
        play.exit(record, FailureCause.KILLED)
        play.plan()
        play.vanish(record)
        (second,) = play.standing()
        waits.append(second.launch_at - play.now)
        play.now = second.launch_at
        play.plan()
    assert 0.5 <= waits[0] <= 1.0 <= waits[1] <= 2.0 <= waits[2] <= 4.0
    assert waits[3] == 0.0, "at once: it had served well"


@given(st.text(min_size=1), st.integers(1, 60))
def test_back_off_doubles_to_a_minute_and_is_jittered_by_the_id_alone(
    instance_id: str, failures: int
) -> None:
    full = min(BACKOFF_S_MAX, 2.0 ** (failures - 1))
    assert full / 2 <= backoff_s(instance_id, failures) <= full
    assert backoff_s(instance_id, failures) == backoff_s(instance_id, failures)


def test_no_start_up_time_is_charged_for_a_clock_that_was_set_back() -> None:
    """Found by seed 76: an hour backwards looked like a minute of back-off."""
    play = Play(endpoint(), deployment(1))
    play.plan()
    (record,) = play.standing()
    assert waited_s(record) == 0.0
    play.now -= 3600.0
    play.exit(record, FailureCause.KILLED)
    play.plan()
    (second,) = play.standing()
    assert second.spent_s == 0.0
