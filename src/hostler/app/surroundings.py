"""The environment that Hostler's processes have: the user's, without keys that open anything.

Standard library only: the supervisor starts its children with it.
"""

from collections.abc import Mapping

SECRETS = frozenset({"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"})
"""Of the user's shell, which may have `hostler env` in it: nobody here signs with them."""
OF_SETTINGS = frozenset({"HOSTLER_S3_SECRET_ACCESS_KEY"})
"""Read again by the supervisor when it is told to reload, and by nobody else."""


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """For the supervisor."""
    return {name: value for name, value in environ.items() if name not in SECRETS}


def for_children(environ: Mapping[str, str]) -> dict[str, str]:
    """For what it starts."""
    return {name: value for name, value in environ.items() if name not in SECRETS | OF_SETTINGS}
