"""What an instance uses of its machine, as it was seen at a moment.

Invariant: counters (processor time) only grow; what is a level (memory, disk, GPUs) is as seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from hostler.domain.ids import InstanceId
from hostler.domain.instance import InstanceSpec


class Extent(NamedTuple):
    """How much of something there is, and how much of that is used (bytes)."""

    used: int
    whole: int

    @property
    def percent(self) -> float:
        return 100.0 * self.used / self.whole if self.whole else 0.0


class GpuUse(NamedTuple):
    """One GPU: how busy it was (0-100), and its memory."""

    uuid: str
    busy_percent: float
    memory: Extent


@dataclass(frozen=True, slots=True)
class Usage:
    """One instance at one moment.

    Args:
        spec: Whose.
        at: When (monotonic s).
        processor_s: Seconds of processor time used so far: by process, or of all together under
            one name, so that who ends takes nothing away.
        memory: Against the memory that the instance type has.
        disk: Of the file system that its folder lies on.
        gpus: Those that it was given.
    """

    spec: InstanceSpec
    at: float
    processor_s: Mapping[str, float]
    memory: Extent
    disk: Extent
    gpus: Sequence[GpuUse] = ()

    def processor_percent(self, before: "Usage") -> float:
        """Processor time since an earlier moment: 100 for each core that was always busy."""
        seconds = self.at - before.at
        if seconds <= 0:
            return 0.0
        used = sum(
            max(0.0, now_s - before.processor_s.get(name, 0.0))
            for name, now_s in self.processor_s.items()
        )
        return 100.0 * used / seconds


class UsageSource(Protocol):
    """Looks at every instance that runs. Blocking: milliseconds an instance."""

    def read(self) -> Mapping[InstanceId, Usage]:
        """What each of them uses now; who ends meanwhile is left out."""
        ...
