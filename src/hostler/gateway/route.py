"""Where an invocation goes: an immutable table, built once for each snapshot.

Invariant: finding the endpoint and picking the variant take the same time for one endpoint or ten
thousand, and a table that is in use is never changed.

Names are unique regardless of case, and the control plane finds them so; but "the case is preserved
and must be matched in InvokeEndpoint"
(https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpoint.html).
"""

import random
import re
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from time import time
from typing import TYPE_CHECKING

from hostler.domain import endpoint_tags
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import EndpointRoute, VariantRoute
from hostler.gateway import session as sessions
from hostler.gateway.sticky import Sticky

if TYPE_CHECKING:
    from hostler.gateway.invocation import Invocation
    from hostler.gateway.pool import Pool
    from hostler.gateway.record import Counters
    from hostler.gateway.shadow import Mirror

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")

Key = tuple[str, str, str]
"""Account, region, endpoint name as it was given at creation."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant in the table, with the living pool of its instances and its counters."""

    name: str
    container: str
    head: bytes
    """The beginning of every successful answer's head."""
    pool: "Pool[Invocation]"
    counters: "Counters"
    mirror: "Mirror | None" = None
    """Where copies of its requests go, once they are answered."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Variants of which one is picked by weight."""

    variants: tuple[Variant, ...]
    bounds: tuple[float, ...]
    """Running sums of the weights, before the last variant that has any: where the next begins."""
    total: float
    """Of the weights."""

    def pick(self, draw: Callable[[], float] = random.random) -> Variant:
        """A variant by weight; ``draw`` gives [0, 1)."""
        variants = self.variants
        if len(variants) == 1:
            return variants[0]
        # The last bound is no bound: a product may be rounded up to the total. And where nothing
        # was given any weight there is none: the first keeps the endpoint answering.
        return variants[bisect(self.bounds, draw() * self.total)]


@dataclass(frozen=True, slots=True)
class Endpoint(Choice):
    """An endpoint in the table: the choice among all that it has."""

    account: str
    region: str
    name: str
    arn: str
    by_name: Mapping[str, Choice]
    """Of one name there are two while the endpoint goes from one deployment to another."""
    tags: Mapping[str, str]
    sticky: Sticky | None = None
    """By which requests are divided that have its header; None where weights alone do it."""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Every endpoint that answers."""

    endpoints: Mapping[Key, Endpoint]

    def find(self, account: str, region: str, name: str) -> Endpoint | None:
        return self.endpoints.get((account, region, name))


Join = Callable[[EndpointRoute, VariantRoute], tuple["Pool[Invocation]", "Counters"]]
Reflect = Callable[[EndpointRoute], "Mirror | None"]


def unshadowed(_route: EndpointRoute) -> None:
    """Nothing is copied."""


def build(routes: Iterable[EndpointRoute], join: Join, reflect: Reflect = unshadowed) -> RouteTable:
    """The table of a snapshot.

    ``join`` gives each variant its pool and counters, ``reflect`` each endpoint its shadow.
    """
    return RouteTable(
        {_key(route): _endpoint(route, join, reflect) for route in routes if route.variants}
    )


def step(invocation: "Invocation") -> None:
    """Find the endpoint and pick the variant."""
    principal = invocation.principal
    assert principal is not None
    endpoint = invocation.gateway.routes.endpoints.get(
        (principal.account, invocation.region, invocation.name)
    )
    if endpoint is None:
        raise _not_found(invocation.name, principal.account)
    invocation.endpoint = endpoint
    head, session = invocation.head, invocation.session
    position = head.shape.asked.target_variant
    if session is not None and session.instance_id:
        value = head.values[head.shape.asked.session]
        invocation.variant, invocation.pinned = sessions.find(session, value, endpoint, time())
        if position >= 0 and head.values[position] != invocation.variant.name:
            raise CallerError(
                "ValidationError",
                f"Session {value} belongs to variant {invocation.variant.name}, not to "
                f"{head.values[position]}.",
            )
        return
    if position < 0:
        stuck = endpoint.sticky.chosen(head) if endpoint.sticky is not None else None
        invocation.variant = (endpoint if stuck is None else endpoint.by_name[stuck]).pick()
        return
    wanted = head.values[position]
    choice = endpoint.by_name.get(wanted)
    if choice is None:
        raise CallerError(
            "ValidationError",
            f"Variant {wanted} not found for Endpoint {endpoint.name} of account "
            f"{endpoint.account}.",
        )
    invocation.variant = choice.pick()


def _not_found(name: str, account: str) -> CallerError:
    """Also said of endpoints that do not serve (yet, or any more)."""
    if len(name) > 63 or not _NAME.fullmatch(name):
        return CallerError(
            "ValidationError",
            f"1 validation error detected: Value '{name}' at 'endpointName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: "
            "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        )
    return CallerError("ValidationError", f"Endpoint {name} of account {account} not found.")


def _key(route: EndpointRoute) -> Key:
    return route.account, route.region, route.name


def _endpoint(route: EndpointRoute, join: Join, reflect: Reflect) -> Endpoint:
    mirror = reflect(route)
    variants = tuple(_variant(route, variant, join, mirror) for variant in route.variants)
    every = _choice(variants, [variant.weight for variant in route.variants])
    alike: dict[str, list[tuple[Variant, float]]] = {}
    for variant, given in zip(variants, route.variants, strict=True):
        alike.setdefault(variant.name, []).append((variant, given.share))
    return Endpoint(
        variants=every.variants,
        bounds=every.bounds,
        total=every.total,
        account=route.account,
        region=route.region,
        name=route.name,
        arn=route.arn,
        by_name={
            name: _choice(tuple(each for each, _ in some), [share for _, share in some])
            for name, some in alike.items()
        },
        tags=route.tags,
        sticky=_sticky(route),
    )


def _choice(variants: tuple[Variant, ...], weights: Sequence[float]) -> Choice:
    weights = [max(0.0, weight) for weight in weights]
    last = max((index for index, weight in enumerate(weights) if weight), default=0)
    return Choice(variants, tuple(accumulate(weights[:last])), sum(weights))


def _sticky(route: EndpointRoute) -> Sticky | None:
    header = endpoint_tags.sticky_header(route.tags)
    weights: dict[str, float] = {}
    for variant in route.variants:
        weights[variant.name] = weights.get(variant.name, 0.0) + variant.weight
    return Sticky(header, weights) if header and len(weights) > 1 else None


def _variant(
    route: EndpointRoute, variant: VariantRoute, join: Join, mirror: "Mirror | None"
) -> Variant:
    pool, counters = join(route, variant)
    head = b"HTTP/1.1 200 OK\r\nx-Amzn-Invoked-Production-Variant: %b\r\n" % variant.name.encode()
    return Variant(variant.name, variant.container, head, pool, counters, mirror)
