"""A spare: a shim that is there already, in namespaces of its own, before it is known whose.

It is two processes. Its *keeper*, a fork of the zygote, takes the next launch from the zygote's
socket in the zygote's place; its *shell*, the keeper's child, is PID 1 of its namespaces and has
done all that does not depend on the instance (``sandbox.prepare``). A launch hands it the rest.

Invariant: a spare is a fork of a zygote, which runs no model, and becomes one instance at most. It
ends with its zygote, and each half with the other, whoever is killed: each waits on a socket that
the other holds.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import traceback
from typing import Callable, NoReturn

from . import folder, launcher, launches, sandbox, syscalls

READY = b"r"
_HANDED, _TOLD = b"h", b"t"
_DESCRIPTORS_MAX = 8
PREPARE_S_MAX = 30
"""A shell that takes longer hangs in the file system, and none is better."""
_TIMEVAL = struct.Struct("ll")
_OOM_SCORE = "/proc/self/oom_score_adj"
_FIRST_TO_GO = "1000"
"""Where memory runs out the kernel takes what nobody uses."""


def keep(
    listener: socket.socket,
    zygote: socket.socket,
    shell: sandbox.Shell,
    told: Callable[[folder.LaunchPlan], None],
) -> NoReturn:
    """Be a spare's keeper, in a fork of the zygote.

    Args:
        listener: Where launches are asked for; it must not block.
        zygote: READY is sent there once the next launch is ours to take; it is closed when one was.
        shell: What is to be prepared.
        told: Called with the plan of what was started, after the answer.
    """
    try:
        launcher.detach()
        sandbox.separate()
        gate, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _wait(theirs, shell)
        theirs.close()
        gate.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(PREPARE_S_MAX, 0))
        if gate.recv(1) == READY:
            zygote.send(READY)
            connection, path = _next(listener, zygote, gate)
            zygote.close()
            _start(connection, path, gate, pid, shell=shell, told=told)
    except OSError:
        traceback.print_exc()
    finally:
        os._exit(1)


def _next(
    listener: socket.socket, zygote: socket.socket, gate: socket.socket
) -> tuple[socket.socket, str]:
    """The next launch; without a zygote or a shell there is none, and the process ends."""
    poll = select.poll()
    for each in (listener, zygote, gate):
        poll.register(each, select.POLLIN)
    while True:
        if any(descriptor != listener.fileno() for descriptor, _ in poll.poll()):
            os._exit(0)
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            continue
        path = launches.read(connection)
        if path is not None:
            return connection, path
        connection.close()


def _start(
    connection: socket.socket,
    path: str,
    gate: socket.socket,
    pid: int,
    *,
    shell: sandbox.Shell,
    told: Callable[[folder.LaunchPlan], None],
) -> None:
    """Give the shell its instance; who it is stands on the disk before it may go on."""
    try:
        claim = launcher.take(path)
        if isinstance(claim, int):
            launches.answer(connection, {"pid": claim})
            return
        if not shell.suits(claim.plan.sandbox):
            os.close(claim.lock)  # for who is asked next
            raise OSError("the spare was made for instances of another kind")
        socket.send_fds(gate, [_HANDED], claim.descriptors)
        claim.tell(pid)
        gate.send(_TOLD)
    except launcher.REASONS as error:
        launches.answer(connection, {"error": f"{type(error).__name__}: {error}"})
        return
    launches.answer(connection, {"pid": pid})
    told(claim.plan)


def _wait(gate: socket.socket, shell: sandbox.Shell) -> NoReturn:
    """Be a spare's shell: prepare, wait for an instance, and be its shim."""
    try:
        syscalls.prefer_short_turns(launcher.TURN_NS)
        sandbox.close_descriptors(frozenset({gate.fileno()}))
        usual = _take_oom_score(_FIRST_TO_GO)
        sandbox.prepare(shell)
        gate.send(READY)
        handed, descriptors, _, _ = socket.recv_fds(
            gate, 1, _DESCRIPTORS_MAX, socket.MSG_CMSG_CLOEXEC
        )
        if not handed:
            os._exit(0)
        claim = launcher.Claim.handed(descriptors)
    except BaseException:  # noqa: BLE001 - the end of a process: its last words
        traceback.print_exc()
        os._exit(1)

    def confine() -> None:
        claim.join_groups()
        _take_oom_score(usual)
        sandbox.complete(claim.plan.sandbox, shell)
        if gate.recv(1) != _TOLD:
            raise OSError(launcher.ORPHANED)
        gate.close()

    launcher.begin(claim, confine)


def _take_oom_score(score: str) -> str:
    """Set how soon the kernel takes us where memory runs out; returns what it was before."""
    with open(_OOM_SCORE, encoding="ascii") as file:
        before = file.read()
    with open(_OOM_SCORE, "w", encoding="ascii") as file:
        file.write(score)
    return before
