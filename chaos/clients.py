"""Faults of clients: slow, large, many, malformed."""

import contextlib
import heapq
import http.client
import re
import resource
import select
import selectors
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chaos import malformed, verdict
from chaos.load import load, p99_ms, pause, summary
from chaos.noise import like_quiet
from chaos.verdict import Claim
from chaos.world import World, forget_peak, memory_kb
from hostler.gateway.limits import Limits

LIMITS = Limits()
CUT_S_MAX = LIMITS.header_deadline_s + 1.5
"""The sweep looks twice a second."""
MIB = 1024
FRESH = 300
"""Calls that each open a connection while thousands are idle, and as many before."""


def slow(world: World) -> Iterator[Claim]:
    """F5: clients that send a head, or a body after it, a byte a second."""
    endpoint, scale = world.endpoint("clients", count=2), world.scale
    quiet, disturbed, cut = [], [], []
    with load(world.server, endpoint, per_second=scale.per_second) as calls:
        pause(1.0)
        for _ in range(scale.rounds):
            began = time.monotonic()
            pause(scale.quiet_s)
            quiet.append((began, time.monotonic()))
            began = time.monotonic()
            starts_s = [world.rng.random() for _ in range(scale.slow_clients)]
            cut += _trickle(world.server.port, endpoint, starts_s)
            disturbed.append((began, time.monotonic()))
    lasted = [seconds for seconds, _ in cut]
    answers = Counter(answer for _, answer in cut)
    yield verdict.count(
        f"each of {scale.slow_clients} is cut, with a 408 or without a word",
        dict(answers),
        set(answers) <= {"408", "closed"},
    )
    yield verdict.time(
        f"at {LIMITS.header_deadline_s:.0f} s",
        f"{min(lasted):.1f} … {max(lasted):.1f} s",
        min(lasted) >= LIMITS.header_deadline_s - 0.1 and max(lasted) <= CUT_S_MAX,
    )
    yield verdict.count("no good call fails", summary(calls.failed), not calls.failed)
    yield like_quiet(
        "the good calls' p99",
        [calls.begun(span) for span in disturbed],
        [calls.begun(span) for span in quiet],
    )


def _trickle(port: int, endpoint: str, starts_s: list[float]) -> list[tuple[float, str]]:
    """How long each slow client lasted, and what it was told; each begins at its own moment.

    One loop over all of them: on two cores what they cost would disturb the good calls as well.
    """
    head = f"POST /endpoints/{endpoint}/invocations HTTP/1.1\r\nHost: localhost\r\n".encode()
    start = time.monotonic()
    due = [(start + start_s, number) for number, start_s in enumerate(starts_s)]
    heapq.heapify(due)
    opened: dict[int, tuple[socket.socket, float]] = {}
    ended: dict[int, tuple[float, str]] = {}
    with selectors.DefaultSelector() as selector:
        while len(ended) < len(starts_s):
            now = time.monotonic()
            while due and due[0][0] <= now:
                at, number = heapq.heappop(due)
                if number in ended:
                    continue
                heapq.heappush(due, (at + 1.0, number))
                if number not in opened:
                    client = socket.create_connection(("127.0.0.1", port), timeout=20)
                    client.sendall(
                        head + (b"Content-Length: 1000\r\n\r\n" if number % 2 else b"A: ")
                    )
                    opened[number] = client, time.monotonic()
                    selector.register(client, selectors.EVENT_READ, number)
                elif now - opened[number][1] > 30:
                    ended[number] = now - opened[number][1], "still open"
                else:
                    with contextlib.suppress(OSError):
                        opened[number][0].send(b"x")
            for key, _ in selector.select(max(0.0, due[0][0] - time.monotonic()) if due else 0.0):
                client, began = opened[key.data]
                selector.unregister(client)
                got = b""
                with contextlib.suppress(OSError):
                    got = client.recv(4096)
                ended[key.data] = time.monotonic() - began, got[9:12].decode() or "closed"
    for client, _ in opened.values():
        client.close()
    return list(ended.values())


