"""Every setting there is: its name, type, default, bounds and meaning.

A section of `hostler.toml` is a record here, a key one of its fields; `hostler.app.config` reads
them from the file, the environment and flags, and the reference is generated from them.

Invariant: pure data with defaults, so that every part runs without any file; whoever needs settings
is given its section by the composition root and reads neither the file nor the environment.
"""

from dataclasses import dataclass, field

from hostler.domain.cleanup import Cleanup
from hostler.domain.config.capacity import (
    Batching,
    Instances,
    Overcommit,
    Quotas,
    Serverless,
    WithoutGpu,
)
from hostler.domain.config.observing import (
    AlarmCommand,
    Alarms,
    Audit,
    LogLevel,
    Logs,
    Prometheus,
    Sns,
)
from hostler.domain.config.runtimes import AddedRuntime, Runtimes, Wheels
from hostler.domain.config.s3 import S3, Addressing
from hostler.domain.config.server import Server
from hostler.domain.gateway_settings import Gateway
from hostler.domain.setting import setting

__all__ = [
    "S3",
    "AddedRuntime",
    "Addressing",
    "AlarmCommand",
    "Alarms",
    "Audit",
    "Batching",
    "Cleanup",
    "Config",
    "Gateway",
    "Init",
    "Instances",
    "LogLevel",
    "Logs",
    "Overcommit",
    "Prometheus",
    "Quotas",
    "Runtimes",
    "Server",
    "Serverless",
    "Sns",
    "Wheels",
    "WithoutGpu",
]


@dataclass(frozen=True, slots=True)
class Init:
    """Scripts that run once Hostler is ready."""

    folder: str = setting(
        "",
        "holds ready.d; without it `init` beside hostler.toml, or in the data directory",
        path=True,
        restart=True,
    )
    timeout_s: int = setting(
        600, "seconds that one script may take", low=1, high=86400, restart=True
    )


@dataclass(frozen=True, slots=True)
class Config:
    """All sections."""

    server: Server = field(default_factory=Server)
    gateway: Gateway = field(default_factory=Gateway)
    runtimes: Runtimes = field(default_factory=Runtimes)
    quotas: Quotas = field(default_factory=Quotas)
    instances: Instances = field(default_factory=Instances)
    serverless: Serverless = field(default_factory=Serverless)
    s3: S3 = field(default_factory=S3)
    logs: Logs = field(default_factory=Logs)
    audit: Audit = field(default_factory=Audit)
    cleanup: Cleanup = field(default_factory=Cleanup)
    prometheus: Prometheus = field(default_factory=Prometheus)
    init: Init = field(default_factory=Init)
    alarms: Alarms = field(default_factory=Alarms)
    sns: Sns = field(default_factory=Sns)
