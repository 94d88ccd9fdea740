"""Random histories of calls, crashes and clocks: nobody who was called is ever cleaned up.

What is real: the gateways' counters and spools, their ingestion, the cleaner, the API's way to a
deletion, all databases. What is played: time, processes and their deaths, by seed.
"""

import asyncio
import fcntl
import json
import os
import random
import secrets
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hostler.api import tables
from hostler.api.own import OwnCalls
from hostler.api.registry import Rooms
from hostler.control import cleanup as cleaning
from hostler.control import metrics as counting
from hostler.control.cleanup import Cleaner
from hostler.control.counted import Counted
from hostler.control.metrics import MetricIngest
from hostler.domain.cleanup import Cleanup
from hostler.domain.endpoint import Deployment, Endpoint, EndpointStatus
from hostler.domain.ids import AccountId, Arn, DeploymentId, EndpointId, Region, sagemaker_arn
from hostler.domain.layout import Layout
from hostler.domain.subject import Subject
from hostler.gateway.record import Recorder, told
from hostler.modelserver import spool
from hostler.store import endpoints, identities, schema
from hostler.store.database import Store, Transaction
from hostler.telemetry import calls, logs, metrics

ACCOUNT, REGION = AccountId("123456789012"), Region("us-east-1")
WINDOW_S, WARN_S, EVERY_S = 600.0, 1.0, 60.0
LONGEST_CALL_S = 60.0
SETTINGS = Cleanup(enabled=True, every="1m", older_than="10m", warn_before="1s")
DEVELOPMENT = ("a-dev-busy", "a-dev-rare", "a-dev-never")
NAMES = (*DEVELOPMENT, "a-prod")
STEPS = 100
SEEDS = int(os.environ.get("HOSTLER_CLEANUP_SEEDS", "3"))
"""Fresh ones at every run."""
BEGIN = 1_700_000_000.0


@dataclass
class Gateway:
    """A process: what it has in memory, its spool with its lock, and a wall clock of its own."""

    world: "World"
    slot: int
    skew_s: float
    recorder: Recorder = field(default_factory=Recorder)
    active: list[tuple[float, float, str]] = field(default_factory=list)
    """Of calls that are not answered: begin, end, endpoint."""
    stopped: bool = False
    writer: spool.Writer | None = None

    def __post_init__(self) -> None:
        self.world.lives += 1
        folder = self.world.layout.gateway_spool(self.slot, f"1-{self.world.lives}")
        folder.mkdir(parents=True)
        self.fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self.fd, fcntl.LOCK_SH)
        self.writer = spool.Writer(self.fd, segment_bytes=2048)

    def call(self, name: str, now: float, takes_s: float) -> None:
        self.active.append((now, now + takes_s, name))

    def flush(self, now: float, *, ended: bool = False) -> None:
        """What ``gateway.main`` does each second."""
        for each in [each for each in self.active if each[1] <= now]:
            self.active.remove(each)
            counters = self.recorder.counters(Subject(ACCOUNT, REGION, each[2], "v"))
            counters.answered(200, 1000, 10)
        at = BEGIN + now + self.skew_s
        until = min([now, *(each[0] for each in self.active)])
        lines = [*self.recorder.records(at), told(until, ended=ended and not self.active)]
        assert self.writer is not None
        self.writer.append(int(at * 1000), spool.PLATFORM, [json.dumps(x).encode() for x in lines])

    def die(self, now: float, *, killed: bool) -> None:
        if not killed:
            self.flush(now, ended=True)
        assert self.writer is not None
        self.writer.close()
        os.close(self.fd)


