"""CloudWatch's metrics from boto3 and back."""

import random
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from hostler.api.cloudwatch import data, lists
from one_protocol import OnlyOne
from refusals import refusal

START = 1_700_000_040
"""On a minute, and near the clock of the tests' world."""
DIMENSIONS = [{"Name": "VariantName", "Value": "v"}, {"Name": "EndpointName", "Value": "e"}]


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def client(world: Any) -> Any:
    world.clock.time = START + 600.0
    return world.client("cloudwatch")


def put(client: Any, *data: dict[str, Any], namespace: str = "Acme") -> None:
    given = [{"MetricName": "Latency", "Dimensions": DIMENSIONS, **each} for each in data]
    client.put_metric_data(Namespace=namespace, MetricData=given)


def query(query_id: str, stat: str = "Sum", **more: Any) -> dict[str, Any]:
    metric = {
        "Namespace": "Acme",
        "MetricName": more.pop("name", "Latency"),
        "Dimensions": more.pop("dimensions", DIMENSIONS[::-1]),
    }
    period = more.pop("period", 60)
    return {
        "Id": query_id,
        "MetricStat": {"Metric": metric, "Period": period, "Stat": stat},
        **more,
    }


def expression(query_id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"Id": query_id, "Expression": text, **more}


def ask(client: Any, *queries: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    span = {"StartTime": moment(START), "EndTime": moment(START + 300), **more}
    found = client.get_metric_data(MetricDataQueries=list(queries), **span)
    results: list[dict[str, Any]] = found["MetricDataResults"]
    return results


def test_values_of_every_kind_are_one_metric(client: Any) -> None:
    put(client, {"Value": 2, "Timestamp": moment(START)})
    put(client, {"Values": [1, 4], "Counts": [3, 1], "Timestamp": moment(START + 59.9)})
    put(client, {"Value": 0.5, "Timestamp": moment(START + 60), "StorageResolution": 1})
    wanted = [
        query("sum"),
        query("n", "SampleCount"),
        query("avg", "Average"),
        query("min", "Minimum"),
        query("max", "Maximum"),
        query("p50", "p50"),
        query("fine", period=1),
    ]
    found = {each["Id"]: each for each in ask(client, *wanted, ScanBy="TimestampAscending")}
    assert found["sum"]["Timestamps"] == [moment(START), moment(START + 60)]
    assert found["sum"]["Values"] == [9, 0.5]
    assert found["n"]["Values"] == [5, 1]
    assert found["avg"]["Values"] == [1.8, 0.5]
    assert (found["min"]["Values"], found["max"]["Values"]) == ([1, 0.5], [4, 0.5])
    assert found["p50"]["Values"] == pytest.approx([1, 0.5], rel=0.011)
    assert found["fine"]["Timestamps"] == [moment(START + 60)]
    assert {each["StatusCode"] for each in found.values()} == {"Complete"}
    assert {each["Label"] for each in found.values()} == {"Latency"}


def test_statistic_sets_have_no_percentiles_unless_they_tell(client: Any) -> None:
    hidden = {"SampleCount": 2, "Sum": 3, "Minimum": 1, "Maximum": 2}
    known = {"SampleCount": 2, "Sum": 4, "Minimum": 2, "Maximum": 2}
    put(client, {"StatisticValues": hidden, "Timestamp": moment(START)})
    put(client, {"StatisticValues": known, "Timestamp": moment(START + 60)})
    total, median = ask(client, query("a"), query("b", "p50"))
    assert total["Values"] == [4, 3]
    assert (median["Timestamps"], median["Values"]) == ([moment(START + 60)], [2])


def test_statistics_by_unit(client: Any) -> None:
    put(client, {"Value": 1, "Timestamp": moment(START)})
    put(client, {"Value": 2, "Unit": "Seconds", "Timestamp": moment(START + 5)})
    asked = {
        "Namespace": "Acme",
        "MetricName": "Latency",
        "Dimensions": DIMENSIONS,
        "StartTime": moment(START + 30),
        "EndTime": moment(START + 120),
        "Period": 60,
    }
    answer = client.get_metric_statistics(**asked, Statistics=["Sum", "SampleCount"])
    assert answer["Label"] == "Latency"
    assert {(each["Unit"], each["Sum"], each["SampleCount"]) for each in answer["Datapoints"]} == {
        ("None", 1, 1),
        ("Seconds", 2, 1),
    }
    (one,) = client.get_metric_statistics(**asked, Unit="Seconds", ExtendedStatistics=["p99.9"])[
        "Datapoints"
    ]
    assert one["ExtendedStatistics"] == {"p99.9": 2}
    assert one["Timestamp"] == moment(START), "the start is rounded down to its minute"


WRONG_STATISTICS = [
    ({}, "MissingParameter", "Must specify either Statistics or ExtendedStatistics."),
    (
        {"Statistics": ["Sum"], "ExtendedStatistics": ["p9"]},
        "InvalidParameterCombination",
        "both",
    ),
    ({"ExtendedStatistics": ["tm90"]}, "InvalidParameterValue", "The value tm90"),
    ({"Statistics": ["Sum"], "Period": 90}, "InvalidParameterValue", "The value 90"),
    (
        {"Statistics": ["Sum"], "EndTime": moment(START)},
        "InvalidParameterValue",
        "The parameter StartTime must be less than the parameter EndTime.",
    ),
    (
        {"Statistics": ["Sum"], "EndTime": moment(START + 90_000)},
        "InvalidParameterCombination",
        (
            "You have requested up to 1,500 datapoints, which exceeds the limit of 1,440. You "
            "may reduce the datapoints requested by increasing Period, or decreasing the time "
            "range."
        ),
    ),
]


def test_statistics_that_are_refused(client: Any) -> None:
    asked = {
        "Namespace": "Acme",
        "MetricName": "Latency",
        "StartTime": moment(START),
        "EndTime": moment(START + 60),
        "Period": 60,
    }
    for change, code, text in WRONG_STATISTICS:
        found = refusal(client.get_metric_statistics, **asked | change)
        assert (found[0], text in found[1]) == (code, True), found


WRONG_DATA = [
    ({}, "InvalidParameterCombination", "At least one of the parameters must be specified."),
    ({"Values": []}, "InvalidParameterCombination", "At least one of the parameters"),
    (
        {
            "Value": 1,
            "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1},
        },
        "InvalidParameterCombination",
        (
            "The parameters MetricData.member.1.Value and "
            "MetricData.member.1.StatisticValues are mutually exclusive and you have "
            "specified both."
        ),
    ),
    ({"Value": float("nan")}, "InvalidParameterValue", "The value NaN for parameter"),
    ({"Value": 2.0**361}, "InvalidParameterValue", "MetricData.member.1.Value is invalid."),
    ({"Value": 1e-200}, "InvalidParameterValue", "MetricData.member.1.Value is invalid."),
    ({"Values": [1.0] * 151}, "InvalidParameterValue", "size greater than 150."),
    ({"Values": [1], "Counts": [1, 2]}, "InvalidParameterValue", "must be of the same size."),
    ({"Values": [1], "Counts": [0]}, "InvalidParameterValue", "Counts.member.1 is invalid."),
    ({"Value": 1, "StorageResolution": 10}, "InvalidParameterValue", "in the set [1, 60]."),
    (
        {"Value": 1, "Timestamp": moment(START - 14 * 86_400)},
        "InvalidParameterValue",
        (
            "The parameter MetricData.member.1.Timestamp must specify a time within the past "
            "two weeks."
        ),
    ),
    (
        {"Value": 1, "Timestamp": moment(START + 8400)},
        "InvalidParameterValue",
        "no more than two hours in the future.",
    ),
    (
        {"StatisticValues": {"SampleCount": 0, "Sum": 1, "Minimum": 1, "Maximum": 1}},
        "InvalidParameterValue",
        "StatisticValues.SampleCount is invalid.",
    ),
    (
        {"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}},
        "InvalidParameterValue",
        "must not be greater than",
    ),
    ({"Value": 1, "Dimensions": DIMENSIONS * 2}, "InvalidParameterValue", "more than one"),
    (
        {"Value": 1, "Dimensions": [{"Name": ":a", "Value": "ü"}]},
        "InvalidParameterValue",
        (
            "The value :a for parameter MetricData.member.1.Dimensions.member.1.Name is "
            "invalid.\n"
            "The value ü for parameter MetricData.member.1.Dimensions.member.1.Value is "
            "invalid."
        ),
    ),
    ({"Value": 1, "Unit": "Furlongs"}, "ValidationError", "Member must satisfy enum value set"),
]


def test_data_that_are_refused(client: Any) -> None:
    good = {"MetricName": "other", "Value": 1}
    for datum, code, text in WRONG_DATA:
        given = {"MetricName": "m", **datum}
        found = refusal(client.put_metric_data, Namespace="Acme", MetricData=[given, good])
        assert (found[0], text in found[1]) == (code, True), found
    assert client.list_metrics()["Metrics"] == [], "nothing of it was stored"


def test_requests_that_are_refused(client: Any) -> None:
    call = client.put_metric_data
    one = {"MetricName": "m", "Value": 1}
    assert refusal(call, Namespace="AWS/EC2", MetricData=[one]) == (
        "InvalidParameterValue",
        "The value AWS/ for parameter Namespace is invalid.",
    )
    assert refusal(call, Namespace="A")[1] == "The parameter MetricData is required."
    assert refusal(call, Namespace="A", MetricData=[one] * 1001)[1] == (
        "The collection MetricData must not have a size greater than 1000."
    )
    old = {**one, "Timestamp": moment(1.5e9)}
    text = refusal(call, Namespace="A", MetricData=[old, one, old])[1]
    assert [line.split(".")[2] for line in text.splitlines()] == ["1", "3"]


def test_large_requests_are_compressed_by_boto3_and_understood(client: Any) -> None:
    put(client, *({"Value": n, "Timestamp": moment(START)} for n in range(1000)))
    (found,) = ask(client, query("n", "SampleCount"))
    assert found["Values"] == [1000]


def test_a_request_is_at_most_a_megabyte_as_it_is_sent(client: Any) -> None:
    noise = random.Random(1)
    data = [
        {"MetricName": f"m{n}", "Values": [noise.random() for _ in range(150)]} for n in range(1000)
    ]
    call = client.put_metric_data
    code, text = refusal(call, Namespace="Acme", MetricData=data)
    assert (code, "longer than the limit of 1048576 bytes" in text) == (
        "RequestEntityTooLargeException",
        True,
    )
    call(Namespace="Acme", MetricData=data[:500])


def test_metrics_are_listed_in_pages_and_filtered(
    client: Any, world: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(lists, "PAGE", 3)
    put(client, *({"MetricName": f"m{n}", "Value": 1} for n in range(7)))
    put(client, {"MetricName": "bare", "Value": 1, "Dimensions": []}, namespace="Other")
    pages = list(client.get_paginator("list_metrics").paginate())
    names = [metric["MetricName"] for page in pages for metric in page["Metrics"]]
    assert names == [*(f"m{n}" for n in range(7)), "bare"]
    assert [len(page["Metrics"]) for page in pages] == [3, 3, 2]
    (one,) = client.list_metrics(Namespace="Other")["Metrics"]
    assert one == {"Namespace": "Other", "MetricName": "bare", "Dimensions": []}
    (one,) = client.list_metrics(
        MetricName="m3",
        Dimensions=[{"Name": "EndpointName"}, {"Name": "VariantName", "Value": "v"}],
    )["Metrics"]
    assert one["Dimensions"] == DIMENSIONS[::-1]
    assert client.list_metrics(Dimensions=[{"Name": "VariantName", "Value": "w"}])["Metrics"] == []
    assert refusal(client.list_metrics, NextToken="?")[0] == "InvalidParameterValue"
    world.clock.time += 4 * 3600
    put(client, {"MetricName": "m5", "Value": 1})
    recent = client.list_metrics(RecentlyActive="PT3H")["Metrics"]
    assert [metric["MetricName"] for metric in recent] == ["m5"]
    world.clock.time += 14 * 86_400 - 60
    assert [metric["MetricName"] for metric in client.list_metrics()["Metrics"]] == ["m5"]


def test_metric_math(client: Any) -> None:
    for minute, (calls, errors) in enumerate(((10, 1), (0, 0), (20, 5))):
        at = moment(START + 60 * minute)
        put(client, {"MetricName": "calls", "Value": calls, "Timestamp": at})
        put(client, {"MetricName": "errors", "Value": errors, "Timestamp": at})
    hidden = [
        query("calls", name="calls", ReturnData=False),
        query("errors", name="errors", ReturnData=False),
    ]
    rate, filled, both = ask(
        client,
        *hidden,
        expression("rate", "100 * errors / calls", Label="Error rate"),
        expression("filled", "FILL(rate, -1)", Period=60),
        expression("both", "SUM(METRICS())"),
    )
    assert rate["Label"] == "Error rate"
    assert rate["Values"] == [25, 10]
    assert filled["Values"] == [-1, -1, 25, -1, 10]
    assert both["Values"] == [25, 0, 11]
    several = ask(client, *hidden, expression("each", "METRICS() * 2", Label="twice"))
    assert [each["Label"] for each in several] == ["twice calls", "twice errors"]
    assert {each["Id"] for each in several} == {"each"}


def test_a_search_finds_metrics(client: Any) -> None:
    at = moment(START)
    for name in ("Orders", "OrdersFailed"):
        for shop in ("north", "south"):
            where = [{"Name": "Shop", "Value": shop}]
            one = {"MetricName": name, "Dimensions": where, "Value": len(shop), "Timestamp": at}
            client.put_metric_data(Namespace="Acme/Shop", MetricData=[one])
    put(client, {"MetricName": "Orders", "Value": 9, "Timestamp": at})

    def found(text: str, **more: Any) -> dict[str, list[float]]:
        return {
            each["Label"]: each["Values"] for each in ask(client, expression("s", text, **more))
        }

    exact = """SEARCH('{"Acme/Shop",Shop} MetricName="Orders"', 'Sum', 60)"""
    assert found(exact) == {"north Orders": [5], "south Orders": [5]}
    assert found(exact, Label="all") == {"all north Orders": [5], "all south Orders": [5]}
    assert found(f"SUM({exact})") == {"s": [10]}
    one = "SEARCH('{Acme/Shop,Shop} failed Shop=north', 'SampleCount')"
    assert found(one) == {"north OrdersFailed": [1]}
    assert found(one, Period=60) == found(one)
    assert found("SEARCH('{Acme/Shop,Other}', 'Sum')") == {}
    assert len(found("SEARCH('orders NOT failed', 'Sum')")) == 3


def test_data_come_in_pages_that_fit_together(client: Any) -> None:
    for minute in range(5):
        put(client, {"Value": minute, "Timestamp": moment(START + 60 * minute)})
    whole = ask(client, query("a"), query("b", "Maximum"), expression("c", "METRICS()"))
    span = {"StartTime": moment(START), "EndTime": moment(START + 300)}
    asked = [query("a"), query("b", "Maximum"), expression("c", "METRICS()")]
    for size in (1, 3, 5, 7, 100):
        values: dict[tuple[str, str], list[float]] = {}
        token: dict[str, str] = {}
        while True:
            page = client.get_metric_data(
                MetricDataQueries=asked, MaxDatapoints=size, **span, **token
            )
            assert sum(len(each["Values"]) for each in page["MetricDataResults"]) <= size
            for each in page["MetricDataResults"]:
                values.setdefault((each["Id"], each["Label"]), []).extend(each["Values"])
            if "NextToken" not in page:
                break
            assert len(page["MetricDataResults"]) > 0
            token = {"NextToken": page["NextToken"]}
        expected: dict[tuple[str, str], list[float]] = {}
        for each in whole:
            expected.setdefault((each["Id"], each["Label"]), []).extend(each["Values"])
        assert values == expected
    assert refusal(client.get_metric_data, MetricDataQueries=asked, **span, NextToken="WzFd") == (
        "InvalidNextToken",
        "The specified NextToken is invalid.",
    )


WRONG_QUERIES = [
    ([query("A1")], "not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."),
    ([query("a"), query("a")], "are not unique"),
    ([{"Id": "a"}], "Exactly one of the parameters"),
    ([{**query("a"), "Expression": "a"}], "Exactly one of the parameters"),
    ([query("a", "tm90")], "The value tm90"),
    ([query("a", period=7)], "The value 7"),
    ([query("a", Period=60)], "mutually exclusive"),
    ([query("a", Label="${LAST}")], "is not supported yet"),
    ([expression("a", "b")], "Error in expression 'a': b is not the id of a query."),
    ([expression("a", "b"), expression("b", "a + 1")], "it uses its own result."),
    ([expression("a", "SEARCH('x')")], "SEARCH takes 2 to 3 arguments, not 1."),
    ([expression("a", "SEARCH(1, 'Sum')")], "SEARCH takes two texts"),
    ([expression("a", "SEARCH('x', 'tm90')")], "the statistic tm90 of SEARCH"),
    ([expression("a", "SEARCH('x', 'Sum', 7)")], "SEARCH's period must be 1, 5, 10"),
    ([expression("a", "SEARCH('(x', 'Sum')")], "')' is missing in the search."),
    ([expression("a", "ABS(1)")], "the function ABS is not supported yet"),
    ([query("a"), expression("b", "SUM(a)")], "not a time series."),
    ([query("a"), expression("b", "a", Period=300)], "Period 300 of query b"),
    ([query("a", AccountId="1")], "AccountId is not supported yet"),
    ([query("a")] * 501, "must not have a size greater than 500."),
]


def test_queries_that_are_refused(client: Any) -> None:
    put(client, {"Value": 1, "Timestamp": moment(START)})
    span = {"StartTime": moment(START), "EndTime": moment(START + 60)}
    for asked, text in WRONG_QUERIES:
        found = refusal(client.get_metric_data, MetricDataQueries=asked, **span)
        assert (found[0], text in found[1]) == ("ValidationError", True), found


def test_other_refusals_of_get_metric_data(client: Any) -> None:
    call, span = client.get_metric_data, {"StartTime": moment(START), "EndTime": moment(START)}
    asked = {"MetricDataQueries": [query("a")]}
    assert (
        refusal(call, **asked, **span)[1] == "The parameter EndTime must be greater than StartTime."
    )
    span["EndTime"] = moment(START + 60)
    most = data.DATAPOINTS_MAX + 1
    assert "MaxDatapoints" in refusal(call, **asked, **span, MaxDatapoints=most)[1]
    assert "LabelOptions" in refusal(call, **asked, **span, LabelOptions={"Timezone": "+0100"})[1]


def test_old_data_are_seen_by_periods_that_are_still_kept(client: Any, world: Any) -> None:
    put(client, {"Value": 1, "Timestamp": moment(START), "StorageResolution": 1})
    for later_s, periods in ((0, {1, 60, 300, 3600}), (3, {60, 300, 3600}), (400, {300, 3600})):
        world.clock.time = START + 3600.0 * later_s
        for period in (1, 60, 300, 3600):
            span = {"StartTime": moment(START), "EndTime": moment(START + 1)}
            (found,) = ask(client, query("a", period=period), **span)
            assert bool(found["Values"]) == (period in periods), (later_s, period)


@pytest.mark.parametrize(("period", "kept_days"), [(60, 15), (3600, 455)])
def test_nothing_is_filled_before_what_is_kept_and_after_what_may_be(
    client: Any, period: int, kept_days: int
) -> None:
    put(client, {"Value": 3, "Timestamp": moment(START + 60)})
    wanted = [query("a", period=period), expression("filled", "FILL(a, 0)")]
    span = {"StartTime": moment(START - 40_000_000), "EndTime": moment(START + 400_000_000)}
    line, filled = ask(client, *wanted, **span)
    assert (line["Values"], max(filled["Values"])) == ([3], 3)
    assert len(filled["Values"]) <= (kept_days * 86_400 + 7200) / period + 2
    assert filled["Timestamps"][0] < moment(START + 7200 + 1200)


def test_accounts_and_regions_are_apart(world: Any, client: Any) -> None:
    put(client, {"Value": 1})
    assert world.client("cloudwatch", region="eu-west-1").list_metrics()["Metrics"] == []


def test_permissions(world: Any, client: Any) -> None:
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "cloudwatch:GetMetricData", "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": "Acme"}},
            },
        ],
    }
    mine = world.client("cloudwatch", world.user("metrics", allowed))
    put(mine, {"Value": 1, "Timestamp": moment(START)})
    assert ask(mine, query("a"))[0]["Values"] == [1]
    given = [{"MetricName": "m", "Value": 1}]
    denied = refusal(mine.put_metric_data, Namespace="Other", MetricData=given)
    assert denied[0] == "AccessDeniedException"
    assert refusal(mine.list_metrics)[0] == "AccessDeniedException"


