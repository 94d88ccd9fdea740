"""Actions on a backend: all are tried, and what failed is said afterwards."""

from collections.abc import Sequence

import pytest

from hostler.control.execute import Executor
from hostler.domain.ids import EndpointId, InstanceId
from hostler.domain.instance import InstanceSpec
from hostler.planning.plan import RemoveInstance, StopInstance
from hostler.sim import loop as virtual
from hostler.sim.backend import Boot, FakeBackend
from hostler.sim.world import StartClock

ONE, TWO = InstanceId("i-1"), InstanceId("i-2")


class Failing(FakeBackend):
    """Fails to stop one instance."""

    async def stop(self, instance_id: InstanceId, grace_s: float) -> None:
        if instance_id == ONE:
            raise OSError("no")
        self.stopped = (instance_id, grace_s)

    stopped: tuple[InstanceId, float] | None = None


def script(_spec: InstanceSpec, _launch: int) -> Boot:
    return Boot()


def test_one_that_fails_keeps_no_other_from_being_tried() -> None:
    async def story() -> None:
        backend = Failing(StartClock(0.0), script)
        executor = Executor(backend, nothing)
        with pytest.raises(ExceptionGroup) as caught:
            await executor.carry_out([StopInstance(ONE, 1.0), StopInstance(TWO, 2.0)])
        assert [str(each) for each in caught.value.exceptions] == ["no"]
        assert backend.stopped == (TWO, 2.0)

    virtual.run(story())


def test_an_instance_is_listened_to_before_it_is_removed() -> None:
    order: list[str] = []

    class Removing(FakeBackend):
        async def remove(self, instance_id: InstanceId) -> None:
            order.append(f"remove {instance_id}")

        async def observe(self, owner: EndpointId | None = None) -> Sequence[object]:  # type: ignore[override]
            return ()

    async def drain(instance_id: InstanceId) -> None:
        order.append(f"drain {instance_id}")

    async def story() -> None:
        await Executor(Removing(StartClock(0.0), script), drain).carry_out([RemoveInstance(ONE)])

    virtual.run(story())
    assert order == ["drain i-1", "remove i-1"]


async def nothing(_instance_id: InstanceId) -> None:
    return None
