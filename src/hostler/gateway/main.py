"""The gateway process: from an inherited listening socket to a clean end.

Invariant: the listening socket is closed here, never shut down: it lives on in the supervisor and
in the successor, with the connections that wait in it.

The counters go to a spool of this process's own (``gateway_spool``), locked while it lives, for
metrics to be made from; who reads them deletes the folder after the process. Until then they are
bounded as every spool is: the oldest of ``spool.SEGMENTS_MAX`` segments goes. Now and then, and at
the end, it is said how far they go: who deletes what nobody calls must know what is not there yet.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import orjson
import uvloop

from hostler.audit.journal import Journal
from hostler.domain.layout import Layout
from hostler.gateway import limits as bounds
from hostler.gateway import record, succession
from hostler.gateway.gateway import Gateway
from hostler.gateway.gauges import Gauges
from hostler.gateway.handover import Handover
from hostler.gateway.limits import Limits
from hostler.gateway.tls import RENEW_S, Identity, Listener, Listening
from hostler.modelserver import own_spool, spool, syscalls
from hostler.snapshot import background, uses
from hostler.snapshot.clock import SystemClock
from hostler.snapshot.subscriber import Subscriber
from hostler.vault.sealing import Vault

if TYPE_CHECKING:
    from hostler.domain.ports import Clock

BACKLOG = 4096
FLUSH_S = 1.0
GAUGES_EVERY = 5
"""Flushes: to look through every instance and every line is not for each."""
TOLD_EVERY_MS = 15_000
"""How often it is said how far the counts go, also without any: first right after a minute."""
SPOOL_AGAIN_S = 30.0
DRAIN_LOOK_S = 0.05
TURN_NS = 100_000
"""A call needs the gateway twice, for some microseconds: not after an upload's hash is done."""

log = logging.getLogger(__name__)


def run(
    listen_fd: int,
    slot: int,
    layout: Layout,
    limits: Limits | None = None,
    listening: Listening | None = None,
) -> None:
    """Serve the inherited listening socket until SIGTERM or SIGINT, then finish what is in flight.

    So it does when it can no longer follow the control plane; then it raises, for a successor.

    Args:
        listen_fd: A bound and listening TCP socket.
        slot: Which of the gateways this is; names its hand-over socket and its spool.
        layout: The data directory.
        limits: Other than the defaults.
        listening: Otherwise than in plain text, or under other names than this machine's.
    """
    wanted = limits or Limits()
    granted = bounds.within(wanted, syscalls.lift_descriptor_limit())
    if granted.connections_max < wanted.connections_max:
        log.warning(
            "%d connections at once instead of %d: the system grants this process no more file "
            "descriptors (ulimit -Hn)",
            granted.connections_max,
            wanted.connections_max,
        )
    syscalls.prefer_short_turns(TURN_NS)
    uvloop.run(_serve(listen_fd, slot, layout, granted, listening or Listening()))


async def _serve(
    listen_fd: int, slot: int, layout: Layout, limits: Limits, listening: Listening
) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    asked = 0

    def end() -> None:
        nonlocal asked
        asked += 1
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    gateway = Gateway(layout, limits, loop, listening.hosts)
    identity = Identity(layout, listening) if listening.has_tls else None
    subscriber = Subscriber(
        layout.snapshot_socket,
        layout.snapshot,
        gateway.use,
        f"gateway-{slot}",
        vault=Vault(layout.secrets_key),
        on_connected=gateway.fleet.say_again,
    )
    gateway.fleet.tell = subscriber.tell
    subscriber.load()
    with socket.socket(fileno=listen_fd) as listener:
        handover = Handover(layout.gateway_socket(slot), listener, slot)
        handover.open()
        server = await _listen(gateway, listener.dup(), identity)
        gateway.journal = Journal(layout.audit_spool(f"gateway-{slot}", own_spool.life()))
        parts = [
            subscriber.run(),
            _flush_for_ever(gateway, layout, slot),
            uses.tell(layout.key_uses(f"gateway-{slot}"), gateway.uses_due),
            gateway.journal.run(),
        ]
        if identity is not None:
            loop.add_signal_handler(signal.SIGHUP, identity.renew)
            parts.append(_renew_for_ever(identity))
        async with background.beside(*parts, failed=stop.set):
            gateway.start_sweeping()
            _settle_memory()
            log.info("gateway %d serves, generation %d", slot, gateway.generation)
            await stop.wait()
            await succession.arrange(
                layout.supervisor_socket,
                slot,
                lambda: handover.is_replaced() or asked > 1,
                failed=not asked,
            )
            handover.close()
            server.close()
            listener.close()
            await _drain(gateway)
    gateway.close()
    log.info("gateway %d ended", slot)


