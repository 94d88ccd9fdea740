"""A worker's first steps, in a process of their own."""

import subprocess
import sys
from pathlib import Path

from hostler.modelserver import page, server

SHIM = """
import os, signal
from hostler.modelserver import worker

signal.signal(signal.SIGTERM, lambda _number, _frame: None)  # as the shim
told, teller = os.pipe()
pid = worker.fork()
if pid == 0:
    os.read(told, 1)
    worker.usual_signals()
    os._exit(0)
os.kill(pid, signal.SIGTERM)
os.write(teller, b"x")
ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
print(ended == -signal.SIGTERM, signal.SIGTERM in blocked)
"""


def test_a_stop_that_comes_right_after_the_fork_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", SHIM], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


LIMIT = """
import sys, types
from hostler.modelserver import threads

asked = []

class Pool:
    count = 1

    def get_num_threads(self):
        return self.count

    def set_num_threads(self, count):
        self.count = count
        asked.append(count)

found = types.SimpleNamespace(lib_controllers=[Pool()])
sys.modules["threadpoolctl"] = types.SimpleNamespace(ThreadpoolController=lambda: found)
threads.find()
for value in ("3", "4,2", "4", "", "0", "-1", "many", "\u00b2"):
    threads.limit(value)
print(asked)
"""


def test_threads_are_limited_to_a_plain_number_where_they_are_not_already() -> None:
    done = subprocess.run([sys.executable, "-c", LIMIT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[3, 4]"


WITHOUT_A_MODEL = """
import sys
from hostler.modelserver import server
from hostler.modelserver.settings import Settings

sys.exit(server.run_worker(Settings(socket_dir=sys.argv[1], model_dir=sys.argv[1]), 0))
"""


def test_a_worker_that_is_started_again_has_taken_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / page.FILE_NAME)
    page.create(path, 1)
    mapped = page.open_page(path, write=True)
    page.SLOT.pack_into(mapped, 0, page.VERSION, page.LOADING, 0, 1, 5000, 5000, 1, 0)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_MODEL, str(tmp_path)], capture_output=True, check=False
    )
    assert done.returncode == server.FAILED_TO_LOAD, done.stderr
    _, state, _, connection, last_taken, _, pid, _ = page.read(mapped, 0)
    assert (state, connection, last_taken) == (page.FAILED, 0, 0)
    assert pid != 1
