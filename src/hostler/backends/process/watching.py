"""Notices what becomes of instances: soon while they are in motion, by pidfd and rarely at rest.

Invariant: losing a notice loses time, never truth: control looks again by itself.
"""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from hostler.backends.process.observing import Seen
from hostler.domain.ids import EndpointId, InstanceId
from hostler.domain.instance import Phase
from hostler.modelserver.identity import ProcessId

FAST_S = 0.01
PATIENT_S = 0.05
FAST_FOR_S = 5.0
"""For so long after the last change the instances in motion are looked at every FAST_S."""
SLOW_S = 0.5
SLOW_LOOKS = 8
"""So many instances at rest are looked at in a slow turn, each in its turn."""

Look = Callable[[InstanceId], Seen | None]
Wake = Callable[[EndpointId], None]

_AT_REST = (Phase.PREPARING, Phase.READY, Phase.EXITED, Phase.ABSENT)
"""Phases that end by a notice: of a preparation's end, of a process's, or of nothing."""


@dataclass(slots=True)
class _Followed:
    phase: Phase | None = None
    pidfd: int | None = None


class Watcher:
    """Follows instances and wakes their owners. Lives on one event loop."""

    def __init__(self, look: Look) -> None:
        self._look = look
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
        self._followed.setdefault(instance_id, _Followed())
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
            for instance_id in list(self._moving):
                self._visit(instance_id)
            if not self._moving:
                # By insertion order: whoever was looked at goes to the end of the line.
                for instance_id in list(itertools.islice(self._followed, SLOW_LOOKS)):
                    self._followed[instance_id] = self._followed.pop(instance_id)
                    self._visit(instance_id)
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._stirred.wait()

    def _pause_s(self) -> float:
        if not self._moving:
            return SLOW_S
        return FAST_S if time.monotonic() < self._changed + FAST_FOR_S else PATIENT_S

    def _visit(self, instance_id: InstanceId) -> None:
        seen = self._look(instance_id)
        followed = self._followed.get(instance_id)
        if followed is None:
            return
        if seen is None:
            self.forget(instance_id)
            return
        phase = seen.observation.phase
        if phase in _AT_REST:
            self._moving.discard(instance_id)
        else:
            self._moving.add(instance_id)
        if phase is Phase.READY and followed.pidfd is None:
            self._take_handle(instance_id, followed, seen.process)
        elif phase is not Phase.READY:
            self._drop_handle(followed)
        if phase is not followed.phase:
            followed.phase = phase
            self._changed = time.monotonic()
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
