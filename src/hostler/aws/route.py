"""Which service and operation a request is for.

Invariant: the service is known from the head alone and without any model, so that a gateway can
choose whom to pass a request to; the operation is looked up in the service's model.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from hostler.aws import compression, conventions, specs, uri
from hostler.aws.http import HttpRequest
from hostler.aws.protocols import query as query_protocol
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.specs import Operation, Service
from hostler.aws.virtualhost import bucket_of_host, effective_path
from hostler.domain.errors import CallerError

BY_TARGET: Final = {
    "SageMaker": "sagemaker",
    "AnyScaleFrontendService": "application-autoscaling",
    "GraniteServiceVersion20100801": "cloudwatch",
    "Logs_20140328": "logs",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
}
"""The models' targetPrefix; a test compares."""

BY_SIGNING_NAME: Final = {
    "sagemaker": "sagemaker",
    "application-autoscaling": "application-autoscaling",
    "monitoring": "cloudwatch",
    "logs": "logs",
    "cloudtrail": "cloudtrail",
    "ecr": "ecr",
    "iam": "iam",
    "sts": "sts",
    "sns": "sns",
    "s3": "s3",
}

_SIGNING_NAMES: Final = {"sagemaker-runtime": "sagemaker", "cloudwatch": "monitoring"}

_SCOPE = re.compile(
    r"[\s,]Credential=[^/,\s]+/\d{8}/[^/,\s]+/([^/,\s]+)/aws4_request(?:[\s,]|$)", re.ASCII
)
_SCOPE_QUERY = re.compile(
    r"(?:^|&)X-Amz-Credential=[^&]*?(?:/|%2[Ff])\d{8}(?:/|%2[Ff])[^&/%]*(?:/|%2[Ff])([^&/%]+)"
    r"(?:/|%2[Ff])aws4_request(?:&|$)"
)

