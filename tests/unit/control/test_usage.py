"""What instances use becomes CloudWatch's metrics, once a minute and instance."""

import asyncio
from collections.abc import Mapping

from hostler.control.usage import UsageSampler
from hostler.domain.ids import InstanceId
from hostler.domain.usage import Extent, GpuUse, Usage
from hostler.store.database import Store
from hostler.telemetry import metrics
from instance_specs import instance_spec

START = 1_700_000_040.0
DIMENSIONS = [("EndpointName", "demo"), ("VariantName", "v")]


class Clock:
    def now(self) -> float:
        return START


class Machine:
    """Two instances, each busier than the one before it; the second one has a GPU."""

    def __init__(self) -> None:
        self.looks = 0

    def read(self) -> Mapping[InstanceId, Usage]:
        self.looks += 1
        return {InstanceId(f"i-{number}"): self._usage(number) for number in (1, 2)}

    def _usage(self, number: int) -> Usage:
        spec = instance_spec(f"i-{number}", variant_name="v", memory_bytes=1000)
        gpus = [GpuUse("GPU-1", 40.0, Extent(1, 4))] if number == 2 else []
        used = {"all": 30.0 * number * self.looks}
        at = 60.0 * self.looks
        return Usage(spec, at, used, Extent(250 * number, 1000), Extent(3, 4), gpus)


def test_a_value_a_minute_and_instance() -> None:
    store = Store("sqlite://", inline=True, tables=metrics.metadata)
    store.create_tables()
    sampler = UsageSampler(store, Machine(), Clock())

    async def two_looks() -> None:
        await sampler.sample()
        await sampler.sample()

    asyncio.run(two_looks())

    def read(name: str) -> tuple[str, float, float, float]:
        metric = metrics.metric(
            "123456789012", "us-east-1", "/aws/sagemaker/Endpoints", name, DIMENSIONS
        )
        (found,) = store.run(
            lambda tx: metrics.read(tx, metric, period_s=60, start_s=0, end_s=START + 60)
        )
        return found.unit, found.point.count, found.point.total, found.point.greatest

    assert read("CPUUtilization") == ("Percent", 2, 150.0, 100.0)
    assert read("MemoryUtilization") == ("Percent", 4, 150.0, 50.0)
    assert read("DiskUtilization") == ("Percent", 4, 300.0, 75.0)
    assert read("GPUUtilization") == ("Percent", 2, 80.0, 40.0)
    assert read("GPUMemoryUtilization") == ("Percent", 2, 50.0, 25.0)
    last = sampler.percents[InstanceId("i-2")][1]
    assert (last["CPUUtilization"], last["MemoryUtilization"]) == (100.0, 50.0)
    store.close()
