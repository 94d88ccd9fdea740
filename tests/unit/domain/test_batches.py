"""Batches: nothing is lost, nothing comes twice, and none is larger than asked for."""

from hypothesis import given
from hypothesis import strategies as st

from hostler.domain.batches import batched


@given(st.lists(st.integers()), st.integers(1, 9))
def test_batches_are_the_items_in_groups(items: list[int], size: int) -> None:
    groups = list(batched(iter(items), size))
    assert [item for group in groups for item in group] == items
    assert all(len(group) == size for group in groups[:-1])
    assert all(0 < len(group) <= size for group in groups)
