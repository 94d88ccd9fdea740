"""Bytes that nearly are HTTP, against the letter of RFC 9112, and whole against cut in pieces."""

from random import Random

import http_reader
from http_cases import CASES, HEAD, S3, SMUGGLED, WAYS, following, on
from http_exchange import Exchange, Front

NAME = "http"
SHORT = [case for case in CASES if len(case.data) < 1000]
TOKENS = (
    b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b": ", b";", b",", b"=", b'"', b"/", b"*",
    b"0", b"1", b"f", b"\x7f", b"\xff", b"\r\n\r\n", b"0\r\n\r\n", b"2\r\n{}\r\n", b"GET ",
    b"HEAD ", b"CONNECT h:443 ", b"OPTIONS * ", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"http://h:1",
    b"Host: h:1\r\n", b"Content-Length: 2\r\n", b"Content-Length: 0\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Connection: close\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"chunked", SMUGGLED,
)  # fmt: skip
STATUSES = {100, 200, 400, 403, 407, 414, 417, 421, 431, 501, 505}
CUT_OFF = {502}
"""What CONNECT to AWS's hosts is told where there is no authority."""


def make(random: Random) -> list[bytes]:
    """A few requests, broken, and cut in pieces."""
    data = b""
    if random.random() < 0.03:  # as much as may come with what follows in one read
        data = on(S3, HEAD + b"Content-Length: 150000\r\n\r\n") + bytes(150_000)
    for _ in range(random.randint(1, 3)):
        case = random.choice(SHORT)
        way = random.choice(case.ways)
        data += on(way, case.data, case.body or b"{}")
    if random.random() < 0.7:
        data += following(random.choice(WAYS))
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 5))):
        data = broken(random, data)
    count = min(len(data) - 1, random.randint(0, 6)) if data else 0
    cuts = sorted(random.sample(range(1, len(data)), count)) if count > 0 else []
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, None], strict=True)]


def broken(random: Random, data: bytes) -> bytes:
    """One thing is changed."""
    at = random.randint(0, len(data))
    until = min(len(data), at + random.choice((1, 1, 2, 8, 40)))
    match random.randint(0, 4):
        case 0:
            return data[:at] + random.choice(TOKENS) + data[at:]
        case 1:
            return data[:at] + random.choice(TOKENS) + data[until:]
        case 2:
            return data[:at] + data[until:]
        case 3:
            return data[:until] + data[at:]
        case _:
            return data[:at] + random.randbytes(1) + data[at + 1 :]


def judge(made: Front, pieces: list[bytes]) -> None:
    """Raises what is wrong with the gateway's answers."""
    whole = b"".join(pieces)
    at_once, cut = made.exchange([whole]), made.exchange(pieces)
    assert at_once.statuses == cut.statuses, (at_once.statuses, cut.statuses)
    assert at_once.invoked == cut.invoked
    assert at_once.requests() == cut.requests()
    allowed = STATUSES | (CUT_OFF if b"CONNECT" in whole else set())
    assert set(at_once.statuses) <= allowed, at_once.answers
    _is_readable(whole, at_once)


def _is_readable(whole: bytes, got: Exchange) -> None:
    """What was served is what the letter reads, request by request."""
    read = http_reader.all_of(whole, lenient=True)
    invoked = list(got.invoked)
    relayed = [each.body for each in got.requests()]
    answers = [status for status in got.statuses if status != 100]
    for number, status in enumerate(answers):
        if status != 200:
            continue
        assert number < len(read), f"answer {number} is to nothing that can be read"
        body = read[number].body
        if invoked and invoked[0] == body:
            invoked.pop(0)
        else:
            assert relayed, f"answer {number} is to another body than {body!r}"
            assert relayed.pop(0) == body, f"answer {number} is to another body than {body!r}"
    assert not invoked, f"nobody asked the model with {invoked}"
    assert not relayed, f"nobody asked control or S3 with {relayed}"
