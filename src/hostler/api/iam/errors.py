"""IAM's own errors, with its codes, statuses and sentences.

Invariant: a code here is one of IAM's query codes (``NoSuchEntity``, not NoSuchEntityException).
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
"""

from hostler.domain.errors import CallerError

VALIDATION = "ValidationError"
"""What IAM and STS call a bad request."""


def no_such_entity(message: str) -> CallerError:
    return CallerError("NoSuchEntity", message, status=404)


def not_found(kind: str, name: str, *, by: str = "name") -> CallerError:
    """``kind`` is ``user``, ``role``, ``group``, ``user policy``, … or ``Access Key``."""
    return no_such_entity(f"The {kind} with {by} {name} cannot be found.")


def policy_not_found(arn: str) -> CallerError:
    return no_such_entity(f"Policy {arn} was not found.")


def already_exists(message: str) -> CallerError:
    return CallerError("EntityAlreadyExists", message, status=409)


def delete_conflict(message: str) -> CallerError:
    return CallerError("DeleteConflict", message, status=409)


def limit_exceeded(message: str) -> CallerError:
    return CallerError("LimitExceeded", message, status=409)


def quota_exceeded(quota: str, limit: int) -> CallerError:
    return limit_exceeded(f"Cannot exceed quota for {quota}: {limit}")


def invalid_input(message: str) -> CallerError:
    return CallerError("InvalidInput", message, status=400)


def validation(message: str) -> CallerError:
    return CallerError(VALIDATION, message, status=400)
