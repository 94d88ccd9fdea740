"""ConcurrentRequestsPerModel: how many requests an instance works on at once, each ten seconds.

Invariant: pure. A bin's value is the time that its requests took, divided by the bin's length and
the variant's instances (Little's law), so it is the same however many gateways counted them. It is
made once, a little after the bin's end; a request is spread over the bins that it lasted in, as far
as those are still open.

Bins are kept in memory alone: a restart of control loses the last one or two of each variant.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from hostler.domain.subject import Subject
from hostler.telemetry import endpoint_metrics, levels
from hostler.telemetry.endpoint_metrics import Record
from hostler.telemetry.metrics import Sample

BIN_S = 10
LATE_S = 3.0
"""How long after a bin its last records come: gateways write each second, control reads in two."""
QUIET_S = 120
"""How long after its last request a variant still has zeros each ten seconds; minutes follow."""


@dataclass(slots=True)
class _Bins:
    next: int
    """The first bin that is still open (epoch seconds)."""
    last: int
    """The last one with a request."""
    busy_s: dict[int, float] = field(default_factory=dict)


class Concurrency:
    """Collects gateways' records, and makes a sample of each bin that is complete."""

    def __init__(self) -> None:
        self._variants: dict[Subject, _Bins] = {}

    @property
    def busy(self) -> Collection[Subject]:
        """The variants that have values each ten seconds."""
        return self._variants.keys()

    def add(self, record: Record) -> None:
        """Count a record's requests, in the bins that they lasted in."""
        spread = record.model_us
        busy_s = spread.sum / 1e6
        answered = sum(count for bucket, count in spread.buckets.items() if bucket)
        lasted_s = max(1.0, busy_s / answered) if answered else 1.0
        begin = record.at - lasted_s
        known = self._variants.get(record.subject)
        newest = levels.start_of(record.at, BIN_S)
        if known is None:
            oldest = levels.start_of(begin, BIN_S)
            known = self._variants[record.subject] = _Bins(oldest, newest)
        known.last = max(known.last, newest)
        for start in range(levels.start_of(begin, BIN_S), newest + 1, BIN_S):
            inside_s = min(record.at, start + BIN_S) - max(begin, start)
            place = max(start, known.next)
            share_s = busy_s * inside_s / lasted_s
            known.busy_s[place] = known.busy_s.get(place, 0.0) + share_s

    def complete(self, now_s: float, instances: Mapping[Subject, int]) -> Iterator[Sample]:
        """A sample of each bin that no record will come for any more; those are forgotten.

        Args:
            now_s: Epoch seconds.
            instances: How many each variant has; one that is not there has no sample.
        """
        end = levels.start_of(now_s - LATE_S, BIN_S)
        for subject, bins in list(self._variants.items()):
            until = min(end, bins.last + QUIET_S + BIN_S)  # the machine may have slept for hours
            for start in range(bins.next, until, BIN_S):
                busy_s = bins.busy_s.pop(start, 0.0)
                if count := instances.get(subject):
                    yield endpoint_metrics.concurrent(subject, start, BIN_S, busy_s / BIN_S / count)
            bins.next = max(bins.next, end)
            if bins.next - bins.last > QUIET_S:
                del self._variants[subject]
