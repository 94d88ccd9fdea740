"""multipart/form-data (RFC 7578), read as it comes.

Invariant: of fields no more is held than the limit, of a file no more than what was last fed; what
is no well-formed form raises FormError, at the latest where it ends.
"""

import re
from typing import NamedTuple

HEAD_BYTES_MAX = 8 << 10
_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s";,]{1,70}))\s*(?:;|$)', re.IGNORECASE)
_DISPOSITION = re.compile(rb"^form-data\s*(?=;)", re.IGNORECASE)
_PARAMETER = re.compile(rb';\s*([a-z*]+)=(?:"((?:\\"|[^"])*)"|([^\s";]*))\s*', re.IGNORECASE)


class FormError(Exception):
    """It is no well-formed form."""


class TooLargeError(FormError):
    """Its fields are longer than the limit."""


class Part(NamedTuple):
    """What a part's head says."""

    name: str
    filename: str


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type tells; raises FormError."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise FormError("there is no boundary")
    return (found[1] or found[2]).encode("latin-1")


class FormReader:
    """A form: its fields up to the file, the file, and its end.

    Args:
        boundary: From the Content-Type.
        fields_bytes_max: Of all that stands before the file, and of what follows it.
    """

    def __init__(self, boundary: bytes, fields_bytes_max: int) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._left = fields_bytes_max
        self._held = bytearray(b"\r\n")
        """What was fed and not read yet; as if a line had ended before the first boundary."""
        self._part: Part | None = None
        self._value = b""
        self.fields: list[tuple[str, str]] = []
        """Before the file, in order."""
        self.file: Part | None = None
        """Once its head has been read."""
        self._file_ended = False
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """More of the form; what of the file's content can be told by now."""
        self._held += data
        content = b""
        while not self._ended:
            if self.file is not None and not self._file_ended:
                piece, whole = self._take()
                content += piece
                if not whole:
                    return content
                self._file_ended = True
            elif self._part is not None:
                piece, whole = self._take()
                self._charge(len(piece))
                if not self._file_ended:
                    self._value += piece
                if not whole:
                    return content
                self._keep()
            elif not self._begin():
                return content
        self._charge(len(self._held))
        self._held.clear()
        return content

    def finish(self) -> None:
        """Nothing more comes; raises FormError where the form has not ended."""
        if not self._ended:
            raise FormError("it ends before its last boundary")

    def _charge(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLargeError("its fields are too long")

    def _take(self) -> tuple[bytes, bool]:
        """What is certainly a part's content, and whether its boundary follows."""
        at = self._held.find(self._delimiter)
        if at < 0:
            at = max(0, len(self._held) - len(self._delimiter) + 1)
            piece = bytes(self._held[:at])
            del self._held[:at]
            return piece, False
        piece = bytes(self._held[:at])
        del self._held[:at]
        return piece, True

    def _begin(self) -> bool:
        """Read a boundary and the head behind it; False where more must come."""
        held, size = self._held, len(self._delimiter)
        if not held.startswith(self._delimiter[: len(held)]):
            raise FormError("it does not begin with its boundary")
        if held.startswith(self._delimiter + b"--"):
            del held[: size + 2]
            self._ended = True
            return True
        end = held.find(b"\r\n\r\n", size)
        if end < 0:
            if len(held) > HEAD_BYTES_MAX:
                raise TooLargeError("a part's head is too long")
            return False
        padding, _, head = bytes(held[size : end + 2]).partition(b"\r\n")
        if padding.strip(b" \t"):
            raise FormError("a boundary is followed by something else")
        self._charge(end + 4)
        del held[: end + 4]
        part = _part(head)
        if self.file is None and part.name.lower() == "file":
            self.file = part
        else:
            self._part = part
        return True

    def _keep(self) -> None:
        part, value = self._part, self._value
        self._part, self._value = None, b""
        if part is not None and self.file is None:
            try:
                self.fields.append((part.name, value.decode()))
            except UnicodeDecodeError:
                raise FormError(f"the field {part.name} is not UTF-8") from None


def _part(head: bytes) -> Part:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            return _disposition(value.strip())
    raise FormError("a part has no Content-Disposition")


def _disposition(value: bytes) -> Part:
    begun = _DISPOSITION.match(value)
    if begun is None:
        raise FormError("a part is not form-data")
    at, found = begun.end(), {}
    while at < len(value):
        parameter = _PARAMETER.match(value, at)
        if parameter is None:
            raise FormError("a Content-Disposition is malformed")
        text = parameter[2].replace(b'\\"', b'"') if parameter[2] is not None else parameter[3]
        name = parameter[1].lower()
        if name in found:
            raise FormError("a Content-Disposition says something twice")
        found[name] = text
        at = parameter.end()
    try:
        return Part(found[b"name"].decode(), found.get(b"filename", b"").decode())
    except (KeyError, UnicodeDecodeError):
        raise FormError("a part has no name that can be read") from None
