"""How the model's side fails: while it loads, and while it answers.

Invariant: a failure carries one line that names the cause to its reader (file and line where they
are known); the traceback goes to stderr, never into a message.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from types import TracebackType
from typing import NoReturn, Optional

# What this room says of hostler.domain.instance.FailureCause, which it cannot import.
IMPORT_ERROR = "ImportError"
MODEL_LOAD = "ModelLoad"
NO_HANDLER = "NoHandler"
BAD_SCRIPT = "BadScript"
CORRUPT_ARCHIVE = "CorruptArchive"
HOSTILE_ARCHIVE = "HostileArchive"
DOWNLOAD_TIMEOUT = "DownloadTimeout"
"""AWS's download time-out includes unpacking."""
OUT_OF_MEMORY = "OutOfMemory"
KILLED = "Killed"
EXITED = "Exited"
PLATFORM = "Platform"

_LINE_MAX = 700
_PACKAGE_DIR = os.path.dirname(os.path.abspath(__file__)) + os.sep


class LoadFailure(Exception):  # noqa: N818 - it is an outcome that is reported, not a defect here
    """The model cannot serve; ``cause`` is a FailureCause value."""

    def __init__(self, cause: str, message: str, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.cause = cause
        self.message = one_line(message)
        self.file = file
        self.line = line


class RequestFailure(Exception):  # noqa: N818 - the caller's mistake, answered with a 4xx
    """This request cannot be answered, through the caller's fault; ``status`` says how."""

    status = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = one_line(message)


class BadInput(RequestFailure):
    """The body is not what its content type promises, or not what the model takes."""


class UnsupportedContentType(RequestFailure):
    status = 415


class NotAcceptable(RequestFailure):
    status = 406


class NoContent(RequestFailure):
    """Nothing was asked: AWS's XGBoost container answers an empty body so."""

    status = 204

    def __init__(self) -> None:
        super().__init__("")


def one_line(text: str) -> str:
    """The text in one printable line of bounded length."""
    line = " ".join(text.split())
    line = "".join(char if char.isprintable() else "?" for char in line)
    return line if len(line) <= _LINE_MAX else line[: _LINE_MAX - 1] + "…"


def describe(error: BaseException) -> str:
    """``ValueError: the text`` in one line; the type alone when there is no text."""
    try:
        text = one_line(str(error))
    except Exception:  # noqa: BLE001 - the model's own __str__
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


def end_child() -> NoReturn:
    """End what the model's code has forked: its parent answers; two would break the connection."""
    say("the model's code forked, and the child came back from the call: it was ended\n")
    os._exit(1)


def place(trace: Optional[TracebackType], folder: str) -> tuple[str, int, str]:
    """(file, line, function) of the deepest frame inside ``folder``; ("", 0, "") without one."""
    found = ("", 0, "")
    prefix = os.path.join(os.path.abspath(folder), "")
    for frame, line in traceback.walk_tb(trace):
        file = frame.f_code.co_filename  # no abspath: it needs a cwd, and Python's own have none
        if file.startswith(prefix):
            found = (file, line, frame.f_code.co_name)
    return found


def status(error: BaseException) -> int:
    """The status an exception carries (AWS's toolkit errors, web frameworks' aborts), else 500."""
    for name in ("status_code", "code"):
        try:
            value = getattr(error, name, None)
        except Exception:  # noqa: BLE001, S112 - a property of the model's may do anything
            continue
        if not isinstance(value, int) or not 400 <= value <= 599:
            continue
        if name == "status_code" or hasattr(error, "description"):
            return value
    return 500


def print_trace(error: BaseException) -> None:
    """The traceback on stderr, without this package's own outer frames."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace or error.__traceback__)
    say("".join(lines))


def say(text: str) -> None:
    """Whole lines on stderr, whatever the model's code has done to it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except Exception:  # noqa: BLE001 - the model's code may have closed or replaced it
        with contextlib.suppress(OSError):
            os.write(2, text.encode(errors="backslashreplace"))


def _is_ours(file: str) -> bool:
    return os.path.abspath(file).startswith(_PACKAGE_DIR)
