"""When endpoints were last called, as CloudWatch knows it: on AWS and on Hostler alike.

Invariant: what is said to be known follows from data points that are there. Counts are known from
the first point to the last one: a metric that nobody writes, or a reading that fails, proves
nothing. Times are those of the data, so the machine's own clock makes no endpoint idle.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hostler.planning.cleanup import Calls

MINUTE_S, HOUR_S = 60, 3600
RECENT_S = 3 * HOUR_S
AHEAD_S = 2 * HOUR_S
"""How far a machine's clock may be behind that of the metrics."""
CPU_MARGIN_S = 300.0
"""How much later than an instance's own metrics calls may come to be known on AWS."""
QUERIES_MAX = 500
LOST = ("Hostler", "CallsLost")
"""Namespace and name of Hostler's metric of records of calls that may have been lost."""


class UnreadError(Exception):
    """The metrics of an endpoint could not be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Points:
    """A metric's points: the sum of each period, by its beginning (epoch s)."""

    period_s: int
    sums: Mapping[int, float]


def period_of(window_s: float) -> int:
    """The period by which a window is read: at most some 1,440 points of each metric."""
    if window_s <= 86_400:
        return MINUTE_S
    return 300 if window_s <= 5 * 86_400 else HOUR_S


def read(
    cloudwatch: Any, endpoint: str, variants: Sequence[str], window_s: float, now: float
) -> Calls:
    """What is known of an endpoint's calls in the last ``window_s`` seconds and a little more.

    Raises:
        UnreadError: It cannot be known.
    """
    period_s = period_of(window_s)
    begin = int((now - window_s) // period_s - 3) * period_s
    whole = _points(cloudwatch, endpoint, variants, (begin, now + AHEAD_S), period_s)
    recent_range = (int(now - RECENT_S) // MINUTE_S * MINUTE_S, now + AHEAD_S)
    recent = _points(cloudwatch, endpoint, variants, recent_range, MINUTE_S)
    return known(endpoint, whole, recent)


def known(
    endpoint: str, whole: Mapping[str, Sequence[Points]], recent: Mapping[str, Sequence[Points]]
) -> Calls:
    """What points prove: of each variant calls and instances' CPU, and under "" calls lost.

    Raises:
        UnreadError: Of a variant there are none.
    """
    since: list[float] = []
    until: list[float] = []
    last: list[float] = []
    for variant, (calls, cpu) in ((name, each) for name, each in whole.items() if name):
        recent_calls, recent_cpu = recent[variant]
        starts = [*calls.sums, *cpu.sums]
        ends = [float(at) for at in recent_calls.sums]
        ends += [at - CPU_MARGIN_S for at in recent_cpu.sums]
        if not starts or not ends:
            raise UnreadError(
                f"CloudWatch has no points of {endpoint}/{variant}: nobody can tell whether it is "
                "called"
            )
        since.append(min(starts) + calls.period_s)
        until.append(max(ends))
        last += _ends(calls) + _ends(recent_calls)
    (lost,) = whole.get("", (Points(MINUTE_S, {}),))
    since += _ends(lost)
    if not until:
        raise UnreadError(f"{endpoint} has no variants")
    return Calls(float(max(since)), min(until), max(last, default=None))


def _ends(points: Points) -> list[float]:
    """The ends of the periods in which there was something."""
    return [float(at + points.period_s) for at, value in points.sums.items() if value > 0]


def _points(
    cloudwatch: Any,
    endpoint: str,
    variants: Sequence[str],
    between: tuple[float, float],
    period_s: int,
) -> Mapping[str, Sequence[Points]]:
    queries = list(_queries(endpoint, variants, period_s))
    if len(queries) > QUERIES_MAX:
        raise UnreadError(f"{endpoint} has too many variants")
    sums = _sums(cloudwatch, queries, between)
    found: dict[str, list[Points]] = {name: [] for name in (*variants, "")}
    for number, query in enumerate(queries):
        dimensions = query["MetricStat"]["Metric"]["Dimensions"]
        name = dimensions[1]["Value"] if dimensions else ""
        found[name].append(Points(period_s, sums[f"q{number}"]))
    return found


def _queries(endpoint: str, variants: Sequence[str], period_s: int) -> Iterator[dict[str, Any]]:
    named: list[tuple[tuple[str, str], str, list[dict[str, str]]]] = [(LOST, "Sum", [])]
    for variant in variants:
        dimensions = [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": variant},
        ]
        named.append((("AWS/SageMaker", "Invocations"), "Sum", dimensions))
        named.append((("/aws/sagemaker/Endpoints", "CPUUtilization"), "SampleCount", dimensions))
    for number, ((namespace, name), statistic, dimensions) in enumerate(named):
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": period_s, "Stat": statistic}
        yield {"Id": f"q{number}", "MetricStat": stat}


def _sums(
    cloudwatch: Any, queries: Sequence[Mapping[str, Any]], between: tuple[float, float]
) -> Mapping[str, Mapping[int, float]]:
    sums: dict[str, dict[int, float]] = {each["Id"]: {} for each in queries}
    states: dict[str, str] = {}
    more: dict[str, Any] = {}
    while True:
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=between[0], EndTime=between[1], **more
        )
        for result in answer["MetricDataResults"]:
            states[result["Id"]] = result["StatusCode"]
            pairs = zip(result["Timestamps"], result["Values"], strict=True)
            sums[result["Id"]].update({int(at.timestamp()): value for at, value in pairs})
        if not (token := answer.get("NextToken")):
            break
        more = {"NextToken": token}
    for query_id in sums:
        if (state := states.get(query_id, "no answer")) != "Complete":
            raise UnreadError(f"CloudWatch's answer is not whole: {state}")
    return sums
