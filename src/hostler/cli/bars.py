"""Values as bars of one character each.

Invariant: the same value is as high wherever it is drawn.
"""

from rich.text import Text

_BARS = "▁▂▃▄▅▆▇█"
NOTHING = Text("·", style="dim")


def bar(part: float) -> str:
    """The bar of a value that is so much (0 to 1) of the greatest."""
    return _BARS[max(0, min(len(_BARS) - 1, int(part * len(_BARS))))]
