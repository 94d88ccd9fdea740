"""Pushes snapshots to every subscriber and knows who has put which one to use.

Invariant: the file is written before anyone is told; where it cannot be, the newest snapshot is
kept until it can. A subscriber gets whole snapshots only: a slow one skips to the newest, so no
backlog grows. What a subscriber has of an earlier life is never taken for an acknowledgement.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from hostler.domain.snapshot import Demand, Snapshot
from hostler.modelserver import doorway
from hostler.snapshot import codec, file, wire
from hostler.vault.sealing import Vault, VaultError

BACKLOG = 100
ACK_PATIENCE_S = 10.0
"""A subscriber that acknowledges nothing for this long is cut off (it comes back when it can)."""
SAVE_AGAIN_S = 1.0
"""Between two tries to write the file."""

log = logging.getLogger(__name__)


class _Subscription:
    """One connected subscriber: what it was sent and what it acknowledged.

    ``used`` is what it says it uses, which may be of an earlier life; ``acked`` is ours.
    """

    def __init__(self, greeting: wire.Greeting) -> None:
        self.greeting = greeting
        self.sent = 0
        self.used = 0
        self.acked = 0
        self.news = asyncio.Event()
        self.heard = asyncio.Event()


class Publisher:
    """The control plane's end.

    Args:
        socket_path: Where subscribers connect (made 0600).
        snapshot_file: Where the last snapshot is kept.
        vault: Seals that file.
        on_ack: Called with the generation whenever a subscriber acknowledged one. One above all
            that were published here is taken by an earlier life: publish again.
        on_demand: Called with a subscriber's name and what it says of serverless variants.
    """

    def __init__(
        self,
        socket_path: Path,
        snapshot_file: Path,
        on_ack: Callable[[int], None] | None = None,
        *,
        on_demand: Callable[[str, Sequence[Demand]], None] | None = None,
        vault: Vault | None = None,
    ) -> None:
        self.on_demand = on_demand
        self._vault = vault
        self._socket_path = socket_path
        self._file = snapshot_file
        self.on_ack = on_ack
        self._server: asyncio.Server | None = None
        self._subscriptions: set[_Subscription] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._payload = b""
        self._generation = 0
        self._last_reason = ""
        self._saved = True
        self._saving_again: asyncio.TimerHandle | None = None
        self._known = self._generation_on_disk()

    async def start(self) -> None:
        """Listen; a socket left by a dead publisher is replaced."""
        door = doorway.listen(str(self._socket_path), BACKLOG)
        self._server = await asyncio.start_unix_server(self._serve, sock=door)

    async def close(self) -> None:
        """Stop listening and disconnect everyone; they go on with what they have."""
        self._closing = True
        if self._saving_again is not None:
            self._saving_again.cancel()
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket_path.unlink(missing_ok=True)

    def next_generation(self) -> int:
        """A generation above all that the file, the subscribers or this publisher have seen."""
        return max(self._known, self._generation) + 1

    def publish(self, snapshot: Snapshot) -> None:
        """Keep and push a snapshot. A file that cannot be written is tried again, not fatal."""
        payload = codec.encode(snapshot)
        self._save(payload)
        self._payload = wire.packed(payload)
        self._generation = snapshot.generation
        for subscription in self._subscriptions:
            subscription.news.set()

    @property
    def generation(self) -> int:
        """The generation published last; 0 before the first."""
        return self._generation

    def acked(self, generation: int) -> bool:
        """Whether every connected gateway uses this generation or a later one."""
        return all(
            subscription.acked >= generation
            for subscription in self._subscriptions
            if subscription.greeting.kind == "gateway"
        )

    def subscribers(self) -> list[tuple[wire.Greeting, int]]:
        """Who is connected, and the generation each acknowledged last."""
        return [(each.greeting, each.acked) for each in self._subscriptions]

    def gateways(self) -> int:
        """How many gateways are connected."""
        return sum(each.greeting.kind == "gateway" for each in self._subscriptions)

    def _save(self, payload: bytes) -> None:
        """Write the file, and if that fails again each second, until a newer payload comes."""
        if self._saving_again is not None:
            self._saving_again.cancel()
            self._saving_again = None
        try:
            file.save_bytes(self._file, payload, self._vault)
        except (OSError, VaultError) as error:
            if self._saved:
                log.error("the snapshot could not be written to %s: %s", self._file, error)  # noqa: TRY400 - one line says it all
            self._saved = False
            if not self._closing:
                loop = asyncio.get_running_loop()
                self._saving_again = loop.call_later(SAVE_AGAIN_S, self._save, payload)
            return
        if not self._saved:
            self._saved = True
            log.warning("the snapshot is written to %s again", self._file)

    def _generation_on_disk(self) -> int:
        try:
            last = file.load(self._file, self._vault)
        except (codec.SnapshotError, OSError):
            return 0
        return last.generation if last else 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        subscription = None
        try:
            async with asyncio.timeout(ACK_PATIENCE_S):
                greeting = wire.greeting(await wire.receive(reader, wire.GREETING_MAX))
            subscription = _Subscription(greeting)
            self._subscriptions.add(subscription)
            listening = asyncio.create_task(self._listen(reader, subscription))
            try:
                await self._push(writer, subscription, listening)
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
        except asyncio.CancelledError:
            if not self._closing:  # asyncio's server would report a cancelled task as an error
                raise
        except (wire.WireError, msgspec.DecodeError, TimeoutError, OSError, EOFError) as error:
            self._say_disconnected(str(error) or type(error).__name__)
        finally:
            if subscription is not None:
                self._subscriptions.discard(subscription)
                if self.on_ack is not None:
                    self.on_ack(self._generation)  # one fewer to wait for
            with contextlib.suppress(OSError):
                writer.close()

    def _say_disconnected(self, reason: str) -> None:
        """Once for each reason in a row: who is refused comes back each second."""
        if reason != self._last_reason:
            self._last_reason = reason
            log.warning("a snapshot subscriber was disconnected: %s", reason)

    async def _push(
        self,
        writer: asyncio.StreamWriter,
        subscription: _Subscription,
        listening: asyncio.Task[None],
    ) -> None:
        while not listening.done():
            if self._generation > subscription.sent:
                subscription.news.clear()
                subscription.sent = generation = self._generation
                writer.write(self._payload)
                async with asyncio.timeout(ACK_PATIENCE_S):
                    await writer.drain()
                    while subscription.used < generation and not listening.done():
                        await subscription.heard.wait()
                        subscription.heard.clear()
                continue
            waiting = asyncio.create_task(subscription.news.wait())
            await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    async def _listen(self, reader: asyncio.StreamReader, subscription: _Subscription) -> None:
        try:
            while True:
                message = await wire.receive(reader, wire.GREETING_MAX)
                ack = msgspec.msgpack.decode(message, type=wire.Acknowledgement)
                if ack.demands:
                    if self.on_demand is not None:
                        self.on_demand(subscription.greeting.name, ack.demands)
                    continue
                self._hear(subscription, ack)
        except (wire.WireError, msgspec.DecodeError, OSError, EOFError):
            subscription.heard.set()

    def _hear(self, subscription: _Subscription, ack: wire.Acknowledgement) -> None:
        subscription.used = max(subscription.used, ack.generation)
        subscription.heard.set()
        generation = ack.generation
        if ack.differs or generation > subscription.sent:
            # An earlier life published it and could not write the file. The subscriber ignores
            # ours up to there; where the numbers meet, one is passed over, so that on_ack tells.
            generation += ack.differs
            self._known = max(self._known, generation)
            name = subscription.greeting.name
            log.warning("%s uses snapshot %d of an earlier control", name, ack.generation)
        else:
            subscription.acked = max(subscription.acked, generation)
        if self.on_ack is not None:
            self.on_ack(generation)
