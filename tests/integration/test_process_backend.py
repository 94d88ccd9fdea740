"""Instances as real processes: their life, their ends, and what outlives whom."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from archives import ECHO
from hostler.backends.process import zygotes
from hostler.backends.process.isolation import TierKind
from hostler.domain.config import Batching, Instances, Overcommit
from hostler.domain.instance import FailureCause, Phase
from hostler.modelserver import page
from machine import needs_namespaces
from process_world import World, computes, eventually, invoke, kill, tree, world

Story = Callable[[World], Awaitable[None]]

DETERMINED = """
import signal, time
def model_fn(model_dir):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return None
def transform_fn(model, data, content_type, accept):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(1)
"""

TIERS = [None, pytest.param(TierKind.WATCHDOG, marks=needs_namespaces), TierKind.RLIMITS]


def play(story: Story, kind: TierKind | None = None) -> None:
    async def run() -> None:
        async with world(kind) as made:
            await story(made)

    asyncio.run(run())


@pytest.mark.parametrize("kind", TIERS)
@pytest.mark.parametrize("image", ["plain:1", "fresh:1"])
def test_an_instance_becomes_ready_answers_and_stops(kind: TierKind | None, image: str) -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO, image=image)
        began = time.time()
        seen = await made.ready(spec)
        assert invoke(seen.sockets[0], b'{"a": 1}') == (200, b'{"a": 1}')
        assert seen.starting_since is not None
        assert began - 1 <= seen.starting_since <= time.time() + 1
        assert seen.runtime
        assert seen.digest
        await made.backend.stop(spec.instance_id, 5.0)
        ended = await made.until(spec, Phase.EXITED)
        assert ended.exit is not None
        assert (ended.exit.cause, ended.exit.message) == (
            FailureCause.EXITED,
            "the instance was stopped",
        )
        await made.backend.remove(spec.instance_id)
        assert (await made.see(spec)).phase is Phase.ABSENT
        assert not made.layout.instance(spec.instance_id).exists()
        assert list(made.layout.models.iterdir()) == []

    play(story, kind)


def test_the_log_begins_with_what_really_serves() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script="print('from the script')\n" + ECHO, gpus=1)
        await made.ready(spec)
        log = made.log(spec)
        assert log[0].startswith("[hostler] generic runtime")
        assert "ml.m5.large: no GPU on this machine; runs on CPU" in log[2]
        await eventually("its own lines", lambda: "from the script" in made.log(spec))

    play(story)


@pytest.mark.parametrize("image", ["plain:1", "fresh:1"])
def test_a_models_variables_are_its_own(image: str) -> None:
    # PYTHONPATH too, though the interpreter was not started by the model.
    telling = """
import json, os, sys
def model_fn(d): return 1
def transform_fn(*a):
    return json.dumps([os.environ["MY_SETTING"], "/opt/ml/model/lib" in sys.path]), "text/plain"
"""

    async def story(made: World) -> None:
        environment = {"MY_SETTING": "é", "PYTHONPATH": "/opt/ml/model/lib"}
        seen = await made.ready(made.spec(script=telling, image=image, environment=environment))
        assert invoke(seen.sockets[0], b"1") == (200, b'["\\u00e9", true]')

    play(story)


def test_every_worker_answers() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO, environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "3"})
        seen = await made.ready(spec)
        assert [invoke(path, b"1") for path in seen.sockets] == [(200, b"1")] * 3

    play(story)


@pytest.mark.parametrize(
    ("script", "cause", "words"),
    [
        ("import nothing_of_that_name\n", FailureCause.IMPORT_ERROR, "inference.py"),
        ("def model_fn(model_dir):\n    1 / 0\n", FailureCause.MODEL_LOAD, "ZeroDivisionError"),
        (
            "import os, signal\ndef model_fn(d):\n    os.kill(os.getpid(), signal.SIGSEGV)\n",
            FailureCause.EXITED,
            "worker 0 crashed with SIGSEGV while it loaded the model",
        ),
        (
            "import os\ndef model_fn(d):\n    os._exit(7)\n",
            FailureCause.EXITED,
            "worker 0 ended with status 7 while it loaded the model",
        ),
    ],
)
def test_a_model_that_cannot_load_ends_with_its_cause(
    script: str, cause: FailureCause, words: str
) -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=script)
        await made.backend.launch(spec)
        seen = await made.until(spec, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is cause
        assert words in seen.exit.message

    play(story)


def test_missing_model_data_and_unknown_images_end_it_before_it_starts() -> None:
    async def story(made: World) -> None:
        missing = made.spec(1, script=ECHO)
        made.data = made.data.__class__(made.layout.root / "empty")
        made.begin()
        unknown = made.spec(2, image="nobody/knows:1")
        await made.backend.launch(missing)
        await made.backend.launch(unknown)
        first = await made.until(missing, Phase.EXITED)
        second = await made.until(unknown, Phase.EXITED)
        assert first.exit is not None
        assert second.exit is not None
        assert first.exit.cause is FailureCause.MISSING_OBJECT
        assert second.exit.cause is FailureCause.UNKNOWN_IMAGE

    play(story)


@pytest.mark.parametrize("kind", TIERS)
def test_a_model_that_eats_its_memory_is_out_of_memory(kind: TierKind | None) -> None:
    hog = "def model_fn(d):\n    hold = [bytearray(8 << 20) for _ in range(100)]\n"

    async def story(made: World) -> None:
        spec = made.spec(script=hog, memory_bytes=200 << 20)
        await made.backend.launch(spec)
        seen = await made.until(spec, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is FailureCause.OUT_OF_MEMORY
        assert "0.195 GiB" in seen.exit.message

    play(story, kind)


def test_a_worker_that_dies_while_serving_is_replaced() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        seen = await made.ready(spec)
        assert seen.pid is not None
        (worker,) = tree(seen.pid)
        kill(worker)
        await eventually("another worker", lambda: tree(seen.pid or 0) not in ([], [worker]))
        again = await made.until(spec, Phase.READY)
        assert again.pid == seen.pid
        assert invoke(again.sockets[0], b"2") == (200, b"2")
        assert any(
            "killed by SIGKILL while it served; starting it again" in x for x in made.log(spec)
        )
        told = json.loads((made.layout.instance(spec.instance_id) / "death-0.json").read_text())
        assert told["message"] == "worker 0 was killed by SIGKILL while it served"

    play(story)


def test_what_a_dead_worker_was_busy_with_is_not_its_successor_s() -> None:
    """The page said for ever that the dead one was busy: its idle successors were killed for it."""
    dying = """
