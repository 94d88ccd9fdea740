"""The bench's pure parts: ratios by round, targets, tables, plots and the page's section."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from bench import docs, plots, report, targets
from bench.targets import TARGETS, Verdict


def _run(server: str, model: str, connections: int, number: int, rps: float) -> dict[str, Any]:
    latency = round(1e6 * connections / rps)
    figures = {"p50_us": latency, "p90_us": 2 * latency, "p99_us": 3 * latency}
    cell = {"server": server, "model": model, "connections": connections, "round": number}
    return {**cell, **figures, "max_us": 4 * latency, "rps": rps, "cpu_us": 1e6 / rps}


def _start(server: str, model: str) -> dict[str, Any]:
    memory = {"resident_mb": 90.0, "proportional_mb": 50.0, "private_mb": 40.0}
    start = {"server": server, "model": model, "first_answer_s": 0.4, "cpu_at_rest_percent": 0.3}
    return {**start, **memory, "after_load_mb": 55.0}


def _report(speeds: dict[str, tuple[float, ...]]) -> dict[str, Any]:
    """Speeds at c = 64 by server, one for each round; at c = 1 a tenth of it."""
    runs = [
        run
        for model in ("echo", "logistic")
        for server, by_round in speeds.items()
        for number, rps in enumerate(by_round)
        for run in (
            _run(server, model, 64, number, rps),
            _run(server, model, 1, number, rps / 10),
        )
    ]
    megabytes = {"resident": 80.0, "proportional": 40.0, "private": 30.0}
    return {
        "when": "2026-01-02 03:04 UTC",
        "machine": {
            "cpus": 2,
            "cpu": "some CPU",
            "kernel": "6.1",
            "python": "3.11.7",
            "load_average_before": 0.1,
            "own_network": True,
        },
        "rounds": 2,
        "seconds": 2,
        "distinct_requests": 2000,
        "versions": {"hostler": "Hostler 1.2.3", "fastapi": "FastAPI 0.1"},
        "models": {"packages": {"scikit-learn": "1.8.0", "torch": "2.13.0"}},
        "absent": {"triton": "its environment cannot be built: no wheel"},
        "starts": [_start(server, model) for model in ("echo", "logistic") for server in speeds],
        "runs": runs,
        "in_process": [{"round": 0, "model": "logistic", "rows_a_second": 20_000.0}],
        "boto3": [
            {**_run("hostler", "echo", 1, 0, 500.0), "client_cpu_us": 1200},
            {**_run("nginx-static", "echo", 1, 0, 600.0), "client_cpu_us": 1200},
        ],
        "in_service_s": {"logistic": {"runtime warm": [0.09, 0.12, 0.2]}},
        "memory_mb": {"echo": {"gateway and model server": megabytes}},
        "idle_endpoint_mb": {"private, of its processes": 1.5, "proportional, over all": 3.0},
        "killed_s": {"echo": 0.3},
        "serverless_ms": {"p50": 36.0},
        "decisions_us": {"cold": [900.0, 2_000.0], "new": [70.0], "made": [20.0], "kept": [0.5]},
    }


FOUND = _report(
    {
        "hostler": (30_000.0, 10_000.0),
        "fastapi": (2_000.0, 2_000.0),
        "nginx-unix": (40_000.0, 40_000.0),
        "nginx-static": (100_000.0, 100_000.0),
    }
)


def _target(what: str) -> targets.Target:
    (found,) = (target for target in TARGETS if what in target.what)
    return found


def test_a_ratio_is_taken_within_its_round() -> None:
    assert targets.ratios(FOUND, "fastapi", "echo") == [15.0, 5.0]
    assert targets.ratios(FOUND, "triton", "echo") == []


@pytest.mark.parametrize(
    ("what", "value", "verdict"),
    [
        ("echo, c = 64, \N{MULTIPLICATION SIGN} FastAPI", 10.0, Verdict.GOAL),
        ("nginx → Unix socket", 0.5, Verdict.MISSED),
        ("Triton", None, Verdict.UNKNOWN),
        ("LogisticRegression", 150.0, Verdict.GOAL),
        ("InService", 120.0, Verdict.GATE),
        ("resident", 80.0, Verdict.GATE),
        ("idle endpoint", 1.5, Verdict.GOAL),
        ("killed", 0.3, Verdict.GATE),
        ("policy decision", 900.0, Verdict.GATE),
        ("serverless", 36.0, Verdict.GATE),
    ],
)
def test_a_target_knows_its_figure_and_what_that_is_worth(
    what: str, value: float | None, verdict: Verdict
) -> None:
    target = _target(what)
    assert target.measured(FOUND) == pytest.approx(value)
    assert target.verdict(target.measured(FOUND)) == verdict


def test_every_gate_is_easier_than_its_goal() -> None:
    for target in TARGETS:
        assert (target.goal < target.gate) == target.less_is_better, target.what


def test_the_latency_above_the_ceiling_is_a_difference_within_a_round() -> None:
    alone = [1e6 / 3_000 - 100, 1e6 / 1_000 - 100]
    assert targets.above_static(FOUND) == pytest.approx(alone, abs=1)


def test_a_table_has_a_row_for_every_server_and_the_range_over_the_rounds() -> None:
    table = report.runs_table(FOUND)
    assert "| echo | 64 | hostler | 20000 | 10.00 (5.00-15.00) |" in table
    assert table.count("\n") == 1 + 2 * 2 * 4


def test_what_is_absent_stands_in_one_line_with_its_reason() -> None:
    text = report.text(FOUND)
    assert "Absent: triton: its environment cannot be built: no wheel." in text
    assert "Traceback" not in text


def test_several_gateways_are_told_and_their_memory_is_no_figure_of_one() -> None:
    several = FOUND | {"gateways": 2}
    assert "Hostler with 2 gateways." in report.where(several)
    assert "gateways" not in "\n".join(report.where(FOUND))
    assert _target("resident").measured(several) is None


def test_the_least_of_each_kind_of_decision_is_told() -> None:
    text = "\n".join(report.hostlers_own(FOUND))
    assert "50 statements: 900 µs where the documents are new to the process, 70 µs" in text
    old = {name: value for name, value in FOUND.items() if name != "decisions_us"}
    assert "statements" not in "\n".join(report.hostlers_own(old))


def test_boto3s_own_time_is_shown_apart() -> None:
    table = report.boto3_table(FOUND)
    assert "| **Hostler** | 2000 | 4000 | 6000 | 333 | 1200 |" in table


def test_two_runs_stand_side_by_side() -> None:
    table = report.targets_table([FOUND, FOUND])
    assert "| run 1 | verdict 1 | run 2 | verdict 2 |" in table
    assert "| ≤ 0.5 s | ≤ 0.2 s | 0.30 s | gate met | 0.30 s | gate met |" in table


def test_only_the_section_between_the_marks_is_written() -> None:
    before = f"# Speed\n\nkept\n{docs.BEGIN}\nyesterday\n{docs.END}\nkept as well\n"
    after = docs.page(before, [FOUND])
    assert after.startswith(f"# Speed\n\nkept\n{docs.BEGIN}\n")
    assert after.endswith(f"{docs.END}\nkept as well\n")
    assert "yesterday" not in after
    assert docs.page(after, [FOUND]) == after


def test_the_page_has_the_marks_and_its_plots() -> None:
    text = docs.PAGE.read_text()
    assert text.index(docs.BEGIN) < text.index(docs.END)
    with pytest.raises(ValueError, match="no section"):
        docs.page("nothing here", [FOUND])


def test_plots_are_drawings_with_a_bar_for_every_server_of_every_model() -> None:
    for name, svg in plots.all_plots(FOUND).items():
        root = ET.fromstring(svg)
        bars = root.findall("{http://www.w3.org/2000/svg}rect")
        assert len(bars) == 1 + 2 * 4, name
        assert name in docs.PLOTS
        assert all(float(bar.attrib["width"]) >= 1 for bar in bars)


def test_a_plot_of_one_round_of_one_server_is_drawn_as_well() -> None:
    assert plots.all_plots(_report({"hostler": (1_000.0,)})).keys() == docs.PLOTS.keys()
