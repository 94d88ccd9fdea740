"""What happened, as numbers: integers in plain memory, a record of the changes each second.

Invariant: pure memory, no I/O and no clock; a variant's counters cost a few additions a request,
and the number of variants in the snapshot, or there lately, bounds what is kept.

A record is one line of JSON; ``telemetry.endpoint_metrics`` reads it, and knows the versions.
"""

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any, TypeVar

from hostler.domain.errors import CallerError
from hostler.domain.latencies import BUCKETS, bucket_floor, bucket_of
from hostler.domain.subject import Side, Subject

VERSION = 1

EXAMPLES_MAX = 16
"""Of a shadow's differences in a record: some 5 KB each, of which one is made in ten seconds."""
_TABLE_US = 1 << 16
"""Below this a table knows the bucket: one look instead of a calculation."""


def _table() -> bytes:
    floors = [bucket_floor(bucket) for bucket in range(bucket_of(_TABLE_US) + 1)]
    widths = (after - floor for floor, after in pairwise(floors))
    return b"".join(bytes((bucket,)) * width for bucket, width in enumerate(widths))


_BUCKETS = _table()


class Histogram:
    """Latencies in µs."""

    __slots__ = ("buckets", "total_us")

    def __init__(self) -> None:
        self.buckets = [0] * BUCKETS
        self.total_us = 0

    def drain(self) -> dict[str, Any]:
        """The counts since the last call, by bucket."""
        counts = {str(bucket): count for bucket, count in enumerate(self.buckets) if count}
        found = {"sum": self.total_us, "buckets": counts}
        self.buckets = [0] * BUCKETS
        self.total_us = 0
        return found


class ServerlessCounters:
    """What is counted besides of a serverless variant, since the last record."""

    __slots__ = ("_most", "_peak", "_provisioned", "_provisioned_calls", "_setup", "_spilled")

    def __init__(self) -> None:
        self._most = 1
        self._provisioned = 0
        self._setup = Histogram()
        self._begin()

    def _begin(self) -> None:
        self._peak = self._provisioned_calls = self._spilled = 0

    def admitted(self, in_flight: int, most: int, provisioned: int) -> None:
        """One came: it makes ``in_flight`` requests, of ``most`` that there may be."""
        self._most, self._provisioned = most, provisioned
        self._peak = max(self._peak, in_flight)
        if provisioned:
            if in_flight <= provisioned:
                self._provisioned_calls += 1
            else:
                self._spilled += 1

    def set_up(self, microseconds: int) -> None:
        """Requests had to wait so long for the first environment."""
        self._setup.total_us += microseconds
        self._setup.buckets[bucket_of(microseconds)] += 1

    def drain(self) -> dict[str, Any]:
        """The numbers since the last call."""
        found = {
            "max_concurrency": self._most,
            "peak": self._peak,
            "provisioned": self._provisioned,
            "provisioned_calls": self._provisioned_calls,
            "spilled": self._spilled,
            "setup_us": self._setup.drain(),
        }
        self._begin()
        return found


class Counters:
    """One variant's numbers since the last record."""

    __slots__ = (
        "errors_4xx",
        "errors_5xx",
        "gone_s",
        "invocations",
        "model",
        "overhead",
        "serverless",
    )

    def __init__(self) -> None:
        self.serverless: ServerlessCounters | None = None
        self.gone_s: float | None = None
        """Since when its variant is not in the snapshot (monotonic); None while it is."""
        self.invocations = 0
        self.errors_4xx = 0
        self.errors_5xx = 0
        self.model = Histogram()
        self.overhead = Histogram()

    def answered(self, status: int, model_us: int, overhead_us: int) -> None:
        """An instance answered with ``status``, or failed to (500)."""
        self.invocations += 1
        if status >= 400:
            if status < 500:
                self.errors_4xx += 1
            else:
                self.errors_5xx += 1
        model, overhead = self.model, self.overhead
        model.total_us += model_us
        model.buckets[_BUCKETS[model_us] if model_us < _TABLE_US else bucket_of(model_us)] += 1
        overhead.total_us += overhead_us
        overhead.buckets[
            _BUCKETS[overhead_us] if overhead_us < _TABLE_US else bucket_of(overhead_us)
        ] += 1

    def left(self) -> None:
        """The caller went away before there was an answer: a call, and no latency."""
        self.answered(200, model_us=0, overhead_us=0)

    @property
    def has_news(self) -> bool:
        """Whether anything was counted since the last record."""
        return self.invocations > 0

    def refused(self, failure: CallerError) -> None:
        """It was routed here, and the gateway refused it."""
        self.invocations += 1
        if (failure.status or 400) < 500 and failure.code != "ServiceUnavailable":
            self.errors_4xx += 1
        else:
            self.errors_5xx += 1

    def drain(self) -> dict[str, Any]:
        """The numbers since the last call."""
        found = {
            "invocations": self.invocations,
            "errors_4xx": self.errors_4xx,
            "errors_5xx": self.errors_5xx,
            "model_us": self.model.drain(),
            "overhead_us": self.overhead.drain(),
        }
        if self.serverless is not None:
            found["serverless"] = self.serverless.drain()
        self.invocations = self.errors_4xx = self.errors_5xx = 0
        return found


