"""Large files up and down, and what the server's processes need for it."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from client_matrix import VENVS
from running import BUCKET, REGION, Running

MIB = 1 << 20
GROWTH_MAX = 96 * MIB
"""Parts in flight (ten of 8 MiB) may be half read in each process; a file of 2 GB would not fit."""

Transfer = Callable[[Mapping[str, str], Path, str, Path], None]
"""Upload a file under a key, download it to another place."""


def made(path: Path, size: int) -> str:
    """Fill a file with bytes that no two blocks share; its SHA-256."""
    digest = hashlib.sha256()
    seed = os.urandom(MIB - 8)
    with path.open("wb") as file:
        for number in range(size // MIB):
            block = number.to_bytes(8, "big") + seed
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def boto3_managed(environment: Mapping[str, str], source: Path, key: str, back: Path) -> None:
    """upload_file and download_file: parts in parallel."""
    s3 = _s3(environment)
    s3.upload_file(str(source), BUCKET, key)
    s3.download_file(BUCKET, key, str(back))


def boto3_whole(environment: Mapping[str, str], source: Path, key: str, back: Path) -> None:
    """One PutObject and one GetObject, streamed."""
    s3 = _s3(environment)
    with source.open("rb") as body:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    with back.open("wb") as file:
        for piece in s3.get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks(MIB):
            file.write(piece)


def cli(venv: str) -> Transfer:
    """`aws s3 cp` of a version."""

    def transfer(environment: Mapping[str, str], source: Path, key: str, back: Path) -> None:
        aws = str(VENVS / venv / "bin/aws")
        remote = f"s3://{BUCKET}/{key}"
        for words in ((str(source), remote), (remote, str(back))):
            done = subprocess.run(
                [aws, "s3", "cp", *words, "--only-show-errors"],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr

    return transfer


def _s3(environment: Mapping[str, str]) -> Any:
    session = boto3.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    proxy = environment.get("HTTPS_PROXY")
    return session.client(
        "s3",
        endpoint_url=None if proxy else environment["AWS_ENDPOINT_URL"],
        verify=environment.get("AWS_CA_BUNDLE"),
        config=Config(proxies={"https": proxy} if proxy else {}),
    )


@contextmanager
def bounded(server: Running) -> Iterator[None]:
    """Within the block no process of the server needs much more memory than before."""
    pids = {name: server.pid(name) for name in ("control", "s3", "gateway-0")}
    before = {}
    for name, pid in pids.items():
        Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak begins anew
        before[name] = _peak(pid)
    yield
    grown = {name: _peak(pid) - before[name] for name, pid in pids.items()}
    assert all(each <= GROWTH_MAX for each in grown.values()), grown


def _peak(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def there_and_back(
    server: Running, transfer: Transfer, environment: Mapping[str, str], size: int, folder: Path
) -> None:
    """Up, down, the same bytes, and bounded memory; nothing is left of it."""
    source, back = folder / "source", folder / "back"
    expected = made(source, size)
    key = "models/large.bin"
    with bounded(server):
        transfer(environment, source, key, back)
    assert digest_of(back) == expected
    server.client("s3").delete_object(Bucket=BUCKET, Key=key)
    source.unlink()
    back.unlink()
