"""Whose name a local request came under: the Host header, against DNS rebinding.

Invariant: on Hostler's own routes every method checks it. They carry no signature, so a web page
whose name was made to resolve to this machine could otherwise read them in its visitor's browser.
AWS's routes need no such check: a page cannot sign what it sends.
"""

import re
from collections.abc import Collection

LOCAL = frozenset({"127.0.0.1", "localhost", "[::1]"})
"""Names that only this machine has for itself."""


AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
"""Under which AWS's services answer."""


_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
NAME_LENGTH_MAX = 253


def is_name(name: str) -> bool:
    """Whether a lower-case name may be a host's (RFC 1123 section 2.1)."""
    return len(name) <= NAME_LENGTH_MAX and _NAME.fullmatch(name) is not None


def is_aws(name: str) -> bool:
    """Whether a lower-case host name is one of AWS's services'."""
    return name.endswith(tuple(f".{domain}" for domain in AWS_DOMAINS))


def name_of(host: str) -> str:
    """The host of a Host header, without its port; an IPv6 address keeps its brackets."""
    if host.startswith("["):
        return host[: host.find("]") + 1].lower()
    return host.partition(":")[0].lower()


def refusal(hosts: Collection[str], given: str | None) -> str | None:
    """Why a request to this Host is refused; None when it is one of ``hosts``."""
    if given is not None and name_of(given) in hosts:
        return None
    shown = "no Host header" if given is None else f"the Host {given[:100]!r}"
    names = ", ".join(sorted(hosts))
    return f"Hostler's own routes are not answered under {shown}: ask under one of {names}."
