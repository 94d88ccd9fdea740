"""Asking for other weights and counts of what serves: the one way to it.

Invariant: whoever asks, a person by the API or Auto Scaling, asks for what the account's quotas
hold, of an endpoint whose status allows it; what becomes of it the endpoint controller says.
"""

from collections.abc import Mapping

from hostler.domain import lifecycle
from hostler.domain.config import Quotas
from hostler.domain.endpoint import Endpoint, EndpointStatus
from hostler.domain.ids import Home
from hostler.planning import quotas as planning
from hostler.planning import serverless
from hostler.planning.sizing import Wish, granted
from hostler.store import endpoint_pages, endpoints
from hostler.store.database import Transaction


def is_changeable(endpoint: Endpoint) -> bool:
    """Whether the endpoint's status allows a change of what serves, which is one deployment."""
    idle = endpoint.status not in lifecycle.BUSY
    allowed = EndpointStatus.UPDATING in lifecycle.ENDPOINT[endpoint.status]
    return idle and allowed and endpoint.current is not None and endpoint.beside is None


def ask(
    tx: Transaction, endpoint: Endpoint, wishes: Mapping[str, Wish], quotas: Quotas, now: float
) -> Endpoint:
    """Ask for the sizes that the wishes come to; returns the endpoint as it is written.

    Args:
        tx: A transaction that writes.
        endpoint: One that ``is_changeable``.
        wishes: By variants of what serves.
        quotas: The account's.
        now: Epoch seconds.

    Raises:
        CallerError: ResourceLimitExceeded, or the sizes contradict each other.
    """
    current = endpoints.deployment(tx, endpoint.current) if endpoint.current else None
    assert current is not None, "what may be changed serves something"
    asked = granted(current, endpoint.sizes, wishes)
    for name, size in asked.items():
        if size.serverless is not None:
            serverless.check(name, size.serverless)
    whole = planning.asked(current, asked)
    delta = whole - planning.asked(current, endpoint.sizes)
    home = Home(endpoint.account, endpoint.region)
    check_instances(tx, home, quotas, delta=delta, whole=whole)
    return endpoints.request_sizes(tx, endpoint, asked, now)


def check_instances(
    tx: Transaction,
    home: Home,
    quotas: Quotas,
    *,
    delta: Mapping[str, int],
    whole: Mapping[str, int],
) -> None:
    """Refuse what the quotas of an account in a region do not hold (``planning.quotas``)."""
    before: Mapping[str, int] = {}
    if planning.counts_instances(quotas):
        before = planning.used(endpoint_pages.deployed(tx, *home))
    planning.check_instances(quotas, before, delta, whole)
