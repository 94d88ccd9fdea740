import sys
from pathlib import Path

import pytest

from hostler.app import program


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "ven v" / "bin"
    folder.mkdir(parents=True)
    command = folder / "hostler"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/nowhere")
    return command


def test_the_command_is_named_as_the_shell_finds_it(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program.words() == "hostler"


def test_elsewhere_it_is_a_path_that_can_be_typed(
    installed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert program.words() == f"'{installed}'"
    monkeypatch.chdir(tmp_path)
    assert program.words() == "'ven v/bin/hostler'"


def test_who_was_detached_names_the_whole_path(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It runs in /, and its console is read from elsewhere."""
    monkeypatch.chdir("/")
    assert program.words() == f"'{installed}'"


def test_another_hostler_of_that_name_is_not_taken_for_this_one(
    installed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "hostler"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.words() == f"'{installed}'"


def test_without_a_script_it_is_the_plain_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert program.words() == "hostler"


def test_the_usual_data_directory_needs_no_option(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOSTLER_DATA_DIR", str(tmp_path))
    assert program.option(tmp_path) == ""
    assert program.option(tmp_path / "a b") == f" --data-dir '{tmp_path}/a b'"
