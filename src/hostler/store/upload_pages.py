"""One page of a bucket's uploads under way, and, with a delimiter, the prefixes they share.

Invariant: a page reads about as many rows as it has entries, and the next one begins exactly after
``last``; of an upload that has ended by then, after its key.
"""

from dataclasses import dataclass

from hostler.store import uploads
from hostler.store.database import Transaction
from hostler.store.object_pages import shared_prefix
from hostler.store.objects import successor
from hostler.store.uploads import Start, Upload


@dataclass(frozen=True, slots=True)
class UploadPage:
    """Uploads and common prefixes, each in order; ``last`` is the last upload that was seen."""

    uploads: tuple[Upload, ...]
    prefixes: tuple[str, ...]
    last: Upload | None
    truncated: bool


def page(
    tx: Transaction,
    bucket: str,
    *,
    prefix: str,
    delimiter: str,
    after: tuple[str, str],
    limit: int,
) -> UploadPage:
    """The entries after a key and upload id, or after all of the key without the id."""
    found: list[Upload] = []
    prefixes: list[str] = []
    last: Upload | None = None
    start = _start(tx, bucket, prefix, delimiter, after)
    while start is not None and limit > 0:
        jump: str | None = None
        for upload in uploads.scan(tx, bucket, prefix=prefix, start=start):
            if len(found) + len(prefixes) == limit:
                return UploadPage(tuple(found), tuple(prefixes), last, truncated=True)
            last, jump = upload, shared_prefix(upload.key, prefix, delimiter)
            if jump is not None:
                prefixes.append(jump)
                break
            found.append(upload)
        start = _behind(jump)
    return UploadPage(tuple(found), tuple(prefixes), last, truncated=False)


def _start(
    tx: Transaction, bucket: str, prefix: str, delimiter: str, after: tuple[str, str]
) -> Start | None:
    key, upload_id = after
    if not key:
        return Start("")
    if (shared := shared_prefix(key, prefix, delimiter)) is not None:
        return _behind(shared)
    upload = uploads.get(tx, upload_id)
    if upload is None or (upload.bucket, upload.key) != (bucket, key):
        return Start(f"{key}\0")
    return Start(key, upload)


def _behind(shared: str | None) -> Start | None:
    following = None if shared is None else successor(shared)
    return None if following is None else Start(following)
