"""``[logs]``, ``[prometheus]``, ``[audit]``, ``[alarms]``, ``[sns]``: what is kept and told.

Invariant: pure data with defaults, as all of ``domain.config``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hostler.domain.setting import Fault, setting


class LogLevel(StrEnum):
    """The least that Hostler's own processes write to their logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Logs:
    """What Hostler's own processes write down, and what instances print."""

    level: LogLevel = setting(LogLevel.INFO, "the least that is written to D/log", restart=True)
    process_megabytes: int = setting(
        16, "how large a process's log grows before it is put aside, once", low=1, high=4096
    )
    instance_kilobytes_per_s: int = setting(
        1024,
        "what an instance may print in a second, ten seconds' worth at once; what is beyond is "
        "left out of its log, which says so. Of instances that begin from now on",
        low=1,
        high=1_000_000,
    )
    megabytes: int = setting(
        10_240,
        "what the events of all log groups may take together; beyond, the group that has the most "
        "loses its oldest",
        low=64,
        high=100_000_000,
    )


@dataclass(frozen=True, slots=True)
class Prometheus:
    """Who may read `/metrics`."""

    token_file: str = setting(
        "",
        "a file that holds the bearer token which every scrape must bring; it may change at any "
        "time. Without one, only this machine may scrape",
        path=True,
    )


@dataclass(frozen=True, slots=True)
class Audit:
    """How long it is kept who called what: until the first of the two is reached."""

    days: int = setting(90, "days that records of calls are kept", low=1, high=3650)
    records: int = setting(
        1_000_000, "records of calls that are kept, some 2 KB each", low=1_000, high=100_000_000
    )


@dataclass(frozen=True, slots=True)
class AlarmCommand:
    """A program that alarms may run."""

    run: tuple[str, ...] = setting(
        (), 'the program and its arguments: ["/usr/local/bin/page", "ops"]'
    )
    timeout_s: int = setting(30, "seconds that it may take; then it is killed", low=1, high=80)

    def faults(self) -> Iterator[Fault]:
        """There is a program, by its whole path: no folder is searched for it."""
        if not self.run:
            yield Fault("run", "it is missing: the program and its arguments")
        elif not self.run[0].startswith("/"):
            yield Fault("run", "the program is named by its whole path, from / on")


@dataclass(frozen=True, slots=True)
class Alarms:
    """What CloudWatch's alarms may do on this machine."""

    commands: Mapping[str, AlarmCommand] = setting(
        {},
        "programs that alarms may run, a table each: one called `page` is the action "
        "arn:aws:lambda:REGION:ACCOUNT:function:page. The notification is its input",
        pattern=r"[A-Za-z0-9_-]{1,64}",
        wants="a name of letters, digits, - and _",
    )


@dataclass(frozen=True, slots=True)
class Sns:
    """Whom topics of SNS may tell."""

    allowed_hosts: tuple[str, ...] = setting(
        (),
        "hosts of http and https endpoints: names, addresses, or `*.example.com` for what lies "
        "below; whatever a name resolves to. Others are not subscribed, and told nothing any more. "
        "Without any, all are allowed",
        pattern=r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|[0-9a-f.]*:[0-9a-f:.]+",
        wants="a host's lower-case name, an address, or *.example.com, without a port",
    )
