"""Looks for inputs that break the head parser, the frame codec or the signatures (`make fuzz`).

An input is made from ``seed/number`` alone: whatever fails is found again by these two.
"""

import argparse
import contextlib
import logging
import sys
import time
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType

import fuzz_frames
import fuzz_http
import fuzz_sigv4
from http_exchange import Front, front

TARGETS: dict[str, ModuleType] = {
    target.NAME: target for target in (fuzz_http, fuzz_frames, fuzz_sigv4)
}
BATCH = 200
"""Examples with one gateway: a fresh one forgets what the ones before left."""


def example(target: str, seed: int, number: int) -> list[bytes]:
    """An input."""
    made: list[bytes] = TARGETS[target].make(Random(f"{target}/{seed}/{number}"))
    return made


def failure(target: str, pieces: list[bytes], made: Front | None = None) -> str:
    """What is wrong with the outcome; empty when nothing is."""
    with contextlib.nullcontext(made) if made else front() as used:
        try:
            TARGETS[target].judge(used, pieces)
        except Exception as error:  # noqa: BLE001 - whatever is raised is a finding
            return f"{type(error).__name__}: {error}"
    return ""


def numbers(target: str, seed: int, wanted: Callable[[int], bool]) -> Iterator[int]:
    """The numbers of examples that fail."""
    number = 0
    while wanted(number):
        with front() as made:
            for number in range(number, number + BATCH):  # noqa: B020 - goes on from there
                if not wanted(number):
                    return
                if failure(target, example(target, seed, number), made):
                    yield number
                    break  # what it left behind is nobody else's
        number += 1


def least(target: str, pieces: list[bytes], tries: int = 2000) -> list[bytes]:
    """A smaller input that fails too."""
    step = max(map(len, pieces), default=0) // 2
    while step and tries > 0:
        smaller = False
        for place, piece in enumerate(pieces):
            for at in range(0, len(piece), step):
                tries -= 1
                less = [*pieces[:place], piece[:at] + piece[at + step :], *pieces[place + 1 :]]
                if tries > 0 and failure(target, less):
                    pieces, smaller = less, True
                    break
            if smaller:
                break
        step = step if smaller else step // 2
    return pieces


def report(target: str, seed: int, number: int) -> str:
    """A finding, for people."""
    pieces = example(target, seed, number)
    small = least(target, pieces) if target != fuzz_sigv4.NAME else pieces
    return (
        f"{target}, seed {seed}, example {number}: {failure(target, pieces)}\n"
        f"  the least that fails: {small!r}: {failure(target, small)}\n"
        f"  again: make fuzz TARGET={target} SEED={seed} EXAMPLE={number}"
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument("--example", type=int, help="this one alone")
    options = parser.parse_args()
    logging.disable()  # what a stream is refused for is no finding
    targets = options.target or list(TARGETS)
    if options.example is not None:
        for target in targets:
            say(report(target, options.seed, options.example))
        return 0
    found = 0
    for target in targets:
        until = time.monotonic() + options.seconds / len(targets)
        count = 0

        def wanted(number: int, until: float = until) -> bool:
            nonlocal count
            count = number
            return time.monotonic() < until

        for number in numbers(target, options.seed, wanted):
            found += 1
            say(report(target, options.seed, number))
            if found >= 20:
                break
        say(f"{target}: {count} examples of seed {options.seed}, {found} failures so far")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
