"""Instances as processes of this machine: the InstanceBackend that needs nothing but Linux.

Invariant: an instance is its folder and its shim. This object remembers only what it is preparing
right now; everything else is read again from disk, by whoever runs next.
"""

import asyncio
import contextlib
import functools
import logging
import shutil
import signal
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from hostler.backends.process import cgroup, folders, observing
from hostler.backends.process.ahead import Ahead
from hostler.backends.process.environments import Environments
from hostler.backends.process.isolation import Tier
from hostler.backends.process.launch import Manners
from hostler.backends.process.preparing import PreparationError, Preparer
from hostler.backends.process.register import Register
from hostler.backends.process.room import Room
from hostler.backends.process.runtimes import Runtimes
from hostler.backends.process.watching import Watcher
from hostler.backends.process.zygotes import Zygotes
from hostler.domain.config import Batching, Instances
from hostler.domain.ids import Arn, EndpointId, InstanceId
from hostler.domain.instance import FailureCause, InstanceSpec, Observation
from hostler.domain.layout import Layout
from hostler.domain.model import Container
from hostler.domain.ports import Clock, ModelDataSource
from hostler.modelserver import folder, page

_log = logging.getLogger(__name__)

GROUP_AGE_S = 60.0
"""A control group that is empty so long after it was made belongs to nobody."""
KILL_MARGIN_S = 1.0
"""After the grace, the shim itself kills its workers; so much later we kill the shim."""


