"""CloudWatch's refusals, under the codes of its query protocol (the others send them as well)."""

from hostler.domain.errors import CallerError


def invalid(message: str) -> CallerError:
    """A parameter's value cannot be."""
    return CallerError("InvalidParameterValue", message)


def contradictory(message: str) -> CallerError:
    """Parameters exclude each other, or ask for too much together."""
    return CallerError("InvalidParameterCombination", message)


def missing(message: str) -> CallerError:
    """A parameter is needed."""
    return CallerError("MissingParameter", message)


def unfit(message: str) -> CallerError:
    """GetMetricData's code for whatever is wrong with its queries."""
    return CallerError("ValidationError", message)
