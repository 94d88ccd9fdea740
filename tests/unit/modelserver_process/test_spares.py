"""When a zygote makes a spare, and who may complete one; the making itself needs namespaces."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hostler.modelserver import launches, sandbox, spares
from hostler.modelserver.folder import LaunchPlan
from hostler.modelserver.sandbox import SandboxPlan, Shell
from hostler.modelserver.spares import Spares


@pytest.fixture
def made() -> Iterator[Spares]:
    news, teller = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with socket.socket(socket.AF_UNIX) as listener, news, teller:
        yield Spares(listener, news, teller)


def plan(spare_root: str | None) -> LaunchPlan:
    common = (("/env", "/env"),)
    confined = SandboxPlan("/r", read_only=(*common, ("/m", "/opt/ml/model")), common=common)
    return LaunchPlan("i-1", confined, {}, "/python", 1.0, spare_root=spare_root)


def test_a_spare_is_due_when_launches_have_paused(made: Spares) -> None:
    assert made.timeout_s(5.0) is None
    made.told(plan("/mnt"))
    made.step(5.0)
    assert made.timeout_s(5.0) == spares.DELAY_S
    made.told(plan("/mnt"))
    made.step(5.1)
    assert made.timeout_s(5.1) == pytest.approx(spares.DELAY_S)
    assert made.timeout_s(6.0) == 0.0
    assert not made.ready


def test_who_wants_none_gets_none(made: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it made one"))
    made.told(plan("/mnt"))
    made.told(plan(None))
    made.step(5.0)
    made.step(5.0 + spares.DELAY_S)
    assert made.timeout_s(6.0) is None


def test_none_is_made_where_memory_is_short(tmp_path: Path) -> None:
    told = tmp_path / "meminfo"
    told.write_text("MemTotal: 4000000 kB\nMemFree: 9 kB\nMemAvailable: 300000 kB\n")
    assert spares.memory_is_short(told)
    told.write_text("MemTotal: 4000000 kB\nMemFree: 9 kB\nMemAvailable: 3000000 kB\n")
    assert not spares.memory_is_short(told)
    assert not spares.memory_is_short(tmp_path / "absent")


def test_a_shell_is_completed_only_for_who_may_see_what_it_shows() -> None:
    with pytest.raises(OSError, match="not the plan's"):
        sandbox.complete(plan(None).sandbox, Shell("/mnt", (("/other", "/other"),)))


def test_a_shell_suits_whom_it_shows_nothing_strange() -> None:
    confined = plan("/mnt").sandbox
    assert Shell("/mnt", confined.common).suits(confined)
    assert not Shell("/mnt", (*confined.common, ("/other", "/other"))).suits(confined)
    assert not Shell("/mnt").suits(replace(confined, kind=sandbox.RLIMITS))


@pytest.mark.parametrize(
    ("said", "path", "answer"),
    [
        (b"", None, b""),
        (b'{"version": 1, "op": "launch", "instance_dir": "/i"}\n', "/i", b""),
        (b'{"version": 2, "op": "launch"}\n', None, b"unknown request"),
        (b"launch!\n", None, b"JSONDecodeError"),
        (b"[1]\n", None, b"AttributeError"),
        (b'{"version": 1, "op": "launch"}\n', None, b"KeyError"),
    ],
)
def test_a_launch_is_one_line(said: bytes, path: str | None, answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(said)
        ours.shutdown(socket.SHUT_WR)
        assert launches.read(theirs) == path
        theirs.close()
        told = b""
        with contextlib.suppress(ConnectionError):
            told = ours.recv(4096)
        assert (answer in told) if answer else not told
