"""Notices what becomes of instances: their ends by pidfd, their starts by a glance at their page.

A glance costs a twentieth of a look, so that many may start at once and nobody waits for one.
Invariant: losing a notice loses time, never truth: control looks again by itself. An instance that
cannot be looked at hides no other.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from hostler.backends.process.observing import Seen
from hostler.domain import ticks
from hostler.domain.ids import EndpointId, InstanceId
from hostler.domain.instance import Phase
from hostler.modelserver.identity import ProcessId

EAGER_S = 0.001
EAGER_FOR_S = 0.1
EAGER_MOST = 4
"""So many instances in motion at most are glanced at every EAGER_S, for so long after a change."""
FAST_S = 0.005
PATIENT_S = 0.05
FAST_FOR_S = 5.0
"""For so long after the last change the instances in motion are glanced at every FAST_S."""
LOOK_S = 0.25
"""However it may seem at a glance, an instance in motion is looked at so often."""
SLOW_S = 0.5
SLOW_GLANCES = 16
"""So many instances at rest are glanced at in a slow turn, each in its turn."""

Look = Callable[[InstanceId], Seen | None]
Glance = Callable[[InstanceId], bytes]
"""Something of an instance that changes when its workers' states do."""
Wake = Callable[[EndpointId], None]

_AT_REST = (Phase.PREPARING, Phase.READY, Phase.EXITED, Phase.ABSENT)
"""Phases that end by a notice: of a preparation's end, of a process's, or of nothing."""
_WITH_PROCESS = (Phase.STARTING, Phase.READY, Phase.STOPPING)
_OF_NO_HURRY = (Phase.PREPARING, Phase.STARTING)
"""Phases in which whoever asked for the launch has nothing to do yet."""
NO_HURRY_S = 0.2
"""It is told of them when they last longer: a quick start finds it free for what matters."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Followed:
    phase: Phase | None = None
    since: float = 0.0
    told: Phase | None = None
    """What its owner was woken for last."""
    pidfd: int | None = None
    """Held while it has a process, whose end needs no look to be noticed."""
    glanced: bytes = b""
    look_at: float = 0.0
    hidden: bool = False
    """The last look at it failed: the next one is at ``look_at``, whatever a glance shows."""


class Watcher:
    """Follows instances and wakes their owners. Lives on one event loop."""

    def __init__(self, look: Look, glance: Glance) -> None:
        self._look = look
        self._glance = glance
        self._wake: Wake = lambda _owner: None
        self._followed: dict[InstanceId, _Followed] = {}
        self._moving: set[InstanceId] = set()
        self._changed = 0.0
        self._stirred = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, wake: Wake) -> None:
        """Begin to call ``wake``; needs a running loop."""
        self._wake = wake
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="watch instances")

    def follow(self, instance_id: InstanceId) -> None:
        """Look at an instance closely from now on: it is new, or was asked for something."""
        self._followed.setdefault(instance_id, _Followed()).look_at = 0.0
        self._moving.add(instance_id)
        self._changed = time.monotonic()
        self._stirred.set()

    def forget(self, instance_id: InstanceId) -> None:
        """Follow it no longer."""
        followed = self._followed.pop(instance_id, None)
        self._moving.discard(instance_id)
        if followed is not None:
            self._drop_handle(followed)

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        for instance_id in list(self._followed):
            self.forget(instance_id)

    async def _run(self) -> None:
        while True:
            now = time.monotonic()
            for instance_id in list(self._moving):
                followed = self._followed[instance_id]
                stirs = not followed.hidden and self._stirs(instance_id, followed)
                if stirs or now >= followed.look_at:
                    self._try(instance_id, followed)
            if not self._moving:
                # By insertion order: whoever was glanced at goes to the end of the line.
                for instance_id in list(itertools.islice(self._followed, SLOW_GLANCES)):
                    followed = self._followed[instance_id] = self._followed.pop(instance_id)
                    if self._stirs(instance_id, followed):
                        self._try(instance_id, followed)
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._stirred.wait()

    def _pause_s(self) -> float:
        if not self._moving:
            return ticks.left_s(SLOW_S, asyncio.get_running_loop().time())
        since = time.monotonic() - self._changed
        if since < EAGER_FOR_S and len(self._moving) <= EAGER_MOST:
            return EAGER_S
        return FAST_S if since < FAST_FOR_S else PATIENT_S

    def _stirs(self, instance_id: InstanceId, followed: _Followed) -> bool:
        """Whether a glance says that it is worth a look."""
        return followed.pidfd is None or self._glance(instance_id) != followed.glanced

    def _try(self, instance_id: InstanceId, followed: _Followed) -> None:
        """Visit it; a look that fails (too many open files) is tried again, and said once."""
        try:
            self._visit(instance_id)
        except Exception:  # noqa: BLE001 - whatever it is, the others' ends must be noticed
            if not followed.hidden:
                _log.exception("%s cannot be looked at", instance_id)
            followed.hidden, followed.look_at = True, time.monotonic() + LOOK_S
        else:
            followed.hidden = False

    def _visit(self, instance_id: InstanceId) -> None:
        glanced = self._glance(instance_id)  # before the look: what changes meanwhile is seen again
        seen = self._look(instance_id)
        followed = self._followed.get(instance_id)
        if followed is None:
            return
        followed.glanced, followed.look_at = glanced, time.monotonic() + LOOK_S
        if seen is None:
            self.forget(instance_id)
            return
        phase = seen.observation.phase
        if phase in _AT_REST:
            self._moving.discard(instance_id)
        else:
            self._moving.add(instance_id)
        if phase not in _WITH_PROCESS:
            self._drop_handle(followed)
        elif followed.pidfd is None:
            self._take_handle(instance_id, followed, seen.process)
        now = time.monotonic()
        if phase is not followed.phase:
            followed.phase, followed.since = phase, now
            self._changed = now
        begins = phase in _OF_NO_HURRY and followed.told is not Phase.READY
        can_wait = begins and now < followed.since + NO_HURRY_S
        if phase is not followed.told and not can_wait:
            followed.told = phase
            self._wake(seen.observation.owner)

    def _take_handle(
        self, instance_id: InstanceId, followed: _Followed, process: ProcessId | None
    ) -> None:
        if process is None:
            return
        try:
            pidfd = process.handle()
        except OSError:  # too many open files: the slow turns still see it
            return
        if pidfd is None:
            self._moving.add(instance_id)
            return
        followed.pidfd = pidfd
        asyncio.get_running_loop().add_reader(pidfd, self._ended, instance_id)

    def _ended(self, instance_id: InstanceId) -> None:
        followed = self._followed.get(instance_id)
        if followed is not None:
            self._drop_handle(followed)
            self.follow(instance_id)

    def _drop_handle(self, followed: _Followed) -> None:
        if followed.pidfd is not None:
            asyncio.get_running_loop().remove_reader(followed.pidfd)
            os.close(followed.pidfd)
            followed.pidfd = None
