"""The tables: medians over the rounds, and the medians of each round's ratio to FastAPI."""

import statistics
from collections.abc import Iterable
from typing import Any

from bench import targets
from bench.hostler import NAME
from bench.peers import BY_NAME
from bench.targets import TARGETS, Report

BASE = "fastapi"
TITLES = {NAME: "**Hostler**"} | {kind.name: kind.title for kind in BY_NAME.values()}
MODEL_TITLES = {
    "echo": "echo",
    "logistic": "LogisticRegression",
    "gbm": "GradientBoostingClassifier",
    "mlp": "torch network, 4-64-64-3",
}


def text(report: Report) -> str:
    """All of it, for a terminal."""
    parts = [runs_table(report), starts_table(report), boto3_table(report)]
    parts += [targets_table([report]), *hostlers_own(report), *where(report)]
    return "\n\n".join(part for part in parts if part)


def runs_table(report: Report) -> str:
    """Every server at every concurrency."""
    rows = []
    for model, server, connections in _cells(report):
        runs = targets.by_round(report, server, model, connections)
        base = targets.by_round(report, BASE, model, connections)
        latencies = (median(runs, f"{name}_us") for name in ("p50", "p90", "p99", "max"))
        rows.append(
            (
                model,
                connections,
                server,
                f"{median(runs, 'rps'):.0f}",
                ranged([run["rps"] / base[at]["rps"] for at, run in runs.items() if at in base]),
                *(f"{latency:.0f}" for latency in latencies),
                f"{median(runs, 'cpu_us'):.1f}",
            )
        )
    head = "model|c|server|rps|× FastAPI|p50 µs|p90 µs|p99 µs|max µs|CPU µs a request"
    return _table(head, rows)


def model_table(report: Report, model: str) -> str:
    """One model for the documentation: the servers at full load, and one call at a time."""
    rows = []
    for server in servers(report, model):
        full = targets.by_round(report, server, model, 64)
        alone = targets.by_round(report, server, model, 1)
        base = targets.by_round(report, BASE, model, 64)
        if not full:
            continue
        rows.append(
            (
                TITLES[server],
                f"{median(full, 'rps'):,.0f}",
                ranged([run["rps"] / base[at]["rps"] for at, run in full.items() if at in base]),
                *(milliseconds(median(full, f"{name}_us")) for name in ("p50", "p90", "p99")),
                milliseconds(median(full, "max_us")),
                f"{median(full, 'cpu_us'):.0f}",
                milliseconds(median(alone, "p50_us")) if alone else "",
                milliseconds(median(alone, "p99_us")) if alone else "",
            )
        )
    head = "|requests/s|× FastAPI|p50 ms|p90 ms|p99 ms|max ms|CPU µs|c = 1: p50 ms|p99 ms"
    return _table(head, rows)


def starts_table(report: Report) -> str:
    """Cold starts and memory."""
    head = "server|model|first right answer s|MB after it|MB after load|CPU at rest, % of a core"
    rows = [
        (
            start["server"],
            start["model"],
            f"{start['first_answer_s']:.2f}",
            f"{start['proportional_mb']:.0f}",
            f"{start['after_load_mb']:.0f}" if "after_load_mb" in start else "",
            start.get("cpu_at_rest_percent", ""),
        )
        for start in report["starts"]
    ]
    return _table(head, rows)


def starts_by_server(report: Report) -> str:
    """The same for the documentation: the echo and the LogisticRegression side by side."""
    of = {(start["server"], start["model"]): start for start in report["starts"]}
    rows = []
    for server in dict.fromkeys(start["server"] for start in report["starts"]):
        cells: list[str] = []
        for model in ("echo", "logistic"):
            start = of.get((server, model))
            cells += (
                (
                    f"{start['first_answer_s']:.2f}",
                    f"{start.get('after_load_mb', start['proportional_mb']):.0f}",
                )
                if start
                else ("", "")
            )
        rest = of.get((server, "echo"), {}).get("cpu_at_rest_percent", "")
        rows.append((TITLES[server], *cells, rest))
    head = (
        "|echo: first right answer s|MB after load|LogisticRegression: first right answer s"
        "|MB after load|CPU at rest, % of a core"
    )
    return _table(head, rows)


def boto3_table(report: Report) -> str:
    """Calls by boto3, one at a time; its own time is what nginx's static answer takes."""
    by_server: dict[str, dict[int, Report]] = {}
    for run in report["boto3"]:
        by_server.setdefault(run["server"], {})[run["round"]] = run
    static = by_server.get("nginx-static", {})
    rows = []
    for server, runs in by_server.items():
        above = [run["p50_us"] - static[at]["p50_us"] for at, run in runs.items() if at in static]
        rows.append(
            (
                TITLES[server],
                *(f"{median(runs, f'{name}_us'):.0f}" for name in ("p50", "p90", "p99")),
                ranged(above, "{:.0f}") if server != "nginx-static" else "",
                f"{median(runs, 'client_cpu_us'):.0f}",
            )
        )
    head = (
        "echo through boto3|p50 µs|p90 µs|p99 µs|p50 above nginx's static answer µs"
        "|the client's CPU µs"
    )
    return _table(head, rows) if rows else ""


