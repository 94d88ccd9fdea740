"""What gateways counted, summed since this process began: the counters that Prometheus reads.

Invariant: counters only grow while a variant is known, and are the sum over all gateways, as each
record is added once. A histogram's bounds are powers of two of microseconds, which the recorded
buckets have among theirs, so its counts are exact.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from hostler.domain import latencies
from hostler.domain.subject import Subject
from hostler.telemetry.endpoint_metrics import Latencies, Record, Shadow
from hostler.telemetry.exposition import Family, Kind

BOUNDS_US = tuple(1 << power for power in range(7, 27))
"""0.13 ms to 67 s."""
_FIRST_BEHIND = tuple(latencies.bucket_of(bound) for bound in BOUNDS_US)
UNCOMPARED = "uncompared"
RESULTS = ("equal", "close", "different", UNCOMPARED)
"""What became of a shadow's answer beside its caller's; each is shown from the first copy on."""


@dataclass(slots=True)
class Spread:
    """Latencies."""

    counts: list[int] = field(default_factory=lambda: [0] * latencies.BUCKETS)
    total_us: int = 0

    def add(self, more: Latencies) -> None:
        self.total_us += more.sum
        for bucket, count in more.buckets.items():
            self.counts[bucket] += count

    def cumulative(self, *, since: int) -> Iterator[tuple[float, int]]:
        """(Upper bound in s, how many up to it), of the recorded buckets from one on."""
        running = [0, *accumulate(self.counts)]
        for bound, behind in zip(BOUNDS_US, _FIRST_BEHIND, strict=True):
            yield bound / 1e6, running[behind] - running[since]


@dataclass(slots=True)
class Mirrored:
    """What is particular to a shadow variant."""

    copied: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    """By reason."""
    compared: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(RESULTS, 0)))
    """By result."""

    def add(self, more: Shadow) -> None:
        self.copied += more.copied
        self.dropped.update(more.dropped)
        self.compared.update(more.agreements)
        self.compared[UNCOMPARED] += more.uncompared


@dataclass(slots=True)
class Total:
    """One variant's."""

    invocations: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    model: Spread = field(default_factory=Spread)
    overhead: Spread = field(default_factory=Spread)
    mirrored: Mirrored | None = None
    """Of a shadow variant."""

    def add(self, record: Record) -> None:
        self.invocations += record.invocations
        self.errors_4xx += record.errors_4xx
        self.errors_5xx += record.errors_5xx
        self.model.add(record.model_us)
        self.overhead.add(record.overhead_us)
        if record.shadow is not None:
            self.mirrored = self.mirrored or Mirrored()
            self.mirrored.add(record.shadow)


class Totals:
    """Every variant's."""

    def __init__(self) -> None:
        self._totals: dict[Subject, Total] = {}

    def add(self, record: Record) -> None:
        """One record more."""
        self._totals.setdefault(record.subject, Total()).add(record)

    def keep_only(self, subjects: Collection[Subject]) -> None:
        """Forget variants that are gone."""
        for gone in self._totals.keys() - set(subjects):
            del self._totals[gone]

    def families(self) -> Iterator[Family]:
        """As Prometheus has them."""
        invocations = Family("hostler_invocations_total", Kind.COUNTER, "Calls of an endpoint.")
        errors = Family(
            "hostler_invocation_errors_total", Kind.COUNTER, "Calls that failed, by their status."
        )
        refused = Family(
            "hostler_invocations_refused_total",
            Kind.COUNTER,
            "Calls that no instance was asked: there was none, or too many waited.",
        )
        model = Family(
            "hostler_model_latency_seconds", Kind.HISTOGRAM, "How long instances took to answer."
        )
        overhead = Family(
            "hostler_overhead_latency_seconds", Kind.HISTOGRAM, "How long Hostler took beside."
        )
        for subject, total in sorted(self._totals.items()):
            labels = labels_of(subject)
            invocations.add(total.invocations, **labels)
            errors.add(total.errors_4xx, **labels, status="4xx")
            errors.add(total.errors_5xx, **labels, status="5xx")
            refused.add(max(0, total.invocations - sum(total.model.counts)), **labels)
            _add(model, labels, total.model, since=1)  # 0 µs: the instance gave no answer
            _add(overhead, labels, total.overhead, since=0)
        yield from (invocations, errors, refused, model, overhead)
        yield from self._of_shadows()

    def _of_shadows(self) -> Iterator[Family]:
        copied = Family(
            "hostler_shadow_copied_total",
            Kind.COUNTER,
            "Requests that were put in line for the shadow variant.",
        )
        dropped = Family(
            "hostler_shadow_dropped_total",
            Kind.COUNTER,
            "Requests of its share that were not, or that no instance took, by reason.",
        )
        compared = Family(
            "hostler_shadow_answers_total",
            Kind.COUNTER,
            "The shadow's answers, by how they compare with what the callers got.",
        )
        for subject, total in sorted(self._totals.items()):
            if total.mirrored is None:
                continue
            labels = labels_of(subject)
            copied.add(total.mirrored.copied, **labels)
            for reason, count in sorted(total.mirrored.dropped.items()):
                dropped.add(count, **labels, reason=reason)
            for result, count in total.mirrored.compared.items():
                compared.add(count, **labels, result=result)
        yield from (copied, dropped, compared)


def labels_of(subject: Subject) -> Mapping[str, str]:
    """Whose numbers they are."""
    return subject._asdict()


def _add(family: Family, labels: Mapping[str, str], spread: Spread, *, since: int) -> None:
    buckets = list(spread.cumulative(since=since))
    family.add_histogram(labels, buckets, spread.total_us / 1e6, sum(spread.counts[since:]))
