"""XML in and out, by shape.

Invariant: a document type declaration is refused before it can do anything, and what is written is
always well-formed XML 1.0, whatever characters a value holds.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from hostler.aws.protocols import rest
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.shapes import Shape

DEPTH_MAX = 64
ELEMENTS_MAX = 200_000
"""DeleteObjects with 1,000 keys needs 3,000; CompleteMultipartUpload with 10,000 parts, 80,000."""


@dataclass(slots=True)
class Element:
    """One element: its local name, its attributes by qualified name, its text, its children."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def named(self, name: str) -> list["Element"]:
        return [child for child in self.children if child.name == name]


class _Builder:
    """Builds the tree from the parser's events."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self.stack: list[Element] = []
        self.texts: list[list[str]] = []
        """Of each element of the stack, the pieces of its text: joined once, at its end."""
        self.count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(_local(name), attributes)
        self.count += 1
        if self.count > ELEMENTS_MAX or len(self.stack) >= DEPTH_MAX:
            raise UnreadableError("The XML has too many or too deeply nested elements.")
        if self.stack:
            self.stack[-1].children.append(element)
        else:
            self.root = element
        self.stack.append(element)
        self.texts.append([])

    def end(self, _name: str) -> None:
        self.stack.pop().text = "".join(self.texts.pop())

    def data(self, text: str) -> None:
        self.texts[-1].append(text)

    def doctype(self, *_declaration: object) -> None:
        raise UnreadableError("A document type declaration is not allowed.")


def loads(body: bytes) -> Element:
    """The document's root; raises UnreadableError."""
    builder = _Builder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise UnreadableError(f"The body is not well-formed XML: {error}.") from None
    assert builder.root is not None
    return builder.root


def read(shape: Shape, element: Element, name: str) -> Any:
    """An element as the shape's type."""
    match shape.type:
        case "structure":
            return read_structure(shape, element)
        case "list":
            items = element.named(shape.member.wire_name or "member")
            return [read(shape.member, item, name) for item in items]
        case "map":
            return _read_entries(shape, element.named("entry"), name)
        case "string" | "character":
            return element.text
        case _:
            if element.children:
                raise UnreadableError(f"{name} must be a value.")
            return _scalar(shape, element.text, name)


def read_structure(shape: Shape, element: Element) -> dict[str, Any]:
    """A structure's members that are there, the ones of the body."""
    by_name: dict[str, list[Element]] = {}
    for child in element.children:
        by_name.setdefault(child.name, []).append(child)
    result: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.location is not None:
            continue
        if member.xml_attribute:
            attribute = element.attributes.get(member.wire_name or name)
            if attribute is not None:
                result[name] = _scalar(member, attribute, name)
            continue
        # A flattened list goes by the member's name, or by the name of what it holds.
        found = by_name.get(_local(member.wire_name or name)) or by_name.get(
            element_name(member, name)
        )
        if found is not None:
            if member.flattened and member.type == "list":
                result[name] = [read(member.member, item, name) for item in found]
            elif member.flattened and member.type == "map":
                result[name] = _read_entries(member, found, name)
            else:
                result[name] = read(member, found[0], name)
    return result


def element_name(member: Shape, name: str) -> str:
    """The name under which botocore reads a member."""
    if member.type == "list" and member.flattened and member.member.wire_name:
        return member.member.wire_name
    return _local(member.wire_name or name)


def _local(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2]


def _read_entries(shape: Shape, entries: list[Element], name: str) -> dict[str, Any]:
    key_name, value_name = shape.key.wire_name or "key", shape.value.wire_name or "value"
    result: dict[str, Any] = {}
    for entry in entries:
        keys, values = entry.named(key_name), entry.named(value_name)
        if not keys:
            raise UnreadableError(f"An entry of {name} has no key.")
        result[keys[0].text] = read(shape.value, values[0], name) if values else None
    return result


def _scalar(shape: Shape, text: str, name: str) -> Any:
    try:
        return rest.read_text(shape, text, name, "iso8601")
    except UnreadableError as error:
        raise UnreadableError(error.message) from None


_UNSAFE = re.compile(r"[&<>\"\r\t\n\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#xD;"}


def escape(text: str, *, attribute: bool = False) -> str:
    """Text that a parser reads back as it was; what XML 1.0 cannot hold becomes U+FFFD."""

    def replace(found: re.Match[str]) -> str:
        character = found[0]
        if character in "\t\n":
            return f"&#{ord(character)};" if attribute else character
        return _ESCAPES.get(character, "\ufffd")

    return _UNSAFE.sub(replace, text)


class Writer:
    """Writes one document."""

    def __init__(self) -> None:
        self._parts: list[str] = ['<?xml version="1.0" encoding="UTF-8"?>\n']

    @contextmanager
    def element(
        self, name: str, *, xmlns: str | None = None, attributes: str = ""
    ) -> Iterator[None]:
        """An element around what is written inside the block."""
        space = f' xmlns="{escape(xmlns, attribute=True)}"' if xmlns else ""
        self._parts.append(f"<{name}{space}{attributes}>")
        yield
        self._parts.append(f"</{name}>")

    def leaf(self, name: str, text: str, attributes: str = "") -> None:
        """An element with text alone."""
        self._parts.append(f"<{name}{attributes}>{escape(text)}</{name}>")

    def document(self) -> bytes:
        return "".join(self._parts).encode()


def write_members(writer: Writer, shape: Shape, value: Mapping[str, Any]) -> None:
    """A structure's present members of the body, as elements; attributes are the element's."""
    members = shape.members
    for name, item in value.items():
        member = members[name]
        if item is not None and not member.xml_attribute:
            _write_member(writer, member, element_name(member, name), item)


def _write_member(writer: Writer, member: Shape, name: str, item: Any) -> None:
    if member.flattened and member.type == "list":
        for each in item:
            write(writer, member.member, name, each)
    elif member.flattened and member.type == "map":
        for key, each in item.items():
            _write_entry(writer, member, name, key, each)
    else:
        write(writer, member, name, item)


def write(writer: Writer, shape: Shape, name: str, value: Any) -> None:
    """One element of the shape's type."""
    own = attributes(shape, value)
    match shape.type:
        case "structure":
            with writer.element(name, attributes=own):
                write_members(writer, shape, value)
        case "list":
            with writer.element(name, attributes=own):
                for item in value:
                    write(writer, shape.member, shape.member.wire_name or "member", item)
        case "map":
            with writer.element(name, attributes=own):
                for key, item in value.items():
                    _write_entry(writer, shape, "entry", key, item)
        case _:
            writer.leaf(name, rest.write_text(shape, value, "iso8601"), own)


def _write_entry(writer: Writer, shape: Shape, name: str, key: str, value: Any) -> None:
    with writer.element(name):
        write(writer, shape.key, shape.key.wire_name or "key", key)
        if value is not None:
            write(writer, shape.value, shape.value.wire_name or "value", value)


def attributes(shape: Shape, value: Any) -> str:
    """The namespace of an element and the members that are its attributes, ready to insert."""
    parts: list[str] = []
    if shape.xml_namespace is not None:
        prefix, uri = shape.xml_namespace
        parts.append(f' xmlns{":" if prefix else ""}{prefix}="{escape(uri, attribute=True)}"')
    if shape.type == "structure":
        for name, member in shape.members.items():
            if member.xml_attribute and value.get(name) is not None:
                text = rest.write_text(member, value[name], "iso8601")
                parts.append(f' {member.wire_name or name}="{escape(text, attribute=True)}"')
    return "".join(parts)
