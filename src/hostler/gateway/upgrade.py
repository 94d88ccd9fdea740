"""Upgrade is never taken up: the connection stays what it is (RFC 9110 section 7.8).

llhttp takes what follows a head that asks for an upgrade for another protocol's bytes, a body as
well. Clients that ask with each first request (Java's, for h2c) mean it as a body nonetheless.

Invariant: what follows is read as the head's framing says, by a parser as strict as any other.
"""

from typing import TYPE_CHECKING

import httptools

if TYPE_CHECKING:
    from hostler.gateway.head import Head
    from hostler.gateway.protocol import HttpConnection


class Resumed:
    """What a parser that begins behind a head tells a connection: all but that head's end."""

    def __init__(self, connection: "HttpConnection") -> None:
        self._headers_complete = connection.on_headers_complete
        self._is_behind_head = False
        self.on_message_begin = connection.on_message_begin
        self.on_url = connection.on_url
        self.on_header = connection.on_header
        self.on_body = connection.on_body
        self.on_message_complete = connection.on_message_complete

    def on_headers_complete(self) -> None:
        """The first head was the request's own, which the connection knows."""
        if self._is_behind_head:
            self._headers_complete()
        self._is_behind_head = True


def parser_behind(head: "Head", connection: "HttpConnection") -> httptools.HttpRequestParser:
    """A parser for the body of a request whose head has been read, and for what follows it."""
    parser = httptools.HttpRequestParser(Resumed(connection))
    if head.shape.at("transfer-encoding") >= 0:
        framing = "Transfer-Encoding: chunked"
    else:
        framing = f"Content-Length: {head.get('content-length')}"
    method = "HEAD" if head.method == "HEAD" else "POST"  # llhttp reads some in RTSP's name alone
    line = f"{method} / HTTP/{head.version}"
    parser.feed_data(f"{line}\r\nHost: -\r\n{framing}\r\n\r\n".encode("latin-1"))
    return parser
