"""Lengths of time as people write them: `90s`, `15m`, `12h`, `7d`.

Invariant: ``seconds`` of what ``written`` says is never more than what it was given.
"""

import re

PATTERN = r"[1-9]\d{0,6}[smhd]"
WANTS = "a length of time like 90s, 15m, 12h or 7d"
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_FINE = 3
"""So many of a unit are told in it; less is told in the next smaller one."""


def seconds(text: str) -> float | None:
    """A length of time in seconds; None where the text is none."""
    if re.fullmatch(PATTERN, text, re.ASCII) is None:
        return None
    return float(int(text[:-1]) * _SECONDS[text[-1]])


def written(length_s: float) -> str:
    """A length of time in the unit that fits, rounded down."""
    for unit, size in _SECONDS.items():
        whole = int(length_s // size)
        if whole >= _FINE or (whole and length_s == whole * size):
            return f"{whole}{unit}"
    return f"{max(0, int(length_s))}s"
