"""A real Hostler for tests: the `hostler` command, its own data directory, real processes."""

import contextlib
import fcntl
import functools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from hostler.modelserver import identity

T = TypeVar("T")

COMPANY, TEAM, PROJECT = "acme", "rc", "project-a"
REGION, ACCOUNT = "ap-southeast-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/SageMaker-Rc-Project-A-ExecutionRole"
BUCKET = f"{COMPANY}-sm-{TEAM}-{PROJECT}"
PREFIX = f"{TEAM}-{PROJECT}-"
PORTS = range(20_000, 32_000)
_OURS: set[int] = set()
GENERIC_IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-inference:latest"


def eventually(
    what: str, look: Callable[[], T | None], within_s: float = 60.0, every_s: float = 0.05
) -> T:
    """Look until there is an answer; the assertion says what was waited for."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    while True:
        if (answer := look()) is not None and answer is not False:
            return answer
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        pause.wait(every_s)


def free_port() -> int:
    """A port that nobody listens on, and that is this process's for as long as it lives.

    Below those that the kernel gives to whoever asks for any: one of them may be another's between
    the moment it is found and the moment it is used.
    """
    for port in random.sample(PORTS, len(PORTS)):
        if port not in _OURS and _promised(port):
            _OURS.add(port)
            with socket.socket() as probe, contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError(f"every port of {PORTS} is taken")


def _promised(port: int) -> bool:
    """Whether no other test run on this machine has the port."""
    try:
        fcntl.lockf(_promises(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _promises() -> int:
    """A file that stays open: a lock on a byte of it, the port's, ends with the process."""
    path = Path(tempfile.gettempdir()) / f"hostler-test-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@dataclass
class Running:
    """One data directory and the command line over it."""

    home: Path
    port: int
    _clients: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _exports: dict[str | None, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "hostler.cli.main", *words, "--data-dir", str(self.home)],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        if check:
            assert done.returncode == 0, done.stderr + self.process_logs()
        return done

    def up(self, *words: str) -> None:
        self.run("up", "--port", str(self.port), "--region", REGION, "--detach", *words)

    def down(self) -> None:
        self.run("down")

    def bootstrap(self) -> None:
        self.run("bootstrap", "--company", COMPANY, "--team", TEAM, "--project", PROJECT)

    def environment(self, who: str | None = None) -> dict[str, str]:
        """This process's environment with the exports of `hostler env`."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SAGEMAKER_"))}
        return kept | self.exports(who)

    def exports(self, who: str | None = None) -> dict[str, str]:
        """What `hostler env` says, asked once for each user."""
        if who not in self._exports:
            words = ("env", "--json", *(("--as", who) if who else ()))
            self._exports[who] = json.loads(self.run(*words).stdout)
        return self._exports[who]

    def client(self, service: str, who: str | None = None, **config: Any) -> Any:
        """A boto3 client made from the exports alone."""
        exports = self.exports(who)
        session = boto3.Session(
            exports["AWS_ACCESS_KEY_ID"],
            exports["AWS_SECRET_ACCESS_KEY"],
            region_name=exports["AWS_REGION"],
        )
        options = {"retries": {"total_max_attempts": 1}, "read_timeout": 70, **config}
        made = (service, who, repr(sorted(config.items())))
        if made not in self._clients:
            self._clients[made] = session.client(
                service, endpoint_url=exports["AWS_ENDPOINT_URL"], config=Config(**options)
            )
        return self._clients[made]

    def status(self) -> dict[str, Any]:
        """Ready or not: what `hostler status` says while it runs."""
        answer: dict[str, Any] = json.loads(self.run("status", "--json", check=False).stdout)
        return answer

    def pid(self, name: str) -> int | None:
        """The pid in a process's pid file."""
        with contextlib.suppress(OSError, ValueError):
            return int(json.loads((self.home / "run" / f"{name}.pid").read_text())["pid"])
        return None

    def kill(self, name: str) -> None:
        """kill -9 a supervised process; wait until another is in its place and all is ready."""
        before = self.pid(name)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        eventually(f"{name} is started again", lambda: self.pid(name) not in (None, before))
        eventually("it is ready again", lambda: self.status()["ready"])

    def instance_pids(self) -> dict[str, int]:
        """Shims that run, by instance id."""
        paths = sorted((self.home / "i").glob("*/shim.json"))
        shims = {path.parent.name: identity.read(path) for path in paths}
        return {name: shim.pid for name, shim in shims.items() if shim is not None}

    def process_logs(self) -> str:
        """The end of what every process wrote, for a failing assertion."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted((self.home / "log").glob("*.log"))
        )


@contextlib.contextmanager
def hostler(*words: str, bootstrap: bool = True) -> Iterator[Running]:
    """A Hostler that runs, and leaves neither a process nor a file behind."""
    home = Path(tempfile.mkdtemp(prefix="h-", dir="/tmp"))
    server = Running(home, free_port())
    try:
        server.up(*words)
        if bootstrap:
            server.bootstrap()
        yield server
    finally:
        server.run("down", check=False)
        left = processes_of(home)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(home, ignore_errors=True)
        assert not left, f"processes outlived `hostler down`: {left}"


def processes_of(home: Path) -> list[int]:
    """Processes whose command line names the data directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if any(str(home).encode() in word for word in words):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]
