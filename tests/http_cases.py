"""What RFC 9112 and RFC 9110 ask of a server, as bytes: a case for each requirement it can break.

In a case's bytes ``<T>`` stands for the target of the way it is sent (an invocation, control, S3),
``<A>`` for the fields that sign it there.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from time import time

from gateway_pieces import PATH, REGION, ROOT_KEY, ROOT_SECRET
from hostler.aws import sigv4

HOST = "h:1"
INVOCATION, CONTROL, S3 = "invocation", "control", "s3"
WAYS = (INVOCATION, CONTROL, S3)
RELAYS = (CONTROL, S3)
TARGETS = {INVOCATION: PATH, CONTROL: "/_hostler/x", S3: "/bucket/key"}


@dataclass(frozen=True)
class Case:
    """One requirement."""

    section: str
    name: str
    data: bytes
    statuses: tuple[int, ...] = (200,)
    body: bytes | None = b"{}"
    """What the model, control or S3 is given; None where the gateway refuses."""
    kept: bool = True
    """Whether the next request on the connection is served."""
    ends: bool = True
    """Whether it has an end, behind which another request may follow."""
    ways: tuple[str, ...] = WAYS
    fields: tuple[tuple[bytes, bytes | None], ...] = ()
    """What control and S3 are told, by name; None: nothing."""

    def __str__(self) -> str:
        return f"{self.section} {self.name}"


def on(way: str, data: bytes, body: bytes = b"{}") -> bytes:
    """A case's bytes, on their way."""
    target = TARGETS[way]
    lines = signature(target, body) if way == INVOCATION else b""
    return data.replace(b"<T>", target.encode()).replace(b"<A>", lines)


def signature(target: str, body: bytes) -> bytes:
    """The lines that sign a POST for the host."""
    signed = sigv4.sign(
        "POST",
        target,
        [("host", HOST)],
        hashlib.sha256(body).hexdigest(),
        access_key_id=ROOT_KEY,
        secret=ROOT_SECRET,
        region=REGION,
        service="sagemaker",
        now=time(),
    )
    return "".join(f"{name}: {value}\r\n" for name, value in signed if name != "host").encode()


def sent(case: Case, way: str) -> bytes:
    """A case's bytes, with a request behind them where one may follow."""
    return on(way, case.data, case.body or b"{}") + (following(way) if case.ends else b"")


def following(way: str) -> bytes:
    """A request that is beyond doubt, and the last of its connection."""
    head = (
        b"POST <T> HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n<A>Content-Length: 4\r\n\r\nnext"
    )
    return on(way, head, b"next")


HEAD = b"POST <T> HTTP/1.1\r\nHost: h:1\r\n<A>"
SIZED = HEAD + b"Content-Length: 2\r\n"
WHOLE = b"\r\n{}"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"2\r\n{}\r\n0\r\n\r\n"
SMUGGLED = b"POST /_hostler/smuggled HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n"

_cases: list[Case] = []


def _section(section: str) -> tuple[Callable[..., None], Callable[..., None]]:
    def served(name: str, data: bytes, **more: object) -> None:
        _cases.append(Case(section, name, data, **more))  # type: ignore[arg-type]

    def refused(status: int, name: str, data: bytes, **more: object) -> None:
        made = Case(section, name, data, (status,), None, kept=False, **more)  # type: ignore[arg-type]
        _cases.append(made)

    return served, refused


