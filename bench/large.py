"""``python -m bench.large``: what a large transfer costs those who call models meanwhile.

2 GB are uploaded to Hostler's S3 and downloaded, again and again, in processes of their own at the
lowest priority (a real client has its own machine): by boto3, whose ten threads compute checksums,
or by curl, which costs next to nothing. Beside it the echo is called, one call at a time, and
endpoints are created. The same is measured beside eight callers whose requests and answers have a
megabyte each, to another endpoint, and with nothing beside it, in turns.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import deploying, load
from bench.answers import PROBE
from bench.hostler import BUCKET, Deployed, another, hostler, in_service_s
from hostler.gateway.main import TURN_NS
from hostler.modelserver import syscalls

_CLIENT = """
import sys, boto3
url, key, secret, region, bucket, path, direction = sys.argv[1:]
s3 = boto3.session.Session(key, secret, region_name=region).client("s3", endpoint_url=url)
while True:
    if direction == "up":
        s3.upload_file(path, bucket, "models/large.bin")
    else:
        s3.download_file(bucket, "models/large.bin", path)
    print("done", flush=True)
"""
_CURL = {
    "up": "while curl -sS -o /dev/null -H Expect: -T '{path}' '{url}'; do echo done; done",
    "down": "while curl -sS -o /dev/null '{url}'; do echo done; done",
}
_BODIES = """
import itertools, pathlib, socket, sys, threading
port, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
requests = [path.read_bytes() for path in sorted(folder.iterdir())]
def call(first):
    connection = socket.create_connection(("127.0.0.1", port))
    answers = connection.makefile("rb")
    for number in itertools.count(first):
        connection.sendall(requests[number % len(requests)])
        status, length = answers.readline(), 0
        while (line := answers.readline()) != b"\\r\\n":
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert b" 200 " in status and len(answers.read(length)) == length >= 1 << 20, status
        print("done", flush=True)
for number in range(8):
    threading.Thread(target=call, args=(number * len(requests) // 8,)).start()
"""
DISTINCT = 32
"""Requests of a megabyte, each signed for a body of its own."""
QUIET, UP, DOWN, BODIES = "no transfer", "upload", "download", "1 MB bodies, c = 8"


def main() -> None:
    """Measure in turns, print the medians."""
    parser = argparse.ArgumentParser(prog="python -m bench.large", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement")
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--client", choices=("boto3", "curl"), default="boto3")
    options = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {QUIET: [], UP: [], DOWN: [], BODIES: []}
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h-bench-") as folder:
        work = Path(folder)
        _make(work / UP, options.megabytes)
        with hostler(work, work, "echo", [PROBE]) as deployed:
            _sign_bodies(deployed, work / "bodies", another(deployed, "echo", "echo-megabytes"))
            for number in range(options.rounds):
                for what, runs in found.items():
                    with _transferring(deployed, work, what, options.client) as finished:
                        run = _measure(deployed, options.seconds, f"{what[:2]}-{number}")
                    runs.append(run | {"transfers": finished()})
                    print(f"{what:18} {json.dumps(runs[-1])}", file=sys.stderr, flush=True)
    for what, runs in found.items():
        medians = {key: round(statistics.median(run[key] for run in runs), 3) for key in runs[0]}
        print(f"{what:18} {json.dumps(medians)}")


def _measure(deployed: Deployed, seconds: int, name: str) -> dict[str, float]:
    peer = deployed.peer
    signer = load.Signer(peer.port, peer.target, deployed.key)
    requests = [signer.request(at, load.body(row)) for at, row in enumerate(load.rows())]
    syscalls.prefer_short_turns(TURN_NS)  # the caller would have a machine of its own as well
    windows = load.one_by_one(peer.port, requests, seconds)
    syscalls.prefer_short_turns(0)  # what is started from here on does not inherit it
    p50, p99 = (statistics.median(each) for each in zip(*windows, strict=True))
    created = in_service_s(deployed, "echo", f"echo-{name.replace(' ', '')}")
    return {
        "p50_us": round(p50),
        "p99_us": round(p99),
        "worst_p99_us": round(max(each for _, each in windows)),
        "in_service_s": round(created, 3),
    }


@contextlib.contextmanager
def _transferring(deployed: Deployed, work: Path, what: str, client: str) -> Iterator[Any]:
    """Within the block, transfers one after another; afterwards, how many of them were finished."""
    if what == QUIET:
        yield lambda: 0
        return
    said = work / "said"
    if what == BODIES:
        command = [sys.executable, "-c", _BODIES, str(deployed.peer.port), str(work / "bodies")]
    else:
        command = (_curl if client == "curl" else _boto3)(deployed, work / what, what)
    with said.open("w") as out:
        sender = subprocess.Popen(
            ["nice", "-n", "19", *command], stdout=out, start_new_session=True
        )
        try:
            time.sleep(2)  # until bytes flow
            yield lambda: len(said.read_text().split())
            while not said.read_text() and sender.poll() is None:
                time.sleep(0.2)  # the next direction needs the object
        finally:
            os.killpg(sender.pid, signal.SIGKILL)
            sender.wait()


def _boto3(deployed: Deployed, path: Path, what: str) -> list[str]:
    direction = "up" if what == UP else "down"
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
    place = [deployed.exports[name] for name in names]
    return [sys.executable, "-c", _CLIENT, *place, BUCKET, str(path), direction]


def _curl(deployed: Deployed, path: Path, what: str) -> list[str]:
    s3 = deploying.client(deployed.exports, "s3")
    call, direction = ("put_object", "up") if what == UP else ("get_object", "down")
    url = s3.generate_presigned_url(call, {"Bucket": BUCKET, "Key": "models/large.bin"})
    return ["bash", "-c", _CURL[direction].format(path=path, url=url)]


def _sign_bodies(deployed: Deployed, folder: Path, target: str) -> None:
    signer = load.Signer(deployed.peer.port, target, deployed.key)
    folder.mkdir()
    for number in range(DISTINCT):
        row = b"[" + b"0.25," * (1 << 18) + b"%d]" % number
        (folder / f"{number}").write_bytes(signer.request(number, row))


def _make(path: Path, megabytes: int) -> None:
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for number in range(megabytes):
            file.write(number.to_bytes(8, "big") + block[8:])


if __name__ == "__main__":
    main()
