"""`hostler up` and `hostler down` as processes: beginnings that fail, and every way to end."""

import contextlib
import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from hostler.app import program
from hostler.app.supervisor import desk, leftovers, readiness
from hostler.domain.layout import Layout
from hostler.modelserver import identity
from hostler.modelserver.identity import ProcessId
from running import eventually, free_port, processes_of

pytestmark = pytest.mark.xdist_group("up")

COMMAND = (sys.executable, "-m", "hostler.cli.main")


@dataclass
class Place:
    """A data directory, and what was started on it in the foreground."""

    home: Path
    port: int = field(default_factory=free_port)
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        return Layout(self.home)

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        line = [*COMMAND, *words, "--data-dir", str(self.home)]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=240)

    def start(self, *words: str, output: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """`hostler up` without --detach."""
        line = [*COMMAND, "up", "--data-dir", str(self.home), *words]
        process = subprocess.Popen(line, stdout=output, stderr=output)
        self.started.append(process)
        return process

    def foreground(self, *words: str, output: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """The same on our port, once it is ready."""
        process = self.start("--port", str(self.port), *words, output=output)
        eventually("it is ready", lambda: self.ready() or process.poll() is not None)
        assert process.poll() is None
        return process

    def ready(self) -> bool:
        health = readiness.ask("127.0.0.1", self.port)
        return bool(health and health.get("ready")) and bool(self.asked().get("ready"))

    def asked(self) -> dict[str, Any]:
        """What the supervisor says of its state."""
        with contextlib.suppress(OSError):
            return desk.ask(self.layout.supervisor_socket, {"op": "status"})
        return {}

    def children(self) -> dict[str, Any]:
        return {child["name"]: child for child in self.asked().get("children", ())}

    def process(self, name: str) -> ProcessId:
        found = identity.read(self.layout.pid_file(name))
        assert found is not None, f"{name} does not run"
        return found

    def left(self) -> list[int]:
        """Processes of the data directory."""
        return [pid for pid in processes_of(self.home) if identity.of(pid) is not None]

    def gateways(self) -> set[ProcessId]:
        found = leftovers.processes(self.layout)
        return {each.process for each in found if each.kind == "gateway"}


@contextlib.contextmanager
def _place() -> Iterator[Place]:
    made = Place(Path(tempfile.mkdtemp(prefix="h-", dir="/tmp")))
    try:
        yield made
    finally:
        for process in made.started:
            process.send_signal(signal.SIGQUIT)
        for process in made.started:
            process.communicate(timeout=120)
        left = made.left()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(made.home, ignore_errors=True)
    assert not left


@pytest.fixture
def place() -> Iterator[Place]:
    with _place() as made:
        yield made


def _ended(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    return process.returncode, out.decode() if out else ""


# What keeps it from starting, without a Hostler that runs.


def test_a_taken_port_is_said_with_who_has_it(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        for words in (("up", "--port", port), ("up", "--port", port, "--detach")):
            done = place.run(*words)
            assert done.returncode == 1
            assert f"port {port} is taken by process {os.getpid()}" in done.stderr
            assert "--port" in done.stderr
            assert done.stderr.count("\n") == 1


def test_a_folder_of_something_else_is_not_touched(place: Place) -> None:
    (place.home / "thesis.tex").write_text("")
    for words in (("up",), ("up", "--detach")):
        done = place.run(*words)
        assert done.returncode == 1
        assert "thesis.tex" in done.stderr
    assert [each.name for each in place.home.iterdir()] == ["thesis.tex"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_to_write_is_said(place: Place) -> None:
    place.home.chmod(0o555)
    for words in (("up",), ("up", "--detach")):
        done = place.run(*words)
        assert done.returncode == 1
        assert f"not allowed to write to {place.home}" in done.stderr
        assert done.stderr.count("\n") == 1
    place.home.chmod(0o755)


# Its ends.


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT], ids=lambda n: n.name
)
def test_each_way_to_ask_ends_everything_while_it_starts_as_well(
    place: Place, number: signal.Signals
) -> None:
    process = place.start("--port", str(place.port), "--gateways", "2")
    eventually("its processes are there", lambda: len(place.children()) == 4)
    process.send_signal(number)
    code, text = _ended(process)
    assert code == 0
    assert text.splitlines()[-1] == "  stopped"
    assert place.left() == []
    assert not place.layout.supervisor_socket.exists()


def test_whoever_detached_one_that_is_stopped_while_it_starts_is_told_so(place: Place) -> None:
    process = place.start("--port", str(place.port), "--detach")
    eventually("its processes are there", lambda: len(place.children()) == 3)
    control = place.children()["control"]["pid"]
    os.kill(control, signal.SIGSTOP)  # it would be ready before anybody could stop it
    line = [*COMMAND, "down", "--data-dir", str(place.home)]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL) as down:
        eventually("it is stopping", lambda: place.asked().get("stopping", True))
        os.kill(control, signal.SIGCONT)
        assert down.wait(120) == 0
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (1, b"hostler: it was stopped before it was ready\n")


def test_the_terminal_is_told_in_few_lines(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    process = place.foreground(output=theirs)
    os.close(theirs)
    process.send_signal(signal.SIGTERM)
    text = b""
    with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
        while piece := terminal.read(4096):
            text += piece
    assert process.wait(120) == 0
    lines = text.decode().splitlines()
    assert lines[1].startswith(f"\033[1mListening on http://127.0.0.1:{place.port}\033[0m")
    assert any(line.startswith("  isolation  ") for line in lines)
    assert f'eval "$({program.words()} env --data-dir {place.home})"' in text.decode()
    assert len(lines) <= 10


def test_a_second_interrupt_waits_for_nothing(place: Place) -> None:
    """The first waits for a call that is under way. Machines read one object a line."""
    process = place.foreground("--json")
    head = b"POST /endpoints/x/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    with socket.create_connection(("127.0.0.1", place.port), 60) as waiting:
        waiting.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert waiting.recv(100).startswith(b"HTTP/1.1 100 "), "it is under way"
        process.send_signal(signal.SIGINT)
        eventually("it drains", lambda: place.asked().get("stopping"))
        process.send_signal(signal.SIGINT)
        code, text = _ended(process)
    assert code == 0
    assert place.left() == []
    events = [json.loads(line) for line in text.splitlines()]
    # A slow start is told as well, before it is ready.
    ready, *after = events[[each["event"] for each in events].index("ready") :]
    assert [each["event"] for each in after] == ["progress", "progress"]
    assert ready["endpoint_url"] == f"http://127.0.0.1:{place.port}"
    assert ready["pid"] == process.pid


# Beside one that runs.


@pytest.fixture(scope="module")
def taken() -> Iterator[Place]:
    with _place() as made:
        made.foreground("--account", "210987654321")
        yield made


def test_a_data_directory_in_use_is_said_with_the_pid(taken: Place) -> None:
    for words in (("up",), ("up", "--detach"), ("up", "--port", str(free_port()))):
        done = taken.run(*words)
        assert done.returncode == 1
        pid = taken.started[0].pid
        assert f"in use by Hostler's process {pid}: see `hostler status --data-dir" in done.stderr
    assert taken.ready()


def test_another_account_is_refused_for_a_data_directory_that_has_one(taken: Place) -> None:
    done = taken.run("up", "--account", "123456789012")
    assert done.returncode == 1
    assert "belongs to account 210987654321" in done.stderr


def test_a_port_of_another_hostler_is_said_with_its_data_directory(
    taken: Place, place: Place
) -> None:
    done = place.run("up", "--port", str(taken.port))
    assert done.returncode == 1
    assert f"taken by the Hostler of {taken.home}" in done.stderr
    assert f"`hostler down --data-dir {taken.home}`" in done.stderr


def test_a_line_of_progress_reaches_the_console(taken: Place) -> None:
    """What builds of environments say goes this way."""
    line = "building the pytorch environment"
    assert desk.ask(taken.layout.supervisor_socket, {"op": "say", "line": line}) == {"ok": True}
    output = taken.started[0].stdout
    assert output is not None
    assert any(each == f"  {line}\n".encode() for each in iter(output.readline, b""))


def test_a_zygote_that_cannot_be_forked_from_is_given_up_and_shown(taken: Place) -> None:
    def ask() -> dict[str, Any]:
        argv = ["/bin/sh", "-c", "exit 64"]
        request = {"op": "zygote", "name": "threads", "argv": argv}
        return desk.ask(taken.layout.supervisor_socket, request)

    refusal = eventually("it is given up", lambda: ask().get("error"))
    assert refusal == "zygote-threads cannot be forked from (status 64)"
    (row,) = [line for line in taken.run("status").stdout.splitlines() if "threads" in line]
    assert row.split() == ["zygote-threads", "-", "not", "kept", "status", "64"]


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"op": "reboot"},
        {"op": "say", "line": 1},
        {"op": "zygote", "name": "../x", "argv": ["/bin/true"]},
        {"op": "zygote", "name": "x", "argv": []},
        {"op": "zygote", "name": "x", "argv": ["/bin/true", {"a": 1}]},
    ],
    ids=json.dumps,
)
def test_what_the_supervisor_does_not_understand_it_refuses(
    taken: Place, request_: dict[str, Any]
) -> None:
    assert desk.ask(taken.layout.supervisor_socket, request_).keys() == {"error"}
    assert not any(name.startswith("zygote-x") for name in taken.children())


