"""``python -m bench.many``: hundreds of live endpoints, each with a scikit-learn model of its own.

Creates them with boto3, calls each (its answer says whose it is), and reports what one costs:
private memory, descriptors, CPU at rest of every process of Hostler's, the gateway's CPU time a
request, and CreateEndpoint to InService, with few endpoints and with all of them. A JSON file and
a table.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import deploying, environments, load, processes
from bench.__main__ import MODELS_ENVIRONMENT
from bench.answers import PROBE
from bench.environments import CACHE
from bench.hostler import (
    BUCKET,
    IMAGES,
    ROLE,
    Deployed,
    build_runtimes,
    hostler,
    in_service_s,
)
from bench.machine import machine
from bench.turns import app

MODEL = "logistic"
"""Every endpoint has one of its own, which differs by the names of its classes."""

AT_ONCE = 8
"""Threads of the client that creates and calls."""
PATIENCE_S = 900.0
CREATED = 9
"""Endpoints of which the time to InService is the median."""
IN_TURN = 100
"""So many endpoints are called in turn, spread over all."""
CONNECTIONS = 1
"""So that no two requests of the gateway's share a write: only the way to the endpoint differs."""
_MODELS = """
import sys, tarfile, joblib
from pathlib import Path
folder, count = Path(sys.argv[1]), int(sys.argv[2])
model = joblib.load(folder / "logistic.joblib")
for number in range(count):
    model.classes_ = model.classes_ * 0 + [3 * number, 3 * number + 1, 3 * number + 2]
    joblib.dump(model, folder / "own.joblib")
    with tarfile.open(folder / f"many-{number}.tar.gz", "w:gz") as tar:
        tar.add(folder / "own.joblib", "model.joblib")
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m bench.many", description=__doc__)
    parser.add_argument("--endpoints", type=int, default=500)
    parser.add_argument("--quiet", type=float, default=130.0, help="seconds before a look at rest")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds of each look at rest")
    parser.add_argument("--out", type=Path, default=CACHE / "many.json")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    python = environments.python(MODELS_ENVIRONMENT, ())
    build_runtimes((MODEL,))
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-bench-") as folder:
        work = Path(folder)
        app(python, "train.py", work, json.dumps(PROBE))
        right = json.loads((work / "right.json").read_text())[MODEL]
        subprocess.run([python, "-c", _MODELS, folder, str(options.endpoints)], check=True)
        with hostler(work, work, MODEL, right) as deployed:
            many = Many(deployed, work, options.endpoints, options.quiet, options.rest)
            found = measure(many)
            began = time.monotonic()
        found["down_s"] = round(time.monotonic() - began, 2)
    options.out.write_text(json.dumps(found, indent=2))
    print(table(found))
    print(f"\n{options.out}")


@dataclass(frozen=True)
class Many:
    """A running Hostler, and the endpoints that it is to be given."""

    deployed: Deployed
    work: Path
    count: int
    quiet_s: float
    """Before a look at rest: a called variant has values each ten seconds for two minutes more."""
    rest_s: float
    """Of a look: whole minutes, as each has points that are written once in it."""

    def client(self, service: str) -> Any:
        return deploying.client(
            self.deployed.exports, service, read_timeout=120, max_pool_connections=AT_ONCE
        )

    def services(self) -> dict[str, int]:
        """Hostler's own processes: pid by name."""
        paths = sorted((self.deployed.home / "run").glob("*.pid"))
        found = {path.stem: int(json.loads(path.read_text())["pid"]) for path in paths}
        return {"supervisor": self.deployed.peer.roots[0], **found}

    def instances(self) -> dict[str, list[int]]:
        """Every instance's shim and workers."""
        shims = {
            path.parent.name: int(json.loads(path.read_text())["pid"])
            for path in (self.deployed.home / "i").glob("*/shim.json")
        }
        children: dict[int, list[int]] = {}
        for pid in processes.tree(self.deployed.peer.roots[0]):
            with contextlib.suppress(OSError):
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(pid)
        return {name: [pid, *children.get(pid, ())] for name, pid in shims.items()}


