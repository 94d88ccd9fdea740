"""How much an instance may print, and how it is told what was left out."""

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostler.modelserver import allowance, output, spool
from hostler.modelserver.allowance import LINE_COST, Allowance
from hostler.modelserver.output import Output


def test_ten_seconds_worth_at_once_and_then_what_a_second_gives() -> None:
    allowed = Allowance(1000, now=0.0)
    assert not allowed.is_spent(0.0)
    allowed.spend(lines=10, size=10_000 - 10 * LINE_COST)
    assert allowed.is_spent(0.0)
    assert not allowed.is_spent(1.0)
    allowed.spend(lines=1, size=3000 - LINE_COST)  # what is begun is kept, and owed
    assert allowed.is_spent(2.9)
    assert not allowed.is_spent(3.1)
    assert not allowed.is_spent(1000.0)
    allowed.spend(lines=0, size=10_000)
    assert allowed.is_spent(1000.0)


def test_without_a_limit_nothing_is_ever_spent() -> None:
    allowed = Allowance(0, now=0.0)
    allowed.spend(lines=10**6, size=10**9)
    assert not allowed.is_spent(0.0)


def test_what_was_dropped_is_told_at_once_and_then_every_ten_seconds() -> None:
    allowed = Allowance(1024, now=0.0)
    assert (allowed.due_in(0.0), allowed.told(0.0)) == (None, "")
    allowed.drop(lines=7, size=2_500_000)
    assert allowed.told(0.0).startswith("2.5 MB of output (7 lines) were left out of this log")
    allowed.drop(lines=1, size=100)
    assert (allowed.due_in(4.0), allowed.told(4.0)) == (6.0, "")
    assert "(1 lines)" in allowed.told(10.0)
    assert allowed.due_in(10.0) is None
    allowed.drop(lines=2, size=100)
    assert "(2 lines)" in allowed.told(11.0, last=True)
    assert allowed.told(12.0, last=True) == ""


class Instance:
    """An instance's folder, its output, and a worker's pipe into it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (folder / "spool").mkdir()
        self.now = 0.0
        monkeypatch.setattr(output.time, "monotonic", lambda: self.now)
        self._folder = str(folder / "spool")
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.output = Output(directory, select.poll(), bytes_per_s=100)
        self._read, self._write = os.pipe()
        other = os.open(os.devnull, os.O_RDONLY)
        self.output.add(1, self._read, other)

    def prints(self, text: str) -> None:
        os.write(self._write, text.encode())
        assert self.output.drain(self._read)

    def lines(self) -> list[str]:
        return [record.line for record in spool.read(self._folder)[0]]

    def close(self) -> None:
        self.output.close()
        os.close(self._write)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instance]:
    made = Instance(tmp_path, monkeypatch)
    yield made
    made.close()


def test_a_pipe_is_drained_whatever_is_dropped_and_lines_stay_whole(instance: Instance) -> None:
    instance.prints("kept\n" + "x" * 2000 + "\n")
    instance.prints("dropped\n" * 5 + "its beginning and ")
    instance.prints("more of it, ")
    instance.now = 60.0
    instance.prints("and its end\nkept again\nbegun")
    instance.prints(" and ended\n")
    assert instance.lines() == ["kept", "x" * 2000, "kept again", "begun and ended"]
    told = len("dropped\n" * 5 + "its beginning and more of it, and its end\n")
    assert instance.output.tell() is None
    text = instance.lines()[-1]
    assert text.startswith(f"[hostler] {told / 1e6:.1f} MB of output (6 lines) were left out")


def test_the_line_cost_keeps_short_lines_few(instance: Instance) -> None:
    instance.prints("\n" * 1000)
    instance.prints("\n" * 1000)
    assert len(instance.lines()) == 1000
    assert instance.output.tell() is None
    assert "(1000 lines)" in instance.lines()[-1]
    assert allowance.LINE_COST * 1000 > 100 * allowance.AT_ONCE_S
