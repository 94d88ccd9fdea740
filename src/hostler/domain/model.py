"""A model as an endpoint runs it: a container image, its environment, and where its data lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

STARTUP_TIMEOUT_S = 480.0
"""AWS's grace for a container's first ping, where a variant names none: eight minutes."""
DOWNLOAD_TIMEOUT_S = 1200.0
"""The same for fetching and unpacking its model data."""


class Compression(StrEnum):
    """How the bytes under a model data URI are packed."""

    GZIP = "Gzip"
    NONE = "None"


class DataType(StrEnum):
    """Whether a model data URI names one object or everything below a prefix."""

    OBJECT = "S3Object"
    PREFIX = "S3Prefix"


@dataclass(frozen=True, slots=True)
class ModelData:
    """Where the model's files are: an ``s3://bucket/key`` URI and how to read it."""

    uri: str
    compression: Compression = Compression.GZIP
    data_type: DataType = DataType.OBJECT


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a model. ``hostname`` is ``primary`` unless the user named it."""

    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    model_data: ModelData | None = None
    hostname: str = "primary"


@dataclass(frozen=True, slots=True)
class Model:
    """A CreateModel request, resolved: what is kept when an endpoint is deployed from it."""

    name: str
    container: Container
    role_arn: str
    network_isolation: bool = False
