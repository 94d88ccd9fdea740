r"""The regular expressions of filter patterns, which have no groups: ``%^[hc]at|\d{2,3}$%``.

Invariant: searching takes time proportional to the text, whatever the expression: all ways to match
are followed at once, as the bits of one number, and steps that were taken are remembered. (Python's
own engine tries them one after the other, which a hostile expression makes take for ever.)
"""

import re
import string
from dataclasses import dataclass, field
from typing import NoReturn

from hostler.telemetry.patterns.reader import Reader

PLACES_MAX = 1_000
"""Characters to match in one expression, once ``{m,n}`` is written out."""
STATES_MAX = 500
"""States remembered of one expression; then all are forgotten, and found again as needed."""

OTHER = 128
"""All characters beyond ASCII, which expressions cannot name."""
ANYTHING = (1 << (OTHER + 1)) - 1
SYMBOLS = ":_#=@/;,- "
"""What stands for itself, beside letters and digits."""

_REPEAT = re.compile(r"\{(\d{0,4})(,?)(\d{0,4})\}")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})")


def _set(characters: str) -> int:
    return sum(1 << ord(character) for character in set(characters))


_CLASSES = {
    "d": _set(string.digits),
    "s": _set(" \t\n\r\f\v"),
    "w": _set(string.ascii_letters + string.digits + "_"),
}


class _State(dict[str, "_State"]):
    """Which characters may come next (bits of ``ready``), and the states that they lead to."""

    __slots__ = ("_regex", "ends", "found", "ready")

    def __init__(self, regex: "Regex", ready: int) -> None:
        super().__init__()
        self._regex = regex
        self.ready = ready
        self.found = ready & regex.accept != 0
        self.ends = ready & (regex.accept | regex.accept_at_end) != 0

    def __missing__(self, character: str) -> "_State":
        if character > "\x80":
            return self["\x80"]
        state = self[character] = self._regex.step(self.ready, ord(character))
        return state


class Regex:
    """A compiled expression.

    Each place of it is a bit: a set of characters, which may be repeated (``loops``) or left out
    (``optional``). Behind the last place of an alternative is one that takes no character and means
    that it was found.
    """

    def __init__(self, places: "Places") -> None:
        self.accept, self.accept_at_end = places.accept, places.accept_at_end
        self._loops, self._optional = places.loops, places.optional
        self._anywhere = places.starts_anywhere
        self._takes = [
            sum(1 << bit for bit, taken in enumerate(places.sets) if taken >> character & 1)
            for character in range(OTHER + 1)
        ]
        self._states: dict[int, _State] = {}
        self._first = self._state(self._closed(places.starts_anywhere | places.starts_first))

    def search(self, text: str) -> bool:
        """Whether it matches anywhere in a text."""
        state = self._first
        if state.found:
            return True
        for character in text:
            state = state[character]
            if state.found:
                return True
        return state.ends

    def step(self, ready: int, character: int) -> _State:
        """The state behind a character."""
        taken = ready & self._takes[character]
        return self._state(self._closed(taken << 1 | self._anywhere) | taken & self._loops)

    def _closed(self, ready: int) -> int:
        """With the places behind those that may be left out: the carry runs through them."""
        optional = self._optional
        return ready | (optional + (ready & optional)) ^ optional

    def _state(self, ready: int) -> _State:
        state = self._states.get(ready)
        if state is None:
            if len(self._states) >= STATES_MAX:
                for known in self._states.values():
                    known.clear()  # the first state is kept: nothing else shall be through it
                self._states = {}
            state = self._states[ready] = _State(self, ready)
        return state


@dataclass(slots=True)
class Places:
    """The places of an expression, as they are read; the masks have a bit for each."""

    sets: list[int] = field(default_factory=list)
    loops: int = 0
    optional: int = 0
    starts_anywhere: int = 0
    starts_first: int = 0
    accept: int = 0
    accept_at_end: int = 0

    @property
    def next(self) -> int:
        return 1 << len(self.sets)

    def add(self, taken: int, *, loops: bool = False, optional: bool = False) -> None:
        """One more place."""
        if loops:
            self.loops |= self.next
        if optional:
            self.optional |= self.next
        self.sets.append(taken)


def read(reader: Reader) -> Regex:
    """The expression that comes next, between two ``%``."""
    text, place = reader.regex()
    return _Parser(reader, text, place).read()


