"""What a run writes into docs/explanation: the section between the marks, and the plots.

Invariant: everything outside the marks stays as it is.
"""

from pathlib import Path

from bench import plots, report
from bench.targets import Report

FOLDER = Path(__file__).parents[1] / "docs/explanation"
PAGE = FOLDER / "performance.md"
BEGIN, END = "<!-- generated: bench -->", "<!-- end: bench -->"
NOTE = "<!-- Written by `make bench BENCH=--docs`. -->"
OUR_OWN = """They are Hostler's own: a gate is what a release must reach, a goal what its authors
think the machine allows. «Killed» is a `kill -9` of the gateway and the model server at once, until
both were started anew and the endpoint answers rightly. The serverless model takes no time to load;
the figure is the median of all wakes. The decision is the quickest of those before and after
everything else: it takes no longer by itself, only by what else the machine does."""
PLOTS = {
    "performance-throughput.svg": "Requests a second by server and model",
    "performance-latency.svg": "Latency of one call at a time by server and model",
    "performance-cpu.svg": "CPU time of a request by server and model",
}


def write(reports: list[Report]) -> None:
    """The page and the plots; the last report's figures are shown in full."""
    PAGE.write_text(page(PAGE.read_text(), reports))
    for name, svg in plots.all_plots(reports[-1]).items():
        (FOLDER / name).write_text(svg)


def page(text: str, reports: list[Report]) -> str:
    """The page with its section written anew."""
    head, begin, rest = text.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} has no section between {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{section(reports)}\n{END}{tail}"


def section(reports: list[Report]) -> str:
    """Targets of all runs, then the tables of the last."""
    shown = reports[-1]
    dates = " and ".join(dict.fromkeys(found["when"] for found in reports))
    runs = "one run" if len(reports) == 1 else f"{len(reports)} runs, one after the other"
    parts = [NOTE, f"## What was measured\n\nThis is {runs}: {dates}. {_how(shown)}"]
    parts += ["### Targets", OUR_OWN, report.targets_table(reports), "### Servers"]
    if len(reports) > 1:
        parts.append("Plots and tables from here on are of the last run.")
    parts += [f"![{what}]({name})" for name, what in PLOTS.items()]
    for model in dict.fromkeys(run["model"] for run in shown["runs"]):
        parts += [f"#### {report.MODEL_TITLES[model]}", report.model_table(shown, model)]
    parts += ["### Cold start and memory", report.starts_by_server(shown)]
    if shown["boto3"]:
        parts += ["### Through boto3", report.boto3_table(shown)]
    own = "\n".join(f"- {line}" for line in report.hostlers_own(shown))
    where = "\n".join(f"- {line}" for line in report.where(shown))
    return "\n\n".join([*parts, "### Hostler alone", own, "### Versions", where])


def _how(shown: Report) -> str:
    rounds = "a single round" if shown["rounds"] == 1 else f"{shown['rounds']} rounds"
    return (
        f"Medians over {rounds}; a range in brackets is that of the rounds. The servers of a model "
        "run at once and take turns. Only ratios within a round mean anything: the load generator "
        "and the servers share the CPUs."
    )
