"""When it is time for what is done again and again: for all of it at once.

A process at rest pays for waking more than for what it then does: a CPU that slept, cold caches, a
thread that must be woken as well. So pauses end at common moments.
"""

GRID_S = 1.0
"""Pauses of a second or more end on multiples of it, shorter ones on multiples of themselves."""


def left_s(about_s: float, now_s: float) -> float:
    """Seconds until the tick nearest to ``about_s`` from now: by half a step less or more.

    Args:
        about_s: How long a pause is wanted (> 0).
        now_s: The time, on the clock by which the pause is measured.
    """
    step = min(about_s, GRID_S)
    return max(round((now_s + about_s) / step) * step - now_s, step / 2)
