"""What went wrong, as one line with its remedy: the table of everything that a person can mend.

Invariant: a failure that is not listed here is a defect of ours, and is shown as one (a traceback).
botocore is looked at only when it was loaded: an import of a second would be paid by every command.
"""

import sys
from typing import Any

from hostler.app.config.problems import SettingsError
from hostler.app.supervisor.place import DataDirError
from hostler.cli.keyring import CredentialsError
from hostler.cli.output import CommandError
from hostler.cli.trust import TrustError
from hostler.toolkit.naming import NamingError
from hostler.toolkit.prices import PricesError

SAID = (
    CommandError,
    SettingsError,
    DataDirError,
    CredentialsError,
    NamingError,
    PricesError,
    TrustError,
)
"""Errors whose own text is the line."""

_KEY_IS_GONE = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
)
_NEW_KEY = "`hostler bootstrap` makes a user a new one, a restart of Hostler makes root one"


def mendable() -> tuple[type[BaseException], ...]:
    """The errors that ``line`` knows. Asked when one is on its way: boto3's, if it was loaded."""
    return (
        *SAID,
        OSError,
        *_loaded("botocore.exceptions", "ClientError", "BotoCoreError"),
        *_loaded("boto3.exceptions", "Boto3Error"),
    )


def line(error: BaseException) -> str:
    """The line for an error."""
    if isinstance(error, SAID):
        return str(error)
    if isinstance(error, _loaded("botocore.exceptions", "ClientError")):
        return _refused(error)
    if isinstance(error, _loaded("botocore.exceptions", "BotoCoreError")):
        return _unanswered(error)
    if isinstance(error, PermissionError):
        return (
            f"not allowed to use {error.filename}: run as the user it belongs to, or choose "
            "another --data-dir"
        )
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    return str(error)


def refused(code: str, message: str) -> str:
    """The line for an answer that is an error, with what would help where we know it."""
    message = message.rstrip()
    said = f"{code}: {message}"
    if "Signature expired" in message or "not yet current" in message or "Skewed" in code:
        return f"{said} This machine's clock was set while Hostler ran, or is wrong: set it right"
    if code in _KEY_IS_GONE:
        return f"{said} The key was deleted: {_NEW_KEY}"
    if code == "SignatureDoesNotMatch":
        return f"{said} The kept secret is not the key's any more: {_NEW_KEY}"
    if message.startswith("Could not find endpoint "):
        return f"{said} `hostler status` lists those that there are"
    return said


def wrongly_asked(error: Any) -> str:
    """The line for a command line that cannot be read; empty when its help was printed instead."""
    said = error.format_message().rstrip(".")
    context = error.ctx
    where = f": see `{context.command_path} --help`" if context is not None else ""
    return f"{said}{where}" if said else ""


def _loaded(module: str, *names: str) -> tuple[type[BaseException], ...]:
    loaded = sys.modules.get(module)
    return tuple(getattr(loaded, name) for name in names) if loaded is not None else ()


def _unanswered(error: BaseException) -> str:
    """A call that got no answer, or never went out."""
    names = {each.__name__ for each in type(error).__mro__}
    if names & {"EndpointConnectionError", "ConnectionClosedError"}:
        return f"nobody answers at {_url(error)}: start Hostler with `hostler up`"
    if names & {"ReadTimeoutError", "ConnectTimeoutError"}:
        return f"no answer in time from {_url(error)}: see `hostler status`"
    return str(error)


def _url(error: Any) -> str:
    return str(error.kwargs.get("endpoint_url", "the endpoint"))


def _refused(error: Any) -> str:
    details = error.response.get("Error", {})
    said = refused(details.get("Code", "error"), details.get("Message", ""))
    return f"{error.operation_name}: {said}"
