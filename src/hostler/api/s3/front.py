"""What every S3 request passes before anything acts on it, whoever keeps the objects.

Invariant: a request is authenticated before its input is read and authorised before it acts; every
answer has S3's form, and a failure of ours tells nothing of its cause.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from starlette.types import Receive, Send

from hostler.api import asgi, authenticate, members
from hostler.api.authenticate import Lookup
from hostler.api.s3 import access, audited, describe, forms, keys, naming
from hostler.api.s3.audited import Noted
from hostler.api.s3.call import S3Call
from hostler.api.s3.conditions import NotModifiedError
from hostler.api.s3.connection import Body, ClientGoneError, Connection
from hostler.api.s3.errors import HeadedError, error, invalid_request, not_implemented
from hostler.api.s3.forms import Form
from hostler.api.s3.guard import Asked, Guard, Holding
from hostler.api.s3.incoming import claims, read_document
from hostler.api.s3.table import OPERATIONS, PUT_FORM, Operation
from hostler.audit.journal import Journal
from hostler.aws import conventions, errors, parse, route, sigv4, specs
from hostler.aws.chunked import ChunkedBody
from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.protocols import rest_xml
from hostler.aws.signing import UNSIGNED_PAYLOAD
from hostler.aws.specs import Operation as Model
from hostler.domain import sender
from hostler.domain.errors import CallerError
from hostler.domain.ids import DEFAULT_ACCOUNT
from hostler.domain.ports import Clock
from hostler.domain.sender import Sender
from hostler.domain.uses import Uses
from hostler.iam import context
from hostler.iam.context import Context

DOCUMENT_BYTES_MAX = 8 << 20
"""Of an XML body: CompleteMultipartUpload with 10,000 parts and their checksums has 3 MB."""

_log = logging.getLogger("hostler.api.s3")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be carried out."""

    model: Model
    operation: Operation
    call: S3Call
    form: Form | None = None
    """Where a browser's form asks for it."""


Answer: TypeAlias = tuple[HttpResponse, Body | None]
Work: TypeAlias = Callable[[Admitted, Connection], Awaitable[Answer]]
"""Carries a call out; raises CallerError for what is to be refused."""


