"""A worker as a process: frames, fairness, draining, the shared page. Scripts need only Python."""

import json
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.modelserver import frames, page
from worker_process import Peer, Reply, WorkerProcess, until

ECHO = "def transform_fn(model, data, kind, accept):\n    return data\n"
SLOW = """
import os, time
def transform_fn(model, data, kind, accept):
    if data.startswith('wait '):
        path = data[5:]
        open(path + '.taken', 'w').close()
        while not os.path.exists(path):
            time.sleep(0.002)
    return data
"""


@pytest.fixture(scope="module")
def echo() -> Iterator[WorkerProcess]:
    with WorkerProcess({"code/inference.py": ECHO}) as worker:
        yield worker.ready()


@pytest.fixture
def slow() -> Iterator[WorkerProcess]:
    with WorkerProcess({"code/inference.py": SLOW}) as worker:
        yield worker.ready()


def busy(worker: WorkerProcess, peer: Peer) -> Path:
    """Make the worker busy; it goes on once the returned path exists."""
    gate = worker.folder / f"gate-{peer.serial}"
    peer.send(f"wait {gate}".encode())
    until(lambda: Path(f"{gate}.taken").exists())
    return gate


def test_a_request_is_answered_and_counted_on_the_page(echo: WorkerProcess) -> None:
    peer = echo.peer()
    assert (peer.index, peer.worker_pid) == (0, echo.process.pid)
    served = echo.slot()[5]
    assert peer.ask(b'{"a": 1}') == Reply(frames.RESPONSE, 200, ("application/json",), b'{"a": 1}')
    version, state, busy_since, serial, last_taken, now_served, pid, _ = echo.slot()
    assert (version, state, busy_since) == (page.VERSION, page.READY, 0)
    assert (serial, last_taken) == (peer.serial, 1)
    assert (now_served, pid) == (served + 1, echo.process.pid)


def test_many_small_requests_in_line_come_back_in_order(echo: WorkerProcess) -> None:
    peer = echo.peer()
    for _ in range(20):
        ids = [peer.send(b"%d" % number) for number in range(peer.credit)]
        replies = [peer.reply() for _ in ids]
        assert [request_id for request_id, _ in replies] == ids
        assert [reply.body for _, reply in replies] == [b"%d" % n for n in range(peer.credit)]


@pytest.mark.parametrize("size", [0, 1, 70_000, 131_072, 262_144, 25_000_000])
def test_bodies_of_every_size(echo: WorkerProcess, size: int) -> None:
    body = os.urandom(1) * size
    assert echo.peer().ask(body, content_type="application/octet-stream").body == body


def test_frames_in_pieces(echo: WorkerProcess) -> None:
    peer = echo.peer()
    data = frames.request(7, 60_000, b"", b"body")
    for position in range(len(data)):
        peer.socket.sendall(data[position : position + 1])
    assert peer.reply()[1].body == b"body"


def test_a_ping_comes_back_with_its_payload(echo: WorkerProcess) -> None:
    peer = echo.peer()
    peer.socket.sendall(frames.frame(frames.PING, 99, b"payload"))
    assert peer.frame() == (frames.PONG, 0, 99, b"payload")


def test_unknown_kinds_are_skipped(echo: WorkerProcess) -> None:
    peer = echo.peer()
    peer.socket.sendall(frames.frame(200, 1, b"from a newer peer"))
    assert peer.ask(b"x").body == b"x"


@pytest.mark.parametrize(
    "broken",
    [
        frames.HEADER.pack(0, 9, frames.PING, 0, 1),
        frames.HEADER.pack(frames.PAYLOAD_MAX + 1, frames.VERSION, frames.REQUEST, 0, 1),
        frames.frame(frames.REQUEST, 1, b"abc"),
        frames.frame(frames.REQUEST, 1, frames.REQUEST_HEAD.pack(0, 500) + b"short"),
        b"".join(frames.request(number, 0, b"", b"") for number in range(1, 2000)),
    ],
    ids=["version", "too large", "no head", "no meta", "beyond its credit"],
)
def test_a_peer_that_breaks_the_protocol_loses_its_connection_alone(
    echo: WorkerProcess, broken: bytes
) -> None:
    good, bad = echo.peer(), echo.peer()
    bad.socket.sendall(broken)
    with pytest.raises((EOFError, ConnectionResetError)):
        bad.read_to_the_end()
    assert good.ask(b"x").body == b"x"


