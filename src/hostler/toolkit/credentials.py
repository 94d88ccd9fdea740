"""Access keys of users, and whoever keeps them: a secret is shown once, where the key is made.

Invariant: nothing is read or written here; where keys lie is the keeper's to know.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Key:
    """An access key and whose it is; ``purpose`` is root, deployer, caller or user."""

    user: str
    purpose: str
    access_key_id: str
    secret_access_key: str
    bucket: str = ""
    """The project's bucket, which the SageMaker SDK is to use by default."""
    region: str = ""
    """Where the user's permissions are; empty for everywhere."""
    account: str = ""
    """A further account's; empty for the installation's own."""


class Keeper(Protocol):
    """Keeps the keys of one account's users."""

    def user(self, name: str) -> Key | None:
        """A user's key, if it was kept."""

    def keep(self, key: Key) -> None:
        """Add or replace a user's key."""