@dataclass(frozen=True, slots=True)
class Front:
    """Authenticates, reads and authorises requests.

    Args:
        guard: Decides by policies.
        clock: The product's time.
        lookup: Finds an active access key and its principal.
        wall: The wall clock, for the age of signatures alone.
        region: The region where a signature names none (version 2).
        uses: Where the use of access keys is noted.
        journal: Where calls are written down that are refused, or about buckets as such.
        account: The installation's: it is told of those who are not known.
    """

    guard: Guard
    clock: Clock
    lookup: Lookup
    wall: Callable[[], float]
    region: str
    uses: Uses = field(default_factory=Uses)
    journal: Journal = field(default_factory=Journal)
    account: str = DEFAULT_ACCOUNT

    async def serve(
        self,
        request: HttpRequest,
        receive: Receive,
        send: Send,
        work: Work,
        *,
        files: bool = False,
    ) -> None:
        """The boundary: whatever happens becomes an answer of S3's form.

        Args:
            request: Its head.
            receive: ASGI's.
            send: ASGI's.
            work: Carries it out.
            files: Whether the server sends parts of files by itself (``connection.FILES``).
        """
        request_id = secrets.token_hex(8).upper()
        connection = Connection(request, receive, send, files=files)
        service = specs.service("s3")
        body: Body | None = None
        noted = Noted(request, request_id, self.clock.now())
        try:
            admitted = await self._admit(request, connection, request_id, noted)
            response, body = await work(admitted, connection)
            noted.ended(None)
            if admitted.form is not None:
                response = forms.answer(admitted.form, response)
        except ClientGoneError:
            return
        except NotModifiedError as found:
            response = _not_modified(found, request_id)
        except CallerError as refusal:
            noted.ended(refusal)
            response = _refused(refusal, request_id)
        except Exception:  # noqa: BLE001 - the API's boundary: everything becomes an answer
            _log.exception("request %s failed by our doing", request_id)
            noted.ended(audited.INTERNAL)
            response = errors.internal(service, request_id)
        if (entry := noted.entry(self.account, self.region)) is not None:
            self.journal.add(entry)
        if request.method == "HEAD":
            response = replace(response, body=b"")
        await connection.respond(response, body)

    async def _admit(
        self, request: HttpRequest, connection: Connection, request_id: str, noted: Noted
    ) -> Admitted:
        """A request's life up to its work, step by step."""
        form: Form | None = None
        if forms.is_form(request):
            form, call = await self._read_form(request, connection, request_id)
            request, model, operation = call.request, _put_object(), PUT_FORM
            noted.call = call
        else:
            call = noted.call = self._authenticated(request, connection, request_id)
            model, operation = _operation(request)
        noted.operation = operation.name
        if not operation.streams:
            told = claims(request.header, call.payload_hash, of_body=operation.sums_are_of_body)
            body = await read_document(call.body, told, call.chunked, DOCUMENT_BYTES_MAX)
            request = replace(request, body=body)
        params = await asgi.reading(request, lambda: parse.parse(model, request))
        call = noted.call = replace(call, request=request, params=params)
        _check_head(model, call.params)
        if "Bucket" in call.params:
            await self._meet(operation.name, call)
        members.refuse(operation.members, call.params, code="NotImplemented")
        await self.guard.admit(call.asked, access.needed(operation.name, call.params))
        return Admitted(model, operation, call, form)

    async def _meet(self, operation: str, call: S3Call) -> None:
        """Learn whose the bucket is, but for one that is only asked for: there is none to judge."""
        held: Holding | None = None
        if operation != "CreateBucket":
            naming.check_bucket(call.bucket)
            held = await self.guard.kept.holding(call.bucket)
        call.asked.buckets[call.bucket] = held

    def _authenticated(
        self, request: HttpRequest, connection: Connection, request_id: str
    ) -> S3Call:
        presented = sigv4.present(request.method, request.raw_target, request.headers)
        if presented.service != "s3":
            raise error(
                "AuthorizationHeaderMalformed",
                f'The authorization header is malformed; incorrect service "{presented.service}". '
                'This endpoint belongs to "s3".',
            )
        payload_hash = presented.payload_hash
        if payload_hash is None:
            raise invalid_request("Missing required header for this request: x-amz-content-sha256")
        known = self.lookup(presented.access_key_id, presented.session_token)
        principal = authenticate.verify(presented, known, payload_hash, self.wall())
        assert known is not None
        region, now = presented.region or self.region, self.clock.now()
        if principal.session is None:
            self.uses.note(presented.access_key_id, "s3", region, now)
        signed = keys.of_request(presented, _sender(request), self.wall())
        return S3Call(
            params={},
            request=request,
            asked=Asked(principal, _context(signed, request, region, now)),
            region=region,
            request_id=request_id,
            now=now,
            body=connection.body(),
            payload_hash=payload_hash,
            chunked=ChunkedBody(presented, known[0].secret) if presented.is_streaming else None,
            waiting=connection.waiting,
        )

    async def _read_form(
        self, request: HttpRequest, connection: Connection, request_id: str
    ) -> tuple[Form, S3Call]:
        """A browser's form up to its file, and the PutObject that it means."""
        wall_now = self.wall()
        form, signer = await forms.read(request, connection.body(), self.lookup, wall_now)
        region, now = signer.region or self.region, self.clock.now()
        if signer.principal.session is None:
            self.uses.note(signer.access_key_id, "s3", region, now)
        signed = keys.of_form(signer.signed_at, _sender(request), wall_now)
        return form, S3Call(
            params={},
            request=forms.as_put(form, request),
            asked=Asked(signer.principal, _context(signed, request, region, now)),
            region=region,
            request_id=request_id,
            now=now,
            body=form.file,
            payload_hash=UNSIGNED_PAYLOAD,
            chunked=None,
            waiting=connection.waiting,
        )


def _context(signed: Context, request: HttpRequest, region: str, now: float) -> Context:
    """The condition keys that every call has; ``signed``: of its signature."""
    agent, referer = (request.header.get(name) for name in ("user-agent", "referer"))
    return {
        "aws:RequestedRegion": region,
        **context.times(now),
        **context.of_request(_sender(request), agent=agent, referer=referer),
        **signed,
    }


def _sender(request: HttpRequest) -> Sender:
    return sender.read(request.header.get(sender.HEADER))


def _put_object() -> Model:
    model = specs.service("s3").operation("PutObject")
    assert model is not None
    return model


def _operation(request: HttpRequest) -> tuple[Model, Operation]:
    model = route.match(specs.service("s3"), request)
    if model is None:
        raise conventions.unknown_operation("s3", f"{request.method} {request.raw_path}")
    operation = OPERATIONS.get(model.name)
    if operation is None:
        raise not_implemented(f"Hostler's S3 does not implement {model.name}.")
    return model, operation


def _refused(refusal: CallerError, request_id: str) -> HttpResponse:
    response = errors.response(specs.service("s3"), None, refusal, request_id)
    if isinstance(refusal, HeadedError):
        headers = (*response.headers, *refusal.headers.items())
        response = replace(response, headers=headers)
    return response


def _check_head(model: Model, params: Mapping[str, Any]) -> None:
    """Raise InvalidRequest unless everything is there that the head must say.

    What bodies must hold is for their readers: S3 answers MalformedXML there.
    """
    if model.input is None:
        return
    for name in model.input.required:
        member = model.input.members[name]
        if member.location is not None and name not in params:
            what = "header" if member.location == "header" else "parameter"
            wire = member.wire_name or name
            raise invalid_request(f"Missing required {what} for this request: {wire}")


def _not_modified(found: NotModifiedError, request_id: str) -> HttpResponse:
    headers = (
        ("x-amz-request-id", request_id),
        ("x-amz-id-2", rest_xml.host_id(request_id)),
        ("etag", describe.quoted(found.stored.etag)),
    )
    return HttpResponse(304, headers)
