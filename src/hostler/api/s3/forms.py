"""Uploads from browser forms: a POST to a bucket that carries its own permission, a signed policy.

The fields become the headers of a PutObject, so that everything is read, refused and allowed as
there; the file is stored as it comes.

Invariant: nothing is stored before the whole policy is found true, and of a file nothing that does
not fit it; what a field says is put into a header only if it is one line.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from hostler.api.authenticate import Lookup
from hostler.api.s3 import address, checksums, tagging
from hostler.api.s3.errors import access_denied, error, invalid_argument, not_implemented
from hostler.api.s3.incoming import OBJECT_BYTES_MAX
from hostler.aws import parse, postpolicy, specs
from hostler.aws.authenticate import check_token
from hostler.aws.formdata import FormError, FormReader, TooLargeError, boundary_of
from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.postpolicy import MissingFieldError, NotCoveredError, Policy, PolicyDocumentError
from hostler.aws.protocols import xml
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.virtualhost import effective_path
from hostler.domain.errors import CallerError
from hostler.domain.snapshot import Principal

FIELDS_BYTES_MAX = 20 << 10
"""AWS's limit on what stands before the file."""
_TYPE = "multipart/form-data"
_PLAIN = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
        "expires",
    }
)
"""Fields that are headers under their own names, beside those that begin with x-amz-."""
_OF_THE_SIGNATURE = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-signature",
    }
)
_REDIRECTS = ("success_action_redirect", "redirect")
FIELDS = (*sorted(_PLAIN), "acl", "tagging", "success_action_redirect", "success_action_status")
"""What acts beside key, file, policy, the signature's own fields, and x-amz-*."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = "${filename}"
_DUMMY_SECRET = "0" * 40


@dataclass(frozen=True, slots=True)
class Form:
    """A form whose fields have been read, and whose file comes."""

    bucket: str
    key: str
    fields: Mapping[str, str]
    """By lower-case name, their variables replaced."""
    location: str
    """The object's address, for who sends the form."""
    file: AsyncIterator[bytes]
    """The content, as it comes; raises CallerError for one that the policy does not let through."""
    headers: tuple[tuple[str, str], ...]
    """The fields, as PutObject's."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has signed a form."""

    principal: Principal
    access_key_id: str
    region: str
    """Empty where the signature names none."""
    signed_at: float | None
    """Epoch s; None where the signature does not tell."""


def is_form(request: HttpRequest) -> bool:
    """Whether a request authenticates itself by fields of its body, to a bucket."""
    header = request.header
    return (
        request.method == "POST"
        and header.get("content-type", "").lower().startswith(_TYPE)
        and "authorization" not in header
        and not request.raw_query
    )


async def read(
    request: HttpRequest, body: AsyncIterator[bytes], lookup: Lookup, wall_now: float
) -> tuple[Form, Signer]:
    """A form up to its file; raises CallerError for one that is not signed or breaks its policy.

    Args:
        request: Its head.
        body: As it comes; the file is read from it later.
        lookup: Finds an active access key and its principal.
        wall_now: Epoch s.
    """
    bucket = _bucket_of(request)
    if "content-length" not in request.header:
        text = "You must provide the Content-Length HTTP header."
        raise error("MissingContentLength", text, Header="content-length")
    try:
        reader = FormReader(boundary_of(request.header["content-type"]), FIELDS_BYTES_MAX)
        first = await _fields(reader, body)
    except FormError as failure:
        raise _malformed(failure) from failure
    if reader.file is None:
        text = "POST requires exactly one file upload per request."
        raise invalid_argument(text, "file", "0")
    fields = _expanded(reader.fields, re.split(r"[/\\]", reader.file.filename)[-1])
    signer, policy = _signer(fields, lookup, wall_now)
    try:
        policy.check({**fields, "bucket": bucket}, wall_now)
    except NotCoveredError as refusal:
        raise access_denied(str(refusal)) from refusal
    if "key" not in fields:
        raise _missing("key")
    key = fields["key"]
    if not key:
        raise invalid_argument("User key must have a length greater than 0.", "key", "")
    location = address.of_object(request, bucket, key)
    file = _file(reader, first, body, policy)
    return Form(bucket, key, fields, location, file, tuple(_headers(fields))), signer


def as_put(form: Form, request: HttpRequest) -> HttpRequest:
    """The PutObject that a form means: where it comes from is told as it was."""
    kept = [
        (name, value)
        for name, value in request.headers
        if name not in _PLAIN and not name.startswith(("x-amz-", "if-", "content-"))
    ]
    target = f"{request.raw_path.rstrip('/')}/{quote(form.key, safe='/~')}"
    return replace(
        request, method="PUT", raw_target=target, headers=(*kept, *form.headers), body=b""
    )


def answer(form: Form, put: HttpResponse) -> HttpResponse:
    """What a browser is told of the object that PutObject tells of."""
    etag = next(value for name, value in put.headers if name.lower() == "etag")
    if (redirect := _redirect(form, etag)) is not None:
        return replace(put, status=303, headers=(*put.headers, ("location", redirect)))
    headers = (*put.headers, ("location", form.location))
    match form.fields.get("success_action_status"):
        case "200":
            return replace(put, status=200, headers=headers)
        case "201":
            writer = xml.Writer()
            with writer.element("PostResponse"):
                writer.leaf("Location", form.location)
                writer.leaf("Bucket", form.bucket)
                writer.leaf("Key", form.key)
                writer.leaf("ETag", etag)
            typed = (*headers, ("content-type", "application/xml"))
            return replace(put, status=201, headers=typed, body=writer.document())
        case _:
            return replace(put, status=204, headers=headers)


