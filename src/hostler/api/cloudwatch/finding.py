"""The metrics that a search finds: of those that were written to in the last two weeks.

Invariant: at most ``FOUND_MAX``, in the order of namespace, name and dimensions.
"""

from collections.abc import Sequence

from hostler.api.cloudwatch.lists import LISTED_S
from hostler.api.registry import Call
from hostler.store.database import Transaction
from hostler.telemetry import metric_lists
from hostler.telemetry.metric_lists import Filter, Place
from hostler.telemetry.metrics import Metric
from hostler.telemetry.searches import Search

FOUND_MAX = 500
_CHUNK = 500


def found(tx: Transaction, call: Call, search: Search) -> Sequence[Metric]:
    """The metrics of the caller's account and region that a search means."""
    dimensions = tuple((name, None) for name in sorted(search.dimensions or ()))
    wanted = Filter(search.namespace, None, dimensions, call.now - LISTED_S)
    kept: list[Metric] = []
    after: Place | None = None
    while len(kept) < FOUND_MAX:
        some = metric_lists.listed(tx, call.account, call.region, wanted, after=after, limit=_CHUNK)
        kept += [each for each in some if search.finds(each)]
        if len(some) < _CHUNK:
            break
        after = (some[-1].namespace, some[-1].name, some[-1].text)
    return kept[:FOUND_MAX]


def label(metric: Metric) -> str:
    """What tells a metric from the others that are found with it."""
    return " ".join([*(value for _, value in metric.dimensions), metric.name])
