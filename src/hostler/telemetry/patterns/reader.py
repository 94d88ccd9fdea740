"""Reading a filter pattern from left to right.

Invariant: every complaint says at which character of the pattern, counted from 1.
"""

import re
from typing import NoReturn

REGEXES_MAX = 2
"""In one pattern, as CloudWatch allows."""

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_REGEX = re.compile(r"%((?:[^%\\]|\\.)*)%", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPACE = re.compile(r"\s*")


class PatternError(Exception):
    """The pattern is malformed."""


class Reader:
    """A place in a pattern. Blanks between what is asked for are passed over."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self._regexes = 0

    def fail(self, why: str, place: int | None = None) -> NoReturn:
        """Complain about this place, or another."""
        at = self.place if place is None else place
        raise PatternError(f"Invalid filter pattern at character {at + 1}: {why}")

    def blank(self) -> bool:
        """Pass over blanks; whether there were any."""
        found = _SPACE.match(self.text, self.place)
        assert found is not None
        self.place = found.end()
        return bool(found[0])

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        self.blank()
        return self.text[self.place : self.place + 1]

    def took(self, *words: str) -> str:
        """Which of some words comes next, taken; empty if none does."""
        self.blank()
        for word in words:
            if self.text.startswith(word, self.place):
                self.place += len(word)
                return word
        return ""

    def need(self, word: str, after: str) -> None:
        """Take a word, or complain that it is missing."""
        if not self.took(word):
            self.fail(f'"{word}" is expected after {after}')

    def found(self, pattern: re.Pattern[str]) -> str:
        """What a regular expression of ours finds here, taken; empty if nothing."""
        self.blank()
        found = pattern.match(self.text, self.place)
        if found is None:
            return ""
        self.place = found.end()
        return found[0]

    def quoted(self) -> str:
        """A string in double quotes, without them; its first quote comes next."""
        found = _QUOTED.match(self.text, self.place)
        if found is None:
            self.fail('a closing " is missing')
        self.place = found.end()
        return _ESCAPED.sub(r"\1", found[1])

    def regex(self) -> tuple[str, int]:
        """A regular expression between ``%``, and where it begins; its first % comes next."""
        found = _REGEX.match(self.text, self.place)
        if found is None:
            self.fail("a closing % is missing")
        self._regexes += 1
        if self._regexes > REGEXES_MAX:
            self.fail(f"no more than {REGEXES_MAX} regular expressions are allowed")
        self.place = found.end()
        return found[1], found.start(1)

    def end(self, after: str) -> None:
        """Complain unless nothing is left."""
        if self.peek():
            self.fail(f"nothing is expected after {after}")
