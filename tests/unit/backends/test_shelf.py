"""Removing an environment from the shelf."""

import fcntl
from pathlib import Path

from hostler.backends.process import shelf
from hostler.backends.process.environments import LOCK


def test_who_waits_for_an_environments_lock_keeps_others_out_after_its_removal(
    tmp_path: Path,
) -> None:
    path = tmp_path / "runtimes" / "sklearn-0123456789abcdef"
    path.mkdir(parents=True)
    (path / "pyvenv.cfg").touch()
    name = path.with_name(path.name + LOCK)
    with name.open("w") as waiting:
        (environment,) = shelf.held(tmp_path)
        assert shelf.remove(environment)
        assert not path.exists()
        fcntl.flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.mkdir()
        (path / "pyvenv.cfg").touch()
        assert not shelf.remove(environment)
