"""What every test may use, and which client ran which block at the end of a run."""

import asyncio
import json
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from hostler.backends.process.environments import Environments
from hostler.backends.process.runtimes import Runtimes
from hostler.toolkit import iris

# How long an example takes says how busy the machine is.
settings.register_profile(
    "busy machine",
    settings.default,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy machine")

MATRIX = Path(__file__).parents[1] / ".cache/matrix.json"


def pytest_configure(config: pytest.Config) -> None:
    # A run in a shell's background, or under nohup, hands what it ignores on to every program it
    # starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if not hasattr(config, "workerinput"):  # the run as a whole, not one of its workers
        MATRIX.unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not MATRIX.exists():
        return
    terminalreporter.section("blocks of examples/sagemaker.md, by whom, and how")
    for client, block, mode in sorted(json.loads(MATRIX.read_text()), key=lambda cell: cell[1]):
        terminalreporter.write_line(f"{block:<12} {client:<6} {mode}")


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A short folder: Unix sockets lie below data directories, and their paths are short."""
    with tempfile.TemporaryDirectory(prefix="h-", dir="/tmp") as folder:
        own = Path(folder) / "t"
        own.mkdir()
        yield own


@pytest.fixture(scope="session")
def iris_archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A model.tar.gz of the demonstration's classifier, trained in the runtime that serves it."""
    environment = asyncio.run(Environments().ensure(Runtimes.shipped().named("scikit-learn")))
    archive, _accuracy = iris.train(environment.python, tmp_path_factory.mktemp("iris"))
    return archive.read_bytes()
