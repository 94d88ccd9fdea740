"""Endpoints with their deployments, instance records and views.

Invariant: an endpoint's row changes only if nobody changed it since it was read (``version``), and
a name is taken once per account and region whatever its case. Values are kept whole, as JSON; the
other columns exist to find and to sort them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy import (
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    literal,
    select,
    union_all,
    update,
)

from hostler.domain import lifecycle
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus, EndpointView, Size
from hostler.domain.errors import ConcurrentChangeError
from hostler.domain.ids import DeploymentId, EndpointId, InstanceId, name_key
from hostler.domain.instance import InstanceRecord
from hostler.store import endpoint_updates
from hostler.store.control_metadata import metadata
from hostler.store.database import Transaction

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("name_key", String, nullable=False),
    Column("status", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("account", "region", "name_key"),
)

deployments = Table(
    "deployments",
    metadata,
    Column("id", String, primary_key=True),
    Column("endpoint_id", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("deployments_by_endpoint", "endpoint_id"),
)

instances_table = Table(
    "instances",
    metadata,
    Column("id", String, primary_key=True),
    Column("endpoint_id", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("instances_by_endpoint", "endpoint_id"),
)

views = Table(
    "endpoint_views",
    metadata,
    Column("endpoint_id", String, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

_encode = msgspec.json.Encoder().encode
read = msgspec.json.Decoder(Endpoint).decode
"""The endpoint of a row's ``body``."""
_deployment = msgspec.json.Decoder(Deployment).decode
_instance = msgspec.json.Decoder(InstanceRecord).decode
_view = msgspec.json.Decoder(EndpointView).decode

# Statements are built once: compiling them is dearer than running them.
_GET = select(endpoints.c.body).where(
    endpoints.c.account == bindparam("account"),
    endpoints.c.region == bindparam("region"),
    endpoints.c.name_key == bindparam("name_key"),
)
_BY_ID = select(endpoints.c.body).where(endpoints.c.id == bindparam("id"))
_SAVE = (
    update(endpoints)
    .where(endpoints.c.id == bindparam("row"), endpoints.c.version == bindparam("expected"))
    .values(
        status=bindparam("status"),
        modified=bindparam("modified"),
        version=bindparam("version"),
        body=bindparam("body"),
    )
)
_DESCRIBED = (
    select(endpoints.c.body, views.c.body)
    .select_from(endpoints.outerjoin(views, views.c.endpoint_id == endpoints.c.id))
    .order_by(endpoints.c.created, endpoints.c.id)
)
_KNOWN = union_all(
    select(literal("endpoint"), endpoints.c.body).where(endpoints.c.id == bindparam("id")),
    select(literal("view"), views.c.body).where(views.c.endpoint_id == bindparam("id")),
    select(literal("deployment"), deployments.c.body).where(
        deployments.c.endpoint_id == bindparam("id")
    ),
    select(literal("instance"), instances_table.c.body).where(
        instances_table.c.endpoint_id == bindparam("id")
    ),
)
_IDS = select(endpoints.c.id).order_by(endpoints.c.created, endpoints.c.id)
_DEPLOYMENT = select(deployments.c.body).where(deployments.c.id == bindparam("id"))
_INSTANCES = (
    select(instances_table.c.body)
    .where(instances_table.c.endpoint_id == bindparam("id"))
    .order_by(instances_table.c.id)
)
_VIEW = select(views.c.body).where(views.c.endpoint_id == bindparam("id"))
_CHANGE_INSTANCE = (
    update(instances_table)
    .where(instances_table.c.id == bindparam("row"))
    .values(body=bindparam("body"))
)
_DROP_INSTANCE = delete(instances_table).where(instances_table.c.id == bindparam("row"))
_CHANGE_VIEW = (
    update(views).where(views.c.endpoint_id == bindparam("row")).values(body=bindparam("body"))
)


def create(tx: Transaction, endpoint: Endpoint, deployment: Deployment) -> Endpoint:
    """Insert a new endpoint, Creating, with what it is to run.

    The caller has seen that the name is free, in the same transaction.
    """
    row = {
        "id": endpoint.id,
        "account": endpoint.account,
        "region": endpoint.region,
        "name_key": name_key(endpoint.name),
        "status": endpoint.status.value,
        "created": endpoint.created,
        "modified": endpoint.modified,
        "version": endpoint.version,
        "body": _encode(endpoint),
    }
    tx.execute(insert(endpoints), row)
    _put_deployment(tx, deployment)
    return endpoint


def get(tx: Transaction, account: str, region: str, name: str) -> Endpoint | None:
    """The endpoint of a name, in any case."""
    key = {"account": account, "region": region, "name_key": name_key(name)}
    body = tx.execute(_GET, key).scalar()
    return None if body is None else read(body)


