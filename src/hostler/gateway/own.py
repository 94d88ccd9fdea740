"""Which requests are for Hostler itself, and not for a service of AWS's.

Invariant: nothing that an SDK or a browser sends for a bucket or an object is: `/metrics` is ours
when it is read, unsigned, under a name of ours; a bucket may have the name.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from hostler.domain import hosts, own_paths

if TYPE_CHECKING:
    from hostler.gateway.head import Head

_SIGNED_BY = ("X-Amz-", "AWSAccessKeyId=")
"""In a query: versions 4 and 2."""


def is_own(head: "Head", names: Collection[str]) -> bool:
    """Whether control is to answer for Hostler (``names``: beside this machine's own)."""
    if head.target.startswith(own_paths.PREFIX):
        return True
    path, _, query = head.target.partition("?")
    if path != own_paths.METRICS or head.method not in {"GET", "HEAD"}:
        return False
    signed = (head.get("authorization") or "").startswith("AWS")
    signed = signed or any(sign in query for sign in _SIGNED_BY)
    return not signed and hosts.is_ours(hosts.name_of(head.get("host") or ""), names)
