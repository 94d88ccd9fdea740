"""Which instances have a folder, and whose they are, without reading the same twice.

Invariant: a spec stays as it was written with its folder, and only this process makes and deletes
folders: so an owner's instances are known without looking at anybody else's. ``all`` looks.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from hostler.backends.process import folders, observing
from hostler.domain.ids import EndpointId, InstanceId
from hostler.domain.instance import InstanceSpec


class Register:
    """The specs of one data directory's instances.

    Args:
        root: Where their folders are.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._specs: dict[InstanceId, InstanceSpec] = {}
        self._owned: defaultdict[EndpointId, set[InstanceId]] = defaultdict(set)

    def spec(self, instance_id: InstanceId) -> InstanceSpec | None:
        """What an instance is to be; None where there is none, or one of another version."""
        spec = self._specs.get(instance_id)
        if spec is None:
            spec = observing.read_spec(self._root / instance_id)
            if spec is not None:
                self._specs[instance_id] = spec
                self._owned[spec.owner].add(instance_id)
        return spec

    def forget(self, instance_id: InstanceId) -> None:
        """Its folder is gone."""
        spec = self._specs.pop(instance_id, None)
        if spec is not None:
            self._owned[spec.owner].discard(instance_id)
            if not self._owned[spec.owner]:
                del self._owned[spec.owner]

    def of(self, owner: EndpointId) -> Sequence[InstanceId]:
        """An owner's instances, as they were when ``all`` looked, and those asked for since."""
        return sorted(self._owned.get(owner, ()))

    def owners(self) -> set[EndpointId]:
        """Whoever has an instance; looks at the disk."""
        self.all()
        return set(self._owned)

    def all(self) -> Sequence[InstanceId]:
        """Every instance that the disk shows."""
        listed = folders.listed(self._root)
        for gone in self._specs.keys() - set(listed):
            self.forget(gone)
        return [instance_id for instance_id in listed if self.spec(instance_id) is not None]
