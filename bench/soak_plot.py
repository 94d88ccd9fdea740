"""The plot of ``bench.soak``: load above, instances below, over the same time; SVG by hand.

Invariant: a pure function of what was seen; the same figures give the same bytes.
"""

from collections.abc import Sequence
from typing import Protocol
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 820, 60, 20
TOP, HEIGHT, GAP = 40, 120, 46
INK, FAINT, GRID, OURS, ASKED = "#1f2937", "#6b7280", "#e5e7eb", "#c2410c", "#94a3b8"


class Looked(Protocol):
    """One look, as ``bench.soak.Seen``."""

    @property
    def at(self) -> float: ...
    @property
    def instances(self) -> int: ...
    @property
    def desired(self) -> int: ...


class Paced(Protocol):
    """A stretch of load, as ``bench.soak.Phase``."""

    @property
    def seconds(self) -> float: ...
    @property
    def a_minute(self) -> float: ...


def draw(seen: Sequence[Looked], phases: Sequence[Paced]) -> str:
    """The whole document."""
    whole = sum(phase.seconds for phase in phases)
    load: list[tuple[float, float]] = []
    at = 0.0
    for phase in phases:
        load += [(at, phase.a_minute), (at + phase.seconds, phase.a_minute)]
        at += phase.seconds
    ready = _steps([(each.at, float(each.instances)) for each in seen])
    asked = _steps([(each.at, float(each.desired)) for each in seen])
    height = TOP + 2 * HEIGHT + GAP + 40
    below = TOP + HEIGHT + GAP
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_panel("calls a minute", TOP, max(y for _, y in load), whole, [(load, OURS)]),
        *_panel("instances: asked for, ready", below, 4.0, whole, [(asked, ASKED), (ready, OURS)]),
        *_minutes(whole, below + HEIGHT),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


Line = list[tuple[float, float]]


def _panel(
    title: str, top: int, most: float, whole: float, lines: Sequence[tuple[Line, str]]
) -> list[str]:
    parts = [f'<text x="{LEFT}" y="{top - 10}" fill="{INK}">{escape(title)}</text>']
    for share in (0.0, 0.5, 1.0):
        y = top + HEIGHT * (1 - share)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:g}" y2="{y:g}" stroke="{GRID}"/>'
        )
        label = f"{most * share:g}"
        parts.append(
            f'<text x="{LEFT - 8}" y="{y + 4:g}" text-anchor="end" fill="{FAINT}">{label}</text>'
        )
    for line, colour in lines:
        points = " ".join(
            f"{LEFT + (WIDTH - LEFT - RIGHT) * x / whole:.1f},{top + HEIGHT * (1 - y / most):.1f}"
            for x, y in line
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    return parts


def _steps(points: Line) -> Line:
    """A value holds until the next look."""
    found: Line = []
    for at, value in points:
        if found and found[-1][1] != value:
            found.append((at, found[-1][1]))
        if not found or found[-1][1] != value:
            found.append((at, value))
    if points:
        found.append(points[-1])
    return found


def _minutes(whole: float, bottom: int) -> list[str]:
    """The axis of time, in some ten steps."""
    step = next(each for each in (10, 30, 60, 300, 600, 3600) if whole / each <= 12)
    parts = []
    for at in range(0, int(whole) + 1, step):
        x = LEFT + (WIDTH - LEFT - RIGHT) * at / whole
        label = f"{at // 60} min" if step >= 60 else f"{at} s"
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 20}" text-anchor="middle" '
            f'fill="{FAINT}">{label}</text>'
        )
    return parts
