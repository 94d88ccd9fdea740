"""The bench's own pieces: its load, what counts as an answer, processes, and its list of peers."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench import answers, load, processes
from bench.peers import BY_NAME, KINDS
from bench.peers.base import MODELS, AbsentError, Peer

KEY = load.Key("AKIAEXAMPLE", "secret", "us-east-1")


def test_no_two_requests_of_a_set_are_equal_and_none_has_anothers_signature(tmp_path: Path) -> None:
    path = tmp_path / "requests.lua"
    load.write_requests(path, load.Signer(8080, "/endpoints/echo/invocations", KEY))
    lines = path.read_text().splitlines()[1:-1]
    signatures = {re.findall(r"Signature=([0-9a-f]{64})", line)[0] for line in lines}
    assert len(set(lines)) == len(signatures) == load.DISTINCT >= 1000


def test_a_peers_own_header_is_sent_besides() -> None:
    signer = load.Signer(8080, "/", KEY, (("inference-header-content-length", "0"),))
    assert b"\r\ninference-header-content-length: 0\r\n\r\n{}" in signer.request(0, b"{}")


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (b'{"predictions": [0]}', [0]),
        (b'{"instances": [[5.1, 3.5]]}', [[5.1, 3.5]]),
        (b"[1]", [1]),
        (b'{"predictions": [[0.10000001, 2]]}', [[0.1, 2.0]]),
        (b'\x12\x00\x00\x00{"predictions": [1]}', [1]),
    ],
)
def test_an_answer_is_right_whatever_it_is_wrapped_in(answer: bytes, right: object) -> None:
    assert answers.is_right(answer, right)


@pytest.mark.parametrize("answer", [b"", b"{}", b"not JSON", b'{"predictions": [1, 1]}', b"[2]"])
def test_any_other_answer_is_wrong(answer: bytes) -> None:
    assert not answers.is_right(answer, [1])


def test_a_server_that_ended_is_absent_with_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "peer.log"
    with log.open("w") as out:
        command = [sys.executable, "-c", "raise SystemExit('no such device')"]
        ended = subprocess.Popen(command, stderr=out)
        ended.wait()
    peer = Peer("some", 1, "/", 0.0, [ended], log=log)
    with pytest.raises(AbsentError, match="it ended with 1: no such device"):
        peer.require_alive()


def test_a_tree_has_what_a_launcher_left_behind_in_its_session() -> None:
    apart = "stdout=subprocess.DEVNULL"  # whoever reads the launcher's output must see its end
    leave = f"print(subprocess.Popen(['sleep', '60'], {apart}).pid, flush=True)"
    words = [sys.executable, "-c", f"import subprocess, sys; {leave}; sys.stdin.read()"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as launcher:
        assert launcher.stdout
        left = int(launcher.stdout.readline())
        below = processes.identified(launcher.pid)
        assert processes.memory([launcher.pid]).resident > 1
        launcher.communicate("")
    assert left in processes.tree(launcher.pid)
    processes.kill([(left, "0")])  # another process of that number is not meant
    assert left in processes.tree(launcher.pid)
    processes.kill(below)


def test_every_peer_is_named_once_and_its_packages_are_pinned() -> None:
    assert len(BY_NAME) == len(KINDS)
    for kind in KINDS:
        assert set(kind.models) <= set(MODELS)
        assert all(re.search(r"==|<", each) for each in kind.requirements), kind.name
        named = set(re.findall(r"{([a-z-]+)}", kind.version)) - set(kind.programs)
        assert named <= {re.split(r"[\[=<]", each)[0] for each in kind.requirements}
