"""Load from another process for as long as a block runs, and what became of it."""

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from running import Running

ROOT = Path(__file__).parents[1]


class Outcome(NamedTuple):
    """One call: when it began and ended (monotonic s), the status (0: none), what was wrong."""

    began: float
    ended: float
    status: int
    note: str
    version: str = ""
    """Which version of the model answered, of models that say so."""

    @property
    def well(self) -> bool:
        return self.status == 200 and not self.note

    @property
    def ms(self) -> float:
        return (self.ended - self.began) * 1000


@dataclass
class Outcomes:
    """What became of a load; empty until its block has ended."""

    all: list[Outcome] = field(default_factory=list)
    late_ms: float = 0.0
    """By how much the load's own clock was late (p99): no latency is known better than that."""

    @property
    def failed(self) -> list[Outcome]:
        return [each for each in self.all if not each.well]

    def begun(self, *spans: tuple[float, float]) -> list[Outcome]:
        """Those that began within any of the spans."""
        return [each for each in self.all if any(a <= each.began < b for a, b in spans)]

    def summary(self) -> str:
        """How many of what."""
        return summary(self.all)


def summary(outcomes: Sequence[Outcome]) -> str:
    kinds = Counter(f"{each.status} {each.note}".strip() for each in outcomes)
    return ", ".join(f"{number} × {kind}" for kind, number in kinds.most_common(5)) or "none"


def p99_ms(outcomes: Sequence[Outcome], quantile: float = 0.99) -> float:
    """The latency that this share of the calls kept within."""
    latencies = sorted(each.ms for each in outcomes)
    return latencies[min(len(latencies) - 1, int(quantile * len(latencies)))] if latencies else 0.0


@contextlib.contextmanager
def load(
    server: Running,
    endpoint: str,
    body: dict[str, Any] | None = None,
    *,
    per_second: float = 0.0,
    connections: int = 0,
    versions: bool = False,
) -> Iterator[Outcomes]:
    """Call an endpoint; an answer that is not its request's echo is a failure.

    ``versions``: the model's version stands before the echo, and is kept.
    """
    exports = server.exports()
    orders = {
        "port": server.port,
        "endpoint": endpoint,
        "access_key_id": exports["AWS_ACCESS_KEY_ID"],
        "secret": exports["AWS_SECRET_ACCESS_KEY"],
        "region": exports["AWS_REGION"],
        "body": body or {},
        "per_second": per_second,
        "connections": connections,
        "versions": versions,
    }
    outcomes = Outcomes()
    words = [sys.executable, "-m", "chaos.client"]
    with (
        tempfile.TemporaryFile() as said,  # megabytes: more than a pipe holds
        subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=said) as process,
    ):
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(orders).encode() + b"\n")
            process.stdin.flush()
            yield outcomes
            process.stdin.close()
            process.wait(timeout=120)
            said.seek(0)
            document = json.load(said)
            outcomes.all.extend(Outcome(*each) for each in document["outcomes"])
            outcomes.late_ms = document["late_ms"]
        finally:
            process.kill()


def pause(seconds: float) -> None:
    """Let things happen for so long."""
    threading.Event().wait(seconds)
