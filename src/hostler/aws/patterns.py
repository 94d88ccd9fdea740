r"""The models' Java regular expressions, for Python.

Invariant: a pattern is matched as Java's ``matches()`` does (the whole value, ASCII classes, Java's
line ends), or is not checked at all where it has no equivalent here; and no value makes it slow.
"""

import re
import unicodedata
from functools import cache

LENGTH_MAX = 200_000
"""Beyond it a value is not matched: the models' own lengths end well before."""

_SAFE = {
    # Nested repetitions over the same characters take exponential time where a match fails; these
    # say the same without the nesting.
    r".*(?:[ \r\n\t].*)*": r"(?:.|[\r\n])*",
    r".*(?:[ \r\n\t].*)*.*": r"(?:.|[\r\n])*",
    r"[a-z0-9]([-a-z0-9]*[a-z0-9]){0,39}?": r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?",
    r"https://([.\-_a-zA-Z0-9]+/?){3,1016}": (
        r"https://(?=(?:/?[.\-_a-zA-Z0-9]){3})[.\-_a-zA-Z0-9]+(?:/[.\-_a-zA-Z0-9]+)*/?"
    ),
    r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$": r"[a-z0-9*]+(?:[._\-/][a-z0-9*]+)*",
}

_PROPERTIES = {
    "ASCII": r"\x00-\x7f",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Print": r"\x20-\x7e",
    "Graph": r"\x21-\x7e",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "XDigit": "0-9a-fA-F",
}

_TOKEN = re.compile(
    r"""
    (?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})
  | \\(?P<negated>[pP])(?:\{(?P<property>\w+)\}|(?P<short>\w))
  | (?P<end>\\[zZ])
  | (?P<class_escape>\\[dDwWsS])
  | (?P<escape>\\u[0-9a-fA-F]{4}|\\.)
  | (?P<anchor>[\^$])(?P<repeat>[*+?]|\{\d+(?:,\d*)?\})?
  | (?P<character>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value matches the Java pattern."""
    if len(value) > LENGTH_MAX:
        return True
    compiled = compile_java(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@cache
def compile_java(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python, or None where it cannot be said."""
    try:
        return re.compile(translate(_SAFE.get(pattern, pattern)), re.ASCII)
    except (re.error, KeyError, OverflowError):
        return None


def translate(pattern: str) -> str:
    """Rewrites what Python's ``re`` lacks or means otherwise."""
    out: list[str] = []
    in_class = False
    after_class_escape = False
    for found in _TOKEN.finditer(pattern):
        text, in_class_before = found[0], in_class
        if found["character"] == "[":
            text = r"\[" if in_class else "["
            in_class = True
        elif found["character"] == "]" and out[-1:] not in (["["], ["[^"]):
            in_class = False
        elif found["anchor"]:
            text = _anchor(found, in_class=in_class, opens=out[-1:] == ["["])
            if text == "[^":
                out.pop()
        elif found["character"] == "." and not in_class:
            text = r"[^\n\r\x85\u2028\u2029]"
        elif found["character"] == "-" and in_class and after_class_escape:
            text = r"\-"  # Java reads «[\w-_]» as three items
        elif found["character"] in ("&", "~", "|") and in_class:
            text = "\\" + text
        else:
            text = _escape(found, text, in_class=in_class)
        after_class_escape = in_class_before and bool(found["class_escape"] or found["negated"])
        out.append(text)
    return "".join(out)


def _anchor(found: re.Match[str], *, in_class: bool, opens: bool) -> str:
    if not in_class:
        return found["anchor"]  # Java allows a repeated anchor; once is as good
    negates = opens and found["anchor"] == "^"
    return ("[^" if negates else "\\" + found["anchor"]) + (found["repeat"] or "")


def _escape(found: re.Match[str], text: str, *, in_class: bool) -> str:
    if found["pair"]:
        high, low = int(text[2:6], 16), int(text[8:12], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
    if found["negated"]:
        ranges = _property(found["property"] or found["short"])
        if found["negated"] == "P":
            if in_class:
                raise KeyError("a negated property inside a class")
            return f"[^{ranges}]"
        return ranges if in_class else f"[{ranges}]"
    if found["end"]:
        return r"\Z"
    return text


def _property(name: str) -> str:
    """A property's characters, as the inside of a class; raises KeyError."""
    if name in _PROPERTIES:
        return _PROPERTIES[name]
    categories = _categories()
    wanted = sorted(r for c, ranges in categories.items() if c.startswith(name) for r in ranges)
    if not wanted:
        raise KeyError(name)
    merged = [wanted[0]]
    for first, last in wanted[1:]:
        if first == merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in merged)


@cache
def _categories() -> dict[str, list[tuple[int, int]]]:
    """Ranges of code points by general category (15 ms, once, when first needed)."""
    found: dict[str, list[tuple[int, int]]] = {}
    # No letters, marks, numbers, punctuation or symbols are assigned between these ranges.
    for block in (range(0x34000), range(0xE0000, 0xE0200)):
        start, current = block.start, unicodedata.category(chr(block.start))
        for point in block:
            category = unicodedata.category(chr(point))
            if category != current:
                found.setdefault(current, []).append((start, point - 1))
                start, current = point, category
        found.setdefault(current, []).append((start, block.stop - 1))
    return found