class _Parser:
    """Reads one expression."""

    def __init__(self, reader: Reader, text: str, place: int) -> None:
        self._reader = reader
        self._text = text
        self._begin = place
        self._at = 0
        self._places = Places()

    def read(self) -> Regex:
        if not self._text:
            self._fail("the regular expression is empty")
        self._alternative()
        while self._took("|"):
            self._alternative()
        return Regex(self._places)

    def _fail(self, why: str) -> NoReturn:
        self._reader.fail(why, self._begin + self._at)

    def _took(self, character: str) -> bool:
        if self._text[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def _alternative(self) -> None:
        places = self._places
        if self._took("^"):
            places.starts_first |= places.next
        else:
            places.starts_anywhere |= places.next
        ended = False
        while self._at < len(self._text) and self._text[self._at] != "|":
            if ended:
                self._at -= 1
                self._fail('"$" stands at the end of an alternative: else write \\$')
            if self._took("$"):
                ended = True
            else:
                self._repeated(self._one())
        if ended:
            places.accept_at_end |= places.next
        else:
            places.accept |= places.next
        places.add(0)

    def _one(self) -> int:
        """A character, or a set of them."""
        character = self._text[self._at]
        if self._took("."):
            return ANYTHING
        if self._took("["):
            return self._bracketed()
        if self._took("\\"):
            return self._escaped()
        if character in "*+?{":
            self._fail(f'there is nothing that "{character}" could repeat')
        if character == "^":
            self._fail('"^" stands at the beginning of an alternative: else write \\^')
        if not self._plain(character):
            self._fail(f'"{character}" is not supported in a regular expression: write it as \\xhh')
        self._at += 1
        return 1 << ord(character)

    def _plain(self, character: str) -> bool:
        return character.isascii() and (character.isalnum() or character in SYMBOLS)

    def _escaped(self) -> int:
        """What follows a backslash."""
        found = _HEX.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
            code = int(found[1], 16)
            return 1 << min(code, OTHER)
        character = self._text[self._at]  # the reader took care that there is one
        kind = _CLASSES.get(character.lower())
        if kind is not None:
            self._at += 1
            return kind if character.islower() else ANYTHING & ~kind
        if not character.isascii() or character.isalnum():
            self._fail(f'"\\{character}" is no escape of regular expressions')
        self._at += 1
        return 1 << ord(character)

    def _bracketed(self) -> int:
        """A character class, behind its opening bracket."""
        negated = self._took("^")
        taken = 1 << ord("]") if self._took("]") else 0  # as the first, it is no end
        while not self._took("]"):
            low = self._member()
            after = self._text[self._at : self._at + 2]
            if len(after) == 2 and after[0] == "-" and after[1] != "]":
                self._at += 1
                taken |= self._range(low, self._member())
            else:
                taken |= low
        return ANYTHING & ~taken if negated else taken

    def _member(self) -> int:
        character = self._text[self._at : self._at + 1]
        if not character:
            self._fail('a closing "]" is missing')
        if self._took("\\"):
            return self._escaped()
        if not self._plain(character) and character not in ".*+?^$|{}[":
            self._fail(f'"{character}" is not supported in a character class: write it as \\xhh')
        self._at += 1
        return 1 << ord(character)

    def _range(self, low: int, high: int) -> int:
        """All between two characters."""
        if low.bit_count() != 1 or high.bit_count() != 1 or high < low:
            self._fail("a range goes from a character to one behind it")
        return (high << 1) - low

    def _repeated(self, taken: int) -> None:
        """Add a place as often as what follows says."""
        places = self._places
        if self._took("*"):
            places.add(taken, loops=True, optional=True)
        elif self._took("+"):
            places.add(taken, loops=True)
        elif self._took("?"):
            places.add(taken, optional=True)
        elif self._text[self._at : self._at + 1] == "{":
            self._counted(taken)
        else:
            places.add(taken)
        if len(places.sets) > PLACES_MAX:
            self._fail(f"the regular expression is too large: {PLACES_MAX} characters at most")

    def _counted(self, taken: int) -> None:
        found = _REPEAT.match(self._text, self._at)
        if found is None or not (found[1] or found[3]):
            self._fail("a repetition is {n}, {n,}, {,m} or {n,m}")
        least = int(found[1] or 0)
        most = int(found[3]) if found[3] else (None if found[2] else least)
        if max(least, most or 0) > PLACES_MAX or (most is not None and most < least):
            self._fail(f"{found[0]} is no range up to {PLACES_MAX}")
        self._at = found.end()
        for _ in range(least):
            self._places.add(taken)
        if most is None:
            self._places.add(taken, loops=True, optional=True)
        for _ in range(least, most or 0):
            self._places.add(taken, optional=True)
