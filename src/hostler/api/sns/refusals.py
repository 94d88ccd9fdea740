"""SNS's refusals, in its words."""

from hostler.domain.errors import CallerError


def invalid(message: str) -> CallerError:
    """A parameter's value cannot be."""
    return CallerError("InvalidParameter", f"Invalid parameter: {message}")


def no_topic() -> CallerError:
    return CallerError("NotFound", "Topic does not exist")


def no_subscription() -> CallerError:
    return CallerError("NotFound", "Subscription does not exist")