def targets_table(reports: list[Report]) -> str:
    """What was measured beside gates and goals, a column for each run."""
    titles = ["measured", "verdict"] if len(reports) == 1 else []
    for number in range(1, len(reports) + 1) if not titles else ():
        titles += [f"run {number}", f"verdict {number}"]
    rows = []
    for target in TARGETS:
        cells: list[str] = []
        for report in reports:
            value = target.measured(report)
            values = target.values(report)
            cells += [ranged(values, target.form) if values else "", target.verdict(value)]
        rows.append((target.what, target.bound(target.gate), target.bound(target.goal), *cells))
    return _table("|".join(["target", "gate", "goal", *titles]), rows)


def hostlers_own(report: Report) -> list[str]:
    """What is measured of Hostler alone."""
    lines = []
    for model, found in report["in_service_s"].items():
        for what, seconds in found.items():
            form = ranged([each * 1000 for each in seconds], "{:.0f}")
            lines.append(f"CreateEndpoint to InService, {MODEL_TITLES[model]}, {what}: {form} ms.")
    for model, processes in report["memory_mb"].items():
        each = ", ".join(f"{name} {mb['proportional']:.0f}" for name, mb in processes.items())
        lines.append(f"Hostler's memory with one {MODEL_TITLES[model]} (proportional, MB): {each}.")
    for what, mb in report["idle_endpoint_mb"].items():
        lines.append(f"One more idle LogisticRegression, {what}: {mb:.1f} MB.")
    for model in dict.fromkeys(row["model"] for row in report["in_process"]):
        limit = statistics.median(
            row["rows_a_second"] for row in report["in_process"] if row["model"] == model
        )
        share = targets.of_in_process(report, model)
        reached = f"; Hostler at c = 64: {ranged(share, '{:.0f}')} %" if share else ""
        lines.append(
            f"{MODEL_TITLES[model]}, one core in process, row by row: {limit:,.0f}/s{reached}."
        )
    return [*lines, *_decisions(report)]


def _decisions(report: Report) -> Iterable[str]:
    """The least of each kind: what is more was somebody else's turn on the CPU."""
    if costs := report.get("decisions_us"):
        least = {name: min(values) for name, values in costs.items()}
        yield (
            f"A policy decision, 50 statements: {least['cold']:.0f} µs where the documents are "
            f"new to the process, {least['new']:.0f} µs where the caller is, "
            f"{least['made']:.0f} µs where the resource is, {least['kept']:.1f} µs made before."
        )


def where(report: Report) -> list[str]:
    """Versions, what is absent, and the machine."""
    lines = [f"{TITLES[name]}: {version}." for name, version in report["versions"].items()]
    stopped = dict.fromkeys(
        TITLES[start["server"]] for start in report["starts"] if start.get("stopped_between_turns")
    )
    if stopped:
        lines.append(
            f"Stopped outside their turns, as they are busy at rest: {', '.join(stopped)}."
        )
    lines += [f"Absent: {name}: {reason}." for name, reason in report["absent"].items()]
    machine, gateways = report["machine"], report.get("gateways", 1)
    if gateways > 1:
        lines.append(f"Hostler with {gateways} gateways.")
    packages = report["models"]["packages"]
    lines.append(
        f"Everywhere scikit-learn {packages['scikit-learn']} and torch {packages['torch']}, one "
        f"model process. {machine['cpus']} CPUs ({machine['cpu']}), Linux {machine['kernel']}, "
        f"Python {machine['python']}, load average {machine['load_average_before']:.1f} before, "
        f"{report['rounds']} rounds of {report['seconds']} s, {report['distinct_requests']:,} "
        f"distinct signed requests cycled; {report['when']}."
    )
    return lines


def servers(report: Report, model: str) -> list[str]:
    """Those that answered for a model, in order."""
    return list(dict.fromkeys(r["server"] for r in report["runs"] if r["model"] == model))


def median(runs: dict[int, Report], key: str) -> float:
    return float(statistics.median(run[key] for run in runs.values()))


def ranged(values: list[float], form: str = "{:.2f}") -> str:
    """The median and, of several values, the extremes."""
    if not values:
        return ""
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    bare = form.partition("}")[0] + "}"
    return f"{middle} ({bare.format(min(values))}-{bare.format(max(values))})"


def milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.3g}"


def _cells(report: Report) -> list[tuple[str, str, int]]:
    runs = report["runs"]
    found = dict.fromkeys((run["model"], run["connections"], run["server"]) for run in runs)
    return [(model, server, connections) for model, connections, server in found]


def _table(head: str, rows: Iterable[tuple[Any, ...]]) -> str:
    names = head.split("|")
    lines = [names, ["---"] * len(names), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