def by_id(tx: Transaction, endpoint_id: EndpointId) -> Endpoint | None:
    body = tx.execute(_BY_ID, {"id": endpoint_id}).scalar()
    return None if body is None else read(body)


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is kept of one endpoint; its records by id."""

    endpoint: Endpoint
    view: EndpointView | None
    deployments: Mapping[DeploymentId, Deployment]
    instances: Sequence[InstanceRecord]


def known(tx: Transaction, endpoint_id: EndpointId) -> Known | None:
    """All of an endpoint, in one statement: reconciliation reads it again and again."""
    bodies: dict[str, list[bytes]] = {"endpoint": [], "view": [], "deployment": [], "instance": []}
    for kind, body in tx.execute(_KNOWN, {"id": endpoint_id}):
        bodies[kind].append(body)
    if not bodies["endpoint"]:
        return None
    runs = [_deployment(body) for body in bodies["deployment"]]
    records = [_instance(body) for body in bodies["instance"]]
    return Known(
        endpoint=read(bodies["endpoint"][0]),
        view=_view(bodies["view"][0]) if bodies["view"] else None,
        deployments={each.id: each for each in runs},
        instances=sorted(records, key=lambda record: record.id),
    )


def all_described(tx: Transaction) -> list[tuple[Endpoint, EndpointView | None]]:
    """Every endpoint of every account, oldest first, each with its view."""
    return [(read(row[0]), _seen(row[1])) for row in tx.execute(_DESCRIBED)]


def save(tx: Transaction, endpoint: Endpoint) -> Endpoint:
    """Write an endpoint that was read at ``endpoint.version``; returns it with the next version.

    Raises:
        ConcurrentChangeError: It changed, or went, in between.
    """
    saved = replace(endpoint, version=endpoint.version + 1)
    values = {
        "row": endpoint.id,
        "expected": endpoint.version,
        "status": saved.status.value,
        "modified": saved.modified,
        "version": saved.version,
        "body": _encode(saved),
    }
    if tx.execute(_SAVE, values).rowcount != 1:
        raise ConcurrentChangeError(f"endpoint {endpoint.name} is no longer at {endpoint.version}")
    return saved


def request_update(
    tx: Transaction, endpoint: Endpoint, deployment: Deployment, now: float
) -> Endpoint:
    """Ask for another deployment; the status must allow it (``lifecycle``)."""
    lifecycle.check(endpoint.status, EndpointStatus.UPDATING)
    _put_deployment(tx, deployment)
    asked = replace(
        endpoint,
        status=EndpointStatus.UPDATING,
        target=deployment.id,
        rollout=None,
        failure_reason=None,
        update_started=now,
        modified=now,
    )
    return save(tx, asked)


def request_sizes(
    tx: Transaction, endpoint: Endpoint, asked: Mapping[str, Size], now: float
) -> Endpoint:
    """Ask for other weights and counts; the status must allow it (``lifecycle``)."""
    lifecycle.check(endpoint.status, EndpointStatus.UPDATING)
    changing = replace(
        endpoint,
        status=EndpointStatus.UPDATING,
        asked=asked,
        rollout=None,
        failure_reason=None,
        update_started=now,
        modified=now,
    )
    return save(tx, changing)


def request_delete(tx: Transaction, endpoint: Endpoint, now: float) -> Endpoint:
    """Ask for the end of an endpoint; the status must allow it (``lifecycle``)."""
    lifecycle.check(endpoint.status, EndpointStatus.DELETING)
    asked = replace(endpoint, status=EndpointStatus.DELETING, deleting=True, modified=now)
    return save(tx, asked)


def remove(tx: Transaction, endpoint_id: EndpointId) -> None:
    """Forget an endpoint and everything kept under its id; its name is free again."""
    tx.execute(delete(instances_table).where(instances_table.c.endpoint_id == endpoint_id))
    tx.execute(delete(deployments).where(deployments.c.endpoint_id == endpoint_id))
    tx.execute(delete(views).where(views.c.endpoint_id == endpoint_id))
    endpoint_updates.forget(tx, endpoint_id)
    tx.execute(delete(endpoints).where(endpoints.c.id == endpoint_id))


def ids(tx: Transaction) -> Sequence[EndpointId]:
    """Every endpoint's id, of all accounts, oldest first."""
    return [EndpointId(row) for row in tx.execute(_IDS).scalars()]


def deployment(tx: Transaction, deployment_id: DeploymentId) -> Deployment | None:
    body = tx.execute(_DEPLOYMENT, {"id": deployment_id}).scalar()
    return None if body is None else _deployment(body)


def drop_deployments(tx: Transaction, gone: Iterable[DeploymentId]) -> None:
    """Forget deployments that neither serve nor are asked for."""
    tx.execute(delete(deployments).where(deployments.c.id.in_(list(gone))))


def view(tx: Transaction, endpoint_id: EndpointId) -> EndpointView | None:
    return _seen(tx.execute(_VIEW, {"id": endpoint_id}).scalar())


def save_view(tx: Transaction, endpoint_id: EndpointId, seen: EndpointView) -> None:
    body = _encode(seen)
    if tx.execute(_CHANGE_VIEW, {"row": endpoint_id, "body": body}).rowcount == 0:
        tx.execute(insert(views), {"endpoint_id": endpoint_id, "body": body})


def instances(tx: Transaction, endpoint_id: EndpointId) -> Sequence[InstanceRecord]:
    """An endpoint's instance records, retired ones too, by id."""
    return [_instance(row) for row in tx.execute(_INSTANCES, {"id": endpoint_id}).scalars()]


def put_instance(tx: Transaction, record: InstanceRecord) -> None:
    """Insert or replace a record."""
    body = _encode(record)
    if tx.execute(_CHANGE_INSTANCE, {"row": record.id, "body": body}).rowcount == 0:
        row = {"id": record.id, "endpoint_id": record.endpoint_id, "body": body}
        tx.execute(insert(instances_table), row)


def drop_instance(tx: Transaction, instance_id: InstanceId) -> None:
    tx.execute(_DROP_INSTANCE, {"row": instance_id})


def _seen(body: bytes | None) -> EndpointView | None:
    return None if body is None else _view(body)


def _put_deployment(tx: Transaction, wanted: Deployment) -> None:
    row = {"id": wanted.id, "endpoint_id": wanted.endpoint_id, "body": _encode(wanted)}
    tx.execute(insert(deployments), row)