@pytest.mark.parametrize("protocol", ["query", "smithy-rpc-v2-cbor"])
def test_the_other_protocols_say_the_same(world: Any, client: Any, protocol: str) -> None:
    session = botocore.session.Session()
    session.register_component("data_loader", OnlyOne(protocol))
    other = world.client("cloudwatch", session=session)
    put(other, *({"Value": n, "Timestamp": moment(START + n % 2 * 60)} for n in range(500)))
    assert other.meta.service_model.resolved_protocol == protocol
    asked = [query("a"), query("b", "p90"), expression("c", "a / 2")]
    assert ask(other, *asked) == ask(client, *asked)
    assert other.list_metrics()["Metrics"] == client.list_metrics()["Metrics"]
    wanted = {"Namespace": "Acme", "MetricName": "Latency", "Dimensions": DIMENSIONS}
    span = {"StartTime": moment(START), "EndTime": moment(START + 120), "Period": 60}
    both = [
        each.get_metric_statistics(**wanted, **span, Statistics=["Sum", "Average"])["Datapoints"]
        for each in (other, client)
    ]
    assert both[0] == both[1]
    assert len(both[0]) == 2
    given = [{"MetricName": "m", "Value": float("nan")}]
    wrong = {"Namespace": "A", "MetricData": given}
    assert refusal(other.put_metric_data, **wrong) == refusal(client.put_metric_data, **wrong)


def test_what_does_not_exist_says_so(client: Any) -> None:
    assert refusal(client.list_dashboards)[0] == "UnknownOperationException"
    text = refusal(
        client.put_metric_data,
        Namespace="A",
        EntityMetricData=[{"MetricData": [{"MetricName": "m", "Value": 1}]}],
    )[1]
    assert text == "EntityMetricData is not supported yet: entities do not exist here"
