"""A signed call without boto3, for commands that should answer at once, and what AWS has not.

Invariant: a bounded time, and one try where no more are asked for. Of AWS's operations None when
nobody answers or the answer is an error: whoever asks shows what it knows without it.
"""

import hashlib
import http.client
import json
import ssl
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from hostler.aws.signing import sign
from hostler.cli import failures
from hostler.cli.output import CommandError
from hostler.toolkit.connection import Connection

TIMEOUT_S = 5.0
PAUSE_S = 0.5
"""After a first try; twice as long after each further one."""
PAUSE_MAX_S = 8.0


def call(connection: Connection, operation: str, params: dict[str, Any]) -> dict[str, Any] | None:
    """One operation's answer."""
    headers = (
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", f"SageMaker.{operation}"),
    )
    found = _exchanged(connection, "POST", "/", headers, json.dumps(params).encode())
    return found[1] if found is not None and found[0] == HTTPStatus.OK else None


def own(connection: Connection, path: str, *, tries: int = 1, **query: str) -> dict[str, Any]:
    """The answer to a question of Hostler's own, asked up to ``tries`` times while there is none.

    Raises:
        CommandError: It was refused, or nobody answers.
    """
    found = _asked(connection, f"{path}?{urlencode(query)}", tries)
    if found is None:
        raise CommandError(
            f"no answer from {connection.endpoint_url}: start Hostler with `hostler up`, or see "
            "`hostler status`"
        )
    status, answer = found
    if status != HTTPStatus.OK:
        code, message = answer.get("__type", f"status {status}"), answer.get("message", "")
        raise CommandError(failures.refused(code, message))
    return answer


def _asked(connection: Connection, target: str, tries: int) -> tuple[int, dict[str, Any]] | None:
    """What the last try found: the first that is neither nobody nor a fault of the server's."""
    for tried in range(tries - 1):
        found = _exchanged(connection, "GET", target, (), b"")
        if found is not None and found[0] < HTTPStatus.INTERNAL_SERVER_ERROR:
            return found
        time.sleep(min(PAUSE_MAX_S, PAUSE_S * 2**tried))
    return _exchanged(connection, "GET", target, (), b"")


def _exchanged(
    connection: Connection,
    method: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
) -> tuple[int, dict[str, Any]] | None:
    scheme, _, host = connection.endpoint_url.partition("://")
    signed = sign(
        method,
        target,
        (*headers, ("host", host)),
        hashlib.sha256(body).hexdigest(),
        access_key_id=connection.key.access_key_id,
        secret=connection.key.secret_access_key,
        region=connection.region,
        service="sagemaker",
        now=time.time(),
    )
    http_connection = _connection(connection, scheme, host)
    try:
        http_connection.request(method, target, body or None, dict(signed))
        response = http_connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        http_connection.close()
    return (response.status, answer) if isinstance(answer, dict) else None


def _connection(connection: Connection, scheme: str, host: str) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    context = ssl.create_default_context(cafile=connection.ca_bundle)
    return http.client.HTTPSConnection(host, timeout=TIMEOUT_S, context=context)


def pages(connection: Connection, operation: str, member: str) -> Iterator[dict[str, Any]] | None:
    """Every item of a list operation; None when the first page cannot be had."""
    first = call(connection, operation, {"MaxResults": 100})
    return None if first is None else _items(connection, operation, member, first)


def _items(
    connection: Connection, operation: str, member: str, page: dict[str, Any] | None
) -> Iterator[dict[str, Any]]:
    while page is not None:
        yield from page.get(member, ())
        if not (token := page.get("NextToken")):
            return
        page = call(connection, operation, {"MaxResults": 100, "NextToken": token})
