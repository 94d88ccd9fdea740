"""PutMetricData: checked whole, then written whole.

Invariant: nothing of a request is stored unless all of it can be; all that is wrong of one kind is
said at once, a line each.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from hostler.api.cloudwatch import refusals
from hostler.api.registry import Call
from hostler.domain.errors import CallerError
from hostler.planning import alarm_queries
from hostler.store.database import Transaction
from hostler.telemetry import metrics, points
from hostler.telemetry.levels import DAY_S, HOUR_S
from hostler.telemetry.metrics import Sample
from hostler.telemetry.points import Point

DATA_MAX = 1000
VALUES_MAX = 150
OLD_S, NEW_S = 14 * DAY_S, 2 * HOUR_S
LARGEST, SMALLEST = 2.0**360, 2.0**-360
RESOLUTIONS = (1, 60)
OWN = "AWS/"
"""Namespaces of AWS's own services."""


class Wrong(NamedTuple):
    """One thing that is wrong."""

    code: str
    text: str


def put(tx: Transaction, call: Call) -> None:
    """PutMetricData."""
    namespace: str = call.params["Namespace"]
    data: Sequence[Mapping[str, Any]] = call.params.get("MetricData") or ()
    if namespace.startswith(OWN):
        raise refusals.invalid(f"The value {OWN} for parameter Namespace is invalid.")
    if not data:
        raise refusals.missing("The parameter MetricData is required.")
    if len(data) > DATA_MAX:
        raise refusals.invalid(
            f"The collection MetricData must not have a size greater than {DATA_MAX}."
        )
    found = [
        wrong
        for number, datum in enumerate(data, 1)
        for wrong in _wrong(datum, f"MetricData.member.{number}", call.now)
    ]
    if found:
        code = found[0].code
        raise CallerError(code, "\n".join(each.text for each in found if each.code == code))
    metrics.put(tx, [_sample(call, namespace, datum) for datum in data], call.now)


def _sample(call: Call, namespace: str, datum: Mapping[str, Any]) -> Sample:
    dimensions = alarm_queries.dimensions(datum)
    return Sample(
        metrics.metric(call.account, call.region, namespace, datum["MetricName"], dimensions),
        datum.get("Timestamp", call.now),
        datum.get("StorageResolution", 60),
        datum.get("Unit", "None"),
        _point(datum),
    )


def _point(datum: Mapping[str, Any]) -> Point:
    if "StatisticValues" in datum:
        given = datum["StatisticValues"]
        return points.of_set(given["SampleCount"], given["Sum"], given["Minimum"], given["Maximum"])
    if datum.get("Values"):
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        return points.of_values(zip(datum["Values"], counts, strict=True))
    return points.of_values([(datum["Value"], 1.0)])


def _wrong(datum: Mapping[str, Any], path: str, now: float) -> Iterator[Wrong]:
    """What is wrong with one datum."""
    resolution = datum.get("StorageResolution", 60)
    if resolution not in RESOLUTIONS:
        yield _invalid(
            f"The parameter {path}.StorageResolution must be a value in the set [1, 60]."
        )
    time = datum.get("Timestamp", now)
    if time < now - OLD_S:
        yield _invalid(
            f"The parameter {path}.Timestamp must specify a time within the past two weeks."
        )
    if time > now + NEW_S:
        yield _invalid(
            f"The parameter {path}.Timestamp must specify a time no more than two hours in the "
            "future."
        )
    yield from _wrong_dimensions(datum.get("Dimensions") or (), path)
    yield from _wrong_values(datum, path)


def _wrong_dimensions(dimensions: Sequence[Mapping[str, str]], path: str) -> Iterator[Wrong]:
    names = [each["Name"] for each in dimensions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _invalid(f"The parameter {path}.Dimensions has more than one dimension {name}.")
    for number, each in enumerate(dimensions, 1):
        for part in ("Name", "Value"):
            text = each[part]
            starts_badly = part == "Name" and text.startswith(":")
            if not text.isascii() or not text.strip() or starts_badly:
                yield _invalid(
                    f"The value {text} for parameter {path}.Dimensions.member.{number}.{part} is "
                    "invalid."
                )


def _wrong_values(datum: Mapping[str, Any], path: str) -> Iterator[Wrong]:
    given = [name for name in ("Value", "StatisticValues", "Values") if datum.get(name) is not None]
    if not given or (given == ["Values"] and not datum["Values"]):
        yield Wrong(
            "InvalidParameterCombination", "At least one of the parameters must be specified."
        )
    if len(given) > 1:
        yield Wrong(
            "InvalidParameterCombination",
            f"The parameters {path}.{given[0]} and {path}.{given[1]} are mutually exclusive and "
            "you have specified both.",
        )
    if "Value" in datum and not _storable(datum["Value"]):
        yield _invalid(f"The value {_shown(datum['Value'])} for parameter {path}.Value is invalid.")
    yield from _wrong_lists(datum.get("Values") or (), datum.get("Counts") or (), path)
    yield from _wrong_set(datum.get("StatisticValues") or {}, f"{path}.StatisticValues")


def _wrong_lists(values: Sequence[float], counts: Sequence[float], path: str) -> Iterator[Wrong]:
    if len(values) > VALUES_MAX:
        yield _invalid(
            f"The collection {path}.Values must not have a size greater than {VALUES_MAX}."
        )
    if counts and len(counts) != len(values):
        yield Wrong(
            "InvalidParameterValue" if values else "InvalidParameterCombination",
            f"The parameters {path}.Values and {path}.Counts must be of the same size.",
        )
    for number, value in enumerate(values, 1):
        if not _storable(value):
            yield _invalid(
                f"The value {_shown(value)} for parameter {path}.Values.member.{number} is invalid."
            )
    for number, count in enumerate(counts, 1):
        if not (_storable(count) and count > 0):
            yield _invalid(
                f"The value {_shown(count)} for parameter {path}.Counts.member.{number} is invalid."
            )


def _wrong_set(given: Mapping[str, float], path: str) -> Iterator[Wrong]:
    for name, value in given.items():
        if not _storable(value) or (name == "SampleCount" and value <= 0):
            yield _invalid(f"The value {_shown(value)} for parameter {path}.{name} is invalid.")
    if given and given["Minimum"] > given["Maximum"]:
        yield _invalid(f"The parameter {path}.Minimum must not be greater than {path}.Maximum.")


def _storable(value: float) -> bool:
    """Whether CloudWatch takes a number: no NaN, no infinity, nothing too large or too small."""
    return math.isfinite(value) and (value == 0 or SMALLEST <= abs(value) <= LARGEST)


def _shown(value: float) -> str:
    """A number as Java prints it."""
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return "NaN" if math.isnan(value) else f"{value}"


def _invalid(text: str) -> Wrong:
    return Wrong("InvalidParameterValue", text)
