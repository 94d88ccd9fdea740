"""The data directory as the supervisor takes it: checked, made, held by one process at a time.

Invariant: nothing is changed in a directory that is neither empty nor Hostler's; who holds the lock
file (flock) is the only one who writes below.
"""

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import TextIO

from hostler.app import program
from hostler.app.config import places
from hostler.app.settings import Settings
from hostler.domain.layout import Layout
from hostler.modelserver import whole

FREE_BYTES_MIN = 4 << 20
"""With less than this the databases cannot even be opened."""
_LOST = "lost+found"
"""What a disk of its own holds from its making."""
_PREPARED = frozenset({places.NAME, "init"})
"""What a user may have put there before the first start."""


class DataDirError(Exception):
    """The data directory cannot be used; the text says why, and what would do."""


def check(root: Path) -> None:
    """See that the directory is free to be made or used; changes nothing.

    Raises:
        DataDirError: it is a file, someone else's folder, not ours to enter, or its disk is full.
    """
    if not _is_ours(root):
        return
    free = os.statvfs(root)
    if free.f_bavail * free.f_frsize < FREE_BYTES_MIN:
        raise DataDirError(explain(OSError(errno.ENOSPC, ""), root))


def _is_ours(root: Path) -> bool:
    """Whether the directory exists, ours or to become so; raises DataDirError if it is not."""
    try:
        names = set(os.listdir(root))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise DataDirError(explain(error, root)) from None
    layout = Layout(root)
    strange = names - {layout.up_log.name, _LOST} - _PREPARED
    if strange and layout.lock.name not in names:
        raise DataDirError(
            f"{root} is no Hostler data directory and holds other files ({min(strange)}, …): "
            "choose an empty or a new one with --data-dir"
        )
    return True


def hold(root: Path) -> TextIO:
    """Make the data directory and hold it until the file is closed.

    Raises:
        DataDirError: another process holds it, or it cannot be made or written.
    """
    check(root)
    layout = Layout(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        held = _hold(layout.lock)
        for folder, mode in (
            (root, 0o711),
            (layout.run, 0o700),
            (layout.process_logs, 0o700),
            (layout.instances, 0o711),
            (layout.models, 0o711),
        ):
            folder.mkdir(exist_ok=True)
            folder.chmod(mode)
    except OSError as error:
        raise DataDirError(explain(error, root)) from None
    return held


def seize(root: Path) -> TextIO:
    """Hold the data directory to stop what runs on it: a full disk is no hindrance.

    Raises:
        DataDirError: another process holds it, or it is not ours.
    """
    _is_ours(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        return _hold(Layout(root).lock)
    except OSError as error:
        raise DataDirError(explain(error, root)) from None


def holds(root: Path, lock: TextIO) -> bool:
    """Whether the lock is still the data directory's: it may have been deleted under us."""
    try:
        return os.path.samestat(os.stat(Layout(root).lock), os.fstat(lock.fileno()))
    except OSError:
        return False


def holder(root: Path) -> int | None:
    """The pid of the process that holds the data directory; None when nobody does."""
    try:
        with Layout(root).lock.open("r+") as file:
            if _locked(file):
                return None
            return int(file.read())
    except (OSError, ValueError):
        return None


def keep_settings(settings: Settings) -> None:
    """Write the settings where every process reads them: whole, or not at all."""
    path, text = settings.layout.config, settings.to_json()
    with contextlib.suppress(FileNotFoundError):
        if path.read_text() == text:
            return
    try:
        whole.write(path, text.encode())  # an index's URL may hold a password
    except OSError as error:
        raise DataDirError(explain(error, settings.data_dir)) from None


def explain(error: OSError, root: Path) -> str:
    """One line for what keeps us from using the directory."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return (
                f"no space is left on the disk of {root}: free at least "
                f"{FREE_BYTES_MIN >> 20} MiB, or choose another --data-dir"
            )
        case errno.EACCES | errno.EPERM:
            return (
                f"not allowed to write to {root}: run as the user it belongs to, or choose another "
                "--data-dir"
            )
        case errno.EROFS:
            return f"{root} is on a read-only file system: choose another --data-dir"
        case errno.ENOTDIR | errno.EEXIST:
            return f"{root} is, or lies below, a file: choose another --data-dir"
        case _:
            reason = error.strerror or str(error)
            return f"cannot use {root} ({reason}): mend it, or choose another --data-dir"


def _hold(path: Path) -> TextIO:
    file = path.open("a+")
    if not _locked(file):
        file.seek(0)
        pid = file.read().strip() or "unknown"
        file.close()
        option = program.option(path.parent)
        raise DataDirError(
            f"{path.parent} is in use by Hostler's process {pid}: see `hostler status{option}`, "
            f"stop it with `hostler down{option}`, or choose another --data-dir"
        )
    file.truncate(0)
    with contextlib.suppress(OSError):  # for others to read; on a full disk they find none
        os.write(file.fileno(), b"%d\n" % os.getpid())
    return file


def _locked(file: TextIO) -> bool:
    """Whether the lock is ours now."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
