"""The end of `hostler up`: who is stopped in which order, and how long each may take.

Init scripts end first, as they may wait for anything. Gateways drain, so that nothing new arrives;
control and S3 end, so that nothing new is launched; then zygotes, then instances, then whatever
else is our child.

Invariant: when ``run`` returns, no process of the data directory runs (but one the kernel itself
will not let go of); the desk is answered and a second signal is heard all the while.
"""

import signal
import time
from collections.abc import Callable, Collection, Sequence

from hostler.app.supervisor import leftovers
from hostler.app.supervisor.children import Children
from hostler.domain import endings
from hostler.domain.layout import Layout
from hostler.modelserver.identity import ProcessId

KILLED_S = 5.0
_LOOK_EVERY_S = 0.05


class Stopping:
    """One stop.

    Args:
        layout: The data directory.
        children: The supervisor's slots.
        draining: Gateways of an earlier supervisor.
        spared: Children of ours that are none of Hostler's.
        turn: Serves the loop for at most so many seconds.
        hurried: Whether a second signal asked to stop at once.
    """

    def __init__(
        self,
        layout: Layout,
        children: Children,
        *,
        draining: Sequence[ProcessId],
        spared: frozenset[ProcessId],
        turn: Callable[[float], None],
        hurried: Callable[[], bool],
    ) -> None:
        self._layout = layout
        self._children = children
        self._draining = draining
        self._spared = spared
        self._turn = turn
        self._hurried = hurried

    def run(self, *, deserted: bool = False) -> None:
        """Stop everything; with the data directory gone, our own children alone.

        Instances that are found in its place are another supervisor's.
        """
        self._end(lambda: self._named("init"), endings.OTHER_KILL_S)
        self._end(
            lambda: [*self._named("gateway-"), *_living(self._draining)], endings.GATEWAY_KILL_S
        )
        self._end(lambda: self._named("control"), endings.CONTROL_KILL_S)
        self._end(lambda: self._named("s3"), endings.S3_KILL_S)
        self._end(lambda: self._named("zygote-"), endings.OTHER_KILL_S)
        if not deserted:
            self._end(lambda: leftovers.instances(self._layout), endings.INSTANCE_KILL_S)
        # Instances whose folders are gone, a launch that was under way, and then its instance.
        self._end(lambda: set(leftovers.children()) - self._spared, endings.OTHER_KILL_S)
        if not deserted:
            self._end(lambda: leftovers.instances(self._layout), endings.OTHER_KILL_S)
            leftovers.forget_groups(self._layout)

    def _end(self, find: Callable[[], Collection[ProcessId]], grace_s: float) -> None:
        """SIGTERM all that are found, SIGKILL after the grace, until none is."""
        asked: set[ProcessId] = set()
        began = time.monotonic()
        while those := find():
            now = time.monotonic()
            if now >= began + grace_s + KILLED_S:
                return
            if self._hurried() or now >= began + grace_s:
                for process in those:
                    process.signal(signal.SIGKILL)
            for process in set(those) - asked:
                process.signal(signal.SIGTERM)
                asked.add(process)
            self._turn(_LOOK_EVERY_S)
            self._children.reap()

    def _named(self, prefix: str) -> list[ProcessId]:
        return [
            child.process
            for child in self._children.running(prefix)
            if child.process is not None and child.process.alive
        ]


def _living(those: Sequence[ProcessId]) -> list[ProcessId]:
    return [process for process in those if process.alive]
