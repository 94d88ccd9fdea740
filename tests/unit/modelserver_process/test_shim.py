"""What a shim does when the machine lacks something."""

import errno
import os
import signal
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from hostler.modelserver import folder, page, spool, worker
from hostler.modelserver.shim import AGAIN_S, Shim

DESCRIPTORS = Path("/proc/self/fd")


def test_a_worker_that_cannot_be_forked_is_tried_again_and_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was taken for a sandbox that cannot be built, and the instance ended with all workers."""

    def no_room() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    settings = {"socket_dir": str(tmp_path), "model_dir": str(tmp_path)}
    plan = folder.LaunchPlan("i-1", cast("Any", None), settings, sys.executable, 1.0, workers=2)
    (tmp_path / folder.SPOOL).mkdir()
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    shim = Shim(plan, directory, -1)
    path = str(tmp_path / page.FILE_NAME)
    page.create(path, 2)
    shim._page = page.open_page(path, write=True)
    shim._workers[4711] = 1
    before = len(list(DESCRIPTORS.iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fork", no_room)
        with pytest.raises(BlockingIOError):
            worker.fork()
        assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        shim._start_again(0, 100.0)
    assert shim._starts == {0: 100.0 + AGAIN_S}
    assert shim._workers == {4711: 1}
    assert len(list(DESCRIPTORS.iterdir())) <= before + 1, "the spool's file alone"
    (note,) = spool.read(str(tmp_path / "spool"))[0]
    assert "worker 0 cannot be started yet" in note.line
    os.close(directory)
