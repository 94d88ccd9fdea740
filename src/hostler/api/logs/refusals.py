"""CloudWatch Logs' errors."""

from collections.abc import Iterable

from hostler.domain.errors import CallerError


def invalid(message: str) -> CallerError:
    """The answer to a request that contradicts itself."""
    return CallerError("InvalidParameterException", message)


def bad_token() -> CallerError:
    """A page's token is none of ours."""
    return invalid("The specified nextToken is invalid.")


def missing(what: str) -> CallerError:
    """The group or the stream is not there."""
    return CallerError("ResourceNotFoundException", f"The specified {what} does not exist.")


def taken(what: str) -> CallerError:
    """The name of a group or a stream is in use."""
    return CallerError("ResourceAlreadyExistsException", f"The specified {what} already exists")


def refuse_reserved(keys: Iterable[str]) -> None:
    """Refuse tags that are AWS's own."""
    for key in keys:
        if key.lower().startswith("aws:"):
            raise invalid(f'The tag key "{key}" begins with aws:, which is reserved for AWS.')