def _bucket_of(request: HttpRequest) -> str:
    bucket, _, key = effective_path("s3", request).strip("/").partition("/")
    if key or not bucket:
        text = "The specified method is not allowed against this resource."
        raise error("MethodNotAllowed", text, Method="POST", ResourceType="OBJECT")
    return bucket


async def _fields(reader: FormReader, body: AsyncIterator[bytes]) -> bytes:
    """Read up to the file; what has come of its content."""
    async for data in body:
        content = reader.feed(data)
        if reader.file is not None:
            return content
    reader.finish()
    return b""


async def _file(
    reader: FormReader, first: bytes, body: AsyncIterator[bytes], policy: Policy
) -> AsyncIterator[bytes]:
    size, most = 0, OBJECT_BYTES_MAX
    if policy.length_max is not None:
        most = min(most, policy.length_max)
    content = first
    try:
        while True:
            size += len(content)
            if size > most:
                raise error(
                    "EntityTooLarge",
                    "Your proposed upload exceeds the maximum allowed size",
                    ProposedSize=str(size),
                    MaxSizeAllowed=str(most),
                )
            if content:
                yield content
            data = await anext(body, None)
            if data is None:
                break
            content = reader.feed(data)
        reader.finish()
    except FormError as failure:
        raise _malformed(failure) from failure
    if size < policy.length_min:
        raise error(
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
            ProposedSize=str(size),
            MinSizeAllowed=str(policy.length_min),
        )


def _expanded(pairs: list[tuple[str, str]], filename: str) -> dict[str, str]:
    """Fields by lower-case name, with the file's name where they ask for it."""
    fields: dict[str, str] = {}
    for name, value in pairs:
        lowered = name.lower()
        if lowered in fields:
            raise invalid_argument(f"The form has the field '{name}' twice.", name, value[:200])
        verbatim = lowered in _OF_THE_SIGNATURE or lowered in ("policy", "signature")
        fields[lowered] = value if verbatim else value.replace(_VARIABLE, filename)
    return fields


def _signer(fields: Mapping[str, str], lookup: Lookup, wall_now: float) -> tuple[Signer, Policy]:
    """Who lets this upload happen, and by what policy."""
    try:
        signed = postpolicy.signed(fields)
    except MissingFieldError as missing:
        raise _missing(str(missing)) from missing
    if signed is None:
        raise access_denied()
    known = lookup(signed.access_key_id, signed.token or None)
    is_good = signed.is_by(_DUMMY_SECRET if known is None else known[0].secret)
    if known is None:
        raise refuse("s3", Refusal.TOKEN if signed.token else Refusal.UNKNOWN_KEY)
    if not is_good:
        raise refuse("s3", Refusal.MISMATCH)
    check_token("s3", signed.token, known[0].expires, wall_now)
    try:
        policy = postpolicy.read(signed.policy)
    except PolicyDocumentError as failure:
        raise error("InvalidPolicyDocument", str(failure)) from failure
    return Signer(known[1], signed.access_key_id, signed.region, signed.at), policy


def _headers(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The fields that are PutObject's, as its headers."""
    for name, value in fields.items():
        if name == "tagging":
            yield "x-amz-tagging", urlencode(_tags(value))
        elif name == "acl":
            yield "x-amz-acl", _line(name, value)
        elif name in _PLAIN or (name.startswith("x-amz-") and name not in _OF_THE_SIGNATURE):
            _check_known(name)
            yield name, _line(name, value)
        elif name in _REDIRECTS:
            _line(name, value)


def _check_known(name: str) -> None:
    """Refuse what begins with x-amz- and would do nothing."""
    put = specs.service("s3").operation("PutObject")
    assert put is not None
    assert put.input is not None
    known = {(m.wire_name or n).lower() for n, m in put.input.members.items() if m.location}
    if name.startswith("x-amz-meta-") or name in _PLAIN or name in checksums.BY_HEADER:
        return
    if name not in known:
        raise not_implemented(f"The form's field {name} does nothing in Hostler's S3.")


def _line(name: str, value: str) -> str:
    """A value that may be a header: one line, its bytes as characters."""
    if _CONTROLS.search(value):
        raise invalid_argument("Header value contains control characters.", name, value[:200])
    return value.strip().encode().decode("latin-1")


def _tags(document: str) -> list[tuple[str, str]]:
    model = specs.service("s3").operation("PutObjectTagging")
    assert model is not None
    put = HttpRequest("PUT", "/bucket/key?tagging", (), document.encode())
    return list(tagging.of_document(parse.parse(model, put).get("Tagging")).items())


def _redirect(form: Form, etag: str) -> str | None:
    """Where a browser is to go next, if the form says so in a way that can be understood."""
    text = next((form.fields[name] for name in _REDIRECTS if name in form.fields), "")
    try:
        place = urlsplit(quote(text, safe="%/:?#[]@!$&'()*+,;=~"))
    except ValueError:
        return None
    if place.scheme not in ("http", "https") or not place.netloc:
        return None
    told = urlencode({"bucket": form.bucket, "key": form.key, "etag": etag})
    return urlunsplit(place._replace(query=f"{place.query}&{told}" if place.query else told))


def _missing(name: str) -> CallerError:
    text = (
        f"Bucket POST must contain a field named '{name}'.  If it is specified, please check the "
        "order of the fields."
    )
    return invalid_argument(text, name, "")


def _malformed(failure: FormError) -> CallerError:
    if isinstance(failure, TooLargeError):
        return error(
            "MaxPostPreDataLengthExceeded",
            "Your POST request fields preceeding the upload file was too large.",
            MaxPostPreDataLengthBytes=str(FIELDS_BYTES_MAX),
        )
    text = "The body of your POST request is not well-formed multipart/form-data."
    return error("MalformedPOSTRequest", f"{text} ({failure})")
