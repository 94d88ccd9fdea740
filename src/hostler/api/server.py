"""The control APIs as one application: a request's whole way is the flat list in ``_answer``.

Invariant: a request is authenticated before its input is read and authorised before it acts; every
answer, ours included, has the form that the service's SDKs read, and never tells a cause of ours.
"""

import hashlib
import logging
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hostler.api import asgi, audited, authenticate, members, scraping
from hostler.api.authorize import authorize, context_of, in_words_of
from hostler.api.registry import Access, Call, Effect, Operation, Rooms, ServiceTable
from hostler.api.resource_tags import with_tags
from hostler.api.sagemaker import updates
from hostler.api.sns import links
from hostler.aws import (
    absent,
    conventions,
    errors,
    parse,
    route,
    serialize,
    sigv4,
    specs,
    validate,
)
from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.route import Target
from hostler.domain import hosts, own_paths
from hostler.domain.errors import CallerError, ConcurrentChangeError
from hostler.domain.ids import REGION_PATTERN, AccountId, Region
from hostler.iam.evaluate import PolicyEngine
from hostler.store.database import Store, StoreUnavailableError, Transaction

BODY_BYTES_MAX = 1_048_576
BODY_BYTES_MAX_BY_SERVICE: Mapping[str, int] = {"logs": 4_194_304}
ATTEMPTS = 3
"""Transactions tried when a row changed under one; each reads and decides again."""

OWN_OPERATIONS: Mapping[str, Operation] = {own_paths.ENDPOINT_UPDATES: updates.OPERATION}
"""Questions that AWS's models do not have, by their paths: asked with GET, answered in JSON."""

_INTERNAL = CallerError("InternalFailure", "", status=500)
_OURS = "We encountered an internal error. Please try again."

_log = logging.getLogger("hostler.api")


def create_app(rooms: Rooms) -> ASGIApp:
    """The ASGI application of the control plane's APIs, its health route and `/metrics`."""

    async def health(_request: Request) -> Response:
        told = rooms.health()
        return _own_answer(told, 200 if told.get("ready") else 503)

    async def scraped(request: Request) -> Response:
        return await scraping.answer(rooms.scrape, request)

    own = [
        Route(own_paths.HEALTH, health, methods=["GET"]),
        Route(own_paths.METRICS, scraped, methods=["GET"]),
        *links.routes(rooms),
    ]
    routed = Starlette(routes=own)
    routed.router.redirect_slashes = False
    routed.router.default = Services(rooms)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _is_own(scope["path"]):
            why = hosts.refusal(rooms.hosts, asgi.head(scope).header.get("host"))
            if why is not None:
                await _own_answer({"message": why}, 421)(scope, receive, send)
                return
        await routed(scope, receive, send)

    return app


def _is_own(path: str) -> bool:
    return path.startswith(own_paths.PREFIX) or path == own_paths.METRICS


def _own_answer(document: Mapping[str, Any], status: int) -> Response:
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return Response(orjson.dumps(document), status, headers)


