"""Tags of endpoints that Hostler acts on: what SageMaker's API has no member for.

Invariant: on AWS they are tags like any other, so the same code runs there. One in this space that
is not known, or whose value cannot be acted on, is refused when it is given.
"""

import math
import re
from collections.abc import Mapping

SPACE = "hostler:"
STICKY_HEADER = f"{SPACE}sticky-header"
"""The requests with one value of this header all go to one variant."""
SHADOW_TOLERANCE = f"{SPACE}shadow-tolerance"
"""How far a shadow's numbers may be off, relatively, and still be close."""
SHADOW_EXAMPLES = f"{SPACE}shadow-examples"
"""``on``: some requests whose answers differ are written to the log with both answers."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,128}")
_CHANGING = frozenset(
    {
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "authorization",
        "content-length",
        "x-amz-content-sha256",
        "x-amz-date",
    }
)
"""Headers that differ from request to request of one caller."""


def wrong(tags: Mapping[str, str]) -> str | None:
    """What is wrong with the first tag of Hostler's that cannot be acted on."""
    for key, value in tags.items():
        if not key.startswith(SPACE):
            continue
        match key:
            case _ if key == STICKY_HEADER:
                if not sticky_header(tags):
                    return f"{key} must name a header that a caller sends alike; {value!r} is none."
            case _ if key == SHADOW_TOLERANCE:
                if shadow_tolerance(tags) is None:
                    return f"{key} must be a number from 0 to 1; {value!r} is none."
            case _ if key == SHADOW_EXAMPLES:
                if value not in ("on", "off"):
                    return f"{key} must be on or off, not {value!r}."
            case _:
                known = f"{STICKY_HEADER}, {SHADOW_TOLERANCE} and {SHADOW_EXAMPLES}"
                return f"{key} is none of the tags that Hostler acts on: {known}."
    return None


def sticky_header(tags: Mapping[str, str]) -> str:
    """In lower case; empty where there is none."""
    name = tags.get(STICKY_HEADER, "").strip().lower()
    return name if _TOKEN.fullmatch(name) and name not in _CHANGING else ""


def shadow_tolerance(tags: Mapping[str, str]) -> float | None:
    """None where there is none."""
    try:
        tolerance = float(tags.get(SHADOW_TOLERANCE, ""))
    except ValueError:
        return None
    return tolerance if math.isfinite(tolerance) and 0 <= tolerance <= 1 else None


def shadow_examples(tags: Mapping[str, str]) -> bool:
    """Whether differences may be written down."""
    return tags.get(SHADOW_EXAMPLES) == "on"