def test_a_supervisor_that_does_not_answer_is_said(taken: Place) -> None:
    process = taken.started[0]
    process.send_signal(signal.SIGSTOP)
    for words in (("status",), ("down",)):
        done = taken.run(*words)
        assert done.returncode == 1
        assert f"process {process.pid}, does not answer: `kill -9 {process.pid}`" in done.stderr
    process.send_signal(signal.SIGCONT)


# After bad luck.


def test_the_next_supervisor_replaces_all_and_remembers_the_settings(place: Place) -> None:
    """Killed with two gateways, its pid files lost; the next one wants one gateway."""
    process = place.foreground("--gateways", "2", "--region", "eu-west-1")
    process.kill()
    process.wait()
    before = set(place.left())
    assert len(before) == 4
    for file in place.layout.run.glob("*.pid"):
        file.unlink()
    process = place.start("--gateways", "1", "--json")
    eventually("it is ready", lambda: place.asked().get("ready"))
    eventually("the old ones are gone", lambda: not before & set(place.left()))
    assert len(place.gateways()) == 1
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    _ended(process)
    assert ready["region"] == "eu-west-1"
    assert ready["endpoint_url"] == f"http://127.0.0.1:{place.port}"


def test_after_a_kill_of_the_supervisor_down_stops_all_that_is_left(place: Place) -> None:
    process = place.foreground("--gateways", "2")
    process.kill()
    process.wait()
    done = place.run("status")
    assert done.returncode == 1
    assert "4 processes of a killed supervisor serve on" in done.stderr
    done = place.run("down")
    assert done.returncode == 0
    assert "4 processes it had left behind are stopped" in done.stdout
    assert place.left() == []
    assert "it was not running" in place.run("down").stdout


