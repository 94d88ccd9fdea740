"""docs/tutorial.md, typed: its commands run in one shell, what it promises seen."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from running import free_port, processes_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/tutorial.md"
BLOCK = re.compile(
    r"(?:^`(?P<file>[\w./]+)`:\n\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
MARK = "-- block {} --"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for pid in processes_of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def environment(home: Path) -> dict[str, str]:
    """A new user's; downloads are kept where this machine's are, the repository is this one."""
    dropped = ("AWS_", "SAGEMAKER_", "HOSTLER_", "PYTEST_", "MAKE", "MFLAGS", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(cache),
        "HOSTLER_CACHE_DIR": os.environ.get("HOSTLER_CACHE_DIR") or str(cache / "hostler"),
        "HOSTLER_PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/hostler/hostler",
    }


def test_every_command_of_the_tutorial_does_what_it_says(home: Path) -> None:
    lines = ["set -euo pipefail"]
    promised: dict[int, list[str]] = {}
    for number, block in enumerate(BLOCK.finditer(PAGE.read_text())):
        match block["language"]:
            case "sh":
                lines += [f"echo '{MARK.format(number)}'", block["text"]]
                last = number
            case "python":
                path = home / "work" / block["file"]
                lines.append(f"mkdir -p {path.parent}; cp {home}/{number} {path}")
                (home / str(number)).write_text(block["text"])
            case "text":
                promised[last] = block["text"].splitlines()
    (home / "work").mkdir()
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=home / "work",
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for number, texts in promised.items():
        said = done.stdout.partition(MARK.format(number))[2].partition("-- block ")[0]
        assert all(text in said for text in texts), said
    assert processes_of(home / ".hostler") == []
