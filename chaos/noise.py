"""Latencies under a fault beside those of quiet times of the same run.

A machine's own noise comes and goes: each disturbance is compared with the quiet time before it,
and the median of the ratios counts.
"""

from collections.abc import Sequence
from statistics import median

from chaos import verdict
from chaos.load import Outcome, p99_ms
from chaos.verdict import Claim

RATIO_MAX = 1.2
GRAIN_MS = 0.5
"""Below this, differences are those of the load's own clock and of the scheduler."""


def like_quiet(
    what: str, disturbed: Sequence[Sequence[Outcome]], quiet: Sequence[Sequence[Outcome]]
) -> Claim:
    """That the p99 is at most RATIO_MAX times the quiet one."""
    pairs = [(p99_ms(a), p99_ms(b)) for a, b in zip(disturbed, quiet, strict=True)]
    ratio = median(max(a - GRAIN_MS, 0.0) / b if b else 0.0 for a, b in pairs)
    seen = ", ".join(f"{a:.1f} beside {b:.1f}" for a, b in pairs)
    return verdict.time(
        f"{what} ≤{RATIO_MAX} × quiet (+{GRAIN_MS} ms)",
        f"{ratio:.2f} ({seen} ms)",
        ratio <= RATIO_MAX,
    )
