"""Signature version 2 in S3's query: what boto3's presigned URLs carry in us-east-1 by default.

Invariant: it signs less than version 4 does, so it is accepted for presigned S3 requests alone;
every ``x-amz-*`` header is part of what it signs, and so is every parameter by which one operation
is told from another: a URL for the one cannot be made one for the other.
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from hostler.aws import canonical, specs, uri
from hostler.aws.presented import Presented, Scope
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.signing import UNSIGNED_PAYLOAD
from hostler.aws.virtualhost import bucket_of_host

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html and botocore's list.
_SUBRESOURCES: Final = frozenset(
    {
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    }
)
_UNSIGNED: Final = frozenset({"list-type", "x-id"})
"""What signers leave out; it only says in which form a listing is wanted, or whose code asks."""


def present(
    method: str,
    path: str,
    query: Mapping[str, list[str]],
    headers: Sequence[tuple[str, str]],
) -> Presented:
    """Reads a presigned request; ``head`` is its string to sign, ``stamp`` the time of its end."""
    # Signers sign UTF-8, decoded: here it is bytes as latin-1 characters, as all of the head is.
    query = {
        name: [value.encode().decode("latin-1") for value in values]
        for name, values in query.items()
    }
    for name in ("AWSAccessKeyId", "Signature", "Expires"):
        if len(query.get(name, [])) != 1:
            text = "Query-string authentication requires Signature, Expires and AWSAccessKeyId."
            raise refuse("s3", Refusal.MISSING, text)
    sent: dict[str, str] = {}
    for name, value in headers:
        sent[name] = (
            f"{sent[name]},{canonical.fold(value)}" if name in sent else canonical.fold(value)
        )
    # Signers put what they signed of the headers into the query as well, so that it is not lost.
    amz = {name: values[0] for name, values in query.items() if name.startswith("x-amz-")}
    amz.update({name: value for name, value in sent.items() if name.startswith("x-amz-")})

    def plain(name: str) -> str:
        return sent.get(name) or query.get(name, [""])[0]

    expires = query["Expires"][0]
    bucket = bucket_of_host(sent.get("host", ""))
    resource = f"/{bucket}{path}" if bucket else path
    chosen = sorted((name, query[name][0]) for name in query.keys() & _signed())
    if chosen:
        resource += "?" + "&".join([f"{k}={v}" if v else k for k, v in chosen])
    lines = "".join([f"{name}:{amz[name]}\n" for name in sorted(amz)])
    text = (
        f"{method}\n{plain('content-md5')}\n{plain('content-type')}\n{expires}\n{lines}{resource}"
    )
    scope = Scope(query["AWSAccessKeyId"][0], "", "", "s3", "", (), "")
    token = amz.get("x-amz-security-token")
    signature = query["Signature"][0]
    return Presented(scope, expires, signature, text, UNSIGNED_PAYLOAD, token, 0)


@cache
def _signed() -> frozenset[str]:
    """The parameters that are signed.

    Signers know no operations that are younger than they are: for those there is version 4.
    """
    return _SUBRESOURCES | {
        name
        for operation in specs.service("s3").operations()
        for name, _ in uri.template(operation.uri).literals
        if name not in _UNSIGNED
    }


def verify(presented: Presented, secret: str, wall_now: float) -> None:
    """Accepts the signature of a presigned request, or raises."""
    end = presented.stamp
    if not (end.isascii() and end.isdigit() and len(end) <= 11):
        raise refuse("s3", Refusal.EXPIRED)
    digest = hmac.digest(secret.encode(), presented.head.encode("latin-1"), "sha1")
    if not hmac.compare_digest(b64encode(digest), presented.signature.encode("latin-1")):
        raise refuse("s3", Refusal.MISMATCH)
    if wall_now > int(end):
        raise refuse("s3", Refusal.EXPIRED)