def large(world: World) -> Iterator[Claim]:
    """F6: many bodies at the limit at once, then a byte more."""
    endpoint, scale = world.endpoint("clients", count=2), world.scale
    gateway, size = world.gateway(), LIMITS.body_bytes_max
    request = _signed(world, endpoint, bytes(size))
    before_kb = memory_kb(gateway)
    forget_peak(gateway)
    with ThreadPoolExecutor(scale.bodies) as pool:
        answers = list(pool.map(lambda _: _sent(world, request), range(scale.bodies)))
    peak_kb = memory_kb(gateway, "VmHWM") - before_kb
    seen = dict(Counter(f"{status} {text[:150].decode()}" for status, text in answers))
    served = [each for each in answers if each == (200, str(size).encode())]
    refused = [each for each in answers if each[0] == 503 and b"in good time" in each[1]]
    yield verdict.count(
        f"{scale.bodies} bodies of {size} bytes are answered, or refused as too many for now",
        seen,
        bool(served) and len(served) + len(refused) == scale.bodies,
    )
    yield verdict.time("and none is refused", len(refused), not refused)
    held_at_most = min(LIMITS.bodies_bytes_max, scale.bodies * size)
    bound_kb = held_at_most // 1024 + 128 * MIB
    yield verdict.count(
        f"in {bound_kb // MIB} MiB at most", f"{peak_kb // MIB} MiB more", peak_kb <= bound_kb
    )
    yield from _one_more(world, endpoint, size + 1)


def _one_more(world: World, endpoint: str, size: int) -> Iterator[Claim]:
    line = f"POST /endpoints/{endpoint}/invocations HTTP/1.1\r\nHost: localhost\r\n".encode()
    wanted = f"less than or equal to {size - 1}".encode()
    for name, field, sent_max in (
        ("announced", b"Content-Length: %d" % size, 0),
        ("in chunks", b"Transfer-Encoding: chunked", 2 * size),
    ):
        with socket.create_connection(("127.0.0.1", world.server.port), timeout=20) as connection:
            connection.sendall(line + field + b"\r\n\r\n")
            sent = 0
            piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
            with contextlib.suppress(OSError):
                while sent < sent_max and not select.select([connection], [], [], 0)[0]:
                    connection.sendall(piece)
                    sent += 0x10000
            got = b""
            with contextlib.suppress(OSError):
                while piece := connection.recv(65536):
                    got += piece
        yield verdict.count(
            f"a byte more, {name}: a 400 that names the limit, before all is read",
            f"{got[9:12].decode()} after {sent} of {sent_max or size} bytes",
            got[9:12] == b"400" and wanted in got and sent < (sent_max or size),
        )


def _signed(world: World, endpoint: str, body: bytes) -> bytes:
    exports = world.server.exports()
    target = f"/endpoints/{endpoint}/invocations"
    request = AWSRequest("POST", world.server.url + target, data=body)
    key = Credentials(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(key, "sagemaker", exports["AWS_REGION"]).add_auth(request)
    lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"POST {target} HTTP/1.1\r\nHost: 127.0.0.1:{world.server.port}\r\n{lines}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _sent(world: World, request: bytes) -> tuple[int, bytes]:
    """Status and body of what is answered to a request; 0 when nothing is."""
    try:
        with socket.create_connection(("127.0.0.1", world.server.port), timeout=120) as connection:
            connection.sendall(request)
            answer = http.client.HTTPResponse(connection, method="POST")
            answer.begin()
            return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error).encode()