def test_peers_are_served_in_turn(slow: WorkerProcess) -> None:
    greedy, modest = slow.peer(), slow.peer()
    gate = busy(slow, greedy)
    greedy.socket.sendall(
        b"".join(frames.request(number, 0, b"", b"wait-less") for number in range(2, 102))
    )
    modest_id = modest.send(f"wait {slow.folder}/second".encode())
    gate.touch()
    until((slow.folder / "second.taken").exists)
    assert slow.slot()[3:5] == (modest.serial, modest_id)
    answered_before = greedy.answers_so_far()
    (slow.folder / "second").touch()
    assert modest.reply()[0] == modest_id
    assert len(answered_before) <= 2
    rest = [greedy.reply()[0] for _ in range(101 - len(answered_before))]
    assert answered_before + rest == list(range(1, 102))


def test_a_cancelled_request_in_line_comes_back_refused_and_is_not_run(
    slow: WorkerProcess,
) -> None:
    peer = slow.peer()
    gate = busy(slow, peer)
    cancelled, kept = peer.send(b"cancelled"), peer.send(b"kept")
    peer.cancel(cancelled)
    gate.touch()
    assert peer.reply()[1].status == 200
    answers = dict(peer.reply() for _ in range(2))
    assert answers[cancelled].kind == frames.REFUSED
    assert answers[kept].body == b"kept"
    until(lambda: slow.slot()[5] == 2)


def test_a_peer_that_cancels_all_it_has_in_line_disturbs_nobody(slow: WorkerProcess) -> None:
    """Its place among the peers with requests was kept, and the worker fell over it."""
    peer = slow.peer()
    gate = slow.folder / "gate"
    line = [f"wait {gate}".encode(), b"second", b"third"]
    peer.socket.sendall(
        b"".join(frames.request(number, 0, b"", body) for number, body in enumerate(line, 1))
    )
    until(Path(f"{gate}.taken").exists)
    for number in (2, 3):
        peer.cancel(number)
    gate.touch()
    answers = dict(peer.reply() for _ in line)
    assert [answers[number].kind for number in (1, 2, 3)] == [
        frames.RESPONSE,
        frames.REFUSED,
        frames.REFUSED,
    ]
    other = slow.peer()
    assert other.send(b"next") == other.reply()[0]
    assert other.worker_pid == peer.worker_pid


def test_a_cancelled_request_that_was_taken_is_still_answered(slow: WorkerProcess) -> None:
    peer = slow.peer()
    gate = busy(slow, peer)
    peer.cancel(1)
    gate.touch()
    assert peer.reply()[1].kind == frames.RESPONSE


def test_a_request_whose_deadline_passed_in_line_is_refused(slow: WorkerProcess) -> None:
    peer = slow.peer()
    gate = busy(slow, peer)
    second = f"{slow.folder}/second"
    waiting = peer.send(f"wait {second}".encode(), deadline_ms=0)
    late = peer.send(b"late", deadline_ms=20)
    in_time = peer.send(b"in time", deadline_ms=0)
    gate.touch()
    assert peer.reply()[0] == 1
    until(lambda: Path(f"{second}.taken").exists())
    since = slow.slot()[2]
    until(lambda: time.monotonic_ns() - since > 40_000_000)  # the others came before it began
    Path(second).touch()
    answers = dict(peer.reply() for _ in range(3))
    assert answers[waiting].status == 200
    assert answers[in_time].body == b"in time"
    assert answers[late].kind == frames.REFUSED
    until(lambda: slow.slot()[5] == 3)


def test_the_page_says_since_when_it_computes_and_what_it_took(slow: WorkerProcess) -> None:
    peer = slow.peer()
    assert slow.slot()[2] == 0
    gate = busy(slow, peer)
    peer.send(b"in line")
    _, state, busy_since, serial, last_taken, *_ = slow.slot()
    assert (state, serial, last_taken) == (page.READY, peer.serial, 1)
    assert busy_since > 0
    gate.touch()
    peer.reply()
    peer.reply()
    until(lambda: slow.slot()[2] == 0)


