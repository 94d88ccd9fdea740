"""What is installed beside uv.lock is locked with hashes, and torch alone without."""

import re
import tomllib

import pytest
from tools import audit, locks

from hostler.backends.process.runtimes import Runtimes

EVERY = sorted([*(locks.RUNTIMES / "locks").glob("*.txt"), *locks.CLIENTS.glob("*.txt")])
RESOLVED = """\
numpy==2.4.6 \\
    --hash=sha256:00 \\
    --hash=sha256:01
nvidia-cublas==13.0 \\
    --hash=sha256:02
torch==2.13.0+cpu \\
    --hash=sha256:03
# a remark
triton==3.0 \\
    --hash=sha256:04
"""


@pytest.mark.parametrize("lock", [*EVERY, locks.BOOTSTRAP], ids=lambda path: path.stem)
def test_every_package_has_its_hashes_but_for_torch(lock: locks.Path) -> None:
    entries = locks.ENTRY.findall(lock.read_text())
    assert entries
    for entry in entries:
        name, _, rest = entry.partition("==")
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", rest)
        assert bool(hashes) is (name != "torch"), entry


def test_a_runtimes_lock_keeps_hashes_and_leaves_builds_of_torch_open() -> None:
    assert list(locks.kept(RESOLVED)) == [
        "numpy==2.4.6 \\\n    --hash=sha256:00 \\\n    --hash=sha256:01",
        "torch==2.13.0",
    ]


def test_the_audit_reads_pins_alone() -> None:
    for runtime in Runtimes.shipped():
        for line in audit.without_hashes(runtime.lock).splitlines():
            assert re.fullmatch(r"[\w.-]+==\S+", line), line


def test_the_uv_that_pip_installs_is_the_locked_one() -> None:
    """With the same bytes; ``make locks`` writes it."""
    lock = locks.OWN.read_text()
    assert locks.BOOTSTRAP.read_text().startswith(f"uv=={locks.own_version('uv', lock)} \\\n")
    (own,) = [each for each in tomllib.loads(lock)["package"] if each["name"] == "uv"]
    known = {each["hash"] for each in (own["sdist"], *own["wheels"])}
    assert set(re.findall(r"sha256:\w+", locks.BOOTSTRAP.read_text())) == known
