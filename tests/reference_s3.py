"""moto's server: an S3 that shares no code with ours."""

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

from running import eventually, free_port

MOTO = Path(__file__).parents[1] / ".cache/clients/moto/bin/moto_server"
KEY, SECRET = "reference", "reference-secret"


@dataclass
class Reference:
    """The server, while it runs."""

    address: str
    process: "subprocess.Popen[bytes]"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def reference_server() -> Iterator[Reference]:
    """A started server."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [str(MOTO), "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    reference = Reference(address, server)

    def answers() -> bool:
        with contextlib.suppress(OSError), urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
        return False

    try:
        eventually("moto answers", answers)
        yield reference
    finally:
        reference.end()


def forget_all(address: str) -> None:
    """Empty the server."""
    with urlopen(Request(f"{address}/moto-api/reset", method="POST"), timeout=60):
        pass


def client(address: str, region: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"total_max_attempts": 1}),
    )


def settings(address: str, key: str = KEY, secret: str = SECRET) -> tuple[str, ...]:
    """The words of `hostler up` that make it the external S3."""
    given = {"endpoint": address, "access_key_id": key, "secret_access_key": secret}
    return tuple(word for name, it in given.items() for word in ("--set", f"s3.{name}={it}"))