def test_a_peer_that_vanishes_in_flight_disturbs_nobody(slow: WorkerProcess) -> None:
    leaving, staying = slow.peer(), slow.peer()
    gate = busy(slow, leaving)
    for _ in range(50):
        leaving.send(b"never run")
    kept = staying.send(b"kept")
    leaving.close()
    gate.touch()
    assert staying.reply() == (kept, Reply(frames.RESPONSE, 200, ("application/json",), b"kept"))
    until(lambda: slow.slot()[5] == 2)


def test_a_peer_that_resets_disturbs_nobody(echo: WorkerProcess) -> None:
    peer = echo.peer()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(100):
        peer.send(b"x" * 1000)
    peer.close()
    assert echo.peer().ask(b"x").body == b"x"


def test_a_peer_that_does_not_read_delays_nobody_and_gets_all_later(echo: WorkerProcess) -> None:
    lazy, brisk = echo.peer(), echo.peer()
    size, count = 1_000_000, 60

    def ask_for_much() -> None:
        for _ in range(count):
            lazy.send(b"z" * size, content_type="application/octet-stream")

    asking = threading.Thread(target=ask_for_much)
    asking.start()
    try:
        for number in range(500):
            assert brisk.ask(b"%d" % number).body == b"%d" % number
        replies = [lazy.reply()[1] for _ in range(count)]
    finally:
        asking.join()
    assert {len(reply.body) for reply in replies} == {size}


def test_pings_that_nobody_reads_are_bounded(echo: WorkerProcess) -> None:
    lazy = echo.peer()
    lazy.socket.settimeout(0.3)
    ping = frames.frame(frames.PING, 1, b"p" * 1_000_000)
    with pytest.raises(TimeoutError):
        lazy.socket.sendall(ping * 200)
    assert echo.peer().ask(b"x").body == b"x"
    lazy.close()


def test_a_child_that_the_model_forks_does_not_serve() -> None:
    script = "import os\ndef transform_fn(*a):\n    os.fork()\n    return 'well'\n"
    with WorkerProcess({"code/inference.py": "def model_fn(d): return 1\n" + script}) as worker:
        peer = worker.ready().peer()
        for _ in range(3):
            assert peer.send(b"1") == peer.reply()[0]
        until(lambda: worker.log.read_text().count("it was ended") == 3)


def test_a_child_that_a_batched_hook_forks_does_not_ask_for_the_batch_again() -> None:
    """It did, one by one, and forked each time: twice as many for each request of the batch."""
    script = """
import os, sys
def predict_batch_fn(batch, model):
    print("forks", flush=True)
    if os.fork() == 0:
        sys.exit()
    return batch
"""
    with WorkerProcess({"code/inference.py": "def model_fn(d): return 1\n" + script}) as worker:
        peer = worker.ready().peer()
        sent = [peer.send(b"%d" % number) for number in range(12)]
        assert [peer.reply()[0] for _ in sent] == sent
        until(lambda: "it was ended" in worker.log.read_text())
        assert peer.ask(b"1").status == 200
        assert worker.log.read_text().count("forks") <= 13


def test_an_answer_above_the_limit_is_an_error_of_the_model() -> None:
    script = "def transform_fn(model, data, kind, accept):\n    return b'x' * int(data)\n"
    with WorkerProcess({"code/inference.py": script}) as worker:
        peer = worker.ready().peer()
        reply = peer.ask(b"70000000")
        assert reply.status == 500
        assert "the limit is" in reply.error
        assert peer.ask(b"3").body == b"xxx"


