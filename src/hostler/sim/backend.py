"""A backend whose instances are entries in a dictionary: the same protocol, none of the work.

Invariant: it promises what ``backends.base`` promises and nothing more. What the control process
does for a real backend (preparing, counting down to a kill) dies with that process here too.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from hostler.domain.ids import Arn, EndpointId, InstanceId
from hostler.domain.instance import Exit, FailureCause, InstanceSpec, Observation, Phase
from hostler.domain.model import Container
from hostler.domain.ports import Clock


@dataclass(frozen=True, slots=True)
class Boot:
    """How one launch will go. Times in seconds.

    ``fails``: it ends with this cause instead of becoming ready. ``deaf``: it never becomes ready.
    ``hangs``: asked to stop, it does not, until it is killed.
    """

    prepare_s: float = 0.1
    start_s: float = 0.2
    drain_s: float = 0.1
    fails: FailureCause | None = None
    deaf: bool = False
    hangs: bool = False


Script: TypeAlias = Callable[[InstanceSpec, int], Boot]
"""Decides a launch's course; the number counts the launches of that image, from 1."""


@dataclass(slots=True)
class FakeInstance:
    """One entry. ``started`` is the loop's time."""

    spec: InstanceSpec
    boot: Boot
    phase: Phase = Phase.PREPARING
    started: float | None = None
    ended: float | None = None
    was_ready: bool = False
    cause: FailureCause | None = None
    message: str = ""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    """The world's: they go on without a control process."""
    chores: list[asyncio.TimerHandle] = field(default_factory=list)
    """The control process's: they die with it."""


