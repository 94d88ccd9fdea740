"""Places in lists: a token says what was written, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.api import places

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXTS)
def test_a_token_says_its_text(place: str) -> None:
    assert places.read(places.token(place)) == place


@given(st.lists(TEXTS | st.integers(-(2**53), 2**53)))
def test_a_token_says_its_parts(parts: list[str | int]) -> None:
    assert places.parts(places.token_of(*parts)) == parts


@pytest.mark.parametrize("token", ["é", "!", "YQ", "YQ==\n", "_w=="])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        places.read(token)
