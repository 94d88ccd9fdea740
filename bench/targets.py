"""Hostler's own targets for its speed, as data: what each is, its gate, its goal, its values.

A gate is what a release must reach; a goal is what its authors think the machine allows. A ratio is
taken within each round; its median counts, and the range is shown.
"""

import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bench.hostler import NAME

Report = dict[str, Any]


class Verdict(StrEnum):
    """What a measured value is worth."""

    GOAL = "goal met"
    GATE = "gate met"
    MISSED = "not met"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table."""

    what: str
    gate: float
    goal: float
    form: str
    """How a value is written, for str.format."""
    values: Callable[[Report], list[float]]
    """One for each round or sample; none if it was not measured."""
    less_is_better: bool = False

    def measured(self, report: Report) -> float | None:
        values = self.values(report)
        return statistics.median(values) if values else None

    def verdict(self, value: float | None) -> Verdict:
        if value is None:
            return Verdict.UNKNOWN
        for bound, verdict in ((self.goal, Verdict.GOAL), (self.gate, Verdict.GATE)):
            if value <= bound if self.less_is_better else value >= bound:
                return verdict
        return Verdict.MISSED

    def bound(self, value: float) -> str:
        form = re.sub(r"{.*?}", "{:g}", self.form)
        return f"{'≤' if self.less_is_better else '≥'} {form.format(value)}"


def by_round(report: Report, server: str, model: str, connections: int) -> dict[int, Report]:
    """A server's runs, by round."""
    cell = (server, model, connections)
    return {
        run["round"]: run
        for run in report["runs"]
        if (run["server"], run["model"], run["connections"]) == cell
    }


def ratios(report: Report, other: str, model: str, connections: int = 64) -> list[float]:
    """Hostler's requests a second beside another's, by round."""
    ours = by_round(report, NAME, model, connections)
    theirs = by_round(report, other, model, connections)
    return [run["rps"] / theirs[number]["rps"] for number, run in ours.items() if number in theirs]


def of_in_process(report: Report, model: str) -> list[float]:
    """Of what one core predicts without a server, row by row, in per cent."""
    limits = {
        row["round"]: row["rows_a_second"] for row in report["in_process"] if row["model"] == model
    }
    ours = by_round(report, NAME, model, 64)
    return [run["rps"] / limits[number] * 100 for number, run in ours.items() if number in limits]


def above_static(report: Report) -> list[float]:
    """Of the median latency of one call at a time, in µs."""
    static = by_round(report, "nginx-static", "echo", 1)
    ours = by_round(report, NAME, "echo", 1)
    return [
        run["p50_us"] - static[number]["p50_us"] for number, run in ours.items() if number in static
    ]


def _resident(report: Report) -> list[float]:
    memory = report["memory_mb"].get("echo")
    alone = report.get("gateways", 1) == 1
    return [memory["gateway and model server"]["resident"]] if memory and alone else []


def _first_answer(report: Report) -> list[float]:
    return [report["killed_s"]["echo"]] if "echo" in report["killed_s"] else []


def _warm(report: Report) -> list[float]:
    found = report["in_service_s"].get("logistic", {})
    return [seconds * 1000 for seconds in found.get("runtime warm", ())]


def _idle(report: Report) -> list[float]:
    return [mb for name, mb in report["idle_endpoint_mb"].items() if name.startswith("private")]


def _woken(report: Report) -> list[float]:
    return [report["serverless_ms"]["p50"]] if "serverless_ms" in report else []


def _decision(report: Report) -> list[float]:
    return [min(report["decisions_us"]["cold"])] if "decisions_us" in report else []


def _times(what: str, other: str, model: str, gate: float, goal: float) -> Target:
    return Target(what, gate, goal, "{:.2f} ×", lambda report: ratios(report, other, model))


TARGETS = (
    _times("echo, c = 64, × FastAPI", "fastapi", "echo", 5, 10),
    _times("echo, c = 64, × Triton's Python backend", "triton", "echo", 2.5, 5),
    _times("echo, c = 64, × AWS's multi-model-server", "multi-model-server", "echo", 10, 25),
    _times("echo, c = 64, × LitServe", "litserve", "echo", 30, 75),
    _times("echo, c = 64, × BentoML", "bentoml", "echo", 30, 75),
    _times("echo, c = 64, × nginx → Unix socket, unverified", "nginx-unix", "echo", 0.55, 1),
    Target("echo, c = 1, p50 above nginx's static answer", 80, 30, "{:.0f} µs", above_static, True),
    Target(
        "LogisticRegression, c = 64, of one core in process",
        65,
        95,
        "{:.0f} %",
        lambda report: of_in_process(report, "logistic"),
    ),
    _times("GradientBoosting, c = 64, × FastAPI", "fastapi", "gbm", 12, 35),
    Target("gateway and one echo model server, resident", 90, 60, "{:.0f} MB", _resident, True),
    Target(
        "gateway and echo model server killed, to the first answer",
        0.5,
        0.2,
        "{:.2f} s",
        _first_answer,
        True,
    ),
    Target("CreateEndpoint to InService, runtime warm", 1000, 100, "{:.0f} ms", _warm, True),
    Target("serverless, from zero to the answer's first byte", 300, 20, "{:.0f} ms", _woken, True),
    Target("private memory of one more idle endpoint", 20, 2, "{:.1f} MB", _idle, True),
    Target("policy decision, 50 statements read anew", 1000, 500, "{:.0f} µs", _decision, True),
)
