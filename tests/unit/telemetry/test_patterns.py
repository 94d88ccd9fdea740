"""Filter patterns of unstructured text, JSON and fields: what passes, and what is refused where."""

import contextlib
import json
import re
import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.telemetry.patterns import PatternError, compile_pattern


def passes(pattern: str, message: str) -> bool:
    return compile_pattern(pattern).matches(message)


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        ("", "anything", True),
        ("   ", "anything", True),
        ('" "', "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR memory", "memory ERROR", True),
        ("ERROR memory", "ERROR", False),
        ("ERROR -exit", "ERROR in exit", False),
        ("ERROR -exit", "ERROR", True),
        ("-exit", "fine", True),
        ('"out of memory"', "killed: out of memory", True),
        ('"out of memory"', "memory out of", False),
        ('-"out of memory"', "out of memory", False),
        (r'"say \"yes\""', 'say "yes"', True),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "an INFO", False),
        ("?ERROR ?WARN REQUEST", "[INFO] REQUEST", True),  # as CloudWatch: ? is then ignored
        ("?ERROR -WARN", "an INFO", True),
        ("?ERROR -WARN", "an ERROR, a WARN", False),
        ("404", "GET / 404", True),
        ("größe", "die größe", True),
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", True),
        ("REQUEST -%4[0-9]{2}%", "[ERROR 401] REQUEST", False),
        ("?%^x% ?%x$%", "not at an end: x.", False),
    ],
)
def test_terms(pattern: str, message: str, expected: bool) -> None:
    assert passes(pattern, message) is expected


EVENT = {
    "eventType": "UpdateTrail",
    "sourceIPAddress": "111.111.111.111",
    "empty": "",
    "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": None,
    "cluster.name": "c",
    "latency": 120.5,
    "whole": 12.0,
    "code": 404,
    "huge": 12345678901234567,
    "ok": True,
    "coordinates": [[0, 1, 2], [4, 5, 6]],
    "user": {"id": 1, "e-mail": "John.Stiles@example.com"},
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ('$.eventType = "UpdateTrail"', True),
        ("$.eventType = UpdateTrail", True),
        ("$.eventType = updatetrail", False),
        ("$.sourceIPAddress != 123.123.*", True),
        ("$.sourceIPAddress = 111.*", True),
        ('$.sourceIPAddress = "*.111"', True),
        ('$.sourceIPAddress = "1*.1*1"', True),
        ('$.empty = "*"', True),
        ('$.empty = ""', True),
        ('$.arrayKey[0] = "value"', True),
        ('$.arrayKey[2] = "value"', False),
        ('$.arrayKey[2] != "value"', False),
        ("$.arrayKey[*] = %val.{2}%", True),
        (r"$.* = %111\.111\.111\.1[0-9]{1,2}%", True),
        ('$.objectList[*].name = "b"', True),
        ("$.objectList[1].id = 2", True),
        ("$.['cluster.name'] = \"c\"", True),
        ('$["cluster.name"] = c', True),
        ("$.coordinates[1][2] = 6", True),
        ("$.coordinates[0][*] > 2", False),
        ('$.user.e-mail = "John*"', True),
        ("$.SomeObject IS NULL", True),
        ("$.SomeOtherObject IS NULL", False),
        ("$.SomeOtherObject NOT EXISTS", True),
        ("$.SomeObject NOT EXISTS", False),
        ("$.ok IS TRUE", True),
        ("$.ok IS FALSE", False),
        # Neither = nor != holds of what is absent, a list, an object or a constant.
        ("$.absent != x", False),
        ("$.user != x", False),
        ("$.arrayKey != x", False),
        ("$.SomeObject != x", False),
        ("$.ok != x", False),
        # Numbers
        ("$.latency > 120", True),
        ("$.latency <= 1.205e2", True),
        ("$.latency >= +121", False),
        ("$.code = 404", True),
        ("$.code = 404.0", True),
        ("$.code = 4*", True),
        ('$.code = "404"', True),
        ('$.code = "404.0"', False),
        ("$.whole = 12", True),
        ('$.whole = "12"', False),
        ("$.huge = 12345678901234568", False),
        ("$.sourceIPAddress > 1", False),
        ("$.sourceIPAddress != 111", True),
        # Joined
        ('($.user.id = 1) && ($.objectList[0].name = "a")', True),
        ("$.user.id = 1 || $.code = 1 && $.code = 2", True),
        ("($.user.id = 1 || $.code = 1) && $.code = 2", False),
    ],
)
def test_json(condition: str, expected: bool) -> None:
    """AWS's own examples, and what was observed of it."""
    assert passes(f"{{ {condition} }}", json.dumps(EVENT)) is expected
    assert passes(f"{{{condition}}}", f" {json.dumps(EVENT)}\n") is expected


