"""What topics are told arrives: in order, in SNS's form, again where that helps, at least once."""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import certificates
from hostler.control import deliveries, http_post
from hostler.control.alarm_actions import ActionFailedError
from hostler.control.alarm_topics import TopicAction
from hostler.control.deliveries import DeliveryReconciler
from hostler.control.http_post import PostError
from hostler.domain.alarm import AlarmKind, AlarmState, Firing
from hostler.domain.ids import DEFAULT_ACCOUNT, DEFAULT_REGION
from hostler.domain.layout import Layout
from hostler.domain.topic import (
    Message,
    MessageAttribute,
    MessageType,
    Protocol,
    Subscription,
    Topic,
)
from hostler.planning import messages
from hostler.store import schema, topics
from hostler.store.database import Store
from told_server import Told, told

WHERE = (DEFAULT_ACCOUNT, DEFAULT_REGION)
NOW = 1_700_000_000.25
TOPIC = Topic(*WHERE, "ops", NOW)
BASE = "http://127.0.0.1:4747"


def message(number: int = 0, **changes: Any) -> Message:
    made = Message(f"m-{number}", MessageType.NOTIFICATION, NOW, f"text {number}", "subject")
    return replace(made, **changes)


def subscription(url: str, **changes: Any) -> Subscription:
    made = Subscription("s-1", *WHERE, "ops", Protocol.HTTP, url, "token", NOW, confirmed=True)
    return replace(made, **changes)


class World:
    def __init__(self, root: Path) -> None:
        self.store = Store("sqlite://", inline=True, tables=schema.metadata)
        self.store.create_tables()
        self.store.run(lambda tx: topics.put(tx, TOPIC), write=True)
        self.layout = Layout(root)
        self.time = NOW
        self.restart()

    def now(self) -> float:
        return self.time

    def restart(self) -> None:
        self.reconciler = DeliveryReconciler(self.store, self.layout, self, BASE)

    def subscribe(self, one: Subscription) -> None:
        self.store.run(lambda tx: topics.put_subscription(tx, one), write=True)

    def deliver(self, one: Subscription, *given: Message) -> None:
        for each in given:
            self.store.run(lambda tx, each=each: topics.deliver(tx, one, each), write=True)

    async def turn(self) -> float | None:
        """One step for the subscription; the seconds until the next."""
        after = await self.reconciler.reconcile("s-1")
        return None if after is None else after.total_seconds()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.store.close()


def test_messages_arrive_in_order_in_the_envelope(world: World) -> None:
    async def run() -> Told:
        async with told() as server:
            one = subscription(server.url)
            world.subscribe(one)
            attributes = {"kind": MessageAttribute("String", "alarm")}
            world.deliver(one, message(1, attributes=attributes), message(2, subject=None))
            assert await world.turn() == 0
            assert await world.turn() == 0
            assert await world.turn() is None
        return server

    first, second = asyncio.run(run()).requests
    head = first[0].splitlines()
    assert head[0] == "POST /told HTTP/1.1"
    assert "x-amz-sns-message-type: Notification" in head
    assert "x-amz-sns-topic-arn: arn:aws:sns:us-east-1:123456789012:ops" in head
    assert "x-amz-sns-subscription-arn: arn:aws:sns:us-east-1:123456789012:ops:s-1" in head
    assert "Content-Type: text/plain; charset=UTF-8" in head
    assert json.loads(first[1]) == {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC.arn,
        "Subject": "subject",
        "Message": "text 1",
        "Timestamp": "2023-11-14T22:13:20.250Z",
        "UnsubscribeURL": f"{BASE}{messages.UNSUBSCRIBE_PATH}?SubscriptionArn="
        "arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Aops%3As-1&Token=token",
        "MessageAttributes": {"kind": {"Type": "String", "Value": "alarm"}},
    }
    assert "Subject" not in json.loads(second[1])


