"""Whose name a request came under: the Host header, against DNS rebinding.

A web page whose name was made to resolve to this machine is of one origin with whatever answers
there, and may read it in its visitor's browser. So nothing is answered under a name that is neither
this machine's own, nor AWS's, nor one of ``[server] hosts``.

Invariant: the check is made for every method and route. An address needs none: a page's name is
what can be made to resolve elsewhere, and a page under an address is that machine's own.
"""

import ipaddress
import re
from collections.abc import Collection

LOCAL = frozenset({"localhost", "localhost.localdomain"})
"""Names that only this machine has for itself; what lies below them is this machine's as well."""


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


def is_address(name: str) -> bool:
    """Whether a host is an address in its usual form, IPv6 in brackets."""
    bracketed = name.startswith("[") and name.endswith("]")
    try:
        found = ipaddress.ip_address(name[1:-1] if bracketed else name)
    except ValueError:
        return False
    return bracketed is (found.version == 6)


def name_of(host: str) -> str:
    """The host of a Host header, without its port; an IPv6 address keeps its brackets."""
    host = host.strip(" \t").lower()
    if host.startswith("["):
        return host[: host.find("]") + 1]
    return host.partition(":")[0].removesuffix(".")


def is_ours(name: str, own: Collection[str]) -> bool:
    """Whether Hostler's own routes are answered under this host: ``own`` are lower-case names."""
    below = tuple(f".{each}" for each in LOCAL)
    return name in own or name in LOCAL or name.endswith(below) or is_address(name)


def refusal(own: Collection[str], given: str | None, *, aws: bool = False) -> str | None:
    """Why a request to this Host is refused; None when it is Hostler's, or AWS's with ``aws``."""
    if given is not None:
        name = name_of(given)
        if is_ours(name, own) or (aws and is_aws(name)):
            return None
    shown = "no Host header" if given is None else f"the Host {given[:100]!r}"
    names = ", ".join(["127.0.0.1", "localhost", *sorted(own)])
    return (
        f"Hostler does not answer under {shown}: ask under one of {names}, or add the name to "
        "hosts below [server] in hostler.toml."
    )
