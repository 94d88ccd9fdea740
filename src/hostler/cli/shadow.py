"""`hostler shadow`: what an endpoint's shadow variant was sent, and how it compares.

Invariant: it reads what DescribeEndpoint and CloudWatch tell, as any client may.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from hostler.cli.moments import moment
from hostler.cli.output import (
    As,
    AsJson,
    CommandError,
    DataDir,
    EndpointName,
    connect,
    directory,
    document,
    out,
    table,
)
from hostler.domain.ids import endpoint_log_group

EXAMPLES = 5
WINDOW_MAX = timedelta(days=1)
REASONS = ("full", "too_large", "session", "unreachable", "late", "lost")
"""Why something is not copied: ``gateway.copied.Drop``."""
_VARIANT = {
    "invocations": ("Invocations", "Sum"),
    "errors_4xx": ("Invocation4XXErrors", "Sum"),
    "errors_5xx": ("Invocation5XXErrors", "Sum"),
    "p50_us": ("ModelLatency", "p50"),
    "p90_us": ("ModelLatency", "p90"),
    "p99_us": ("ModelLatency", "p99"),
    "average_us": ("ModelLatency", "Average"),
}
_SHADOW = {
    "copied": "Copied",
    "equal": "AnswersEqual",
    "close": "AnswersClose",
    "different": "AnswersDifferent",
    "uncompared": "Uncompared",
}
_COUNTS = ("invocations", "errors_4xx", "errors_5xx")

app = typer.Typer(help="What a shadow variant was sent, and how it compares.")

Measured = Mapping[str, float]
"""Values by a query's id; what has no value is not in it."""


@app.callback()
def shadow() -> None:
    """What a shadow variant was sent, and how it compares."""


@app.command()
def report(
    endpoint: EndpointName,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="Not older: 30m, 12h, or a time in UTC.")
    ] = "1h",
    data_dir: DataDir = None,
    who: As = None,
    as_json: AsJson = False,
) -> None:
    """Print shares, latencies and agreement of a shadow and of what it shadows, side by side."""
    connection = connect(directory(data_dir), who)
    described = connection.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    if not described.get("ShadowProductionVariants"):
        raise CommandError(
            f"{endpoint} has no shadow variant: give its config ShadowProductionVariants"
        )
    now = datetime.now(UTC)
    start = moment(since, now).replace(second=0, microsecond=0)
    if not timedelta(0) < now - start <= WINDOW_MAX:
        raise CommandError(f"--since {since} is not within the last day")
    live, copy = (
        described[member][0] for member in ("ProductionVariants", "ShadowProductionVariants")
    )
    window = Window(start, now + timedelta(minutes=1))
    measured = window.measure(
        connection.client("cloudwatch"),
        described["EndpointName"],
        live["VariantName"],
        copy["VariantName"],
    )
    made = Report.of(described["EndpointName"], start, live, copy, measured)
    found = examples(connection.client("logs"), made, start)
    if as_json:
        document(asdict(made) | {"agreement": made.agreement, "examples": found})
        return
    for line in made.lines():
        out.print(line, markup=False)
    made.show()
    for each in found:
        out.print(f"different: {json.dumps(each, ensure_ascii=False)}", markup=False)


