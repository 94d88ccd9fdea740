"""Every setting there is: its name, type, default, bounds and meaning.

A section of `hostler.toml` is a record here, a key one of its fields; `hostler.app.config` reads
them from the file, the environment and flags, and the reference is generated from them.

Invariant: pure data with defaults, so that every part runs without any file; whoever needs settings
is given its section by the composition root and reads neither the file nor the environment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hostler.domain.cleanup import Cleanup
from hostler.domain.server import Server
from hostler.domain.setting import Fault, setting

_NAME = r"[a-z0-9][a-z0-9.-]{0,63}"
_URL = r"https?://[^\s/?#]+[^\s?#]*"
_ORIGIN = r"https?://[^\s/?#@]+/?"


class Wheels(StrEnum):
    """Which builds of PyTorch and the like are installed."""

    CPU = "cpu"
    CUDA = "cuda"


class Overcommit(StrEnum):
    """What becomes of instances that the machine has no memory for."""

    WARN = "warn"
    REFUSE = "refuse"


class Batching(StrEnum):
    """Whether a model answers several requests at once."""

    AUTO = "auto"
    EXACT = "exact"


class WithoutGpu(StrEnum):
    """What becomes of instances of a GPU type where there is no device left for them."""

    CPU = "cpu"
    REFUSE = "refuse"


class Addressing(StrEnum):
    """Where a request to S3 names its bucket."""

    PATH = "path"
    VIRTUAL = "virtual"


class LogLevel(StrEnum):
    """The least that Hostler's own processes write to their logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class AddedRuntime:
    """A runtime of the user's own: requirements to build it from, or an environment as it is."""

    repositories: tuple[str, ...] = setting(
        (), "image repositories that it serves, before shipped runtimes; without any, its own name"
    )
    requirements: tuple[str, ...] = setting(
        (), 'what to install, as in requirements.txt: ["scikit-learn==1.2.2"]'
    )
    requirements_file: str = setting("", "the same from a file", path=True)
    environment: str = setting(
        "", "the folder of an existing environment, which is used and never changed", path=True
    )
    python: str = setting("", "the Python to build it for: a version or a path")
    framework: str = setting(
        "", "the shipped runtime whose way of loading and answering it shares", pattern=_NAME,
        wants="a runtime's name like scikit-learn",
    )  # fmt: skip
    preload: tuple[str, ...] = setting((), "modules to import ahead of instances")

    def faults(self) -> Iterator[Fault]:
        """It comes from exactly one place."""
        sources = [self.requirements, self.requirements_file, self.environment]
        if sum(map(bool, sources)) != 1:
            yield Fault(
                "environment" if self.environment else "requirements",
                "a runtime has exactly one of requirements, requirements_file and environment",
            )


