"""An external S3, played by a server that answers as it is told."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from hostler.aws.external import ExternalS3, Place

NOW = 1_700_000_000.0


class Asked(NamedTuple):
    """A request; a body that was cut is as long as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Player:
    """Answers in their order: status, headers, body; and what was asked."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    address: str = ""

    def s3(self, **more: Any) -> ExternalS3:
        return ExternalS3(Place(self.address, "eu-west-9", "AKEXT", "hush", **more), lambda: NOW)


@contextmanager
def playing(
    *answers: tuple[int, dict[str, str], bytes], tls: ssl.SSLContext | None = None
) -> Iterator[Player]:
    player = Player(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.close_connection = True
            line = b""
            with suppress(OSError):  # TLS that was refused
                line = self.rfile.readline(65537)
            if not line:
                return
            self.raw_requestline = line
            self.parse_request()
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            player.asked.append(Asked(self.command, self.path, headers, body))
            self.close_connection = True
            if len(body) < int(headers.get("content-length", "0")):
                return
            status, more, body = player.answers.pop(0)
            if not status:  # never a word
                stopped.wait(60)
                return
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    stopped = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    player.address = f"http://127.0.0.1:{server.server_address[1]}"
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        player.address = f"https://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield player
    finally:
        stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def refused(code: str, status: int = 403, **headers: str) -> tuple[int, dict[str, str], bytes]:
    text = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, text.encode()
