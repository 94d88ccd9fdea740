"""SNS from boto3 and back: topics, subscriptions that are confirmed, what is published."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from hostler.api.sns import subscriptions, topics
from hostler.domain.topic import MessageType, Subscription
from hostler.planning import messages
from hostler.store import topics as rows
from refusals import refusal

ARN = "arn:aws:sns:us-east-1:123456789012"
URL = "https://example.com/told"


@pytest.fixture
def client(world: Any) -> Any:
    return world.client("sns")


@pytest.fixture
def topic(client: Any) -> str:
    return str(client.create_topic(Name="ops")["TopicArn"])


def only(world: Any) -> Subscription:
    """The one subscription there is."""
    (found,) = world.rooms.store.run(
        lambda tx: rows.of_topic(tx, "123456789012", "us-east-1", "ops")
    )
    return found  # type: ignore[no-any-return]


def waiting(world: Any, subscription: Subscription) -> list[tuple[str, str]]:
    """The types and texts of what is to be delivered."""

    def read(tx: Any) -> list[tuple[str, str]]:
        found = []
        while (first := rows.deliveries.first(tx, subscription.id)) is not None:
            found.append((first.item.type.value, first.item.text))
            rows.deliveries.done(tx, first)
        return found

    return world.rooms.store.run(read, write=True)  # type: ignore[no-any-return]


def test_a_topic_is_made_once_listed_and_deleted(client: Any, topic: str) -> None:
    assert topic == f"{ARN}:ops"
    assert client.create_topic(Name="ops")["TopicArn"] == topic
    assert client.list_topics()["Topics"] == [{"TopicArn": topic}]
    shown = client.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["TopicArn"], shown["Owner"], shown["SubscriptionsConfirmed"]) == (
        topic,
        "123456789012",
        "0",
    )
    assert json.loads(shown["Policy"])["Statement"][0]["Resource"] == topic
    client.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="Ops")
    assert client.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Ops"
    client.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=shown["Policy"]
    )
    client.delete_topic(TopicArn=topic)
    client.delete_topic(TopicArn=topic)
    assert client.list_topics()["Topics"] == []
    assert refusal(client.get_topic_attributes, TopicArn=topic) == (
        "NotFound",
        "Topic does not exist",
    )


def test_topics_are_listed_in_pages(client: Any) -> None:
    for number in range(101):
        client.create_topic(Name=f"t-{number:03}")
    pages = [len(page["Topics"]) for page in client.get_paginator("list_topics").paginate()]
    assert pages == [100, 1]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"Name": "a b"}, "Invalid parameter: Topic Name"),
        ({"Name": "a.fifo"}, "standard topics here, not FIFO"),
        ({"Name": "a", "Attributes": {"FifoTopic": "true"}}, "FifoTopic is not supported"),
        ({"Name": "a", "Attributes": {"KmsMasterKeyId": "k"}}, "KmsMasterKeyId is not supported"),
        ({"Name": "a", "Attributes": {"DisplayName": "x" * 101}}, "Invalid parameter: DisplayName"),
        ({"Name": "ops", "Attributes": {"DisplayName": "x"}}, "with different attributes"),
        ({"Name": "ops", "Tags": [{"Key": "k", "Value": "v"}]}, "with different tags"),
        ({"Name": "a", "DataProtectionPolicy": "{}"}, "messages are not inspected"),
    ],
)
def test_a_topic_that_cannot_be_is_refused(
    client: Any, topic: str, asked: dict[str, Any], text: str
) -> None:
    code, message = refusal(client.create_topic, **asked)
    assert code == "InvalidParameter"
    assert text in message
    assert client.list_topics()["Topics"] == [{"TopicArn": topic}]


def test_an_endpoint_is_asked_to_confirm_and_told_only_then(
    world: Any, client: Any, topic: str
) -> None:
    asked = {"TopicArn": topic, "Protocol": "https", "Endpoint": URL}
    assert client.subscribe(**asked)["SubscriptionArn"] == "pending confirmation"
    (listed,) = client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed == {
        "SubscriptionArn": "PendingConfirmation",
        "Owner": "123456789012",
        "Protocol": "https",
        "Endpoint": URL,
        "TopicArn": topic,
    }
    client.publish(TopicArn=topic, Message="too early")
    one = only(world)
    ((kind, text),) = waiting(world, one)
    assert kind == MessageType.CONFIRMATION
    assert text.startswith(f"You have chosen to subscribe to the topic {topic}.")
    assert refusal(client.confirm_subscription, TopicArn=topic, Token="0" * 64) == (
        "InvalidParameter",
        "Invalid parameter: Token",
    )
    arn = client.confirm_subscription(TopicArn=topic, Token=one.token)["SubscriptionArn"]
    assert arn == one.arn
    assert client.subscribe(**asked)["SubscriptionArn"] == arn, "it is there already"
    client.publish(TopicArn=topic, Message="now")
    assert waiting(world, one) == [("Notification", "now")]
    assert world.wakes == [f"sns:{one.id}", f"sns:{one.id}"]
    counts = client.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (counts["SubscriptionsConfirmed"], counts["SubscriptionsPending"]) == ("1", "0")
    client.unsubscribe(SubscriptionArn=arn)
    client.unsubscribe(SubscriptionArn=arn)
    assert client.list_subscriptions()["Subscriptions"] == []


def followed(world: Any, path: str, **params: str) -> tuple[int, str]:
    answer = world.call("GET", f"{path}?{urlencode(params)}", {"host": "127.0.0.1:4747"})
    return answer.status, answer.body.decode()


def test_links_confirm_and_unsubscribe_without_credentials(
    world: Any, client: Any, topic: str
) -> None:
    pending = client.subscribe(
        TopicArn=topic, Protocol="https", Endpoint=URL, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    one = only(world)
    assert pending == one.arn
    for token in ("", "0" * 64):
        status, body = followed(world, messages.CONFIRM_PATH, TopicArn=topic, Token=token)
        assert (status, "InvalidParameter" in body) == (400, True)
    assert followed(world, messages.CONFIRM_PATH, TopicArn="x", Token=one.token)[0] == 400
    status, body = followed(world, messages.CONFIRM_PATH, TopicArn=topic, Token=one.token)
    assert (status, f"<SubscriptionArn>{one.arn}</SubscriptionArn>" in body) == (200, True)
    assert only(world).confirmed
    unsubscribe = {"SubscriptionArn": one.arn, "Token": one.token}
    assert followed(world, messages.UNSUBSCRIBE_PATH, **{**unsubscribe, "Token": "0"})[0] == 400
    assert followed(world, messages.UNSUBSCRIBE_PATH, **unsubscribe)[0] == 200
    assert followed(world, messages.UNSUBSCRIBE_PATH, **unsubscribe)[0] == 400
    assert client.list_subscriptions()["Subscriptions"] == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"Protocol": "sqs", "Endpoint": "arn"}, "does not support this protocol string: sqs"),
        ({"Protocol": "https", "Endpoint": "http://x"}, "must match the specified protocol"),
        ({"Protocol": "http", "Endpoint": "http://"}, "must match the specified protocol"),
        ({"Protocol": "http", "Endpoint": "http://a:b/"}, "must match the specified protocol"),
        ({"Protocol": "http", "Endpoint": "http://a/\r\nX: y"}, "must match the specified"),
        ({"Protocol": "http"}, "must match the specified protocol"),
        ({"Protocol": "file", "Endpoint": "../x"}, "a file is a plain name like ops.jsonl"),
        ({"Protocol": "file", "Endpoint": "ops.jsonl.1"}, "is where ops.jsonl is put aside"),
        ({"Protocol": "file", "Endpoint": "/etc/x"}, "a file is a plain name like ops.jsonl"),
        (
            {"Protocol": "https", "Endpoint": URL, "Attributes": {"FilterPolicy": "{}"}},
            "FilterPolicy is not supported: RawMessageDelivery is",
        ),
        (
            {"Protocol": "https", "Endpoint": URL, "Attributes": {"RawMessageDelivery": "x"}},
            "it is true or false",
        ),
    ],
)
def test_who_cannot_be_told_is_refused(
    client: Any, topic: str, asked: dict[str, Any], text: str
) -> None:
    code, message = refusal(client.subscribe, TopicArn=topic, **asked)
    assert code == "InvalidParameter"
    assert text in message
    assert refusal(client.subscribe, TopicArn=f"{ARN}:gone", **asked)[0] == "NotFound"


def test_the_settings_bound_whom_topics_may_tell(world: Any, client: Any, topic: str) -> None:
    world.rooms.topic_hosts.extend(["hooks.example.com", "*.corp.example", "10.0.0.7"])
    for url in (
        "https://hooks.example.com/told",
        "https://HOOKS.example.com.:8443/",
        "http://a.b.corp.example/",
        "http://10.0.0.7:80/",
    ):
        client.subscribe(TopicArn=topic, Protocol=url.partition(":")[0], Endpoint=url)
    client.subscribe(TopicArn=topic, Protocol="file", Endpoint="ops.jsonl")
    for host in ("example.com", "corp.example", "evilcorp.example", "10.0.0.8", "[::1]"):
        code, message = refusal(
            client.subscribe,
            TopicArn=topic,
            Protocol="http",
            Endpoint=f"http://hooks.example.com@{host}/",
        )
        assert code == "InvalidParameter"
        assert f"{host.strip('[]')} is none of allowed_hosts of [sns]" in message


def test_a_file_needs_no_confirmation_and_subscriptions_have_attributes(
    client: Any, topic: str
) -> None:
    asked = {"TopicArn": topic, "Protocol": "file", "Endpoint": "ops.jsonl"}
    arn = client.subscribe(**asked)["SubscriptionArn"]
    shown = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (shown["PendingConfirmation"], shown["RawMessageDelivery"]) == ("false", "false")
    client.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="RawMessageDelivery", AttributeValue="true"
    )
    shown = client.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["RawMessageDelivery"] == "true"
    assert refusal(client.get_subscription_attributes, SubscriptionArn=f"{topic}:gone") == (
        "NotFound",
        "Subscription does not exist",
    )
    assert refusal(client.get_subscription_attributes, SubscriptionArn=topic)[0] == (
        "InvalidParameter"
    )


def test_each_protocol_may_have_its_own_text(world: Any, client: Any, topic: str) -> None:
    client.subscribe(TopicArn=topic, Protocol="file", Endpoint="ops.jsonl")
    client.publish(
        TargetArn=topic,
        MessageStructure="json",
        Message=json.dumps({"default": "all", "file": "own", "sms": 7}),
    )
    client.publish(TopicArn=topic, MessageStructure="json", Message='{"default": "all"}')
    assert waiting(world, only(world)) == [("Notification", "own"), ("Notification", "all")]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, "Invalid parameter: Message too long"),
        ({"Message": "x", "Subject": "a\nb"}, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "x" * 101}, "Invalid parameter: Subject"),
        ({"Message": "x", "MessageStructure": "json"}, "JSON message body failed to parse"),
        ({"Message": "[" * 9_999, "MessageStructure": "json"}, "JSON message body failed to parse"),
        ({"Message": "{}", "MessageStructure": "json"}, "No default entry in JSON message body"),
        ({"Message": "x", "MessageStructure": "xml"}, "Invalid parameter: MessageStructure"),
        ({"Message": "x", "MessageGroupId": "g"}, "standard topics, not FIFO"),
        ({"Message": "x", "PhoneNumber": "+1"}, "nothing here sends SMS"),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "Odd", "StringValue": "1"}}},
            "the type Odd of a is none of",
        ),
        (
            {"Message": "x", "MessageAttributes": {"a": {"DataType": "String"}}},
            "a has no value",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(
    client: Any, topic: str, asked: dict[str, Any], text: str
) -> None:
    code, message = refusal(client.publish, TopicArn=topic, **asked)
    assert code == "InvalidParameter"
    assert text in message


def test_nowhere_to_publish(client: Any, topic: str) -> None:
    assert "no value for required parameter" in refusal(client.publish, Message="x")[1]
    assert refusal(client.publish, Message="x", TopicArn=f"{topic}x")[0] == "NotFound"
    assert refusal(client.publish, Message="x", TopicArn="ops")[0] == "InvalidParameter"


def test_topics_have_tags(client: Any) -> None:
    tags = [{"Key": "team", "Value": "rc"}]
    arn = client.create_topic(Name="ops", Tags=tags)["TopicArn"]
    client.create_topic(Name="ops", Tags=tags)
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == tags
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "env", "Value": "dev"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [
        {"Key": "env", "Value": "dev"}
    ]
    assert refusal(client.list_tags_for_resource, ResourceArn=f"{arn}x") == (
        "ResourceNotFound",
        "Resource does not exist",
    )


def test_there_are_only_so_many(
    world: Any, client: Any, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "TOPICS_MAX", 1)
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS_MAX", 1)
    monkeypatch.setattr(rows, "WAITING_MAX", 2)
    assert refusal(client.create_topic, Name="more")[0] == "TopicLimitExceeded"
    client.subscribe(TopicArn=topic, Protocol="file", Endpoint="a")
    assert refusal(client.subscribe, TopicArn=topic, Protocol="file", Endpoint="b")[0] == (
        "SubscriptionLimitExceeded"
    )
    for number in range(4):
        client.publish(TopicArn=topic, Message=f"{number}")
    assert [text for _, text in waiting(world, only(world))] == ["2", "3"], "the oldest go"


def test_who_is_never_confirmed_is_forgotten(world: Any, client: Any, topic: str) -> None:
    client.subscribe(TopicArn=topic, Protocol="https", Endpoint=URL)
    world.clock.time += subscriptions.UNCONFIRMED_S + 10
    client.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"{URL}2")
    assert only(world).endpoint == f"{URL}2"


def test_who_may_subscribe_is_decided_by_protocol_and_endpoint(world: Any, topic: str) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": "sns:Subscribe",
        "Resource": f"{ARN}:*",
        "Condition": {"StringEquals": {"sns:Protocol": "https"}},
    }
    key = world.user("kim", {"Version": "2012-10-17", "Statement": allowed})
    client = world.client("sns", key)
    client.subscribe(TopicArn=topic, Protocol="https", Endpoint=URL)
    asked = {"TopicArn": topic, "Protocol": "file", "Endpoint": "x"}
    assert refusal(client.subscribe, **asked)[0] == "AccessDenied"
    assert refusal(client.publish, TopicArn=topic, Message="x")[0] == "AccessDenied"
