"""`/metrics`: what Prometheus reads, and who may.

Invariant: with a token, nobody reads without it; without one, only this machine does, and nobody
through a proxy, whose own address says nothing of who asks.
"""

import asyncio
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from hostler.domain import sender

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Scrape:
    """What there is to read.

    Args:
        text: Gathers it (blocking: milliseconds), in the text format 0.0.4.
        token: Reads the token that must be brought (OSError when it cannot); None for no token.
    """

    text: Callable[[], str]
    token: Callable[[], str] | None = None


async def answer(scrape: Scrape | None, request: Request) -> Response:
    """The page, or why it is refused."""
    if scrape is None:
        return PlainTextResponse("There are no metrics here.\n", 404)
    why = await asyncio.to_thread(refusal, scrape, request.headers)
    if why is not None:
        challenge = {"www-authenticate": 'Bearer realm="hostler"'} if scrape.token else {}
        return PlainTextResponse(f"{why}\n", 401 if scrape.token else 403, challenge)
    text = await asyncio.to_thread(scrape.text)
    return Response(text, headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


def refusal(scrape: Scrape, headers: Mapping[str, str]) -> str | None:
    """Why a scrape with these headers is refused; None when it is not."""
    if scrape.token is not None:
        try:
            token = scrape.token().strip()
        except (OSError, ValueError) as error:
            return f"token_file of [prometheus] in hostler.toml cannot be read: {error}"
        scheme, _, brought = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(brought.strip().encode(), token.encode())
        if token and scheme.lower() == "bearer" and same:
            return None
        return (
            "/metrics needs the bearer token that token_file of [prometheus] in hostler.toml holds"
        )
    address = sender.read(headers.get(sender.HEADER)).address
    forwarded = any(name in headers for name in _FORWARDED)
    if address is not None and not forwarded and ip_address(address).is_loopback:
        return None
    return (
        "/metrics is open to this machine alone: to scrape it from elsewhere, or through a proxy, "
        "name a token_file below [prometheus] in hostler.toml"
    )
