"""Faults of model servers: killed, stopped, out of memory, dead at their start."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import processes

from archives import script
from chaos import verdict
from chaos.load import Outcome, load, pause, summary
from chaos.noise import like_quiet
from chaos.verdict import Claim
from chaos.world import Worker, World
from deploying import create_config, create_model, deploy, settled
from running import PREFIX, eventually

MODEL_LOAD_S = 0.2
"""What the obedient model needs, on a machine that does other things as well."""
DEADLINE_S = 60.0
STUCK_MS = 1400.0
"""Who waits this long came to the one that is stopped: it is passed over no earlier."""
START_S_MAX = 3.0
"""From a start that was decided until the model is loaded, or dies of it and that is seen."""
FAILED_S_MAX = 10.0
"""From CreateEndpoint until Failed is seen: two starts and the back-off between them.

The model's upload just before is in it as well.
"""
MOVED_MS_MAX = 3500.0
"""Who waits longer was not moved: it was being computed."""


def killed(world: World) -> Iterator[Claim]:
    """F1: kill -9 of one of two model servers, again and again."""
    endpoint = world.endpoint("killed", count=2)
    took: list[float] = []
    with load(world.server, endpoint, {"sleep": 0.001}, per_second=world.scale.per_second) as calls:
        pause(1.0)
        for _ in range(world.scale.kills):
            victim = world.rng.choice(world.workers(endpoint))
            began = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            _gone(world, endpoint, victim)
            took.append(world.whole(endpoint, 2) - began)
            pause(world.scale.kill_apart_s)
    lost = [each for each in calls.failed if each.status != 424]
    yield verdict.count("no call fails but those it was computing", summary(lost), not lost)
    yield verdict.count(
        f"at most one ModelError a kill, of {len(calls.all)} calls",
        summary(calls.failed),
        len(calls.failed) <= world.scale.kills,
    )
    slowest = max(took)
    yield verdict.time(
        "replaced within 2 s and the model's load",
        f"{slowest:.2f} s at most, {sorted(took)[len(took) // 2]:.2f} s in the median",
        slowest <= 2.0 + MODEL_LOAD_S,
    )


def whole_instance(world: World) -> Iterator[Claim]:
    """F1, of an instance with all that is in it."""
    endpoint = world.endpoint("killed", count=2)
    with load(world.server, endpoint, {"sleep": 0.001}, per_second=world.scale.per_second) as calls:
        pause(1.0)
        instance_id, shim = world.rng.choice(sorted(world.shims(endpoint).items()))
        began = time.monotonic()
        os.kill(shim, signal.SIGKILL)
        eventually("its end", lambda: instance_id not in world.shims(endpoint), every_s=0.005)
        took = world.whole(endpoint, 2) - began
        pause(1.0)
    kinds = {each.status for each in calls.failed}
    yield verdict.count(
        f"a whole instance costs at most the call it computed, of {len(calls.all)}",
        summary(calls.failed),
        kinds <= {424} and len(calls.failed) <= 1,
    )
    yield verdict.time("and is replaced within 2 s and a start", f"{took:.2f} s", took <= 3.0)


def stopped(world: World) -> Iterator[Claim]:
    """F2: SIGSTOP of a model server in the midst of a request."""
    scale = world.scale
    endpoint = world.endpoint("stopped", count=2)
    held: list[tuple[float, float]] = []
    quiet: list[tuple[float, float]] = []
    caught: list[tuple[int, str, float]] = []
    replaced: list[float] = []
    with (
        ThreadPoolExecutor(1) as pool,
        load(world.server, endpoint, per_second=scale.per_second) as calls,
    ):
        pause(1.0)
        for number in range(scale.stops):
            began = time.monotonic()
            pause(scale.quiet_s)
            quiet.append((began, time.monotonic()))
            asked = time.monotonic()
            slow = pool.submit(world.invoke, endpoint, sleep=2.0)
            victim = _busy(world, endpoint)
            os.kill(victim.pid, signal.SIGSTOP)
            began = time.monotonic()
            if number == 0 and scale.to_the_deadline:
                caught.append((*slow.result(), time.monotonic() - asked))
                held.append((began, time.monotonic()))
                replaced.append(_replaced(world, endpoint, victim))
            else:
                pause(scale.stopped_s)
                held.append((began, time.monotonic()))
                os.kill(victim.pid, signal.SIGCONT)
                slow.result()
    yield from _others(calls.all, held, quiet)
    for status, text, seconds in caught:
        yield verdict.count(
            "its caller is answered at the deadline, with a ModelError",
            f"{status} after {seconds:.1f} s",
            status == 424 and "timed out" in text and DEADLINE_S <= seconds < DEADLINE_S + 2,
        )
    for seconds in replaced:
        yield verdict.time("and then it is replaced", f"{seconds:.1f} s later", seconds <= 15)


def _gone(world: World, endpoint: str, victim: Worker) -> None:
    eventually("its end", lambda: victim not in world.workers(endpoint), every_s=0.005)


def _replaced(world: World, endpoint: str, victim: Worker) -> float:
    """How long it takes until another is in its place."""
    began = time.monotonic()
    eventually("another", lambda: victim not in world.workers(endpoint), within_s=60)
    return world.whole(endpoint, 2) - began


def _busy(world: World, endpoint: str) -> Worker:
    """The model server that computes."""
    return eventually(
        "one computes",
        lambda: next((each for each in world.workers(endpoint) if world.busy(each)), None),
        every_s=0.01,
    )


def _after_s(call: Outcome, held: list[tuple[float, float]]) -> float:
    """How long after the last stop before its end a call began."""
    return min(call.began - began for began, _ in held if began < call.ended)


def _others(
    calls: list[Outcome],
    held: list[tuple[float, float]],
    quiet: list[tuple[float, float]],
) -> Iterator[Claim]:
    failed = [each for each in calls if not each.well]
    yield verdict.count("no other call fails", summary(failed), not failed)
    stuck = {each for each in calls if each.ms > STUCK_MS}
    after_s = [_after_s(each, held) for each in stuck]
    taken = [each for each in stuck if each.ms > MOVED_MS_MAX]
    yield verdict.time(
        "out within 3 s: whom it had not taken goes elsewhere, and nobody comes to it after that",
        f"{len(stuck)} calls came to it, until {max(after_s, default=0.0):.2f} s after its stop; "
        f"it had taken {len(taken)}",
        all(after <= 3.0 for after in after_s) and len(taken) <= len(held),
    )
    others = [each for each in calls if each not in stuck]
    within = [[each for each in others if began <= each.began < ended] for began, ended in held]
    still = [[each for each in others if began <= each.began < ended] for began, ended in quiet]
    yield like_quiet("the others' p99", within, still)


def out_of_memory(world: World) -> Iterator[Claim]:
    """F3: a request makes the model grow beyond its instance."""
    endpoint = world.endpoint("grows", count=2)
    before, shims = set(world.workers(endpoint)), world.shims(endpoint)
    others = {name: world.server.pid(name) for name in ("gateway-0", "control", "s3")}
    with load(world.server, endpoint, per_second=50) as calls:
        status, text = world.invoke(endpoint, grow=400)
        died = time.monotonic()
        said = eventually(
            "the log says so",
            lambda: "memory" in world.log(endpoint) and time.monotonic(),
            within_s=20,
        )
        world.whole(endpoint, 2)
        pause(0.5)
    gone = before - set(world.workers(endpoint))
    yield verdict.count(
        "only that process dies",
        f"{len(gone)} model server",
        len(gone) == 1
        and world.shims(endpoint) == shims
        and {name: world.server.pid(name) for name in others} == others,
    )
    yield verdict.count("no other call fails", summary(calls.failed), not calls.failed)
    yield verdict.count(
        "the caller is told of the memory",
        f"{status} {text[:120]}",
        status == 424 and "memory" in text,
    )
    yield verdict.time("and the log within 5 s", f"{said - died:.2f} s", said - died <= 5.0)


def dies_at_load(world: World) -> Iterator[Claim]:
    """F4: models that cannot start, for a reason that stays or one that may pass."""
    for name, source, word in (
        ("import", "import nobody_has_this\n", "nobody_has_this"),
        ("exits", "import os\ndef model_fn(d):\n    os._exit(3)\n", "status 3"),
    ):
        began = time.monotonic()
        endpoint = deploy(world.server, f"load-{name}", script(source), wait=False)
        described = settled(world.server, endpoint)
        seconds = time.monotonic() - began
        reason = described.get("FailureReason", "")
        yield verdict.count(
            f"{name}: Failed with the cause",
            f"{described['EndpointStatus']}: {reason[-120:]}",
            described["EndpointStatus"] == "Failed" and word in reason,
        )
        yield verdict.time(
            f"{name}: within {FAILED_S_MAX:.0f} s", f"{seconds:.1f} s", seconds <= FAILED_S_MAX
        )
    if world.scale.crash_loop:
        yield from _crash_loop(world)


def _crash_loop(world: World) -> Iterator[Claim]:
    source = (
        "import os, signal\ndef model_fn(d):\n"
        "    print('loading', flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    model = create_model(world.server, "load-killed", script(source))
    config = create_config(
        world.server, "load-killed", model, ContainerStartupHealthCheckTimeoutInSeconds=60
    )
    endpoint = f"{PREFIX}load-killed-ep"
    client = world.server.client("sagemaker")
    cpu, began = processes.cpu_s(world.tree()), time.monotonic()
    client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    described = settled(world.server, endpoint, 150.0, every_s=2.0)  # to answer is work as well
    seconds = time.monotonic() - began
    share = (processes.cpu_s(world.tree()) - cpu) / seconds
    times = _starts(world, endpoint)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    bounds = backoffs(len(gaps))
    yield verdict.count(
        "a cause that may pass is tried again until the start-up time-out, then Failed",
        f"{described['EndpointStatus']} after {seconds:.0f} s and {len(times)} starts",
        described["EndpointStatus"] == "Failed" and 5 <= len(times) <= 9,
    )
    yield verdict.count(
        "with a back-off of 1, 2, 4 … s, jittered",
        " ".join(f"{gap:.1f}" for gap in gaps),
        all(low <= gap + 0.1 for (low, _), gap in zip(bounds, gaps, strict=True)),
    )
    yield verdict.time(
        "and no longer one than that",
        f"{max(gaps):.1f} s at most",
        all(gap <= high + START_S_MAX for (_, high), gap in zip(bounds, gaps, strict=True)),
    )
    yield verdict.time("at less than 5 % of a core", f"{share:.1%}", share < 0.05)


def backoffs(count: int) -> list[tuple[float, float]]:
    """The least and the most of so many waits in a row, in s: 1, 2, 4 … 60, less up to half."""
    most = [min(60.0, 2.0**number) for number in range(count)]
    return [(high / 2, high) for high in most]


def _starts(world: World, endpoint: str) -> list[float]:
    """When each of an endpoint's instances first said something (epoch s), in order."""
    found = world.server.client("logs").describe_log_streams(
        logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}"
    )
    return sorted(stream["firstEventTimestamp"] / 1000 for stream in found["logStreams"])
