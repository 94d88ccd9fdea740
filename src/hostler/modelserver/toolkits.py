"""Stand-ins for the Python packages of AWS's containers, for scripts that import from them.

``sagemaker_inference`` and ``sagemaker_containers.beta.framework`` are in every AWS image and in no
requirements.txt. Invariant: a package that is really installed is never replaced, and a stand-in
offers what scripts use (types, decoding, encoding, errors, responses), nothing that runs a server.
"""

from __future__ import annotations

import importlib.util
import io
import json
import sys
from types import ModuleType
from typing import Any, Optional

from . import codecs, media
from .failures import RequestFailure

UTF8_TYPES = [media.JSON, media.CSV]
SUPPORTED_CONTENT_TYPES = [media.JSON, media.CSV, media.NPY]


class UnsupportedFormatError(RequestFailure):
    """AWS's error for a content type or an accept that a step cannot handle."""

    status = 415

    def __init__(self, content_type: str, **_: Any) -> None:
        super().__init__(f"Content type {content_type} is not supported by this framework.")
        self.status_code = self.status
        self.phrase = self.message


class BaseInferenceToolkitError(Exception):
    """AWS's base for errors that carry a status."""

    def __init__(self, status_code: int, message: str, phrase: str = "") -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message
        self.phrase = phrase or message


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    pass


class ClientError(Exception):
    """sagemaker_containers' error for what a user gave it."""


class Response:
    """``worker.Response`` of the scikit-learn container: a body, its type and a status."""

    def __init__(
        self,
        response: Any = None,
        accept: Optional[str] = None,
        status: int = 200,
        headers: Optional[dict[str, str]] = None,
        mimetype: Optional[str] = None,
        **_: Any,
    ) -> None:
        self.response = response
        self.status_code = status
        self.headers = headers or {}
        self.mimetype = mimetype or accept or media.JSON

    def get_data(self) -> bytes:
        body = self.response
        if isinstance(body, (list, tuple)):
            body = b"".join(each.encode() if isinstance(each, str) else each for each in body)
        return body.encode() if isinstance(body, str) else body or b""


def decode(obj: Any, content_type: str) -> Any:
    """A body as a numpy array, as AWS's decoders make it."""
    import numpy  # noqa: ICN001, PLC0415 - only some environments have it

    kind = media.essence(content_type)
    if kind == media.JSON:
        return numpy.array(json.loads(obj))
    if kind == media.CSV:
        text = obj if isinstance(obj, str) else obj.decode()
        return numpy.genfromtxt(io.StringIO(text), delimiter=",")
    if kind == media.NPY:
        return codecs.parse_npy(obj, kind)
    raise UnsupportedFormatError(content_type)


def encode(array_like: Any, content_type: str) -> Any:
    """A prediction as a body: text for JSON and CSV, bytes for npy."""
    if media.essence(content_type) not in SUPPORTED_CONTENT_TYPES:
        raise UnsupportedFormatError(content_type)
    body, kind = codecs.encode(array_like, content_type)
    return body.decode() if kind in UTF8_TYPES else body


def parse_accept(accept: str) -> list[str]:
    return accept.replace(" ", "").split(",")


class DefaultInferenceHandler:
    """The toolkit's defaults, for scripts that build on them."""

    def default_model_fn(self, model_dir: str) -> Any:
        raise NotImplementedError(f"Define model_fn to load the model from {model_dir}.")

    def default_input_fn(self, input_data: Any, content_type: str, *_: Any) -> Any:
        return decode(input_data, content_type)

    def default_predict_fn(self, data: Any, model: Any, *_: Any) -> Any:
        return model(data)

    def default_output_fn(self, prediction: Any, accept: str, *_: Any) -> Any:
        for content_type in parse_accept(accept):
            if content_type in SUPPORTED_CONTENT_TYPES:
                return encode(prediction, content_type)
        raise UnsupportedFormatError(accept)


_TYPES = {
    "JSON": media.JSON,
    "CSV": media.CSV,
    "NPY": media.NPY,
    "NPZ": media.NPZ,
    "ANY": media.ANY,
    "OCTET_STREAM": "application/octet-stream",
    "UTF8_TYPES": UTF8_TYPES,
}
_ERRORS = {
    "BaseInferenceToolkitError": BaseInferenceToolkitError,
    "ClientError": ClientError,
    "GenericInferenceToolkitError": GenericInferenceToolkitError,
    "UnsupportedFormatError": UnsupportedFormatError,
}
_CODING = {"SUPPORTED_CONTENT_TYPES": SUPPORTED_CONTENT_TYPES, "decode": decode, "encode": encode}
_FRAMEWORK = "sagemaker_containers.beta.framework"
_PACKAGES: dict[str, dict[str, dict[str, Any]]] = {
    "sagemaker_inference": {
        "sagemaker_inference": {},
        "sagemaker_inference.content_types": _TYPES,
        "sagemaker_inference.decoder": _CODING,
        "sagemaker_inference.default_inference_handler": {
            "DefaultInferenceHandler": DefaultInferenceHandler
        },
        "sagemaker_inference.encoder": _CODING,
        "sagemaker_inference.errors": _ERRORS,
        "sagemaker_inference.utils": {"parse_accept": parse_accept},
    },
    "sagemaker_containers": {
        "sagemaker_containers": {},
        "sagemaker_containers.beta": {},
        _FRAMEWORK: {},
        f"{_FRAMEWORK}.content_types": _TYPES,
        f"{_FRAMEWORK}.encoders": _CODING,
        f"{_FRAMEWORK}.env": {},
        f"{_FRAMEWORK}.errors": _ERRORS,
        f"{_FRAMEWORK}.modules": {},
        f"{_FRAMEWORK}.transformer": {},
        f"{_FRAMEWORK}.worker": {"Response": Response},
    },
}


def offer() -> None:
    """Make each package importable that is not installed."""
    for package, contents in _PACKAGES.items():
        if package in sys.modules or importlib.util.find_spec(package) is not None:
            continue
        for name, values in contents.items():
            module = ModuleType(name, f"Hostler's stand-in for {name} of AWS's containers.")
            module.__path__ = []
            vars(module).update(values)
            sys.modules[name] = module
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)
