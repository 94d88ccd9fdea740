"""What a gateway's record says, as SageMaker's metrics of endpoint invocations.

Invariant: pure. Counts and sums are exact; a latency is known to its bucket (four to a doubling),
so the least, the greatest and percentiles of latencies are within 1/8, and the sketch's own error.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

import msgspec

from hostler.domain import latencies
from hostler.domain.subject import Side, Subject
from hostler.telemetry import metrics, points
from hostler.telemetry.metrics import Sample
from hostler.telemetry.points import Point

NAMESPACE = "AWS/SageMaker"
OWN_NAMESPACE, CALLS_LOST = "Hostler", "CallsLost"
SHADOW_NAMESPACE = "Hostler/Shadow"
"""AWS has no metrics of what is copied and compared."""
VERSION = 1
RESOLUTION_S = 60
COUNTED = (
    "Invocations",
    "Invocation4XXErrors",
    "Invocation5XXErrors",
    "InvocationModelErrors",
    "InvocationsPerInstance",
)
"""Those that are 0 without traffic; latencies then have no values."""
CONCURRENT = "ConcurrentRequestsPerModel"
"""Also 0 without traffic; it is made by ``telemetry.concurrency``."""

UTILIZATION = "ServerlessConcurrentExecutionsUtilization"
PROVISIONED_EXECUTIONS = "ServerlessProvisionedConcurrencyExecutions"
PROVISIONED_UTILIZATION = "ServerlessProvisionedConcurrencyUtilization"
PROVISIONED_INVOCATIONS = "ServerlessProvisionedConcurrencyInvocations"
SPILLOVER = "ServerlessProvisionedConcurrencySpilloverInvocations"


Bucket = Annotated[int, msgspec.Meta(ge=0, lt=latencies.BUCKETS)]


class Latencies(msgspec.Struct, frozen=True):
    """As ``gateway.record.Histogram`` drains: the sum in µs, and counts by bucket."""

    sum: int
    buckets: dict[Bucket, int]


class Serverless(msgspec.Struct, frozen=True):
    """What a record says besides of a serverless variant."""

    max_concurrency: int
    peak: int
    """The most requests at once that had come and were not answered."""
    provisioned: int
    provisioned_calls: int
    spilled: int
    setup_us: Latencies
    """How long requests waited for a first environment."""


class Shadow(msgspec.Struct, frozen=True):
    """What is particular to a shadow variant, as ``gateway.record.ShadowCounters`` drains."""

    copied: int
    dropped: dict[str, int]
    """By reason."""
    agreements: dict[str, int]
    """``equal``, ``close``, ``different``: its answers, held against those that callers got."""
    uncompared: int
    examples: tuple[str, ...] = ()
    """Of different answers, each a document of JSON; only where they are asked for."""


class Record(msgspec.Struct, frozen=True):
    """One second of one variant, as ``gateway.record`` writes it (``at`` in epoch seconds)."""

    v: int
    at: float
    account: str
    region: str
    endpoint: str
    variant: str
    invocations: int
    errors_4xx: int
    errors_5xx: int
    model_us: Latencies
    overhead_us: Latencies
    serverless: Serverless | None = None
    shadow: Shadow | None = None
    config: str = ""
    """Of the deployment, where it was one of two."""

    @property
    def subject(self) -> Subject:
        return Subject(self.account, self.region, self.endpoint, self.variant)

    @property
    def sides(self) -> tuple[Side, ...]:
        """Whose numbers they are: the variant's, and during a deployment its config's as well."""
        whole = Side(self.subject)
        return (whole, Side(self.subject, self.config)) if self.config else (whole,)


class Told(msgspec.Struct, frozen=True):
    """How far a gateway's records go, as ``gateway.record.told`` writes it.

    ``until``: every call that was admitted before is recorded (monotonic s of this machine);
    ``ended``: nothing follows, and nothing was lost.
    """

    v: int
    until: float
    ended: bool


_ZERO = points.of_values([(0.0, 1.0)])
_decode = msgspec.json.Decoder(Record).decode
_decode_told = msgspec.json.Decoder(Told).decode


def read(line: str) -> Record | Told | None:
    """A line of a spool; None where it is no record of a version that is known."""
    try:
        told = _decode_told(line) if '"until":' in line else None
        record = _decode(line) if told is None else None
    except msgspec.DecodeError:
        return None
    if told is not None:
        return told if told.v == VERSION else None
    assert record is not None
    says_something = record.invocations > 0 or record.shadow is not None
    return record if record.v == VERSION and says_something else None


def samples(record: Record, instances: Mapping[Side, int]) -> Iterator[Sample]:
    """The metrics of a record.

    Args:
        record: What was recorded.
        instances: How many each side has; where that is not known there is no
            InvocationsPerInstance.
    """
    if record.shadow is not None:
        yield from _of_shadow(record, record.shadow)
    for side in record.sides if record.invocations else ():
        yield from _samples(record, side, instances.get(side))


def _samples(record: Record, side: Side, instances: int | None) -> Iterator[Sample]:
    calls = record.invocations
    errors = record.errors_4xx + record.errors_5xx
    answered = sum(record.model_us.buckets.values())
    # What no instance was asked for is an error too, but not the model's.
    model_errors = max(0, errors - max(0, calls - answered))
    yield _sample(side, record.at, "Invocations", _repeated(1.0, calls))
    yield _sample(side, record.at, "Invocation4XXErrors", _of(record.errors_4xx, calls))
    yield _sample(side, record.at, "Invocation5XXErrors", _of(record.errors_5xx, calls))
    yield _sample(side, record.at, "InvocationModelErrors", _of(model_errors, calls))
    if instances:
        share = _repeated(1.0 / instances, calls)
        yield _sample(side, record.at, "InvocationsPerInstance", share)
    for name, spread in (
        ("ModelLatency", record.model_us),
        ("OverheadLatency", record.overhead_us),
    ):
        point = _latency(spread)
        if point is not None:
            yield _sample(side, record.at, name, point, "Microseconds")
    if record.serverless is not None:
        yield from _serverless(side, record.at, record.serverless)


def _serverless(side: Side, at: float, told: Serverless) -> Iterator[Sample]:
    """What only serverless variants have; shares are of 1, as AWS has them."""

    def sample(name: str, value: float) -> Sample:
        return _sample(side, at, name, _repeated(value, 1))

    yield sample(UTILIZATION, told.peak / max(1, told.max_concurrency))
    setup = _latency(told.setup_us)
    if setup is not None:
        yield _sample(side, at, "ModelSetupTime", setup, "Microseconds")
    if told.provisioned:
        busy = min(told.peak, told.provisioned)
        yield sample(PROVISIONED_EXECUTIONS, float(busy))
        yield sample(PROVISIONED_UTILIZATION, busy / told.provisioned)
        for name, calls in (
            (PROVISIONED_INVOCATIONS, told.provisioned_calls),
            (SPILLOVER, told.spilled),
        ):
            if calls:
                yield _sample(side, at, name, _repeated(1.0, calls))


def concurrent(subject: Subject, time_s: float, resolution_s: int, value: float) -> Sample:
    """How many requests each instance worked on at once, on average over some seconds."""
    sample = _sample(Side(subject), time_s, CONCURRENT, _repeated(value, 1))
    return sample._replace(resolution_s=resolution_s)


def zeros(
    side: Side, time_s: float, names: Iterable[str] = (*COUNTED, CONCURRENT)
) -> Iterator[Sample]:
    """The metrics of a minute without traffic."""
    for name in names:
        yield _sample(side, time_s, name, _ZERO)


def serverless_zeros(subject: Subject, provisioned: int, time_s: float) -> Iterator[Sample]:
    """The same of a serverless variant, which may have provisioned environments."""
    names = [name for name in COUNTED if name != "InvocationsPerInstance"] + [UTILIZATION]
    if provisioned:
        names += [
            PROVISIONED_EXECUTIONS,
            PROVISIONED_UTILIZATION,
            PROVISIONED_INVOCATIONS,
            SPILLOVER,
        ]
    for name in names:
        yield _sample(Side(subject), time_s, name, _ZERO)


def lost(account: str, region: str, time_s: float) -> Sample:
    """Hostler's own metric: records of calls of an account may have been lost until then."""
    metric = metrics.metric(account, region, OWN_NAMESPACE, CALLS_LOST, ())
    return Sample(metric, time_s, RESOLUTION_S, "Count", _repeated(1.0, 1))