@pytest.mark.parametrize("message", ["", "{", '["a"]', "null", '{"a": NaN}', '{"a":' * 20_000])
def test_what_is_no_json_object_does_not_pass(message: str) -> None:
    assert not passes("{ $.a NOT EXISTS }", message)


ACCESS = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    ("pattern", "message", "expected"),
    [
        (r"[ip=%127\.0\.0\.[1-9]%, a, b, c, request =*.html*, s = 4*, bytes]", ACCESS, True),
        ("[..., request =*.html*, status_code = 4*, bytes]", ACCESS, True),
        ("[..., status_code = 404 || status_code = 410, bytes]", ACCESS, True),
        ("[..., (status_code = 410 || status_code = 404) && status_code > 1, b]", ACCESS, True),
        ("[..., bytes > 1534]", ACCESS, False),
        ("[..., bytes >= 1.534e3]", ACCESS, True),
        ("[ip, ..., bytes]", ACCESS, True),
        ("[ip, ..., name=frank, ..., status=404, ...]", ACCESS, True),
        ("[ip, ..., status=404, ..., name=frank, ...]", ACCESS, False),
        ('[a, b, c, stamp="10/Oct/2000:13:25:15 -0700", ...]', ACCESS, True),
        ("[a, b, c, d, e, f, g, h]", ACCESS, False),
        ("[w1=ERROR, w2]", "ERROR 09/25/2014 12:00:02 Failed to process request", True),
        ("[w1=ERROR, w2]", "ERROR", False),
        ('[w1, rest="Failed to*request"]', "ERROR Failed to process request", True),
        ("[w1=ERROR || w1=WARNING, w2]", "WARNING it", True),
        ("[w1!=ERROR && w1!=WARNING, w2]", "WARNING it", False),
        ("[a, b, url=%/service/resource/[0-9]+$%, ms]", "x y /service/resource/67 12", True),
        ("[a, b, url=%/service/resource/[0-9]+$%, ms]", "x y /service/resource/67/p 12", False),
        ("[...]", "", True),
        ("[a = x, b]", "[x] y", True),
        ("[a, b, c = z]", "x [y z", True),
        ("[a = x, b, c]", "[x] [y z", True),
        ("[a = 1., b = .5, c = 1.5e1]", "1 0.5 15.", True),
    ],
)
def test_fields(pattern: str, message: str, expected: bool) -> None:
    assert passes(pattern, message) is expected