def test_a_data_directory_that_was_deleted_ends_its_hostler_and_spares_the_next(
    place: Place,
) -> None:
    first = place.foreground()
    shutil.rmtree(place.home)
    place.port = free_port()
    place.foreground()
    code, text = _ended(first)
    assert code == 0
    assert "was deleted: stopping" in text
    assert place.ready()
    assert len(place.left()) == 4


def test_a_process_that_dies_again_and_again_is_shown_and_not_fed(place: Place) -> None:
    process = place.foreground()
    control = place.process("control")
    control.signal(signal.SIGSTOP)
    for name in ("hostler.db", "hostler.db-wal", "hostler.db-shm"):
        (place.home / name).write_text("this is no database, " * 1000)
    control.signal(signal.SIGKILL)
    child = eventually(
        "it is started ever more rarely",
        lambda: (now := place.children().get("control")) and now["restarts"] >= 3 and now,
    )
    assert child["last_exit"] == "status 1"
    shown = place.run("status")
    assert shown.returncode == 1
    assert "degraded" in shown.stdout
    assert "endpoints cannot be listed" in shown.stdout
    process.send_signal(signal.SIGTERM)
    assert "control ended (status 1)" in _ended(process)[1]


@pytest.fixture
def small_disk(place: Place) -> Iterator[Callable[[], Path]]:
    """Makes the data directory a disk of 16 MB; filled when called, by a file that is returned."""
    words = ("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place.home))
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("needs to mount a small file system")

    def fill() -> Path:
        file = place.home / "filler"
        with contextlib.suppress(OSError), file.open("wb", buffering=0) as full:
            while full.write(b"x" * 4096):
                pass
        return file

    yield fill
    subprocess.run(("umount", "-l", str(place.home)), check=True)


def test_a_full_disk_costs_writes_an_error_and_nothing_else(
    place: Place, small_disk: Callable[[], Path]
) -> None:
    process = place.foreground()
    project = ("--company", "acme", "--team", "rc", "--project")
    assert place.run("bootstrap", *project, "project-a").returncode == 0
    filler = small_disk()

    done = place.run("bootstrap", *project, "project-b")
    assert done.returncode == 1
    assert "disk is full" in done.stderr
    assert done.stderr.count("hostler: ") == 1
    assert "export AWS_ACCESS_KEY_ID" in place.run("env", "--as", "caller").stdout
    place.process("gateway-0").signal(signal.SIGKILL)
    eventually(
        "a gateway again",
        lambda: (
            (now := place.children().get("gateway-0")) and now["restarts"] >= 1 and place.ready()
        ),
    )
    filler.unlink()
    assert place.run("bootstrap", *project, "project-b").returncode == 0

    small_disk()
    process.send_signal(signal.SIGTERM)
    assert _ended(process)[0] == 0
    for words in (("up",), ("up", "--detach")):
        done = place.run(*words)
        assert done.returncode == 1
        assert f"no space is left on the disk of {place.home}: free at least" in done.stderr


def test_a_full_disk_is_emptied_by_deletions(place: Place, small_disk: Callable[[], Path]) -> None:
    place.foreground()
    exports = json.loads(place.run("env", "--json").stdout)
    made: dict[str, Any] = {
        "endpoint_url": f"http://127.0.0.1:{place.port}",
        "region_name": "us-east-1",
        "aws_access_key_id": exports["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": exports["AWS_SECRET_ACCESS_KEY"],
        "config": Config(retries={"total_max_attempts": 1}),
    }
    s3, iam = boto3.client("s3", **made), boto3.client("iam", **made)
    for number in range(20):
        iam.create_user(UserName=f"user-{number}")
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="large", Body=os.urandom(1 << 20))
    small_disk()
    for number in range(20):
        iam.delete_user(UserName=f"user-{number}")
    s3.delete_object(Bucket="models", Key="large")
    blobs = place.layout.s3 / "blobs"
    eventually("the object's bytes are freed", lambda: not any(blobs.glob("??/*")))
    shown = json.loads(place.run("status", "--json").stdout)
    assert any("MiB are free" in each for each in shown["warnings"])


def test_what_a_killed_supervisor_left_on_a_full_disk_is_stopped(
    place: Place, small_disk: Callable[[], Path]
) -> None:
    process = place.foreground()
    small_disk()
    process.kill()
    process.wait()
    assert place.run("up", "--detach").returncode == 1
    done = place.run("down", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["leftovers_stopped"] >= 3
    assert not leftovers.processes(place.layout)
