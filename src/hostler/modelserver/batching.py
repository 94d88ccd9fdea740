"""Batches of what is in line: how large they are, and how rows are put together and taken apart.

Invariant: nobody waits for a batch to fill, and an answer is the one that the request alone would
get: what cannot be put together, or fails together, is asked alone.
"""

from __future__ import annotations

from typing import Any, Callable, Hashable, Optional, Protocol, Sequence

BYTES_MAX = 256 * 1024
"""Of the requests in a batch: larger bodies hold so many rows that more of them gain nothing."""
QUICK_NS = 250_000_000
SLOW_NS = 1_000_000_000


class Batcher(Protocol):
    """Answers decoded requests together."""

    def kind(self, data: Any) -> Optional[Hashable]:
        """What requests that may go together have in common; None for one to be asked alone."""

    def predict(self, together: Sequence[Any]) -> Sequence[Any]:
        """The prediction for each; raises anything where that is not possible."""


class Pace:
    """How many requests a batch takes: more while batches are quick, fewer when one was slow.

    Everyone in a batch waits for all of it, so a model whose time grows with the rows must not get
    all that is in line at once.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self.count = 1

    def took(self, count: int, time_ns: int) -> None:
        """Learn from a batch."""
        if time_ns > SLOW_NS:
            self.count = max(1, count // 2)
        elif count >= self.count and time_ns < QUICK_NS:
            self.count = min(self._count_max, self.count * 2)


class Rows:
    """Batches for a model that answers each row of a table apart, whatever the others are.

    Args:
        numpy: The module, from the model's environment.
        table: Data as a two-dimensional array of numbers; None for what is none.
        predict: The predictions for a table, one a row.
    """

    def __init__(
        self, numpy: Any, table: Callable[[Any], Any], predict: Callable[[Any], Any]
    ) -> None:
        self._numpy = numpy
        self._table = table
        self._predict = predict

    def kind(self, data: Any) -> Optional[Hashable]:
        """Tables go together whose columns are as many and of the same type."""
        table = self._table(data)
        return None if table is None else (table.dtype.str, table.shape[1])

    def predict(self, together: Sequence[Any]) -> list[Any]:
        """One prediction over all rows, cut where each request's rows end."""
        tables = [self._table(data) for data in together]
        joined = self._numpy.concatenate(tables)
        predictions = self._predict(joined)
        if len(predictions) != len(joined):
            raise ValueError(f"{len(predictions)} predictions for {len(joined)} rows")
        cut, start = [], 0
        for table in tables:
            stop = start + len(table)
            cut.append(predictions[start:stop])
            start = stop
        return cut