def idle(world: World) -> Iterator[Claim]:
    """F7: thousands of connections that say nothing, half of them after a request."""
    endpoint, scale = world.endpoint("clients", count=2), world.scale
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    count = scale.idle_connections
    assert count <= most - 1000, f"ulimit -Hn is {most}, and {count} connections want 1000 more"
    gateway = world.gateway()
    request = _signed(world, endpoint, b"{}")
    quiet, crowded = [], []
    with contextlib.ExitStack() as stack:
        calls = stack.enter_context(load(world.server, endpoint, per_second=scale.per_second))
        pause(1.0)
        began = time.monotonic()
        pause(scale.quiet_s)
        quiet.append((began, time.monotonic()))
        fresh_before_ms = _on_fresh_connections(world, request)
        before_kb = memory_kb(gateway)
        with contextlib.ExitStack() as crowd:
            connections = [
                crowd.enter_context(
                    socket.create_connection(("127.0.0.1", world.server.port), timeout=20)
                )
                for _ in range(count)
            ]
            served = 0
            for connection in connections[::2]:
                connection.sendall(request)
                served += connection.recv(4096)[9:12] == b"200"
            pause(1.0)
            each_kb = (memory_kb(gateway) - before_kb) / count
            began = time.monotonic()
            pause(scale.quiet_s)
            crowded.append((began, time.monotonic()))
            fresh_ms = _on_fresh_connections(world, request)
            still = sum(_is_open(connection) for connection in connections)
        pause(1.0)
        began = time.monotonic()
        pause(scale.quiet_s)
        quiet.append((began, time.monotonic()))
    yield verdict.count(
        f"{count} connections, and half of them served",
        f"{still} open, {served} served",
        still == count and served == (count + 1) // 2,
    )
    yield verdict.count("≤20 KB each", f"{each_kb:.1f} KB", each_kb <= 20)
    yield verdict.count("no call fails", summary(calls.failed), not calls.failed)
    yield verdict.count("no EMFILE", "none", "Too many open files" not in world.gateway_log())
    with_them = p99_ms(calls.begun(*crowded))
    without = p99_ms(calls.begun(*quiet))
    yield verdict.time(
        "p99 of other calls +≤5 ms",
        f"{with_them:.1f} beside {without:.1f} ms; the load's clock is late by "
        f"{calls.late_ms:.1f} ms",
        with_them <= without + 5 + calls.late_ms,
    )
    yield verdict.time(
        "and of calls on new connections",
        f"{fresh_ms:.1f} beside {fresh_before_ms:.1f} ms",
        fresh_ms <= fresh_before_ms + 5,
    )


def _on_fresh_connections(world: World, request: bytes) -> float:
    """The p99 of calls one after the other, each with a connection of its own (ms)."""
    took_ms = []
    for _ in range(FRESH):
        began = time.monotonic()
        status, _answer = _sent(world, request)
        assert status == 200
        took_ms.append((time.monotonic() - began) * 1000)
    return sorted(took_ms)[int(0.99 * FRESH)]


def _is_open(connection: socket.socket) -> bool:
    """Whether the other side has not closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def malformed_http(world: World) -> Iterator[Claim]:
    """F8: malformed requests, and pairs that an intermediary would read as one."""
    wrong, kinds = [], Counter[str]()
    with load(world.server, world.endpoint("clients", count=2), per_second=50) as calls:
        for name, data in malformed.every():
            told = _told(world.server.port, data, 0.5)
            kinds[told] += 1
            if told not in {malformed.TOLD.get(name, "400"), "closed"}:
                wrong.append(f"{name}: {told}")
    yield verdict.count(
        f"{sum(kinds.values())} cases: one 4xx, or the end (501, 505: the RFCs' own)",
        "; ".join(wrong) or dict(kinds),
        not wrong,
    )
    yield verdict.count("no good call fails", summary(calls.failed), not calls.failed)
    if world.scale.to_the_deadline:
        told = _told(world.server.port, malformed.SMUGGLED[malformed.ANNOUNCED], CUT_S_MAX)
        yield verdict.time("a chunk that is announced and does not come: 408", told, told == "408")


def _told(port: int, data: bytes, patience_s: float) -> str:
    """The statuses that come back until the connection ends, or for so long nothing more does."""
    got, silence = b"", "closed"
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(data)
        connection.settimeout(patience_s)
        try:
            while piece := connection.recv(65536):
                got += piece
        except TimeoutError:
            silence = "open"
        except OSError:
            """It was reset."""
    return " ".join(found.decode() for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)) or silence