@dataclass(frozen=True, slots=True)
class Runtimes:
    """The frameworks' environments: which there are, and where their packages come from."""

    pin: Mapping[str, str] = setting(
        {},
        'versions that serve whatever an image asks for: { scikit-learn = "1.2" }',
        pattern=_NAME,
        wants="a runtime's name like scikit-learn",
    )
    add: Mapping[str, AddedRuntime] = setting(
        {}, "runtimes of your own, a table each", pattern=_NAME, wants="a name of a-z, 0-9, - and ."
    )
    python: str = setting("", "the Python to build runtimes for: a version or a path")
    index: str = setting(
        "", "the package index, instead of pip's", pattern=_URL, wants="an http(s) URL"
    )
    extra_index: tuple[str, ...] = setting(
        (), "further package indexes", pattern=_URL, wants="http(s) URLs"
    )
    find_links: tuple[str, ...] = setting((), "folders or pages of wheels", path=True)
    wheels: Wheels = setting(Wheels.CPU, "builds for the CPU, or for NVIDIA's GPUs")


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much an account may have in a region; beyond it ResourceLimitExceeded, as on AWS.

    AWS's own defaults follow an account's history and are raised on request: here there is no limit
    but the one for a slip of the keyboard, and a test of refusals sets what it needs.
    """

    models: int | None = setting(None, "models", low=0)
    endpoint_configs: int | None = setting(None, "endpoint configurations", low=0)
    endpoints: int | None = setting(None, "endpoints", low=0)
    instances: int | None = setting(None, "instances of all endpoints together", low=0)
    instances_per_endpoint: int | None = setting(
        400, "instances of one type for one endpoint, against slips of the keyboard", low=0
    )
    instances_by_type: Mapping[str, int] = setting(
        {},
        'instances of one type over all endpoints (AWS: "ml.m5.xlarge for endpoint usage"): '
        '{ "ml.m5.xlarge" = 2 }',
        low=0,
        pattern=r"ml\.[a-z0-9-]+\.[a-z0-9]+",
        wants="an instance type like ml.m5.xlarge",
    )


@dataclass(frozen=True, slots=True)
class Instances:
    """How instances get their share of the machine."""

    overcommit: Overcommit = setting(
        Overcommit.WARN,
        "instances that the machine has no memory for: started with a warning, or refused "
        "(InsufficientInstanceCapacity)",
    )
    gpu: WithoutGpu = setting(
        WithoutGpu.CPU,
        "instances of a GPU type without a device: they run on the CPU and say so, or are refused",
    )
    batching: Batching = setting(
        Batching.AUTO,
        "requests in line for a model that answers each row apart: predicted together, or "
        '("exact") one by one, so that no last bit depends on who else asks',
    )


@dataclass(frozen=True, slots=True)
class Serverless:
    """Serverless endpoints, which have no instance while nobody calls them."""

    idle_timeout_s: int = setting(
        300, "seconds without a call after which an environment ends", low=1, high=86_400
    )


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


@dataclass(frozen=True, slots=True)
class Gateway:
    """What clients may take of a gateway process: each of `server.gateways` has these for itself.

    What becomes of what is beyond them: [robustness](../explanation/robustness.md).
    """

    connections: int = setting(
        16_384,
        "connections served at once; further ones are told 503 and closed. A system that grants "
        "fewer file descriptors lowers it",
        low=1,
        high=1_000_000,
        restart=True,
    )
    in_flight: int = setting(
        8192,
        "requests begun and not answered, of all endpoints and other operations together: beyond, "
        "those that find no free instance are refused with Retry-After",
        low=1,
        high=1_000_000,
        restart=True,
    )
    account_in_flight: int = setting(
        0,
        "invocations begun and not answered of one account, over all gateways together; further "
        "ones are told ThrottlingException with Retry-After. 0: no limit",
        low=0,
        high=1_000_000,
        restart=True,
    )
    waiting_per_variant: int = setting(
        1024,
        "invocations in line for one variant's instances; further ones are told "
        "ServiceUnavailable with Retry-After",
        low=0,
        high=1_000_000,
        restart=True,
    )
    waiting_megabytes_per_variant: int = setting(
        256, "the bodies of those", low=1, high=65_536, restart=True
    )
    header_kilobytes: int = setting(
        32, "a request's head; longer ones are told 431 (414: the target)", low=8, high=1024,
        restart=True,
    )  # fmt: skip
    headers: int = setting(
        100, "fields of a request's head; more are told 431", low=16, high=10_000, restart=True
    )
    header_deadline_s: int = setting(
        10,
        "seconds from a request's first byte to the end of its head; later is told 408",
        low=1,
        high=3600,
        restart=True,
    )
    body_megabytes: int = setting(
        25,
        "an invocation's body (AWS: 25); longer ones are told ValidationError before they are read",
        low=1,
        high=60,
        restart=True,
    )
    bodies_megabytes: int = setting(
        512,
        "bodies above 256 KB that are held at once; those that find no room wait unread",
        low=1,
        high=1_048_576,
        restart=True,
    )
    body_bytes_per_s: int = setting(
        1024,
        "how fast a body must come, judged every 10 s; slower is told 408",
        low=1,
        high=1_000_000_000,
        restart=True,
    )
    answer_bytes_per_s: int = setting(
        1024,
        "how fast a client must take its answers, judged every 60 s; slower is cut off",
        low=1,
        high=1_000_000_000,
        restart=True,
    )
    untaken_megabytes: int = setting(
        512,
        "what slow clients together may have not taken of their answers; beyond, whoever holds the "
        "most is cut off",
        low=1,
        high=1_048_576,
        restart=True,
    )
    idle_s: int = setting(
        75, "seconds between requests on a kept connection; then it is closed", low=1, high=86_400,
        restart=True,
    )  # fmt: skip
    tunnels: int = setting(
        256, "tunnels to hosts that are not AWS's; further ones are told 503", low=0, high=100_000,
        restart=True,
    )  # fmt: skip


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
