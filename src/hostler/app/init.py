"""The init process: `python -m hostler.app.init --data-dir D` runs the user's scripts, in order.

Started by the supervisor once Hostler is ready, at each start. A script that fails is named and the
next one runs.

Invariant: ends by itself when the scripts have ended, and ends the one that runs when it is ended.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import FrameType

from hostler.app import processes, scripts
from hostler.app.scripts import Script, State
from hostler.app.settings import Settings
from hostler.app.supervisor import desk
from hostler.toolkit import shell

GRACE_S = 5.0
ENVIRONMENT_S = 60.0
"""How long `hostler env` may take, on a machine that has much else to do."""

_log = logging.getLogger("hostler.init")


def main() -> None:
    """Run every script; the exit status is 0 however they ended."""
    settings, _options = processes.arguments("init")
    signal.signal(signal.SIGTERM, _end)
    paths = scripts.found(settings)
    states = [Script(path.name) for path in paths]
    scripts.keep(settings.layout, states)
    environment = variables(settings)
    for number, path in enumerate(paths):
        states[number] = replace(states[number], state=State.RUNNING)
        scripts.keep(settings.layout, states)
        states[number] = run(path, environment, settings.config.init.timeout_s)
        scripts.keep(settings.layout, states)
        _say(settings, states[number])


def variables(settings: Settings) -> Mapping[str, str]:
    """This environment with `hostler env`'s; `hostler` and its Python come first in the path."""
    home = str(settings.data_dir)
    env = (sys.executable, "-P", "-m", "hostler.cli.main", "env", "--json", "--data-dir", home)
    done = subprocess.run(env, stdout=subprocess.PIPE, check=True, timeout=ENVIRONMENT_S)
    exports: dict[str, str] = json.loads(done.stdout)
    hindering = shell.hindrances(os.environ, exports)
    kept = {name: value for name, value in os.environ.items() if name not in hindering}
    path = os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath)))
    return {**kept, **exports, "PATH": path, "HOSTLER_DATA_DIR": home}


def run(path: Path, environment: Mapping[str, str], timeout_s: float) -> Script:
    """Run one script in its own folder; what became of it."""
    _log.info("%s begins", path.name)
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            words(path),
            stdin=subprocess.DEVNULL,
            cwd=path.parent,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        return Script(path.name, State.FAILED, f"could not be started: {error.strerror}")
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        _end_group(process)
        return Script(path.name, State.FAILED, f"did not end within {timeout_s:.0f} s")
    except SystemExit:
        _end_group(process)
        raise
    took = f"{time.monotonic() - began:.1f} s"
    if code == 0:
        return Script(path.name, State.DONE, took)
    how = f"signal {-code}" if code < 0 else f"status {code}"
    return Script(path.name, State.FAILED, f"{how} after {took}")


def words(path: Path) -> list[str]:
    """Its own interpreter for what is executable; else Hostler's Python, or bash, or sh."""
    if path.suffix == ".py":
        return [sys.executable, str(path)]
    if os.access(path, os.X_OK):
        return [str(path)]
    return [shutil.which("bash") or "sh", str(path)]


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)


def _say(settings: Settings, script: Script) -> None:
    """A line for the log, and one for whoever watches `up`."""
    line = f"init script {script.name} {script.state}: {script.text}"
    if script.state is State.FAILED:
        line += f"; its output is in {settings.layout.process_log('init')}"
    _log.info("%s", line)
    with contextlib.suppress(OSError):
        desk.ask(settings.layout.supervisor_socket, {"op": "say", "line": line})


if __name__ == "__main__":
    main()