def test_a_confirmation_has_its_link_and_a_raw_message_no_envelope(world: World) -> None:
    async def run() -> Told:
        async with told() as server:
            one = subscription(server.url.replace("//", "//me:p%40ss@"), raw=True)
            world.subscribe(one)
            asking = message(1, type=MessageType.CONFIRMATION, subject=None)
            world.deliver(one, asking, message(2))
            await world.turn()
            await world.turn()
        return server

    confirmation, raw = asyncio.run(run()).requests
    asked = json.loads(confirmation[1])
    assert (asked["Type"], asked["Token"]) == ("SubscriptionConfirmation", "token")
    assert asked["SubscribeURL"] == (
        f"{BASE}{messages.CONFIRM_PATH}?"
        "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A123456789012%3Aops&Token=token"
    )
    assert raw[1] == b"text 2"
    assert "x-amz-sns-rawdelivery: true" in raw[0]
    assert "Authorization: Basic bWU6cEBzcw==" in raw[0]


def test_what_fails_is_tried_as_often_as_sns_does_and_given_up(world: World) -> None:
    async def run() -> Told:
        async with told() as server:
            one = subscription(server.url)
            world.subscribe(one)
            server.statuses = [500, 429, 503, 500, 200]
            world.deliver(one, message(1), message(2))
            for _ in range(3):
                assert await world.turn() == 20
                assert 0 < (await world.turn() or 0) <= 20, "not yet"
                world.restart()
                world.time += 20
            assert await world.turn() == 0, "given up"
            assert await world.turn() == 0
            assert await world.turn() is None
        return server

    bodies = [json.loads(body)["Message"] for _, body in asyncio.run(run()).requests]
    assert bodies == ["text 1"] * 4 + ["text 2"]


def test_a_message_waits_for_no_clock_that_was_set_back(world: World) -> None:
    """The pause between two tries is 20 seconds."""
    one = subscription("ops.jsonl", protocol=Protocol.FILE)
    world.subscribe(one)
    world.deliver(one, message(1))
    world.time = NOW - 20
    assert asyncio.run(world.turn()) == 20, "as after a try"
    world.time = NOW - 86_400
    assert asyncio.run(world.turn()) == 0
    assert len((world.layout.notifications / "ops.jsonl").read_text().splitlines()) == 1


def test_what_an_address_has_of_secrets_is_not_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    one = subscription("http://user:hidden@127.0.0.1:1/hidden?token=hidden")
    world.subscribe(one)
    world.deliver(one, message(1))
    assert asyncio.run(world.turn()) == 20
    assert "http://127.0.0.1:1 (s-1)" in caplog.text
    assert "hidden" not in caplog.text


def test_what_the_endpoint_refuses_is_not_repeated(world: World) -> None:
    async def run() -> Told:
        async with told() as server:
            one = subscription(server.url)
            world.subscribe(one)
            server.statuses = [404, 302]
            world.deliver(one, message(1), message(2))
            assert [await world.turn() for _ in range(3)] == [0, 0, None]
        return server

    assert len(asyncio.run(run()).requests) == 2


def test_whom_the_settings_allow_no_more_is_told_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.reconciler = DeliveryReconciler(world.store, world.layout, world, BASE, ("localhost",))

    async def run() -> Told:
        async with told() as server:
            world.subscribe(subscription(server.url))
            world.deliver(subscription(server.url), message(1))
            assert await world.turn() == 0
            named = subscription(server.url.replace("127.0.0.1", "localhost"))
            world.subscribe(named)
            world.deliver(named, message(2))
            assert await world.turn() == 0
        return server

    ((_, body),) = asyncio.run(run()).requests
    assert json.loads(body)["Message"] == "text 2"
    assert "127.0.0.1 is none of allowed_hosts of [sns]" in caplog.text


def test_who_does_not_answer_is_left_at_the_deadline(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "DEADLINE_S", 0.1)

    async def run() -> None:
        async with told() as server:
            server.silent = True
            world.subscribe(subscription(server.url))
            world.deliver(subscription(server.url), message(1))
            assert await world.turn() == 20

    asyncio.run(run())


