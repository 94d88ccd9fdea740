"""Bytes that are not a request, or two requests for one: a client's mistakes and an attacker's.

Each case is answered once, with a 400 or what ``TOLD`` names, or its connection ends. 501 and 505
are what RFC 9110 and RFC 9112 give to what is well-formed and not supported.
"""

from collections.abc import Iterator

HOST = b"Host: localhost\r\n"
POST = b"POST /endpoints/e/invocations HTTP/1.1\r\n"
SECOND = b"GET /_hostler/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
"""What a smuggler hides behind the first request."""

ANNOUNCED = "a chunk size that overflows"
"""32 bits, where a program counts in them: it would then go on with what is smuggled."""

TOLD = {
    "no version": "505",
    "identity": "501",
    "gzip alone": "501",
    "smuggled: an unknown coding": "501",
    "a head beyond all bounds": "431",
    "too many fields": "431",
    "a target beyond all bounds": "414",
    "an unknown expectation": "417",
    "two spaces": "403",
    f"smuggled: {ANNOUNCED}": "open",
}
"""By case: its status, where that is not 400. 403: its head is sound, and nobody signed it. Open: a
chunk of 4 GiB is announced, and the gateway waits for it as long as it waits for a body."""


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return POST + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


CASES: dict[str, bytes] = {
    # RFC 9112 §3: request lines
    "no version": b"GET /\r\n" + HOST + b"\r\n",
    "version of one digit": b"GET / HTTP/1\r\n" + HOST + b"\r\n",
    "version 9.9": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "version in small letters": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"GET / SMTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab for a space": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "a control character in the target": b"GET /a\x01b HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the target": b"GET /a\x00b HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "a target without a slash": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method of odd characters": b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method nobody knows": b"FROB / HTTP/1.1\r\n" + HOST + b"\r\n",
    "an empty line of spaces": b"   \r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "nothing but noise": b"\xff\xfe\xfd" * 40 + b"\r\n\r\n",
    # RFC 9112 §2.2: line ends
    "bare LF": b"GET / HTTP/1.1\nHost: localhost\n\n",
    "bare CR in a value": b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b\rc\r\n\r\n",
    "bare CR between lines": b"GET / HTTP/1.1\rHost: localhost\r\r",
    "LF CR": b"GET / HTTP/1.1\n\rHost: localhost\n\r\n\r",
    # RFC 9112 §3.2 and RFC 9110 §7.2: Host
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: y\r\n\r\n",
    "two equal Hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "a Host with a space": b"GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
    "a Host with a path": b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "a Host with a user": b"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n",
    # RFC 9112 §5: fields
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a line without a colon": b"GET / HTTP/1.1\r\n" + HOST + b"nothing\r\n\r\n",
    "a name of odd characters": b"GET / HTTP/1.1\r\n" + HOST + b"A(b): c\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\n" + HOST + b": c\r\n\r\n",
    "a folded line": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
    "a folded first line": b"GET / HTTP/1.1\r\n " + HOST + b"\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\x00c\r\n\r\n",
    "a control character in a value": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\x0bc\r\n\r\n",
    "a head beyond all bounds": b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
    "too many fields": b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 400 + b"\r\n",
    "a target beyond all bounds": b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    # RFC 9112 §6: lengths
    "a length that is no number": _post(b"Content-Length: abc"),
    "a negative length": _post(b"Content-Length: -1"),
    "a length with a sign": _post(b"Content-Length: +5", body=b"hello"),
    "a hexadecimal length": _post(b"Content-Length: 0x5", body=b"hello"),
    "a length with a space in it": _post(b"Content-Length: 1 0", body=b"helloworld"),
    "an empty length": _post(b"Content-Length:"),
    "a length beyond 64 bits": _post(b"Content-Length: 99999999999999999999999"),
    "two lengths": _post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello"),
    "a list of lengths": _post(b"Content-Length: 5, 6", body=b"hello"),
    "a length above the limit": _post(b"Content-Length: 26214401"),
    # RFC 9112 §7: chunks
    "a chunk size that is no number": _post(b"Transfer-Encoding: chunked", body=b"zz\r\n\r\n"),
    "a negative chunk size": _post(b"Transfer-Encoding: chunked", body=b"-1\r\n\r\n"),
    "a chunk size with 0x": _post(b"Transfer-Encoding: chunked", body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a chunk size beyond 64 bits": _post(
        b"Transfer-Encoding: chunked", body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"
    ),
    "a chunk longer than it says": _post(
        b"Transfer-Encoding: chunked", body=b"3\r\nhello\r\n0\r\n\r\n"
    ),
    "chunks that end in bare LF": _post(b"Transfer-Encoding: chunked", body=b"5\nhello\n0\n\n"),
    "an endless chunk extension": _post(
        b"Transfer-Encoding: chunked", body=b"5;" + b"x" * 1_000_000 + b"\r\nhello\r\n0\r\n\r\n"
    ),
    "identity": _post(b"Transfer-Encoding: identity", body=b"hello"),
    "gzip alone": _post(b"Transfer-Encoding: gzip", body=b"hello"),
    "chunked, not last": _post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"),
    "chunked twice": _post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown expectation": _post(b"Expect: the-moon", b"Content-Length: 0"),
}

SMUGGLED: dict[str, bytes] = {
    "CL.TE": _post(
        b"Content-Length: %d" % (5 + len(SECOND)),
        b"Transfer-Encoding: chunked",
        body=b"0\r\n\r\n" + SECOND,
    ),
    "TE.CL": _post(
        b"Transfer-Encoding: chunked",
        b"Content-Length: 4",
        body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SECOND), SECOND),
    ),
    "two lengths": _post(b"Content-Length: 0", b"Content-Length: 5", body=SECOND),
    "a list of lengths": _post(b"Content-Length: 0, 5", body=SECOND),
    "a space before the colon": _post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SECOND),
    "a vertical tab": _post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SECOND),
    "an unknown coding": _post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SECOND),
    "two codings": _post(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + SECOND
    ),
    "a folded coding": _post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n" + SECOND),
    "a length after LF": POST + HOST + b"A: b\nContent-Length: 0\r\n\r\n" + SECOND,
    "a coding after CR": POST
    + HOST
    + b"A: b\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SECOND,
    ANNOUNCED: _post(b"Transfer-Encoding: chunked", body=b"100000000\r\n0\r\n\r\n" + SECOND),
    "a chunk without its end": _post(
        b"Transfer-Encoding: chunked", body=b"1\r\naX0\r\n\r\n" + SECOND
    ),
    "a request in a chunk extension": _post(b"Transfer-Encoding: chunked", body=b"0;a=\n" + SECOND),
    "a length with a sign": _post(b"Content-Length: +0", body=SECOND),
    "a coding in HTTP/1.0": b"POST / HTTP/1.0\r\n"
    + HOST
    + b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SECOND,
}


def every() -> Iterator[tuple[str, bytes]]:
    """All, and the smuggled ones marked."""
    yield from CASES.items()
    for name, data in SMUGGLED.items():
        yield f"smuggled: {name}", data
