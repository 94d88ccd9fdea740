"""The table: medians, and the medians of each round's ratio to FastAPI."""

import statistics
from typing import Any

BASE = "fastapi"
_HEAD = ("model", "c", "server", "rps", "x FastAPI", "p50 µs", "p99 µs", "CPU µs a request")

Run = dict[str, Any]


def table(report: dict[str, Any]) -> str:
    """A report in Markdown."""
    lines = [_row(_HEAD), "|" + "---|" * len(_HEAD)]
    cells = _cells(report["runs"])
    for (model, connections, server), runs in cells.items():
        base = cells.get((model, connections, BASE))
        lines.append(
            _row(
                (
                    model,
                    connections,
                    server,
                    f"{_median(runs, 'rps'):.0f}",
                    ratios(runs, base) if base else "",
                    f"{_median(runs, 'p50_us'):.0f}",
                    f"{_median(runs, 'p99_us'):.0f}",
                    f"{_median(runs, 'cpu_us'):.1f}",
                )
            )
        )
    return "\n".join([*lines, "", *_others(report, cells)])


def ratios(runs: list[Run], base: list[Run]) -> str:
    """Requests a second beside the base's in the same round: the median, and the extremes."""
    by_round = {run["round"]: run["rps"] for run in base}
    found = [run["rps"] / by_round[run["round"]] for run in runs]
    return f"{statistics.median(found):.2f} ({min(found):.2f}-{max(found):.2f})"


def _others(report: dict[str, Any], cells: dict[tuple[str, int, str], list[Run]]) -> list[str]:
    limits = report["in_process_rows_a_second"]
    lines = []
    logistic = cells.get(("logistic", 64, "hostler"))
    if logistic:
        share = statistics.median(run["rps"] / limits[run["round"]] for run in logistic)
        limit = statistics.median(limits)
        lines.append(
            f"LogisticRegression: {share:.0%} of what one core does in process ({limit:.0f}/s)."
        )
    lines += [
        f"CreateEndpoint to InService, {what}: {seconds * 1000:.0f} ms."
        for what, seconds in report["in_service_s"].items()
    ]
    lines += [
        f"Memory (proportional), {what}: {megabytes:.1f} MB."
        for what, megabytes in report["memory_mb"].items()
    ]
    lines += [f"{name}: {version}." for name, version in report["versions"].items() if version]
    lines += [f"Absent: {name}: {reason}" for name, reason in report["absent"].items()]
    machine = report["machine"]
    lines.append(
        f"{machine['cpus']} CPUs, load average {machine['load_average']:.1f} at the end, Python "
        f"{machine['python']}, {report['distinct_requests']} distinct signed requests cycled."
    )
    return lines


def _cells(runs: list[Run]) -> dict[tuple[str, int, str], list[Run]]:
    cells: dict[tuple[str, int, str], list[Run]] = {}
    for run in runs:
        cells.setdefault((run["model"], run["connections"], run["server"]), []).append(run)
    return cells


def _median(runs: list[Run], key: str) -> float:
    return float(statistics.median(run[key] for run in runs))


def _row(cells: tuple[Any, ...]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"
