"""What measurements deploy with: boto3's clients of a server, and code as a model's archive."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config


def client(exports: Mapping[str, str], service: str, **settings: Any) -> Any:
    """A client of a server.

    Args:
        exports: What ``hostler env --json`` says of it.
        service: As boto3 calls it.
        settings: botocore's, other than its own.
    """
    session = boto3.Session(
        exports["AWS_ACCESS_KEY_ID"],
        exports["AWS_SECRET_ACCESS_KEY"],
        region_name=exports["AWS_REGION"],
    )
    return session.client(
        service, endpoint_url=exports["AWS_ENDPOINT_URL"], config=Config(**settings)
    )


def archived(code: str) -> bytes:
    """A model's archive with nothing but ``code/inference.py``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(code)
        tar.addfile(info, io.BytesIO(code.encode()))
    return buffer.getvalue()
