"""Session tokens: sealed, opened, and whatever else comes in their place."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostler.aws import tokens
from hostler.domain.grants import Grant
from hostler.domain.snapshot import Policy

KEY, NONCE = b"k" * 32, b"n" * 12
GRANT = Grant("ASIA1", "s3cr3t", "AROA1", 1.5, 3_601.0, session_name="s")


@pytest.mark.parametrize(
    "grant",
    [
        GRANT,
        replace(GRANT, session_name=""),
        replace(
            GRANT,
            policies=(Policy("SessionPolicy", "{}"),),
            tags={"Team": "grün"},
            transitive_tags=("Team",),
            source_identity="ann",
        ),
        replace(GRANT, policies=()),
    ],
)
def test_what_is_sealed_is_read(grant: Grant) -> None:
    assert tokens.opened(KEY, tokens.seal(KEY, grant, NONCE)) == grant


def test_a_token_tells_nobody_else_anything() -> None:
    token = tokens.seal(KEY, GRANT, NONCE)
    assert tokens.opened(b"o" * 32, token) is None
    assert tokens.opened(b"", token) is None, "a snapshot of before there were any"
    assert "s3cr3t" not in repr(GRANT)


@settings(deadline=None)
@given(st.integers(0, 399), st.integers(0, 63))
def test_a_changed_token_is_none(at: int, character: int) -> None:
    token = tokens.seal(KEY, GRANT, NONCE)
    at %= len(token)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    changed = token[:at] + alphabet[character] + token[at + 1 :]
    # The last characters hold bits that belong to no byte.
    assert tokens.opened(KEY, changed) in (None, GRANT)
    assert tokens.opened(KEY, changed) is None or changed == token or at >= len(token) - 4


@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda each: each.hex()))
def test_foreign_text_is_none(text: str) -> None:
    assert tokens.opened(KEY, text) is None


def test_what_is_far_too_long_is_not_looked_at() -> None:
    assert tokens.opened(KEY, "A" * 16_388) is None


def test_how_much_of_the_room_is_taken() -> None:
    assert tokens.packed_percent((), {"a": "b"}) == 1
    long = "".join(f"{number:x}" for number in range(4_000))
    assert tokens.packed_percent([Policy("p", long)], {}) > 100
