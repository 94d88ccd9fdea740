"""The plots of docs/explanation/performance.md, as SVG written by hand: bars on logarithmic axes.

Invariant: a pure function of the report; the same figures give the same bytes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench import report, targets
from bench.hostler import NAME
from bench.peers import BY_NAME
from bench.targets import Report

WIDTH, MARGIN, GAP = 980, 24, 28
LABEL, ROW, HEAD, FOOT = 138, 22, 34, 22
TITLE = 64
OURS, THEIRS, CEILING = "#c2410c", "#64748b", "#cbd5e1"
INK, FAINT, GRID = "#1f2937", "#6b7280", "#e5e7eb"
VALUE_SPACE = 96
"""What the figure behind the longest bar needs."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One server: from 1 to `value`, and a whisker to `until` where there is one."""

    server: str
    value: float
    text: str
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Panel:
    """One model."""

    title: str
    bars: list[Bar]


def all_plots(found: Report) -> dict[str, str]:
    """Every plot by its file's name."""

    def panels(bar: Callable[[Report, str, str], Bar | None]) -> list[Panel]:
        models = dict.fromkeys(run["model"] for run in found["runs"])
        every = [_panel(found, model, bar) for model in models]
        return [panel for panel in every if panel.bars]

    return {
        "performance-throughput.svg": _draw(
            "Requests a second, 64 connections",
            "medians on logarithmic axes; in brackets: × FastAPI in the same round",
            panels(_throughput),
        ),
        "performance-latency.svg": _draw(
            "Latency of one call at a time",
            "microseconds on logarithmic axes; the bar ends at the median, the line at p99",
            panels(_latency),
        ),
        "performance-cpu.svg": _draw(
            "CPU time of one request, 64 connections",
            "microseconds over all of a server's processes on logarithmic axes",
            panels(_cpu),
        ),
    }


def _panel(found: Report, model: str, bar: Callable[[Report, str, str], Bar | None]) -> Panel:
    bars = [bar(found, model, server) for server in report.servers(found, model)]
    return Panel(report.MODEL_TITLES[model], [each for each in bars if each])


def _throughput(found: Report, model: str, server: str) -> Bar | None:
    runs = targets.by_round(found, server, model, 64)
    base = targets.by_round(found, report.BASE, model, 64)
    if not runs:
        return None
    rps = report.median(runs, "rps")
    ratios = [run["rps"] / base[number]["rps"] for number, run in runs.items() if number in base]
    beside = f" ({sorted(ratios)[len(ratios) // 2]:.2g}×)" if ratios else ""
    return Bar(server, rps, f"{rps:,.0f}{beside}")


def _latency(found: Report, model: str, server: str) -> Bar | None:
    runs = targets.by_round(found, server, model, 1)
    if not runs:
        return None
    middle, late = report.median(runs, "p50_us"), report.median(runs, "p99_us")
    return Bar(server, middle, f"{_time(middle)} / {_time(late)}", late)


def _cpu(found: Report, model: str, server: str) -> Bar | None:
    runs = targets.by_round(found, server, model, 64)
    if not runs:
        return None
    return Bar(server, report.median(runs, "cpu_us"), f"{report.median(runs, 'cpu_us'):,.0f} µs")


def _time(microseconds: float) -> str:
    if microseconds < 1000:
        return f"{microseconds:.0f} µs"
    return f"{microseconds / 1000:.3g} ms"


def _draw(title: str, subtitle: str, panels: list[Panel]) -> str:
    """Two panels a row."""
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    parts: list[str] = []
    top = float(TITLE)
    for number in range(0, len(panels), 2):
        pair = panels[number : number + 2]
        for column, panel in enumerate(pair):
            parts += _draw_panel(panel, MARGIN + column * (width + GAP), top, width)
        top += HEAD + FOOT + GAP + ROW * max(len(panel.bars) for panel in pair)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top:.0f}" '
        f'viewBox="0 0 {WIDTH} {top:.0f}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="12" fill="{INK}">'
    )
    return "\n".join(
        [
            head,
            f'<rect width="{WIDTH}" height="{top:.0f}" fill="white"/>',
            _text(MARGIN, 28, title, size=18, weight="bold"),
            _text(MARGIN, 47, subtitle, color=FAINT),
            *parts,
            "</svg>\n",
        ]
    )


def _draw_panel(panel: Panel, left: float, top: float, width: float) -> list[str]:
    ends = [max(bar.value, bar.until) for bar in panel.bars]
    low = 10 ** math.floor(math.log10(max(1.0, min(bar.value for bar in panel.bars)) * 0.99))
    span = math.log10(max(ends) / low)
    room = width - LABEL - VALUE_SPACE

    def at(value: float) -> float:
        return left + LABEL + room * math.log10(max(value, low) / low) / span

    bottom = top + HEAD + ROW * len(panel.bars)
    parts = [_text(left, top + 18, panel.title, size=14, weight="bold")]
    decade = low
    while decade <= max(ends):
        line = f'<path d="M{at(decade):.1f} {top + HEAD - 6:.1f}V{bottom:.1f}" stroke="{GRID}"/>'
        parts += [line, _text(at(decade), bottom + 14, f"{decade:,}", color=FAINT, anchor="middle")]
        decade *= 10
    for number, bar in enumerate(panel.bars):
        y = top + HEAD + ROW * number
        color = OURS if bar.server == NAME else CEILING if _is_ceiling(bar.server) else THEIRS
        weight = "bold" if bar.server == NAME else "normal"
        length = max(at(bar.value) - left - LABEL, 1.0)
        parts.append(_text(left + LABEL - 8, y + 12, bar.server, weight=weight, anchor="end"))
        parts.append(
            f'<rect x="{left + LABEL:.1f}" y="{y:.1f}" width="{length:.1f}" height="15" '
            f'fill="{color}"/>'
        )
        end = at(bar.value)
        if bar.until > bar.value:
            end = at(bar.until)
            whisker = f"M{at(bar.value):.1f} {y + 7.5:.1f}H{end:.1f}"
            tip = f"M{end:.1f} {y + 3:.1f}V{y + 12:.1f}"
            parts.append(f'<path d="{whisker}{tip}" stroke="{color}" stroke-width="2"/>')
        parts.append(_text(end + 6, y + 12, bar.text, size=11, weight=weight))
    return parts


def _is_ceiling(server: str) -> bool:
    return server in BY_NAME and server.startswith("nginx")


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int = 12,
    weight: str = "normal",
    color: str = INK,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" '
        f'fill="{color}" text-anchor="{anchor}">{escape(text)}</text>'
    )
