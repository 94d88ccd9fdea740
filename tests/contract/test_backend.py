"""What every backend promises (``backends.base``), asked of each: the fake and the real one alike.

A backend joins by a ``Subject``: how to make specifications that behave, how to have an instance
refuse to stop, and how to bring back its control process.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from archives import ECHO
from hostler.backends.base import InstanceBackend
from hostler.domain.ids import AccountId, Arn, EndpointId, InstanceId, Region
from hostler.domain.instance import FailureCause, InstanceSpec, Observation, Phase
from hostler.domain.model import Container, ModelData
from hostler.modelserver import frames
from hostler.sim import loop as virtual
from hostler.sim.backend import Boot, FakeBackend
from hostler.sim.world import StartClock
from process_world import World, computes, world

MODEL = Arn("arn:aws:sagemaker:us-east-1:123456789012:model/m")
PATIENCE_S = 90.0
LOOK_S = 0.02

GOOD, BROKEN, STUBBORN = "good", "broken", "stubborn"

BROKEN_SCRIPT = "import no_such_module_at_all\n"
STUBBORN_SCRIPT = """
import signal, time
def model_fn(model_dir):
    return None
def transform_fn(model, data, content_type, accept):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(1)
"""


class Subject(Protocol):
    """A backend under test."""

    @property
    def backend(self) -> InstanceBackend: ...

    def spec(self, kind: str, owner: str = "e-1") -> InstanceSpec:
        """A new instance of a model that is GOOD, BROKEN, or STUBBORN when asked to stop."""
        ...

    async def provoke(self, seen: Observation) -> None:
        """Have a STUBBORN instance that is ready refuse to stop from now on."""
        ...

    async def restart(self) -> None:
        """The control process died; ``backend`` is that of the next one."""
        ...


Story = Callable[[Subject], Awaitable[None]]


@dataclass
class Fake:
    backend: FakeBackend
    count: int = 0

    def spec(self, kind: str, owner: str = "e-1") -> InstanceSpec:
        self.count += 1
        return InstanceSpec(
            instance_id=InstanceId(f"i-{self.count:017x}"),
            owner=EndpointId(owner),
            account=AccountId("123456789012"),
            region=Region("us-east-1"),
            endpoint_name="contract",
            variant_name="AllTraffic",
            container=Container(f"123456789012.dkr.ecr.us-east-1.amazonaws.com/sim:{kind}"),
            role_arn="arn:aws:iam::123456789012:role/contract",
            instance_type="ml.m5.large",
            vcpus=2,
            memory_bytes=8 << 30,
        )

    async def provoke(self, seen: Observation) -> None:
        """It is stubborn from birth."""

    async def restart(self) -> None:
        self.backend.control_died()


def fake(story: Story) -> None:
    def script(spec: InstanceSpec, _launch: int) -> Boot:
        kind = spec.container.image.rpartition(":")[2]
        fails = FailureCause.IMPORT_ERROR if kind == BROKEN else None
        return Boot(fails=fails, hangs=kind == STUBBORN)

    async def run() -> None:
        await story(Fake(FakeBackend(StartClock(1_700_000_000.0), script)))

    virtual.run(run())


@dataclass
class Processes:
    made: World
    asking: list[socket.socket] = field(default_factory=list)
    count: int = 0

    @property
    def backend(self) -> InstanceBackend:
        return self.made.backend

    def spec(self, kind: str, owner: str = "e-1") -> InstanceSpec:
        script = {GOOD: ECHO, BROKEN: BROKEN_SCRIPT, STUBBORN: STUBBORN_SCRIPT}[kind]
        self.count += 1
        return self.made.spec(self.count, script=script, owner=EndpointId(owner))

    async def provoke(self, seen: Observation) -> None:
        """It is busy with a request that takes for ever."""
        asking = socket.socket(socket.AF_UNIX)
        self.asking.append(asking)
        asking.connect(seen.sockets[0])
        meta = b"application/json\0application/json"
        asking.sendall(frames.request(1, 60_000, meta, b"1"))
        await computes(seen.sockets[0])

    async def restart(self) -> None:
        await self.made.reborn()


def processes(story: Story) -> None:
    async def run() -> None:
        async with world() as made:
            subject = Processes(made)
            try:
                await story(subject)
            finally:
                for asking in subject.asking:
                    asking.close()

    asyncio.run(run())


@pytest.fixture(params=[fake, processes], ids=lambda play: play.__name__)
def play(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    chosen: Callable[[Story], None] = request.param
    return chosen


async def see(subject: Subject, spec: InstanceSpec) -> Observation:
    seen = {each.instance_id: each for each in await subject.backend.observe(spec.owner)}
    return seen.get(spec.instance_id) or Observation(spec.instance_id, spec.owner, Phase.ABSENT)


async def until(subject: Subject, spec: InstanceSpec, *phases: Phase) -> Observation:
    async with asyncio.timeout(PATIENCE_S):
        while (seen := await see(subject, spec)).phase not in phases:
            await asyncio.sleep(LOOK_S)
        return seen


def test_a_launched_instance_is_seen_at_once_and_becomes_ready(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        seen = await see(subject, spec)
        assert seen.phase in (Phase.PREPARING, Phase.STARTING, Phase.READY)
        assert (seen.owner, seen.variant_name) == (spec.owner, spec.variant_name)
        ready = await until(subject, spec, Phase.READY)
        assert ready.sockets
        assert ready.runtime
        assert ready.digest
        assert ready.exit is None

    play(story)


def test_what_was_prepared_or_could_not_be_is_launched_all_the_same(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.give_up(MODEL)
        await subject.backend.prepare(MODEL, spec.container, spec.role_arn)
        await subject.backend.prepare(MODEL, spec.container, spec.role_arn)
        assert not await subject.backend.observe()
        await subject.backend.launch(spec)
        ready = await until(subject, spec, Phase.READY)
        await subject.backend.give_up(MODEL)
        assert (await see(subject, spec)).pid == ready.pid
        lost = Container(spec.container.image, {}, ModelData("s3://bucket/nobody-has-this.tar.gz"))
        await subject.backend.prepare(MODEL, lost, spec.role_arn)
        assert len(await subject.backend.observe()) == 1

    play(story)


def test_a_second_launch_of_an_id_changes_nothing(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        await subject.backend.launch(spec)
        ready = await until(subject, spec, Phase.READY)
        await subject.backend.launch(spec)
        again = await see(subject, spec)
        assert (again.phase, again.pid) == (Phase.READY, ready.pid)
        assert len(await subject.backend.observe(spec.owner)) == 1

    play(story)


def test_a_launch_that_cannot_succeed_ends_exited_with_its_cause(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(BROKEN)
        await subject.backend.launch(spec)
        seen = await until(subject, spec, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is FailureCause.IMPORT_ERROR
        assert "line" in seen.exit.message
        await subject.backend.launch(spec)
        assert (await see(subject, spec)).phase is Phase.EXITED

    play(story)


def test_observe_tells_owners_apart(play: Any) -> None:
    async def story(subject: Subject) -> None:
        one, other = subject.spec(GOOD, "e-one"), subject.spec(GOOD, "e-other")
        await subject.backend.launch(one)
        await subject.backend.launch(other)
        seen = {each.instance_id: each.owner for each in await subject.backend.observe()}
        assert seen == {one.instance_id: one.owner, other.instance_id: other.owner}
        mine = await subject.backend.observe(one.owner)
        assert [each.instance_id for each in mine] == [one.instance_id]

    play(story)


def test_a_stopped_instance_ends_and_keeps_its_word_until_it_is_removed(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        await until(subject, spec, Phase.READY)
        await subject.backend.stop(spec.instance_id, 5.0)
        assert (await see(subject, spec)).phase in (Phase.STOPPING, Phase.EXITED)
        ended = await until(subject, spec, Phase.EXITED)
        assert ended.exit is not None
        assert not ended.sockets
        await subject.backend.stop(spec.instance_id, 5.0)
        await subject.backend.remove(spec.instance_id)
        assert not await subject.backend.observe(spec.owner)

    play(story)


@pytest.mark.parametrize("grace_s", [0.0, 0.3])
def test_one_that_will_not_stop_is_killed_when_its_grace_is_over(play: Any, grace_s: float) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(STUBBORN)
        await subject.backend.launch(spec)
        await subject.provoke(await until(subject, spec, Phase.READY))
        await subject.backend.stop(spec.instance_id, grace_s)
        ended = await until(subject, spec, Phase.EXITED)
        assert ended.exit is not None
        assert ended.exit.cause is FailureCause.KILLED
        assert not ended.sockets

    play(story)


def test_a_stop_may_be_hastened(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(STUBBORN)
        await subject.backend.launch(spec)
        await subject.provoke(await until(subject, spec, Phase.READY))
        await subject.backend.stop(spec.instance_id, 600.0)
        assert (await see(subject, spec)).phase is Phase.STOPPING
        await subject.backend.stop(spec.instance_id, 0.0)
        ended = await until(subject, spec, Phase.EXITED)
        assert ended.exit is not None
        assert ended.exit.cause is FailureCause.KILLED

    play(story)


def test_unknown_instances_are_no_error(play: Any) -> None:
    async def story(subject: Subject) -> None:
        nobody = InstanceId("i-00000000000000000")
        await subject.backend.stop(nobody, 1.0)
        await subject.backend.remove(nobody)
        assert not await subject.backend.observe()

    play(story)


def test_what_runs_is_not_removed(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        await until(subject, spec, Phase.READY)
        with pytest.raises(RuntimeError, match=spec.instance_id):
            await subject.backend.remove(spec.instance_id)
        assert (await see(subject, spec)).phase is Phase.READY

    play(story)


def test_the_owner_is_woken_when_something_changed(play: Any) -> None:
    async def story(subject: Subject) -> None:
        woken: list[EndpointId] = []
        subject.backend.watch(woken.append)
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        await until(subject, spec, Phase.READY)
        async with asyncio.timeout(PATIENCE_S):
            while not woken:
                await asyncio.sleep(LOOK_S)
        woken.clear()
        await subject.backend.stop(spec.instance_id, 5.0)
        async with asyncio.timeout(PATIENCE_S):
            while not woken:
                await asyncio.sleep(LOOK_S)
        assert set(woken) == {spec.owner}

    play(story)


def test_a_ready_instance_outlives_its_control_process(play: Any) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        before = await until(subject, spec, Phase.READY)
        await subject.restart()
        after = await see(subject, spec)
        assert (after.phase, after.pid) == (Phase.READY, before.pid)
        assert after.sockets == before.sockets

    play(story)


def test_a_preparation_that_died_with_its_process_is_absent_and_may_begin_again(
    play: Any,
) -> None:
    async def story(subject: Subject) -> None:
        spec = subject.spec(GOOD)
        await subject.backend.launch(spec)
        await subject.restart()
        seen = await see(subject, spec)
        assert seen.phase in (Phase.ABSENT, Phase.STARTING, Phase.READY)
        await subject.backend.launch(spec)
        await until(subject, spec, Phase.READY)

    play(story)
