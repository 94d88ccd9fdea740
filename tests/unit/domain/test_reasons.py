"""FailureReason: AWS's sentence first, then the cause, never longer than AWS shows."""

import pytest

from hostler.domain.instance import Exit, FailureCause
from hostler.domain.reasons import REASON_LENGTH_MAX, failure_reason

PING = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)
IMAGES = (
    "Please make sure all images included in the model for the production variant AllTraffic "
    "exist, and that the execution role used to create the model has permissions to access them."
)
CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
OTHERS = {
    FailureCause.UNKNOWN_IMAGE: IMAGES,
    FailureCause.ENVIRONMENT: IMAGES,
    FailureCause.CAPACITY: CAPACITY,
}


@pytest.mark.parametrize("cause", list(FailureCause))
def test_each_cause_begins_with_awss_sentence_and_ends_with_what_happened(
    cause: FailureCause,
) -> None:
    reason = failure_reason("AllTraffic", Exit(cause, "inference.py, line 3: no", 0.0))
    assert reason.startswith(OTHERS.get(cause, PING) + " ")
    assert reason.endswith(": inference.py, line 3: no")


def test_the_container_and_the_variant_are_named() -> None:
    ended = Exit(FailureCause.EXITED, "status 3", 0.0)
    reason = failure_reason("Blue", ended, container="model-b")
    assert reason.startswith("The model-b container for production variant Blue did not pass")


def test_a_cause_without_a_word_still_makes_a_sentence() -> None:
    assert failure_reason("V", Exit(FailureCause.OUT_OF_MEMORY, "", 0.0)).endswith(
        "It ran out of memory."
    )


def test_lines_are_joined_and_the_end_is_cut() -> None:
    ended = Exit(FailureCause.MODEL_LOAD, "first\n  second " + "x" * 2000, 0.0)
    reason = failure_reason("V", ended)
    assert "first second x" in reason
    assert len(reason) == REASON_LENGTH_MAX
