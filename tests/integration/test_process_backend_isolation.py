"""What a model's code sees and may do: told by the code itself, from inside."""

import asyncio
import errno
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import hostler
from archives import ECHO
from hostler.backends.process.isolation import TierKind
from hostler.domain.instance import Phase
from hostler.domain.model import Compression, Container, DataType, ModelData
from machine import needs_namespaces
from process_world import World, invoke, world

SPY = """
import ctypes, glob, json, multiprocessing, os, socket, subprocess, threading

def model_fn(model_dir):
    return model_dir

libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    result = libc.syscall(*map(ctypes.c_long, (number, *arguments)))
    if result == 0 and os.getpid() != born:
        os._exit(0)  # a child of clone
    return result, ctypes.get_errno()

born = os.getpid()

def threaded():
    done = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start()
    thread.join()
    return done

def pooled(way):
    with multiprocessing.get_context(way).Pool(2) as pool:
        return pool.map(abs, [-1, -2])

def attempt(what):
    try:
        return repr(what())
    except Exception as error:
        return type(error).__name__ + ": " + str(error)

def transform_fn(model, data, content_type, accept):
    ask = json.loads(data)
    told = {name: attempt(lambda: eval(code)) for name, code in ask.items()}
    return json.dumps(told), "application/json"
"""


def ask(
    questions: Mapping[str, str], kind: TierKind | None = None, **changes: Any
) -> dict[str, Any]:
    """What a spy in a READY instance answers to Python expressions.

    Of the image ``spare:1`` it was a spare, after another instance with variables of its own.
    """
    spare = changes.get("image") == "spare:1"

    async def run() -> dict[str, Any]:
        async with world(kind) as made:
            if spare:
                changes["image"] = "plain:1"
                await made.ready(made.spec(script=ECHO, environment={"ITS_SECRET": "hunter2"}))
            shell = await made.spare() if spare else None
            seen = await made.ready(made.spec(script=SPY, **changes))
            assert shell in (None, seen.pid)
            code = {k: v.replace("DATA", repr(str(made.layout.root))) for k, v in questions.items()}
            status, body = invoke(seen.sockets[0], json.dumps(code).encode())
            assert status == 200, body
            told: dict[str, Any] = json.loads(body)
            return told

    return asyncio.run(run())


