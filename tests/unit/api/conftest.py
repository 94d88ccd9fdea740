"""boto3 against the application in this process: params → wire → app → wire → parsed answer."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from hostler.api import tables
from hostler.api.registry import Rooms
from hostler.api.server import create_app
from hostler.domain.endpoint import Endpoint
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from hostler.domain.instance import FailureCause
from hostler.domain.model import ModelData
from hostler.domain.ports import LocalFile, ModelDataError
from hostler.domain.snapshot import Credential
from hostler.store import endpoints, identities, schema
from hostler.store.database import Store, Transaction
from hostler.store.disk import Reserve
from hostler.store.identities import entities
from hostler.telemetry import logs, metrics, trail

ENDPOINT_URL = "http://127.0.0.1:4747"
ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-inference:latest"
DATA = "s3://acme-sm-rc-project-a/models/artifacts/fraud/model.tar.gz"
SESSION = botocore.session.Session()
"""Shared, because it keeps the models it has loaded."""
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


@dataclass
class Clock:
    time: float = 1_700_000_000.25

    def now(self) -> float:
        self.time += 1.0
        return self.time


@dataclass
class Shelf:
    """Model data that is there, or why it is not."""

    refusals: dict[str, ModelDataError] = field(default_factory=dict)
    asked: list[tuple[str, ModelData]] = field(default_factory=list)

    def fetch(self, role_arn: str, region: str, data: ModelData) -> Sequence[LocalFile]:
        self.asked.append((role_arn, data))
        if data.uri in self.refusals:
            raise self.refusals[data.uri]
        return []

    def lacks(self, uri: str, cause: FailureCause, message: str) -> None:
        self.refusals[uri] = ModelDataError(cause, message)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class World:
    rooms: Rooms
    clock: Clock
    shelf: Shelf
    wakes: list[str]
    committed: list[str]
    root: Credential
    reserve: Path
    """The file that keeps room back on the disk."""
    app: Any = None

    def call(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes = b"",
        *,
        path: str | None = None,
    ) -> Answer:
        """One request as it would arrive; ``path`` is the decoded one, where it is another."""
        raw_path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": raw_path if path is None else path,
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }
        pending = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return pending.pop(0) if pending else {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        answer = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
        return Answer(sent[0]["status"], answer, b"".join(m.get("body", b"") for m in sent[1:]))

    def client(self, service: str, credential: Credential | None = None, **options: Any) -> Any:
        """A botocore client whose requests go into the application."""
        key = credential or self.root
        client = options.pop("session", SESSION).create_client(
            service,
            region_name=options.pop("region", DEFAULT_REGION),
            endpoint_url=options.pop("endpoint_url", ENDPOINT_URL),
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret,
            config=Config(
                retries={"total_max_attempts": 1},
                parameter_validation=options.pop("parameter_validation", False),
            ),
        )
        client.meta.events.register("before-send", self._send)
        return client

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        headers.setdefault("host", url.netloc)
        body = request.body or b""
        target = url.path + (f"?{url.query}" if url.query else "")
        answer = self.call(
            request.method, target, headers, body.encode() if isinstance(body, str) else body
        )
        return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))

    def endpoint(self, name: str) -> Endpoint:
        """An endpoint of the root's account as it is stored."""
        find = partial(endpoints.get, account=DEFAULT_ACCOUNT, region=DEFAULT_REGION, name=name)
        found = self.rooms.store.run(find)
        assert found is not None
        return found

    def remove_deleted(self) -> None:
        """What the controller does with endpoints that are to go."""

        def remove(tx: Transaction) -> None:
            for each in endpoints.ids(tx):
                found = endpoints.by_id(tx, each)
                if found is not None and found.deleting:
                    endpoints.remove(tx, each)

        self.rooms.store.run(remove, write=True)

    def user(self, name: str, policy: dict[str, Any]) -> Credential:
        """A user with one inline policy and an access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credential(key["AccessKeyId"], key["SecretAccessKey"], "")


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    reserve = tmp_path / "reserve"
    kept = Reserve(reserve, 4096)
    store = Store("sqlite://", inline=True, tables=schema.metadata, reserve=kept)
    log_store = Store("sqlite://", inline=True, tables=logs.metadata)
    trail_store = Store("sqlite://", inline=True, tables=trail.metadata)
    metric_store = Store("sqlite://", inline=True, tables=metrics.metadata)
    for each in (store, log_store, trail_store, metric_store):
        each.create_tables()
    clock, shelf = Clock(), Shelf()
    wakes: list[str] = []
    committed: list[str] = []

    async def remember(service: str) -> None:
        committed.append(service)

    rooms = Rooms(
        store=store,
        logs=log_store,
        metrics=metric_store,
        clock=clock,
        wake=wakes.append,
        tables=tables.TABLES,
        account=DEFAULT_ACCOUNT,
        region=DEFAULT_REGION,
        model_data=shelf,
        committed=remember,
        audit=trail_store,
        alarm_commands=[],
        topic_hosts=[],
    )
    root = store.run(
        lambda tx: identities.ensure_root(tx, DEFAULT_ACCOUNT, clock.now()), write=True
    )
    store.run(
        lambda tx: entities.create_role(
            tx,
            DEFAULT_ACCOUNT,
            ROLE.rpartition("/")[2],
            path="/",
            trust=TRUST,
            now=clock.now(),
        ),
        write=True,
    )
    made = World(rooms, clock, shelf, wakes, committed, root, reserve)
    made.app = create_app(rooms)
    yield made
    store.close()
    log_store.close()
    trail_store.close()
    metric_store.close()


@pytest.fixture
def sagemaker(world: World) -> Any:
    return world.client("sagemaker")


@pytest.fixture
def deployable(sagemaker: Any) -> Callable[[str], str]:
    """Makes a model and a config of a name; returns the config's name."""

    def make(name: str, **variant: Any) -> str:
        sagemaker.create_model(
            ModelName=f"{name}-v1",
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": DATA, "Environment": {}},
            ExecutionRoleArn=ROLE,
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName=f"{name}-config",
            ProductionVariants=[
                {
                    "VariantName": "AllTraffic",
                    "ModelName": f"{name}-v1",
                    "InstanceType": "ml.m5.xlarge",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1,
                    **variant,
                }
            ],
        )
        return f"{name}-config"

    return make
