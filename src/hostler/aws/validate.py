"""Every constraint of the models, and AWS's text for those that do not hold.

Invariant: all violations of a request are reported at once, in the order of the model, in the words
of AWS's own framework; botocore checks only what is required, types and minima.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hostler.aws import conventions
from hostler.aws.patterns import matches
from hostler.aws.shapes import Shape
from hostler.aws.specs import Operation
from hostler.domain.errors import CallerError

SHOWN_MAX = 4096
"""Characters of a refused value that its error repeats."""

REPORTED_MAX = 50
"""Violations that one error names."""

_IAM_NAME_TEXT = (
    "The specified value for {name} is invalid. It must contain only alphanumeric characters "
    "and/or the following: +=,.@_-"
)
_IAM_NAME_PATTERN = r"[\w+=,.@-]+"


def validate(operation: Operation, params: Mapping[str, Any]) -> None:
    """Checks the members of a request against every constraint of its shape.

    Raises:
        CallerError: Under the service's own code, in AWS's aggregated form.
    """
    if operation.input is None:
        return
    found: list[str] = []
    for violation in _structure(operation.input, params, ""):
        found.append(violation)
        if len(found) == REPORTED_MAX:
            break
    if not found:
        return
    if operation.service.name == "iam":
        found = [_in_iams_words(text) for text in found]
    raise CallerError(conventions.of(operation.service.name).validation, aggregate(found))


def aggregate(violations: Sequence[str]) -> str:
    """AWS's sentence around one violation or several."""
    noun = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {noun} detected: {'; '.join(violations)}"


def violation(path: str, value: Any, constraint: str, *, sensitive: bool = False) -> str:
    """AWS's sentence for one value; ``constraint`` reads ``Member must …``."""
    if value is None:
        shown = "Value null"
    elif sensitive:
        shown = "Value"
    else:
        shown = f"Value '{render(value)[:SHOWN_MAX]}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint}"


def render(value: Any) -> str:
    """A value as Java prints it."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{" + ", ".join(f"{k}={render(v)}" for k, v in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(render(item) for item in value) + "]"
        case bytes():
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case None:
            return "null"
        case _:
            return str(value)


def member_path(path: str, name: str) -> str:
    """A member's path: lowerCamel, joined by dots."""
    lower = name[:1].lower() + name[1:]
    return f"{path}.{lower}" if path else lower


def _structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        item = value.get(name)
        if item is not None:
            # A payload of bytes has its limit where it is received.
            if name != shape.payload or member.type == "structure":
                yield from _value(member, item, member_path(path, name))
        elif name in shape.required and not member.streaming:
            # One that streams is not here to be seen.
            yield violation(member_path(path, name), None, "Member must not be null")


def _value(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """The violations of one value and of what it holds."""
    for constraint in broken(shape, value):
        yield violation(path, value, constraint, sensitive=shape.sensitive)
    match shape.type:
        case "structure" if not shape.document:
            yield from _structure(shape, value, path)
        case "list":
            yield from _items(shape.member, list(enumerate(value, 1)), value, path)
        case "map":
            if any(next(broken(shape.key, key), None) for key in value):
                rules = ", ".join(constraints(shape.key))
                yield violation(path, value, f"Map keys must satisfy constraint: [{rules}]")
            yield from _items(shape.value, list(value.items()), value, path)
        case _:
            pass


def _items(member: Shape, items: Sequence[tuple[Any, Any]], whole: Any, path: str) -> Iterator[str]:
    """What a list or a map holds: structures by their own path, values by all of their rules."""
    for label, item in items:
        if item is None:
            yield violation(f"{path}.{label}.member", None, "Member must not be null")
    if member.type in ("structure", "list", "map"):
        for label, item in items:
            if item is not None:
                yield from _value(member, item, f"{path}.{label}.member")
        return
    if any(item is not None and next(broken(member, item), None) for _, item in items):
        what = "Map value" if isinstance(whole, Mapping) else "Member"
        rules = ", ".join(constraints(member))
        yield violation(
            path, whole, f"{what} must satisfy constraint: [{rules}]", sensitive=member.sensitive
        )


def broken(shape: Shape, value: Any) -> Iterator[str]:
    """The shape's own rules that a value breaks, in AWS's order: the pattern before the length."""
    if shape.enum and value not in shape.enum:
        yield _enum_rule(shape)
    size: float = 0
    if shape.minimum is not None or shape.maximum is not None:
        size = value if isinstance(value, int | float) else len(value)
    too_long = shape.maximum is not None and size > shape.maximum
    # What is too long anyway is not matched: the length bounds the work.
    if shape.pattern and not too_long and not matches(shape.pattern, value):
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"
    if too_long:
        yield _bound_rule(shape, "less", shape.maximum)
    if shape.minimum is not None and size < shape.minimum:
        yield _bound_rule(shape, "greater", shape.minimum)


def constraints(shape: Shape) -> Iterator[str]:
    """All of a value's rules, as AWS lists them when one inside a list or a map is broken."""
    if shape.maximum is not None:
        yield _bound_rule(shape, "less", shape.maximum)
    if shape.minimum is not None:
        yield _bound_rule(shape, "greater", shape.minimum)
    if shape.pattern:
        yield f"Member must satisfy regular expression pattern: {shape.pattern}"
    if shape.enum:
        yield _enum_rule(shape)


def _enum_rule(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"


def _bound_rule(shape: Shape, way: str, bound: float | None) -> str:
    numeric = shape.type in ("integer", "long", "float", "double")
    return f"Member must have {'value' if numeric else 'length'} {way} than or equal to {bound}"


def _in_iams_words(text: str) -> str:
    """IAM words the pattern of names for people."""
    rule = f"Member must satisfy regular expression pattern: {_IAM_NAME_PATTERN}"
    if not text.endswith(rule):
        return text
    name = text.split("' at '", 1)[-1].partition("'")[0].rpartition(".")[2]
    return text.removesuffix(rule) + _IAM_NAME_TEXT.format(name=name)
