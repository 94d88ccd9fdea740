"""What an operation is, the table of those that exist, and the rooms they work in.

Invariant: an operation that is not in the table answers UnknownOperationException; one without an
access rule cannot be written down.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hostler.api.members import Members
from hostler.api.scraping import Scrape
from hostler.audit.entry import Own
from hostler.audit.journal import Journal
from hostler.aws.http import HttpRequest
from hostler.domain.config import Quotas
from hostler.domain.ids import AccountId, Region
from hostler.domain.ports import Clock, ModelDataSource, Wake
from hostler.domain.snapshot import Principal
from hostler.domain.uses import Uses
from hostler.iam.evaluate import Judged, ResourcePolicy
from hostler.store.database import Store, Transaction

NO_REQUEST = HttpRequest("POST", "/", ())
"""Of a call that came in no other way than as parameters."""


@dataclass(frozen=True, slots=True)
class Access:
    """A permission that a call needs: all of an operation's must be allowed."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)
    """The condition keys that are its own."""
    is_new: bool = False
    """The resource is only being made: whether AWS knows tags of it, it does not say."""
    on: ResourcePolicy | None = None
    """Whose the resource is and what its own policy says, where that is asked too."""


@dataclass(slots=True)
class Call:
    """One authenticated call: who, where, what, when (``now`` in epoch seconds)."""

    service: str
    operation: str
    account: AccountId
    region: Region
    principal: Principal
    params: Mapping[str, Any]
    now: float
    request_id: str
    request: HttpRequest = NO_REQUEST
    quotas: Quotas = field(default_factory=Quotas)
    wakes: list[str] = field(default_factory=list)
    """Keys (``domain.ports.Wake``) to reconcile once the transaction is committed."""
    access_key_id: str = ""
    judged: list[Judged] = field(default_factory=list)
    """What was decided, for the audit log."""
    granted: list[Access] = field(default_factory=list)
    """The permissions that the call turned out to need, and had."""
    own: Own | None = None
    """What Hostler calls for, where nobody else does."""


Handler = Callable[[Transaction, Call], Mapping[str, Any] | None]
"""Runs inside one transaction, on a store thread; returns the output shape's members."""

AccessRule = Callable[[Call], Sequence[Access]]

LocatedRule = Callable[[Transaction, Call], Sequence[Access]]
"""Permissions on a resource that only the store can name (a role is called by its name, and its ARN
has its path); asked in the operation's own transaction, before the handler."""

Preparation = Callable[["Rooms", Call], Awaitable[None]]
"""Checks that need more than the database (model data), before the transaction begins."""


class Database(StrEnum):
    """Which database an operation's transaction runs on."""

    CONTROL = "control"
    LOGS = "logs"
    AUDIT = "audit"
    METRICS = "metrics"


class Effect(StrEnum):
    """What an operation does to the database, which chooses the kind of its transaction."""

    READS = "reads"
    WRITES = "writes"
    DELETES = "deletes"
    """It leaves less than it found: on a full disk it may use the room that is kept back."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One implemented operation.

    ``located`` names further permissions that the call needs, beside those of ``access``.
    ``members`` declares what becomes of each input member, where the service keeps such a table.
    ``database`` is where its transaction runs, if that is not the service's.
    """

    name: str
    handler: Handler
    access: AccessRule
    effect: Effect
    prepare: Preparation | None = None
    members: Members | None = None
    located: LocatedRule | None = None
    database: Database | None = None


@dataclass(frozen=True, slots=True)
class ServiceTable:
    """The implemented operations of one service (``service`` is botocore's name of it)."""

    service: str
    operations: Mapping[str, Operation]
    database: Database = Database.CONTROL


def table(
    service: str, operations: Sequence[Operation], *, database: Database = Database.CONTROL
) -> ServiceTable:
    """A dispatch table; names are unique."""
    by_name = {operation.name: operation for operation in operations}
    if len(by_name) != len(operations):
        raise ValueError(f"{service}: an operation is listed twice")
    return ServiceTable(service, by_name, database)


async def _nothing_more(_service: str) -> None:
    """Without a data plane nobody needs to hear of a committed write."""


def _healthy() -> Mapping[str, Any]:
    """Without a control plane around it, an application that answers is ready."""
    return {"ready": True}


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the API works with; made once by the composition root.

    Args:
        store: The control database.
        logs: The log events' database (``telemetry.logs.metadata``), as a store of its own.
        metrics: The metrics' database (``telemetry.metrics.metadata``), likewise.
        tables: The services that this process answers.
        committed: Awaited after each committed write, with the service's name, before the caller
            is answered: what was written is then known to the data plane as well.
        health: The body of the health route; its member ``ready`` chooses 200 or 503.
        wall: The wall clock, for SigV4's skew check alone.
        hosts: The names under which Hostler's own routes answer, beside this machine's and
            addresses.
        quotas: How much an account may have, as of now.
        uses: Where the use of access keys is noted.
        alarm_commands: The commands that alarms may run, by name.
        topic_hosts: Whom topics may tell by HTTP (``domain.topic.is_host_allowed``).
        audit: The audit log's database (``telemetry.trail.metadata``).
        journal: Where calls are written down.
        scrape: What Prometheus reads; None where there is nothing to read.
    """

    store: Store
    logs: Store
    metrics: Store
    clock: Clock
    wake: Wake
    tables: Sequence[ServiceTable]
    account: AccountId
    region: Region
    model_data: ModelDataSource
    committed: Callable[[str], Awaitable[None]] = _nothing_more
    health: Callable[[], Mapping[str, Any]] = _healthy
    wall: Callable[[], float] = time.time
    hosts: Collection[str] = ()
    quotas: Callable[[], Quotas] = Quotas
    uses: Uses = field(default_factory=Uses)
    alarm_commands: Collection[str] = ()
    topic_hosts: Collection[str] = ()
    audit: Store | None = None
    journal: Journal = field(default_factory=Journal)
    scrape: Scrape | None = None

    def database(self, which: Database) -> Store:
        """The store on which a table's transactions run."""
        match which:
            case Database.CONTROL:
                return self.store
            case Database.LOGS:
                return self.logs
            case Database.AUDIT:
                assert self.audit is not None, "a table of the audit log's is only there with it"
                return self.audit
            case Database.METRICS:
                return self.metrics
