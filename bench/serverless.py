"""``python -m bench.serverless``: a serverless endpoint from zero, and a thousand callers at once.

The model answers what it is sent and takes no time to load, so that what is measured is Hostler's:
from a request's first byte to the answer's, with no environment there, without spares and with
them. Then callers that come all at once to a sleeping endpoint: how many starts they make, and what
becomes of each. A JSON file and a table.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import deploying, load
from bench.answers import PROBE
from bench.environments import CACHE
from bench.hostler import Deployed, hostler
from bench.machine import machine

IDLE_S = 1
SPARE_S = 0.5
"""In which a spare is made, if one is to be."""
MOST = 200
"""MaxConcurrency: AWS's greatest."""
ENDPOINT = "naps"
PATIENCE_S = 60.0


@dataclass(frozen=True)
class Naps:
    """A running Hostler with a serverless endpoint."""

    deployed: Deployed

    def client(self, service: str) -> Any:
        return deploying.client(self.deployed.exports, service)

    def create(self) -> None:
        """The endpoint, in service."""
        sagemaker = self.client("sagemaker")
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": self.deployed.model,
            "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": MOST},
        }
        sagemaker.create_endpoint_config(EndpointConfigName=ENDPOINT, ProductionVariants=[variant])
        sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=ENDPOINT)
        self.until(
            "the endpoint is in service",
            lambda: (
                sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService"
            ),
        )

    def environments(self) -> set[str]:
        """The environments that stand."""
        found = set()
        for path in (self.deployed.home / "i").glob("*/spec.json"):
            with contextlib.suppress(OSError):
                if json.loads(path.read_bytes())["spec"]["endpoint_name"] == ENDPOINT:
                    found.add(path.parent.name)
        return found

    def asleep(self) -> None:
        """Wait until none does."""
        self.until("it sleeps", lambda: not self.environments())

    def until(self, what: str, look: Any) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not look():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {PATIENCE_S:g} s: {what}")
            time.sleep(0.05)

    def requests(self) -> Iterator[bytes]:
        port, key = self.deployed.peer.port, self.deployed.key
        signer = load.Signer(port, f"/endpoints/{ENDPOINT}/invocations", key)
        number = 0
        while True:
            number += 1
            yield signer.request(number, load.body(PROBE))


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m bench.serverless", description=__doc__)
    parser.add_argument("--wakes", type=int, default=20, help="how often it is woken")
    parser.add_argument("--callers", type=int, default=1000, help="how many come at once")
    parser.add_argument("--out", type=Path, default=CACHE / "serverless.json")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "machine": machine(),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    with sleeping(spares=False) as plain, sleeping(spares=True) as naps:
        found["without_spares_ms"], found["first_byte_ms"] = first_bytes(
            (plain, naps), options.wakes
        )
        found["callers"] = crowd(naps, options.callers)
    options.out.write_text(json.dumps(found, indent=2))
    print(table(found))
    print(f"\n{options.out}")


@contextlib.contextmanager
def sleeping(*, spares: bool) -> Iterator[Naps]:
    """Hostler with an endpoint that sleeps soon."""
    os.environ["HOSTLER_SERVERLESS_IDLE_TIMEOUT_S"] = str(IDLE_S)
    os.environ["HOSTLER_INSTANCES_SPARES"] = str(spares).lower()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-bench-") as folder:
        work = Path(folder)
        with hostler(work, work, "echo", None) as deployed:
            naps = Naps(deployed)
            naps.create()
            yield naps


def woken(wakes: int) -> dict[str, float]:
    """How long a request that wakes a sleeping endpoint waits for its answer (ms)."""
    with sleeping(spares=True) as naps:
        return first_bytes((naps,), wakes)[0]


def first_bytes(servers: Sequence[Naps], wakes: int) -> list[dict[str, float]]:
    """From zero to the first byte of an answer, and the same with an environment there, in ms.

    The servers take turns, so that what else the machine does is the same for each.
    """
    requests = [each.requests() for each in servers]
    cold: list[list[float]] = [[] for _ in servers]
    warm: list[list[float]] = [[] for _ in servers]
    for _ in range(wakes):
        for number, naps in enumerate(servers):
            naps.asleep()
            time.sleep(SPARE_S)
            cold[number].append(asyncio.run(_one(naps, next(requests[number]))))
            warm[number].append(asyncio.run(_one(naps, next(requests[number]))))
    return [_percentiles(*each) for each in zip(cold, warm, strict=True)]


def _percentiles(cold: list[float], warm: list[float]) -> dict[str, float]:
    cold.sort()
    return {
        "least": round(cold[0], 1),
        "p50": round(statistics.median(cold), 1),
        "p90": round(cold[int(0.9 * (len(cold) - 1))], 1),
        "greatest": round(cold[-1], 1),
        "awake_p50": round(statistics.median(warm), 2),
    }


def crowd(naps: Naps, callers: int) -> dict[str, Any]:
    """What becomes of callers that all come at once to a sleeping endpoint."""
    naps.asleep()
    requests = naps.requests()
    raw = [next(requests) for _ in range(callers)]
    answers, seconds = asyncio.run(_all(naps.deployed.peer.port, raw))
    return {
        "callers": callers,
        "answers": dict(Counter(answers)),
        "starts": len(naps.environments()),
        "last_answer_ms": round(seconds * 1000, 1),
    }


async def _one(naps: Naps, request: bytes) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", naps.deployed.peer.port)
    began = time.perf_counter()
    writer.write(request)
    first = await reader.read(65_536)
    took_ms = (time.perf_counter() - began) * 1000
    writer.close()
    if not first.startswith(b"HTTP/1.1 200"):
        raise load.LoadError(f"refused: {first[:300]!r}")
    return took_ms


async def _all(port: int, requests: list[bytes]) -> tuple[list[str], float]:
    """Every caller's status, and when the last was told (s); all are connected before they call."""
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in requests]
    began = time.perf_counter()
    for (_, writer), request in zip(pairs, requests, strict=True):
        writer.write(request)
    first = await asyncio.gather(*(reader.read(65_536) for reader, _ in pairs))
    seconds = time.perf_counter() - began
    for _, writer in pairs:
        writer.close()
    return [said(each) for each in first], seconds


def said(answer: bytes) -> str:
    """An answer's error, or its status."""
    kind = answer.partition(b"x-amzn-ErrorType: ")[2].partition(b"\r\n")[0].decode()
    return kind or (answer.split(b" ", 2)[1].decode() if answer else "no answer")


def table(found: dict[str, Any]) -> str:
    """The report in Markdown."""
    first, crowded, place = found["first_byte_ms"], found["callers"], found["machine"]
    before = found["without_spares_ms"]
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(crowded["answers"].items()))
    rows = [
        ("from zero to the first byte, ms", "p50", first["p50"]),
        ("", "p90", first["p90"]),
        ("", "least, greatest", f"{first['least']}, {first['greatest']}"),
        ("the same without spares, ms", "p50", before["p50"]),
        ("", "p90", before["p90"]),
        ("", "least, greatest", f"{before['least']}, {before['greatest']}"),
        ("awake, ms", "p50", first["awake_p50"]),
        (f"{crowded['callers']} callers at once", "answers", told),
        ("", "starts", crowded["starts"]),
        ("", "last answer, ms", crowded["last_answer_ms"]),
    ]
    lines = ["| | | |", "|---|---|---|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    lines += ["", f"{place['cpus']} CPUs, load average {place['load_average_before']:.1f}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
