"""What docs/how-to/ci.md shows of tests is run by pytest."""

import subprocess
import sys
from pathlib import Path

from ci_page import block, clean_environment
from running import processes_of


def test_the_pages_test_passes_with_the_plugin(tmp_path: Path) -> None:
    (tmp_path / "test_triple.py").write_text(block("python"))
    (tmp_path / "pyproject.toml").write_text(block("toml"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean_environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert not list(tmp_path.glob("hostler-demo-*")), "the session left its Hostler behind"
    assert processes_of(tmp_path) == []


def test_a_deployment_that_fails_in_a_test_says_why(tmp_path: Path) -> None:
    text = block("python").replace("return 3", "import nobody_has_this")
    (tmp_path / "test_triple.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean_environment(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 1, done.stdout
    assert "nobody_has_this" in done.stdout
    assert "inference.py, line 3" in done.stdout
