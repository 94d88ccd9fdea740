"""What of an admitted request goes on to an external S3: only what was read, written anew.

Invariant: nothing is passed on that was not understood and authorised here. Servers have headers
and parameters of their own (one of MinIO's deletes all below a prefix), and two that read a path
or a query differently would act on another object than the one that was judged.
"""

from collections.abc import Iterator
from urllib.parse import quote

from hostler.api.s3 import checksums
from hostler.api.s3.errors import access_denied, error
from hostler.api.s3.front import Admitted
from hostler.api.s3.passage import Trailed
from hostler.aws import uri
from hostler.aws.chunked import UNSIGNED_TRAILER
from hostler.aws.presented import STREAMING
from hostler.aws.signing import UNSIGNED_PAYLOAD

_OWNERS = ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner")
"""Accounts are Hostler's: they are judged here."""
_AWS_CHUNKED = "aws-chunked"

Headers = tuple[tuple[str, str], ...]


def query(admitted: Admitted) -> str:
    """The operation's own parameters, and the others that its input has."""
    model = admitted.model
    own = dict(uri.template(model.uri).literals)
    asked = uri.multidict(admitted.call.request.raw_query)
    pairs = list(own.items())
    for name, member in model.input.members.items() if model.input else ():
        wire = member.wire_name or name
        if member.location == "querystring" and wire in asked and wire not in own:
            read = asked[wire] if member.type == "list" else asked[wire][:1]
            pairs += [(wire, value) for value in read]
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def headers(admitted: Admitted) -> Headers:
    """The headers that the operation's input has, and the checksums of its body."""
    given = admitted.call.request.header
    return tuple((name, given[name]) for name in _names(admitted) if name in given)


def _names(admitted: Admitted) -> Iterator[str]:
    yield from ("content-md5", *checksums.BY_HEADER, "x-amz-checksum-type")
    shape = admitted.model.input
    given = admitted.call.request.header
    seen = {"content-md5", "content-length", "x-amz-checksum-type", *checksums.BY_HEADER, *_OWNERS}
    for name, member in shape.members.items() if shape else ():
        wire = (member.wire_name or name).lower()
        if member.location == "header" and wire not in seen:
            seen.add(wire)
            yield wire
        elif member.location == "headers":
            yield from (each for each in given if each.startswith(wire))


def framing(admitted: Admitted, passed: Headers) -> tuple[Headers, str, Trailed | None]:
    """The headers, what is signed of the body, and its framing, where it needs one.

    Chunks that the caller signed with their own key are taken apart; a checksum that follows the
    body goes on behind it, so that it is kept with the object.
    """
    call = admitted.call
    if not call.payload_hash.startswith(STREAMING):
        return passed, call.payload_hash, None
    encoding = [each.strip() for each in call.request.header.get("content-encoding", "").split(",")]
    kept = ",".join(each for each in encoding if each and each != _AWS_CHUNKED)
    passed = tuple(pair for pair in passed if pair[0] != "content-encoding")
    trailer = call.request.header.get("x-amz-trailer", "").strip().lower()
    if trailer not in checksums.BY_HEADER:
        return (*passed, *((("content-encoding", kept),) if kept else ())), UNSIGNED_PAYLOAD, None
    told = (
        ("content-encoding", f"{_AWS_CHUNKED},{kept}" if kept else _AWS_CHUNKED),
        ("x-amz-trailer", trailer),
        ("x-amz-decoded-content-length", call.request.header["x-amz-decoded-content-length"]),
    )
    return (*passed, *told), UNSIGNED_TRAILER, Trailed(checksums.BY_HEADER[trailer])


def check_key(key: str) -> None:
    """Refuse keys that some servers, or proxies before them, would read as others."""
    if any(part in (".", "..") for part in key.split("/")):
        text = "The external S3 is not asked for keys with the parts '.' and '..': servers differ."
        raise error("InvalidURI", text, URI=key)


def check_owners(admitted: Admitted, account: str) -> None:
    """All buckets of the external S3 belong to one account."""
    if admitted.call.principal.account != account:
        text = f"The external S3 is account {account}'s, and the caller is of another one."
        raise access_denied(text)
    given = admitted.call.request.header
    if any(given.get(name, account) != account for name in _OWNERS):
        raise access_denied()