async def _listen(
    gateway: Gateway, listener: socket.socket, identity: Identity | None
) -> asyncio.Server | Listener:
    if identity is not None:
        return Listener(gateway, listener, identity.context)
    return await gateway.loop.create_server(gateway.connect, sock=listener, backlog=BACKLOG)


async def _renew_for_ever(identity: Identity) -> None:
    """Whoever renews a certificate need not tell us."""
    while True:
        await asyncio.sleep(RENEW_S)
        identity.renew()


async def _drain(gateway: Gateway) -> None:
    """Answer what was begun; connections end with their answer, or when they are silent.

    So do tunnels, whose answers nobody here sees.
    """
    gateway.draining = True
    deadline = monotonic() + gateway.limits.drain_s
    while gateway.is_needed and monotonic() < deadline:  # noqa: ASYNC110 - sets, no event
        await asyncio.sleep(DRAIN_LOOK_S)
    if gateway.is_needed:
        left = len(gateway.connections) + gateway.handshakes, len(gateway.tunnels)
        log.warning("%d connections and %d tunnels did not end in time", *left)


async def _flush_for_ever(gateway: Gateway, layout: Layout, slot: int) -> None:
    """Write the counters' changes to the spool each second, in a thread, and at the end."""
    path = layout.gateway_spool(slot, own_spool.life())
    while (fd := _spool_folder(path)) is None:  # noqa: ASYNC110 - a disk
        await asyncio.sleep(SPOOL_AGAIN_S)
    writer, gauges = spool.Writer(fd), Gauges(fd, slot)
    clock = SystemClock()  # control's, or its metrics were of other minutes than it evaluates
    loop = asyncio.get_running_loop()
    turn, told = 0, -1
    with ThreadPoolExecutor(1, thread_name_prefix="spool") as thread:
        try:
            while True:
                await asyncio.sleep(FLUSH_S)
                lines, at = _lines(gateway, clock)
                if at // TOLD_EVERY_MS != told:
                    told = at // TOLD_EVERY_MS
                    lines.append(orjson.dumps(record.told(gateway.counted_until)))
                if lines:
                    await loop.run_in_executor(thread, writer.append, at, spool.PLATFORM, lines)
                turn += 1
                if not turn % GAUGES_EVERY and (seen := gauges.seen(gateway)):
                    await loop.run_in_executor(thread, gauges.write, seen)
        finally:
            lines, at = _lines(gateway, clock)
            whole = not gateway.active  # else what is cut off now is counted by nobody
            lines.append(orjson.dumps(record.told(gateway.counted_until, ended=whole)))
            thread.submit(writer.append, at, spool.PLATFORM, lines).result()  # after the last one
            writer.close()
            os.close(fd)


def _spool_folder(folder: Path) -> int | None:
    """The open and locked folder; None while it cannot be had, and nothing is counted then.

    A full disk stops counting, not serving.
    """
    try:
        return own_spool.open_locked(str(folder))
    except OSError as error:
        log.warning("the counters are kept in memory for now: %s", error)
    return None


def _lines(gateway: Gateway, clock: "Clock") -> tuple[list[bytes], int]:
    at = clock.now()
    return [orjson.dumps(each) for each in gateway.recorder.records(at)], int(at * 1000)


def _settle_memory() -> None:
    """What exists now lives as long as the process: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