def measure(many: Many) -> dict[str, Any]:
    """Everything, in order."""
    place = machine()
    say("few endpoints")
    few = state(many)
    say(json.dumps(few))
    kernel_before = kernel_mb()
    say(f"creating {many.count}")
    created_s = create(many)
    say(f"in service after {created_s:.1f} s; calling each")
    called = call_each(many)
    time.sleep(5)  # what creating and calling set in motion
    kernel = {
        name: round((after - kernel_before[name]) / many.count, 3)
        for name, after in kernel_mb().items()
    }
    say("all endpoints")
    full = state(many)
    say(json.dumps(full))
    spread = range(0, many.count, max(1, many.count // IN_TURN))
    full["gateway_us_in_turn"] = gateway_us(many, [_name(n) for n in spread])
    return {
        "machine": place,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "endpoints": many.count,
        "created_s": round(created_s, 2),
        "call_ms": called,
        "kernel_mb_per_endpoint": kernel,
        "few": few,
        "full": full,
    }


def create(many: Many) -> float:
    """Seconds from the first CreateEndpoint until all are in service."""
    s3, sagemaker = many.client("s3"), many.client("sagemaker")

    def prepare(number: int) -> None:
        name, key = _name(number), f"models/{_name(number)}/model.tar.gz"
        s3.put_object(Bucket=BUCKET, Key=key, Body=(many.work / f"{name}.tar.gz").read_bytes())
        container = {
            "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{IMAGES[MODEL]}",
            "ModelDataUrl": f"s3://{BUCKET}/{key}",
            "Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
        }
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": 1,
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])

    def start(number: int) -> None:
        name = _name(number)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

    _all(many.count, prepare)
    began = time.monotonic()
    _all(many.count, start)
    while pending := _names(sagemaker, "Creating"):
        if time.monotonic() - began > PATIENCE_S:
            raise RuntimeError(f"{len(pending)} endpoints are not in service, e.g. {pending[:3]}")
        time.sleep(0.25)
    if failed := _names(sagemaker, "Failed"):
        described = sagemaker.describe_endpoint(EndpointName=failed[0])
        raise RuntimeError(f"{len(failed)} endpoints failed: {described['FailureReason']}")
    return time.monotonic() - began


def call_each(many: Many) -> dict[str, float]:
    """The first call of every endpoint, in ms; raises for an answer that is not its own."""
    runtime = many.client("sagemaker-runtime")
    body = load.body(PROBE)

    def call(number: int) -> float:
        began = time.monotonic()
        answer = runtime.invoke_endpoint(
            EndpointName=_name(number), Body=body, ContentType="application/json"
        )
        said = json.loads(answer["Body"].read())
        if said != [3 * number]:
            raise RuntimeError(f"{_name(number)} answered {said}")
        return (time.monotonic() - began) * 1000

    return _percentiles(_all(many.count, call))


def state(many: Many) -> dict[str, Any]:
    """What Hostler costs as it stands."""
    times = [
        in_service_s(many.deployed, MODEL, f"timed-{number}-{int(time.time())}")
        for number in range(CREATED)
    ]
    us = gateway_us(many, [MODEL])
    time.sleep(many.quiet_s)  # deletions end, too
    instances = many.instances()
    private = [private_mb(pids) for pids in instances.values()]
    return {
        "instances": len(instances),
        "in_service_ms": _percentiles([seconds * 1000 for seconds in times]),
        "gateway_us": us,
        "cpu_percent": at_rest(many, many.rest_s),
        "memory_mb": {
            name: round(processes.memory([pid]).proportional, 1)
            for name, pid in many.services().items()
        },
        "descriptors": {name: descriptors(pid) for name, pid in many.services().items()},
        "instance": {
            "private_mb": _percentiles(private),
            "shim_private_mb": _percentiles([private_mb(pids[:1]) for pids in instances.values()]),
            "page_tables_mb": _percentiles([sum(map(tables_mb, p)) for p in instances.values()]),
            "descriptors": _percentiles([sum(map(descriptors, p)) for p in instances.values()]),
        },
    }


