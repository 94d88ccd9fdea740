"""A data directory with a real ProcessBackend: no control plane, zygotes started by the test."""

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from archives import archive
from hostler.backends.process import isolation, zygotes
from hostler.backends.process.backend import ProcessBackend
from hostler.backends.process.environments import Environment, Environments
from hostler.backends.process.isolation import Tier, TierKind
from hostler.backends.process.runtimes import Runtime, Runtimes
from hostler.domain.config import Instances
from hostler.domain.ids import EndpointId
from hostler.domain.instance import FailureCause, InstanceSpec, Observation, Phase
from hostler.domain.layout import Layout
from hostler.domain.model import Container, ModelData
from hostler.domain.ports import LocalFile, ModelDataError
from hostler.modelserver import frames, page, spool
from instance_specs import instance_spec

WITHIN_S = 60.0
OWNER = EndpointId("e-1")

PLAIN = Runtime(
    name="generic",
    repositories=("plain",),
    suffixes=(),
    modules=(),
    imports=("json",),
    lock="",
    version_of="python",
)
"""An environment of nothing: what a script without a framework needs."""

FRESH = replace(PLAIN, name="fresh", repositories=("fresh",), imports=())
"""The same, not to be forked from a zygote."""


class WallClock:
    def now(self) -> float:
        return time.time()


class Data:
    """Model data by URI, as files; what has no file is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, list[LocalFile]] = {}

    def put(self, uri: str, objects: Mapping[str, bytes]) -> None:
        files = []
        for key, content in objects.items():
            digest = hashlib.sha256(content).hexdigest()
            path = self._folder / digest
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            files.append(LocalFile(path, key, digest, len(content)))
        self._files[uri] = files

    def fetch(self, role_arn: str, region: str, data: ModelData) -> Sequence[LocalFile]:
        if data.uri not in self._files:
            raise ModelDataError(FailureCause.MISSING_OBJECT, f"no object at {data.uri}")
        return self._files[data.uri]


class OwnZygotes:
    """Zygotes as children of the test."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self.processes: dict[str, asyncio.subprocess.Process] = {}
        self._turn = asyncio.Lock()

    async def ensure(self, environment: Environment) -> Path:
        name = environment.digest[:12]
        path = self._run / f"zygote-{name}.sock"
        async with self._turn:  # else two that ask at once start two, and one is forgotten
            process = self.processes.get(name)
            if process is None or process.returncode is not None:
                path.unlink(missing_ok=True)
                self.processes[name] = await asyncio.create_subprocess_exec(
                    *zygotes.zygote_words(environment, path), stdin=asyncio.subprocess.DEVNULL
                )
        async with asyncio.timeout(WITHIN_S):
            while not path.exists():
                await asyncio.sleep(0.01)
        return path

    async def kill(self) -> None:
        for process in self.processes.values():
            if process.returncode is None:
                process.kill()
            await process.wait()


