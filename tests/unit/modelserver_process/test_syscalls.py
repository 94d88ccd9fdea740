"""System calls whose effect can be seen from a process of its own."""

import os
import subprocess
import sys

import pytest

_SCRIPT = """
import ctypes, os, struct
from hostler.modelserver import syscalls
os.nice(7)
syscalls.prefer_short_turns(300_000)
layout = struct.Struct("=IIQiIQQQII")
room = ctypes.create_string_buffer(layout.size)
assert ctypes.CDLL(None).syscall(315, 0, room, layout.size, 0) == 0
_, policy, _, nice, _, turn, *_ = layout.unpack(room.raw)
print(policy, nice, turn)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of sched_getattr is x86's")
def test_short_turns_are_asked_for_and_nothing_else_changes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True
    )
    policy, nice, turn = map(int, done.stdout.split())
    assert (policy, nice) == (0, min(19, os.nice(0) + 7))
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert turn == (300_000 if release >= (6, 12) else 0)
