"""A real S3 process for tests, and ways to talk to it: boto3, and requests made by hand."""

import contextlib
import hashlib
import http.client
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from hostler.aws.signing import sign
from refusals import refused
from running import eventually, free_port
from s3_server import ROOT

SERVER = Path(__file__).parent / "s3_server.py"
REGION = "us-east-1"


def refusal(call: Any, **params: Any) -> tuple[int, str, str]:
    """The status, code and message with which a call is refused."""
    told = refused(call, **params)
    return (
        told["ResponseMetadata"]["HTTPStatusCode"],
        told["Error"]["Code"],
        told["Error"]["Message"],
    )


@dataclass
class S3Server:
    """One folder of objects and the process that serves it."""

    folder: Path
    port: int = field(default_factory=free_port)
    file_bytes_max: int | None = None
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = [sys.executable, str(SERVER), str(self.folder), str(self.port)]
        if self.file_bytes_max is not None:
            words.append(str(self.file_bytes_max))
        self.process = subprocess.Popen(words)
        eventually("S3 answers", self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.request("GET", "/", {}, b"")[0] == 403
        return False

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def client(self, user: tuple[str, str] = ROOT, **config: Any) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=config.pop("region_name", REGION),
            aws_access_key_id=user[0],
            aws_secret_access_key=user[1],
            config=Config(**{"retries": {"total_max_attempts": 1}, **config}),
        )

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Send a request as it is; the answer's status and body."""
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        payload_hash: str | None = None,
        query: str = "",
        user: tuple[str, str] = ROOT,
    ) -> tuple[str, dict[str, str]]:
        """The target and the headers of a request signed for ``payload_hash``."""
        target = quote(path, safe="/~") + (f"?{query}" if query else "")
        named = {"host": f"127.0.0.1:{self.port}", **(headers or {})}
        made = sign(
            method,
            target,
            tuple(named.items()),
            payload_hash or hashlib.sha256(body).hexdigest(),
            access_key_id=user[0],
            secret=user[1],
            region=REGION,
            service="s3",
            now=time.time(),
        )
        return target, dict(made)

    def send(self, method: str, path: str, body: bytes = b"", **more: Any) -> tuple[int, bytes]:
        """Sign, send and read one request."""
        target, headers = self.signed(method, path, body, **more)
        return self.request(method, target, headers, body)

    def unfinished(self) -> list[Path]:
        """What is being written, or was left by a dead writer."""
        return list((self.folder / "tmp").iterdir())

    def blobs(self) -> list[Path]:
        return [path for path in (self.folder / "blobs").glob("*/*") if path.is_file()]


@contextlib.contextmanager
def s3_server(file_bytes_max: int | None = None) -> Iterator[S3Server]:
    """A started server with an empty folder."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h-"))
    server = S3Server(folder, file_bytes_max=file_bytes_max)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.kill()
        shutil.rmtree(folder)
