"""One thing is worked on by one at a time."""

import asyncio

from hostler.api.s3.call import Turns


def test_turns_are_taken_by_thing() -> None:
    turns, events = Turns(), list[str]()

    async def work(thing: str, name: str) -> None:
        async with turns.of(thing):
            events.append(f"{name} begins")
            await asyncio.sleep(0)
            events.append(f"{name} ends")

    async def run() -> None:
        await asyncio.gather(work("a", "first"), work("a", "second"), work("b", "other"))

    asyncio.run(run())
    assert events.index("first ends") < events.index("second begins")
    assert events.index("other begins") < events.index("first ends")
    assert not turns._locks
