"""What `hostler up` tells whoever started it: that it is ready, and what takes long.

Invariant: people get a few short lines, machines (`--json`) one object a line; a console that went
away or does not read (a closed or stopped terminal, a full disk) stops nothing. ``tell`` is the
pipe of a waiting `--detach`: it gets the one line that decides, ready or failed, and is closed.
"""

import contextlib
import json
import os
import select
import sys
import time
from collections.abc import Mapping
from typing import Any

from hostler import __version__
from hostler.app import program
from hostler.app.settings import Settings

LINE_MAX = 500
STDOUT = 1


class Console:
    """The terminal of one `hostler up`; ``name`` is what `hostler` is called there."""

    def __init__(
        self,
        settings: Settings,
        name: str = "hostler",
        *,
        as_json: bool = False,
        tell: int | None = None,
    ) -> None:
        self._settings = settings
        self._program = name
        self._as_json = as_json
        self._tell = tell
        self._began = time.monotonic()

    def starting(self) -> None:
        """The first line, so that nobody looks at nothing."""
        if not self._as_json:
            self._print(f"Hostler {__version__} starts on {self._settings.data_dir}")

    def say(self, line: str) -> None:
        """A line of progress."""
        text = "".join(each if each.isprintable() else " " for each in line)[:LINE_MAX]
        self._write({"event": "progress", "message": text}, f"  {text}")

    def announce(self, health: Mapping[str, Any]) -> None:
        """It answers: where, as whom, how far models are isolated, and what to type next."""
        settings = self._settings
        took_s = time.monotonic() - self._began
        isolation = str(health.get("isolation", "unknown"))
        warnings = [str(each) for each in health.get("warnings", ())]
        facts = {
            "event": "ready",
            "pid": os.getpid(),
            "endpoint_url": settings.endpoint_url,
            "account": settings.account,
            "region": settings.region,
            "data_dir": str(settings.data_dir),
            "isolation": isolation,
            "warnings": warnings,
            "ready_after_s": round(took_s, 3),
        }
        self._decide(facts)
        option = program.option(settings.data_dir)
        lines = [
            f"{_bold(f'Listening on {settings.endpoint_url}')} (ready after {took_s:.1f} s)",
            f"  account    {settings.account}, region {settings.region}",
            f"  isolation  {isolation}",
            *(f"  warning    {each}" for each in warnings),
            f'  next       eval "$({self._program} env{option})"',
            "             aws sagemaker list-endpoints",
            f"  stop       Ctrl-C, or {self._program} down{option}",
        ]
        self._write(facts, "\n".join(lines))

    def failed(self, message: str) -> None:
        """It cannot start: one line of cause and remedy."""
        self._decide({"event": "failed", "message": message})
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"hostler: {message}\n")
            sys.stderr.flush()

    def stopped(self) -> None:
        """Everything has ended: news to whoever still waits for it to be ready, and to no other."""
        self._decide({"event": "failed", "message": "it was stopped before it was ready"})

    def _decide(self, facts: Mapping[str, Any]) -> None:
        if self._tell is not None:
            with contextlib.suppress(OSError):
                os.write(self._tell, json.dumps(facts).encode() + b"\n")
            os.close(self._tell)
            self._tell = None

    def _write(self, facts: Mapping[str, Any], text: str) -> None:
        self._print(json.dumps(facts) if self._as_json else text)

    @staticmethod
    def _print(text: str) -> None:
        """Unbuffered, and only where there is room: a terminal may be stopped, a pipe unread."""
        poller = select.poll()
        poller.register(STDOUT, select.POLLOUT)
        with contextlib.suppress(OSError):
            if poller.poll(0):
                os.write(STDOUT, f"{text}\n".encode()[: select.PIPE_BUF])


def _bold(text: str) -> str:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return f"\033[1m{text}\033[0m" if os.isatty(STDOUT) and not plain else text