@dataclass
class World:
    """The backend of one life; ``reborn`` is the next one on the same data directory."""

    layout: Layout
    tier: Tier
    data: Data
    zygotes: OwnZygotes
    environments: Environments
    backend: ProcessBackend = field(init=False)
    dead: list[asyncio.Task[None]] = field(default_factory=list)
    count: int = 0
    instances: Instances = field(default_factory=Instances)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.backend = ProcessBackend(
            self.layout,
            runtimes=Runtimes((PLAIN, FRESH)),
            environments=self.environments,
            model_data=self.data,
            zygotes=self.zygotes,
            tier=self.tier,
            clock=WallClock(),
            instances=self.instances,
        )

    async def reborn(self) -> None:
        """The control process ends and another one begins."""
        await self.backend.close()
        self.begin()

    def restart(self) -> None:
        """The control process dies, without a chance to tidy up, and another one begins."""
        self.dead.append(asyncio.get_running_loop().create_task(self.backend.close()))
        self.begin()

    def spec(
        self, number: int | None = None, script: str | None = None, **changes: object
    ) -> InstanceSpec:
        """A spec of an instance whose model is this inference.py; a new id unless one is given."""
        self.count += 1
        number = self.count if number is None else number
        data = None
        if script is not None:
            uri = f"s3://bucket/{hashlib.sha256(script.encode()).hexdigest()[:12]}.tar.gz"
            self.data.put(uri, {"model.tar.gz": archive({"code/inference.py": script})})
            data = ModelData(uri)
        image = changes.pop("image", "plain:1")
        environment = changes.pop("environment", {})
        assert isinstance(image, str)
        assert isinstance(environment, dict)
        usual: dict[str, object] = {
            "owner": OWNER,
            "container": Container(image, environment, data),
            "vcpus": 1,
            "memory_bytes": 1 << 30,
        }
        return instance_spec(f"i-{number:017x}", **(usual | changes))

    async def see(self, spec: InstanceSpec) -> Observation:
        for seen in await self.backend.observe(spec.owner):
            if seen.instance_id == spec.instance_id:
                return seen
        return Observation(spec.instance_id, spec.owner, Phase.ABSENT)

    async def until(self, spec: InstanceSpec, *phases: Phase) -> Observation:
        """Look until the instance is in one of the phases."""
        deadline = time.monotonic() + WITHIN_S
        while (seen := await self.see(spec)).phase not in phases:
            assert time.monotonic() < deadline, f"{seen}\n{self.log(spec)}"
            if Phase.EXITED not in phases:
                assert seen.phase is not Phase.EXITED, f"{seen}\n{self.log(spec)}"
            await asyncio.sleep(0.01)
        return seen

    async def ready(self, spec: InstanceSpec) -> Observation:
        await self.backend.launch(spec)
        return await self.until(spec, Phase.READY)

    async def spare(self) -> int:
        """Wait until a zygote has a spare, which there is after a first start; its shell's pid."""
        found: list[int] = []

        def there() -> bool:
            zygotes = [each.pid for each in self.zygotes.processes.values()]
            keepers = [keeper for zygote in zygotes for keeper in tree(zygote) if _waits(keeper)]
            found[:] = [shell for keeper in keepers for shell in tree(keeper)]
            return bool(found)

        await eventually("there is a spare", there)
        return found[0]

    def log(self, spec: InstanceSpec) -> list[str]:
        """What the instance has printed, and what Hostler said of it."""
        folder = self.layout.instance(spec.instance_id)
        return [record.line for record in spool.read(str(folder / "spool"))[0]]

    async def end(self) -> None:
        """Kill and remove everything."""
        await asyncio.gather(*self.dead)
        for seen in await self.backend.observe(None):
            await self.backend.stop(seen.instance_id, 0.0)
        deadline = time.monotonic() + WITHIN_S
        while seen_all := await self.backend.observe(None):
            assert time.monotonic() < deadline, seen_all
            for seen in seen_all:
                if seen.phase in (Phase.EXITED, Phase.ABSENT):
                    await self.backend.remove(seen.instance_id)
            await asyncio.sleep(0.01)
        await self.backend.close()


@contextlib.asynccontextmanager
async def world(kind: TierKind | None = None) -> AsyncIterator[World]:
    """A world in the machine's tier, or in a lower one that is asked for."""
    umask = os.umask(0o077)  # as in the control process
    root = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    layout = Layout(root / "d")
    tier = isolation.probe(layout.mount_point)
    if kind is not None:
        tier = replace(tier, kind=kind, cgroups=None)
    if kind is TierKind.RLIMITS:
        tier = replace(tier, users=None)
    layout.run.mkdir(mode=0o700, parents=True)
    own = OwnZygotes(layout.run)
    made = World(layout, tier, Data(root / "blobs"), own, Environments(_cache()))
    try:
        yield made
    finally:
        os.umask(umask)  # first: it is of the whole test process
        await made.end()
        await own.kill()
        # A spare that was just begun makes its mount point before it finds its zygote gone.
        await eventually("its folder is gone", lambda: _removed(root))


def _removed(root: Path) -> bool:
    shutil.rmtree(root, ignore_errors=True)
    return not root.exists()


def _cache() -> Path:
    """Environments of nothing, built once a machine's boot and shared by every test run."""
    return Path(tempfile.gettempdir()) / f"hostler-test-environments-1-{os.getuid()}"


def invoke(path: str, body: bytes) -> tuple[int, bytes]:
    """Say one request to a worker's socket: (status, body)."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WITHIN_S)
        connection.connect(path)
        meta = b"application/json\0application/json"
        connection.sendall(frames.request(1, 60_000, meta, body))
        decoder = frames.Decoder()
        while True:
            data = connection.recv(65536)
            assert data, "the worker hung up"
            for kind, _flags, _request_id, payload in decoder.feed(data):
                if kind == frames.RESPONSE:
                    status, size = frames.RESPONSE_HEAD.unpack_from(payload)
                    return status, payload[frames.RESPONSE_HEAD.size + size :]


async def computes(path: str) -> None:
    """Wait until the worker of a socket has begun with a request."""

    def busy() -> bool:
        slot = page.read_slot(str(Path(path).parent / page.FILE_NAME), 0)
        return slot is not None and slot[2] != 0

    await eventually("it computes", busy)


def tree(pid: int) -> list[int]:
    """The processes whose parent is ``pid``."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found.append(int(folder.name))
    return found


def _waits(keeper: int) -> bool:
    """Whether a spare's keeper has said that it is ready and waits for a launch."""
    try:
        return "poll" in Path(f"/proc/{keeper}/wchan").read_text()
    except OSError:
        return False


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


async def eventually(what: str, look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not look():
        assert time.monotonic() < deadline, f"not in time: {what}"
        await asyncio.sleep(0.02)
