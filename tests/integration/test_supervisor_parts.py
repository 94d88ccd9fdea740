"""The supervisor's parts over real processes and sockets, without a whole Hostler around them."""

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from hostler.app.supervisor import children, desk, holders, leftovers, sockets
from hostler.app.supervisor.children import Child, Children
from hostler.app.supervisor.desk import Desk
from hostler.app.supervisor.readiness import Readiness, parse
from hostler.app.supervisor.sockets import PortTakenError
from hostler.domain import endings
from hostler.domain.layout import Layout
from hostler.modelserver import identity
from running import eventually, free_port


@pytest.fixture
def layout() -> Iterator[Layout]:
    with tempfile.TemporaryDirectory(prefix="h-", dir="/tmp") as root:
        layout = Layout(Path(root))
        for folder in (layout.run, layout.process_logs, layout.instances):
            folder.mkdir()
        yield layout


class Slots:
    """Slots over a data directory, with their loop; whatever runs in them is killed at the end."""

    def __init__(self, layout: Layout) -> None:
        self.ends: list[str] = []
        self.children = Children(layout, ended=lambda child: self.ends.append(child.last_exit))

    def turn(self) -> None:
        self.children.reap()
        self.children.do_due()

    def until(self, what: str, look: Callable[[], bool]) -> None:
        eventually(what, lambda: self.turn() or look(), every_s=0.01)

    def end(self) -> None:
        self.children.stopping = True
        for child in self.children.running():
            self.children.signal(child, signal.SIGKILL)
        self.until("all are gone", lambda: not self.children.running())


@pytest.fixture
def slots(layout: Layout) -> Iterator[Slots]:
    made = Slots(layout)
    yield made
    made.end()


