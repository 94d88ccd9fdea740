"""The limits that `[gateway]` sets: which there are, how far they go, and what is beyond them."""

import base64
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from time import monotonic

import pytest

from gateway_pieces import Client, bench, signed
from gateway_rig import ACCOUNT
from hostler.app.config import reading, typed
from hostler.app.config.problems import SettingsError
from hostler.domain.config import Gateway
from hostler.gateway import limits
from hostler.gateway.limits import KIB, MIB, Limits
from hostler.gateway.progress import counters
from http_exchange import Front, front
from running import eventually

SETTINGS = typed.rules_of(Gateway)


def changed(one: Limits, other: Limits) -> list[str]:
    return [
        each.name for each in fields(Limits) if getattr(one, each.name) != getattr(other, each.name)
    ]


def test_the_defaults_are_those_of_the_gateway() -> None:
    assert limits.of(Gateway()) == Limits()


LIMIT_OF = {
    "connections": ("connections_max", 1),
    "in_flight": ("in_flight_max", 1),
    "account_in_flight": ("account_in_flight_max", 1),
    "waiting_per_variant": ("queue_max", 1),
    "waiting_megabytes_per_variant": ("queue_bytes_max", MIB),
    "header_kilobytes": ("header_bytes_max", KIB),
    "headers": ("headers_max", 1),
    "header_deadline_s": ("header_deadline_s", 1),
    "body_megabytes": ("body_bytes_max", MIB),
    "bodies_megabytes": ("bodies_bytes_max", MIB),
    "body_bytes_per_s": ("body_rate_min", 1),
    "answer_bytes_per_s": ("answer_rate_min", 1),
    "untaken_megabytes": ("untaken_bytes_max", MIB),
    "idle_s": ("idle_s", 1),
    "tunnels": ("tunnels_max", 1),
}
"""The limit that each setting sets, and the setting's unit."""


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_is_its_limit_and_no_other(name: str) -> None:
    high = SETTINGS[name].high
    assert high is not None
    most = limits.of(replace(Gateway(), **{name: high}))
    limit, unit = LIMIT_OF[name]
    assert changed(most, Limits()) == [limit]
    assert getattr(most, limit) == high * unit


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("beyond", ["low", "high"])
def test_each_setting_has_bounds(name: str, beyond: str, tmp_path: Path) -> None:
    low, high = SETTINGS[name].low, SETTINGS[name].high
    assert low is not None
    assert high is not None
    value = low - 1 if beyond == "low" else high + 1
    variable = f"HOSTLER_GATEWAY_{name.upper()}"
    with pytest.raises(SettingsError, match=f"{variable} must be a whole number from {low} to"):
        reading.read(reading.Start(tmp_path), {variable: str(value)})
    settings = reading.read(reading.Start(tmp_path), {variable: str(high)})
    assert getattr(settings.config.gateway, name) == high


@pytest.mark.parametrize(
    ("descriptors", "connections", "refused"),
    [(1 << 20, 16_384, 1024), (4096, 2688, 384), (256, 168, 24), (1, 1, 0)],
)
def test_connections_are_no_more_than_descriptors_allow(
    descriptors: int, connections: int, refused: int
) -> None:
    granted = limits.within(Limits(), descriptors)
    assert (granted.connections_max, granted.refused_connections_max) == (connections, refused)


def test_beyond_the_refused_connections_nothing_is_said() -> None:
    """Each that is told 503 is kept until it has heard: a flood would take every descriptor."""
    with bench(connections_max=1, refused_connections_max=2) as made:
        kept, *refused = (made.client() for _ in range(4))
        beyond = made.client()
        assert [[status for status, _ in each.reads()] for each in refused[:2]] == [[503], [503]]
        assert [each.wire.closed for each in (kept, *refused, beyond)] == [
            False, False, False, True, True,
        ]  # fmt: skip
        assert beyond.reads() == []
        for each in refused[:2]:
            each.connection.expire(each.connection._since + 6)
        assert len(made.gateway.connections) == 1


def test_an_invocation_beyond_what_may_be_in_flight_does_not_wait() -> None:
    with bench(in_flight_max=2) as made:
        worker = made.instance(credit=1)
        clients = [made.client() for _ in range(3)]
        for client in clients:
            client.sends(signed())
        assert [client.reads() for client in clients[:2]] == [[], []]
        assert b"Retry-After: 1\r\n" in clients[2].wire.written
        assert [status for status, _ in clients[2].reads()] == [503]
        worker.answers(1)
        worker.answers(2)
        assert [client.reads() for client in clients[:2]] == [[(200, b"ok")]] * 2
        clients[2].sends(signed())
        worker.answers(3)
        assert clients[2].reads() == [(200, b"ok")]


