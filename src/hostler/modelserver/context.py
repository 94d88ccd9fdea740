"""One request as the user's code sees it: its headers in, its status and headers out.

Invariant: the shape is that of AWS's toolkits (``context.system_properties``,
``context.request_processor[0]``, ``set_response_*``), so that scripts written for them run here.
"""

from __future__ import annotations

from typing import Any, Optional

from . import frames, media

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
SESSION_ID = "X-Amzn-SageMaker-Session-Id"
NEW_SESSION_ID = "X-Amzn-SageMaker-New-Session-Id"
CLOSED_SESSION_ID = "X-Amzn-SageMaker-Closed-Session-Id"

_HEADERS = {
    "content_type": "Content-Type",
    "accept": "Accept",
    "custom_attributes": CUSTOM_ATTRIBUTES,
    "inference_id": "X-Amzn-SageMaker-Inference-Id",
    "target_model": "X-Amzn-SageMaker-Target-Model",
    "session_id": SESSION_ID,
}


class Request:
    """A request's head, parsed once for all requests that share it.

    ``accept`` is what the hooks receive: the header, or the default where it says nothing.
    """

    __slots__ = ("accept", "answer_type", "content_type", "headers", "is_text")

    def __init__(self, meta: bytes, default_accept: str) -> None:
        values = meta.decode("latin-1").split("\0")
        fields = dict(zip(frames.REQUEST_META, values))
        self.headers = {_HEADERS[name]: value for name, value in fields.items() if value}
        self.content_type = fields.get("content_type") or media.JSON
        self.accept = media.resolve_accept(fields.get("accept", ""), default_accept)
        self.answer_type = media.first(self.accept) or media.JSON
        self.is_text = media.essence(self.content_type) in media.TEXT_TYPES


class RequestProcessor:
    """What ``context.request_processor[0]`` is in AWS's toolkits."""

    def __init__(self, headers: dict[str, str]) -> None:
        self._headers = headers
        self._lower = {name.lower(): value for name, value in headers.items()}

    def get_request_properties(self) -> dict[str, str]:
        return dict(self._headers)

    def get_request_property(self, key: str) -> Optional[str]:
        return self._lower.get(key.lower())


class Context:
    """The optional last argument of every hook."""

    def __init__(self, system_properties: dict[str, Any], request: Optional[Request]) -> None:
        self.system_properties = system_properties
        self.request_processor = [RequestProcessor(request.headers if request else {})]
        self.status = 200
        self.content_type = ""
        self.response_headers: dict[str, str] = {}

    @property
    def manifest(self) -> dict[str, Any]:
        return {"model": {"modelName": "model"}}

    def get_request_header(self, index: int, key: str) -> Optional[str]:
        return self.request_processor[index].get_request_property(key)

    def get_all_request_header(self, index: int) -> dict[str, str]:
        return self.request_processor[index].get_request_properties()

    def set_response_status(self, code: int = 200, phrase: str = "", index: int = 0) -> None:
        del phrase, index  # the wire carries the number alone, and one request is one item here
        self.status = int(code)

    def set_response_content_type(self, index: int, value: str) -> None:
        del index
        self.content_type = str(value)

    def set_response_header(self, index: int, key: str, value: str) -> None:
        del index
        if key.lower() == "content-type":
            self.content_type = str(value)
        else:
            self.response_headers[key.lower()] = str(value)