class Services:
    """The AWS services of the rooms' tables, as an ASGI application."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._tables = {table.service: table for table in rooms.tables}
        self._engine = PolicyEngine()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other protocols are not spoken."""
        if scope["type"] != "http":
            return
        response = await self._respond(asgi.head(scope), receive, str(uuid.uuid4()))
        if response is not None:
            await asgi.send_response(send, response)

    async def _respond(
        self, head: HttpRequest, receive: Receive, request_id: str
    ) -> HttpResponse | None:
        """The boundary: whatever happens becomes an answer of the service's form.

        None when the client went away before it had said everything.
        """
        target: Target | None = None
        try:
            name = route.service_name(head.method, head.raw_target, head.headers)
            limit = BODY_BYTES_MAX_BY_SERVICE.get(name, BODY_BYTES_MAX)
            body = await asgi.body(head, receive, limit)
            if body is None:
                return None
            request = replace(head, body=body)
            own = OWN_OPERATIONS.get(head.raw_target.partition("?")[0])
            if own is not None and head.method == "GET":
                return await self._answer_own(request, own, request_id)
            target = route.identify(request)
            return await self._answer(request, target, request_id)
        except CallerError as error:
            return _refusal(head, target, error, request_id)
        except StoreUnavailableError as error:
            _log.warning("request %s: the store is unavailable: %s", request_id, error)
            return _refusal(head, target, _unavailable(error), request_id)
        except Exception:  # noqa: BLE001 - the API's boundary: everything becomes an answer
            _log.exception("request %s failed by our doing", request_id)
            if target is not None:
                return errors.internal(target.service, request_id)
            return _refusal(
                head, None, CallerError("InternalFailure", _OURS, status=500), request_id
            )

    async def _answer(self, request: HttpRequest, target: Target, request_id: str) -> HttpResponse:
        """A request's life, step by step."""
        service = target.service
        table = self._tables.get(service.name)
        operation = table.operations.get(target.operation.name) if table else None
        if table is None or operation is None:
            name = target.operation.name
            raise conventions.unknown_operation(
                service.name, name, absent.instead(service.name, name)
            )
        call = await self._known(request, service.name, operation, request_id)
        work = self._carried_out(request, target, table, operation, call)
        result = await self._noted(operation, call, work)
        return serialize.response(target.operation, result, request_id)

    async def _answer_own(
        self, request: HttpRequest, operation: Operation, request_id: str
    ) -> HttpResponse:
        """The same way for what AWS's models do not have, with a query as its parameters."""
        table = self._tables["sagemaker"]
        call = await self._known(request, table.service, operation, request_id)
        call.params = dict(parse_qsl(request.raw_target.partition("?")[2]))
        result = await self._noted(operation, call, self._performed(table, operation, call))
        headers = (("content-type", "application/json"), ("x-amzn-requestid", request_id))
        return HttpResponse(200, headers, orjson.dumps(result))

    async def _known(
        self, request: HttpRequest, service: str, operation: Operation, request_id: str
    ) -> Call:
        """The call of somebody who is known; of anybody else it is told in the audit log."""
        try:
            return await self._authenticated(request, service, operation.name, request_id)
        except CallerError as refused:
            name = operation.name
            entry = audited.stranger(
                self._rooms, request, request_id, refused, service=service, operation=name
            )
            self._rooms.journal.add(entry)
            raise

    async def _noted(
        self, operation: Operation, call: Call, work: Awaitable[Mapping[str, Any] | None]
    ) -> Mapping[str, Any] | None:
        """What a call's work results in; whatever that is, it is told in the audit log."""
        result: Mapping[str, Any] | None = None
        told: CallerError | None = _INTERNAL
        try:
            result = await work
            told = None
        except CallerError as error:
            told = error
            raise
        except StoreUnavailableError as error:
            told = _unavailable(error)
            raise
        finally:
            self._rooms.journal.add(audited.call(call, operation, result, told))
        return result

    async def _carried_out(
        self,
        request: HttpRequest,
        target: Target,
        table: ServiceTable,
        operation: Operation,
        call: Call,
    ) -> Mapping[str, Any] | None:
        """An authenticated call's way to its result."""
        call.params = await asgi.reading(request, lambda: _read(request, target))
        return await self._performed(table, operation, call)

    async def own(self, call: Call) -> None:
        """A call that Hostler makes itself, as one who may do everything in the account.

        From the parameters on, its way is that of every call, into the audit log as well.

        Raises:
            CallerError: It was refused.
            StoreUnavailableError: Try again later.
        """
        table = self._tables[call.service]
        operation = table.operations[call.operation]
        await self._noted(operation, call, self._performed(table, operation, call))

    async def _performed(
        self, table: ServiceTable, operation: Operation, call: Call
    ) -> Mapping[str, Any] | None:
        """What a call does, once it is known who calls and with what."""
        if operation.members is not None:
            code = conventions.of(call.service).validation
            members.refuse(operation.members, call.params, code=code)
        await self._admit(self._store(table, operation), call, operation.access(call))
        if operation.prepare is not None:
            await operation.prepare(self._rooms, call)
        result = await self._transact(table, operation, call)
        for key in call.wakes:
            self._rooms.wake(key)
        if operation.effect is not Effect.READS:
            resources = " ".join(dict.fromkeys(access.resource for access in call.granted))
            _log.info(
                "request %s: %s by %s on %s",
                call.request_id,
                operation.name,
                call.principal.arn,
                resources,
            )
            await self._rooms.committed(call.service)
        return result

    def _store(self, table: ServiceTable, operation: Operation) -> Store:
        return self._rooms.database(operation.database or table.database)

    async def _admit(self, store: Store, call: Call, needed: Sequence[Access]) -> None:
        """Authorise; the tags of resources are looked up only where that refuses without them."""
        try:
            self._authorize(call, needed)
        except CallerError:
            tagged = await store.read(lambda tx: with_tags(tx, call, needed))
            self._authorize(call, tagged)

    def _authorize(self, call: Call, needed: Sequence[Access]) -> None:
        decided = authorize(self._engine, call.principal, needed, context_of(call))
        call.judged.extend(decided)
        call.granted.extend(needed)

    async def _authenticated(
        self, request: HttpRequest, service: str, operation: str, request_id: str
    ) -> Call:
        presented = sigv4.present(request.method, request.raw_target, request.headers)
        expected = route.signing_name(service)
        if presented.service != expected:  # AWS's paths follow the scope, Hostler's own do not
            text = f"Credential should be scoped to correct service: '{expected}'."
            raise refuse(service, Refusal.MISMATCH, text)
        known = await self._rooms.store.read(lambda tx: authenticate.find(tx, presented))
        digest = hashlib.sha256(request.body).hexdigest()
        principal = authenticate.verify(presented, known, digest, self._rooms.wall())
        authenticate.check_reach(service, principal)
        now = self._rooms.clock.now()
        if principal.session is None:
            name = presented.service
            self._rooms.uses.note(presented.access_key_id, name, presented.region, now)
        if REGION_PATTERN.fullmatch(presented.region) is None:
            raise CallerError(
                "InvalidSignatureException",
                f"Credential should be scoped to a valid region: {presented.region!r} is none.",
            )
        return Call(
            service=service,
            operation=operation,
            account=AccountId(principal.account),
            region=Region(presented.region),
            principal=principal,
            params={},
            now=now,
            request_id=request_id,
            request=request,
            access_key_id=presented.access_key_id,
            quotas=self._rooms.quotas(),
        )

    async def _transact(
        self, table: ServiceTable, operation: Operation, call: Call
    ) -> Mapping[str, Any] | None:
        def transaction(tx: Transaction) -> Mapping[str, Any] | None:
            call.wakes.clear()
            del call.granted[granted:], call.judged[judged:]
            if operation.located is not None:
                self._authorize(call, with_tags(tx, call, operation.located(tx, call)))
            return operation.handler(tx, call)

        granted, judged = len(call.granted), len(call.judged)
        store = self._store(table, operation)
        if operation.effect is Effect.READS:
            return await store.read(transaction)
        deletes = operation.effect is Effect.DELETES
        for _ in range(ATTEMPTS - 1):
            try:
                return await store.write(transaction, deletes=deletes)
            except ConcurrentChangeError:
                _log.info("%s: a row changed under %s", call.request_id, operation.name)
        return await store.write(transaction, deletes=deletes)


def _read(request: HttpRequest, target: Target) -> dict[str, Any]:
    """The valid input of a request."""
    params = parse.parse(target, request)
    validate.validate(target.operation, params)
    return params


def _unavailable(error: StoreUnavailableError) -> CallerError:
    text = "The control plane's database is busy. Try again."
    if error.disk_is_full:
        text = (
            "Hostler's disk is full: nothing was stored. Free some space, then repeat the request."
        )
    return CallerError("ServiceUnavailable", text, status=503)


def _refusal(
    head: HttpRequest, target: Target | None, error: CallerError, request_id: str
) -> HttpResponse:
    """An error in the form of the service that was meant."""
    if target is not None:
        told = in_words_of(target.service.protocol, error)
        return errors.response(target.service, target.operation, told, request_id)
    name = route.service_name(head.method, head.raw_target, head.headers)
    if name in specs.SERVICES:
        return errors.response(specs.service(name), None, error, request_id)
    form = route.is_form(head.header.get("content-type", ""))
    return errors.unrouted(error, request_id, form=form)