@needs_namespaces
@pytest.mark.parametrize("image", ["plain:1", "fresh:1", "spare:1"])
def test_a_model_sees_its_own_and_nothing_of_the_machine(
    image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    # The ways to this code and to environments are there, wherever a user keeps them.
    ways = {Path(hostler.__file__).parts[1], Path.home().parts[1]}
    others = {"home", "srv", "mnt", "boot"} - ways
    told = ask(
        {
            "data directory": "sorted(os.listdir(DATA))",
            "above": f"[name for name in os.listdir('/') if name in {others}]",
            "model": "sorted(os.listdir('/opt/ml/model'))",
            "write model": "open('/opt/ml/model/x', 'w')",
            "write root": "open('/x', 'w')",
            "write usr": "open('/usr/x', 'w')",
            "write tmp": "open('/tmp/x', 'w').write('fine')",
            "write shm": "open('/dev/shm/x', 'w').write('fine')",
            "processes": "sorted(int(name) for name in os.listdir('/proc') if name.isdigit())",
            "pid 1": "open('/proc/1/environ').read()",
            "pid 1's descriptors": "os.listdir('/proc/1/fd')",
            "own descriptors": (
                "[os.readlink(f'/proc/self/fd/{n}') for n in range(64)"
                " if os.path.lexists(f'/proc/self/fd/{n}')]"
            ),
            "passwd": "open('/etc/passwd').read()",
            "powers": "[l for l in open('/proc/self/status') if l.startswith(('Cap', 'NoNew'))]",
            "mount": "subprocess.run(['mount', '-t', 'tmpfs', 'x', '/tmp']).returncode",
            "uid": "(os.getuid(), os.getgid(), os.getgroups())",
            "cwd": "os.getcwd()",
            "home": "os.path.expanduser('~')",
            "secrets": "[name for name in os.environ if 'SECRET' in name or 'PIP_' in name]",
            "born with": "open('/proc/self/environ').read()",
            "user": "__import__('getpass').getuser()",
        },
        image=image,
    )
    assert told["data directory"].startswith("FileNotFoundError")
    assert told["above"] == "[]"
    assert told["model"] == "['code']"
    assert "Read-only file system" in told["write model"]
    assert "Read-only" in told["write root"] or "Permission denied" in told["write root"]
    assert "Read-only" in told["write usr"] or "Permission denied" in told["write usr"]
    assert (told["write tmp"], told["write shm"]) == ("4", "4")
    assert len(json.loads(told["processes"])) <= 3
    assert "Permission denied" in told["pid 1"]
    assert "Permission denied" in told["pid 1's descriptors"]
    assert "/i/" not in told["own descriptors"]
    assert "model:x:" in told["passwd"]
    assert told["passwd"].count(":x:") == 2
    assert told["powers"].count("0000000000000000") == 5
    assert "NoNewPrivs:\\t1" in told["powers"]
    assert told["mount"] != "0"
    assert told["cwd"] == "'/tmp'"
    assert told["home"] == "'/tmp'"
    assert told["secrets"] == "[]"
    assert "hunter2" not in told["born with"]
    assert "PATH" in told["born with"]
    if os.geteuid() == 0:
        uid, gid, groups = eval(told["uid"])
        assert uid == gid >= 0x7000_0000
        assert groups == []


@needs_namespaces
@pytest.mark.parametrize("image", ["plain:1", "fresh:1", "spare:1"])
def test_a_model_can_make_no_user_namespace(image: str) -> None:
    new_user, exits = 0x1000_0000, 17
    numbers = {"x86_64": (56, 272, 308), "aarch64": (220, 97, 268)}
    clone, unshare, setns = numbers[os.uname().machine]
    told = ask(
        {
            "unshare": f"call({unshare}, {new_user})",
            "with a mount namespace": f"call({unshare}, {new_user | 0x20000})",
            "clone": f"call({clone}, {new_user | exits}, 0, 0, 0, 0)",
            "clone3": "call(435, 0, 0)",
            "setns": f"call({setns}, os.open('/proc/self/ns/user', os.O_RDONLY), 0)",
            "threads": "threaded()",
            "fork": "pooled('fork')",
            "programs": "subprocess.run(['/bin/sh', '-c', 'true | true']).returncode",
        },
        image=image,
    )
    for what in ("unshare", "with a mount namespace", "clone", "setns"):
        assert told[what] == f"(-1, {errno.EPERM})", what
    assert told["clone3"] == f"(-1, {errno.ENOSYS})"
    assert (told["threads"], told["fork"], told["programs"]) == ("[1]", "[1, 2]", "0")


@needs_namespaces
def test_network_isolation_leaves_only_the_loopback_and_the_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        questions = {
            "outside": f"socket.create_connection(('127.0.0.1', {port}), 2)",
            "devices": "sorted(name for _, name in socket.if_nameindex())",
            "own loopback": (
                "(lambda s: socket.create_connection(s.getsockname()))"
                "(socket.create_server(('127.0.0.1', 0)))"
            ),
        }
        isolated = ask(questions, network_isolation=True, image="spare:1")
        open_ = ask(questions)
    assert "ConnectionRefusedError" in isolated["outside"]
    assert isolated["devices"] == "['lo']"
    assert isolated["own loopback"].startswith("<socket.socket")
    assert "raddr" in open_["outside"]


def test_without_namespaces_the_log_says_so_loudly() -> None:
    async def run() -> None:
        async with world(TierKind.RLIMITS) as made:
            made.tier = replace(made.tier, warnings=("MODELS ARE NOT ISOLATED on this machine",))
            made.begin()
            spec = made.spec(script=SPY, network_isolation=True)
            await made.ready(spec)
            log = "\n".join(made.log(spec))
            assert "MODELS ARE NOT ISOLATED" in log
            assert "EnableNetworkIsolation cannot be kept" in log

    asyncio.run(run())


def test_two_instances_never_have_the_same_user() -> None:
    async def run() -> None:
        async with world() as made:
            if made.tier.users is None:
                return
            # The same id modulo the range: derived users would be equal.
            span = made.tier.users.count - 1
            first = made.spec(1, script=SPY)
            second = made.spec(1 + span, script=SPY)
            await made.ready(first)
            await made.ready(second)
            uids = {
                made.layout.instance(spec.instance_id).stat().st_uid for spec in (first, second)
            }
            assert len(uids) == 2

    asyncio.run(run())


@needs_namespaces
def test_uncompressed_model_data_is_shown_as_files() -> None:
    async def story(made: World) -> None:
        made.data.put(
            "s3://b/p/", {"code/inference.py": SPY.encode(), "weights/a.bin": b"1", "x/": b""}
        )
        data = ModelData("s3://b/p/", Compression.NONE, DataType.PREFIX)
        spec = replace(made.spec(), container=Container("plain:1", {}, data))
        seen = await made.ready(spec)
        status, body = invoke(
            seen.sockets[0], b'{"a": "open(\'/opt/ml/model/weights/a.bin\').read()"}'
        )
        assert (status, json.loads(body)) == (200, {"a": "'1'"})

    async def run() -> None:
        async with world() as made:
            await story(made)

    asyncio.run(run())


def test_a_key_that_climbs_out_is_refused() -> None:
    async def run() -> None:
        async with world() as made:
            made.data.put("s3://b/p/", {"../../evil": b"x"})
            data = ModelData("s3://b/p/", Compression.NONE, DataType.PREFIX)
            spec = replace(made.spec(), container=Container("plain:1", {}, data))
            await made.backend.launch(spec)
            seen = await made.until(spec, Phase.EXITED)
            assert seen.exit is not None
            assert seen.exit.cause == "HostileArchive"
            assert list(made.layout.models.iterdir()) == []

    asyncio.run(run())


def test_a_corrupt_archive_is_told_and_leaves_nothing() -> None:
    async def run() -> None:
        async with world() as made:
            made.data.put("s3://b/m.tar.gz", {"m.tar.gz": b"this is no archive"})
            spec = replace(
                made.spec(), container=Container("plain:1", {}, ModelData("s3://b/m.tar.gz"))
            )
            await made.backend.launch(spec)
            seen = await made.until(spec, Phase.EXITED)
            assert seen.exit is not None
            assert seen.exit.cause == "CorruptArchive"
            assert "s3://b/m.tar.gz" in seen.exit.message
            assert list(made.layout.models.iterdir()) == []

    asyncio.run(run())
