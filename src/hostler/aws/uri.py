"""Raw request targets: decoding, and the path templates of REST operations.

Invariant: a raw target is the received bytes, one character a byte (latin-1), percent-encoded as
they came; only here and in the signature's canonical form is it decoded.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from hostler.aws.protocols.errors import UnreadableError

PARAMETERS_MAX = 20_000
"""In one query string or form: far above anything a client sends."""
ESCAPES_MAX = 400_000
"""As many as fit into a form of a megabyte; each costs more than a byte that stands for itself."""


def decode(raw: str, *, plus: bool = False) -> str:
    """A percent-encoded part as text; ``plus`` reads ``+`` as a space, as forms do.

    Raises:
        UnreadableError: It is not UTF-8.
    """
    if "%" not in raw and "+" not in raw and raw.isascii():
        return raw
    data = raw.encode("latin-1")
    if plus:
        data = data.replace(b"+", b" ")
    try:
        return unquote_to_bytes(data).decode()
    except UnicodeDecodeError:
        raise UnreadableError("The request target is not UTF-8.", "head") from None


def pairs(raw: str) -> Iterator[tuple[str, str]]:
    """The decoded keys and values of a query string or a form, in order, duplicates kept.

    Raises:
        UnreadableError: It is not UTF-8, or more than anybody sends.
    """
    if raw.count("%") > ESCAPES_MAX:
        raise UnreadableError(f"More than {ESCAPES_MAX} characters are percent-encoded.", "head")
    if raw.count("&") >= PARAMETERS_MAX:
        raise UnreadableError(f"There are more than {PARAMETERS_MAX} parameters.", "head")
    for part in raw.split("&"):
        if part:
            key, _, value = part.partition("=")
            yield decode(key, plus=True), decode(value, plus=True)


def multidict(raw: str) -> dict[str, list[str]]:
    """A query string's values by key."""
    found: dict[str, list[str]] = {}
    for key, value in pairs(raw):
        found.setdefault(key, []).append(value)
    return found


@dataclass(frozen=True, slots=True)
class Template:
    """A ``requestUri``: ``/{Bucket}/{Key+}?uploads`` and the like."""

    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    literals: tuple[tuple[str, str], ...]
    """Query parameters that must be there; an empty value stands for any."""
    fixed: int
    """How many characters of the path are not labels: the more, the better a match."""

    def path_labels(self, raw_path: str) -> dict[str, str] | None:
        """The decoded labels, or None where the path is not of this form."""
        found = self.pattern.fullmatch(raw_path)
        if found is None:
            return None
        return {
            label: decode(value) for label, value in zip(self.labels, found.groups(), strict=True)
        }

    def query_matches(self, query: Mapping[str, list[str]]) -> bool:
        return all(
            key in query and (not value or value in query[key]) for key, value in self.literals
        )


@lru_cache(maxsize=2048)
def template(request_uri: str) -> Template:
    """Compiles a ``requestUri``; a slash at the end of the path is optional."""
    path, _, query = request_uri.partition("?")
    labels: list[str] = []
    pattern = ""
    fixed = 0
    for part in re.split(r"({[^}]+})", path.rstrip("/")):
        if part.startswith("{"):
            greedy = part.endswith("+}")
            labels.append(part[1:-2] if greedy else part[1:-1])
            pattern += "(.+)" if greedy else "([^/]+)"
        else:
            fixed += len(part)
            pattern += re.escape(part)
    literals = tuple(
        (key, value) for key, _, value in (p.partition("=") for p in query.split("&") if p)
    )
    ending = "" if path.endswith("+}") else "/?"
    return Template(re.compile(pattern + ending, re.DOTALL), tuple(labels), literals, fixed)
