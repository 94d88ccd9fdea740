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
START = """
import json, os, signal, socket, subprocess, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hostler.modelserver import folder, launcher, page, sandbox
base, code = Path(sys.argv[2]), str(Path(launcher.BOOTSTRAP).parent)
(base / "mnt").mkdir()
(base / "model" / "code").mkdir(parents=True)
(base / "model" / "code" / "inference.py").write_text("def model_fn(d): return 1")
words = [sys.executable, "-I", launcher.BOOTSTRAP, "zygote", "--socket", str(base / "z")]
zygote = subprocess.Popen(words)

def until(look):
    end = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < end, look.__name__
        time.sleep(0.01)
    return found

def children(pid):
    told = Path(f"/proc/{pid}/task/{pid}/children")
    return told.read_text().split() if told.exists() else []

def spare():
    waits = [k for k in children(zygote.pid) if "poll" in Path(f"/proc/{k}/wchan").read_text()]
    return [int(shell) for keeper in waits for shell in children(keeper)]

def start(name):
    place = base / name
    for each in ("s", "root", "spool"):
        (place / each).mkdir(parents=True)
    common = ((code, code),)
    confined = sandbox.SandboxPlan(
        root=str(place / "root"),
        read_only=(*common, (str(base / "model"), "/opt/ml/model")),
        writable=((str(place / "s"), "/run/hostler"),),
        common=common,
    )
    settings = {"socket_dir": "/run/hostler", "model_dir": "/opt/ml/model"}
    mount = str(base / "mnt")
    plan = folder.LaunchPlan(name, confined, settings, sys.executable, 1.0, spare_root=mount)
    directory = folder.open_folder(str(place))
    folder.write_json(directory, folder.LAUNCH, plan.to_json())
    asked = {"version": folder.VERSION, "op": "launch", "instance_dir": str(place)}
    with socket.socket(socket.AF_UNIX) as zygote_socket:
        zygote_socket.connect(str(base / "z"))
        zygote_socket.sendall(json.dumps(asked).encode() + b"\\n")
        told = json.loads(zygote_socket.recv(4096))
    try:
        def ready():
            slot = page.read_slot(str(place / "s" / page.FILE_NAME), 0)
            return folder.read_json(directory, folder.EXIT) or slot and slot[1] == page.READY
        return told["pid"], until(ready)
    finally:
        os.kill(told["pid"], signal.SIGKILL)

try:
    until((base / "z").exists)
    first = start("first")
    shell = until(spare)
    print(json.dumps([first[1], shell, start("second")]))
finally:
    zygote.kill()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="h-", dir="/tmp"))
    if os.geteuid() == 0:
        os.chown(made, ORDINARY, ORDINARY)
    yield made
    shutil.rmtree(made)


def as_ordinary(*words: str) -> Any:
    """What a program of our source prints as JSON when an ordinary user runs it."""
    python = "/usr/bin/python3"
    as_whom: dict[str, Any] = {}
    if os.geteuid() == 0:
        as_whom = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []}
    probe = "import sys; sys.path.insert(0, sys.argv[1]); import hostler"
    able = (
        Path(python).exists()
        and not subprocess.run(
            [python, "-I", "-S", "-c", probe, str(SOURCE)],
            capture_output=True,
            check=False,
            cwd="/",
            **as_whom,
        ).returncode
    )
    if not able:
        pytest.skip("there is no Python that another user may run, or no source it may read")
    program, *rest = words
    done = subprocess.run(
        [python, "-I", "-S", "-c", program, str(SOURCE), *rest],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **as_whom,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_namespaces
def test_an_ordinary_user_s_model_is_confined(folder: Path) -> None:
    told = as_ordinary(CONFINE, str(folder), INSIDE)
    assert told["uid"] == (os.getuid() or ORDINARY)
    assert set(told["powers"]) == {"0000000000000000"}
    assert told["home"] == "FileNotFoundError"
    assert told["devices"] == ["lo"]
    assert told["processes"] <= 3
    assert told["mount"] == -1
    assert told["write"] in {"OSError", "PermissionError"}
    if sandbox._namespaces_count_apart():
        assert told["limit"] == [sandbox.PROCESSES_MAX] * 2


@needs_namespaces
def test_an_ordinary_user_s_next_instance_is_the_spare(folder: Path) -> None:
    first, spares, second = as_ordinary(START, str(folder))
    assert first is True
    assert second == [*spares, True]