@pytest.mark.parametrize(
    ("pattern", "at", "words"),
    [
        ("foo.bar", 1, r"Invalid character\(s\) in term \"foo.bar\""),
        ("a foo.bar", 3, "enclose it in double quotes"),
        ('"open', 1, 'closing "'),
        ("%open", 1, "closing %"),
        ("a -", 4, "a term is expected"),
        ('"a"b', 4, "a blank is expected"),
        ("{ $.a = 1", 10, '"}" is expected'),
        ("{ $.a = 1 } x", 13, "nothing is expected"),
        ("{ }", 3, "a property is expected"),
        ("{ $ = 1 }", 4, "name of a property"),
        ("{ $.a[-1] = 1 }", 7, "a number, \\*"),
        ("{ $.a = }", 9, "a value is expected"),
        ("{ $.a == 1 }", 8, "a value is expected"),
        ("{ $.a EXISTS }", 7, "an operator"),
        ("{ $.a IS NOT NULL }", 10, "NULL, TRUE or FALSE"),
        ("{ $.a > x }", 9, "compares with a number"),
        ('{ $.a > "1" }', 9, "compares with a number"),
        ("{ $.a > %1% }", 9, "cannot be compared"),
        ("{ ($.a = 1 }", 12, r"\"\)\" is expected"),
        ("{" + "(" * 31 + "$.a = 1" + ")" * 31 + "}", 32, "nested more than"),
        ("{ $.*.b[*] = 1 }", 3, "one wildcard at most"),
        ("{ $.*=1 && $.*=2 && $.*=3 && $.*=4 }", 30, "3 wildcards at most"),
        ("{ $.a=%a% || $.a=%b% || $.a=%c% }", 29, "2 regular expressions"),
        ("[a, b", 6, '"]" is expected'),
        ("[a, ]", 5, "the name of a field"),
        ("[a=1 || b=2]", 9, '"a" is expected'),
        ("%a(b)%", 3, r"\"\(\" is not supported"),
        ("%a!%", 3, "not supported"),
        ("%ä%", 2, "not supported"),
        ("%%", 2, "empty"),
        ("%*a%", 2, "nothing that"),
        ("%a**%", 4, "nothing that"),
        ("%a^b%", 3, "beginning of an alternative"),
        ("%a$b%", 3, "end of an alternative"),
        ("%[ab%", 5, r"closing \"\]\""),
        ("%[z-a]%", 6, "a range goes"),
        ("%a{3,2}%", 3, "is no range"),
        ("%a{,}%", 3, "a repetition is"),
        ("%" + "a{900}" * 2 + "%", 14, "too large"),
        (r"%\q%", 3, "no escape"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(
    pattern: str, at: int, words: str
) -> None:
    with pytest.raises(PatternError, match=words) as caught:
        compile_pattern(pattern)
    assert f"at character {at}:" in str(caught.value)


@pytest.mark.parametrize(
    ("regex", "text", "expected"),
    [
        ("^[hc]at", "hat", True),
        ("^[hc]at", "that", False),
        ("[hc]at$", "a cat", True),
        ("[hc]at$", "cats", False),
        ("colou?r", "color", True),
        ("a{3,5}$", "baaa", True),
        ("^a{3,5}$", "aa", False),
        ("^a{,2}$", "", True),
        ("^a{2,}$", "aaaaaa", True),
        ("gra|ey", "they", True),
        ("^starting|^shutting down", "skipping starting", False),
        (r"\[.\]", "x[@]y", True),
        (r"10\.10\.0\.1", "10010,051", False),
        ("10.10.0.1", "10x10y0z1", True),
        (r"^\x3A\x28$", ":(", True),
        (r"\d\D\s\S\w\W", "1a b_!", True),
        ("[^a-c.-]", "abc.-", False),
        ("[]a]+$", "]a]", True),
        (".", "ä", True),
        ("[^a]", "ß", True),
        (r"\w", "ß", False),
    ],
)
def test_regular_expressions(regex: str, text: str, expected: bool) -> None:
    assert passes(f"%{regex}%", text) is expected


_ATOM = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", "c"])
_COUNT = st.sampled_from(["", "", "?", "*", "+", "{2}", "{1,3}", "{0,2}", "{1,}"])
_PIECES = st.lists(st.tuples(_ATOM, _COUNT).map("".join), min_size=1, max_size=6).map("".join)
_ALTERNATIVE = st.tuples(st.sampled_from(["", "^"]), _PIECES, st.sampled_from(["", "$"])).map(
    "".join
)
_REGEXES = st.lists(_ALTERNATIVE, min_size=1, max_size=3).map("|".join)


@given(_REGEXES, st.text("abc1é", max_size=12))
def test_regular_expressions_are_python_s(regex: str, text: str) -> None:
    """Of what both have, each says of every text what the other says."""
    expected = re.compile(regex.replace("$", r"\Z"), re.DOTALL | re.ASCII).search(text) is not None
    assert passes(f"%{regex}%", text) is expected


def test_no_expression_is_slow_or_grows() -> None:
    """Python's engine would take years for the first; the second has 2^40 states."""
    for regex in ("a*" * 100 + "c", "a[ab]{40}c", "[ab]*a[ab]{900}c"):
        assert not passes(f"%{regex}%", "ab" * 3_000 + "a" * 1_000)


ATTACK = """
from hostler.telemetry.patterns import compile_pattern

SEEDS = ("1", "1.", ".1", "[ ", "[x", '" ', '"x ', "] [", " ", "- ", "{", "e1")
for pattern in ("[a > 1]", "[a, b, ...]", "[..., a = 1]", "[a = 1*, ..., b]", "a", "{ $.a = 1 }"):
    compiled = compile_pattern(pattern)
    for seed in SEEDS:
        for start in ("", '{"a": ', '{"a": "'):
            for end in ("x", "]", '"'):
                compiled.matches(start + seed * (20_000 // len(seed)) + end)
"""


def test_no_message_is_slow_to_read() -> None:
    """A model writes what it likes, up to a megabyte: quadratic time would be hours."""
    subprocess.run([sys.executable, "-c", ATTACK], check=True, timeout=30)


@given(st.text(string.printable, max_size=40))
def test_every_text_is_a_pattern_or_refused(text: str) -> None:
    for pattern in (text, f"{{{text}}}", f"[{text}]", f"%{text}%", f"{{ $.a {text} }}"):
        with contextlib.suppress(PatternError):
            assert compile_pattern(pattern).matches(text) in {True, False}


@given(
    st.dictionaries(
        st.text("ab", min_size=1, max_size=2),
        st.one_of(st.none(), st.booleans(), st.integers(), st.text("xy1", max_size=3)),
    ),
    st.text("ab", min_size=1, max_size=2),
    st.text("xy1", max_size=3),
)
def test_equal_and_unequal_share_the_strings_and_numbers(
    event: dict[str, object], name: str, text: str
) -> None:
    message = json.dumps(event)
    equal, unequal = (passes(f'{{ $.{name} {sign} "{text}" }}', message) for sign in ("=", "!="))
    value = event.get(name)
    comparable = isinstance(value, (str, int)) and not isinstance(value, bool)
    assert equal is (comparable and str(value) == text)
    assert unequal is (comparable and str(value) != text)
    assert passes(f"{{ $.{name} NOT EXISTS }}", message) is (name not in event)
