"""The program that unpacks a model archive, in a process of its own that may be killed.

Invariant: the last line on stdout is ``{"ok": true, "files": …, "bytes": …}`` (exit status 0) or
``{"cause": …, "message": …}`` with a FailureCause value (1). Usage::

    python -I unpack.py --fd 3 --into DIR [--bytes-max N] [--entries-max N] …
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import signal
import sys
from typing import NoReturn, Optional

if __name__ == "__main__":  # started by its path: begin again as a module of the package
    sys.argv.insert(1, "unpack")
    runpy.run_path(os.path.join(os.path.dirname(__file__), "bootstrap.py"), run_name="__main__")

from .archive import Limits, Refused
from .extract import unpack
from .failures import DOWNLOAD_TIMEOUT, PLATFORM


def main(arguments: Optional[list[str]] = None) -> int:
    """The program; its exit status."""
    defaults = Limits()
    parser = argparse.ArgumentParser(prog="unpack.py", description="Unpack a model archive.")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the archive")
    parser.add_argument("--into", required=True, help="an empty folder")
    parser.add_argument("--bytes-max", type=int, default=defaults.bytes_max)
    parser.add_argument("--entries-max", type=int, default=defaults.entries_max)
    parser.add_argument("--depth-max", type=int, default=defaults.depth_max)
    parser.add_argument("--ratio-max", type=int, default=defaults.ratio_max)
    parser.add_argument("--ratio-from-bytes", type=int, default=defaults.ratio_from_bytes)
    parser.add_argument("--deadline-s", type=float, default=defaults.deadline_s)
    given = vars(parser.parse_args(arguments))
    source, into = given.pop("fd"), given.pop("into")
    limits = Limits(**given)

    def expire(*_: object) -> NoReturn:
        _leave_in_peace()
        raise Refused(
            DOWNLOAD_TIMEOUT, f"unpacking the archive took longer than {limits.deadline_s:g} s"
        )

    def end(*_: object) -> NoReturn:
        _leave_in_peace()
        raise Refused(PLATFORM, "unpacking the archive was interrupted")

    signal.signal(signal.SIGALRM, expire)
    signal.signal(signal.SIGTERM, end)
    os.umask(0o022)
    try:
        signal.setitimer(signal.ITIMER_REAL, limits.deadline_s)
        with open(source, "rb", buffering=0) as archive:
            files, size = unpack(archive, into, limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except Refused as refusal:
        print(json.dumps({"cause": refusal.cause, "message": str(refusal)}))
        return 1
    print(json.dumps({"ok": True, "files": files, "bytes": size}))
    return 0


def _leave_in_peace() -> None:
    """Let nothing interrupt the removal of what was written."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
