"""How a setting is written down: a record's field with its default, bounds and meaning.

Invariant: pure data, standard library only.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, NamedTuple

KEY = "setting"


class Setting(NamedTuple):
    """What a field's ``metadata[KEY]`` says of it."""

    means: str
    pattern: str = ""
    """What a text, or each text of a list or the keys of a table, must match as a whole."""
    wants: str = ""
    """The pattern in words: "12 digits"."""
    low: int | None = None
    high: int | None = None
    path: bool = False
    """A path (or, in a list, a URL): a relative one is meant from the file's own folder."""
    restart: bool = False
    """Takes effect with the next `hostler up` alone; every other one also with a reload."""
    secret: bool = False
    """Never shown."""


class Fault(NamedTuple):
    """What is wrong with a record as a whole, told of one of its keys."""

    key: str
    text: str


def setting(default: Any, means: str, **more: Any) -> Any:
    """A field of a record; ``more`` as in Setting. A mapping's default is the empty one."""
    metadata = {KEY: Setting(means, **more)}
    if isinstance(default, Mapping):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)