def _shell(text: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", text)


def test_a_child_that_dies_is_started_again_and_remembered(slots: Slots, layout: Layout) -> None:
    child = slots.children.add(Child("control", _shell("exec sleep 60")))
    assert child.process is not None
    first = child.process
    assert identity.read(layout.pid_file("control")) == first
    first.signal(signal.SIGKILL)
    slots.until("a second life", lambda: child.process not in (None, first))
    assert (child.restarts, child.last_exit) == (1, "signal 9")
    assert identity.read(layout.pid_file("control")) == child.process


def test_a_child_that_dies_at_once_is_started_ever_more_rarely(slots: Slots) -> None:
    child = slots.children.add(Child("s3", _shell("exit 3")))
    slots.until("four ends", lambda: len(slots.ends) >= 4)
    assert set(slots.ends) == {"status 3"}
    assert child.pause_s == children.PAUSE_MIN_S * 2**4
    due = slots.children.do_due()
    assert due is not None
    assert 0 < due <= children.PAUSE_MIN_S * 2**3


def test_a_child_that_had_settled_is_started_again_at_once(
    slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = slots.children.add(Child("control", _shell("exit 3")))
    slots.until("it is started ever more rarely", lambda: len(slots.ends) >= 3)
    monkeypatch.setattr(children, "SETTLED_S", 0.0)
    slots.until("one more end", lambda: len(slots.ends) >= 4)
    assert child.pause_s == children.PAUSE_MIN_S
    assert child.start_at <= time.monotonic()


def test_the_pause_has_an_end(slots: Slots) -> None:
    longest = children.PAUSE_MIN_S * 2
    child = slots.children.add(Child("s3", _shell("exit 3"), pause_max_s=longest))
    slots.until("four ends", lambda: len(slots.ends) >= 4)
    assert child.pause_s == longest
    due = slots.children.do_due()
    assert due is not None
    assert due <= longest


def test_a_program_that_cannot_be_started_is_as_one_that_dies(slots: Slots) -> None:
    child = slots.children.add(Child("s3", ("/nowhere/python",)))
    assert child.process is None
    assert child.last_exit.startswith("not started")
    assert slots.children.do_due() is not None


def test_a_status_that_says_never_again_is_believed_until_the_command_changes(slots: Slots) -> None:
    """A zygote whose imports start threads ends so; it would be restarted for ever."""
    child = slots.children.add(Child("zygote-onnx", _shell("exit 64"), final_status=64))
    slots.until("it is given up", lambda: child.given_up)
    assert slots.children.do_due() is None
    same = slots.children.add(Child("zygote-onnx", _shell("exit 64"), final_status=64))
    assert same.given_up
    slots.children.add(Child("zygote-onnx", _shell("exec sleep 60"), final_status=64))
    slots.until("the new command runs", lambda: child.process is not None)
    assert not child.given_up


def test_a_slot_whose_command_changes_is_ended_and_started_with_the_new_one(slots: Slots) -> None:
    """A new version of Hostler asks for its own zygote, where the old one's still runs."""
    child = slots.children.add(Child("zygote-sklearn", _shell("exec sleep 60")))
    first = child.process
    slots.children.add(Child("zygote-sklearn", _shell("exec sleep 60")))
    assert child.process == first
    slots.children.add(Child("zygote-sklearn", _shell("exec sleep 61")))
    slots.until("the new command runs", lambda: child.process not in (None, first))
    assert child.process is not None
    words = Path(f"/proc/{child.process.pid}/cmdline")  # empty while the shell becomes its command
    slots.until("it is the new one", lambda: b"61" in words.read_bytes())


@pytest.mark.parametrize("failed", [False, True])
def test_one_that_is_about_to_end_is_followed_at_once_or_after_the_pause_if_it_failed(
    slots: Slots, layout: Layout, failed: bool
) -> None:
    child = slots.children.add(Child("gateway-0", _shell("exec sleep 60")))
    first = child.process
    assert first is not None
    assert slots.children.succeed("gateway-1", first.pid, failed=failed) is None
    assert slots.children.succeed("gateway-0", first.pid + 1, failed=failed) is None
    try:
        for number in range(3):
            leaving = child.process
            assert leaving is not None
            assert slots.children.succeed("gateway-0", leaving.pid, failed=failed) == leaving
            due = slots.children.do_due()
            if failed:
                assert due is not None
                assert 0 < due <= children.PAUSE_MIN_S * 2**number
            slots.until("a successor", lambda: child.process is not None)
            assert leaving.alive
            assert identity.read(layout.pid_file("gateway-0")) == child.process
            leaving.signal(signal.SIGKILL)
            slots.until("its end", lambda leaving=leaving: not leaving.alive)
        assert child.process is not None, "the end of one that has a successor is nobody's"
        assert child.restarts == 3
        assert not slots.ends
    finally:
        first.signal(signal.SIGKILL)


def test_a_replaced_child_that_does_not_hear_is_killed(
    slots: Slots, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It was waited for without end, and its successor never began."""
    monkeypatch.setattr(endings, "OTHER_KILL_S", 0.2)
    begun = tmp_path / "begun"
    deaf = _shell(f"trap '' TERM; : > {begun}; while :; do sleep 0.05; done")
    child = slots.children.add(Child("control", deaf))
    slots.until("it hears no SIGTERM", begun.exists)
    first = child.process
    slots.children.renew(child)
    due = slots.children.do_due()
    assert due is not None
    assert 0 < due <= 0.2
    slots.until("its successor runs", lambda: child.process not in (None, first))
    assert (child.last_exit, child.restarts, slots.ends) == ("signal 9", 0, [])
    assert slots.children.do_due() is None


def test_orphans_are_reaped_as_well(slots: Slots) -> None:
    orphan = subprocess.Popen(["/bin/true"])
    orphan_pid = orphan.pid
    slots.until("it is reaped", lambda: not Path(f"/proc/{orphan_pid}").exists())
    with pytest.raises(ChildProcessError):
        os.waitpid(orphan_pid, 0)
    orphan.returncode = 0


class Loop:
    """A selector loop in a thread, as the supervisor runs it."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            for key, _events in self.selector.select(0.02):
                key.data()


@pytest.fixture
def served(layout: Layout) -> Iterator[Path]:
    def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"heard": request}

    loop = Loop()
    made = Desk(loop.selector, layout.supervisor_socket, answer)
    with loop:
        yield layout.supervisor_socket
    made.close()
    assert not layout.supervisor_socket.exists()


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(path))
    connection.settimeout(60)
    return connection


def test_the_desk_answers_a_line_with_a_line(served: Path) -> None:
    assert desk.ask(served, {"op": "status"}) == {"heard": {"op": "status"}}
    with _connected(served) as connection:
        connection.sendall(b'{"n":1}\n{"n"')
        assert json.loads(connection.recv(4096)) == {"heard": {"n": 1}}
        connection.sendall(b":2}\n")
        assert json.loads(connection.recv(4096)) == {"heard": {"n": 2}}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 60_000, b'{"a":' * 10_000]
)
def test_nonsense_at_the_desk_is_answered_and_harms_nobody(served: Path, line: bytes) -> None:
    with _connected(served) as connection:
        connection.sendall(line + b"\n")
        assert "error" in json.loads(connection.recv(1 << 20))
    assert "heard" in desk.ask(served, {})


def test_a_line_without_end_costs_its_writer_the_connection(served: Path) -> None:
    with _connected(served) as connection, contextlib.suppress(ConnectionError):
        for _ in range(64):
            connection.sendall(b"x" * 4096)
        assert not connection.recv(1)
    assert "heard" in desk.ask(served, {})


def test_peers_that_say_nothing_do_not_keep_others_from_the_desk(served: Path) -> None:
    silent = [_connected(served) for _ in range(desk.PEERS_MAX + 5)]
    assert "heard" in desk.ask(served, {})
    for connection in silent:
        connection.close()