def test_an_account_has_no_more_in_flight_than_its_limit() -> None:
    with bench(account_in_flight_max=2) as made:
        worker = made.instance()
        clients = [made.client() for _ in range(3)]
        for client in clients:
            client.sends(signed())
        assert b"ThrottlingException" in clients[2].wire.written
        assert b"Retry-After: 1\r\n" in clients[2].wire.written
        assert [status for status, _ in clients[2].reads()] == [400]
        worker.answers(1)
        clients[1].leaves()
        for client in (clients[0], clients[2]):  # the answered one and the one that left made room
            client.sends(signed())
        assert clients[2].reads() == []
        worker.answers(3)
        worker.answers(4)
        assert (200, b"ok") in clients[2].reads()


def test_an_account_without_a_place_on_the_page_is_limited_by_this_gateway_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with bench(account_in_flight_max=2) as made:
        monkeypatch.setattr(made.gateway.counts, "hold", lambda _name: None)
        worker = made.instance()
        clients = [made.client() for _ in range(3)]
        for client in clients:
            client.sends(signed())
        monkeypatch.undo()  # it stays apart for as long as anything of it is counted there
        assert [status for status, _ in clients[2].reads()] == [400]
        clients[2].sends(signed())
        assert [status for status, _ in clients[2].reads()] == [400]
        for number in (1, 2):
            worker.answers(number)
        for client in clients:
            client.reads()
            client.sends(signed())
        assert [status for status, _ in clients[2].reads()] == [400]
        assert made.gateway.counts.total(made.gateway.counts.hold(f"account {ACCOUNT}") or 0) == 2


def test_one_that_finds_room_is_served_however_many_are_in_flight() -> None:
    with bench(in_flight_max=1) as made:
        worker = made.instance()
        clients = [made.client() for _ in range(3)]
        for number, client in enumerate(clients, 1):
            client.sends(signed())
            assert [request_id for _, request_id, _ in worker.heard()] == [number]


