"""CloudWatch Logs from boto3 and back."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import func, select

from hostler.api.logs import reads
from hostler.telemetry import log_retention, logs
from hostler.telemetry.logs import Event
from hostler.telemetry.schema import events, groups, streams

GROUP = "/aws/sagemaker/Endpoints/rc-fraud-ep"
ARN = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def write(world: Any, stream: str, *lines: tuple[int, str], source: str = "") -> None:
    """What the ingester would write."""

    def transaction(tx: Any) -> None:
        before = logs.position(tx, source or stream)
        done = logs.ingest(
            tx,
            account="123456789012",
            region="us-east-1",
            group_name=GROUP,
            stream_name=stream,
            lines=[Event(time, text) for time, text in lines],
            source=source or stream,
            before=before,
            after=f"{before}+",
            now_ms=5_000,
        )
        assert done

    world.rooms.logs.run(transaction, write=True)


def expire(world: Any, now_ms: int) -> int:
    """Turns of the housekeeper until there is nothing to do; how many."""
    turns = behind = 0
    while True:
        done = world.rooms.logs.run(
            lambda tx, behind=behind: log_retention.turn(tx, now_ms, behind), write=True
        )
        turns, behind = turns + 1, done.behind
        if not done.deleted and not behind:
            return turns


def rows(world: Any) -> tuple[int, ...]:
    """How many groups, streams and events the database holds, those that are gone included."""

    def count(tx: Any) -> tuple[int, ...]:
        tables = (groups, streams, events)
        return tuple(tx.execute(select(func.count()).select_from(each)).scalar() for each in tables)

    return world.rooms.logs.run(count)  # type: ignore[no-any-return]


@pytest.fixture
def client(world: Any) -> Any:
    write(world, "AllTraffic/i-0a", (1000, "a1"), (3000, "a3 ERROR"), (5000, "a5"))
    write(world, "AllTraffic/i-0b", (2000, "b2"), (3000, "b3"))
    return world.client("logs")


def messages(answer: Any) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_groups_and_streams_are_described(client: Any) -> None:
    (group,) = client.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/")["logGroups"]
    assert (group["logGroupName"], group["arn"], group["logGroupArn"]) == (GROUP, f"{ARN}:*", ARN)
    assert "retentionInDays" not in group
    first, second = client.describe_log_streams(logGroupName=GROUP)["logStreams"]
    assert first["logStreamName"] == "AllTraffic/i-0a"
    assert (first["firstEventTimestamp"], first["lastEventTimestamp"]) == (1000, 5000)
    assert first["arn"] == f"{ARN}:log-stream:AllTraffic/i-0a"
    assert group["storedBytes"] == first["storedBytes"] + second["storedBytes"] > 0


def test_streams_by_last_event(client: Any) -> None:
    by_time = {"logGroupName": GROUP, "orderBy": "LastEventTime"}
    answer = client.describe_log_streams(**by_time, descending=True, limit=1)
    assert answer["logStreams"][0]["logStreamName"] == "AllTraffic/i-0a"
    rest = client.describe_log_streams(**by_time, descending=True, nextToken=answer["nextToken"])
    assert [one["logStreamName"] for one in rest["logStreams"]] == ["AllTraffic/i-0b"]
    assert "nextToken" not in rest
    prefixed = {**by_time, "logStreamNamePrefix": "AllTraffic"}
    assert code(client.describe_log_streams, **prefixed) == "InvalidParameterException"


@pytest.mark.parametrize("descending", [False, True])
def test_streams_by_name_in_pages(client: Any, descending: bool) -> None:
    pages = client.get_paginator("describe_log_streams").paginate(
        logGroupIdentifier=ARN,
        logStreamNamePrefix="AllTraffic/",
        descending=descending,
        PaginationConfig={"PageSize": 1},
    )
    found = [one["logStreamName"] for page in pages for one in page["logStreams"]]
    assert found == sorted(["AllTraffic/i-0a", "AllTraffic/i-0b"], reverse=descending)


def test_groups_are_case_sensitive(client: Any) -> None:
    for wanted in ({"logGroupNamePrefix": "/AWS/"}, {"logGroupNamePattern": "endpoints"}):
        assert client.describe_log_groups(**wanted)["logGroups"] == []
    assert client.describe_log_groups(logGroupNamePattern="Endpoints/rc")["logGroups"]


def test_a_stream_is_read_from_its_tail_or_its_head(client: Any) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0a"}
    assert messages(client.get_log_events(**stream, limit=2)) == ["a3 ERROR", "a5"]
    assert messages(client.get_log_events(**stream, limit=2, startFromHead=True)) == [
        "a1",
        "a3 ERROR",
    ]
    within = client.get_log_events(**stream, startTime=3000, endTime=5000)
    assert messages(within) == ["a3 ERROR"]


def test_at_the_end_the_same_token_returns(world: Any, client: Any) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0a", "startFromHead": True}
    first = client.get_log_events(**stream, limit=2)
    second = client.get_log_events(**stream, nextToken=first["nextForwardToken"])
    assert messages(second) == ["a5"]
    token = second["nextForwardToken"]
    end = client.get_log_events(**stream, nextToken=token)
    assert (messages(end), end["nextForwardToken"]) == ([], token)
    write(world, "AllTraffic/i-0a", (6000, "a6"))
    assert messages(client.get_log_events(**stream, nextToken=token)) == ["a6"]


def test_backwards_to_the_beginning(client: Any) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0a", "limit": 2}
    last = client.get_log_events(**stream)
    before = client.get_log_events(**stream, nextToken=last["nextBackwardToken"])
    assert messages(before) == ["a1"]
    token = before["nextBackwardToken"]
    assert client.get_log_events(**stream, nextToken=token)["nextBackwardToken"] == token


def test_an_empty_stream_has_tokens(client: Any) -> None:
    client.create_log_stream(logGroupName=GROUP, logStreamName="mine")
    answer = client.get_log_events(logGroupName=GROUP, logStreamName="mine")
    assert answer["events"] == []
    client.put_log_events(
        logGroupName=GROUP,
        logStreamName="mine",
        logEvents=[{"timestamp": 1_700_000_000_000, "message": "hello"}],
    )
    again = client.get_log_events(
        logGroupName=GROUP, logStreamName="mine", nextToken=answer["nextForwardToken"]
    )
    assert messages(again) == ["hello"]


def test_a_group_is_filtered_over_its_streams_in_order_of_time(client: Any) -> None:
    answer = client.filter_log_events(logGroupName=GROUP)
    assert messages(answer) == ["a1", "b2", "a3 ERROR", "b3", "a5"]
    assert len({event["eventId"] for event in answer["events"]}) == 5
    assert messages(client.filter_log_events(logGroupName=GROUP, startFromHead=False))[0] == "a5"
    found = client.filter_log_events(logGroupIdentifier=ARN, filterPattern="ERROR")
    assert messages(found) == ["a3 ERROR"]
    one = client.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="AllTraffic/i-0b")
    assert messages(one) == ["b2", "b3"]
    named = client.filter_log_events(logGroupName=GROUP, logStreamNames=["AllTraffic/i-0b"])
    assert messages(named) == ["b2", "b3"]
    absent = {"logGroupName": GROUP, "logStreamNames": ["AllTraffic/i-0b", "absent"]}
    assert code(client.filter_log_events, **absent) == "ResourceNotFoundException"
    upto = client.filter_log_events(logGroupName=GROUP, startTime=2000, endTime=3000)
    assert messages(upto) == ["b2", "a3 ERROR", "b3"]


def test_filtering_in_pages_makes_the_whole(client: Any) -> None:
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP, filterPattern="-ERROR", PaginationConfig={"PageSize": 2}
    )
    assert [text for page in pages for text in messages(page)] == ["a1", "b2", "b3", "a5"]


def test_following_sees_each_event_once(world: Any, client: Any) -> None:
    """`aws logs tail --follow` asks again from the last time it saw, and drops known event ids."""
    seen: set[str] = set()
    texts: list[str] = []
    for fresh in ("c1", "c2"):
        answer = client.filter_log_events(logGroupName=GROUP, startTime=5000, interleaved=True)
        texts += [one["message"] for one in answer["events"] if one["eventId"] not in seen]
        seen |= {one["eventId"] for one in answer["events"]}
        write(world, "AllTraffic/i-0c", (5000, fresh))
    assert texts == ["a5", "c1"]


def test_a_page_holds_a_megabyte(world: Any, client: Any) -> None:
    write(world, "AllTraffic/i-0d", *[(7000 + n, "x" * 200_000) for n in range(8)])
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0d", "startFromHead": True}
    first = client.get_log_events(**stream)
    assert len(first["events"]) == 5
    rest = client.get_log_events(**stream, nextToken=first["nextForwardToken"])
    assert len(rest["events"]) == 3
    assert "nextToken" in client.filter_log_events(logGroupName=GROUP)


def test_the_end_of_all_time_is_an_end(client: Any) -> None:
    span = {"startTime": 0, "endTime": 2**63 - 1}
    assert messages(client.filter_log_events(logGroupName=GROUP, **span))[-1] == "a5"
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0a"}
    assert messages(client.get_log_events(**stream, **span))[-1] == "a5"


@pytest.mark.parametrize("token", ["f/1.9999999999999999999/s", "b/9223372036854775808.1/s"])
def test_a_token_beyond_all_places_is_refused(client: Any, token: str) -> None:
    wanted = {"logGroupName": GROUP, "nextToken": token}
    assert code(client.filter_log_events, **wanted) == "InvalidParameterException"
    wanted["logStreamName"] = "AllTraffic/i-0a"
    assert code(client.get_log_events, **wanted) == "InvalidParameterException"


@pytest.mark.parametrize("token", ["0-" + "9" * 30, "9" * 5000 + "-1", "-1-1", "x"])
def test_a_streams_token_that_is_no_place_is_refused(client: Any, token: str) -> None:
    wanted = {"logGroupName": GROUP, "orderBy": "LastEventTime", "nextToken": token}
    assert code(client.describe_log_streams, **wanted) == "InvalidParameterException"


def test_a_json_pattern_finds_and_a_wrong_one_is_told_where(world: Any, client: Any) -> None:
    write(world, "AllTraffic/i-0b", (4000, '{"level": "ERROR", "ms": 120}'), (4001, '{"ms": 7}'))
    wanted = {"logGroupName": GROUP, "filterPattern": "{ $.ms > 100 }"}
    assert messages(client.filter_log_events(**wanted)) == ['{"level": "ERROR", "ms": 120}']
    wanted["filterPattern"] = "{ $.ms >> 100 }"
    with pytest.raises(client.exceptions.InvalidParameterException, match="at character 9"):
        client.filter_log_events(**wanted)


def test_what_is_not_there(client: Any) -> None:
    absent = {"logGroupName": "absent"}
    assert code(client.describe_log_streams, **absent) == "ResourceNotFoundException"
    assert code(client.filter_log_events, **absent) == "ResourceNotFoundException"
    stream = {"logGroupName": GROUP, "logStreamName": "absent"}
    assert code(client.get_log_events, **stream) == "ResourceNotFoundException"
    foreign = f"arn:aws:logs:us-east-1:999999999999:log-group:{GROUP}"
    wanted = {"logGroupIdentifier": foreign}
    assert code(client.filter_log_events, **wanted) == "AccessDeniedException"
    assert code(client.filter_log_events) == "InvalidParameterException"


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "f/1/s",
        "b/1.x/s",
        f"f/{2**63}.0/s",
        "f/-9999999999999999999.0/s",
        f"b/0.-{2**63 + 1}/s",
    ],
)
def test_a_token_of_nobody_is_refused(client: Any, token: str) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0a", "nextToken": token}
    assert code(client.get_log_events, **stream) == "InvalidParameterException"


@pytest.mark.parametrize("token", ["x", GROUP, "W10=", "WyJncm91cHMiLDFd", "é"])
def test_a_list_by_name_refuses_a_token_of_nobody(client: Any, token: str) -> None:
    for call, wanted in (
        (client.describe_log_groups, {}),
        (client.describe_log_streams, {"logGroupName": GROUP}),
        (client.describe_resource_policies, {}),
    ):
        with pytest.raises(client.exceptions.InvalidParameterException) as refused:
            call(**wanted, nextToken=token)
        assert "The specified nextToken is invalid." in str(refused.value)


def test_a_list_by_name_refuses_another_lists_token_and_goes_on_after_what_has_gone(
    client: Any,
) -> None:
    for name in ("a", "b"):
        client.create_log_group(logGroupName=name)
    token = client.describe_log_groups(limit=2)["nextToken"]
    refused = {"logGroupName": GROUP, "nextToken": token}
    assert code(client.describe_log_streams, **refused) == "InvalidParameterException"
    client.delete_log_group(logGroupName="a")
    rest = client.describe_log_groups(nextToken=token)
    assert [each["logGroupName"] for each in rest["logGroups"]] == ["b"]


def test_putting_events(client: Any) -> None:
    client.create_log_group(logGroupName="app")
    assert code(client.create_log_group, logGroupName="app") == "ResourceAlreadyExistsException"
    client.create_log_stream(logGroupName="app", logStreamName="s")
    stream = {"logGroupName": "app", "logStreamName": "s"}
    assert code(client.create_log_stream, **stream) == "ResourceAlreadyExistsException"
    now = 1_700_000_000_000
    answer = client.put_log_events(
        **stream,
        logEvents=[
            {"timestamp": now - 15 * 86_400_000, "message": "too old"},
            {"timestamp": now, "message": "kept"},
            {"timestamp": now + 3 * 3_600_000, "message": "too new"},
        ],
    )
    assert answer["rejectedLogEventsInfo"] == {
        "tooOldLogEventEndIndex": 1,
        "tooNewLogEventStartIndex": 2,
    }
    assert messages(client.get_log_events(**stream)) == ["kept"]
    client.put_retention_policy(logGroupName="app", retentionInDays=3)
    times = [now - days * 86_400_000 for days in (20, 15, 5, 1)]
    answer = client.put_log_events(
        **stream, logEvents=[{"timestamp": time, "message": "x"} for time in times]
    )
    rejected = {"tooOldLogEventEndIndex": 2, "expiredLogEventEndIndex": 3}
    assert answer["rejectedLogEventsInfo"] == rejected
    backwards = [{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}]
    assert code(client.put_log_events, **stream, logEvents=backwards) == "InvalidParameterException"


def test_a_batch_of_events_spans_a_day_at_most(client: Any) -> None:
    """Events that are left out do not count (the PutLogEvents page)."""
    client.create_log_group(logGroupName="app")
    client.create_log_stream(logGroupName="app", logStreamName="s")
    stream = {"logGroupName": "app", "logStreamName": "s"}
    now, day = 1_700_000_000_000, 86_400_000
    longest = [{"timestamp": now - day, "message": "a"}, {"timestamp": now, "message": "b"}]
    longer = [{"timestamp": now - day - 1, "message": "a"}, longest[1]]
    assert code(client.put_log_events, **stream, logEvents=longer) == "InvalidParameterException"
    assert messages(client.get_log_events(**stream)) == []
    client.put_log_events(**stream, logEvents=longest)
    assert messages(client.get_log_events(**stream)) == ["a", "b"]


def test_what_has_expired_is_not_stored_any_more(world: Any, client: Any) -> None:
    """The figure only ever grew."""
    write(world, "AllTraffic/i-0a", (90_000_000, "später"))
    client.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    expire(world, 86_400_000 + 3000)
    first, second = client.describe_log_streams(logGroupName=GROUP)["logStreams"]
    sizes = (len(b"a3 ERROR") + len(b"a5") + len("später".encode()) + 3 * 26, len(b"b3") + 26)
    assert (first["storedBytes"], second["storedBytes"]) == sizes
    (group,) = client.describe_log_groups()["logGroups"]
    assert group["storedBytes"] == sum(sizes)
    expire(world, 10**15)
    assert [each["storedBytes"] for each in client.describe_log_groups()["logGroups"]] == [0]


def test_retention_expires_events(world: Any, client: Any) -> None:
    client.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    (group,) = client.describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 1
    expire(world, 86_400_000 + 3000)
    assert messages(client.filter_log_events(logGroupName=GROUP)) == ["a3 ERROR", "b3", "a5"]
    client.delete_retention_policy(logGroupName=GROUP)
    expire(world, 10**15)
    assert len(client.filter_log_events(logGroupName=GROUP)["events"]) == 3
    wrong = {"logGroupName": GROUP, "retentionInDays": 2}
    assert code(client.put_retention_policy, **wrong) == "InvalidParameterException"


def test_deleting_takes_everything_below(world: Any, client: Any) -> None:
    stream = {"logGroupName": GROUP, "logStreamName": "AllTraffic/i-0b"}
    client.delete_log_stream(**stream)
    assert messages(client.filter_log_events(logGroupName=GROUP)) == ["a1", "a3 ERROR", "a5"]
    assert code(client.get_log_events, **stream) == "ResourceNotFoundException"
    client.create_log_stream(**stream)  # its name is free, and nothing comes back
    assert messages(client.get_log_events(**stream)) == []
    client.delete_log_stream(**stream)
    client.delete_log_group(logGroupName=GROUP)
    assert client.describe_log_groups()["logGroups"] == []
    client.create_log_group(logGroupName=GROUP)
    assert client.describe_log_streams(logGroupName=GROUP)["logStreams"] == []
    expire(world, 0)
    assert rows(world) == (1, 0, 0)


def test_what_is_deleted_goes_in_turns_of_a_bounded_size(
    world: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_retention, "EVENTS_MAX", 10)
    monkeypatch.setattr(log_retention, "GROUPS_MAX", 2)
    for number in range(3):
        write(world, f"AllTraffic/i-1{number}", *[(9_000 + n, "x") for n in range(9)])
    other = {"retentionInDays": 1, "logGroupName": "other"}
    for name in ("other", "another", "a third"):
        client.create_log_group(logGroupName=name.replace(" ", "-"))
        client.put_retention_policy(**{**other, "logGroupName": name.replace(" ", "-")})
    client.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    before = rows(world)[2]
    world.rooms.logs.run(lambda tx: log_retention.turn(tx, 10**12, 0), write=True)
    assert rows(world)[2] == before - 10
    client.delete_log_group(logGroupName=GROUP)
    assert expire(world, 10**12) > 2
    assert rows(world) == (3, 0, 0)


def test_of_too_much_the_largest_group_loses_its_oldest(
    world: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_retention, "EVENTS_MAX", 10)
    client.create_log_group(logGroupName="small")
    client.create_log_stream(logGroupName="small", logStreamName="s")
    old = [{"timestamp": 1_700_000_000_000, "message": "kept"}]
    client.put_log_events(logGroupName="small", logStreamName="s", logEvents=old)
    write(world, "AllTraffic/i-0c", *[(10_000 + n, "x" * 974) for n in range(60)])
    for _ in range(9):
        world.rooms.logs.run(lambda tx: log_retention.turn(tx, 0, 0, bytes_max=40_000), write=True)
    held = {each["logGroupName"]: each for each in client.describe_log_groups()["logGroups"]}
    assert 25_000 < held[GROUP]["storedBytes"] <= 40_000
    assert held["small"]["storedBytes"] == len("kept") + 26
    left = client.filter_log_events(logGroupName=GROUP)["events"]
    assert [each["timestamp"] for each in left][-1] == 10_059
    assert left[0]["timestamp"] > 10_000


def test_tags_of_groups(client: Any) -> None:
    client.create_log_group(logGroupName="app", tags={"team": "fraud"})
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:app"
    client.tag_resource(resourceArn=arn, tags={"env": "dev", "team": "risk"})
    client.tag_log_group(logGroupName="app", tags={"old": "way"})
    found = {"env": "dev", "old": "way", "team": "risk"}
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == found
    client.untag_resource(resourceArn=arn, tagKeys=["env", "absent"])
    client.untag_log_group(logGroupName="app", tags=["old"])
    assert client.list_tags_log_group(logGroupName="app")["tags"] == {"team": "risk"}
    many = {f"k{number}": "v" for number in range(50)}
    wanted = {"resourceArn": arn, "tags": many}
    assert code(client.tag_resource, **wanted) == "TooManyTagsException"
    wanted["tags"] = {"aws:x": "y"}
    assert code(client.tag_resource, **wanted) == "InvalidParameterException"
    wanted["resourceArn"] = f"{arn}x"
    assert code(client.tag_resource, **wanted) == "ResourceNotFoundException"
    client.delete_log_group(logGroupName="app")
    client.create_log_group(logGroupName="app")
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {}


def test_tags_of_groups_decide(world: Any, client: Any) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/team": "fraud"}}
    allowed = {"Effect": "Allow", "Action": "logs:*", "Resource": "*", "Condition": condition}
    user = world.user("kim", {"Version": "2012-10-17", "Statement": [allowed]})
    limited = world.client("logs", user)
    assert code(limited.filter_log_events, logGroupName=GROUP) == "AccessDeniedException"
    client.tag_resource(resourceArn=ARN, tags={"team": "fraud"})
    assert limited.filter_log_events(logGroupName=GROUP)["events"]


def test_permission_is_asked_on_the_group(world: Any, client: Any) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": "logs:*",
        "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/*",
    }
    user = world.user("kim", {"Version": "2012-10-17", "Statement": [allowed]})
    limited = world.client("logs", user)
    assert limited.filter_log_events(logGroupName=GROUP)["events"]
    assert code(limited.filter_log_events, logGroupName="other") == "AccessDeniedException"


def test_a_source_is_ingested_exactly_once(world: Any) -> None:
    def again(tx: Any, before: str, after: str) -> bool:
        return logs.ingest(
            tx,
            account="123456789012",
            region="us-east-1",
            group_name=GROUP,
            stream_name="s",
            lines=[Event(1, after)],
            source="i-0a",
            before=before,
            after=after,
            now_ms=1,
        )

    store = world.rooms.logs
    assert store.run(lambda tx: again(tx, "", "1"), write=True)
    assert not store.run(lambda tx: again(tx, "", "1"), write=True)
    assert store.run(lambda tx: again(tx, "1", "2"), write=True)
    answer = world.client("logs").filter_log_events(logGroupName=GROUP)
    assert messages(answer) == ["1", "2"]


def test_a_rare_pattern_takes_more_pages(
    world: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "SCANNED_MAX", 700)
    lines = [(10_000 + n, "needle" if n == 1_600 else "hay") for n in range(2_000)]
    write(world, "AllTraffic/i-0e", *lines)
    wanted = {"logGroupName": GROUP, "filterPattern": "needle"}
    for head in (True, False):
        pages = list(
            client.get_paginator("filter_log_events").paginate(**wanted, startFromHead=head)
        )
        assert len(pages) == 3
        assert [text for page in pages for text in messages(page)] == ["needle"]


def test_a_page_has_looked_at_so_many_bytes_at_most(
    world: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "SCANNED_BYTES_MAX", 100_000)
    write(world, "AllTraffic/i-0e", *[(10_000 + n, "hay" * 10_000) for n in range(9)])
    wanted = {"logGroupName": GROUP, "filterPattern": "needle"}
    pages = list(client.get_paginator("filter_log_events").paginate(**wanted))
    assert [page["events"] for page in pages] == [[], [], []]


def test_a_page_ends_exactly_at_the_end(client: Any) -> None:
    answer = client.filter_log_events(logGroupName=GROUP, limit=5)
    assert len(answer["events"]) == 5
    assert "nextToken" not in answer
