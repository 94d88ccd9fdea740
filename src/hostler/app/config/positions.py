"""On which line of a TOML document each key and each element of a list stands.

`tomllib` reads values and forgets where they were. This follows the same text for the places alone.

Invariant: only ever given text that `tomllib` has read, so it judges nothing and refuses nothing.
"""

import re
import tomllib

Path = tuple[str | int, ...]

_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}\n#]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''(?:.)*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)


def lines(text: str) -> dict[Path, int]:
    """The line, from 1, of every table, key and element of a valid document."""
    return _Follower(text).follow()


class _Follower:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        """How many elements each list of tables has so far."""

    def follow(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._head()
            else:
                self._pair(table)
            self._skip(_GAP)
        return self._found

    def _head(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: the path of what follows."""
        line = self._line()
        several = self._text.startswith("[[", self._at)
        self._at += 1 + several
        names = self._key()
        self._at += 1 + several
        table: Path = ()
        for number, name in enumerate(names):
            table = (*table, name)
            if several and number == len(names) - 1:
                self._note(table, line)
                self._tables[table] = self._tables.get(table, -1) + 1
            if table in self._tables:
                table = (*table, self._tables[table])
            self._note(table, line)
        return table

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for name in self._key():
            path = (*path, name)
            self._note(path, line)
        self._at += 1  # =
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> list[str]:
        """A dotted key, up to what follows it."""
        names = []
        while True:
            self._skip(_BLANK)
            if match := _STRING.match(self._text, self._at):
                names.append(str(tomllib.loads(f"key = {match[0]}")["key"]))
            else:
                match = _BARE_KEY.match(self._text, self._at)
                if match is None:
                    return names
                names.append(match[0])
            self._at = match.end()
            self._skip(_BLANK)
            if self._text[self._at : self._at + 1] != ".":
                return names
            self._at += 1

    def _value(self, path: Path) -> None:
        match self._text[self._at : self._at + 1]:
            case "[":
                self._elements(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_BARE_VALUE)

    def _elements(self, path: Path) -> None:
        self._at += 1
        number = 0
        self._skip(_GAP)
        while self._at < len(self._text) and self._text[self._at] != "]":
            self._note((*path, number), self._line())
            self._value((*path, number))
            self._separator()
            number += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        self._skip(_GAP)
        while self._at < len(self._text) and self._text[self._at] != "}":
            self._pair(path)
            self._separator()
        self._at += 1

    def _separator(self) -> None:
        self._skip(_GAP)
        if self._text[self._at : self._at + 1] == ",":
            self._at += 1
        self._skip(_GAP)

    def _skip(self, pattern: "re.Pattern[str]") -> None:
        if match := pattern.match(self._text, self._at):
            self._at = match.end()

    def _note(self, path: Path, line: int) -> None:
        self._found.setdefault(path, line)

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
