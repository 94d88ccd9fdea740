"""Pauses before a dead worker's next start."""

from hostler.modelserver.restarts import PAUSES_S, SETTLED_S, Restarts


def test_early_deaths_are_followed_ever_later_until_it_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.pause_s(at, 0.1) for at in range(5)] == [*PAUSES_S, None]


def test_early_deaths_long_ago_do_not_count() -> None:
    restarts = Restarts()
    assert {restarts.pause_s(at * 61.0, 0.1) for at in range(9)} == {PAUSES_S[0]}


def test_one_that_served_for_a_while_is_started_again_at_once_however_often() -> None:
    """A worker that was killed now and then got the pauses of a crash loop, up to 3 s."""
    restarts = Restarts()
    assert {restarts.pause_s(at * 6.0, SETTLED_S) for at in range(20)} == {PAUSES_S[0]}
    assert restarts.pause_s(120.0, 0.1) == PAUSES_S[0], "nor does it count for another worker"
