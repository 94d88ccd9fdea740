"""A small HTTP server that keeps what it is told, for tests of deliveries."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Told:
    """The requests that came, as (head, body), and what is answered: statuses in turn, then 200."""

    url: str = ""
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    silent: bool = False
    """Whether it never answers."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection with one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                int(line.partition(":")[2])
                for line in head.splitlines()
                if line.lower().startswith("content-length")
            )
            self.requests.append((head, await reader.readexactly(length)))
            if self.silent:
                await reader.read()
                return
            status = self.statuses.pop(0) if self.statuses else 200
            writer.write(f"HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def told(tls: ssl.SSLContext | None = None) -> AsyncIterator[Told]:
    """The server, for as long as the block runs; with ``tls`` it is asked by https."""
    kept = Told()
    server = await asyncio.start_server(kept.serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    kept.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/told"
    async with server:
        yield kept
