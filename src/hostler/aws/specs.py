"""The services' models, as botocore ships them, loaded when first asked for.

Invariant: models are read as data (gzipped JSON beside botocore's code) and botocore itself is not
imported: that costs 0.5 s and 12 MB, and nothing here needs its code. Documentation is dropped.
"""

import gzip
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, cast

import orjson

from hostler.aws.shapes import Json, Shape, ShapeBook

Protocol = Literal["json", "rest-json", "rest-xml", "query", "smithy-rpc-v2-cbor"]

PROTOCOLS: tuple[Protocol, ...] = ("json", "rest-json", "rest-xml", "query", "smithy-rpc-v2-cbor")
"""Those spoken here, in order of preference."""

SERVICES = (
    "sagemaker",
    "sagemaker-runtime",
    "s3",
    "sts",
    "iam",
    "logs",
    "cloudtrail",
    "application-autoscaling",
    "cloudwatch",
    "sns",
    "ecr",
)
"""botocore's names of the services whose requests are understood."""


class ModelNotFoundError(Exception):
    """The installed botocore lacks a service's model."""


@dataclass(frozen=True)
class Operation:
    """One operation of a service, in the protocol that its service object speaks."""

    name: str
    service: "Service" = field(repr=False)
    model: Json = field(repr=False)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def protocol(self) -> Protocol:
        return self.service.protocol

    @cached_property
    def method(self) -> str:
        return cast("str", self.model.get("http", {}).get("method", "POST"))

    @cached_property
    def uri(self) -> str:
        """The path template, perhaps with literal query parameters."""
        return cast("str", self.model.get("http", {}).get("requestUri", "/"))

    @cached_property
    def success_status(self) -> int:
        return cast("int", self.model.get("http", {}).get("responseCode", 200))

    @cached_property
    def deprecated(self) -> bool:
        return bool(self.model.get("deprecated"))

    @cached_property
    def compressible(self) -> bool:
        """Whether clients may gzip its requests."""
        return "requestcompression" in self.model

    @cached_property
    def input(self) -> Shape | None:
        reference = self.model.get("input")
        return self.service.shapes.use(reference) if reference else None

    @cached_property
    def output(self) -> Shape | None:
        reference = self.model.get("output")
        return self.service.shapes.use(reference) if reference else None

    @cached_property
    def errors(self) -> tuple[Shape, ...]:
        """The errors that the model names for it."""
        return tuple(self.service.shapes.use(e) for e in self.model.get("errors", ()))


class Service:
    """One service's model in one of its protocols."""

    def __init__(self, name: str, model: Json, protocol: Protocol) -> None:
        self.name = name
        """botocore's name: ``sagemaker-runtime``, not ``sagemaker``."""
        self.protocol = protocol
        self.metadata: Mapping[str, Any] = model["metadata"]
        self.shapes = ShapeBook(model["shapes"])
        self._operations: Mapping[str, Json] = model["operations"]
        self._known: dict[str, Operation] = {}

    def __repr__(self) -> str:
        return f"Service({self.name}, {self.protocol})"

    def operation(self, name: str) -> Operation | None:
        """An operation by its name, or None: unknown to the installed model."""
        known = self._known.get(name)
        if known is None and name in self._operations:
            known = self._known[name] = Operation(name, self, self._operations[name])
        return known

    def operations(self) -> Iterator[Operation]:
        """Every operation, in the model's order."""
        for name in self._operations:
            operation = self.operation(name)
            assert operation is not None
            yield operation

    @cached_property
    def json_version(self) -> str:
        return cast("str", self.metadata.get("jsonVersion", "1.0"))

    @cached_property
    def target_prefix(self) -> str | None:
        """What X-Amz-Target begins with."""
        return cast("str | None", self.metadata.get("targetPrefix"))

    @cached_property
    def signing_name(self) -> str:
        """The service's name in the credential scope."""
        return cast("str", self.metadata.get("signingName", self.metadata.get("endpointPrefix")))

    @cached_property
    def xml_namespace(self) -> str | None:
        match self.metadata.get("xmlNamespace"):
            case {"uri": str(uri)}:
                return uri
            case None if self.name == "s3":
                # botocore names it on the shapes of requests only; every answer of S3 carries it.
                return "http://s3.amazonaws.com/doc/2006-03-01/"
            case uri:
                return cast("str | None", uri)

    @cached_property
    def query_compatible(self) -> bool:
        """A json service that was once a query service, and still names those error codes."""
        return "awsQueryCompatible" in self.metadata


@cache
def service(name: str, protocol: Protocol | None = None) -> Service:
    """A service's model; ``protocol`` chooses among those of a service with several.

    Raises:
        ModelNotFoundError: The installed botocore has no such model, or none in a protocol of ours.
    """
    model = read_model(name)
    offered = model["metadata"].get("protocols") or [model["metadata"]["protocol"]]
    chosen = next((p for p in PROTOCOLS if p in offered and protocol in (None, p)), None)
    if chosen is None:
        raise ModelNotFoundError(f"{name}: none of {', '.join(offered)} is spoken here")
    return Service(name, model, chosen)


@cache
def read_model(name: str) -> Json:
    """The newest model of a service, as botocore's file has it, without its documentation."""
    found = importlib.util.find_spec("botocore")
    if found is None or found.origin is None:
        raise ModelNotFoundError("botocore is not installed")
    folder = Path(found.origin).parent / "data" / name
    versions = sorted(folder.glob("*/service-2.json*"))
    if not versions:
        raise ModelNotFoundError(f"botocore has no model of {name}")
    data = versions[-1].read_bytes()
    if versions[-1].suffix == ".gz":
        data = gzip.decompress(data)
    model = orjson.loads(data)
    _drop_documentation(model)
    return cast("Json", model)


def _drop_documentation(model: dict[str, Any]) -> None:
    """Three quarters of a model is prose; it need not stay in memory."""
    for operation in model["operations"].values():
        operation.pop("documentation", None)
    for shape in model["shapes"].values():
        shape.pop("documentation", None)
        for reference in shape.get("members", {}).values():
            reference.pop("documentation", None)
