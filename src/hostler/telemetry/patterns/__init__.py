"""CloudWatch Logs' filter patterns, in their three languages.

Invariant: pure. A pattern that is not understood is refused with the place and the reason, never
matched approximately; and no message makes a pattern slow.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from typing import Protocol

from hostler.telemetry.patterns import documents, fields, terms
from hostler.telemetry.patterns.reader import PatternError, Reader

__all__ = ["Pattern", "PatternError", "compile_pattern"]


class Pattern(Protocol):
    """What passes or does not."""

    def matches(self, message: str) -> bool:
        """Whether a message passes."""
        ...


def compile_pattern(text: str) -> Pattern:
    """Read a filter pattern: ``{…}`` for JSON, ``[…]`` for fields, else terms.

    An empty one passes everything.

    Raises:
        PatternError: It is malformed; the text says where and why.
    """
    reader = Reader(text)
    match reader.peek():
        case "{":
            return documents.read(reader)
        case "[":
            return fields.read(reader)
        case _:
            return terms.read(reader)
