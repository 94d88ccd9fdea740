"""What an endpoint's instances cost by the hour, by a list that its reader may replace.

Invariant: a price that the list does not have is said to be unknown, and never counted as nothing.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

SHIPPED = Path(__file__).with_name("prices.toml")


class PricesError(Exception):
    """The list of prices cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Prices:
    """A list: of which region, in which currency, as of when, by instance type."""

    region: str
    currency: str
    read: str
    per_hour: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """What something costs an hour, as far as that is known."""

    per_hour: float
    unknown: tuple[str, ...] = ()
    """What is not in it: instance types without a price."""


NOTHING = Cost(0.0)


def load(path: Path = SHIPPED) -> Prices:
    """A list of prices.

    Raises:
        PricesError: It cannot be read.
    """
    try:
        given = tomllib.loads(path.read_text())
        per_hour = {str(name): float(price) for name, price in given["per_hour"].items()}
        region, currency, read = (str(given[name]) for name in ("region", "currency", "read"))
        return Prices(region, currency, read, per_hour)
    except OSError as error:
        raise PricesError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PricesError(
            f"{path} is no list of prices ({error}): it has region, currency, read and a table "
            'per_hour of lines like "ml.m5.large" = 0.115'
        ) from None


def cost(prices: Prices, instances: Iterable[tuple[str, int]]) -> Cost:
    """The cost of so many instances of each type."""
    return total(
        Cost(prices.per_hour[kind] * count) if kind in prices.per_hour else Cost(0.0, (kind,))
        for kind, count in instances
        if count
    )


def total(costs: Iterable[Cost]) -> Cost:
    """All together."""
    given = list(costs)
    unknown = dict.fromkeys(kind for each in given for kind in each.unknown)
    return Cost(sum(each.per_hour for each in given), tuple(unknown))
