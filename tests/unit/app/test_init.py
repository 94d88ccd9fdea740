"""The process that runs the user's scripts waits for nothing without end."""

import subprocess
from pathlib import Path

import pytest

from hostler.app import init
from hostler.app.settings import Settings


def test_an_environment_that_does_not_come_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(init, "ENVIRONMENT_S", 0.01)
    with pytest.raises(subprocess.TimeoutExpired):
        init.variables(Settings(tmp_path))
