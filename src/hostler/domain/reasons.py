"""FailureReason: what an endpoint's owner reads when its model did not come up.

Invariant: it begins with the sentence AWS gives for that kind of failure, goes on with the cause
that AWS keeps in the logs, and has at most ``REASON_LENGTH_MAX`` characters.
"""

from collections.abc import Mapping

from hostler.domain.instance import Exit, FailureCause

REASON_LENGTH_MAX = 1024
"""DescribeEndpoint's FailureReason."""

PING = (
    "The {container} container for production variant {variant} did not pass the ping health "
    "check. Please check CloudWatch logs for this endpoint."
)
IMAGES = (
    "Please make sure all images included in the model for the production variant {variant} exist, "
    "and that the execution role used to create the model has permissions to access them."
)
CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)

_CAUSES: Mapping[FailureCause, tuple[str, str]] = {
    FailureCause.IMPORT_ERROR: (PING, "The model's code could not be imported"),
    FailureCause.MODEL_LOAD: (PING, "The model could not be loaded"),
    FailureCause.NO_HANDLER: (PING, "There is no handler for this model"),
    FailureCause.BAD_SCRIPT: (PING, "The inference script is not usable"),
    FailureCause.CORRUPT_ARCHIVE: (PING, "The model archive is corrupt"),
    FailureCause.HOSTILE_ARCHIVE: (PING, "The model archive was refused as unsafe"),
    FailureCause.MISSING_OBJECT: (PING, "The model data does not exist"),
    FailureCause.ROLE_NOT_ALLOWED: (PING, "The execution role may not read the model data"),
    FailureCause.ENVIRONMENT: (IMAGES, "The image's environment cannot be built"),
    FailureCause.REQUIREMENTS: (PING, "The model's requirements cannot be installed"),
    FailureCause.UNKNOWN_IMAGE: (IMAGES, "No runtime is known for the image"),
    FailureCause.CAPACITY: (CAPACITY, "This machine has no room"),
    FailureCause.OUT_OF_MEMORY: (PING, "It ran out of memory"),
    FailureCause.HEALTH_TIMEOUT: (PING, "It was not healthy within the start-up time"),
    FailureCause.DOWNLOAD_TIMEOUT: (PING, "The model data was not there within the download time"),
    FailureCause.KILLED: (PING, "It was killed"),
    FailureCause.EXITED: (PING, "It exited"),
    FailureCause.PLATFORM: (PING, "Hostler could not start it"),
}


def failure_reason(variant: str, ended: Exit, *, container: str = "primary") -> str:
    """The FailureReason of a variant whose instance ended so."""
    opening = _CAUSES[ended.cause][0].format(container=container, variant=variant)
    return shortened(f"{opening} {_told(ended)}")


def alarmed(name: str) -> str:
    """The FailureReason of a deployment that an alarm took back."""
    return shortened(f'The deployment was rolled back because the alarm "{name}" is in ALARM.')


def alarmed_before(name: str) -> str:
    """The FailureReason of a deployment that an alarm kept from beginning."""
    return shortened(
        f'The deployment was stopped before it began because the alarm "{name}" is in ALARM.'
    )


def unguarded(name: str) -> str:
    """The FailureReason of a deployment whose alarm is gone: nobody can say that all is well."""
    return shortened(
        f'The deployment was rolled back because the alarm "{name}" of its '
        "AutoRollbackConfiguration no longer exists."
    )


def overdue(timeout_s: float) -> str:
    """The FailureReason of a deployment that took too long."""
    return (
        "The deployment was rolled back because it was not done within its "
        f"MaximumExecutionTimeoutInSeconds of {timeout_s:g}."
    )


def stuck(why_back: str, why_not: str) -> str:
    """The FailureReason where the instances for a rollback could not be started either."""
    return shortened(
        f"{why_back} The rollback failed as well, and both configurations serve until another "
        f"update: {why_not}"
    )


def replacement(ended: Exit) -> str:
    """What is said of an instance that follows one that ended so, until it is ready."""
    return shortened(f"An instance is started in place of one that ended. {_told(ended)}")


def _told(ended: Exit) -> str:
    cause = _CAUSES[ended.cause][1]
    detail = " ".join(ended.message.split())
    return f"{cause}: {detail}" if detail else f"{cause}."


def shortened(text: str) -> str:
    """The text, cut where AWS would refuse to show more of it."""
    return text if len(text) <= REASON_LENGTH_MAX else text[: REASON_LENGTH_MAX - 1] + "…"
