"""``[server]``: where Hostler lies and listens, with whose certificate, and as whom.

Invariant: pure data with defaults, as all of ``domain.config``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hostler.domain.ids import ACCOUNT_PATTERN, DEFAULT_ACCOUNT, DEFAULT_REGION, REGION_PATTERN
from hostler.domain.setting import Fault, setting

DEFAULT_PORT = 4747
GATEWAYS_MAX = 64
_LOCAL_HOST = r"127(\.\d{1,3}){3}"
_HOST = r"\d{1,3}(\.\d{1,3}){3}"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAMED = rf"{_LABEL}(\.{_LABEL}){{0,31}}"


class Remote(StrEnum):
    """Whether an address may be listened on that other machines reach, without TLS.

    ``true`` is YES and ``false`` NO, as where there were no other words.
    """

    NO = "no"
    YES = "yes"
    """Said before TLS could be had: it still does, with a warning."""
    PLAIN = "plain"


class Tls(StrEnum):
    """Whose certificate the port has, where none is named."""

    OFF = "off"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Server:
    """Where Hostler lies and listens, and as whom."""

    data_dir: str = setting(
        "", "the data directory; without it `~/.hostler`", path=True, restart=True
    )
    host: str = setting(
        "127.0.0.1",
        "the IPv4 address to listen on",
        pattern=_HOST,
        wants="an IPv4 address like 127.0.0.1",
        restart=True,
    )
    allow_remote: Remote = setting(
        Remote.NO,
        "listen without TLS on an address that other machines reach: calls are signed, yet bodies "
        'travel in the clear. `true` does the same, and is warned of; say "plain"',
        restart=True,
    )
    hosts: tuple[str, ...] = setting(
        (),
        "further names under which Hostler is asked (those of a container, of a proxy): others "
        "than localhost, AWS's and addresses are told 421. With tls_certificate the first one is "
        "what `hostler env` tells clients",
        pattern=_NAMED,
        wants="a host's lower-case name or its IPv4 address, without a port",
        restart=True,
    )
    tls: Tls = setting(
        Tls.OFF,
        "`local`: TLS with a certificate that Hostler makes for this machine and for hosts; "
        "`hostler env` tells clients whom to trust",
        restart=True,
    )
    tls_certificate: str = setting(
        "",
        "TLS with this certificate: a PEM file, followed by the authorities between it and one "
        "that clients know. Read again with a reload, and twice a day",
        path=True,
        restart=True,
    )
    tls_key: str = setting("", "its key, a PEM file without a password", path=True, restart=True)
    port: int = setting(DEFAULT_PORT, "the port to listen on", low=1, high=65535, restart=True)
    gateways: int = setting(
        1, "processes that answer requests", low=1, high=GATEWAYS_MAX, restart=True
    )
    region: str = setting(
        DEFAULT_REGION,
        "where clients look by default; without it AWS_REGION's at the first start",
        pattern=REGION_PATTERN.pattern,
        wants="a region like us-east-1",
        restart=True,
    )
    account: str = setting(
        DEFAULT_ACCOUNT,
        "the account, chosen at the first start for good",
        pattern=ACCOUNT_PATTERN.pattern,
        wants="12 digits",
        restart=True,
    )

    @property
    def has_tls(self) -> bool:
        """Whether the port speaks TLS, and nothing else."""
        return self.tls is not Tls.OFF or bool(self.tls_certificate)

    @property
    def own_names(self) -> tuple[str, ...]:
        """What a certificate of Hostler's own is for."""
        address = () if self.host == "0.0.0.0" else (self.host,)  # noqa: S104 (compared alone)
        return tuple(dict.fromkeys(("localhost", "127.0.0.1", *address, *self.hosts)))

    @property
    def is_remote(self) -> bool:
        """Whether other machines reach the address."""
        return not re.fullmatch(_LOCAL_HOST, self.host)

    def faults(self) -> Iterator[Fault]:
        """What others reach has TLS, or is asked for twice; a certificate has a key and a name."""
        if self.is_remote and not self.has_tls and self.allow_remote is Remote.NO:
            yield Fault(
                "host",
                f'{self.host} is reached by other machines: say tls = "local" or tls_certificate '
                'and tls_key as well, or allow_remote = "plain" to let bodies travel in the '
                "clear, or listen on 127.0.0.1",
            )
        if bool(self.tls_certificate) is not bool(self.tls_key):
            yield Fault(
                "tls_key" if self.tls_key else "tls_certificate",
                "tls_certificate and tls_key belong together",
            )
        if self.tls_certificate and self.tls is not Tls.OFF:
            yield Fault("tls", "it is Hostler's own certificate, or the one of tls_certificate")
        if self.tls_certificate and not self.hosts:
            yield Fault(
                "tls_certificate", "hosts is missing: the names that the certificate is for"
            )

    def warnings(self) -> Iterator[str]:
        """What runs, and is better said otherwise."""
        if self.is_remote and not self.has_tls and self.allow_remote is Remote.YES:
            yield (
                f"other machines reach {self.host}:{self.port} in plain text: give it TLS "
                '(tls = "local" below [server]), or say allow_remote = "plain" if that is meant'
            )
