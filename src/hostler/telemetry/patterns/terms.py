"""Patterns for unstructured text: terms, "phrases", %regular expressions%, -exclusions, ?any.

Invariant: terms are found with regard to case, anywhere in the message.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from hostler.telemetry.patterns import regexes
from hostler.telemetry.patterns.reader import Reader
from hostler.telemetry.patterns.regexes import Regex

Term: TypeAlias = str | Regex

_PLAIN = re.compile(r"[^\s\"%]+")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a message must hold (all), must not hold (none), and one of which it must hold (some).

    CloudWatch ignores the third where there are others.
    """

    required: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    optional: tuple[Term, ...] = ()

    def matches(self, message: str) -> bool:
        """Whether a message passes."""
        if self.required or self.excluded:
            return all(_holds(message, term) for term in self.required) and not any(
                _holds(message, term) for term in self.excluded
            )
        return not self.optional or any(_holds(message, term) for term in self.optional)


def read(reader: Reader) -> Terms:
    """The whole pattern."""
    found: dict[str, list[Term]] = {"": [], "-": [], "?": []}
    while reader.peek():
        sign = reader.took("-", "?")
        found[sign].append(_term(reader))
        if not reader.blank() and reader.peek():
            reader.fail("a blank is expected between two terms")
    return Terms(tuple(found[""]), tuple(found["-"]), tuple(found["?"]))


def _holds(message: str, term: Term) -> bool:
    if isinstance(term, Regex):
        return term.search(message)
    return not term or term in message


def _term(reader: Reader) -> Term:
    place = reader.place
    match reader.text[place : place + 1]:
        case '"':
            phrase = reader.quoted()
            return phrase if phrase.strip() else ""  # what CloudWatch calls "match everything"
        case "%":
            return regexes.read(reader)
        case character if not character.strip():
            reader.fail("a term is expected behind its sign")
    found = _PLAIN.match(reader.text, place)
    if found is None or _WORD.fullmatch(found[0]) is None:
        term = found[0] if found is not None else reader.text[place]
        reader.fail(f'Invalid character(s) in term "{term}": enclose it in double quotes')
    reader.place = found.end()
    return found[0]
