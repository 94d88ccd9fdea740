"""Why a worker ended, for those whose requests it had taken: its instance's shim knows.

Invariant: they wait for the shim's word for LOOKS times LOOK_S and no longer, and nobody else does.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from hostler.modelserver import folder, verdict

if TYPE_CHECKING:
    from hostler.gateway.request import Request

LOOK_S = 0.02
LOOKS = 10
"""The connection ends before the shim has collected the process; it writes a moment later."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker whose connection has ended."""

    page: str
    """The instance's health page; "" where there is none."""
    slot: int
    pid: int
    """As it named itself."""

    def why(self) -> str | None:
        """The shim's word; None until it has spoken, "" where there is no shim to speak."""
        if not self.page:
            return ""
        try:
            directory = folder.open_folder(str(PurePath(self.page).parent.parent))
        except OSError:
            return ""
        try:
            told = folder.read_json(directory, folder.DEATH.format(self.slot))
            if told is not None and told.get("pid") == self.pid:
                return verdict.clean(str(told.get("message", "")))
            return "" if folder.read_json(directory, folder.SHIM) is None else None
        except OSError:  # too many open files: perhaps fewer at the next look
            return None
        finally:
            os.close(directory)


def tell(owed: Sequence["Request"], lost: Lost, looks: int = LOOKS) -> None:
    """Answer what the worker had taken, as soon as it is known why it ended."""
    why = lost.why()
    if why is None and looks > 0:
        owed[0].gateway.loop.call_later(LOOK_S, tell, owed, lost, looks - 1)
        return
    for invocation in owed:
        invocation.lost(why or "")
