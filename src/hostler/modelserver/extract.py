"""Writes an archive's members into an empty folder.

Invariant: nothing is ever written through a link or outside the folder, limits hold before a byte
is written, and a refusal leaves the folder as empty as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tarfile
from typing import BinaryIO, Iterator, Optional

from .archive import BLOCK, CHUNK, Gunzip, Limits, Member, Refused, members, shown
from .failures import CORRUPT_ARCHIVE, HOSTILE_ARCHIVE, PLATFORM

_NAME_MAX = 255
_LINKS_FOLLOWED_MAX = 40
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_KINDS = {
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


def parts(path: str, limits: Limits) -> list[str]:
    """A member's name as the folders and the name below the root; empty for the root itself."""
    if any(ord(char) < 32 or ord(char) == 127 for char in path):
        raise Refused(HOSTILE_ARCHIVE, f"the name {shown(path)} has control characters")
    if path.startswith("/"):
        raise Refused(HOSTILE_ARCHIVE, f"the name {shown(path)} is absolute")
    split = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in split:
        raise Refused(HOSTILE_ARCHIVE, f"the name {shown(path)} leads out of the folder")
    if len(split) > limits.depth_max:
        raise Refused(
            HOSTILE_ARCHIVE, f"the name {shown(path)} is deeper than {limits.depth_max} folders"
        )
    if any(len(os.fsencode(part)) > _NAME_MAX for part in split):
        raise Refused(HOSTILE_ARCHIVE, f"the name {shown(path)} is longer than {_NAME_MAX} bytes")
    return split