class ProcessBackend:
    """Implements ``InstanceBackend`` on one event loop; ``close`` leaves instances running."""

    def __init__(
        self,
        layout: Layout,
        *,
        runtimes: Runtimes,
        environments: Environments,
        model_data: ModelDataSource,
        zygotes: Zygotes,
        tier: Tier,
        clock: Clock,
        instances: Instances,
        output_bytes_per_s: int = 0,
    ) -> None:
        self._layout = layout
        self._instances = str(layout.instances)
        self._tier = tier
        self._clock = clock
        self._preparer = Preparer(
            layout,
            runtimes=runtimes,
            environments=environments,
            model_data=model_data,
            zygotes=zygotes,
            tier=tier,
            room=Room(layout, instances),
            manners=Manners(
                instances.batching is Batching.EXACT,
                output_bytes_per_s,
                str(layout.mount_point) if instances.spares and tier.namespaces else None,
            ),
        )
        self._ahead = Ahead(layout.prepared, self._preparer)
        self._preparing: dict[InstanceId, asyncio.Task[None]] = {}
        self._register = Register(layout.instances)
        self._watcher = Watcher(self._look, self._glance)
        self._recovered = False
        self._sweeping: asyncio.Task[None] | None = None

    async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
        """Make ready what instances of a model will need, and return when it was tried."""
        self._recover()
        await self._ahead.prepare(model, container, role_arn)

    async def give_up(self, model: Arn) -> None:
        """Delete what was made ready for a model and is used by no instance and no other model."""
        self._recover()
        await self._ahead.give_up(model)

    async def launch(self, spec: InstanceSpec) -> None:
        """Begin to prepare and start an instance; a second call with its id changes nothing."""
        self._recover()
        instance_id = spec.instance_id
        if instance_id in self._preparing:
            return
        path = self._layout.instance(instance_id)
        if not path.exists():
            folders.create(path, spec, self._tier.users)
        seen = self._look(instance_id)
        if seen is None or seen.process is not None or seen.observation.exit is not None:
            return
        task = asyncio.create_task(self._prepare(spec, path), name=f"prepare {instance_id}")
        self._preparing[instance_id] = task
        task.add_done_callback(functools.partial(self._prepared, instance_id))
        self._watcher.follow(instance_id)

    async def stop(self, instance_id: InstanceId, grace_s: float) -> None:
        """Ask it to finish and end; after ``grace_s`` seconds it is killed. Returns at once."""
        self._recover()
        path = self._layout.instance(instance_id)
        task = self._preparing.get(instance_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if not path.exists():
            return
        with folders.opened(path) as directory:
            if folder.read_json(directory, folder.EXIT) is not None:
                return
            due = time.monotonic() + grace_s + KILL_MARGIN_S
            before = folder.read_json(directory, folder.STOP)
            if before is not None:
                due = min(due, float(before["deadline_monotonic"]))
            asked = {"grace_s": grace_s, "deadline_monotonic": due}
            folder.write_json(directory, folder.STOP, asked)
            process = observing.read_shim(directory)
        if process is not None:
            process.signal(signal.SIGTERM)
        else:
            # Nothing runs, or a launch that another life of ours began: its shim reads the file.
            text = "the instance was stopped before it ran"
            folders.end(path, FailureCause.EXITED, text, self._clock.now())
        self._watcher.follow(instance_id)

    async def remove(self, instance_id: InstanceId) -> None:
        """Forget an EXITED or ABSENT instance and delete what it left on disk."""
        self._recover()
        seen = self._look(instance_id)
        if instance_id in self._preparing or (seen is not None and _runs(seen)):
            raise RuntimeError(f"{instance_id} is removed while it runs")
        self._watcher.forget(instance_id)
        self._register.forget(instance_id)
        path = self._layout.instance(instance_id)
        if not path.exists():
            return
        await self._remove_cgroups(path)
        used = [(shared, shared.used_by(path)) for shared in self._preparer.shared]
        gone = folders.retire(path)
        await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)
        for shared, key in used:
            if key is not None:
                await shared.release(key)

    async def observe(self, owner: EndpointId | None = None) -> Sequence[Observation]:
        """Every instance of an owner (or of all, orphans included), as the world shows it now."""
        self._recover()
        listed = self._register.all() if owner is None else self._register.of(owner)
        looked = (self._look(instance_id) for instance_id in listed)
        return [seen.observation for seen in looked if seen is not None]

    async def owners(self) -> Collection[EndpointId]:
        """Everybody who has an instance here, in whatever phase."""
        self._recover()
        return self._register.owners()

    def watch(self, wake: Callable[[EndpointId], None]) -> None:
        """Call ``wake`` with the owner when something about its instances may have changed."""
        self._recover()
        self._watcher.start(wake)
        for instance_id in self._register.all():
            self._watcher.follow(instance_id)

    async def close(self) -> None:
        """Stop watching and preparing; what was being prepared is for the next life to launch."""
        await self._watcher.close()
        tasks = [*self._preparing.values()]
        if self._sweeping is not None:
            tasks.append(self._sweeping)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _recover(self) -> None:
        """Once: clear away what an earlier life left half-made."""
        if self._recovered:
            return
        self._recovered = True
        folders.sweep(self._layout.instances)
        self._register.all()
        self._ahead.recover()
        self._sweeping = asyncio.get_running_loop().create_task(self._sweep(), name="sweep models")

    async def _sweep(self) -> None:
        if self._tier.cgroups is not None:
            cgroup.sweep(self._tier.cgroups, older_than=time.time() - GROUP_AGE_S)
        for shared in self._preparer.shared:
            await shared.sweep()

    async def _prepare(self, spec: InstanceSpec, path: Path) -> None:
        try:
            await self._preparer.run(spec, path)
        except PreparationError as error:
            folders.end(path, error.cause, error.message, self._clock.now())

    def _prepared(self, instance_id: InstanceId, task: asyncio.Task[None]) -> None:
        del self._preparing[instance_id]
        error = None if task.cancelled() else task.exception()
        if error is not None:  # a defect of ours: an end that is seen, instead of silence
            _log.error("preparing %s failed", instance_id, exc_info=error)
            path = self._layout.instance(instance_id)
            folders.end(path, FailureCause.PLATFORM, repr(error), self._clock.now())
        self._watcher.follow(instance_id)

    def _look(self, instance_id: InstanceId) -> observing.Seen | None:
        """What an instance shows, after the little that is ours to do about it at once."""
        path = self._layout.instance(instance_id)
        spec = self._register.spec(instance_id)
        if spec is None or not path.exists():
            self._register.forget(instance_id)
            return None
        preparing = instance_id in self._preparing
        now = self._clock.now()
        seen = observing.observe(path, spec, now, preparing=preparing)
        if seen.kill_due and seen.process is not None:
            seen.process.signal(signal.SIGKILL)
        if seen.unexplained:
            with contextlib.suppress(OSError):  # a full disk: said again at the next look
                folders.explain(path, now)
                return observing.observe(path, spec, now, preparing=preparing)
        return seen

    def _glance(self, instance_id: InstanceId) -> bytes:
        return page.states(f"{self._instances}/{instance_id}/{folder.SOCKETS}/{page.FILE_NAME}")

    async def _remove_cgroups(self, path: Path) -> None:
        for _ in range(20):  # the kernel lets go of a dead process's group a little later
            if folders.remove_cgroups(path):
                return
            await asyncio.sleep(0.01)
        _log.warning("a control group of %s is still in use", path.name)


def _runs(seen: observing.Seen) -> bool:
    return seen.process is not None and seen.observation.exit is None
