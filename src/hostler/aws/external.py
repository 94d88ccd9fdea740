"""An S3 of somebody else's: requests to it, signed with its own access key. Blocking.

Invariant: every wait has an end, each request has a connection of its own (none is ever stale), and
nothing is repeated here: who asked knows whether it may be. A failure says what would mend it.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from hostler.aws import signing, specs
from hostler.aws.protocols import xml
from hostler.aws.protocols.errors import UnreadableError
from hostler.aws.shapes import Shape

CONNECT_TIMEOUT_S = 5.0
SILENCE_MAX_S = 55.0
"""Between two signs of life: clients of ours wait a minute for theirs."""
DOCUMENT_BYTES_MAX = 8 << 20
"""Of an answer that is read whole: a page of a list, an error."""
PIECE_BYTES = 1 << 20
_SEGMENT_SAFE = "/-._~"

Headers = Sequence[tuple[str, str]]


class ExternalError(Exception):
    """It cannot be used now; the text names it and says what would help."""


class RefusedError(Exception):
    """It answered, with a refusal of its own.

    Args:
        status: The HTTP status.
        code: S3's code; empty where the answer has no body.
        message: What it says of it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code or status}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is, and the access key that is ours there."""

    endpoint: str
    region: str
    access_key_id: str
    secret: str
    virtual_hosted: bool = False
    ca_bundle: Path | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """One object of a list, or the one that was asked for."""

    key: str
    etag: str
    size: int


class Exchange:
    """One request under way: its body piece by piece, then its answer."""

    def __init__(self, external: "ExternalS3", connection: http.client.HTTPConnection) -> None:
        self._external = external
        self._connection = connection
        self._response: http.client.HTTPResponse | None = None
        self._refused_early = False

    def send(self, piece: bytes) -> None:
        """A piece of the body; one that is not wanted any more is dropped."""
        if self._refused_early:
            return
        try:
            with self._external.explained():
                self._connection.send(piece)
        except ExternalError as error:
            if not isinstance(error.__cause__, BrokenPipeError | ConnectionResetError):
                raise
            self._refused_early = True  # what it had to say waits to be read

    def answer(self) -> http.client.HTTPResponse:
        """The answer's head; its body is still to be read."""
        with self._external.explained():
            self._response = self._connection.getresponse()
        return self._response

    def read(self, size: int = PIECE_BYTES) -> bytes:
        """More of the answer's body; empty at its end."""
        assert self._response is not None
        with self._external.explained():
            # read1 gives what has come; it does not tell of a connection that ended too early
            piece = self._response.read1(size)
            if not piece and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        return piece

    def document(self) -> bytes:
        """The rest of the body, which must be small."""
        parts = []
        size = 0
        while piece := self.read():
            parts.append(piece)
            size += len(piece)
            if size > DOCUMENT_BYTES_MAX:
                raise self._external.failed("its answer is larger than any of S3's")
        return b"".join(parts)

    def close(self) -> None:
        """End it, finished or not; no other thread may be at it."""
        if self._response is not None:
            self._response.close()
        self._connection.close()


