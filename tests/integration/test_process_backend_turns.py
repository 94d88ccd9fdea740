"""Who waits for what is being made keeps nobody else from starting."""

import asyncio
import fcntl
import shutil

from archives import ECHO
from hostler.backends.process import references
from hostler.backends.process.environments import LOCK, Environments
from hostler.domain.instance import Phase
from process_world import FRESH, PLAIN, world


def test_instances_that_wait_for_one_build_keep_no_other_from_starting() -> None:
    async def run() -> None:
        async with world() as made:
            cache = made.layout.root / "cache"
            made.environments = Environments(cache)
            await made.reborn()
            await made.environments.ensure(PLAIN)
            built = made.environments.path(FRESH)
            with built.with_name(built.name + LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # as a process that builds it for half an hour
                waiting = [
                    made.spec(script=ECHO, image="fresh:1") for _ in range(references.AT_ONCE)
                ]
                for spec in waiting:
                    await made.backend.launch(spec)
                await made.ready(made.spec(script=ECHO))
                for spec in waiting:
                    assert (await made.see(spec)).phase is Phase.PREPARING
                    await made.backend.stop(spec.instance_id, 0.0)
            shutil.rmtree(cache)

    asyncio.run(run())
