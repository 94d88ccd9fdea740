"""``python -m hostler.sim``: what it says, and its exit code."""

import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

from hostler.planning import fleet
from hostler.sim import __main__ as command
from running import eventually

Run = pytest.CaptureFixture[str]


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["hostler.sim", *words])
    return command.main()


def test_seeds_that_hold(monkeypatch: pytest.MonkeyPatch, capsys: Run) -> None:
    assert run(monkeypatch, "--seeds", "6", "--start", "5", "--processes", "2") == 0
    said = capsys.readouterr().out
    assert said.startswith("6 seeds from 5\n")
    assert "6 seeds held" in said


def test_seeds_are_fresh_unless_a_start_is_given(
    monkeypatch: pytest.MonkeyPatch, capsys: Run
) -> None:
    first = [
        run(monkeypatch, "--seeds", "1", "--processes", "1"),
        capsys.readouterr().out.splitlines()[0],
    ]
    second = [
        run(monkeypatch, "--seeds", "1", "--processes", "1"),
        capsys.readouterr().out.splitlines()[0],
    ]
    assert first[1] != second[1]


def test_a_seed_that_fails_is_named_and_can_be_seen_again(
    monkeypatch: pytest.MonkeyPatch, capsys: Run
) -> None:
    monkeypatch.setattr(fleet, "_blame", lambda *_: "it failed")
    assert run(monkeypatch, "--seeds", "100", "--start", "0", "--processes", "1") == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("replay: python -m hostler.sim --seed ")
    assert run(monkeypatch, "--seed", last.rpartition(" ")[2]) == 1
    story = capsys.readouterr().out
    assert "control starts" in story
    assert "WRONG: " in story


def test_a_process_that_is_killed_is_said_instead_of_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == 2:  # the first progress
            multiprocessing.active_children()[0].kill()

    monkeypatch.setattr(command, "PROGRESS_S", 0.0)
    monkeypatch.setattr(command, "_say", say)
    assert run(monkeypatch, "--seeds", "4000", "--processes", "2") == 2
    assert "was killed" in said[-1]


def test_who_judges_seeds_goes_with_who_asked() -> None:
    words = [sys.executable, "-m", "hostler.sim", "--seeds", "100000", "--processes", "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None

        def judging() -> list[Path]:
            told = Path(f"/proc/{asking.pid}/task/{asking.pid}/children").read_text()
            found = [Path(f"/proc/{pid}/cmdline") for pid in told.split()]
            return [each for each in found if _runs(each) and b"spawn_main" in each.read_bytes()]

        eventually("two judge", lambda: len(judging()) == 2)
        paths = judging()
        while " a second" not in asking.stdout.readline():
            assert asking.poll() is None
        asking.kill()
    eventually("they go", lambda: not any(map(_runs, paths)))


def _runs(cmdline: Path) -> bool:
    try:
        return bool(cmdline.read_bytes())
    except OSError:
        return False
