"""REST with XML bodies: S3.

Invariant: a body is written only where the model has one, and an error's body is S3's own form
(``Code``, ``Message``, ``Resource``, ``RequestId``, ``HostId``), which SDKs read without a model.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from hostler.aws.http import HttpRequest, HttpResponse
from hostler.aws.protocols import rest, xml
from hostler.aws.protocols.failure import Failure
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation, Service

_ROOTS = {
    # The model gives the shapes of requests their elements' names, and those of answers none; these
    # are the documented ones (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html).
    "ListObjectsOutput": "ListBucketResult",
    "ListObjectsV2Output": "ListBucketResult",
    "ListObjectVersionsOutput": "ListVersionsResult",
    "ListBucketsOutput": "ListAllMyBucketsResult",
    "ListPartsOutput": "ListPartsResult",
    "ListMultipartUploadsOutput": "ListMultipartUploadsResult",
    "CreateMultipartUploadOutput": "InitiateMultipartUploadResult",
    "CompleteMultipartUploadOutput": "CompleteMultipartUploadResult",
    "DeleteObjectsOutput": "DeleteResult",
    "GetObjectTaggingOutput": "Tagging",
    "GetBucketTaggingOutput": "Tagging",
    "GetBucketVersioningOutput": "VersioningConfiguration",
    "GetBucketAclOutput": "AccessControlPolicy",
    "GetObjectAclOutput": "AccessControlPolicy",
    "GetBucketLocationOutput": "LocationConstraint",
    "GetObjectAttributesOutput": "GetObjectAttributesResponse",
    "GetBucketLifecycleConfigurationOutput": "LifecycleConfiguration",
    "GetBucketCorsOutput": "CORSConfiguration",
    "GetBucketWebsiteOutput": "WebsiteConfiguration",
    "GetBucketRequestPaymentOutput": "RequestPaymentConfiguration",
    "GetBucketLoggingOutput": "BucketLoggingStatus",
    "GetBucketAccelerateConfigurationOutput": "AccelerateConfiguration",
}


def parse(operation: Operation, request: HttpRequest) -> dict[str, Any]:
    """The input members of a request."""
    return rest.parse(operation, request, read_document=_read_document, read_members=_read_members)


def _read_members(shape: Shape, body: bytes) -> dict[str, Any]:
    return xml.read_structure(shape, xml.loads(body))


def _read_document(member: Shape, body: bytes, name: str) -> Any:
    return xml.read(member, xml.loads(body), name)


def response(operation: Operation, result: Mapping[str, Any], request_id: str) -> HttpResponse:
    """A result, its members where the model puts them."""
    shape = operation.output
    head = rest.write_head(shape, result, operation.success_status)
    headers = [*_ids(request_id), *head.headers]
    body, kind = _body(operation, shape, head.body)
    if body and kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    return HttpResponse(head.status, tuple(headers), body)


def _body(operation: Operation, shape: Shape | None, members: dict[str, Any]) -> tuple[bytes, str]:
    if shape is None or operation.method == "HEAD":
        return b"", ""
    namespace = operation.service.xml_namespace
    if shape.payload is not None:
        item = members.get(shape.payload)
        return _write_payload(shape.members[shape.payload], shape.payload, item, namespace)
    if all(member.in_response_head for member in shape.members.values()):
        return b"", ""
    writer = xml.Writer()
    root = shape.wire_name or _ROOTS.get(shape.name) or shape.name
    if shape.name == "GetBucketLocationOutput":
        # The only answer whose root is the value; empty in us-east-1.
        space = f' xmlns="{namespace}"'
        writer.leaf(root, members.get("LocationConstraint") or "", space)
    else:
        with writer.element(root, xmlns=namespace, attributes=xml.attributes(shape, members)):
            xml.write_members(writer, shape, members)
    return writer.document(), "application/xml"


def _write_payload(member: Shape, name: str, item: Any, namespace: str | None) -> tuple[bytes, str]:
    if item is None:
        return b"", ""
    if member.type == "blob":
        return item if isinstance(item, bytes) else str(item).encode(), "binary/octet-stream"
    if member.type == "string":
        return str(item).encode(), "text/plain"
    writer = xml.Writer()
    own = xml.attributes(member, item)
    root = member.wire_name or name
    with writer.element(root, xmlns=None if " xmlns=" in own else namespace, attributes=own):
        xml.write_members(writer, member, item)
    return writer.document(), "application/xml"


def error(_service: Service, failure: Failure, request_id: str) -> HttpResponse:
    """S3's error document; members of the error (``BucketName``, ``Key``, …) are elements of it."""
    writer = xml.Writer()
    with writer.element("Error"):
        writer.leaf("Code", failure.code)
        writer.leaf("Message", failure.message)
        for name, item in failure.members.items():
            if item is not None:
                writer.leaf(name, str(item))
        writer.leaf("RequestId", request_id)
        writer.leaf("HostId", host_id(request_id))
    headers = (("content-type", "application/xml"), *_ids(request_id))
    body = b"" if failure.status == 304 else writer.document()
    return HttpResponse(failure.status, headers, body)


def _ids(request_id: str) -> tuple[tuple[str, str], ...]:
    return (("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id)))


def host_id(request_id: str) -> str:
    """S3's second identifier of a request: opaque, and the same for the same request."""
    return base64.b64encode(hashlib.sha256(request_id.encode()).digest()).decode()