def told(until_s: float, *, ended: bool = False) -> dict[str, Any]:
    """The record that says how far the others go.

    Args:
        until_s: Every call that was admitted before is recorded (monotonic s of this machine).
        ended: Nothing follows, and nothing was lost.
    """
    return {"v": VERSION, "until": until_s, "ended": ended}


class ShadowCounters(Counters):
    """A shadow variant's: how much it was sent, what it was not, and whether it agrees."""

    __slots__ = ("_agreements", "_drops", "_examples", "_uncompared", "copied")

    def __init__(self) -> None:
        super().__init__()
        self.copied = 0
        self._drops: dict[str, int] = {}
        self._agreements: dict[str, int] = {}
        self._uncompared = 0
        self._examples: list[str] = []

    @property
    def has_news(self) -> bool:
        heard = self._agreements or self._uncompared
        return bool(self.invocations or self.copied or self._drops or heard)

    def drop(self, why: str) -> None:
        """A request that was its share did not get to it, or was not taken."""
        _tally(self._drops, why)

    def compared(self, agreement: str | None) -> None:
        """Its answer was held against the caller's; None where that was too much work."""
        if agreement is None:
            self._uncompared += 1
        else:
            _tally(self._agreements, agreement)

    def example(self, told: str) -> None:
        """One of the differences, to be written down; while none can be, the first are kept."""
        if len(self._examples) < EXAMPLES_MAX:
            self._examples.append(told)

    def drain(self) -> dict[str, Any]:
        found = super().drain()
        found["shadow"] = {
            "copied": self.copied,
            "dropped": self._drops,
            "agreements": self._agreements,
            "uncompared": self._uncompared,
            "examples": self._examples,
        }
        self._examples = []
        self.copied = self._uncompared = 0
        self._drops, self._agreements = {}, {}
        return found


def _tally(counts: dict[str, int], name: str) -> None:
    """One more; an enum's value, as a record's keys are plain strings."""
    plain = str(name)
    counts[plain] = counts.get(plain, 0) + 1


C = TypeVar("C", bound=Counters)
K = TypeVar("K", Side, Subject)


class Recorder:
    """The counters of every variant."""

    def __init__(self) -> None:
        self._counters: dict[Side, Counters] = {}
        self._shadows: dict[Subject, ShadowCounters] = {}

    def counters(self, subject: Subject, config: str = "") -> Counters:
        """A variant's counters; the same object for as long as it is kept.

        Args:
            subject: The variant.
            config: Of the deployment, while it is one of two (``domain.snapshot``).
        """
        side = Side(subject, config)
        found = self._counters.get(side)
        if found is None:
            found = self._counters[side] = Counters()
        return found

    def shadow(self, subject: Subject) -> ShadowCounters:
        """The same of a shadow variant."""
        found = self._shadows.get(subject)
        if found is None:
            found = self._shadows[subject] = ShadowCounters()
        return found

    def records(self, at: float) -> Iterator[dict[str, Any]]:
        """A record for each variant that was invoked since the last call (``at``: epoch s)."""
        shadows = ((Side(subject), counters) for subject, counters in self._shadows.items())
        for (subject, config), counters in (*self._counters.items(), *shadows):
            if counters.has_news:
                yield {
                    "v": VERSION,
                    "at": at,
                    "account": subject.account,
                    "region": subject.region,
                    "endpoint": subject.endpoint,
                    "variant": subject.variant,
                    **({"config": config} if config else {}),
                    **counters.drain(),
                }

    def keep_only(
        self,
        sides: Collection[Side],
        shadows: Collection[Subject] = (),
        *,
        now: float,
        call_s_max: float,
    ) -> None:
        """Forget variants that are gone and have nothing left to tell.

        A call that was under way as they went is still counted as theirs.

        Args:
            sides: Those of production that are in the snapshot.
            shadows: The shadows that are.
            now: Monotonic s.
            call_s_max: How long a call is under way at most.
        """
        _forget(self._counters, sides, now, now - call_s_max)
        _forget(self._shadows, shadows, now, now - call_s_max)


def _forget(counted: dict[K, C], kept: Collection[K], now: float, before: float) -> None:
    for whose, counters in list(counted.items()):
        if whose in kept:
            counters.gone_s = None
        elif counters.gone_s is None:
            counters.gone_s = now
        elif counters.gone_s < before and not counters.has_news:
            del counted[whose]
