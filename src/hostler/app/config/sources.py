"""Where settings come from: a file, the environment, flags; each as values with a name for places.

Invariant: a source judges nothing but its own form; what its values mean is ``typed``'s to say.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hostler.app.config import positions, typed
from hostler.app.config.problems import Problem, SettingsError
from hostler.app.config.typed import Place
from hostler.domain.config import Config

SERVER = "server"
PREFIX = "HOSTLER_"
CONFIG_VARIABLE = "HOSTLER_CONFIG"
CACHE_VARIABLE = "HOSTLER_CACHE_DIR"
"""Of the machine and no setting: read by whoever builds environments."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SAID_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True, slots=True)
class Source:
    """Settings of one origin: ``given`` by section and key, as TOML has them.

    ``named`` says a place at the head of a sentence, ``origin`` where a key's value is from.
    """

    given: Mapping[str, Any]
    named: Callable[[Place], str]
    origin: Callable[[str, str], str]
    problems: tuple[Problem, ...] = ()


def sections() -> dict[str, type]:
    """The record of each section."""
    return {name: hint for name, hint in typed.types_of(Config).items() if isinstance(hint, type)}


def dotted(place: Place) -> str:
    """A place as TOML would write it: ``runtimes.add."my.own".requirements[0]``."""
    text = ""
    for each in place:
        if isinstance(each, int):
            text += f"[{each}]"
        else:
            name = each if _BARE.fullmatch(each) else f'"{each}"'
            text += f".{name}" if text else name
    return text


def from_file(path: Path) -> Source:
    """A `hostler.toml`.

    Raises:
        SettingsError: it cannot be read, or is no TOML.
    """
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {path}: write it, or name another with --config or {CONFIG_VARIABLE}"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}): mend that, or name another with --config"
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8") from None
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_no_toml(path, text, str(error))) from None
    except RecursionError:
        raise SettingsError(f"{path} is nested too deeply: no setting is") from None
    lines = positions.lines(text.replace("\r\n", "\n"))

    def line(place: Place) -> int:
        while place and place not in lines:
            place = place[:-1]
        return lines.get(place, 1)

    return Source(
        given,
        named=lambda place: f"{path}:{line(place)}: {dotted(place)}",
        origin=lambda section, key: f"{path}:{line((section, key))}",
    )


def from_environment(environ: Mapping[str, str]) -> Source:
    """The ``HOSTLER_*`` variables; one that is nearly a setting's is a problem, others are left."""
    names = variables()
    given: dict[str, dict[str, Any]] = {}
    problems = []
    for variable, text in environ.items():
        ours = variable.startswith(PREFIX) and variable not in {CONFIG_VARIABLE, CACHE_VARIABLE}
        if not ours or not text:
            continue
        if (place := names.get(variable)) is not None:
            section, key = place
            hint = typed.types_of(sections()[section])[key]
            given.setdefault(section, {})[key] = typed.from_text(hint, text)
        elif meant := typed.close(variable, names):
            problems.append(Problem(variable, f"is no setting: did you mean {meant}?"))
    return Source(
        given,
        named=lambda place: _with_rest(variable_of(str(place[0]), str(place[1])), place[2:]),
        origin=lambda section, key: f"${variable_of(section, key)}",
        problems=tuple(problems),
    )


def from_flags(flags: Mapping[str, Any]) -> Source:
    """What the command line gave, by dotted name; text is read as a variable's is."""
    given: dict[str, dict[str, Any]] = {}
    problems = []
    known = {f"{section}.{key}": (section, key) for section, key in places()}
    for name, value in flags.items():
        if name not in known:
            problems.append(Problem(f"--set {name}", f"is no setting: {typed.near(name, known)}"))
            continue
        section, key = known[name]
        hint = typed.types_of(sections()[section])[key]
        raw = typed.from_text(hint, value) if isinstance(value, str) else value
        given.setdefault(section, {})[key] = raw
    return Source(
        given,
        named=lambda place: _with_rest(flag_of(str(place[0]), str(place[1])), place[2:]),
        origin=flag_of,
        problems=tuple(problems),
    )


def from_values(given: Mapping[str, Any], origin: str) -> Source:
    """Values that are neither of a file nor given now."""
    return Source(
        given,
        named=lambda place: f"{origin}: {dotted(place)}",
        origin=lambda _section, _key: origin,
    )


def places() -> list[tuple[str, str]]:
    """Every section and key."""
    return [
        (section, each.name) for section, record in sections().items() for each in fields(record)
    ]


def variables() -> dict[str, tuple[str, str]]:
    """Every variable, and the section and key that it sets."""
    return {variable_of(*place): place for place in places()}


def variable_of(section: str, key: str) -> str:
    """A setting's variable; the server's have no section in their names."""
    middle = "" if section == SERVER else f"{section}_"
    return f"{PREFIX}{middle}{key}".upper()


def flag_of(section: str, key: str) -> str:
    """What gives a setting on the command line of `up`."""
    if section == SERVER:
        return f"--{key.replace('_', '-')}"
    return f"--set {section}.{key}"


def _with_rest(name: str, rest: Place) -> str:
    return f"{name} ({dotted(rest)})" if rest else name


def _no_toml(path: Path, text: str, said: str) -> str:
    match = _SAID_LINE.search(said)
    line = match[1] if match and match[1] else str(text.count("\n") + 1)
    return f"{path}:{line}: is no TOML: {_SAID_LINE.sub('', said)}"
