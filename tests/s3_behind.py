"""The real S3 process behind a rig's gateway, and requests signed for it by hand."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from gateway_rig import REGION, ROOT_KEY, ROOT_SECRET, Rig
from hostler.aws.signing import UNSIGNED_PAYLOAD, sign
from running import eventually

BUCKET = "lent"
SERVE = """
import sys, time
from pathlib import Path
import uvloop
from hostler.snapshot.clock import SystemClock
from hostler.app.s3 import serve
from hostler.domain.layout import Layout

layout = Layout(Path(sys.argv[1]))
uvloop.run(serve(layout, region="us-east-1", clock=SystemClock(), wall=time.time))
"""


@dataclass
class Behind:
    """A gateway, and S3 behind it."""

    front: Rig
    process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start S3 again."""
        self.process = _started(self.front)

    def __post_init__(self) -> None:
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.front.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def head(
        self,
        method: str,
        key: str,
        size: int | None = None,
        *lines: str,
        payload: str = UNSIGNED_PAYLOAD,
    ) -> bytes:
        """A signed request's head; its body is not signed."""
        headers = sign(
            method,
            f"/{BUCKET}/{key}",
            (("host", f"127.0.0.1:{self.front.port}"),),
            payload,
            access_key_id=ROOT_KEY,
            secret=ROOT_SECRET,
            region=REGION,
            service="s3",
            now=time.time(),
        )
        told = [f"{name}: {value}" for name, value in headers]
        told += lines if size is None else (f"content-length: {size}", *lines)
        return "\r\n".join((f"{method} /{BUCKET}/{key} HTTP/1.1", *told, "", "")).encode()

    def read_by_gateway(self) -> int:
        """Bytes that the gateway's process has read so far, from whatever."""
        text = Path(f"/proc/{self.front.gateways[-1].pid}/io").read_text()
        return int(text.split()[1])

    def unfinished(self) -> list[Path]:
        """What is being written."""
        return list((self.front.layout.s3 / "tmp").iterdir())


@contextlib.contextmanager
def s3_behind(front: Rig) -> Iterator[Behind]:
    """S3 with an empty bucket; the rig's gateway runs."""
    made = Behind(front, _started(front))
    try:
        made.client.create_bucket(Bucket=BUCKET)
        yield made
    finally:
        made.client.close()
        made.process.kill()
        made.process.wait()


def _started(front: Rig) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SERVE, os.fspath(front.layout.root)])

    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            return connection.getresponse().status == 403

    eventually("S3 answers", lambda: front.layout.s3_socket.exists() and answers())
    return process
