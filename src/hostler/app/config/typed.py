"""Values as settings: from TOML's and JSON's types, or from text, to the records' own, and back.

Invariant: a value that does not fit its field is a Problem, which says where it stands and what
would do; every problem of a document is found, not the first alone.
"""

import difflib
import json
import os
import re
import tomllib
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from hostler.app.config.problems import Problem
from hostler.domain.setting import KEY, Setting

UNLIMITED = "unlimited"
"""In the environment and on the command line, where TOML's way of leaving a key out is none."""

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a conversion needs to know of its document.

    Args:
        named: How a place is written at the head of a sentence: "F:3: server.port", "--port".
        base: The folder that relative paths are meant from.
        problems: Where problems are put.
    """

    named: Callable[[Place], str]
    base: Path
    problems: list[Problem]

    def refuse(self, place: Place, text: str) -> None:
        self.problems.append(Problem(self.named(place), text))


class _UnfitError(Exception):
    """The value does not fit, and a problem says so."""


def types_of(record: type) -> dict[str, Any]:
    """The type of each field."""
    return get_type_hints(record)


def rules_of(record: type) -> dict[str, Setting]:
    """What each key of a section, or of a table in it, is."""
    return {each.name: each.metadata[KEY] for each in fields(record)}


def values(record: type, given: Any, place: Place, reading: Reading) -> dict[str, Any]:
    """The fields of a record that are given and fit; problems for the others."""
    if not isinstance(given, Mapping):
        reading.refuse(place, f"must be a table, not {_shown(given)}")
        return {}
    rules, hints = rules_of(record), types_of(record)
    found: dict[str, Any] = {}
    for name, value in given.items():
        here = (*place, name)
        if name not in rules:
            reading.refuse(here, f"is no setting: {near(name, rules)}")
            continue
        try:
            found[name] = _fit(hints[name], rules[name], value, here, reading)
        except _UnfitError:
            continue
    return found


def near(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant."""
    choices = sorted(known)
    if meant := close(name, choices):
        return f"did you mean {meant}?"
    return f"there are {', '.join(choices)}"


def close(name: str, known: Iterable[str]) -> str:
    """The known name that is nearest; empty when none is near."""
    by_case = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower().replace("-", "_"), by_case, n=1, cutoff=0.7)
    return by_case[found[0]] if found else ""


def from_text(hint: Any, text: str) -> Any:
    """A variable's or a flag's text as TOML would have given it.

    Text itself, and words of a choice, are taken as they are; lists also with commas.
    """
    if hint is str or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return text
    if _optional(hint) and text.lower() == UNLIMITED:
        return None
    if get_origin(hint) is tuple and not text.lstrip().startswith("["):
        return [word.strip() for word in text.split(",") if word.strip()]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def plain(value: Any) -> Any:
    """A record's value in JSON's types; ``values`` reads it back."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value.value if isinstance(value, StrEnum) else value


def written(value: Any) -> str:
    """A plain value as TOML writes it."""
    match value:
        case dict():
            pairs = (f"{_key(name)} = {written(each)}" for name, each in value.items())
            return f"{{ {', '.join(pairs)} }}" if value else "{}"
        case list():
            return f"[{', '.join(map(written, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _fit(hint: Any, rule: Setting, value: Any, place: Place, reading: Reading) -> Any:
    origin = get_origin(hint)
    if _optional(hint):
        return None if value is None else _number(rule, value, place, reading)
    if origin is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            _unfit(reading, place, "a list", value)
        member = get_args(hint)[0]
        return tuple(
            _fit(member, rule, each, (*place, number), reading) for number, each in enumerate(value)
        )
    if origin is not None and issubclass(origin, Mapping):
        return _table(get_args(hint)[1], rule, value, place, reading)
    if hint is bool:
        return value if isinstance(value, bool) else _unfit(reading, place, "true or false", value)
    if hint is int:
        return _number(rule, value, place, reading)
    if issubclass(hint, StrEnum):
        words = [each.value for each in hint]
        if {"yes", "no"} <= set(words):  # what was true or false once, and still may be
            value = {"true": "yes", "false": "no"}.get(str(value).lower(), value)
        if value not in words:
            _unfit(reading, place, " or ".join(words), value)
        return hint(value)
    return _text(rule, value, place, reading)


def _table(member: Any, rule: Setting, value: Any, place: Place, reading: Reading) -> Any:
    """A table whose keys are the user's own."""
    if not isinstance(value, Mapping):
        _unfit(reading, place, "a table", value)
    made = {}
    for name, each in value.items():
        here = (*place, name)
        if rule.pattern and not re.fullmatch(rule.pattern, name):
            reading.refuse(here, f"must be {rule.wants}")
        elif is_dataclass(member) and isinstance(member, type):
            record = member(**values(member, each, here, reading))
            refuse_faults(record, here, reading)
            made[name] = record
        else:
            bounds = rule._replace(pattern="", wants="")
            made[name] = _fit(member, bounds, each, here, reading)
    return made


def refuse_faults(record: Any, place: Place, reading: Reading) -> None:
    """The problems of a record as a whole, if it has any."""
    for fault in record.faults() if hasattr(record, "faults") else ():
        reading.refuse((*place, fault.key), f"cannot be so: {fault.text}")


def _number(rule: Setting, value: Any, place: Place, reading: Reading) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    low = rule.low if rule.low is not None else value
    high = rule.high if rule.high is not None else value
    if whole and low <= value <= high:
        return value
    bounds = ""
    if rule.low is not None:
        bounds = f" from {rule.low} to {rule.high}" if rule.high else f" of {rule.low} or more"
    return _unfit(reading, place, f"a whole number{bounds}", value)


def _text(rule: Setting, value: Any, place: Place, reading: Reading) -> Any:
    if not isinstance(value, str):
        wanted = f"{rule.wants or 'text'} in quotes"
        return _unfit(reading, place, wanted, "***" if rule.secret else value)
    if not value.isprintable():
        wanted = "text without line breaks and control characters"
        return _unfit(reading, place, wanted, "***" if rule.secret else value)
    if value and rule.pattern and not re.fullmatch(rule.pattern, value):
        return _unfit(reading, place, rule.wants, value)
    if value and rule.path and "://" not in value:
        try:
            return os.path.normpath(reading.base / Path(value).expanduser())
        except RuntimeError:
            return _unfit(reading, place, "a path whose ~ can be found", value)
    return value


def _unfit(reading: Reading, place: Place, wanted: str, value: Any) -> Any:
    reading.refuse(place, f"must be {wanted}, not {_shown(value)}")
    raise _UnfitError


def _optional(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"
