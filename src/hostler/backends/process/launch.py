"""From a spec and what was prepared for it to a running shim.

Invariant: ``launch.json`` is complete before anything is started; what is started holds nothing of
this process.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostler.backends.process import cgroup, differences, errands, gpus
from hostler.backends.process.artifacts import submitted_code
from hostler.backends.process.environments import Environment
from hostler.backends.process.isolation import Tier, TierKind
from hostler.backends.process.room import Share
from hostler.backends.process.runtimes import Image
from hostler.domain import endings
from hostler.domain.instance import InstanceSpec
from hostler.modelserver import folder, launcher, sandbox, settings
from hostler.modelserver.folder import LaunchPlan
from hostler.modelserver.provenance import Written

SOCKET_DIR = "/run/hostler"
FRESH_TIMEOUT_S = 30.0
TEMPORARY_MIN = 64 << 20
BACKGROUND_NICE = 10
"""A tenth of the processor time of others, also where there are no control groups."""


class LaunchError(Exception):
    """The instance could not be started; worth trying again."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an instance needs besides its spec. ``model`` None: a container without model data."""

    environment: Environment
    model: Path | None
    overlaid: bool
    """The environment holds a model's own requirements, whose code a zygote must not run."""
    written: tuple[Written, ...] = ()
    """What the model's files say of their origin."""
    share: Share = field(default_factory=Share)
    """What it gets of the machine."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What the settings ask of every instance."""

    exact: bool = False
    """Requests are answered one by one, whatever the model could do."""
    output_bytes_per_s: int = 0
    """What it may print; 0 for as much as comes."""
    spare_root: str | None = None
    """The empty folder on which the zygote's next spare has its root; None: no spare."""


PLAIN = Manners()


