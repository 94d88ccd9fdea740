"""The last snapshot on disk, from which a gateway starts when the control plane is dead.

Invariant: readers see the old file or the new one, never a mixture (written beside, then renamed).
It is not forced to the disk: what survives a power cut describes processes that did not.
"""

from pathlib import Path

from hostler.domain.snapshot import Snapshot
from hostler.modelserver import whole
from hostler.snapshot import codec


def save(path: Path, snapshot: Snapshot) -> None:
    """Replace the file (0600: it holds secrets); raises OSError, leaving the old one as it was."""
    save_bytes(path, codec.encode(snapshot))


def save_bytes(path: Path, data: bytes) -> None:
    """``save`` for an encoded snapshot."""
    whole.write(path, data)


def load(path: Path) -> Snapshot | None:
    """The snapshot in the file, or None without one; raises SnapshotError when unusable."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    return codec.decode(data)
