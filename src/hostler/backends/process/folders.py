"""Instances' folders on disk: made, ended and cleared away, each in one step.

Invariant: a folder below ``i/`` without a dot in front is complete (it has its spec); an end is
written only by who holds the folder's lock, so never over a living shim's head.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hostler.backends.process import cgroup, observing
from hostler.backends.process.isolation import Users
from hostler.domain.ids import InstanceId
from hostler.domain.instance import FailureCause, InstanceSpec
from hostler.modelserver import folder, watchdog

_NEW, _GONE = ".new-", ".gone-"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """The folder's descriptor."""
    directory = folder.open_folder(str(path))
    try:
        yield directory
    finally:
        os.close(directory)


def listed(root: Path) -> list[InstanceId]:
    """The instances that have a folder."""
    return [InstanceId(name) for name in sorted(_names(root)) if not name.startswith(".")]


def _names(root: Path) -> list[str]:
    try:
        return os.listdir(root)  # noqa: PTH208 - names are all that is wanted, and often
    except FileNotFoundError:
        return []


def create(path: Path, spec: InstanceSpec, users: Users | None) -> None:
    """Make an instance's folder, owned by a user that no other instance has."""
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    aside = path.with_name(_NEW + path.name)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700)
    uid = _free_user(path.parent, spec.instance_id, users) if users else None
    for name in (folder.SPOOL, folder.SOCKETS, folder.ROOT):
        (aside / name).mkdir(mode=0o700)
        if uid is not None:
            os.chown(aside / name, uid, uid)
    with opened(aside) as directory:
        observing.write_spec(directory, spec)
    if uid is not None:
        os.chown(aside, uid, uid)
    aside.rename(path)


def end(path: Path, cause: FailureCause, message: str, at: float) -> None:
    """Write the end of an instance that no shim runs; one that runs after all is left alone."""
    gone = (FileNotFoundError, BlockingIOError)
    with contextlib.suppress(*gone), opened(path) as directory, _locked(directory):
        if folder.read_json(directory, folder.EXIT) is None:
            folder.write_exit(directory, cause, message, at=at)


def explain(path: Path, at: float) -> None:
    """Write the end of an instance whose shim died without a word."""
    with opened(path) as directory:
        launched = observing.read_launch(directory)
        oom_file = launched.plan.oom_file if launched else None
    cause, message = FailureCause.KILLED, "its supervising process was killed"
    if oom_file is not None and _oom_kills(oom_file):
        cause, message = FailureCause.OUT_OF_MEMORY, "it ran out of memory and was killed whole"
    errors = path / folder.ERRORS
    with contextlib.suppress(OSError):
        text = errors.read_text(errors="replace").strip()
        if text and cause is FailureCause.KILLED:
            cause, message = FailureCause.PLATFORM, f"its shim failed: {text.splitlines()[-1]}"
    end(path, cause, message, at)


def retire(path: Path) -> Path:
    """Take a folder out of sight in one step; what it is called from now on."""
    gone = path.with_name(_GONE + path.name)
    path.rename(gone)
    return gone


def sweep(root: Path) -> None:
    """Clear away folders half made or half deleted, and launches that never came to a shim."""
    for name in _names(root):
        path = root / name
        if name.startswith((_NEW, _GONE)) or (not name.startswith(".") and _abandoned(path)):
            remove_cgroups(path)
            shutil.rmtree(path, ignore_errors=True)


def remove_cgroups(path: Path) -> bool:
    """Remove the instance's control groups; False while a process is still in one."""
    try:
        with opened(path) as directory:
            launched = observing.read_launch(directory)
    except FileNotFoundError:
        return True
    return launched is None or cgroup.remove([Path(name) for name in launched.plan.cgroup_procs])


def _abandoned(path: Path) -> bool:
    """Never started, and nobody is about to start it: the next launch begins anew."""
    try:
        with opened(path) as directory, _locked(directory):
            return not any(
                folder.read_json(directory, name) is not None for name in (folder.SHIM, folder.EXIT)
            )
    except OSError:
        return False


@contextlib.contextmanager
def _locked(directory: int) -> Iterator[None]:
    """Hold the folder's lock; BlockingIOError while its shim (or launcher) does."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(folder.LOCK, flags, 0o640, dir_fd=directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(lock)


def _free_user(root: Path, instance_id: InstanceId, users: Users) -> int:
    taken = set()
    for name in _names(root):
        with contextlib.suppress(FileNotFoundError):
            taken.add(os.lstat(f"{root}/{name}").st_uid)
    digits = "".join(char for char in instance_id if char in "0123456789abcdef") or "0"
    span = users.count - 1  # the last one is the errands'
    for step in range(span):
        uid = users.first + (int(digits, 16) + step) % span
        if uid not in taken:
            return uid
    raise OSError(f"no free user id among {span}")


def _oom_kills(path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return watchdog.oom_kills(fd)
    finally:
        os.close(fd)