def test_no_more_is_relayed_than_may_be_in_flight() -> None:
    with front(in_flight_max=2) as made:
        clients = [made.client() for _ in range(4)]
        for client in clients[:3]:
            client.sends(b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n")
        clients[3].sends(b"GET /_hostler/health HTTP/1.1\r\nHost: h\r\n\r\n")
        made.settles()
        assert b"Retry-After: 1\r\n" in clients[2].wire.written
        ((status, body),) = clients[2].reads()
        assert status == 503
        assert b"<Code>ServiceUnavailable</Code>" in body
        assert b"Too many requests are in flight" in body
        assert [[status for status, _ in clients[at].reads()] for at in (0, 1, 3)] == [[200]] * 3
        again = made.exchange([b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n"])
        assert again.statuses == [200]


def connects(made: Front) -> Client:
    made.gateway._proxy_token_file.parent.mkdir()
    made.gateway._proxy_token_file.write_text("token")
    shown = base64.b64encode(b"hostler:token")
    client = made.client()
    client.sends(
        b"CONNECT h.example:443 HTTP/1.1\r\nHost: h.example:443\r\n"
        b"Proxy-Authorization: Basic %b\r\n\r\n" % shown
    )
    return client


def test_tunnels_are_bounded() -> None:
    with front(tunnels_max=0) as made:
        client = connects(made)
        assert [status for status, _ in client.reads()] == [503]
        assert client.wire.ended()


def test_a_body_above_the_limit_is_refused_before_it_comes() -> None:
    with front(body_bytes_max=1000) as made:
        client = made.client()
        client.sends(
            b"POST /endpoints/Demo/invocations HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n"
        )
        ((status, body),) = client.reads()
        assert status == 400
        assert b"Member must have length less than or equal to 1000" in body
        assert client.wire.ended()


def test_a_chunked_body_is_refused_as_soon_as_it_is_above_the_limit() -> None:
    with front(body_bytes_max=1000) as made:
        client = made.client()
        client.sends(
            b"POST /endpoints/Demo/invocations HTTP/1.1\r\nHost: h\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + bytes(1000) + b"\r\n"
        )
        assert client.reads() == []
        client.sends(b"1\r\nx")
        ((status, body),) = client.reads()
        assert status == 400
        assert b"less than or equal to 1000" in body
        assert client.wire.ended()


def chunked(*chunks: bytes) -> bytes:
    """A signed invocation, its body in chunks."""
    head = signed(b"".join(chunks)).partition(b"\r\n\r\n")[0]
    lines = [each for each in head.split(b"\r\n") if not each.startswith(b"content-length")]
    head = b"\r\n".join((*lines, b"transfer-encoding: chunked", b"", b""))
    return head + b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (*chunks, b""))


def test_a_chunked_body_that_is_whole_has_room_for_what_it_is_alone() -> None:
    """Two calls of a few bytes each took a gateway's room for large bodies until their answers."""
    with bench(bodies_bytes_max=30 * MIB) as made:
        worker, one, two, three = made.instance(), made.client(), made.client(), made.client()
        two.sends(chunked()[:-5])
        one.sends(chunked(b"{}"))  # whole, though it finds no room
        three.sends(chunked()[:-5])
        assert [each.wire.reading for each in (two, three)] == [True, False]
        ((_, number, _),) = worker.heard()
        two.sends(b"0\r\n\r\n")
        assert three.wire.reading, "one and two are computed, and hold next to nothing"
        worker.answers(number)
        assert one.reads() == [(200, b"ok")]


def test_an_upload_waits_for_its_turn_once_however_many_chunks_a_read_brings() -> None:
    with bench() as made:
        client = made.client()
        client.sends(chunked(*[bytes(64 * KIB)] * 3)[:-5])
        assert len(made.gateway.turns._waiting) == 1
        made.gateway.turns._next()
        assert client.wire.reading


class Slow:
    """A client over TLS that has much to take, which its transport does not tell of."""

    def __init__(self, made: Front, here: socket.socket, there: socket.socket) -> None:
        self._here, self._there = here, there
        self.client = made.client(socket=here, sslcontext=True)
        self.closing: list[bool] = []
        self.client.wire.close = lambda: self.closing.append(True)  # type: ignore[method-assign]
        self.start = monotonic()
        self.fills()

    def fills(self) -> None:
        """The transport has as much to hand on as the kernel takes."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._here.send(bytes(MIB))

    def takes(self, size: int) -> None:
        aim = counters(self._here).acknowledged + size

        def is_taken() -> bool:
            with contextlib.suppress(BlockingIOError):
                self._there.recv(MIB)
            found = counters(self._here)
            return found.acknowledged >= aim or not found.untaken

        eventually("it has taken that", is_taken, every_s=0.001)

    def at(self, seconds: int) -> tuple[bool, bool]:
        """Whether the gateway has closed, and ended, the connection after so long."""
        self.client.connection.expire(self.start + seconds)
        return bool(self.closing), self.client.wire.closed


@pytest.fixture
def slow() -> Iterator[Slow]:
    with socket.create_server(("127.0.0.1", 0)) as listener, front() as made:
        there = socket.create_connection(listener.getsockname())
        here, _ = listener.accept()
        for each in (here, there):
            each.setblocking(False)
        with here, there:
            yield Slow(made, here, there)


def test_a_client_over_tls_that_still_takes_its_answer_is_not_idle(slow: Slow) -> None:
    """It was cut off in the middle, as its transport had nothing left to hand on."""
    for seconds in (76, 152, 228):
        assert slow.at(seconds) == (False, False)
        slow.takes(MIB)
        slow.fills()
    assert slow.at(304) == (False, False)
    assert slow.at(380) == (True, False), "it took nothing any more"


def test_a_client_over_tls_is_idle_once_it_has_taken_all(slow: Slow) -> None:
    assert slow.at(76) == (False, False)
    slow.takes(1 << 40)
    assert slow.at(151) == (False, False)
    assert slow.at(153) == (True, False)


def test_the_last_answer_over_tls_may_be_taken_slowly_and_needs_no_good_bye(slow: Slow) -> None:
    slow.client.connection._close(linger=False)
    for seconds in (61, 122, 183):
        assert slow.at(seconds) == (True, False)
        slow.takes(MIB)
        slow.fills()
    slow.takes(1 << 40)
    assert slow.at(184) == (True, False)
    assert slow.at(190) == (True, True)


def test_the_last_answer_over_tls_must_be_taken(slow: Slow) -> None:
    slow.client.connection._close(linger=False)
    assert slow.at(61) == (True, False)
    assert slow.at(122) == (True, True)
