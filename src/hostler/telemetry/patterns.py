"""CloudWatch Logs' filter patterns for unstructured text: terms, "phrases", -exclusions, ?any.

Invariant: a pattern that is not understood is refused with its reason, never matched approximately.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from dataclasses import dataclass

_TERM = re.compile(
    r'\s*(?P<sign>[-?]?)(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s"]+))(?=\s|$)'
)
_PLAIN = re.compile(r"\w+")


class PatternError(Exception):
    """The pattern is malformed, or of a kind that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a message must hold (all), must not hold (none), and one of which it must hold (some).

    Terms are found with regard to case, anywhere in the message.
    """

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def matches(self, message: str) -> bool:
        """Whether a message passes."""
        if any(term in message for term in self.excluded):
            return False
        if not all(term in message for term in self.required):
            return False
        return not self.optional or any(term in message for term in self.optional)


def compile_pattern(text: str) -> Pattern:
    """Read a filter pattern; raises PatternError. An empty one passes everything."""
    stripped = text.strip()
    for opening, kind in (("{", "JSON"), ("[", "space-delimited"), ("%", "regular expression")):
        if stripped.startswith(opening):
            raise PatternError(f"{kind} filter patterns are not supported yet: {text}")
    found: dict[str, list[str]] = {"": [], "-": [], "?": []}
    place = 0
    while place < len(stripped):
        term = _TERM.match(stripped, place)
        if term is None:
            raise PatternError(f"Invalid filter pattern: {text}")
        found[term["sign"]].append(_word(term))
        place = term.end()
    if found["?"] and (found[""] or found["-"]):
        raise PatternError(f"?terms cannot be combined with other terms: {text}")
    return Pattern(tuple(found[""]), tuple(found["-"]), tuple(found["?"]))


def _word(term: re.Match[str]) -> str:
    if term["quoted"] is not None:
        return re.sub(r"\\(.)", r"\1", term["quoted"])
    plain = term["plain"]
    if _PLAIN.fullmatch(plain) is None:
        raise PatternError(f'Invalid character(s) in term "{plain}": enclose it in double quotes')
    return plain
