"""The share of the traffic that both deployments of an update had over time: in bars, and as SVG.

Invariant: pure; the same events give the same characters. Where a stretch is narrower than a bar,
the moment is shown at which the new deployment had most; the last bar is how it ended.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

from rich.text import Text

from hostler.cli import bars
from hostler.cli.output import harmless
from hostler.domain.moments import time_of_day

WIDTH, LEFT, RIGHT = 820, 60, 20
TOP, HEIGHT = 56, 160
BOTTOM = TOP + HEIGHT
INK, FAINT, GRID = "#1f2937", "#6b7280", "#e5e7eb"
COLOURS = {"blue": "#2563eb", "green": "#16a34a"}
ALARM = "#dc2626"
NOT_ALL = 0.8
"""Has the bar below the highest."""


_Levels: TypeAlias = Sequence[tuple[float, float]]
"""(epoch seconds, a part of the traffic from then on)."""


class Point(NamedTuple):
    """From ``at`` (epoch seconds) on both have these shares (0 to 1)."""

    at: float
    blue: float
    green: float


def points(update: Mapping[str, Any]) -> Sequence[Point]:
    """How the shares went, from when the update was asked for until its last event."""
    events = update["Events"]
    first = Point(update["Asked"], float("PreviousEndpointConfigName" in update), 0.0)
    return [
        first,
        *(Point(e["Time"], e["Blue"]["Share"], e["Green"]["Share"]) for e in events),
    ]


def drawn(update: Mapping[str, Any], width: int) -> Iterator[Text]:
    """Two rows of at most so many bars, and the times of their ends."""
    known = points(update)
    start, end = known[0].at, known[-1].at
    if end <= start:
        return
    step = (end - start) / width
    chosen = [_in(known, start + n * step, start + (n + 1) * step) for n in range(width - 1)]
    chosen.append(known[-1])
    sides = ("blue", "green") if "PreviousEndpointConfigName" in update else ("green",)
    for side in sides:
        line = Text(f"  {side:<7}")
        for point in chosen:
            share: float = getattr(point, side)
            line += Text(_bar(share), style=side) if share > 0 else bars.NOTHING
        yield line
    axis = f"{time_of_day(start)}{time_of_day(end):>{max(9, width - 8)}}"
    yield Text(f"  {'':<7}{axis}", style="dim")


def svg(update: Mapping[str, Any], endpoint: str) -> str:
    """The whole document; what took the update back is in red."""
    known = points(update)
    start, end = known[0].at, max(known[-1].at, known[0].at + 1.0)
    title = f"{endpoint}, update {update['Number']}"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{BOTTOM + 40}" '
            f'viewBox="0 0 {WIDTH} {BOTTOM + 40}" font-family="sans-serif" font-size="12">'
        ),
        f'<rect width="{WIDTH}" height="{BOTTOM + 40}" fill="white"/>',
        f'<text x="{LEFT}" y="20" fill="{INK}" font-size="14">{_text(title)}</text>',
        f'<text x="{LEFT}" y="40" fill="{FAINT}">{_text(update["Summary"])}</text>',
    ]
    green = [(point.at, point.green) for point in known]
    both = [(point.at, point.green + point.blue) for point in known]
    nothing = [(start, 0.0)]
    parts += [
        _area("green", nothing, green, (start, end)),
        _area("blue", green, both, (start, end)),
    ]
    parts += _legend(update)
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:g}" y2="{y:g}" stroke="{GRID}"/>'
            f'<text x="{LEFT - 8}" y="{y + 4:g}" text-anchor="end" fill="{FAINT}">'
            f"{share:.0%}</text>"
        )
    parts += _marks(update["Events"], start, end)
    parts += _axis(start, end)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(share: float) -> str:
    """Only the whole traffic has the highest bar: 95 % is not all."""
    return bars.bar(share if share >= 1.0 else min(share, NOT_ALL))


def _in(known: Sequence[Point], start: float, end: float) -> Point:
    """Of what held between two times, the moment at which green had most."""
    held = [point for point in known if start < point.at < end]
    before = [point for point in known if point.at <= start]
    return max([*before[-1:], *held] or known[:1], key=lambda point: point.green)


def _area(side: str, below: _Levels, above: _Levels, span: tuple[float, float]) -> str:
    """What lies between two levels over time."""
    upper, lower = (_corners(levels, *span) for levels in (above, below))
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in (*upper, *reversed(lower)))
    return f'<polygon points="{corners}" fill="{COLOURS[side]}" opacity="0.75"/>'


def _corners(levels: _Levels, start: float, end: float) -> Sequence[tuple[float, float]]:
    """Of a level that holds until the next one."""
    corners = [levels[0]]
    for (_, last), (at, level) in pairwise(levels):
        corners += [(at, last), (at, level)]
    corners.append((end, levels[-1][1]))
    return [(_x(at, start, end), _y(level)) for at, level in corners]


def _legend(update: Mapping[str, Any]) -> Iterator[str]:
    named = {"green": "EndpointConfigName", "blue": "PreviousEndpointConfigName"}
    for row, (side, member) in enumerate(named.items()):
        if member in update:
            yield (
                f'<text x="{WIDTH - RIGHT}" y="{20 + 20 * row}" text-anchor="end" '
                f'fill="{COLOURS[side]}">{_text(update[member])}</text>'
            )


def _marks(events: Sequence[Mapping[str, Any]], start: float, end: float) -> Iterator[str]:
    """A line where each event was, with its words."""
    for event in events:
        fired = [alarm["AlarmName"] for alarm in event.get("AlarmsFired", ())]
        x, colour = _x(event["Time"], start, end), ALARM if fired else FAINT
        words = f"{time_of_day(event['Time'])} {event['Message']}"
        yield (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{BOTTOM}" stroke="{colour}" '
            f'stroke-dasharray="3 3"><title>{_text(words)}</title></line>'
        )
        if fired:
            beyond = x > WIDTH / 2
            yield (
                f'<text x="{x - 5 if beyond else x + 5:.1f}" y="{TOP - 4}" fill="{ALARM}" '
                f'text-anchor="{"end" if beyond else "start"}">{_text(", ".join(fired))}</text>'
            )


def _axis(start: float, end: float) -> Iterator[str]:
    for number in range(5):
        at = start + (end - start) * number / 4
        x = _x(at, start, end)
        yield (
            f'<text x="{x:.1f}" y="{BOTTOM + 20}" text-anchor="middle" fill="{FAINT}">'
            f"{time_of_day(at)}</text>"
        )


def _x(at: float, start: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (at - start) / (end - start)


def _y(share: float) -> float:
    return TOP + HEIGHT * (1 - share)


def _text(said: str) -> str:
    return escape(harmless(said))
