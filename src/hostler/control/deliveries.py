"""Delivers what topics were told to their subscriptions, from the queue in the database.

Invariant: a message leaves the queue when it was delivered, or was tried as often as SNS would; so
it is delivered at least once, and again only after a crash in between. A subscription's messages
are delivered in order, each within a deadline; how many subscriptions at once is the controller's.
"""

import asyncio
import logging
import os
from collections.abc import Collection, Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from hostler.control import http_post
from hostler.control.http_post import PostError
from hostler.domain.layout import Layout
from hostler.domain.ports import Clock
from hostler.domain.topic import Message, Protocol, Subscription, host_of, is_host_allowed
from hostler.planning import delivery, messages
from hostler.planning.messages import Sent
from hostler.store import topics
from hostler.store.database import Store
from hostler.store.lines import Queued

DEADLINE_S = 15.0
FILE_BYTES_MAX = 16 * 1024 * 1024
"""Then a file is put aside, once, as NAME.1."""
_TOO_MANY, _SERVERS_OWN = 429, 500

_log = logging.getLogger("hostler.control")


class _UndeliveredError(Exception):
    """It was not delivered; ``final`` says that trying again is of no use."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class DeliveryReconciler:
    """Delivers; a key is a subscription's id.

    Args:
        store: The control database.
        layout: Where files are.
        clock: When it is.
        base_url: Where the links in messages begin.
        allowed_hosts: Of endpoints; all where there is none (``topic.is_host_allowed``).
    """

    def __init__(
        self,
        store: Store,
        layout: Layout,
        clock: Clock,
        base_url: str,
        allowed_hosts: Collection[str] = (),
    ) -> None:
        self._store = store
        self._folder = layout.notifications
        self._clock = clock
        self._base_url = base_url
        self._allowed_hosts = allowed_hosts

    async def keys(self) -> Iterable[str]:
        """The subscriptions for which something waits."""
        return await self._store.read(topics.deliveries.waiting)

    async def reconcile(self, subscription_id: str) -> timedelta | None:
        """Deliver a subscription's first message, if it is due; when there is more to do."""
        first = await self._store.read(partial(topics.deliveries.first, line=subscription_id))
        if first is None:
            return None
        if wait_s := first.wait_s(self._clock.now(), delivery.DELAY_S):
            return timedelta(seconds=wait_s)
        to = await self._store.read(partial(topics.subscription, subscription_id=subscription_id))
        if to is not None:
            again = await self._tried(first, to)
            if again is not None:
                await self._store.write(partial(topics.deliveries.put_off, queued=first, due=again))
                return timedelta(seconds=again - self._clock.now())
        await self._store.write(partial(topics.deliveries.done, queued=first))
        return timedelta()

    async def _tried(self, first: Queued[Message], to: Subscription) -> float | None:
        """Deliver; when to try again, if that is to be."""
        sent = messages.sent(first.item, to, self._base_url)
        try:
            if to.protocol is Protocol.FILE:
                await asyncio.to_thread(_append, self._folder, to.endpoint, sent)
            else:
                self._check_host(to.endpoint)
                await _post(to.endpoint, sent)
        except _UndeliveredError as error:
            again = delivery.next_try(first.attempts, self._clock.now())
            given_up = again is None or error.final
            outcome = "given up" if given_up else "tried again"
            _log.warning(
                "message %s to %s of %s is %s: %s",
                first.item.id,
                _named(to),
                to.topic_arn,
                outcome,
                error,
            )
            return None if given_up else again
        return None

    def _check_host(self, url: str) -> None:
        """Who was subscribed under other settings is told nothing any more."""
        host = host_of(url)
        if not is_host_allowed(host, self._allowed_hosts):
            why = f"{host} is none of allowed_hosts of [sns] in hostler.toml"
            raise _UndeliveredError(why, final=True)


async def _post(url: str, sent: Sent) -> None:
    try:
        status = await http_post.post(url, sent.headers, sent.body, deadline_s=DEADLINE_S)
    except PostError as error:
        raise _UndeliveredError(str(error)) from None
    if not 200 <= status < 300:
        # As SNS has it: what the server says of the request itself does not change.
        final = status != _TOO_MANY and status < _SERVERS_OWN
        raise _UndeliveredError(f"the endpoint answered {status}", final=final)


def _named(to: Subscription) -> str:
    """Whom a message is for, without what an address may have of secrets."""
    if to.protocol is Protocol.FILE:
        return to.endpoint
    url = urlsplit(to.endpoint)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]} ({to.id})"


def _append(folder: Path, name: str, sent: Sent) -> None:
    """Add a message to a file, as one line."""
    path = folder / name
    line = b" ".join(sent.body.splitlines()) + b"\n"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if path.exists() and path.stat().st_size + len(line) > FILE_BYTES_MAX:
            path.replace(path.with_name(f"{name}.1"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(path, flags, 0o600)
        try:
            os.write(file, line)
        finally:
            os.close(file)
    except OSError as error:
        raise _UndeliveredError(str(error)) from None