class Unpacker:
    """Writes members below a folder, by descriptors that never follow a link."""

    def __init__(self, root: int, limits: Limits) -> None:
        self._root = root
        self._limits = limits
        self._links: list[list[str]] = []
        self._entries = 0
        self.files = 0
        self.bytes = 0

    def unpack(self, source: BinaryIO) -> None:
        """Everything in the archive.

        Raises:
            Refused: and then what was written so far is the caller's to remove.
        """
        stream = Gunzip(source, self._limits)
        for member in members(stream, self._limits):
            self._entries += 1
            if self._entries > self._limits.entries_max:
                text = f"the archive has more than {self._limits.entries_max} members"
                raise Refused(HOSTILE_ARCHIVE, text)
            self._write(member, stream)
        for path in self._links:
            self._verify(path)

    def _write(self, member: Member, stream: Gunzip) -> None:
        path = parts(member.path, self._limits)
        if member.kind in _KINDS:
            raise Refused(HOSTILE_ARCHIVE, f"{shown(member.path)} is {_KINDS[member.kind]}")
        if member.kind == tarfile.DIRTYPE:
            with self._folder(path, member.path):
                return
        if not path:
            raise Refused(HOSTILE_ARCHIVE, f"the name {shown(member.path)} names no file")
        with self._folder(path[:-1], member.path) as folder:
            self._make_room(folder, path[-1], member.path)
            if member.kind in _REGULAR:
                self._file(member, stream, folder, path[-1])
            elif member.kind == tarfile.SYMTYPE:
                self._symlink(member, folder, path)
            elif member.kind == tarfile.LNKTYPE:
                self._hard_link(member, folder, path[-1])
            else:
                raise Refused(
                    HOSTILE_ARCHIVE, f"{shown(member.path)} is of unknown kind {member.kind!r}"
                )

    @contextlib.contextmanager
    def _folder(self, path: list[str], as_named: str) -> Iterator[int]:
        """The folder at a path, made where it is missing, as a descriptor."""
        descriptor = os.dup(self._root)
        try:
            for part in path:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=descriptor)
                try:
                    inner = _open_folder(part, descriptor)
                except OSError as error:
                    if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                        raise
                    text = f"{shown(as_named)} lies below a link or a file"
                    raise Refused(HOSTILE_ARCHIVE, text) from None
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)

    def _make_room(self, folder: int, name: str, as_named: str) -> None:
        """A later member replaces an earlier file or link of its name, never a folder."""
        try:
            os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            text = f"{shown(as_named)} is there twice, once as a folder"
            raise Refused(HOSTILE_ARCHIVE, text) from None

    def _file(self, member: Member, stream: Gunzip, folder: int, name: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        if self.bytes + member.size > self._limits.bytes_max:
            text = f"the archive unpacks to more than {self._limits.bytes_max} bytes"
            raise Refused(HOSTILE_ARCHIVE, text)
        mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
        descriptor = os.open(name, flags, mode, dir_fd=folder)
        with open(descriptor, "wb", buffering=0) as file:
            left = member.size
            while left:
                data = stream.read(min(left, CHUNK))
                if not data:
                    raise Refused(CORRUPT_ARCHIVE, f"the archive ends inside {shown(member.path)}")
                left -= len(data)
                _write_all(file.fileno(), data)
        padding = -member.size % BLOCK
        if len(stream.read(padding)) < padding:
            raise Refused(CORRUPT_ARCHIVE, f"the archive ends after {shown(member.path)}")
        self.files += 1
        self.bytes += member.size

    def _symlink(self, member: Member, folder: int, path: list[str]) -> None:
        _check_target(member)
        os.symlink(member.target, path[-1], dir_fd=folder)
        self._links.append(path)

    def _hard_link(self, member: Member, folder: int, name: str) -> None:
        _check_target(member)
        source = parts(member.target, self._limits)
        if not source:
            raise Refused(HOSTILE_ARCHIVE, f"{shown(member.path)} links to no file")
        with self._folder(source[:-1], member.path) as origin:
            try:
                found = os.stat(source[-1], dir_fd=origin, follow_symlinks=False)
            except FileNotFoundError:
                text = f"{shown(member.path)} links to {shown(member.target)}, which is not there"
                raise Refused(CORRUPT_ARCHIVE, text) from None
            if not stat.S_ISREG(found.st_mode):
                raise Refused(
                    HOSTILE_ARCHIVE, f"{shown(member.path)} is a hard link to no regular file"
                )
            os.link(source[-1], name, src_dir_fd=origin, dst_dir_fd=folder, follow_symlinks=False)
        self.files += 1

    def _verify(self, link: list[str]) -> None:
        """Follow a symbolic link, as the kernel will, through the finished tree.

        Only now, because what a link's target passes through may have changed after it. Its own
        folders are real: nothing is written below a link.
        """
        at: list[str] = link[:-1]
        left = [link[-1]]
        followed = 0
        while left:
            part = left.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                if not at:
                    raise Refused(HOSTILE_ARCHIVE, f"the link {shown('/'.join(link))} leads out")
                at.pop()
                continue
            target = self._target([*at, part])
            if target is None:
                at.append(part)
                continue
            followed += 1
            if followed > _LINKS_FOLLOWED_MAX:
                raise Refused(HOSTILE_ARCHIVE, f"the link {shown('/'.join(link))} goes in circles")
            left = target.split("/") + left

    def _target(self, path: list[str]) -> Optional[str]:
        """Where a symbolic link points; None for anything else, and for what is not there."""
        descriptor = os.dup(self._root)
        try:
            for part in path[:-1]:
                inner = _open_folder(part, descriptor)
                os.close(descriptor)
                descriptor = inner
            return os.readlink(path[-1], dir_fd=descriptor)
        except OSError:
            return None
        finally:
            os.close(descriptor)


def _check_target(member: Member) -> None:
    """The half of a link's rules that needs no tree."""
    if any(ord(char) < 32 or ord(char) == 127 for char in member.target):
        raise Refused(HOSTILE_ARCHIVE, f"the link {shown(member.path)} has control characters")
    if not member.target or member.target.startswith("/"):
        raise Refused(HOSTILE_ARCHIVE, f"the link {shown(member.path)} is absolute")
    if len(os.fsencode(member.target)) > 4 * _NAME_MAX:
        raise Refused(HOSTILE_ARCHIVE, f"the link {shown(member.path)} is too long")


def _open_folder(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(name, flags, dir_fd=parent)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def unpack(source: BinaryIO, into: str, limits: Limits) -> tuple[int, int]:
    """Unpack an archive into an empty folder; (files, bytes).

    Raises:
        Refused: the folder is empty again.
    """
    root = os.open(into, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if os.listdir(root):
            raise Refused(PLATFORM, f"{into} is not empty")
        unpacker = Unpacker(root, limits)
        try:
            unpacker.unpack(source)
        except BaseException:
            _empty(into)
            raise
    except OSError as error:
        raise Refused(PLATFORM, f"the archive cannot be unpacked: {error.strerror}") from error
    finally:
        os.close(root)
    return unpacker.files, unpacker.bytes


def _empty(folder: str) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