def test_an_https_endpoint_is_told_only_where_its_certificate_is_trusted(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Trust is the machine's; SSL_CERT_FILE names another, for OpenSSL reads it."""
    files = certificates.written(tmp_path, "localhost")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(files.certificate, files.key)

    async def run() -> Told:
        async with told(tls) as server:
            named = server.url.replace("127.0.0.1", "localhost")
            world.subscribe(subscription(named, protocol=Protocol.HTTPS))
            world.deliver(subscription(named), message(1))
            assert await world.turn() == 20
            assert "certificate verify failed: self-signed certificate" in caplog.text
            monkeypatch.setenv("SSL_CERT_FILE", str(files.authority))
            world.subscribe(subscription(server.url, protocol=Protocol.HTTPS))
            world.time += 20
            assert await world.turn() == 20
            assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in caplog.text
            assert server.requests == []
            world.subscribe(subscription(named, protocol=Protocol.HTTPS))
            world.time += 20
            assert await world.turn() == 0
        return server

    ((head, body),) = asyncio.run(run()).requests
    assert head.startswith("POST /told HTTP/1.1")
    assert json.loads(body)["Message"] == "text 1"


def test_who_takes_no_body_is_left_at_the_deadline() -> None:
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with pytest.raises(PostError, match="no answer within"):
                async with asyncio.timeout(10):
                    await http_post.post(url, {}, bytes(16_000_000), deadline_s=0.1)

    asyncio.run(run())


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0 hello\r\n", b"HTTP/1.1 x\r\n", b"x" * 20_000])
def test_an_answer_that_is_none_is_an_error(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            with pytest.raises(PostError):
                await http_post.post(f"http://127.0.0.1:{port}", {}, b"", deadline_s=5)

    asyncio.run(run())


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(PostError):
        asyncio.run(http_post.post("http://127.0.0.1:1/", {}, b"", deadline_s=5))


def test_a_file_gets_a_line_each_and_is_put_aside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FILE_BYTES_MAX", 1_000)
    one = subscription("ops.jsonl", protocol=Protocol.FILE)
    world.subscribe(one)
    world.deliver(one, *(message(number) for number in range(4)))

    async def run() -> None:
        while await world.turn() is not None:
            pass

    asyncio.run(run())
    folder = world.layout.notifications
    lines = [
        json.loads(line)["Message"]
        for name in ("ops.jsonl.1", "ops.jsonl")
        for line in (folder / name).read_text().splitlines()
    ]
    assert lines == [f"text {number}" for number in range(4)]
    assert oct((folder / "ops.jsonl").stat().st_mode)[-3:] == "600"
    (folder / "ops.jsonl").unlink()
    (folder / "ops.jsonl").symlink_to("/tmp/elsewhere")
    world.deliver(one, message(9))
    assert asyncio.run(world.turn()) == 20, "a link is not followed"


def test_what_waits_for_nobody_is_dropped(world: World) -> None:
    world.deliver(subscription("http://gone/"), message(1))
    assert asyncio.run(world.reconciler.keys()) == ["s-1"]
    assert asyncio.run(world.turn()) == 0
    assert asyncio.run(world.turn()) is None


def test_an_alarm_tells_a_topic_in_cloudwatchs_words(world: World) -> None:
    woken: list[str] = []
    act = TopicAction(world.store, woken.append)
    firing = Firing(
        *WHERE, "errors", AlarmKind.METRIC, TOPIC.arn, AlarmState.ALARM, NOW, '{"AlarmName":"x"}'
    )
    world.subscribe(subscription("http://told/"))
    asyncio.run(act(firing))
    assert woken == ["s-1"]
    first = world.store.run(lambda tx: topics.deliveries.first(tx, "s-1"))
    assert first is not None
    assert first.item.subject == 'ALARM: "errors" in US East (N. Virginia)'
    assert first.item.text == '{"AlarmName":"x"}'
    with pytest.raises(ActionFailedError, match="the topic does not exist"):
        asyncio.run(act(replace(firing, action=f"{TOPIC.arn}x")))
