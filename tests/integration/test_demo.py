"""`hostler demo`: the whole way, and that nothing of it stays behind unless it is to."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import eventually, processes_of

pytestmark = pytest.mark.xdist_group("demo")

COMMAND = (sys.executable, "-m", "hostler.cli.main")


@pytest.fixture
def temporary() -> Iterator[Path]:
    """The folder for temporary files; whatever a demo leaves there is ended and removed."""
    folder = Path(tempfile.mkdtemp(prefix="h-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    for home in folder.iterdir():
        subprocess.run([*COMMAND, "down", "--data-dir", str(home)], check=False)
    shutil.rmtree(folder)


def _environ(temporary: Path, **more: str) -> dict[str, str]:
    return os.environ | {"TMPDIR": str(temporary)} | more


def test_the_demo_goes_from_nothing_to_an_answer_and_may_be_kept(temporary: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--keep"],
        capture_output=True,
        text=True,
        check=False,
        env=_environ(temporary),
    )
    assert done.returncode == 0, done.stderr
    steps = [line for line in done.stdout.splitlines() if line.startswith("✓")]
    assert len(steps) == 8
    assert all(" s " in step for step in steps)
    assert "→ [2] (virginica)" in steps[-1]
    (home,) = temporary.iterdir()
    for words in ("hostler invoke rc-project-a-iris-ep", "hostler logs", f"down --data-dir {home}"):
        assert words in done.stdout
    (invoke,) = [line for line in done.stdout.splitlines() if "hostler invoke" in line]
    again = subprocess.run(["/bin/sh", "-c", invoke], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == [2]


def test_a_demo_that_is_ended_leaves_nothing(temporary: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "demo", "--json"], stdout=subprocess.PIPE, env=_environ(temporary)
    ) as demo:
        home = eventually("it has begun", lambda: next(temporary.glob("hostler-demo-*"), None))
        eventually("Hostler runs", (home / "root.json").exists)
        demo.send_signal(signal.SIGTERM)
        out, _ = demo.communicate(timeout=120)
    assert demo.returncode == 128 + signal.SIGTERM
    assert not out
    assert not home.exists()
    assert processes_of(home) == []


def test_a_demo_that_is_killed_is_cleared_away_by_the_next(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with subprocess.Popen([*COMMAND, "demo", "--json"], env=_environ(temporary)) as demo:
        home = eventually("it has begun", lambda: next(temporary.glob("hostler-demo-*"), None))
        eventually("Hostler runs", (home / "root.json").exists)
        beside = _environ(temporary, HOSTLER_CACHE_DIR=str(tmp_path / "file"))
        subprocess.run([*COMMAND, "demo"], capture_output=True, check=False, env=beside)
        assert home.exists(), "it has an owner"
        demo.kill()
    assert processes_of(home)
    subprocess.run([*COMMAND, "demo"], capture_output=True, check=False, env=beside)
    assert not any(temporary.iterdir())
    # A command that the killed one had begun may be about to find that its place is gone.
    eventually("nothing of it runs", lambda: not processes_of(home))


def test_a_step_that_fails_is_named_with_its_reason(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [*COMMAND, "demo"],
        capture_output=True,
        text=True,
        check=False,
        env=_environ(temporary, HOSTLER_CACHE_DIR=str(tmp_path / "file")),
    )
    assert done.returncode == 1
    assert 'the demo stopped at "build the scikit-learn environment (once)"' in done.stderr
    assert str(tmp_path / "file") in done.stderr
    assert done.stderr.count("\n") == 1
    assert not any(temporary.iterdir())
