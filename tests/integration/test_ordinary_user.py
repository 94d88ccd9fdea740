"""An ordinary user's instances are confined too: tried as one, also by tests that run as root."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hostler
from hostler.modelserver import sandbox
from machine import needs_namespaces

SOURCE = Path(hostler.__file__).parent.parent
ORDINARY = 48_151
"""No account of this machine's."""
CONFINE = """
import sys, subprocess
sys.path.insert(0, sys.argv[1])
from hostler.backends.process import isolation
from hostler.modelserver import sandbox
from pathlib import Path
root = Path(sys.argv[2]) / "mnt"
root.mkdir()
plan = sandbox.SandboxPlan(root=str(root), uid=None, isolate_network=True)
with isolation.confined(plan, "/usr/bin/python3", "-c", sys.argv[3], sys.argv[2]) as (words, fd):
    sys.exit(subprocess.run(words, pass_fds=(fd,)).returncode)
"""
INSIDE = """
import ctypes, json, os, resource, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what):
    try:
        return repr(what())
    except Exception as error:
        return type(error).__name__
print(json.dumps({
    "uid": os.getuid(),
    "powers": [l.split()[1] for l in open('/proc/self/status') if l.startswith('Cap')],
    "home": attempt(lambda: os.listdir(sys.argv[1])),
    "devices": [name for _, name in socket.if_nameindex()],
    "processes": len([n for n in os.listdir('/proc') if n.isdigit()]),
    "mount": libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0),
    "limit": resource.getrlimit(resource.RLIMIT_NPROC),
    "write": attempt(lambda: open('/usr/x', 'w')),
}))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="h-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(made, ORDINARY, ORDINARY)
    yield made
    shutil.rmtree(made)


@needs_namespaces
def test_an_ordinary_user_s_model_is_confined(folder: Path) -> None:
    python = "/usr/bin/python3"
    words = [python, "-I", "-S", "-c", CONFINE, str(SOURCE), str(folder), INSIDE]
    as_whom: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_whom = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []}
    probe = [
        python,
        "-I",
        "-S",
        "-c",
        "import sys; sys.path.insert(0, sys.argv[1]); import hostler",
    ]
    able = (
        Path(python).exists()
        and not subprocess.run(
            [*probe, str(SOURCE)], capture_output=True, check=False, cwd="/", **as_whom
        ).returncode
    )
    if not able:
        pytest.skip("there is no Python that another user may run, or no source it may read")
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/", **as_whom)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["uid"] == (ORDINARY if as_whom else os.getuid())
    assert set(told["powers"]) == {"0000000000000000"}
    assert told["home"] == "FileNotFoundError"
    assert told["devices"] == ["lo"]
    assert told["processes"] <= 3
    assert told["mount"] == -1
    assert told["write"] in {"OSError", "PermissionError"}
    if sandbox._namespaces_count_apart():
        assert told["limit"] == [sandbox.PROCESSES_MAX] * 2