import os, time
def model_fn(d):
    while not os.path.exists(d + "/go"): time.sleep(0.01)
def transform_fn(*a): os._exit(9)
"""

    async def story(made: World) -> None:
        spec = made.spec(script=dying)
        await made.backend.launch(spec)
        await made.until(spec, Phase.STARTING)
        (model,) = made.layout.models.iterdir()
        (model / "go").touch()
        seen = await made.until(spec, Phase.READY)
        path = str(Path(seen.sockets[0]).parent / page.FILE_NAME)
        states = set()

        def successor_is(state: int) -> bool:
            slot = page.read_slot(path, 0)
            assert slot is not None
            states.add((slot[1], slot[2] == 0))
            return slot[1] == state and slot[6] != dead

        slot = page.read_slot(path, 0)
        assert slot is not None
        dead = slot[6]
        (model / "go").unlink()
        await asyncio.to_thread(_ask_in_vain, seen.sockets[0])
        await eventually("another worker", lambda: successor_is(page.LOADING))
        (model / "go").touch()
        await eventually("it serves", lambda: successor_is(page.READY))
        assert (page.LOADING, True) in states
        assert (page.LOADING, False) not in states
        assert (page.READY, True) in states

    play(story)


def test_a_worker_that_keeps_dying_ends_the_instance() -> None:
    dying = "import os\ndef model_fn(d): return 1\ndef transform_fn(*a): os._exit(9)\n"

    async def story(made: World) -> None:
        spec = made.spec(script=dying)
        await made.ready(spec)
        shim = (await made.see(spec)).pid
        assert shim is not None
        for _ in range(5):
            await eventually("there is a worker", lambda: tree(shim))
            workers = tree(shim)
            for worker in workers:
                kill(worker)
            await eventually("it is noticed", lambda w=workers: tree(shim) != w)
            if (await made.until(spec, Phase.READY, Phase.EXITED)).phase is Phase.EXITED:
                break
        seen = await made.until(spec, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is FailureCause.KILLED

    play(story)


def test_a_worker_stuck_in_a_request_that_nobody_waits_for_is_replaced() -> None:
    # The page is the model's to write: here it says that the request began at boot.
    stuck = """
import mmap, time
def model_fn(d): return 1
def transform_fn(model, data, content_type, accept):
    if "1" in str(data):
        with open("/run/hostler/page", "r+b") as file:
            mmap.mmap(file.fileno(), 64)[8:16] = (1).to_bytes(8, "little")
        print("the shim, which wakes for this line, looks at the page")
        time.sleep(60)
    return "well", "text/plain"