class TestStopping:
    def test_an_idle_worker_says_good_bye_and_ends_well(self) -> None:
        with WorkerProcess({"code/inference.py": ECHO}) as worker:
            peer = worker.ready().peer()
            worker.process.send_signal(signal.SIGTERM)
            assert peer.frame()[0] == frames.GOAWAY
            assert not worker.socket_path.exists()
            late = peer.send(b"late")
            assert peer.reply() == (late, Reply(frames.REFUSED))
            assert worker.slot()[1] == page.DRAINING
            peer.close()
            assert worker.process.wait(60) == 0

    def test_what_was_taken_is_finished_and_the_rest_given_back(self, slow: WorkerProcess) -> None:
        peer, other = slow.peer(), slow.peer()
        gate = busy(slow, peer)
        in_line, of_other = peer.send(b"in line"), other.send(b"of another")
        slow.process.send_signal(signal.SIGTERM)
        gate.touch()
        seen = [peer.frame()[:3] for _ in range(3)]
        assert {(kind, request_id) for kind, _, request_id in seen} == {
            (frames.RESPONSE, 1),
            (frames.GOAWAY, 0),
            (frames.REFUSED, in_line),
        }
        assert {other.frame()[0::2][:2] for _ in range(2)} == {
            (frames.GOAWAY, 0),
            (frames.REFUSED, of_other),
        }
        peer.close()
        other.close()
        assert slow.process.wait(60) == 0

    def test_a_peer_that_stays_does_not_keep_it(self, echo: WorkerProcess) -> None:
        del echo
        with WorkerProcess({"code/inference.py": ECHO}) as worker:
            peer = worker.ready().peer()
            assert worker.stop() == 0
            peer.close()

    def test_while_it_loads(self) -> None:
        script = (
            "import time\ndef model_fn(d):\n    open(d + '/../loading', 'w').close()\n"
            "    time.sleep(60)\n"
        )
        with WorkerProcess({"code/inference.py": script}) as worker:
            until((worker.folder / "loading").exists)
            assert worker.slot()[1] == page.LOADING
            assert worker.stop() == 0

    def test_an_interrupt_from_a_terminal_is_none_of_its_business(
        self, slow: WorkerProcess
    ) -> None:
        slow.process.send_signal(signal.SIGINT)
        assert slow.peer().ask(b"x").body == b"x"


class TestOutput:
    def test_prints_logging_and_tracebacks_reach_the_log_at_once(self) -> None:
        script = (
            "import logging\n"
            "def model_fn(d):\n    print('loaded', d)\n    logging.info('logged')\n"
            "    logging.debug('not this')\n    return 1\n"
            "def transform_fn(model, data, kind, accept):\n    raise RuntimeError('boom')\n"
        )
        with WorkerProcess({"code/inference.py": script}) as worker:
            assert worker.ready().peer().ask(b"x").error == "RuntimeError: boom"
            log = worker.log.read_text()
            assert "loaded /tmp/" in log
            assert "INFO root logged" in log
            assert "not this" not in log
            assert "line 8, in transform_fn" in log

    def test_a_failure_to_load_is_told_and_traced(self) -> None:
        with WorkerProcess({"code/inference.py": "\nimport nothing_such\n"}) as worker:
            told = worker.failure()
            assert told["version"] == 1
            assert told["cause"] == "ImportError"
            assert told["line"] == 2
            assert "no module named 'nothing_such'" in told["message"]
            assert "ModuleNotFoundError: No module named 'nothing_such'" in worker.log.read_text()
            assert worker.slot()[1] == page.FAILED
            assert not worker.socket_path.exists()


def test_the_environment_of_aws_s_toolkits() -> None:
    script = (
        "import json, os\n"
        "def transform_fn(model, data, kind, accept):\n    return json.dumps(dict(os.environ))\n"
    )
    environment = {
        "SAGEMAKER_SUBMIT_DIRECTORY": "",
        "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
        "MY": "own",
        "OMP_NUM_THREADS": "7",
    }
    with WorkerProcess(
        {"code/inference.py": script}, environment=environment, region="eu-west-1", vcpus=4
    ) as worker:
        seen = json.loads(worker.ready().peer().ask(b"").body)
        model_dir = str(worker.folder / "model")
    assert seen["SAGEMAKER_SUBMIT_DIRECTORY"] == f"{model_dir}/code"
    assert seen["SAGEMAKER_PROGRAM"] == "inference.py"
    assert seen["SM_MODEL_DIR"] == model_dir
    assert (seen["SAGEMAKER_REGION"], seen["AWS_REGION"]) == ("eu-west-1", "eu-west-1")
    assert (seen["MY"], seen["SAGEMAKER_CONTAINER_LOG_LEVEL"]) == ("own", "10")
    assert (seen["OMP_NUM_THREADS"], seen["SM_NUM_CPUS"]) == ("7", "4")


def test_a_socket_in_a_folder_with_a_long_path() -> None:
    deep = "d" * 120
    with WorkerProcess({"code/inference.py": ECHO}, socket_folder=deep) as worker:
        worker.ready()
        descriptor = os.open(worker.sockets, os.O_RDONLY | os.O_DIRECTORY)
        try:
            peer = Peer(Path(f"/proc/self/fd/{descriptor}/w0.sock"))
        finally:
            os.close(descriptor)
        assert peer.ask(b"x").body == b"x"
