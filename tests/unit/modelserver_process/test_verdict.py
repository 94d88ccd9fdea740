import signal

import pytest

from hostler.domain.instance import TRANSIENT, FailureCause
from hostler.modelserver.verdict import MESSAGE_MAX, Death, clean, judge

KILLED, EXITED_3 = int(signal.SIGKILL), 3 << 8


def test_memory_wins_over_everything_the_model_says() -> None:
    death = Death(1, KILLED, oom=True, was_ready=False)
    verdict = judge(death, {"cause": "ImportError", "message": "no"}, 2 << 30)
    assert verdict.cause == FailureCause.OUT_OF_MEMORY
    assert verdict.oom
    assert verdict.message == (
        "worker 1 ran out of memory while it loaded the model (the instance has 2 GiB)"
    )


def test_the_instance_type_whose_memory_was_too_small_is_named() -> None:
    verdict = judge(Death(0, KILLED, oom=True, was_ready=True), None, 4 << 30, "ml.t2.medium")
    assert verdict.message == (
        "worker 0 ran out of memory while it served (ml.t2.medium has 4 GiB)"
    )


def test_a_loading_worker_is_believed_about_its_failure() -> None:
    told = {"cause": "NoHandler", "message": "nothing\nto serve \x1b[31m"}
    verdict = judge(Death(0, EXITED_3, oom=False, was_ready=False), told, 0)
    assert (verdict.cause, verdict.message) == (FailureCause.NO_HANDLER, "nothing to serve [31m")
    assert verdict.status == 3


def test_a_serving_worker_is_not_believed() -> None:
    told = {"cause": "NoHandler", "message": "nonsense"}
    verdict = judge(Death(0, KILLED, oom=False, was_ready=True), told, 0)
    assert verdict.cause == FailureCause.KILLED
    assert verdict.message == "worker 0 was killed by SIGKILL while it served"
    assert verdict.signal == signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_crash_is_the_models_own_and_is_not_tried_for_ever(number: signal.Signals) -> None:
    verdict = judge(Death(0, int(number), oom=False, was_ready=False), None, 0)
    assert verdict.cause == FailureCause.EXITED
    assert FailureCause(verdict.cause) not in TRANSIENT
    assert verdict.message == f"worker 0 crashed with {number.name} while it loaded the model"
    assert verdict.signal == number


def test_a_plain_end_names_the_status() -> None:
    verdict = judge(Death(2, EXITED_3, oom=False, was_ready=False), None, 0)
    assert verdict.cause == FailureCause.EXITED
    assert verdict.message == "worker 2 ended with status 3 while it loaded the model"


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\n\tb", "a b"), ("x" * 2000, "x" * (MESSAGE_MAX - 1) + "…"), ("\0\x07", "")],
)
def test_words_are_cleaned(text: str, line: str) -> None:
    assert clean(text) == line
