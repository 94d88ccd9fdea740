"""A model's code tries to get out, against a real backend with a neighbour beside it.

Each attempt is one that isolation.md says cannot succeed. What it says of memory, user namespaces
and the network has its tests in test_process_backend.py and test_process_backend_isolation.py.
"""

import asyncio
import errno
import json
import os
import socket
from typing import Any

import pytest

from hostler.backends.process.isolation import TierKind
from hostler.domain.config import Instances
from hostler.modelserver import sandbox
from hostler.vault.sealing import Vault
from machine import needs_namespaces
from process_world import World, invoke, tree, world

pytestmark = needs_namespaces

ATTEMPTS = {
    # other models, Hostler's keys and database, by name and by whatever else leads there
    "the data directory": "os.listdir(DATA)",
    "the key of secrets": "open(DATA + '/secrets.key').read()",
    "the root of PID 1": "os.listdir('/proc/1/root/')",
    "the working folder of PID 1": "os.listdir('/proc/1/cwd/')",
    "up from the model": "sorted(os.listdir('/opt/ml/model/../../..')) == sorted(os.listdir('/'))",
    "another root": "os.chroot('/tmp')",
    # sockets
    "control's socket": "socket.socket(socket.AF_UNIX).connect(DATA + '/run/control.sock')",
    "the neighbour's socket": "socket.socket(socket.AF_UNIX).connect(NEIGHBOUR)",
    "sockets without a file": (
        "[l for l in open('/proc/net/unix') if '@' in l and 'hostler' in l]"
    ),
    "a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "a packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    # the read-only model
    "write the model": "open('/opt/ml/model/code/inference.py', 'a')",
    "replace the model": "os.rename('/opt/ml/model/code', '/opt/ml/model/other')",
    "mount it again": "(libc.mount(0, b'/opt/ml/model', 0, 0x1020, 0), ctypes.get_errno())",
    "take it away": "(libc.umount2(b'/opt/ml/model', 2), ctypes.get_errno())",
    # processes
    "trace PID 1": "(libc.ptrace(16, 1, 0, 0), ctypes.get_errno())",
    "read PID 1's memory": "open('/proc/1/mem', 'rb').read(1)",
    "signal the neighbour": "os.kill(PID, 9)",
    "other processes": "[n for n in os.listdir('/proc') if n.isdigit() and int(n) > 64]",
    # devices and the kernel
    "make a disk": "os.mknod('/tmp/sda', 0o60600, os.makedev(8, 0))",
    "the kernel's memory": "open('/dev/mem', 'rb')",
    "settings of the kernel": "open('/proc/sys/kernel/core_pattern', 'w')",
    "load a module": "(libc.syscall(MODULE, -1, b'', 0), ctypes.get_errno())",
    "become root": "os.setuid(0)",
    # what is limited
    "the limit of processes": "__import__('resource').getrlimit(7 - 1)",
    "a fork bomb": "bomb()",
    "more processes after all": "__import__('resource').setrlimit(6, (10_000, 10_000))",
    "fill the disk": "fill('/tmp/x')",
    "fill the memory's disk": "fill('/dev/shm/x')",
}
SCRIPT = """
import ctypes, json, os, socket

libc = ctypes.CDLL(None, use_errno=True)

def model_fn(model_dir):
    return model_dir

def transform_fn(model, data, content_type, accept):
    told = {}
    for name, code in json.loads(data).items():
        try:
            told[name] = repr(eval(code))
        except Exception as error:
            told[name] = type(error).__name__ + ": " + str(error)
    return json.dumps(told), "application/json"

def bomb():
    import resource, signal
    resource.setrlimit(resource.RLIMIT_NPROC, (40, resource.getrlimit(resource.RLIMIT_NPROC)[1]))
    children = []
    try:
        while len(children) < 200:
            pid = os.fork()
            if pid == 0:
                signal.pause()
            children.append(pid)
    except BlockingIOError:
        return len(children)
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

def fill(path):
    written = 0
    try:
        with open(path, 'wb', buffering=0) as file:
            while written < (1 << 30):
                written += file.write(bytes(1 << 20))
    except OSError as error:
        return error.errno, written
    finally:
        os.unlink(path)
"""
MEMORY_BYTES = 256 << 20
MODULES = {"x86_64": 313, "aarch64": 273}