def _messages() -> None:
    served, refused = _section("RFC 9112 §2.2")
    served("an empty line before the request line is passed over", b"\r\n" + SIZED + WHOLE)
    served("so is one that ends with LF alone", b"\n" + SIZED + WHOLE)
    refused(400, "LF alone after the request line", SIZED.replace(b"1.1\r\n", b"1.1\n") + WHOLE)
    refused(400, "LF alone after a field", SIZED.replace(b"h:1\r\n", b"h:1\n") + WHOLE)
    refused(400, "LF alone after the head", SIZED + b"\n{}")
    refused(400, "LF alone twice after the last field", SIZED[:-2] + b"\n\n{}")
    refused(400, "CR alone in a value", SIZED + b"A: b\rc\r\n" + WHOLE)
    refused(400, "CR alone before a field", SIZED + b"A: b\rC: d\r\n" + WHOLE)
    refused(400, "CR alone in a name", SIZED + b"A\rB: b\r\n" + WHOLE)
    refused(400, "CR twice", SIZED + b"A: b\r\r\n" + WHOLE)
    refused(400, "CR alone after the head", SIZED + b"\r{}")
    refused(400, "CR alone in the target", SIZED.replace(b"<T>", b"<T>\r") + WHOLE)
    refused(400, "white space before the first field", SIZED.replace(b"Host", b" Host") + WHOLE)
    refused(400, "an empty field before the first", SIZED.replace(b"Host", b" \r\nHost") + WHOLE)
    served, refused = _section("RFC 9112 §2.3")
    for spelling in (b"http/1.1", b"HTTP/1", b"HTTP/01.1", b"HTTP/1.10", b"HTTP/1.1x", b"HTTP/1,1"):
        refused(400, f"the version {spelling!r}", SIZED.replace(b"HTTP/1.1", spelling) + WHOLE)
    for status, version in ((400, b"HTTP/1.2"), (505, b"HTTP/2.0"), (400, b"HTTP/3.0")):
        refused(
            status, f"another version, {version!r}", SIZED.replace(b"HTTP/1.1", version) + WHOLE
        )
    refused(505, "HTTP/0.9 has no version", b"GET <T>\r\n\r\n")
    refused(400, "HTTP/2's preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    refused(400, "TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    refused(400, "a line of a mail", b"EHLO example.org\r\n")
    served(
        "HTTP/1.0 is served, and ends with its answer",
        SIZED.replace(b"1.1", b"1.0", 1) + WHOLE,
        kept=False,
    )


def _request_lines() -> None:
    served, refused = _section("RFC 9112 §3")
    for name, line in {
        "no target": b"POST HTTP/1.1",
        "no target between spaces": b"POST  HTTP/1.1",
        "nothing but a method": b"POST",
        "tabs between its parts": b"POST\t<T>\tHTTP/1.1",
        "a space behind the version": b"POST <T> HTTP/1.1 ",
        "a space before the method": b" POST <T> HTTP/1.1",
        "a space in the target": b"POST <T> x HTTP/1.1",
        "a control character in the target": b"POST <T>\x01 HTTP/1.1",
        "a NUL in the target": b"POST <T>\0 HTTP/1.1",
        "a byte above ASCII in the target": b"POST <T>\xff HTTP/1.1",
        "a word behind the version": b"POST <T> HTTP/1.1 HTTP/1.0",
        "a method that is no token": b"PO(ST <T> HTTP/1.1",
    }.items():
        refused(400, name, line + SIZED[SIZED.index(b"\r\n") :] + WHOLE)
    served("more than one space is passed over", SIZED.replace(b" <T> ", b"  <T>  ") + WHOLE)
    long = b"/" + b"x" * 40_000
    refused(414, "a target above the limit", SIZED.replace(b"<T>", long) + WHOLE)
    refused(414, "a target without end", b"GET " + long, ends=False)
    served, refused = _section("RFC 9110 §9.1")
    for method in (b"FOO", b"post", b"Post", b"POSTS", b"X" * 40_000):
        refused(400, f"an unknown method, {method[:5]!r}", SIZED.replace(b"POST", method) + WHOLE)


def _hosts() -> None:
    served, refused = _section("RFC 9112 §3.2")
    for name, lines in {
        "no Host": b"",
        "two": b"Host: h:1\r\nHost: h:2\r\n",
        "the same twice": b"Host: h:1\r\nhost: h:1\r\n",
        "a space in it": b"Host: h 1\r\n",
        "a path in it": b"Host: h/x\r\n",
        "a user in it": b"Host: u@h\r\n",
        "a list": b"Host: h:1, h:2\r\n",
        "a port that is no number": b"Host: h:x\r\n",
        "two ports": b"Host: h:1:2\r\n",
        "half an address": b"Host: [::1\r\n",
        "a backslash": b"Host: h\\x\r\n",
        "quotes": b'Host: "h"\r\n',
        "a broken escape": b"Host: %zz\r\n",
        "a byte above ASCII": b"Host: h\xe9\r\n",
        "a scheme": b"Host: http://h\r\n",
    }.items():
        refused(400, name, SIZED.replace(b"Host: h:1\r\n", lines) + WHOLE)
    for name, line in {
        "an empty one is allowed": b"Host:\r\n",
        "an address is": b"Host: [::1]:80\r\n",
        "white space around it is": b"Host: \t h:1 \t\r\n",
    }.items():
        served(name, SIZED.replace(b"Host: h:1\r\n", line) + WHOLE, ways=RELAYS)
    served(
        "HTTP/1.0 needs none",
        b"POST <T> HTTP/1.0\r\nContent-Length: 2\r\n" + WHOLE,
        kept=False,
        ways=RELAYS,
    )
    refused(400, "HTTP/1.0 with two", SIZED.replace(b"1.1\r\n", b"1.0\r\nHost: h:2\r\n") + WHOLE)
    served, refused = _section("RFC 9112 §3.2.1")
    refused(
        400, "a fragment is no part of a target", SIZED.replace(b"<T>", b"/bucket/key#part") + WHOLE
    )
    served, refused = _section("RFC 9112 §3.2.2")
    elsewhere = SIZED.replace(b"Host: h:1", b"Host: proxy:3128")
    served(
        "an absolute target is its path, and its host the one that counts",
        elsewhere.replace(b"<T>", b"http://h:1<T>") + WHOLE,
        fields=((b"host", b"h:1"),),
    )
    for name, target in {
        "another scheme": b"ftp://h:1<T>",
        "a user": b"http://u@h:1<T>",
        "no host": b"http://<T>",
        "a port alone": b"http://:80<T>",
        "a fragment": b"http://h:1/x#y",
    }.items():
        refused(400, f"an absolute target with {name}", SIZED.replace(b"<T>", target) + WHOLE)
    served, refused = _section("RFC 9112 §3.2.3")
    for target in (b"h:443", b"h"):
        refused(400, f"{target!r} for POST", SIZED.replace(b"<T>", target) + WHOLE)
    connect = b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n"
    refused(400, "CONNECT with a path", connect.replace(b" h:", b" /h:") + b"\r\n")
    refused(400, "CONNECT without a port", connect.replace(b" h:443 ", b" h ") + b"\r\n")
    refused(400, "CONNECT with a URL", connect.replace(b" h:", b" http://h:") + b"\r\n")
    refused(400, "CONNECT with a body", connect + b"Content-Length: 2\r\n\r\n{}")
    served, refused = _section("RFC 9112 §3.2.4")
    served("OPTIONS asks for *", SIZED.replace(b"POST <T>", b"OPTIONS *") + WHOLE, ways=(S3,))
    refused(400, "nothing else does", SIZED.replace(b"<T>", b"*") + WHOLE)


def _fields() -> None:
    served, refused = _section("RFC 9112 §5.1")
    refused(400, "white space before the colon", SIZED + b"A : b\r\n" + WHOLE)
    refused(400, "a tab before the colon", SIZED + b"A\t: b\r\n" + WHOLE)
    refused(400, "a field without a colon", SIZED + b"Ab\r\n" + WHOLE)
    refused(400, "a field without a name", SIZED + b": b\r\n" + WHOLE)
    for byte in b'(),/;<=>?@[\\]{}"\x7f\x80\xff\0':
        name = b"A%c" % byte
        refused(400, f"the name {name!r}", SIZED + name + b": b\r\n" + WHOLE)
    served(
        "white space around a value is none of it",
        HEAD + b"Content-Length: \t2 \t\r\nA:\r\nB:b\r\n" + WHOLE,
        fields=((b"a", b""), (b"b", b"b")),
    )
    served, refused = _section("RFC 9112 §5.2")
    refused(400, "a folded value", SIZED + b"A: b\r\n c\r\n" + WHOLE)
    refused(400, "one folded by a tab", SIZED + b"A: b\r\n\tc\r\n" + WHOLE)
    refused(400, "a value that begins on the next line", SIZED + b"A:\r\n b\r\n" + WHOLE)
    served, refused = _section("RFC 9110 §5.4")
    refused(431, "more fields than the limit", SIZED + b"A: b\r\n" * 100 + WHOLE)
    refused(431, "a field above the limit", SIZED + b"A: " + b"x" * 40_000 + b"\r\n" + WHOLE)
    refused(431, "a name above the limit", SIZED + b"x" * 40_000 + b": b\r\n" + WHOLE)
    refused(431, "a head without end", SIZED + b"A: b\r\n" * 10_000, ends=False)
    served, refused = _section("RFC 9110 §5.5")
    for byte in (*range(9), 11, 12, *range(14, 32), 127):
        refused(400, f"the character {byte:#04x} in a value", SIZED + b"A: b%cc\r\n" % byte + WHOLE)
    served(
        "a tab and bytes above ASCII are allowed",
        SIZED + b"A: b\tc \xe9\r\n" + WHOLE,
        fields=((b"a", b"b\tc \xe9"),),
    )


def _framing() -> None:
    served, refused = _section("RFC 9112 §6.1")
    coded = HEAD + b"Transfer-Encoding: %b\r\n\r\n" + CHUNKS
    sized = b"Content-Length: 5\r\n"
    refused(400, "with a length", HEAD + sized + CHUNKED[len(HEAD) :] + CHUNKS)
    refused(400, "before a length", coded.replace(b"%b\r\n", b"chunked\r\n" + sized))
    refused(400, "in HTTP/1.0", CHUNKED.replace(b"1.1", b"1.0", 1) + CHUNKS)
    for status, value in (
        (501, b"xchunked"),
        (501, b"gzip, chunked"),
        (501, b"gzip\r\nTransfer-Encoding: chunked"),
        (501, b"identity"),
        (501, b"chunked;q=1"),
        (501, b'"chunked"'),
        (501, b"chunked\xe9"),
        (400, b"chunked, gzip"),
        (400, b"chunked, chunked"),
        (400, b""),
        (400, b"\x0bchunked"),
        (400, b"chunked\r\nTransfer-Encoding: chunked"),
        (400, b"chunked, identity"),
        (400, b"chunked\r\nTransfer-Encoding: identity"),
        (400, b"chunked\x00"),
    ):
        refused(status, f"the coding {value!r}", coded.replace(b"%b", value))
    for value in (b"chunked", b"Chunked", b"chunked  ", b", chunked"):
        served(
            f"the coding {value!r}",
            coded.replace(b"%b", value),
            fields=((b"transfer-encoding", b"chunked"), (b"content-length", None)),
        )
    served, refused = _section("RFC 9112 §6.3")
    for value in (
        b"+2",
        b"-2",
        b"0x2",
        b"2.0",
        b"2e0",
        b"2 2",
        b"2,2",
        b"2, 2",
        b"",
        b"two",
        b"2;",
        b"\xb2",
        b"2\r\nContent-Length: 2",
        b"2\r\nContent-Length: 3",
        b"2\r\ncontent-length: 2",
        b"99999999999999999999999",
    ):
        refused(400, f"the length {value!r}", HEAD + b"Content-Length: %b\r\n" % value + WHOLE)
    served("a length with zeros before it", HEAD + b"Content-Length: 0002\r\n" + WHOLE)
    served("without a length there is no body", HEAD + b"\r\n", body=b"", ways=RELAYS)


def _chunks() -> None:
    served, refused = _section("RFC 9112 §7.1")
    for name, size in {
        "a sign": b"+2",
        "a minus": b"-2",
        "a prefix": b"0x2",
        "no size": b"",
        "no digit": b"g",
        "a space before it": b" 2",
        "a space behind it": b"2 ",
        "an underscore": b"0_2",
        "a point": b"2.0",
        "too large a size": b"1" + b"0" * 16,
        "wide digits": b"\xef\xbc\x92",
        "CR alone": b"2\r",
        "LF alone": b"2\n{}\r\n0\r\n\r\n",
    }.items():
        refused(400, name, CHUNKED + size + b"\r\n{}\r\n0\r\n\r\n")
    refused(400, "more than its size", CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n")
    refused(400, "less than its size", CHUNKED + b"9\r\n{}\r\n0\r\n\r\n")
    refused(400, "no line end behind a chunk", CHUNKED + b"2\r\n{}0\r\n\r\n")
    refused(400, "LF alone behind a chunk", CHUNKED + b"2\r\n{}\n0\r\n\r\n")
    refused(400, "LF alone behind the last size", CHUNKED + b"2\r\n{}\r\n0\n\r\n")
    refused(400, "LF alone at the end", CHUNKED + b"2\r\n{}\r\n0\r\n\n")
    served(
        "zeros before a size, and several chunks", CHUNKED + b"01\r\n{\r\n001\r\n}\r\n000\r\n\r\n"
    )
    served(
        "digits of either case",
        CHUNKED + b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
        body=b"0123456789" * 2,
    )
    served, refused = _section("RFC 9112 §7.1.1")
    for extension in (b";a", b";a=b", b';a="b;c"', b";a=b;c=d"):
        served(
            f"the extension {extension!r} is dropped",
            CHUNKED + b"2%b\r\n{}\r\n0%b\r\n\r\n" % (extension, extension),
        )
    for extension in (b";a=b\n", b";a=b\rc", b";a=\x01", b';a="\n"', b';a="\r\n"', b";\0", b" ;a"):
        refused(
            400, f"the extension {extension!r}", CHUNKED + b"2%b\r\n{}\r\n0\r\n\r\n" % extension
        )
    refused(400, "extensions without end", CHUNKED + b"2;" + b"a" * 200_000, ends=False)
    served, refused = _section("RFC 9112 §7.1.2")
    served(
        "trailers are dropped",
        CHUNKED + CHUNKS[:-2] + b"Host: x\r\nA: b\r\n\r\n",
        fields=((b"host", b"h:1"), (b"a", None)),
    )
    for trailer in (
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"A b",
        b"A : b",
        b"A: b\r\n c",
        b"A: \0",
        b"A: b\n",
        b": b",
    ):
        refused(400, f"the trailer {trailer!r}", CHUNKED + CHUNKS[:-2] + trailer + b"\r\n\r\n")
    refused(400, "trailers without end", CHUNKED + CHUNKS[:-2] + b"A: b\r\n" * 50_000, ends=False)
    refused(
        400, "a trailer without end", CHUNKED + CHUNKS[:-2] + b"A: " + b"b" * 300_000, ends=False
    )


def _codings_of_answers() -> None:
    served, _ = _section("RFC 9112 §7.4")
    for value in (b"trailers", b"gzip;q=0.5", b"chunked"):
        for name, option in ((" and no Connection: TE", b""), ("", b"Connection: TE\r\n")):
            served(
                f"TE: {value.decode()}{name} speaks of the answer, and not of the body",
                SIZED + b"TE: %b\r\n%b" % (value, option) + WHOLE,
                fields=((b"content-length", b"2"), (b"transfer-encoding", None)),
            )
    served(
        "a body in chunks and TE: gzip are two things",
        HEAD + b"TE: gzip\r\nConnection: TE\r\n" + CHUNKED[len(HEAD) :] + CHUNKS,
        fields=((b"transfer-encoding", b"chunked"), (b"content-length", None)),
    )


def _connections() -> None:
    served, refused = _section("RFC 9112 §9.3")
    for value, kept in (
        (b"close", False),
        (b"Close", False),
        (b"a, close", False),
        (b"close, keep-alive", False),
        (b"a\r\nConnection: close", False),
        (b"keep-alive", True),
        (b"a, b", True),
        (b"", True),
    ):
        served(
            f"the connection option {value!r}",
            SIZED + b"Connection: %b\r\n" % value + WHOLE,
            kept=kept,
        )
    served(
        "HTTP/1.0 is not kept, whatever it asks for",
        SIZED.replace(b"1.1", b"1.0", 1) + b"Connection: keep-alive\r\n" + WHOLE,
        kept=False,
    )
    served, refused = _section("RFC 9110 §7.8")
    upgrade = (
        SIZED + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n"
    )
    ignored = ((b"upgrade", None), (b"connection", None), (b"http2-settings", None))
    served("an upgrade is not taken up", upgrade + WHOLE, fields=ignored)
    served(
        "nor one with chunks",
        upgrade.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"\r\n" + CHUNKS,
        fields=ignored,
    )
    served(
        "nor to WebSocket",
        upgrade.replace(b"Content-Length: 2\r\n", b"") + b"\r\n",
        body=b"",
        ways=RELAYS,
        fields=ignored,
    )
    served("nor in HTTP/1.0", upgrade.replace(b"1.1", b"1.0", 1) + WHOLE, kept=False)
    served(
        "nor by a method that llhttp reads in RTSP's name",
        upgrade.replace(b"POST <T> HTTP/1.1", b"SETUP <T> RTSP/1.0") + WHOLE,
        kept=False,
        ways=RELAYS,
    )
    refused(
        400,
        "malformed chunks behind one are no less so",
        upgrade.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked") + b"\r\n+" + CHUNKS,
    )
    served, refused = _section("RFC 9110 §9.3.2")
    refused(
        400,
        "a refused HEAD gets no content",
        b"HEAD <T> HTTP/1.1\r\nHost: h 1\r\n\r\n",
        ways=RELAYS,
    )
    served, refused = _section("RFC 9110 §10.1.1")
    expecting = SIZED + b"Expect: 100-continue\r\n" + WHOLE
    served(
        "who waits to be asked for its body is", expecting, statuses=(100, 200), ways=(INVOCATION,)
    )
    served(
        "but not in HTTP/1.0",
        expecting.replace(b"1.1", b"1.0", 1),
        kept=False,
        fields=((b"expect", None),),
    )
    refused(417, "nothing else is promised", SIZED + b"Expect: 200-ok\r\n" + WHOLE)
    refused(417, "nor a second promise", expecting.replace(b"Expect", b"Expect: x\r\nExpect"))


def _smuggling() -> None:
    served, refused = _section("RFC 9112 §11.2")
    length = b"Content-Length: %d\r\n" % (len(SMUGGLED) + 5)
    hidden = b"\r\n0\r\n\r\n" + SMUGGLED
    for status, coding in (
        (400, b"Transfer-Encoding: chunked"),
        (400, b"Transfer-Encoding : chunked"),
        (400, b" Transfer-Encoding: chunked"),
        (400, b"Transfer-Encoding: xchunked"),
        (400, b"Transfer-Encoding:\tchunked"),
        (400, b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
        (400, b"X: x\nTransfer-Encoding: chunked"),
        (400, b"X: x\rTransfer-Encoding: chunked"),
        (400, b"Transfer-Encoding\0: chunked"),
        (400, b"Transfer-Encoding:\n chunked"),
    ):
        refused(status, f"a length before {coding!r}", HEAD + length + coding + b"\r\n" + hidden)
        refused(status, f"a length after {coding!r}", HEAD + coding + b"\r\n" + length + hidden)
    served(
        "what only looks like a coding leaves the length",
        HEAD
        + b"X-Transfer-Encoding: chunked\r\nTransfer_Encoding: chunked\r\n"
        + (length + hidden),
        body=b"0\r\n\r\n" + SMUGGLED,
    )
    served(
        "what only looks like a length leaves the chunks",
        HEAD + b"Content_Length: 99\r\nX-Content-Length: 99\r\n" + CHUNKED[len(HEAD) :] + CHUNKS,
    )
    refused(400, "a chunk that hides a request", CHUNKED + b"2;\n%b\r\n{}\r\n0\r\n\r\n" % SMUGGLED)
    refused(
        400, "a size that one side may cut off", CHUNKED + b"10000000000000002\r\n{}\r\n" + SMUGGLED
    )
    served(
        "a body that is a request stays a body",
        HEAD + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
        body=SMUGGLED,
    )
    served(
        "so it does in chunks",
        CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED),
        body=SMUGGLED,
    )


for _add in (
    _messages,
    _request_lines,
    _hosts,
    _fields,
    _framing,
    _chunks,
    _codings_of_answers,
    _connections,
    _smuggling,
):
    _add()

CASES = tuple(_cases)
EACH = tuple((case, way) for case in CASES for way in case.ways)