"""

    async def story(made: World) -> None:
        if not made.tier.namespaces:
            return
        spec = made.spec(script=stuck)
        seen = await made.ready(spec)
        assert seen.pid is not None
        before = tree(seen.pid)
        await asyncio.to_thread(_ask_in_vain, seen.sockets[0])
        await eventually("another worker", lambda: tree(seen.pid or 0) not in ([], before))
        again = await made.until(spec, Phase.READY)
        assert invoke(again.sockets[0], b"2")[0] == 200
        assert any("at one request for" in line for line in made.log(spec))

    play(story)


def test_a_killed_shim_takes_its_workers_along_and_is_explained() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        seen = await made.ready(spec)
        assert seen.pid is not None
        workers = tree(seen.pid)
        kill(seen.pid)
        ended = await made.until(spec, Phase.EXITED)
        assert ended.exit is not None
        assert ended.exit.cause is FailureCause.KILLED
        await eventually("no worker is left", lambda: not any(tree(w) for w in workers))
        assert (await made.see(spec)).exit == ended.exit

    play(story)


def test_an_instance_outlives_its_zygote_and_the_control_process() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        before = await made.ready(spec)
        await made.zygotes.kill()
        await made.reborn()
        after = await made.see(spec)
        assert (after.phase, after.pid, after.sockets) == (Phase.READY, before.pid, before.sockets)
        assert invoke(after.sockets[0], b"3") == (200, b"3")
        await made.backend.launch(spec)
        assert (await made.see(spec)).pid == before.pid
        other = made.spec(2, script=ECHO)
        await made.ready(other)

    play(story)


def test_without_a_zygote_an_instance_starts_with_an_interpreter_of_its_own() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        await made.ready(spec)
        for process in made.zygotes.processes.values():
            process.send_signal(signal.SIGSTOP)  # it listens, and does not answer
        zygotes.ANSWER_TIMEOUT_S, before = 0.3, zygotes.ANSWER_TIMEOUT_S
        try:
            other = made.spec(2, script=ECHO)
            seen = await made.ready(other)
        finally:
            zygotes.ANSWER_TIMEOUT_S = before
        assert invoke(seen.sockets[0], b"5") == (200, b"5")
        assert any("interpreter of its own" in line for line in made.log(other))

    play(story)


def test_a_preparation_that_control_did_not_live_to_finish_is_absent_and_begun_anew() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        await made.backend.launch(spec)
        await made.reborn()
        assert (await made.see(spec)).phase is Phase.ABSENT
        await made.ready(spec)

    play(story)


def test_what_will_not_stop_is_killed_even_after_control_died() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=DETERMINED)
        seen = await made.ready(spec)
        asking = asyncio.create_task(asyncio.to_thread(_ask_in_vain, seen.sockets[0]))
        await computes(seen.sockets[0])
        await made.backend.stop(spec.instance_id, 2.0)
        assert (await made.see(spec)).phase is Phase.STOPPING
        await made.reborn()
        ended = await made.until(spec, Phase.EXITED)
        assert ended.exit is not None
        assert ended.exit.cause is FailureCause.KILLED
        await asking

    play(story)


def _ask_in_vain(path: str) -> None:
    with pytest.raises((AssertionError, ConnectionError)):
        invoke(path, b"1")


def test_a_frozen_shim_is_killed_when_its_time_is_up() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        seen = await made.ready(spec)
        assert seen.pid is not None
        os.kill(seen.pid, signal.SIGSTOP)
        await made.backend.stop(spec.instance_id, 0.2)
        ended = await made.until(spec, Phase.EXITED)
        assert ended.exit is not None
        assert ended.exit.cause is FailureCause.KILLED

    play(story)


def test_watch_wakes_the_owner_at_every_step() -> None:
    async def story(made: World) -> None:
        woken: list[str] = []
        made.backend.watch(woken.append)
        spec = made.spec(script=ECHO)
        await made.ready(spec)
        await eventually("woken for READY", lambda: len(woken) >= 1)
        count = len(woken)
        shim = (await made.see(spec)).pid
        assert shim is not None
        await asyncio.sleep(0.1)
        kill(shim)
        await eventually("woken for its death", lambda: len(woken) > count)
        assert set(woken) == {spec.owner}

    play(story)


def test_instances_with_the_same_model_share_it_until_the_last_one_goes() -> None:
    async def story(made: World) -> None:
        first, second = made.spec(1, script=ECHO), made.spec(2, script=ECHO)
        await made.ready(first)
        await made.ready(second)
        assert len(list(made.layout.models.iterdir())) == 1
        await made.backend.stop(first.instance_id, 0.0)
        await made.until(first, Phase.EXITED)
        await made.backend.remove(first.instance_id)
        assert len(list(made.layout.models.iterdir())) == 1
        await made.backend.stop(second.instance_id, 0.0)
        await made.until(second, Phase.EXITED)
        await made.backend.remove(second.instance_id)
        assert list(made.layout.models.iterdir()) == []

    play(story)


def test_settings_of_instances_room_and_exactness_reach_them() -> None:
    async def story(made: World) -> None:
        made.instances = Instances(batching=Batching.EXACT)
        await made.reborn()
        large = made.spec(script=ECHO, memory_bytes=1 << 50)
        await made.ready(large)
        plan = json.loads((made.layout.instance(large.instance_id) / "launch.json").read_text())
        assert plan["settings"]["exact"] is True
        assert any("more memory is promised than there is" in line for line in made.log(large))
        made.instances = Instances(overcommit=Overcommit.REFUSE)
        await made.reborn()
        refused = made.spec(script=ECHO)
        await made.backend.launch(refused)
        seen = await made.until(refused, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is FailureCause.CAPACITY
        assert "Take a smaller type, delete an endpoint" in seen.exit.message

    play(story, TierKind.RLIMITS)
