"""Large transfers take turns: by a loop that is a list of callbacks."""

from typing import TYPE_CHECKING

from hostler.gateway.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable


def test_one_goes_on_with_each_turn_of_the_loop_in_order() -> None:
    ready: list[Callable[[], None]] = []
    turns = Turns(ready.append)
    went: list[str] = []

    def turn() -> None:
        due, ready[:] = ready[:], []
        for each in due:
            each()

    for name in "abc":
        turns.wait(lambda name=name: went.append(name))
    turn()
    assert went == ["a"]
    turns.wait(lambda: went.append("a again"))
    turn()
    turn()
    assert went == ["a", "b", "c"]
    turn()
    assert went == ["a", "b", "c", "a again"]
    assert not ready, "nobody waits: nothing is asked of the loop"
    turns.wait(lambda: went.append("later"))
    turn()
    assert went[-1] == "later"
