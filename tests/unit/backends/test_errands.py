from pathlib import Path

import pytest

from hostler.backends.process import errands


def test_every_prefix_that_leads_to_an_interpreter_is_shown_where_it_is_named(
    tmp_path: Path,
) -> None:
    real = tmp_path / "cpython-3.11.7"
    (real / "bin").mkdir(parents=True)
    (real / "bin" / "python3.11").write_text("")
    alias = tmp_path / "cpython-3.11"
    alias.symlink_to(real)
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(alias / "bin" / "python3.11")
    assert errands.interpreter_paths(venv / "bin" / "python") == sorted(
        [(str(real), str(alias)), (str(real), str(real)), (str(venv), str(venv))]
    )


def test_the_root_folder_is_never_shown(tmp_path: Path) -> None:
    assert ("/", "/") not in errands.interpreter_paths(Path("/bin/python3"))


def test_helpers_start_with_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    assert errands.clean_environment() == {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": "/opt/lib",
    }
