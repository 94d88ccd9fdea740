"""Pauses before a dead worker's next start."""

from hostler.modelserver.restarts import PAUSES_S, SETTLED_S, Restarts


def test_early_deaths_are_followed_ever_later_until_it_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.pause_s(0, 0.1, {}) for _ in range(5)] == [*PAUSES_S, None]


def test_all_workers_early_deaths_count_together() -> None:
    restarts = Restarts()
    pauses = [restarts.pause_s(number % 2, 0.0, {1 - number % 2: 0.1}) for number in range(5)]
    assert pauses == [*PAUSES_S, None]


def test_early_deaths_before_it_served_for_a_while_do_not_count() -> None:
    restarts = Restarts()
    for _ in range(9):
        assert restarts.pause_s(0, 0.1, {}) == PAUSES_S[0]
        assert restarts.pause_s(0, SETTLED_S, {}) == PAUSES_S[0]


def test_nor_do_those_of_another_that_has_served_since() -> None:
    restarts = Restarts()
    for index in range(20):
        others = dict.fromkeys(range(index), SETTLED_S)
        assert restarts.pause_s(index, 0.1, others) == PAUSES_S[0]


def test_one_that_served_for_a_while_is_started_again_at_once_however_often() -> None:
    """A worker that was killed now and then got the pauses of a crash loop, up to 3 s."""
    restarts = Restarts()
    assert {restarts.pause_s(0, SETTLED_S, {}) for _ in range(20)} == {PAUSES_S[0]}
    assert restarts.pause_s(1, 0.1, {}) == PAUSES_S[0], "nor does it count for another worker"
