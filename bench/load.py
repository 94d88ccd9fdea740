"""Load: distinct signed requests, cycled by wrk.

Invariant: every server gets the same bodies and headers, no two requests of a set are equal, and an
answer that is not a 2xx fails the run.
"""

import hashlib
import json
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from hostler.aws import sigv4

DISTINCT = 2000
FEATURES = 4

_SCRIPT = """
local requests = dofile("%s")
local at = 0
request = function()
  at = at %% #requests + 1
  return requests[at]
end
done = function(summary, latency)
  io.write(string.format(
    "RESULT {\\"requests\\": %%d, \\"seconds\\": %%f, \\"errors\\": %%d, " ..
    "\\"p50_us\\": %%d, \\"p90_us\\": %%d, \\"p99_us\\": %%d, \\"max_us\\": %%d}\\n",
    summary.requests, summary.duration / 1e6,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status
      + summary.errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
"""


class LoadError(Exception):
    """The load could not be made, or was not answered."""


@dataclass(frozen=True, slots=True)
class Key:
    """An access key to sign with."""

    access_key_id: str
    secret: str
    region: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one server."""

    requests: int
    seconds: float
    errors: int
    p50_us: int
    p90_us: int
    p99_us: int
    max_us: int

    @property
    def rps(self) -> float:
        return self.requests / self.seconds


def rows(seed: int = 1) -> list[list[float]]:
    """The inputs: one row of JSON each."""
    rng = random.Random(seed)
    return [[round(rng.uniform(0.1, 7.9), 3) for _ in range(FEATURES)] for _ in range(DISTINCT)]


def body(row: list[float]) -> bytes:
    """A request's body, the same for every server."""
    return json.dumps({"instances": [row]}).encode()


def write_requests(path: Path, signer: "Signer") -> None:
    """Write the set as a Lua table of raw requests, signed now."""
    with path.open("w", encoding="latin-1") as file:
        file.write("return {\n")
        for number, row in enumerate(rows()):
            file.write(f'"{_lua(signer.request(number, body(row)))}",\n')
        file.write("}\n")


def run(port: int, requests: Path, connections: int, seconds: int) -> Measured:
    """Drive one server with wrk."""
    program = shutil.which("wrk")
    if program is None:
        raise LoadError("wrk is not installed (Debian: apt-get install wrk)")
    script = requests.with_suffix(".wrk.lua")
    script.write_text(_SCRIPT % requests)
    words = f"{program} -t1 -c{connections} -d{seconds}s --timeout 10s -s {script}".split()
    words.append(f"http://127.0.0.1:{port}/")
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds + 30)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            measured = Measured(**json.loads(line.removeprefix("RESULT ")))
            if measured.errors or not measured.requests:
                raise LoadError(f"{measured.errors} of {measured.requests} requests failed")
            return measured
    raise LoadError(f"wrk said nothing: {done.stdout} {done.stderr}")


def one_by_one(port: int, requests: Sequence[bytes], windows: int) -> list[tuple[float, float]]:
    """Call after call on one connection: p50 and p99 in µs, of each window of a second.

    wrk adds to its percentiles the calls that a longer one kept it from making: one pause of the
    machine outweighs all else. Here a pause is in its own window, and a median leaves it out.
    """
    found = []
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        calls = cycle(requests)
        for _ in range(windows):
            took: list[int] = []
            end = time.monotonic() + 1
            while time.monotonic() < end:
                before = time.perf_counter_ns()
                connection.sendall(next(calls))
                answer = connection.recv(65536)
                took.append(time.perf_counter_ns() - before)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise LoadError(f"refused: {answer[:200]!r}")
            took.sort()
            found.append((took[len(took) // 2] / 1000, took[len(took) * 99 // 100] / 1000))
    return found


@dataclass(frozen=True, slots=True)
class Signer:
    """Writes requests as boto3 does, with the same headers."""

    port: int
    target: str
    key: Key
    extra: tuple[tuple[str, str], ...] = ()
    """Headers that this server needs besides."""
    now: float = field(default_factory=time.time)

    def request(self, number: int, body: bytes) -> bytes:
        """One request, whole."""
        signed = sigv4.sign(
            "POST",
            self.target,
            (("host", f"127.0.0.1:{self.port}"), ("content-type", "application/json")),
            hashlib.sha256(body).hexdigest(),
            access_key_id=self.key.access_key_id,
            secret=self.key.secret,
            region=self.key.region,
            service="sagemaker",
            now=self.now,
        )
        unsigned = (
            ("accept-encoding", "identity"),
            ("user-agent", "Boto3/1.43.0 md/Botocore#1.43.0 ua/2.1 os/linux lang/python#3.11"),
            ("amz-sdk-invocation-id", f"3f2a0c1e-0000-4000-8000-{number:012x}"),
            ("amz-sdk-request", "attempt=1"),
            ("content-length", str(len(body))),
            *self.extra,
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*signed, *unsigned))
        return f"POST {self.target} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def _lua(raw: bytes) -> str:
    """The inside of a Lua string."""
    return "".join(f"\\{byte:03d}" if byte < 32 or byte in b'"\\' else chr(byte) for byte in raw)