def attempts(kind: TierKind | None, *, spare: bool) -> dict[str, str]:
    """What came of each attempt, of one that was a spare or not; the neighbour answers after."""

    async def story(made: World) -> dict[str, str]:
        vault = Vault(made.layout.secrets_key)
        vault.ensure()
        with socket.socket(socket.AF_UNIX) as control:
            control.bind(str(made.layout.control_socket))
            control.listen()
            neighbour = await made.ready(made.spec(script=SCRIPT))
            shell = await made.spare() if spare else None
            seen = await made.ready(made.spec(script=SCRIPT, memory_bytes=MEMORY_BYTES))
            assert shell in (None, seen.pid)
            told = {
                "DATA": repr(str(made.layout.root)),
                "NEIGHBOUR": repr(neighbour.sockets[0]),
                "PID": str(_a_worker_of(made, neighbour.instance_id)),
                "MODULE": str(MODULES[os.uname().machine]),
            }
            asked = dict(ATTEMPTS)
            for name, code in asked.items():
                for word, value in told.items():
                    code = code.replace(word, value)  # noqa: PLW2901 - the same code, filled in
                asked[name] = code
            status, body = invoke(seen.sockets[0], json.dumps(asked).encode())
            assert status == 200, body
            status, alive = invoke(neighbour.sockets[0], b'{"x": "1 + 1"}')
            assert (status, json.loads(alive)) == (200, {"x": "2"})
            found: dict[str, str] = json.loads(body)
            return found

    async def run() -> dict[str, str]:
        async with world(kind) as made:
            made.instances = Instances(spares=spare)
            made.begin()
            return await story(made)

    return asyncio.run(run())


def _a_worker_of(made: World, instance_id: str) -> int:
    shim: dict[str, Any] = json.loads((made.layout.instance(instance_id) / "shim.json").read_text())
    return tree(shim["pid"])[0]


@pytest.mark.parametrize(
    ("kind", "spare"), [(None, False), (None, True), (TierKind.WATCHDOG, True)]
)
def test_no_attempt_to_get_out_succeeds(kind: TierKind | None, spare: bool) -> None:
    told = attempts(kind, spare=spare)
    refused = f"(-1, {errno.EPERM})"
    expected = {
        "the data directory": ("FileNotFoundError",),
        "the key of secrets": ("FileNotFoundError",),
        "the root of PID 1": ("PermissionError",),
        "the working folder of PID 1": ("PermissionError",),
        "up from the model": ("True",),
        "another root": ("PermissionError",),
        "control's socket": ("FileNotFoundError",),
        "the neighbour's socket": ("FileNotFoundError",),
        "sockets without a file": ("[]",),
        "a raw socket": ("PermissionError",),
        "a packet socket": ("PermissionError",),
        "write the model": ("OSError: [Errno 30]", "PermissionError"),
        "replace the model": ("OSError: [Errno 30]",),
        "mount it again": (refused,),
        "take it away": (refused,),
        "trace PID 1": (refused,),
        "read PID 1's memory": ("PermissionError",),
        "signal the neighbour": ("ProcessLookupError", "PermissionError"),
        "other processes": ("[]",),
        "make a disk": ("PermissionError",),
        "the kernel's memory": ("FileNotFoundError", "PermissionError"),
        "settings of the kernel": ("OSError: [Errno 30]", "PermissionError"),
        "load a module": (refused, f"(-1, {errno.ENOSYS})"),
        "become root": ("PermissionError", "OSError: [Errno 22]"),  # no such user in there
        "the limit of processes": (f"({sandbox.PROCESSES_MAX}, {sandbox.PROCESSES_MAX})",),
        "more processes after all": ("ValueError", "PermissionError"),
    }
    wrong = {
        name: told[name] for name, words in expected.items() if not told[name].startswith(words)
    }
    assert not wrong
    assert 0 < int(told["a fork bomb"]) < 40
    for name in ("fill the disk", "fill the memory's disk"):
        number, written = eval(told[name])
        assert (number, written <= MEMORY_BYTES // 2) == (errno.ENOSPC, True), (name, told[name])
