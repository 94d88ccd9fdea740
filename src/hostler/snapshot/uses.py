"""How control hears of the last uses of access keys: a small file of each process.

Invariant: replaced whole, by its process alone; readers pass over what they cannot read, and over
members that they do not know.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from hostler.domain.uses import Use
from hostler.modelserver import whole
from hostler.snapshot.background import Attempts, pause

FORMAT = 1
LOOK_EVERY_S = 1.0


class _Told(msgspec.Struct):
    format: int
    keys: dict[str, Use]


_decoder = msgspec.json.Decoder(_Told)


def write(path: Path, uses: Mapping[str, Use]) -> None:
    """Replace a process's file (0600); raises OSError. Blocking."""
    whole.write(path, msgspec.json.encode(_Told(FORMAT, dict(uses))))


async def tell(path: Path, due: Callable[[], Mapping[str, Use]]) -> None:
    """Write a process's file whenever there is news (``due``), until cancelled."""
    attempts = Attempts(__name__, (OSError,))
    while True:
        await pause(LOOK_EVERY_S)
        news = due()
        if news:
            work = asyncio.to_thread(write, path, news)
            await attempts.attempt("the last uses of access keys are not told", work)


def read(path: Path) -> Mapping[str, Use]:
    """The uses in a file; none where it is gone, torn, or of a later format. Blocking."""
    try:
        told = _decoder.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return told.keys if told.format <= FORMAT else {}
