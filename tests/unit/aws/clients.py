"""botocore as the other side: its serializers write our requests, its parsers read our answers."""

from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import botocore.awsrequest
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize

from hostler.aws.http import HttpRequest, HttpResponse

LOADER = botocore.loaders.Loader()


@cache
def model(service: str) -> Any:
    data = LOADER.load_service_model(service, "service-2", None)
    return botocore.model.ServiceModel(data, service)


def request_of(service: str, protocol: str, operation: str, params: dict[str, Any]) -> HttpRequest:
    """What a client would send, without a signature."""
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    made = serializer.serialize_to_request(params, model(service).operation_model(operation))
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode(body)
    if isinstance(body, str):
        body = body.encode()
    target = made["url_path"]
    query = made["query_string"]
    if query:
        pairs = [
            (k, each) for k, v in query.items() for each in (v if isinstance(v, list) else [v])
        ]
        target += ("&" if "?" in target else "?") + urlencode(pairs)
    headers = tuple(
        (name.lower(), str(value).encode().decode("latin-1"))
        for name, value in made["headers"].items()
    )
    return HttpRequest(made["method"], target, headers, body)


def parsed(protocol: str, response: HttpResponse, shape: Any) -> dict[str, Any]:
    """What a client would make of an answer."""
    parser = botocore.parsers.create_parser(protocol)
    headers = botocore.awsrequest.HeadersDict(dict(response.headers))
    given = {
        "status_code": response.status,
        "headers": headers,
        "body": BytesIO(response.body) if streams(shape) else response.body,
        "context": {"operation_name": "any"},
    }
    result: dict[str, Any] = parser.parse(given, shape)
    if streams(shape):
        result[shape.serialization["payload"]] = given["body"].read()
    return result


def streams(shape: Any) -> bool:
    payload = shape.serialization.get("payload") if shape is not None else None
    return payload is not None and shape.members[payload].type_name == "blob"
