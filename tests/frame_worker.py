"""A small model server for the gateway's tests: speaks frames, does what the request says.

``python frame_worker.py SOCKET PAGE SLOT CREDIT NAME``. A request's custom attributes are orders,
``key=value`` joined by ``;``: ``sleep`` seconds, ``until`` (answer once this file is there),
``status``, ``die=before|after`` it is taken, ``parts`` (how many the answer comes in), ``size``
(bytes of answer), ``type`` (its content type, percent-encoded), ``attributes`` (sent back as custom
attributes), ``goaway`` (that worker's name). Otherwise it answers what it was sent.
"""

import os
import select
import selectors
import signal
import socket
import sys
import time
from collections import deque
from pathlib import Path
from urllib.parse import unquote

from hostler.modelserver import frames, page


class Connection:
    def __init__(self, server: "Server", sock: socket.socket, serial: int) -> None:
        self.server = server
        self.sock = sock
        self.serial = serial
        self.decoder = frames.Decoder()
        payload = frames.HELLO_PAYLOAD.pack(server.credit, server.slot, os.getpid())
        self.send(frames.frame(frames.HELLO, serial, payload))

    def send(self, data: bytes) -> None:
        self.sock.setblocking(True)
        try:
            self.sock.sendall(data)
        except OSError:
            self.server.drop(self)
        self.sock.setblocking(False)

    def receive(self) -> None:
        try:
            data = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.server.drop(self)
            return
        for kind, _flags, request_id, payload in self.decoder.feed(data):
            if kind == frames.REQUEST:
                self.server.queue.append((self, request_id, payload))
            elif kind == frames.CANCEL:
                self.server.cancelled.append((self.serial, request_id))
            elif kind == frames.PING:
                self.send(frames.frame(frames.PONG, request_id, payload))


class Server:
    def __init__(self, path: str, page_path: str, slot: int, credit: int, name: str) -> None:
        self.slot, self.credit, self.name = slot, credit, name
        self.path = Path(path)
        self.page = page.open_page(page_path, write=True)
        self.queue: deque[tuple[Connection, int, bytes]] = deque()
        self.cancelled: list[tuple[int, int]] = []
        self.served = 0
        self.serials = 0
        self.selector = selectors.DefaultSelector()
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.note(0, 0, 0)

    def note(self, busy_since: int, serial: int, taken: int) -> None:
        page.SLOT.pack_into(
            self.page,
            self.slot * page.SLOT_SIZE,
            page.VERSION,
            page.READY,
            busy_since,
            serial,
            taken,
            self.served,
            os.getpid(),
            0,
        )
        words, at = page.taken_writer(self.page, self.slot), page.taken_index(serial)
        words[at], words[at + 1] = serial, taken

    def greeted(self) -> None:
        """Tell the test, byte by byte, how many connections were greeted."""
        with self.path.with_name("greeted").open("ab") as file:
            file.write(b".")

    def drop(self, connection: Connection) -> None:
        if connection.sock.fileno() >= 0:
            self.selector.unregister(connection.sock)
            connection.sock.close()

    def run(self) -> None:
        while True:
            for key, _ in self.selector.select(0 if self.queue else None):
                if key.data is None:
                    sock, _ = self.listener.accept()
                    sock.setblocking(False)
                    self.serials += 1
                    connection = Connection(self, sock, self.serials)
                    self.selector.register(sock, selectors.EVENT_READ, connection)
                    self.greeted()
                else:
                    key.data.receive()
            if self.queue:
                self.serve(*self.queue.popleft())

    def serve(self, connection: Connection, request_id: int, payload: bytes) -> None:
        if (connection.serial, request_id) in self.cancelled:
            connection.send(frames.frame(frames.REFUSED, request_id))
            return
        _deadline_ms, length = frames.REQUEST_HEAD.unpack_from(payload)
        at = frames.REQUEST_HEAD.size
        fields = [*payload[at : at + length].split(b"\0"), b"", b""]
        content_type, custom = fields[0], fields[2]
        body = payload[at + length :]
        orders = dict(order.split("=", 1) for order in custom.decode().split(";") if "=" in order)
        if orders.get("goaway") == self.name:
            connection.send(frames.frame(frames.GOAWAY, 0))
            connection.send(frames.frame(frames.REFUSED, request_id))
            return
        if orders.get("die") == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        self.note(time.monotonic_ns(), connection.serial, request_id)
        if orders.get("die") == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        select.select([], [], [], float(orders.get("sleep", 0)))  # the model computes
        while "until" in orders and not Path(orders["until"]).exists():
            select.select([], [], [], 0.005)
        self.served += 1
        if "size" in orders:
            body = b"x" * int(orders["size"])
        if "who" in orders:
            body = self.name.encode()
        meta = b"\0".join(
            (
                unquote(orders.get("type", content_type.decode() or "text/plain")).encode(),
                orders.get("attributes", "").encode(),
            )
        )
        status = int(orders.get("status", 200))
        answer = cut(request_id, status, meta, body, int(orders.get("parts", 1)))
        connection.send(answer)
        self.note(0, connection.serial, request_id)


def cut(request_id: int, status: int, meta: bytes, body: bytes, parts: int) -> bytes:
    """An answer in as many frames as asked for."""
    step = max(1, -(-len(body) // parts))
    pieces = [body[i : i + step] for i in range(0, len(body), step)] or [b""]
    made = []
    for number, piece in enumerate(pieces):
        flags = frames.MORE if number < len(pieces) - 1 else 0
        if number == 0:
            made.append(frames.response(request_id, status, meta, piece, flags))
        else:
            made.append(frames.frame(frames.PART, request_id, piece, flags))
    return b"".join(made)


if __name__ == "__main__":
    path, page_path, slot, credit, name = sys.argv[1:]
    Server(path, page_path, int(slot), int(credit), name).run()