def gateway_us(many: Many, endpoints: list[str]) -> float:
    """The gateway's CPU µs a request while these endpoints are called in turn."""
    port, path = many.deployed.peer.port, many.work / "many.lua"
    parts = []
    for name in endpoints:
        signer = load.Signer(port, f"/endpoints/{name}/invocations", many.deployed.key)
        load.write_requests(path, signer)
        requests = path.read_text(encoding="latin-1").splitlines()[1:-1]
        parts.append(requests[: load.DISTINCT // len(endpoints)])
    turns = [request for turn in zip(*parts, strict=True) for request in turn]
    path.write_text("\n".join(("return {", *turns, "}")), encoding="latin-1")
    gateway = [many.services()["gateway-0"]]
    load.run(port, path, CONNECTIONS, 1)
    before = processes.cpu_s(gateway)
    measured = load.run(port, path, CONNECTIONS, 4)
    return round((processes.cpu_s(gateway) - before) / measured.requests * 1e6, 1)


def at_rest(many: Many, seconds: float) -> dict[str, float]:
    """Percent of a core that each process takes while nobody asks for anything."""
    services = many.services()
    shims = [pids[0] for pids in many.instances().values()]
    workers = [pid for pids in many.instances().values() for pid in pids[1:]]
    groups = {**{name: [pid] for name, pid in services.items()}, "shims": shims, "workers": workers}
    before = {name: sum(map(ran_s, pids)) for name, pids in groups.items()}
    time.sleep(seconds)
    return {
        name: round((sum(map(ran_s, pids)) - before[name]) / seconds * 100, 2)
        for name, pids in groups.items()
    }


def ran_s(pid: int) -> float:
    """Seconds on a processor, of all its threads, finer than the clock's ticks."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    return total / 1e9


def private_mb(pids: list[int]) -> float:
    """Memory that is gone when these processes are: what they share with nobody."""
    return processes.memory(pids).private


def tables_mb(pid: int) -> float:
    """The kernel's page tables of a process, which no resident size counts."""
    return _told(f"/proc/{pid}/status", ("VmPTE:",))


def descriptors(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return 0


def table(found: dict[str, Any]) -> str:
    """The report in Markdown."""
    few, full = found["few"], found["full"]
    rows = [
        ("", f"{few['instances']} endpoints", f"{full['instances']} endpoints"),
        ("---", "---", "---"),
        *_both("CreateEndpoint to InService, ms", few["in_service_ms"], full["in_service_ms"]),
        ("gateway, CPU µs a request to one endpoint", few["gateway_us"], full["gateway_us"]),
        ("gateway, CPU µs a request to many in turn", "", full["gateway_us_in_turn"]),
        *_both("at rest, % of a core", few["cpu_percent"], full["cpu_percent"]),
        *_both("memory (proportional), MB", few["memory_mb"], full["memory_mb"]),
        *_both("descriptors", few["descriptors"], full["descriptors"]),
        *(
            row
            for what in full["instance"]
            for row in _both(f"an instance: {what}", few["instance"][what], full["instance"][what])
        ),
    ]
    place, kernel = found["machine"], sum(found["kernel_mb_per_endpoint"].values())
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    lines += [
        "",
        f"All in service {found['created_s']} s after the first CreateEndpoint.",
        f"Each answered as itself: {found['call_ms']['p50']} ms, median of first calls by boto3.",
        f"Kernel memory, for each: {kernel:.2f} MB. `hostler down`: {found['down_s']} s.",
        f"{place['cpus']} CPUs, load average {place['load_average_before']:.1f} before.",
    ]
    return "\n".join(lines)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _both(what: str, few: dict[str, Any], full: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for name, value in full.items():
        yield f"{what}: {name}", few.get(name, ""), value


def _all(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(work, range(count)))


def _names(sagemaker: Any, status: str) -> list[str]:
    pages = sagemaker.get_paginator("list_endpoints").paginate(StatusEquals=status)
    return [each["EndpointName"] for page in pages for each in page["Endpoints"]]


def _name(number: int) -> str:
    return f"many-{number}"


def _percentiles(values: Iterable[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p90": round(ordered[int(0.9 * (len(ordered) - 1))], 2),
        "max": round(ordered[-1], 2),
    }


def kernel_mb() -> dict[str, float]:
    """What the kernel itself holds, machine-wide: other processes' as well."""
    names = ("SUnreclaim", "PageTables", "KernelStack", "Percpu", "Shmem")
    return {name: _told("/proc/meminfo", (f"{name}:",)) for name in names}


def _told(path: str, names: tuple[str, ...]) -> float:
    """The sum of these lines of a file of the kernel's, which says kB; 0 for one that is gone."""
    with contextlib.suppress(OSError):
        lines = Path(path).read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith(names)) / 1024
    return 0.0


if __name__ == "__main__":
    main()