_RPC_PATH = re.compile(r"/service/([A-Za-z0-9_.]+)/operation/([A-Za-z0-9_]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks for."""

    service: Service
    operation: Operation


def service_name(method: str, raw_target: str, headers: Iterable[tuple[str, str]]) -> str:
    """The service (botocore's name) that a request is for, from its head.

    The credential scope decides, and within sagemaker's the target and then the path; a request
    without one goes by its target, its path, or its form; whatever is left is S3's.

    Args:
        method: As received.
        raw_target: Path and query as received.
        headers: Lower-case names.
    """
    found = dict(headers)
    path, _, query = raw_target.partition("?")
    prefix = found.get("x-amz-target", "").rpartition(".")[0]
    scope = _scope(found.get("authorization", ""), query)
    if scope is not None:
        name = BY_SIGNING_NAME.get(scope, scope)
        if name == "sagemaker" and not prefix and path.startswith("/endpoints/"):
            return "sagemaker-runtime"
        return name
    if prefix in BY_TARGET:
        return BY_TARGET[prefix]
    if bucket_of_host(found.get("host", "")) is None:
        if path.startswith("/endpoints/") and path.endswith(_RUNTIME_ENDINGS):
            return "sagemaker-runtime"
        if method == "POST" and path == "/" and is_form(found.get("content-type", "")):
            return "sts"  # unsigned: whichever query service it is, it will be refused
    return "s3"


_RUNTIME_ENDINGS = ("/invocations", "/invocations-response-stream", "/async-invocations")


def signing_name(service: str) -> str:
    """The name of a service (botocore's) in a credential scope."""
    return _SIGNING_NAMES.get(service, service)


def is_form(content_type: str) -> bool:
    """Whether a body is in the form of the query protocols."""
    return content_type.startswith("application/x-www-form-urlencoded")


def _scope(authorization: str, query: str) -> str | None:
    """The service in the credential scope."""
    if authorization:
        found = _SCOPE.search(authorization)
        return found[1] if found else None
    if "X-Amz-Credential=" in query:
        found = _SCOPE_QUERY.search(query)
        return found[1] if found else None
    return None


def identify(request: HttpRequest) -> Target:
    """The operation that a request asks for.

    Raises:
        CallerError: The service or the operation is not known; the code is the service's own.
    """
    name = service_name(request.method, request.raw_target, request.headers)
    if name not in specs.SERVICES:
        raise CallerError(
            "UnknownOperationException", f"Hostler does not implement the service {name}."
        )
    try:
        service = _service(name, request)
        operation, asked = _operation(service, request)
    except UnreadableError as error:
        code = conventions.of(name).unreadable_head
        raise CallerError(code, error.message) from None
    if operation is None:
        raise conventions.unknown_operation(name, asked)
    return Target(service, operation)


def _service(name: str, request: HttpRequest) -> Service:
    """The service in the protocol of this request, where it has several."""
    if name != "cloudwatch" or "x-amz-target" in request.header:
        return specs.service(name)
    if request.header.get("smithy-protocol") == "rpc-v2-cbor":
        return specs.service(name, "smithy-rpc-v2-cbor")
    return specs.service(name, "query")


def _operation(service: Service, request: HttpRequest) -> tuple[Operation | None, str]:
    """The operation, and what to call it when there is none."""
    match service.protocol:
        case "json":
            prefix, _, name = request.header.get("x-amz-target", "").rpartition(".")
            known = service.operation(name) if prefix == service.target_prefix else None
            return known, name or "(none named in X-Amz-Target)"
        case "smithy-rpc-v2-cbor":
            found = _RPC_PATH.fullmatch(request.raw_path)
            prefix, name = found.groups() if found else ("", "")
            known = service.operation(name) if prefix == service.target_prefix else None
            return known, name or request.raw_path
        case "query":
            if service.name == "cloudwatch":
                request = compression.beginning(request)  # where the operation's name is
            name = query_protocol.action_of(request)
            return service.operation(name), name or "(none named by Action)"
        case _:
            return match(service, request), f"{request.method} {request.raw_path}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One REST operation and what tells it from others with the same method and path."""

    operation: Operation
    template: uri.Template
    query: frozenset[str]
    headers: frozenset[str]


@cache
def _candidates(service: Service, method: str) -> tuple[Candidate, ...]:
    """The operations of a method, the most specific path first."""
    found = []
    for operation in service.operations():
        if operation.method != method:
            continue
        shape = operation.input
        required = [(n, shape.members[n]) for n in shape.required] if shape else []
        query = frozenset(m.wire_name or n for n, m in required if m.location == "querystring")
        headers = frozenset(
            (m.wire_name or n).lower() for n, m in required if m.location == "header"
        )
        found.append(Candidate(operation, uri.template(operation.uri), query, headers))
    found.sort(key=lambda c: (-c.template.fixed, -len(c.template.labels)))
    return tuple(found)


def match(service: Service, request: HttpRequest) -> Operation | None:
    """The REST operation of a request's method, path, query and headers.

    The path's form decides first, then the literal query parameters (``?uploads``), then required
    parameters and headers (``uploadId``, ``x-amz-copy-source``). ``x-id``, which newer SDKs send,
    breaks a tie; a deprecated operation gives way to its successor.
    """
    path = effective_path(service.name, request)
    query = uri.multidict(request.raw_query)
    best: tuple[tuple[int, ...], Operation] | None = None
    form: uri.Template | None = None
    for candidate in _candidates(service, request.method):
        template = candidate.template
        if form is not None and template.pattern != form.pattern:
            if best is not None:
                break
            form = None
        if template.pattern.fullmatch(path) is None or not template.query_matches(query):
            continue
        form = template
        present = candidate.query <= query.keys() and candidate.headers <= request.header.keys()
        demands = len(candidate.query) + len(candidate.headers)
        rank = (
            len(template.literals),
            demands if present else -demands,
            candidate.operation.name in query.get("x-id", ()),
            not candidate.operation.deprecated,
        )
        if best is None or rank > best[0]:
            best = rank, candidate.operation
    return best[1] if best else None
