"""The seams that rooms share: a clock, and a way to say «look at this key again»."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from hostler.domain.instance import FailureCause
from hostler.domain.model import ModelData


class Clock(Protocol):
    """Time as the whole product sees it: seconds since the epoch.

    Wall time at the start plus the time that passed since, also while the machine slept: a jump of
    the machine's clock moves no deadline. Only SigV4's skew check reads the wall clock itself.
    """

    def now(self) -> float: ...


class Wake(Protocol):
    """Asks a controller to reconcile a key soon; loses nothing, promises no count.

    An endpoint's key is its id; a model that is to be made ready, or was deleted, has its ARN, and
    so has an alarm that was put (``alarm.STATE_SET`` where a state was); a scalable target's is
    ``Target.key``, that of what is delivered ``topic.wake_key``.
    """

    def __call__(self, key: str, /) -> None: ...


Wanted: TypeAlias = Callable[[], bool]
"""Whether somebody still waits for what is being done; asked from any thread, often."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A model data object as a file of this machine: its bytes never change under this path."""

    path: Path
    """Where it is, or, while it is lent, will be."""
    key: str
    """The object's key, relative to the prefix asked for (its last part for a single object)."""
    digest: str
    """A hexadecimal digest of the content; equal content, equal digest."""
    size: int
    bring: Callable[[Path, Wanted], None] | None = None
    """Writes it there where it is not on this machine, while it is wanted; raises ModelDataError,
    OSError."""

    @contextmanager
    def lent(self, wanted: Wanted) -> Iterator[Path]:
        """The file, for as long as the block takes; one that is brought for it is deleted then."""
        if self.bring is None:
            yield self.path
            return
        try:
            self.bring(self.path, wanted)
            yield self.path
        finally:
            self.path.unlink(missing_ok=True)


class ModelDataError(Exception):
    """Model data cannot be had: why, and a text that names the URI and the remedy."""

    def __init__(self, cause: FailureCause, message: str) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = message


class ModelDataSource(Protocol):
    """Reads model data with an execution role's permissions (blocking; call from a thread)."""

    def fetch(self, role_arn: str, region: str, data: ModelData) -> Sequence[LocalFile]:
        """The object, or every object below the prefix, for a model of a region.

        Raises:
            ModelDataError: It cannot be had.
        """
        ...
