"""Failed tests are run once more: real runs of small suites."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIRST_TIME = """
import os, pathlib, threading, pytest
def first_time(name="here"):
    try:
        pathlib.Path(name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
"""
WORKER = ("-p", "xdist", "-n", "1", "--dist", "loadfile", "--max-worker-restart=0")
OURS = {
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # half of what a run takes
}
CI = {"CI", "BUILD_NUMBER"}  # where pytest's summary repeats a failure's whole message


class Suite:
    """A project with tests of its own, run as `make test` runs ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pytest.ini").write_text("[pytest]\nfaulthandler_exit_on_timeout = true\n")
        self.add("unit/test_sound.py", "def test_sound(): pass")

    def add(self, path: str, text: str) -> None:
        file = self.folder / "tests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FIRST_TIME + text)

    def run(self, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "tools.run_tests", *words],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if name not in CI} | OURS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


def test_who_passes_the_second_time_is_named_at_the_end(suite: Suite) -> None:
    suite.add(
        "integration/test_races.py",
        "@pytest.mark.parametrize('way', ['a b', 'c::d'])\n"
        "def test_races(way): assert way == 'a b' or not first_time(), 'a race was lost'",
    )
    status, output = suite.run(*WORKER)
    assert status == 0, output
    assert output.count("AssertionError: a race was lost") == 1
    (again, *_) = output[output.index("!!! once more") :].splitlines()
    assert again == "!!! once more, alone: tests/integration/test_races.py::test_races[c::d]"
    *_, named, why = output.splitlines()
    test = "tests/integration/test_races.py::test_races[c::d]"
    assert named == f"!!! passed only when run again, alone: {test}"
    assert why == "!!! why they failed at first is in the log above: a race to be mended"


def test_who_fails_twice_or_is_skipped_fails_the_run_whoever_else_passes(suite: Suite) -> None:
    suite.add(
        "contract/test_three.py",
        "@pytest.fixture\ndef ends():\n    yield\n    assert not first_time('ends')\n"
        "def test_ends(ends): pass\n"
        "def test_wrong(): assert 1 == 2\n"
        "def test_skips(): assert not first_time('skips'); pytest.skip()",
    )
    status, output = suite.run()
    assert status == 1
    assert "passed only when run again, alone: tests/contract/test_three.py::test_ends" in output
    assert "failed again, alone: tests/contract/test_three.py::test_wrong" in output
    assert "failed again, alone: tests/contract/test_three.py::test_skips" in output


FAILS = "def test_a(): assert not first_time()\n"
HANGS = ("-o", "faulthandler_timeout=2")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(f"{FAILS}def test_b(): os._exit(1)", WORKER, id="a worker crashed"),
        pytest.param(f"{FAILS}def test_b(): threading.Event().wait()", HANGS, id="a test hung"),
        pytest.param(f"{FAILS}def test_b(): raise KeyboardInterrupt", (), id="it was interrupted"),
        pytest.param(f"{FAILS}def test_b(): pass", ("-x",), id="it was not run to its end"),
        pytest.param("1/0", WORKER, id="a file could not be read"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_has_failed(
    suite: Suite, text: str, words: tuple[str, ...]
) -> None:
    suite.add("integration/test_breaks.py", text)
    status, output = suite.run(*words)
    assert status not in {0, 5}
    assert "once more, alone" not in output
    assert "when run again" not in output