class ExternalS3:
    """Somebody else's S3.

    Args:
        place: Where, and as whom.
        wall: The wall clock: signatures carry its time.
    """

    def __init__(self, place: Place, wall: Callable[[], float]) -> None:
        self.place = place
        self._wall = wall
        parts = urlsplit(place.endpoint)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._authority = parts.netloc
        self._context = self._trusting() if self._tls else None

    def _trusting(self) -> ssl.SSLContext:
        bundle = self.place.ca_bundle
        try:
            return ssl.create_default_context(cafile=None if bundle is None else str(bundle))
        except (OSError, ssl.SSLError) as error:
            raise ExternalError(f"[s3] ca_bundle {bundle} cannot be used: {error}") from error

    # requests

    def begin(
        self,
        method: str,
        bucket: str | None,
        key: str | None,
        query: str,
        headers: Headers,
        *,
        body_sha256: str,
        length: int,
    ) -> Exchange:
        """Send a request's head; its ``length`` bytes are sent by the caller.

        Args:
            method: The HTTP method.
            bucket: The bucket, if the request is for one.
            key: The object's key, decoded.
            query: The query string, encoded.
            headers: Names in lower case; all are signed.
            body_sha256: Hexadecimal, or a form that S3 knows.
            length: Of the body as it is sent.

        Raises:
            ExternalError: it cannot be reached.
        """
        host, target = self._named(bucket, key, query)
        signed = signing.sign(
            method,
            target,
            (("host", host), *headers),
            body_sha256,
            access_key_id=self.place.access_key_id,
            secret=self.place.secret,
            region=self.place.region,
            service="s3",
            now=self._wall(),
        )
        connection = self._connection(host)
        try:
            with self.explained():
                connection.connect()
                connection.sock.settimeout(SILENCE_MAX_S)
                connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
                for name, value in signed:
                    connection.putheader(name, value.encode("latin-1"))
                if length or method in {"PUT", "POST"}:
                    connection.putheader("content-length", str(length))
                connection.putheader("connection", "close")
                connection.endheaders()
        except ExternalError:
            connection.close()
            raise
        return Exchange(self, connection)

    def _named(self, bucket: str | None, key: str | None, query: str) -> tuple[str, str]:
        """The host and the target by which the request names what it is for."""
        host, path = self._authority, "/"
        if bucket is not None and self.place.virtual_hosted:
            host = f"{bucket}.{host}"
        elif bucket is not None:
            path = f"/{bucket}/" if key is not None else f"/{bucket}"
        if key is not None:
            path += quote(key, safe=_SEGMENT_SAFE)
        return host, f"{path}?{query}" if query else path

    def _connection(self, host: str) -> http.client.HTTPConnection:
        name = urlsplit(f"//{host}").hostname or self._host
        if self._context is None:
            return http.client.HTTPConnection(name, self._port, timeout=CONNECT_TIMEOUT_S)
        return http.client.HTTPSConnection(
            name, self._port, timeout=CONNECT_TIMEOUT_S, context=self._context
        )

    @contextmanager
    def _asking(
        self, method: str, bucket: str | None, key: str | None, query: str, headers: Headers = ()
    ) -> Iterator[tuple[Exchange, http.client.HTTPResponse]]:
        """A request without a body, and its answer, which is a success."""
        exchange = self.begin(
            method, bucket, key, query, headers, body_sha256=signing.EMPTY_SHA256, length=0
        )
        with closing(exchange):
            response = exchange.answer()
            if response.status not in (200, 206):
                body = b"" if method == "HEAD" else exchange.document()
                raise self.refusal(response.status, lowered(response), body)
            yield exchange, response

    # what is asked of it by ourselves

    def probe(self) -> None:
        """Return if it answers and knows our key; raises ExternalError."""
        try:
            with self._asking("GET", None, None, ""):
                return
        except RefusedError as refused:
            if refused.code != "AccessDenied":  # one that may not list buckets is a good key
                raise self.failed(f"it answers {refused}") from None

    def head(self, bucket: str, key: str) -> Listed:
        """What an object is; raises RefusedError, whose code says why, and ExternalError."""
        try:
            return self._head(bucket, key)
        except RefusedError as refused:
            # No document came with it: a refusal of the bucket, or of our key, has one.
            match refused.status:
                case 404:
                    with self._asking("GET", bucket, None, "list-type=2&max-keys=0"):
                        code = "NoSuchKey"
                case 403:
                    self.probe()
                    code = "AccessDenied"
                case _:
                    raise
            raise RefusedError(refused.status, code, refused.message) from None

    def _head(self, bucket: str, key: str) -> Listed:
        with self._asking("HEAD", bucket, key, "") as (_, response):
            size = response.headers.get("content-length", "")
            if not size.isdecimal():
                raise self.failed(f"it does not say how large {key} is")
            return Listed(key, response.headers.get("etag", ""), int(size))

    def list(self, bucket: str, prefix: str) -> Iterator[Listed]:
        """Every object below a prefix; raises RefusedError, ExternalError."""
        operation = specs.service("s3").operation("ListObjectsV2")
        assert operation is not None
        assert operation.output is not None
        token = ""
        while True:
            query = f"list-type=2&max-keys=1000&prefix={quote_plus(prefix)}".replace("+", "%20")
            if token:
                query = f"continuation-token={quote(token, safe='')}&{query}"
            with self._asking("GET", bucket, None, query) as (exchange, _):
                page = self._page(operation.output, exchange.document())
            for each in page.get("Contents", ()):
                yield Listed(each["Key"], each.get("ETag", ""), int(each["Size"]))
            token = page.get("NextContinuationToken", "")
            if not page.get("IsTruncated") or not token:
                return

    def _page(self, shape: Shape, document: bytes) -> Mapping[str, Any]:
        try:
            return xml.read_structure(shape, xml.loads(document))
        except UnreadableError as error:
            raise self.failed(f"it does not answer as S3 does: {error}") from error

    def download(
        self, bucket: str, listed: Listed, target: Path, wanted: Callable[[], bool]
    ) -> None:
        """Write exactly that content to a new file.

        Args:
            bucket: Where it is.
            listed: What it is.
            target: The file.
            wanted: Asked at each piece; one that is not wanted any more is cut there.

        Raises:
            RefusedError: It is another one now, or not ours to read.
            ExternalError: It did not come, or not whole.
            OSError: It cannot be written.
        """
        match = (("if-match", listed.etag),) if listed.etag else ()
        with self._asking("GET", bucket, listed.key, "", match) as (exchange, _):
            size = 0
            with target.open("xb") as file:
                while wanted() and (piece := exchange.read()):
                    file.write(piece)
                    size += len(piece)
        if size != listed.size:
            raise self.failed(f"it sent {size} of the {listed.size} bytes of {listed.key}")

    # what went wrong

    def refusal(
        self, status: int, headers: Mapping[str, str], body: bytes
    ) -> RefusedError | ExternalError:
        """What an answer that is no success means: a refusal of the request, or of us."""
        code, message = _told(body)
        key = self.place.access_key_id
        match code:
            case "InvalidAccessKeyId" | "InvalidClientTokenId":
                return self.failed(f"it does not know the access key {key}: mend access_key_id")
            case "SignatureDoesNotMatch":
                return self.failed(
                    f"the secret is not that of the access key {key} (or a proxy before it changes "
                    "requests): mend secret_access_key"
                )
            case "RequestTimeTooSkewed":
                return self.failed(f"the clocks differ{self._skew(headers)}: set the wrong one")
            case "AuthorizationHeaderMalformed" | "ExpiredToken" | "InvalidToken":
                return self.failed(f"it refuses Hostler's signature: {message or code}")
        if status in (301, 302, 303, 307, 308):
            where = headers.get("x-amz-bucket-region") or headers.get("location") or "elsewhere"
            return self.failed(f"it points to {where}: set endpoint and region to that")
        if status >= 500 and status != 501:
            return self.failed(f"it answers {status} {code} {message}".rstrip())
        return RefusedError(status, code, message)

    def _skew(self, headers: Mapping[str, str]) -> str:
        try:
            theirs = parsedate_to_datetime(headers.get("date", "")).timestamp()
        except (TypeError, ValueError):
            return ""
        return f" by {abs(theirs - self._wall()):.0f} s"

    def failed(self, what: str) -> ExternalError:
        """The error that says so of this S3."""
        return ExternalError(f"The external S3 at {self.place.endpoint} cannot be used: {what}.")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say of what goes wrong in the block what it means."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            text = f"its certificate is not trusted ({error.verify_message}): set ca_bundle"
            raise self.failed(text) from error
        except ssl.SSLError as error:
            text = f"TLS with it fails ({error.reason or error}): is it http:// perhaps?"
            raise self.failed(text) from error
        except socket.gaierror as error:
            text = f"the name {self._host} cannot be found ({error.strerror}): mend endpoint"
            raise self.failed(text) from error
        except TimeoutError as error:
            raise self.failed("it did not answer in time: is it up, is the way there?") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise self.failed(f"{reason}: is it up, and is endpoint right?") from error
        except http.client.IncompleteRead as error:
            raise self.failed("it ended the connection before its answer's end") from error
        except http.client.HTTPException as error:
            raise self.failed(f"it does not speak HTTP as S3 does ({error!r})") from error


def lowered(response: http.client.HTTPResponse) -> dict[str, str]:
    """An answer's headers by lower-case name."""
    return {name.lower(): value for name, value in response.getheaders()}


def _told(body: bytes) -> tuple[str, str]:
    """Code and message of an error document; empty where there is none."""
    try:
        error = xml.loads(body)
    except UnreadableError:
        return "", ""
    by_name = {child.name: child.text for child in error.children}
    return by_name.get("Code", ""), by_name.get("Message", "")
