"""Filter patterns: what passes, and what is refused."""

import pytest

from hostler.telemetry.patterns import PatternError, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "message", "passes"),
    [
        ("", "anything", True),
        ("   ", "anything", True),
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
        ("404", "GET / 404", True),
        ("größe", "die größe", True),
    ],
)
def test_patterns(pattern: str, message: str, passes: bool) -> None:
    assert compile_pattern(pattern).matches(message) is passes


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ('{ $.level = "ERROR" }', "JSON filter patterns are not supported yet"),
        ("[ip, user]", "space-delimited"),
        ("%ERR.*%", "regular expression"),
        ("foo.bar", "Invalid character"),
        ('"open', "Invalid filter pattern"),
        ("?ERROR WARN", "cannot be combined"),
        ("?ERROR -WARN", "cannot be combined"),
        ("-", "Invalid"),
    ],
)
def test_what_is_not_understood_is_refused(pattern: str, words: str) -> None:
    with pytest.raises(PatternError, match=words):
        compile_pattern(pattern)