def examples(client: Any, made: "Report", start: datetime) -> list[Any]:
    """The newest differences in the endpoint's log; none unless they are asked for by a tag."""
    try:
        found = client.get_log_events(
            logGroupName=endpoint_log_group(made.endpoint),
            logStreamName=f"{made.shadow.variant}/differences",
            startTime=int(start.timestamp() * 1000),
            limit=EXAMPLES,
        )
    except client.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(event["message"]) for event in found["events"]]


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is looked at, as one period; from a whole minute on."""

    start: datetime
    end: datetime

    def measure(self, client: Any, endpoint: str, live: str, copy: str) -> dict[str, float]:
        """Every value that there is."""
        queries = [
            self._query(query_id, *rest) for query_id, *rest in _queries(endpoint, live, copy)
        ]
        found = client.get_metric_data(
            StartTime=self.start, EndTime=self.end, MetricDataQueries=queries
        )
        return {
            each["Id"]: each["Values"][0] for each in found["MetricDataResults"] if each["Values"]
        }

    def _query(
        self, query_id: str, namespace: str, name: str, statistic: str, by: Mapping[str, str]
    ) -> dict[str, Any]:
        minutes = -(-int((self.end - self.start).total_seconds()) // 60)
        dimensions = [{"Name": key, "Value": value} for key, value in by.items()]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
        stat = {"Metric": metric, "Period": 60 * minutes, "Stat": statistic}
        return {"Id": query_id, "MetricStat": stat}


def _queries(endpoint: str, live: str, copy: str) -> Iterator[tuple[str, str, str, str, Any]]:
    """Id, namespace, metric, statistic and dimensions of everything that is shown."""
    for side, variant in (("live", live), ("copy", copy)):
        by = {"EndpointName": endpoint, "VariantName": variant}
        for key, (name, statistic) in _VARIANT.items():
            yield f"{side}_{key}", "AWS/SageMaker", name, statistic, by
    by = {"EndpointName": endpoint, "VariantName": copy}
    for key, name in _SHADOW.items():
        yield key, "Hostler/Shadow", name, "Sum", by
    for reason in REASONS:
        yield f"dropped_{reason}", "Hostler/Shadow", "Dropped", "Sum", {**by, "Reason": reason}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two variants; latencies of the model in µs, None where nothing was answered."""

    variant: str
    weight: float
    instances: int
    invocations: int
    errors_4xx: int
    errors_5xx: int
    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    average_us: float | None

    @classmethod
    def of(cls, side: str, described: Mapping[str, Any], measured: Measured) -> "Side":
        values: dict[str, Any] = {
            key: int(measured.get(f"{side}_{key}", 0))
            if key in _COUNTS
            else measured.get(f"{side}_{key}")
            for key in _VARIANT
        }
        return cls(
            described["VariantName"],
            described.get("CurrentWeight", 0.0),
            described.get("CurrentInstanceCount", 0),
            **values,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is told; ``since`` in ISO 8601."""

    endpoint: str
    since: str
    production: Side
    shadow: Side
    copied: int
    dropped: Mapping[str, int]
    """By reason."""
    equal: int
    close: int
    different: int
    uncompared: int

    @classmethod
    def of(
        cls,
        endpoint: str,
        start: datetime,
        live: Mapping[str, Any],
        copy: Mapping[str, Any],
        measured: Measured,
    ) -> "Report":
        counts = {key: int(measured.get(key, 0)) for key in _SHADOW}
        dropped = {reason: int(measured.get(f"dropped_{reason}", 0)) for reason in REASONS}
        return cls(
            endpoint,
            start.isoformat(),
            Side.of("live", live, measured),
            Side.of("copy", copy, measured),
            dropped={reason: count for reason, count in dropped.items() if count},
            **counts,
        )

    @property
    def agreement(self) -> float | None:
        """Of the answers that were compared, the share that is equal or close."""
        compared = self.equal + self.close + self.different
        return (self.equal + self.close) / compared if compared else None

    def lines(self) -> Iterator[str]:
        """What is told in sentences."""
        requests = self.production.invocations
        share = f" ({self.copied / requests:.1%} of {requests})" if requests else ""
        yield f"{self.endpoint} since {self.since}"
        yield f"copied to the shadow: {self.copied}{share}"
        if self.dropped:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self.dropped.items())
            yield f"not copied, or not taken: {reasons}"
        if self.agreement is None:
            yield "no answers were compared"
        else:
            yield (
                f"answers: {self.equal} equal, {self.close} close, {self.different} different "
                f"({self.agreement:.1%} agree), {self.uncompared} not compared"
            )

    def show(self) -> None:
        """The two variants, side by side."""
        table(
            ("", self.production.variant, f"{self.shadow.variant} (shadow)"),
            [
                (name.replace("_", " "), *(_shown(getattr(side, name)) for side in self._sides))
                for name in ("weight", "instances", *_VARIANT)
            ],
        )

    @property
    def _sides(self) -> tuple[Side, Side]:
        return self.production, self.shadow


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:g}" if value < 1e6 else f"{value:.0f}"
