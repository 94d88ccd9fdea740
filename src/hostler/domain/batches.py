"""Items in groups of a bounded size: what one statement, message or transaction takes at most.

Invariant: nothing is left out or comes twice, and the order stays; only the last group is smaller.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Groups of ``size`` items; no items, no group. ``itertools`` has it from Python 3.12 on."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
