"""The last snapshot on disk, from which a gateway starts when the control plane is dead.

Invariant: readers see the old file or the new one, never a mixture (written beside, then renamed),
and what a vault was given for is sealed: the snapshot holds secrets. It is not forced to the disk:
what survives a power cut describes processes that did not.
"""

from pathlib import Path

from hostler.domain.snapshot import Snapshot
from hostler.modelserver import whole
from hostler.snapshot import codec
from hostler.vault import sealing
from hostler.vault.sealing import Vault, VaultError

ABOUT = "snapshot"


def save(path: Path, snapshot: Snapshot, vault: Vault | None = None) -> None:
    """Replace the file (0600); raises OSError, VaultError, leaving the old one as it was."""
    save_bytes(path, codec.encode(snapshot), vault)


def save_bytes(path: Path, data: bytes, vault: Vault | None = None) -> None:
    """``save`` for an encoded snapshot."""
    whole.write(path, data if vault is None else vault.seal(data, ABOUT))


def load(path: Path, vault: Vault | None = None) -> Snapshot | None:
    """The snapshot in the file, or None without one; raises SnapshotError when unusable.

    One of a Hostler that sealed nothing is read as well.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if data.startswith(sealing.MARK):
        try:
            data = (vault or Vault()).open(data, ABOUT)
        except VaultError as error:
            raise codec.SnapshotError(str(error)) from error
    return codec.decode(data)


def seal_anew(path: Path, vault: Vault) -> None:
    """Seal the file with the newest key, if it is not yet; raises as ``load`` and ``save``."""
    found = load(path, vault)
    if found is not None and not vault.is_newest(path.read_bytes()):
        save(path, found, vault)
