"""aws-chunked bodies: S3's framing, with a signature for each chunk or a trailer or both.

Invariant: nothing is accepted before ``finish``: the bytes that ``feed`` returns are provisional
until every signature, the decoded length and the announced trailers have been found right
(https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
"""

import hashlib
import hmac
import re
from enum import Enum, auto
from typing import Final

from hostler.aws.presented import Presented
from hostler.aws.refusals import Refusal, refuse
from hostler.aws.signing import EMPTY_SHA256, SigningKey, signing_key
from hostler.domain.errors import CallerError

SIGNED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

LINE_MAX: Final = 1024
TRAILERS_MAX: Final = 16

_SIGNED_LINE = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=([0-9a-f]{64})")
_PLAIN_LINE = re.compile(rb"([0-9a-fA-F]{1,16})(?:;[\x21-\x7e]{0,128})?")
"""An extension is for nobody here; no client has one longer than a signature's."""
_TRAILER_SIGNATURE = "x-amz-trailer-signature"


class _State(Enum):
    HEADER = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkedBody:
    """Decodes and verifies one body, piece by piece.

    Args:
        presented: A verified signature, whose ``payload_hash`` names the form.
        secret: The access key's secret.

    Raises:
        CallerError: The form is none of ours, or the decoded length is missing.
    """

    def __init__(self, presented: Presented, secret: str) -> None:
        form = presented.payload_hash
        if form not in (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER):
            raise CallerError(
                "InvalidArgument", f"x-amz-content-sha256 has an unsupported value: '{form}'."
            )
        length = presented.decoded_length
        if not (length.isascii() and length.isdigit() and len(length) <= 15):
            raise CallerError(
                "MissingContentLength", "You must provide the x-amz-decoded-content-length header."
            )
        self.length = int(length)
        """The announced length of the decoded body."""
        self.trailers: dict[str, str] = {}
        """The trailers by lower-case name, complete after ``finish``."""
        self._key: SigningKey | None = None
        if form != UNSIGNED_TRAILER:
            scope = presented.scope
            self._key = signing_key(secret, scope.date, scope.region, scope.service)
        self._context = f"{presented.stamp}\n{presented.scope.text}"
        self._previous = presented.signature
        self._announced = frozenset(
            name.strip().lower() for name in presented.trailer.split(",") if name.strip()
        )
        self._wants_trailer = form != SIGNED
        self._state = _State.HEADER
        self._line = bytearray()
        self._left = 0
        self._last = False
        self._hash = hashlib.sha256()
        self._claimed = ""
        self._decoded = 0
        self._trailer_text: list[str] = []
        self._trailer_signature: str | None = None

    def feed(self, data: bytes) -> bytes:
        """Takes the next piece of the body and returns what it decodes to.

        Raises:
            CallerError: The framing, a signature or the length is wrong.
        """
        view = memoryview(data)
        out: list[memoryview] = []
        while view:
            if self._state is _State.DATA:
                piece, view = view[: self._left], view[self._left :]
                self._left -= len(piece)
                self._decoded += len(piece)
                if self._key is not None:
                    self._hash.update(piece)
                out.append(piece)
                if not self._left:
                    self._state = _State.DATA_END
            elif self._state is _State.DONE:
                raise _malformed("There is data after the last chunk.")
            else:
                view = self._take_line(view)
        return b"".join(out)

    def finish(self) -> None:
        """The body has ended: checks that it was whole, and the trailers.

        Raises:
            CallerError: It was cut short, or a length, a trailer or its signature is wrong.
        """
        if self._state is not _State.DONE:
            raise CallerError("IncompleteBody", "The request body terminated unexpectedly.")
        if self._decoded != self.length:
            raise _incomplete()

    def _take_line(self, view: memoryview) -> memoryview:
        """Takes bytes up to the end of a line, and handles the line once it is whole."""
        data = bytes(view[: LINE_MAX + 2 - len(self._line)])
        at = data.find(b"\n")
        if at < 0:
            self._line += data
            if len(self._line) > LINE_MAX:
                raise _malformed("A line is too long.")
            return view[len(data) :]
        self._line += data[: at + 1]
        line, self._line = bytes(self._line), bytearray()
        if not line.endswith(b"\r\n"):
            # Trailers are also seen with a bare line feed before their signature.
            if self._state is not _State.TRAILER:
                raise _malformed("A line does not end in CR LF.")
            line = line[:-1] + b"\r\n"
        self._handle_line(line[:-2])
        return view[at + 1 :]

    def _handle_line(self, line: bytes) -> None:
        match self._state:
            case _State.HEADER:
                self._begin_chunk(line)
            case _State.DATA_END:
                if line:
                    raise _malformed("A chunk is longer than it says.")
                self._end_chunk()
                self._state = _State.HEADER
            case _:
                self._take_trailer(line)

    def _begin_chunk(self, line: bytes) -> None:
        found = (_SIGNED_LINE if self._key else _PLAIN_LINE).fullmatch(line)
        if found is None:
            raise _malformed("A chunk's header is not «size;chunk-signature=…».")
        self._left = int(found[1], 16)
        self._claimed = found[2].decode() if self._key else ""
        self._hash = hashlib.sha256()
        if self._decoded + self._left > self.length:
            raise _incomplete()
        if self._left:
            self._state = _State.DATA
            return
        self._end_chunk()
        self._state = _State.TRAILER

    def _end_chunk(self) -> None:
        """Checks the signature of the chunk that has just ended."""
        if self._key is None:
            return
        text = (
            f"AWS4-HMAC-SHA256-PAYLOAD\n{self._context}\n{self._previous}\n{EMPTY_SHA256}\n"
            f"{self._hash.hexdigest()}"
        )
        self._check(self._key, text, self._claimed)
        self._previous = self._claimed

    def _check(self, key: SigningKey, text: str, claimed: str) -> None:
        if not hmac.compare_digest(key.sign(text.encode("latin-1")), claimed):
            raise refuse("s3", Refusal.MISMATCH)

    def _take_trailer(self, line: bytes) -> None:
        """One line after the last chunk; an empty one ends the body."""
        if not line:
            # Between the trailers and their signature some clients leave an empty line.
            if self._key is None or not self._trailer_text or self._trailer_signature is not None:
                self._end_trailers()
            return
        if not self._wants_trailer or len(self._trailer_text) >= TRAILERS_MAX:
            raise _malformed_trailer()
        name, colon, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        if not colon or not name or self._trailer_signature is not None:
            raise _malformed_trailer()
        if name == _TRAILER_SIGNATURE:
            self._trailer_signature = value
            return
        if name in self.trailers:
            raise _malformed_trailer()
        self.trailers[name] = value
        self._trailer_text.append(f"{name}:{value}\n")

    def _end_trailers(self) -> None:
        if self.trailers.keys() != self._announced:
            raise _malformed_trailer()
        if self._key is not None and self._wants_trailer and self._trailer_text:
            digest = hashlib.sha256("".join(self._trailer_text).encode("latin-1")).hexdigest()
            text = f"AWS4-HMAC-SHA256-TRAILER\n{self._context}\n{self._previous}\n{digest}"
            claimed = self._trailer_signature or ""
            if not re.fullmatch(r"[0-9a-f]{64}", claimed):
                raise refuse("s3", Refusal.MISMATCH)
            self._check(self._key, text, claimed)
        self._state = _State.DONE


def _malformed(text: str) -> CallerError:
    return CallerError("InvalidChunkSizeError", text)


def _malformed_trailer() -> CallerError:
    return CallerError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our "
        "published schema.",
    )


def _incomplete() -> CallerError:
    return CallerError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the x-amz-decoded-content-length "
        "header.",
    )
