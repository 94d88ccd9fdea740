"""S3's second way to name a bucket: as the first labels of the host.

Invariant: a host of ours (an address, localhost) never names a bucket; ``bucket.s3.…`` does. It is
read before anyone knows who asks, so no host is slow to read.
"""

import re

from hostler.aws.http import HttpRequest
from hostler.domain import hosts

_DOMAINS = "|".join(map(re.escape, (*hosts.AWS_DOMAINS, "localhost", "localhost.localdomain")))
_BUCKET_HOST = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])"
    # A word has no separator in it: else there are exponentially many ways to cut a host.
    rf"\.s3(?:[.-][a-z0-9]+)*\.(?:{_DOMAINS})(?::\d+)?",
    re.ASCII,
)
_HOST_LENGTH_MAX = hosts.NAME_LENGTH_MAX + len(":65535")


def bucket_of_host(host: str) -> str | None:
    """The bucket that a Host header names, if it does."""
    if len(host) > _HOST_LENGTH_MAX:
        return None
    found = _BUCKET_HOST.fullmatch(host.lower())
    return found["bucket"] if found else None


def effective_path(service: str, request: HttpRequest) -> str:
    """The raw path with the bucket in front, however the request names it."""
    path = request.raw_path or "/"
    if service != "s3":
        return path
    bucket = bucket_of_host(request.header.get("host", ""))
    return f"/{bucket}{path}" if bucket else path
