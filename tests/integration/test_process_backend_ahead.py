"""Models made ready before their first instance: what is there then, what it costs, how it goes."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable

from archives import ECHO, archive
from hostler.backends.process import ahead
from hostler.backends.process.environments import Environments
from hostler.domain.ids import Arn
from hostler.domain.instance import FailureCause, Phase
from hostler.domain.model import Container, ModelData
from process_world import PLAIN, World, eventually, world

ROLE = "arn:aws:iam::123456789012:role/r"


def play(story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with world() as made:
            await story(made)

    asyncio.run(run())


def arn(name: str) -> Arn:
    return Arn(f"arn:aws:sagemaker:us-east-1:123456789012:model/{name}")


def container(made: World, name: str, script: str = ECHO) -> Container:
    uri = f"s3://bucket/{name}.tar.gz"
    made.data.put(uri, {"model.tar.gz": archive({"code/inference.py": script, "name": name})})
    return Container("plain:1", {}, ModelData(uri))


def unpacked(made: World) -> set[str]:
    """The models that an instance would find; what is being deleted has a dot in front."""
    return {path.read_text() for path in made.layout.models.glob("[!.]*/name")}


def test_data_environment_and_zygote_are_there_before_any_instance() -> None:
    async def story(made: World) -> None:
        spec = made.spec(script=ECHO)
        await made.backend.prepare(arn("m"), spec.container, spec.role_arn)
        (model,) = made.layout.models.iterdir()
        assert (model / "code/inference.py").read_text() == ECHO
        assert made.environments.built(PLAIN) is not None
        assert made.zygotes.processes
        assert not await made.backend.observe()
        before = model.stat().st_ino
        await made.ready(spec)
        assert [path.stat().st_ino for path in made.layout.models.iterdir()] == [before]
        await made.backend.stop(spec.instance_id, 1.0)
        await made.until(spec, Phase.EXITED)
        await made.backend.remove(spec.instance_id)
        assert model.is_dir(), "kept for the next endpoint of the same model"

    play(story)


def test_an_environment_is_built_before_an_instance_asks_for_it() -> None:
    async def story(made: World) -> None:
        cache = made.layout.root / "cache"
        made.environments = Environments(cache)
        await made.reborn()
        preparing = asyncio.create_task(
            made.backend.prepare(arn("m"), Container("plain:1"), ROLE), name="prepare"
        )
        await eventually("a build begins", lambda: any(cache.glob("runtimes/*.part")))
        spec = made.spec(script=ECHO)
        await made.ready(spec)
        await preparing
        assert len(list(cache.glob("runtimes/*/pyvenv.cfg"))) == 1
        shutil.rmtree(cache)

    play(story)


def test_what_cannot_be_made_ready_is_left_to_the_launch_to_explain() -> None:
    async def story(made: World) -> None:
        lost = Container("plain:1", {}, ModelData("s3://bucket/lost.tar.gz"))
        await made.backend.prepare(arn("lost"), lost, ROLE)
        await made.backend.prepare(arn("unknown"), Container("no-such-image:1"), ROLE)
        spec = made.spec(container=lost)
        await made.backend.launch(spec)
        seen = await made.until(spec, Phase.EXITED)
        assert seen.exit is not None
        assert seen.exit.cause is FailureCause.MISSING_OBJECT

    play(story)


def test_models_without_instances_are_kept_in_bounds_and_not_beyond_a_life() -> None:
    async def story(made: World) -> None:
        count = ahead.KEPT + 2
        names = [f"m{number:02}" for number in range(count)]
        for name in names:
            await made.backend.prepare(arn(name), container(made, name), ROLE)
        assert unpacked(made) == set(names[2:])
        await made.backend.prepare(arn(names[2]), container(made, names[2]), ROLE)
        await made.backend.prepare(arn("another"), container(made, "another"), ROLE)
        assert unpacked(made) == {names[2], *names[4:], "another"}
        await made.reborn()
        await made.backend.prepare(arn("next"), container(made, "next-life"), ROLE)
        await eventually("the old are gone", lambda: unpacked(made) == {"next-life"})

    play(story)


def test_a_deleted_models_data_goes_unless_others_use_it() -> None:
    async def story(made: World) -> None:
        one, other = container(made, "one"), container(made, "other")
        await made.backend.prepare(arn("a"), one, ROLE)
        await made.backend.prepare(arn("b"), one, ROLE)
        await made.backend.prepare(arn("c"), other, ROLE)
        await made.backend.give_up(arn("a"))
        assert unpacked(made) == {"one", "other"}, "another model has the same data"
        await made.backend.give_up(arn("b"))
        assert unpacked(made) == {"other"}
        spec = made.spec(container=other)
        await made.ready(spec)
        await made.backend.give_up(arn("c"))
        await made.backend.give_up(arn("c"))
        assert unpacked(made) == {"other"}, "an instance uses it"
        await made.backend.stop(spec.instance_id, 1.0)
        await made.until(spec, Phase.EXITED)
        await made.backend.remove(spec.instance_id)
        assert unpacked(made) == set()
        assert list(made.layout.prepared.iterdir()) == []

    play(story)


def test_a_model_created_anew_under_its_name_leaves_nothing_of_the_old() -> None:
    async def story(made: World) -> None:
        await made.backend.prepare(arn("m"), container(made, "old"), ROLE)
        await made.backend.prepare(arn("m"), container(made, "new"), ROLE)
        assert unpacked(made) == {"new"}

    play(story)
