"""S3 on a port, with four fixed users: ``python s3_server.py FOLDER PORT [FILE_BYTES]``.

``root`` may do everything, ``reader`` may read ``s3://readable/public/*`` and nothing else, the
``stranger`` is another account's root, and the ``guest`` a user there with every permission in S3.
No file may grow beyond FILE_BYTES: a disk that is full.
"""

import json
import resource
import sys
import time
from pathlib import Path

import uvicorn

from hostler.api.s3.app import create
from hostler.domain.snapshot import Credential, Policy, Principal
from hostler.snapshot.clock import SystemClock
from hostler.store.blobs import Blobs
from hostler.store.object_index import open_index

ACCOUNT = "123456789012"
ROOT = ("AKIAROOT000000000000", "root-secret")
READER = ("AKIAREADER0000000000", "reader-secret")
STRANGER = ("AKIASTRANGER00000000", "stranger-secret")
GUEST = ("AKIAGUEST00000000000", "guest-secret")
OTHER_ACCOUNT = "999999999999"

READS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::readable/public/*",
            }
        ],
    }
)

EVERYTHING = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
)


def known() -> dict[str, tuple[Credential, Principal]]:
    root = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT, "root", is_root=True)
    arn = f"arn:aws:iam::{ACCOUNT}:user/reader"
    reader = Principal(arn, ACCOUNT, "AIDAREADER", "reader", (Policy("reads", READS),))
    other = Principal(
        f"arn:aws:iam::{OTHER_ACCOUNT}:root", OTHER_ACCOUNT, "9", "root", is_root=True
    )
    arn = f"arn:aws:iam::{OTHER_ACCOUNT}:user/guest"
    guest = Principal(arn, OTHER_ACCOUNT, "AIDAGUEST", "guest", (Policy("all", EVERYTHING),))
    return {
        key: (Credential(key, secret, principal.arn), principal)
        for (key, secret), principal in (
            (ROOT, root),
            (READER, reader),
            (STRANGER, other),
            (GUEST, guest),
        )
    }


def main(folder: Path, port: int) -> None:
    blobs = Blobs(folder)
    blobs.own()
    identities = known()
    app = create(
        open_index(folder / "index.db"),
        blobs,
        lookup=lambda access_key_id, _token: identities.get(access_key_id),
        clock=SystemClock(),
        wall=time.time,
        region="us-east-1",
    )
    config = uvicorn.Config(app, port=port, ws="none", lifespan="on", log_level="warning")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    main(Path(sys.argv[1]), int(sys.argv[2]))
