"""A stopped child is seen, and still there to be collected."""

import os
import signal
import subprocess

from hostler.modelserver.stops import Stops
from running import eventually


def test_a_stopped_child_is_timed_from_the_first_look_until_it_goes_on() -> None:
    stops = Stops()
    child = subprocess.Popen(["sleep", "60"])
    try:
        assert stops.stopped_s(child.pid, 10.0) == 0.0
        os.kill(child.pid, signal.SIGSTOP)
        eventually(
            "its stop", lambda: stops.stopped_s(child.pid, 20.0) == 0.0 and bool(stops._since)
        )
        assert stops.stopped_s(child.pid, 25.0) == 5.0
        assert stops.stopped_s(child.pid, 90.0) == 70.0
        os.kill(child.pid, signal.SIGCONT)
        eventually("it goes on", lambda: stops.stopped_s(child.pid, 91.0) == 0.0)
        os.kill(child.pid, signal.SIGSTOP)
        eventually("again", lambda: stops.stopped_s(child.pid, 92.0) == 0.0 and bool(stops._since))
        assert stops.stopped_s(child.pid, 93.0) == 1.0
        stops.forget(child.pid)
        assert stops.stopped_s(child.pid, 94.0) == 0.0
    finally:
        child.kill()
        assert child.wait() == -signal.SIGKILL
    assert stops.stopped_s(child.pid, 99.0) == 0.0
