import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.app.config.positions import lines

DOCUMENT = """\
# a comment with = and [brackets]
top = "a # b = [c]"

[server]   # here
port = 4801
"quoted key" = '''
several = 1
[lines]'''
dotted . name = 3

[runtimes.add."my.own"]
requirements = [
    "a", # "no", 3
    "b]",

    { inner = [1, 2], other = "}" },
]

[[several.of]]
x = 1979-05-27 07:32:00
[[several.of]]
[several.of.sub]
y = \"\"\"quotes "" and \\\\ more\"\"\"\"
z = 1
"""


def test_each_key_and_element_has_its_line() -> None:
    tomllib.loads(DOCUMENT)
    assert lines(DOCUMENT) == {
        ("top",): 2,
        ("server",): 4,
        ("server", "port"): 5,
        ("server", "quoted key"): 6,
        ("server", "dotted"): 9,
        ("server", "dotted", "name"): 9,
        ("runtimes",): 11,
        ("runtimes", "add"): 11,
        ("runtimes", "add", "my.own"): 11,
        ("runtimes", "add", "my.own", "requirements"): 12,
        ("runtimes", "add", "my.own", "requirements", 0): 13,
        ("runtimes", "add", "my.own", "requirements", 1): 14,
        ("runtimes", "add", "my.own", "requirements", 2): 16,
        ("runtimes", "add", "my.own", "requirements", 2, "inner"): 16,
        ("runtimes", "add", "my.own", "requirements", 2, "inner", 0): 16,
        ("runtimes", "add", "my.own", "requirements", 2, "inner", 1): 16,
        ("runtimes", "add", "my.own", "requirements", 2, "other"): 16,
        ("several",): 19,
        ("several", "of"): 19,
        ("several", "of", 0): 19,
        ("several", "of", 0, "x"): 20,
        ("several", "of", 1): 21,
        ("several", "of", 1, "sub"): 22,
        ("several", "of", 1, "sub", "y"): 23,
        ("several", "of", 1, "sub", "z"): 24,
    }


def _places(value: Any, place: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value)
    found = {place} if place else set()
    for name, each in members if isinstance(value, dict | list) else ():
        found |= _places(each, (*place, name))
    return found


ALPHABET = st.sampled_from(
    ["a", "b", ".", "=", "[", "]", "{", "}", ",", '"', "'", "#", "\n", " ", "1"]
)


@given(st.text(ALPHABET, max_size=40))
def test_whatever_toml_there_is_every_place_has_a_line(text: str) -> None:
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    found = lines(text)
    assert _places(value) <= found.keys()
    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())


@pytest.mark.parametrize("text", ["", "\n", "# nothing", "\r\n"])
def test_an_empty_document_has_no_places(text: str) -> None:
    assert lines(text) == {}