def test_nobody_at_the_desk_is_an_os_error(layout: Layout) -> None:
    with pytest.raises(OSError, match="No such file"):
        desk.ask(layout.supervisor_socket, {})


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"


def test_it_is_ready_when_the_health_route_says_so() -> None:
    """Not before: a connection that hangs, one that is cut, a 503 and another's page are passed."""
    answers = iter((b"", HEAD, HEAD + b'{"ready": false, "s3": true}', b"SSH-2.0\r\n\r\n"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        selector = selectors.DefaultSelector()
        readiness = Readiness(selector, "127.0.0.1", server.getsockname()[1])

        def serve() -> None:
            for answer in (*answers, HEAD + b'{"ready": true, "isolation": "none"}'):
                connection, _ = server.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()

        def turn() -> bool:
            due = readiness.look()
            for key, _events in selector.select(min(due or 0.0, 0.05)):
                key.data()
            return readiness.ready

        eventually("it is ready", turn, every_s=0)
        thread.join()
    assert readiness.health == {"ready": True, "isolation": "none"}
    assert readiness.look() is None
    assert not selector.get_map()


@pytest.mark.parametrize("answer", [b"", b"x", HEAD, HEAD + b"[1]", HEAD + b"[" * 10_000, b"{}"])
def test_what_is_none_of_ours_is_no_health(answer: bytes) -> None:
    assert parse(answer) is None


def test_a_port_that_another_program_has_is_said_with_the_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTakenError, match=rf"port {port} is taken by process {os.getpid()}"):
            sockets.bind("127.0.0.1", port, 1)
        holder = holders.of(port)
    assert holder is not None
    assert holder.pid == os.getpid()
    assert holders.of(port) is None


def test_a_port_that_shares_itself_with_anybody_is_not_shared_with_us() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTakenError):
            sockets.bind("127.0.0.1", other.getsockname()[1], 2)


def test_an_address_that_is_not_this_machine_s_is_said() -> None:
    with pytest.raises(PortTakenError, match=r"cannot listen on 192\.0\.2\.1"):
        sockets.bind("192.0.2.1", free_port(), 1)


@pytest.mark.parametrize(("host", "is_own"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_what_is_accepted_from_this_machine_is_not_paced(host: str, is_own: bool) -> None:
    usual = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip().encode()
    (listener,) = sockets.bind(host, free_port(), 1)
    with listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
        listener.setblocking(True)
        accepted, _ = listener.accept()
        with accepted:
            chosen = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    assert chosen.rstrip(b"\0") == (b"reno" if is_own else usual)


STAND_IN = "import signal, sys; print(flush=True); signal.pause()"


@pytest.fixture
def strays(layout: Layout, tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Starts processes that look like ours, from modules that only wait."""
    for name in ("hostler/app/control", "hostler/gateway/__main__", "hostler/cli/main"):
        module = tmp_path / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(STAND_IN)
        for folder in module.relative_to(tmp_path).parents[:-1]:
            (tmp_path / folder / "__init__.py").touch()
    started: list[subprocess.Popen[bytes]] = []

    def start(module: str, *words: str) -> int:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *words],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(tmp_path)},
        )
        started.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process.pid

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_processes_of_a_killed_supervisor_are_found_without_their_pid_files(
    layout: Layout, strays: Callable[..., int]
) -> None:
    place = ("--data-dir", str(layout.root))
    control = strays("hostler.app.control", *place)
    gateway = strays("hostler.gateway", *place, "--slot", "0")
    strays("hostler.app.control", "--data-dir", f"{layout.root}-other")
    strays("hostler.cli.main", *place)
    found = {each.process.pid: each.kind for each in leftovers.processes(layout)}
    assert found == {control: "control", gateway: "gateway"}


def test_a_pid_file_of_a_process_that_is_another_by_now_is_passed_over(layout: Layout) -> None:
    record = {"pid": os.getpid(), "start_time": 1}
    layout.pid_file("control").write_text(json.dumps(record))
    layout.pid_file("s3").write_text("{")
    assert leftovers.processes(layout) == []


def test_what_is_left_is_stopped_and_counted(layout: Layout, strays: Callable[..., int]) -> None:
    strays("hostler.app.control", "--data-dir", str(layout.root))
    shim = strays("hostler.cli.main")
    instance = layout.instance("i-1")
    instance.mkdir()
    living = identity.of(shim)
    assert living is not None
    identity.write(instance / "shim.json", living)
    began = time.monotonic()
    assert leftovers.stop(layout) == 2
    assert leftovers.processes(layout) == []
    assert leftovers.instances(layout) == []
    assert time.monotonic() - began < 60
