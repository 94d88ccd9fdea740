"""Java's regular expressions, matched as Java matches them, and never slowly."""

import subprocess
import sys
import warnings
from collections.abc import Iterator

import pytest

from hostler.aws import patterns, specs


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (r"[\w-_]*", "a-b_", True),
        (r"[a-zA-Z0-9-_\.]*", "a-b_.", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\U0001f600\t", True),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\n", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "é 漢 ٣ ½", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a!", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a\n", False),
        (r"([\p{L}\p{Z}\p{N}_.:\/=+\-@]*)${1,128}", "abc", True),
        (r"\A\S[\p{Print}]*\z", "abc d", True),
        (r"\A\S[\p{Print}]*\z", "abc\n", False),
        (r"\p{ASCII}*", "é", False),
        (r"\P{L}+", "123", True),
        (r"\pL+", "é", True),
        (".*", "a\nb", False),
        (".*", "a\u2028b", False),
        (r"[.]*", "..", True),
        (r"\d+", "٣", False),
        (r"\w+", "é", False),
        (r"^a$", "a\n", False),
        ("a|b", "ab", False),
        (r"[^ ~^:?*\[]+", "a^b", False),
        (r"[^ ~^:?*\[]+", "ab", True),
        (r"[!#-\[\]-~]+( [!#-\[\]-~]+)*", "a]b [", True),
        (r"(?!\s*$).+", "  ", False),
        (r"[a-z]++b", "aab", False),
        (r".*(?:[ \r\n\t].*)*", "a\nb c", True),
        (r"https://([.\-_a-zA-Z0-9]+/?){3,1016}", "https://a.b", True),
        (r"https://([.\-_a-zA-Z0-9]+/?){3,1016}", "https://a/b/c/", True),
        (r"https://([.\-_a-zA-Z0-9]+/?){3,1016}", "https://a/b", False),
        (r"https://([.\-_a-zA-Z0-9]+/?){3,1016}", "https://ab//c", False),
    ],
)
def test_as_java_matches(pattern: str, value: str, expected: bool) -> None:
    assert patterns.matches(pattern, value) is expected


def every_pattern() -> Iterator[str]:
    for service in specs.SERVICES:
        for shape in specs.read_model(service)["shapes"].values():
            if "pattern" in shape:
                yield shape["pattern"]


def test_every_pattern_of_the_models_can_be_said() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        unsaid = [p for p in set(every_pattern()) if patterns.compile_java(p) is None]
    assert unsaid == []


ATTACK = """
from hostler.aws import patterns, specs

SEEDS = ("a", "0", "-", "a-", "a.", "_", "a_", " ", "/", "a/", ".a", "arn:aws:", "A", "\\n")
found = {
    shape["pattern"]
    for service in specs.SERVICES
    for shape in specs.read_model(service)["shapes"].values()
    if "pattern" in shape
}
for pattern in sorted(found):
    compiled = patterns.compile_java(pattern)
    for seed in SEEDS:
        for start in ("", "https://", "s3://", "arn:aws:"):
            for length in (30, 250):
                for end in ("\\u2028", "!"):
                    compiled.fullmatch(start + (seed * length)[:length] + end)
"""


def test_no_pattern_is_slow_on_what_almost_matches() -> None:
    """One that takes exponential time does not end at all."""
    subprocess.run([sys.executable, "-c", ATTACK], check=True, timeout=60)


def test_a_pattern_that_python_cannot_say_is_not_checked() -> None:
    assert patterns.matches(r"[\P{L}]+", "anything")
    assert patterns.matches(r"(", "anything")
