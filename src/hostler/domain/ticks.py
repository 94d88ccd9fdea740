"""When pauses end of what is done again and again: at moments common to all who ask here.

A process at rest pays more for waking than for what it then does: for a CPU that slept, for cold
caches, for a thread that must be woken as well.
"""

GRID_S = 1.0
"""Pauses of a second or more end on multiples of it, shorter ones on multiples of themselves."""


def left_s(about_s: float, now_s: float) -> float:
    """Seconds until the moment of the grid that is nearest to ``about_s`` from now.

    It differs from ``about_s`` by half a step of the grid at most.

    Args:
        about_s: How long a pause is wanted (> 0).
        now_s: The time, on the clock by which the pause is measured.
    """
    step = min(about_s, GRID_S)
    return max(round((now_s + about_s) / step) * step - now_s, step / 2)
