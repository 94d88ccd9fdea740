"""boto3 clients for a data directory's Hostler, as a chosen user; or for AWS, as the caller's own.

Invariant: nothing of the caller's own AWS configuration (profiles, session tokens, endpoints) leaks
into the clients of a ``Connection``: they speak to one address with one key. Those of ``Elsewhere``
have all of it, but for the address.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hostler.toolkit.credentials import Key


@dataclass(frozen=True, slots=True)
class Connection:
    """Where to call, and as whom."""

    endpoint_url: str
    region: str
    account: str
    key: Key
    ca_bundle: Path | None = None
    """The authorities that vouch for it, where it speaks TLS."""

    def client(self, service: str, *, retries: int = 3, timeout_s: float = 70.0) -> Any:
        """A boto3 client of a service."""
        # Loaded here: it takes longer than all the rest of a command that calls nothing.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        session = boto3.Session(
            aws_access_key_id=self.key.access_key_id,
            aws_secret_access_key=self.key.secret_access_key,
            region_name=self.region,
        )
        config = Config(
            retries={"total_max_attempts": retries, "mode": "standard"},
            read_timeout=timeout_s,
            connect_timeout=5,
            s3={"addressing_style": "path"},
            proxies={},
            ignore_configured_endpoint_urls=True,
        )
        verify = {"verify": str(self.ca_bundle)} if self.ca_bundle else {}
        return session.client(service, endpoint_url=self.endpoint_url, config=config, **verify)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What the caller's own configuration leads to: AWS itself, or another address."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    """None: AWS's own addresses, whatever the environment names (``hostler env`` may have)."""

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        import boto3  # noqa: PLC0415 - as above
        from botocore.config import Config  # noqa: PLC0415

        session = boto3.Session(profile_name=self.profile, region_name=self.region)
        config = Config(
            retries={"total_max_attempts": 5, "mode": "standard"},
            ignore_configured_endpoint_urls=True,
        )
        return session.client(service, endpoint_url=self.endpoint_url, config=config)
