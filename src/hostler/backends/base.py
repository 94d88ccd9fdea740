"""The protocol every backend keeps; one contract suite holds them all to it.

Invariant: ``launch`` is idempotent by instance id and returns soon; progress is seen by ``observe``
alone, which reads the world, so that a restarted caller learns the same.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from hostler.domain.ids import Arn, EndpointId, InstanceId
from hostler.domain.instance import InstanceSpec, Observation
from hostler.domain.model import Container


class InstanceBackend(Protocol):
    """Runs instances. Every method may be called again after a crash with the same arguments."""

    async def prepare(self, model: Arn, container: Container, role_arn: str) -> None:
        """Make ready what instances of a model will need, and return when it was tried.

        Best effort, bounded, and idempotent: what fails is told by nobody but the log, ``launch``
        does without it, and what is never launched is given up in time. Another container under
        the same ARN takes the place of the one before.
        """
        ...

    async def give_up(self, model: Arn) -> None:
        """Delete what was made ready for a model and is used by no instance and no other model.

        One that nothing was made ready for is no error. Not to be called while ``prepare`` goes on.
        """
        ...

    async def launch(self, spec: InstanceSpec) -> None:
        """Begin to prepare and start an instance; a second call with its id changes nothing.

        A launch that cannot succeed is reported as an EXITED observation, not as an exception.
        """
        ...

    async def stop(self, instance_id: InstanceId, grace_s: float) -> None:
        """Ask it to finish what it has taken and end; after ``grace_s`` seconds it is killed.

        Returns at once; unknown and ended instances are no error.
        """
        ...

    async def remove(self, instance_id: InstanceId) -> None:
        """Forget an EXITED or ABSENT instance and delete what it left on disk."""
        ...

    async def observe(self, owner: EndpointId | None = None) -> Sequence[Observation]:
        """Every instance of an owner (or of all), as the world shows it now.

        One whose preparation ended with the process that prepared it is ABSENT, and listed for as
        long as ``remove`` has something to delete; ``launch`` begins it again.
        """
        ...

    async def owners(self) -> Collection[EndpointId]:
        """Everybody of whom ``observe`` would list an instance: cheaply, it is asked often."""
        ...

    def watch(self, wake: Callable[[EndpointId], None]) -> None:
        """Call ``wake`` with the owner when something about its instances may have changed."""
        ...
