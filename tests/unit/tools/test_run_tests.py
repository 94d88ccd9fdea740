import pytest
from tools.run_tests import AGAIN_MAX, Outcomes, judge, to_run_again

REAL = [f"tests/integration/test_a.py::test_{number}" for number in range(AGAIN_MAX + 1)]


def seen(*failed: str, broken: bool = False) -> Outcomes:
    outcomes = Outcomes()
    outcomes.failed.update(failed)
    outcomes.broken = broken
    return outcomes


@pytest.mark.parametrize(
    "test",
    [REAL[0], "tests/contract/test_b.py::test_b[a::b c/]", "tests/conformance/test_c.py::test_c"],
)
def test_a_failure_among_real_processes_is_run_again(test: str) -> None:
    assert to_run_again(1, seen(test)) == [test]


def test_a_few_are_run_again_and_more_are_not() -> None:
    assert to_run_again(1, seen(*REAL[:AGAIN_MAX])) == REAL[:AGAIN_MAX]
    assert to_run_again(1, seen(*REAL)) == []


@pytest.mark.parametrize("room", ["unit/gateway", "sim", "tidy", "long"])
def test_no_other_test_fails_by_chance(room: str) -> None:
    assert to_run_again(1, seen(f"tests/{room}/test_a.py::test_a")) == []
    assert to_run_again(1, seen(REAL[0], f"tests/{room}/test_a.py::test_a")) == []


@pytest.mark.parametrize("status", [2, 3, 4, 5])
def test_a_run_that_was_ended_by_something_else_has_failed(status: int) -> None:
    assert to_run_again(status, seen(REAL[0])) == []


def test_a_run_that_pytest_calls_good_is_not_if_something_broke() -> None:
    assert (judge(0, seen()), judge(0, seen(broken=True))) == (0, 1)
    assert (judge(1, seen(REAL[0])), judge(2, seen(broken=True))) == (1, 2)


def test_a_run_in_which_anything_broke_has_failed() -> None:
    assert to_run_again(1, seen(REAL[0], broken=True)) == []
    assert to_run_again(1, seen()) == []