class World:
    def __init__(self, root: Path, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.layout = Layout(root)
        self.true_s = 0.0
        self.wall_s = BEGIN
        """What the clock of this life of control said at time 0."""
        self.lives = 0
        self.called: dict[str, list[float]] = {name: [] for name in NAMES}
        self.deleted: Counter[str] = Counter()
        self.stores = {
            name: Store("sqlite://", inline=True, tables=each)
            for name, each in (
                ("store", schema.metadata),
                ("logs", logs.metadata),
                ("metrics", metrics.metadata),
            )
        }
        for each in self.stores.values():
            each.create_tables()
        store = self.stores["store"]
        store.run(lambda tx: identities.ensure_root(tx, ACCOUNT, BEGIN), write=True)
        for name in NAMES:
            self.create(name)
        self.gateways: list[Gateway] = [Gateway(self, slot, 0.0) for slot in range(2)]
        self.start_control()

    def now(self) -> float:
        return self.wall_s + self.true_s

    def start_control(self) -> None:
        """Another life of control, which knows what is on disk."""
        self.ingest = MetricIngest(
            self.stores["metrics"],
            self.layout,
            self,
            list,
            gateways=lambda: len(self.gateways),
            monotonic=lambda: self.true_s,
        )
        rooms = Rooms(
            **self.stores,
            clock=self,
            wake=self.wake,
            tables=tables.TABLES,
            account=ACCOUNT,
            region=REGION,
            model_data=NOTHING_TO_FETCH,
        )
        self.cleaner = Cleaner(
            self.stores["store"],
            self.stores["metrics"],
            self,
            known_until=lambda: self.ingest.counted.known_until,
            settings=SETTINGS,
            itself=OwnCalls(rooms, "cleanup.hostler"),
        )

    def wake(self, key: str) -> None:
        """The controller: an endpoint whose deletion was asked for is gone."""
        store = self.stores["store"]
        found = store.run(lambda tx: endpoints.by_id(tx, EndpointId(key)))
        assert found is not None
        assert found.deleting
        self.deleted[found.name] += 1
        window = self.true_s - WINDOW_S, self.true_s - cleaning.FRESH_S
        called = [at for at in self.called[found.name] if window[0] <= at <= window[1]]
        told = f"seed {self.seed}: {found.name} is deleted at {self.true_s}"
        assert not called, f"{told}, and was called at {called}"
        store.run(lambda tx: endpoints.remove(tx, found.id), write=True)
        self.create(found.name)

    def create(self, name: str) -> None:
        """An endpoint that serves; one of that name may have been before."""
        self.lives += 1
        key = EndpointId(f"e-{self.lives}")
        deployment = Deployment(DeploymentId(f"d-{self.lives}"), key, "c", (), self.now())
        arn = Arn(sagemaker_arn(REGION, ACCOUNT, "endpoint", name))
        made = Endpoint(
            key, ACCOUNT, REGION, name, arn, EndpointStatus.IN_SERVICE, "c", self.now(),
            self.now(), 1, current=deployment.id, target=deployment.id,
        )  # fmt: skip
        store = self.stores["store"]
        store.run(lambda tx: endpoints.create(tx, made, deployment), write=True)

    def pass_time(self, seconds: float) -> None:
        """Gateways write, and control reads, as often as they do."""
        end = self.true_s + seconds
        while self.true_s < end:
            self.true_s = min(end, self.true_s + 30.0)
            for gateway in self.gateways:
                if not gateway.stopped:
                    gateway.flush(self.true_s)
            if self.control_lives and self.random.random() < 0.9:
                asyncio.run(self.ingest.sweep())
                if self.random.random() < 0.8:
                    asyncio.run(self.cleaner.turn())

    control_lives = True

    def happen(self) -> None:
        """One thing that happens."""
        dice = self.random.random()
        for each in self.gateways:
            each.stopped = each.stopped and self.random.random() < 0.8
        slot = self.random.randrange(len(self.gateways))
        gateway = self.gateways[slot]
        if dice < 0.5:
            self.call(gateway)
        elif dice < 0.56:
            self.call(gateway, anybody=True)
            gateway.stopped = True  # with what it has counted
        elif dice < 0.64:
            self.call(gateway, anybody=True)
            gateway.die(self.true_s, killed=self.random.random() < 0.5)
            skew_s = self.random.choice((0.0, 0.0, -30 * 86_400.0, 86_400.0))
            self.gateways[slot] = Gateway(self, gateway.slot, skew_s)
        elif dice < 0.68:
            self.control_lives = not self.control_lives
            if self.control_lives:
                self.wall_s -= self.random.choice((0.0, 0.0, 0.0, 600.0))
                self.start_control()
        self.pass_time(self.random.choice((0.0, 1.0, 30.0, 60.0, 200.0)))

    def call(self, gateway: Gateway, *, anybody: bool = False) -> None:
        """A call of one who is called often; of anybody where it may be lost, or late."""
        name = self.random.choices(NAMES, (1, 1, 1, 1) if anybody else (20, 3, 0, 1))[0]
        if not gateway.stopped:
            self.called[name].append(self.true_s)
            gateway.call(name, self.true_s, self.random.choice((0.0, 1.0, LONGEST_CALL_S)))


class NothingToFetch:
    def fetch(self, role_arn: str, region: str, data: object) -> list[object]:
        raise AssertionError("no model is fetched")


NOTHING_TO_FETCH = NothingToFetch()


@contextmanager
def world(seed: int) -> Iterator[World]:
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    made = World(root, seed)
    try:
        yield made
    finally:
        for gateway in made.gateways:
            gateway.die(made.true_s, killed=False)
        for store in made.stores.values():
            store.close()
        shutil.rmtree(root)


@pytest.mark.parametrize("_share", range(SEEDS))
def test_nobody_who_was_called_is_deleted(_share: int) -> None:
    with world(secrets.randbits(40)) as made:
        for _ in range(STEPS):
            made.happen()
        # In the end all is well, and nobody calls any more: what can be known is.
        made.control_lives = True
        for gateway in made.gateways:
            gateway.stopped = False
        made.start_control()
        before = made.deleted.copy()
        set_back_s = BEGIN - made.wall_s
        made.pass_time(set_back_s + WINDOW_S + LONGEST_CALL_S + WARN_S + 6 * EVERY_S)
        assert (made.deleted - before).keys() == set(DEVELOPMENT), f"seed {made.seed}"


def _known_until_now(counted: Counted) -> float:
    return counted._clock.now()


def _not_noted(_tx: object, _called: object, _now_s: float) -> None:
    pass


def _first_loss_alone(tx: Transaction, homes: object, now_s: float) -> None:
    assert homes is not None
    if calls.whole_since(tx) is None:
        calls.lost(tx, now_s)


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (Counted, "known_until", property(_known_until_now)),
        (calls, "note", _not_noted),
        (counting, "_lose", _first_loss_alone),
    ],
)
def test_histories_see_what_is_wrong(
    where: object, name: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, wrong)

    def histories() -> None:
        for seed in range(12):
            with world(seed) as made:
                for _ in range(STEPS):
                    made.happen()

    with pytest.raises(AssertionError, match="is deleted at"):
        histories()