def compose(
    spec: InstanceSpec,
    path: Path,
    prepared: Prepared,
    tier: Tier,
    *,
    fresh: bool,
    manners: Manners = PLAIN,
) -> LaunchPlan:
    """The plan for one instance; makes its control group. ``fresh``: not from a zygote."""
    given = {**_settings(spec, path, prepared, tier), "exact": manners.exact}
    told = settings.Settings.from_spec(given)
    group = _group(spec, path, tier)
    common = tuple(_common(prepared.environment))
    return LaunchPlan(
        instance_id=spec.instance_id,
        sandbox=sandbox.SandboxPlan(
            root=str(path / folder.ROOT),
            kind=sandbox.NAMESPACES if tier.namespaces else sandbox.RLIMITS,
            uid=path.stat().st_uid if tier.users else None,
            isolate_network=spec.network_isolation,
            hostname=spec.instance_id,
            read_only=(*common, *_own(prepared)),
            writable=((str(path / folder.SOCKETS), SOCKET_DIR),),
            devices=gpus.nodes(prepared.share.gpus),
            temporary_bytes=max(TEMPORARY_MIN, spec.memory_bytes // 2),
            environment=_variables(prepared),
            common=common,
        ),
        settings=given,
        python=str(prepared.environment.python),
        grace_s=endings.INSTANCE_S,
        workers=told.workers,
        fresh=fresh,
        memory_bytes=spec.memory_bytes,
        watch_memory=group is None,
        cgroup_procs=tuple(map(str, group.procs)) if group else (),
        oom_file=str(group.oom_file) if group else None,
        nice=BACKGROUND_NICE if spec.background else 0,
        notes=tuple(_notes(spec, prepared, tier, told.workers)),
        output_bytes_per_s=manners.output_bytes_per_s,
        spare_root=manners.spare_root,
    )


async def start_fresh(path: Path) -> int:
    """Start the instance with an interpreter of its own; the shim's pid."""
    python = str(errands.own_python())
    process = await asyncio.create_subprocess_exec(
        *(python, "-I", "-S", launcher.BOOTSTRAP, "launch", str(path)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=errands.clean_environment(),
    )
    try:
        async with asyncio.timeout(FRESH_TIMEOUT_S):
            output, _ = await process.communicate()
        answer = json.loads(output)
    except (TimeoutError, ValueError) as error:
        raise LaunchError(f"the launcher did not answer: {error or type(error).__name__}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    match answer:
        case {"pid": int(pid)}:
            return pid
        case _:
            raise LaunchError(str(answer.get("error", answer)))


def _settings(spec: InstanceSpec, path: Path, prepared: Prepared, tier: Tier) -> Mapping[str, Any]:
    """``modelserver.settings.Settings`` as its ``from_spec`` reads it."""
    inside = tier.namespaces
    no_model = path / folder.ROOT  # an empty folder
    return {
        "socket_dir": SOCKET_DIR if inside else str(path / folder.SOCKETS),
        "model_dir": settings.MODEL_DIR if inside else str(prepared.model or no_model),
        "environment": dict(spec.container.environment),
        "vcpus": spec.vcpus,
        "memory_bytes": spec.memory_bytes,
        "gpus": len(prepared.share.gpus),
        "region": spec.region,
        "runtime": prepared.environment.runtime.kind,
        "repository": Image.parse(spec.container.image).repository,
        "endpoint_name": spec.endpoint_name,
        "variant_name": spec.variant_name,
        "instance_id": spec.instance_id,
        "instance_type": spec.instance_type,
        "network_isolation": spec.network_isolation,
        "one_worker": spec.one_worker,
        "cores": len(os.sched_getaffinity(0)),
    }


def _group(spec: InstanceSpec, path: Path, tier: Tier) -> cgroup.Cgroup | None:
    if tier.cgroups is None:
        return None
    cores = os.cpu_count() or 1
    cpus = spec.vcpus if spec.vcpus < cores else None
    limits = cgroup.Limits(spec.memory_bytes, cpus, background=spec.background)
    return tier.cgroups.create(cgroup.name_of(path), limits)


def _common(environment: Environment) -> list[tuple[str, str]]:
    """What every instance of an environment is shown."""
    code = str(Path(launcher.BOOTSTRAP).parent)
    pairs = [(str(environment.root), str(environment.root)), (code, code)]
    return list(dict.fromkeys([*pairs, *errands.interpreter_paths(environment.python)]))


def _own(prepared: Prepared) -> list[tuple[str, str]]:
    return [(str(prepared.model), settings.MODEL_DIR)] if prepared.model is not None else []


def _variables(prepared: Prepared) -> dict[str, str]:
    environment = prepared.environment
    return {
        "CUDA_VISIBLE_DEVICES": gpus.visible(prepared.share.gpus),
        "PATH": f"{environment.python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - the sandbox's own
        "LANG": "C.UTF-8",
        "VIRTUAL_ENV": str(environment.root),
    }


def _notes(spec: InstanceSpec, prepared: Prepared, tier: Tier, workers: int) -> list[str]:
    image = Image.parse(spec.container.image)
    runtime = prepared.environment.runtime
    data = spec.container.model_data
    own = " with the model's own requirements" if prepared.overlaid else ""
    source = f"model data {data.uri} at {settings.MODEL_DIR}" if data else "no model data"
    if code := submitted_code(spec.container):
        source += f", code {code.uri} at {settings.MODEL_DIR}/code"
    share = f"{workers} worker{'s' * (workers != 1)}, {spec.memory_bytes / 2**30:.3g} GiB of memory"
    lines = [f"{runtime.description(image)}{own}", f"{source}; {share}"]
    lines += differences.lines(prepared.written, prepared.environment.root)
    lines += [f"GPU {gpu.minor}: {gpu.name}" for gpu in prepared.share.gpus]
    lines += prepared.share.warnings
    if tier.kind is TierKind.RLIMITS:
        lines += tier.warnings
        if spec.network_isolation:
            lines.append("EnableNetworkIsolation cannot be kept on this machine")
    return lines
