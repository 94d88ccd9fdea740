"""``[s3]``: where objects lie.

Invariant: pure data with defaults, as all of ``domain.config``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hostler.domain.setting import Fault, setting

_ORIGIN = r"https?://[^\s/?#@]+/?"


class Addressing(StrEnum):
    """Where a request to S3 names its bucket."""

    PATH = "path"
    VIRTUAL = "virtual"


@dataclass(frozen=True, slots=True)
class S3:
    """An S3 of your own (MinIO, Ceph, AWS) in the place of Hostler's.

    The environment's AWS_* are not read: after `hostler env` they are Hostler's own.
    """

    endpoint: str = setting(
        "",
        "its address; without it Hostler keeps objects in its data directory",
        pattern=_ORIGIN,
        wants="an http(s) URL without a path like https://minio.example:9000",
    )
    region: str = setting(
        "", "what its signatures name; without it the server's region", pattern=r"[a-z0-9-]{1,40}",
        wants="a region like us-east-1",
    )  # fmt: skip
    access_key_id: str = setting("", "the access key that Hostler calls it with")
    secret_access_key: str = setting(
        "", "the key's secret; better in secret_access_key_file", secret=True
    )
    secret_access_key_file: str = setting(
        "", "a file that holds the secret and nothing else, read at the start", path=True
    )
    addressing: Addressing = setting(
        Addressing.PATH, "whether buckets are named in the path, or in front of the host"
    )
    ca_bundle: str = setting(
        "", "the authorities that vouch for its certificate; without it the machine's", path=True
    )

    def faults(self) -> Iterator[Fault]:
        """An address and a key belong together."""
        secrets = (self.secret_access_key, self.secret_access_key_file)
        if not self.endpoint:
            if any((self.region, self.access_key_id, *secrets, self.ca_bundle)):
                yield Fault("endpoint", "it is missing, and nothing else counts without it")
            return
        if not self.access_key_id:
            yield Fault("access_key_id", "it is missing: every call is signed")
        if sum(map(bool, secrets)) != 1:
            yield Fault(
                "secret_access_key",
                "exactly one of secret_access_key and secret_access_key_file is needed",
            )

    def warnings(self) -> Iterator[str]:
        """What runs, and is better said otherwise."""
        if self.secret_access_key:
            yield (
                "the secret of the external S3 lies in the settings as it is: put it into a file "
                "that only Hostler may read, and name that as s3.secret_access_key_file"
            )