def _of_shadow(record: Record, shadow: Shadow) -> Iterator[Sample]:
    """How much of its share a shadow was sent, and how far it agrees."""
    counts = {
        "Copied": shadow.copied,
        "Dropped": sum(shadow.dropped.values()),
        "Uncompared": shadow.uncompared,
        **{f"Answers{name.capitalize()}": count for name, count in shadow.agreements.items()},
    }
    for name, count in counts.items():
        if count > 0:
            yield _count(record, name, count)
    for why, count in shadow.dropped.items():
        if count > 0:
            yield _count(record, "Dropped", count, (("Reason", why),))


def _count(
    record: Record, name: str, count: int, further: tuple[tuple[str, str], ...] = ()
) -> Sample:
    dimensions = (*_dimensions(record.subject), *further)
    subject = record.subject
    metric = metrics.metric(subject.account, subject.region, SHADOW_NAMESPACE, name, dimensions)
    return Sample(metric, record.at, RESOLUTION_S, "Count", _repeated(1.0, count))


def _sample(side: Side, time_s: float, name: str, point: Point, unit: str = "None") -> Sample:
    subject = side.subject
    dimensions = [*_dimensions(subject)]
    if side.config:
        dimensions.append(("EndpointConfigName", side.config))
    metric = metrics.metric(subject.account, subject.region, NAMESPACE, name, dimensions)
    return Sample(metric, time_s, RESOLUTION_S, unit, point)


def _dimensions(subject: Subject) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("EndpointName", subject.endpoint), ("VariantName", subject.variant)


def _repeated(value: float, count: int) -> Point:
    return points.of_values([(value, float(count))])


def _of(errors: int, calls: int) -> Point:
    """1 for each call that failed, 0 for the others."""
    return points.of_values([(1.0, float(errors)), (0.0, float(max(0, calls - errors)))])


def _latency(spread: Latencies) -> Point | None:
    """The latencies of a record; those of 0 are of calls whose instance gave no answer."""
    counts = {bucket: count for bucket, count in spread.buckets.items() if count > 0}
    counts.pop(0, None)
    number = sum(counts.values())
    if not number:
        return None
    if number == 1:
        return points.of_values([(float(spread.sum), 1.0)])
    # The mean is between the least and the greatest, whatever their buckets' middles are.
    middles = [(latencies.bucket_middle(bucket), float(count)) for bucket, count in counts.items()]
    rough = points.of_values(middles)
    mean = spread.sum / number
    return Point(
        rough.count,
        float(spread.sum),
        min(rough.least, mean),
        max(rough.greatest, mean),
        rough.sketch,
    )
