"""What instances use of their machine, as SageMaker's metrics of instances.

Invariant: pure. Each instance gives one value a minute, so SampleCount is how many there were.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Iterator

from hostler.domain.usage import Usage
from hostler.telemetry import metrics, points
from hostler.telemetry.metrics import Sample

NAMESPACE = "/aws/sagemaker/Endpoints"
RESOLUTION_S = 60


def values(now: Usage, before: Usage | None) -> Iterator[tuple[str, float]]:
    """The metrics in percent; processor time only where an earlier moment is known."""
    if before is not None:
        yield "CPUUtilization", now.processor_percent(before)
    yield "MemoryUtilization", now.memory.percent
    yield "DiskUtilization", now.disk.percent
    if now.gpus:
        yield "GPUUtilization", sum(gpu.busy_percent for gpu in now.gpus)
        yield "GPUMemoryUtilization", sum(gpu.memory.percent for gpu in now.gpus)


def samples(now: Usage, before: Usage | None, time_s: float) -> Iterator[Sample]:
    """The same as samples of CloudWatch's (``time_s``: since the epoch)."""
    spec = now.spec
    dimensions = (("EndpointName", spec.endpoint_name), ("VariantName", spec.variant_name))
    for name, value in values(now, before):
        metric = metrics.metric(spec.account, spec.region, NAMESPACE, name, dimensions)
        point = points.of_values([(value, 1.0)])
        yield Sample(metric, time_s, RESOLUTION_S, "Percent", point)
