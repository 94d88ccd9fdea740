"""botocore's shapes, as typed immutable values.

Invariant: a shape here is a *use* of a shape: what the reference says (where it travels, under
which name) is laid over what the shape itself says, as botocore does it. Members are resolved when
they are first asked for, because AWS's shapes are recursive.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

TypeName = Literal[
    "structure",
    "list",
    "map",
    "string",
    "character",
    "integer",
    "long",
    "float",
    "double",
    "boolean",
    "timestamp",
    "blob",
]

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Shape:
    """One use of a shape; compare by identity."""

    name: str
    type: TypeName
    traits: Json
    """The shape's own traits, overlaid with those of the reference to it."""
    book: "ShapeBook" = field(repr=False)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    # What it is made of.

    @cached_property
    def members(self) -> Mapping[str, "Shape"]:
        """A structure's members by name, in the model's order."""
        return {
            name: self.book.use(reference)
            for name, reference in self.traits.get("members", {}).items()
        }

    @cached_property
    def member(self) -> "Shape":
        """What a list holds."""
        return self.book.use(self.traits["member"])

    @cached_property
    def key(self) -> "Shape":
        """A map's keys."""
        return self.book.use(self.traits["key"])

    @cached_property
    def value(self) -> "Shape":
        """A map's values."""
        return self.book.use(self.traits["value"])

    @cached_property
    def payload(self) -> str | None:
        """The member that is the whole HTTP body, if one is."""
        return cast("str | None", self.traits.get("payload"))

    # What it must satisfy.

    @cached_property
    def required(self) -> tuple[str, ...]:
        return tuple(self.traits.get("required", ()))

    @cached_property
    def minimum(self) -> float | None:
        """The least length, size or value."""
        return cast("float | None", self.traits.get("min"))

    @cached_property
    def maximum(self) -> float | None:
        """The greatest length, size or value."""
        return cast("float | None", self.traits.get("max"))

    @cached_property
    def pattern(self) -> str | None:
        """A Java regular expression that the whole value must match."""
        return cast("str | None", self.traits.get("pattern"))

    @cached_property
    def enum(self) -> tuple[str, ...]:
        return tuple(self.traits.get("enum", ()))

    @cached_property
    def sensitive(self) -> bool:
        return bool(self.traits.get("sensitive"))

    # How it travels.

    @cached_property
    def location(self) -> str | None:
        """``uri``, ``querystring``, ``header``, ``headers``, ``statusCode``, or None: the body."""
        return cast("str | None", self.traits.get("location"))

    @cached_property
    def in_response_head(self) -> bool:
        """Whether an answer carries it outside its body; other locations are for requests."""
        return self.location in ("header", "headers", "statusCode")

    @cached_property
    def wire_name(self) -> str | None:
        """The name on the wire where it differs from the member's."""
        return cast("str | None", self.traits.get("locationName"))

    @cached_property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened"))

    @cached_property
    def timestamp_format(self) -> str | None:
        """``iso8601``, ``rfc822`` or ``unixTimestamp``, where it is not the protocol's own."""
        return cast("str | None", self.traits.get("timestampFormat"))

    @cached_property
    def streaming(self) -> bool:
        return bool(self.traits.get("streaming"))

    @cached_property
    def json_value(self) -> bool:
        """A string that carries JSON, base64 encoded, in a header."""
        return bool(self.traits.get("jsonvalue"))

    @cached_property
    def document(self) -> bool:
        """A structure without a shape: any JSON."""
        return bool(self.traits.get("document"))

    @cached_property
    def xml_attribute(self) -> bool:
        return bool(self.traits.get("xmlAttribute"))

    @cached_property
    def xml_namespace(self) -> tuple[str, str] | None:
        """The prefix (perhaps empty) and URI of the element's namespace."""
        match self.traits.get("xmlNamespace"):
            case None:
                return None
            case str(uri):
                return "", uri
            case namespace:
                return namespace.get("prefix", ""), namespace["uri"]

    @cached_property
    def result_wrapper(self) -> str | None:
        """The element around a query operation's result."""
        return cast("str | None", self.traits.get("resultWrapper"))

    # Errors.

    @cached_property
    def error_code(self) -> str:
        """The code on the wire: the query code where the model has one, else the shape's name."""
        return cast("str", self.traits.get("error", {}).get("code", self.name))

    @cached_property
    def error_status(self) -> int | None:
        return cast("int | None", self.traits.get("error", {}).get("httpStatusCode"))

    @cached_property
    def sender_fault(self) -> bool:
        """Whether the caller is to blame (a query error's Type)."""
        if self.traits.get("fault"):
            return False
        return (self.error_status or 400) < 500


class ShapeBook:
    """The shapes of one service model, by name."""

    def __init__(self, shapes: Json) -> None:
        self._shapes = shapes
        self._uses: dict[int, tuple[Json, Shape]] = {}
        self._named: dict[str, Json] = {}

    def use(self, reference: Json) -> Shape:
        """The shape that a reference (``{"shape": name, …}``) means; one object a reference."""
        known = self._uses.get(id(reference))
        if known is not None:
            return known[1]
        name = reference["shape"]
        own = self._shapes[name]
        shape = Shape(name, own["type"], {**own, **reference}, self)
        # The reference is kept beside the shape: its id is its own for as long as we look by it.
        self._uses[id(reference)] = (reference, shape)
        return shape

    def named(self, name: str) -> Shape:
        """A shape by its name alone; raises KeyError."""
        return self.use(self._named.setdefault(name, {"shape": name}))

    @cached_property
    def errors(self) -> Mapping[str, Shape]:
        """Every modelled error by its code on the wire and by its shape's name."""
        found: dict[str, Shape] = {}
        for name, own in self._shapes.items():
            if own.get("exception"):
                shape = self.named(name)
                found.setdefault(shape.error_code, shape)
                found.setdefault(name, shape)
        return found