class FakeBackend:
    """Implements ``InstanceBackend``; every change of a phase is told to ``watch``'s callback."""

    def __init__(self, clock: Clock, script: Script) -> None:
        self._clock = clock
        self._script = script
        self._launches: dict[str, int] = {}
        self._wake: Callable[[EndpointId], None] = lambda _owner: None
        self.on_change: Callable[[], None] = lambda: None
        """The observer's; unlike ``watch``'s callback it outlives the control process."""
        self.instances: dict[InstanceId, FakeInstance] = {}

    def use_clock(self, clock: Clock) -> None:
        """A new control process, with a clock of its own, looks at the same world."""
        self._clock = clock

    async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
        """There is nothing to prepare for an entry in a dictionary."""

    async def give_up(self, model: Arn) -> None:
        """Nor is there anything to delete."""

    async def launch(self, spec: InstanceSpec) -> None:
        known = self.instances.get(spec.instance_id)
        if known is not None and known.phase is not Phase.ABSENT:
            return
        image = spec.container.image
        self._launches[image] = self._launches.get(image, 0) + 1
        boot = self._script(spec, self._launches[image])
        instance = FakeInstance(spec, boot)
        self.instances[spec.instance_id] = instance
        self._later(instance.chores, boot.prepare_s, self._start, instance)

    async def stop(self, instance_id: InstanceId, grace_s: float) -> None:
        instance = self.instances.get(instance_id)
        if instance is None or instance.phase in (Phase.ABSENT, Phase.EXITED):
            return
        if grace_s <= 0:
            self._exit(instance, FailureCause.KILLED, "killed")
            return
        if instance.phase is not Phase.STOPPING:
            self._ask_to_stop(instance)
        self._later(instance.chores, grace_s, self._exit, instance, FailureCause.KILLED, "killed")

    async def remove(self, instance_id: InstanceId) -> None:
        instance = self.instances.get(instance_id)
        if instance is None:
            return
        if instance.phase not in (Phase.ABSENT, Phase.EXITED):
            raise RuntimeError(f"{instance_id} is removed while it is {instance.phase}")
        del self.instances[instance_id]
        self._changed(instance)

    async def observe(self, owner: EndpointId | None = None) -> Sequence[Observation]:
        return [
            self._observation(instance)
            for instance in self.instances.values()
            if owner is None or instance.spec.owner == owner
        ]

    async def owners(self) -> Collection[EndpointId]:
        return {instance.spec.owner for instance in self.instances.values()}

    def watch(self, wake: Callable[[EndpointId], None]) -> None:
        self._wake = wake

    def control_died(self) -> None:
        """What the control process did for instances stops; half-prepared ones are absent again."""
        self._wake = lambda _owner: None
        for instance in self.instances.values():
            _cancel(instance.chores)
            if instance.phase is Phase.PREPARING:
                instance.phase = Phase.ABSENT

    def end(self, instance_id: InstanceId, cause: FailureCause, message: str) -> None:
        """The world ends an instance."""
        instance = self.instances.get(instance_id)
        if instance is not None and instance.phase not in (Phase.ABSENT, Phase.EXITED):
            self._exit(instance, cause, message)

    def ask_to_stop(self, instance_id: InstanceId) -> None:
        """Somebody else sends an instance the signal to stop."""
        instance = self.instances.get(instance_id)
        if instance is not None and instance.phase in (Phase.STARTING, Phase.READY):
            self._ask_to_stop(instance)

    def _start(self, instance: FakeInstance) -> None:
        boot = instance.boot
        instance.phase = Phase.STARTING
        instance.started = asyncio.get_running_loop().time()
        if boot.fails is not None:
            text = f"inference.py, line 3: {boot.fails}"
            self._later(instance.timers, boot.start_s, self._exit, instance, boot.fails, text)
        elif not boot.deaf:
            self._later(instance.timers, boot.start_s, self._become_ready, instance)

    def _become_ready(self, instance: FakeInstance) -> None:
        instance.phase = Phase.READY
        instance.was_ready = True
        self._changed(instance)

    def _ask_to_stop(self, instance: FakeInstance) -> None:
        _cancel(instance.timers)
        _cancel(instance.chores)
        instance.phase = Phase.STOPPING
        if not instance.boot.hangs:
            cause, text = FailureCause.EXITED, "stopped"
            self._later(instance.timers, instance.boot.drain_s, self._exit, instance, cause, text)
        self._changed(instance)

    def _exit(self, instance: FakeInstance, cause: FailureCause, message: str) -> None:
        _cancel(instance.timers)
        _cancel(instance.chores)
        instance.phase = Phase.EXITED
        instance.ended = asyncio.get_running_loop().time()
        instance.cause = cause
        instance.message = message
        self._changed(instance)

    def _changed(self, instance: FakeInstance) -> None:
        self.on_change()
        self._wake(instance.spec.owner)

    def _later(
        self,
        timers: list[asyncio.TimerHandle],
        delay_s: float,
        then: Callable[..., None],
        *args: object,
    ) -> None:
        timers.append(asyncio.get_running_loop().call_later(delay_s, then, *args))

    def _observation(self, instance: FakeInstance) -> Observation:
        spec = instance.spec
        ready = instance.phase is Phase.READY
        folder = f"/sim/i/{spec.instance_id}/s"
        ended = None
        if instance.cause is not None:
            ended = Exit(instance.cause, instance.message, self._moment(instance.ended) or 0.0)
        return Observation(
            instance_id=spec.instance_id,
            owner=spec.owner,
            phase=instance.phase,
            variant_name=spec.variant_name,
            sockets=(f"{folder}/w0.sock",) if ready else (),
            starting_since=self._moment(instance.started),
            exit=ended,
            runtime="simulated" if ready else "",
            digest="5" * 64 if ready else "",
        )

    def _moment(self, loop_time: float | None) -> float | None:
        """A moment of the world by today's clock: its age counts, whatever the wall clock did."""
        if loop_time is None:
            return None
        return self._clock.now() - (asyncio.get_running_loop().time() - loop_time)


def _cancel(timers: list[asyncio.TimerHandle]) -> None:
    for timer in timers:
        timer.cancel()
    timers.clear()
