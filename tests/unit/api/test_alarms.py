"""CloudWatch's alarms from boto3 and back: what is put is shown, and what cannot act is refused."""

import base64
import json
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from hostler.api.cloudwatch.alarms import keeping
from hostler.domain.alarm import STATE_SET
from hostler.toolkit import alarms as usual
from one_protocol import OnlyOne
from refusals import refusal

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm"
TOPIC = "arn:aws:sns:us-east-1:123456789012:ops"
POLICY = (
    "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:u:resource/sagemaker/endpoint/e/"
    "variant/v:policyName/p"
)
DIMENSIONS = [{"Name": "VariantName", "Value": "v"}, {"Name": "EndpointName", "Value": "e"}]
ASKED: dict[str, Any] = {
    "MetricName": "Invocation5XXErrors",
    "Namespace": "AWS/SageMaker",
    "Statistic": "Sum",
    "Dimensions": DIMENSIONS,
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def client(world: Any) -> Any:
    return world.client("cloudwatch")


def put(client: Any, name: str = "errors", **more: Any) -> None:
    asked = {**ASKED, **more}
    client.put_metric_alarm(
        AlarmName=name, **{member: value for member, value in asked.items() if value is not None}
    )


def described(client: Any, name: str = "errors") -> dict[str, Any]:
    found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    (one,) = [*found["MetricAlarms"], *found["CompositeAlarms"]]
    return dict(one)


def names(answer: Any) -> list[str]:
    return [one["AlarmName"] for one in (*answer["MetricAlarms"], *answer["CompositeAlarms"])]


def test_an_alarm_is_shown_as_it_was_put(world: Any, client: Any) -> None:
    more = {
        "AlarmDescription": "too many",
        "ActionsEnabled": False,
        "OKActions": [TOPIC],
        "AlarmActions": [TOPIC, POLICY],
        "InsufficientDataActions": [TOPIC],
        "DatapointsToAlarm": 2,
        "TreatMissingData": "notBreaching",
        "Unit": "None",
    }
    put(client, **more)
    shown = described(client)
    for member, value in {**ASKED, **more}.items():
        assert shown[member] == value, member
    assert shown["AlarmArn"] == f"{ARN}:errors"
    assert (shown["StateValue"], shown["StateReason"]) == (
        "INSUFFICIENT_DATA",
        "Unchecked: Initial alarm creation",
    )
    assert shown["StateUpdatedTimestamp"] == shown["AlarmConfigurationUpdatedTimestamp"]
    assert world.wakes == [f"{ARN}:errors"]
    put(client, "plain")
    for member in ("AlarmDescription", "DatapointsToAlarm", "TreatMissingData", "Unit"):
        assert member not in described(client, "plain")
    assert described(client, "plain")["ActionsEnabled"] is True


def test_an_update_replaces_all_but_the_state(client: Any) -> None:
    put(client, AlarmDescription="too many")
    client.set_alarm_state(AlarmName="errors", StateValue="OK", StateReason="for now")
    put(client, Statistic=None, ExtendedStatistic="p99", EvaluateLowSampleCountPercentile="ignore")
    shown = described(client)
    assert (shown["StateValue"], shown["ExtendedStatistic"]) == ("OK", "p99")
    assert "AlarmDescription" not in shown
    assert "Statistic" not in shown


def metric(query_id: str, name: str = "Invocations", **more: Any) -> dict[str, Any]:
    of = {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": DIMENSIONS}
    stat = {"Metric": of, "Period": 60, "Stat": "Sum"}
    return {"Id": query_id, "MetricStat": stat, "ReturnData": False, **more}


def put_expression(client: Any, *queries: dict[str, Any], **more: Any) -> None:
    of_a_metric = ("MetricName", "Namespace", "Statistic", "Dimensions", "Period")
    rest = {member: value for member, value in ASKED.items() if member not in of_a_metric}
    client.put_metric_alarm(AlarmName="rate", Metrics=list(queries), **rest, **more)


def test_an_alarm_on_an_expression_is_shown_as_it_was_put(client: Any) -> None:
    rate = {"Id": "rate", "Expression": "e / i * 100", "Label": "errors in %", "ReturnData": True}
    queries = [rate, metric("e", "Invocation5XXErrors"), metric("i")]
    put_expression(client, *queries)
    assert described(client, "rate")["Metrics"] == queries


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"Period": 45}, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"),
        ({"Period": 5}, "ValidationError", "Period must be 10, 20, 30 or a multiple of 60"),
        (
            {"EvaluationPeriods": 1441},
            "ValidationError",
            "more than a day (EvaluationPeriods * Period must be <= 86400)",
        ),
        ({"Period": 3600, "EvaluationPeriods": 169}, "ValidationError", "more than seven days"),
        ({"DatapointsToAlarm": 4}, "ValidationError", "less than or equal to EvaluationPeriods"),
        (
            {"TreatMissingData": "zero"},
            "ValidationError",
            "Supported values are [missing, ignore, breaching, notBreaching]",
        ),
        (
            {"EvaluateLowSampleCountPercentile": "ignore"},
            "ValidationError",
            "only for alarms on a percentile",
        ),
        ({"EvaluateLowSampleCountPercentile": "maybe"}, "ValidationError", "[evaluate, ignore]"),
        ({"ExtendedStatistic": "p99"}, "ValidationError", "Exactly one of Statistic and"),
        ({"Statistic": None}, "ValidationError", "Exactly one of Statistic and"),
        (
            {"Statistic": None, "ExtendedStatistic": "tm90"},
            "ValidationError",
            "percentiles are written p0 to p100",
        ),
        ({"MetricName": None}, "MissingParameter", "The parameter MetricName is required"),
        ({"Namespace": None}, "MissingParameter", "The parameter Namespace is required"),
        ({"Period": None}, "MissingParameter", "The parameter Period is required"),
        ({"Threshold": None}, "MissingParameter", "The parameter Threshold is required"),
        ({"EvaluationPeriods": None}, "MissingParameter", "EvaluationPeriods is required"),
        ({"ComparisonOperator": None}, "MissingParameter", "ComparisonOperator is required"),
        (
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            "ValidationError",
            "anomaly detection does not exist here",
        ),
        ({"ThresholdMetricId": "a"}, "ValidationError", "anomaly detection does not exist here"),
        ({"AlarmActions": ["ops"]}, "ValidationError", "Invalid arn syntax: ops"),
        ({"AlarmActions": ["arn:aws:lambda:x"]}, "ValidationError", "Invalid arn syntax"),
        (
            {"OKActions": ["arn:aws:automate:us-east-1:123456789012:ec2:stop"]},
            "ValidationError",
            "alarms of this kind act on autoscaling, lambda, sns",
        ),
        (
            {"AlarmActions": ["arn:aws:sns:eu-west-1:123456789012:ops"]},
            "ValidationError",
            "Invalid region eu-west-1 specified. Only us-east-1 is supported.",
        ),
        (
            {"AlarmActions": ["arn:aws:sns:us-east-1:111122223333:ops"]},
            "ValidationError",
            "it is of another account",
        ),
        (
            {"AlarmActions": ["arn:aws:lambda:us-east-1:123456789012:function:page"]},
            "ValidationError",
            "a function is a command of [alarms.commands] in hostler.toml",
        ),
        ({"Metrics": [metric("m")]}, "InvalidParameterCombination", "Metrics and MetricName"),
        ({"AlarmName": "a\nb"}, "ValidationError", "control characters"),
    ],
)
def test_what_cannot_be_evaluated_or_done_is_refused(
    client: Any, changes: dict[str, Any], code: str, text: str
) -> None:
    asked = {"AlarmName": "errors", **ASKED, **changes}
    given = {member: value for member, value in asked.items() if value is not None}
    found = refusal(client.put_metric_alarm, **given)
    assert found[0] == code
    assert text in found[1]
    assert names(client.describe_alarms()) == []


@pytest.mark.parametrize(
    ("queries", "text"),
    [
        ([metric("m")], "Exactly one element of the metrics list should return data"),
        ([{"Id": "e", "Expression": "1"}], "at least one MetricStat"),
        ([metric("m"), {"Id": "e", "Expression": "SUM(m)"}], "is a number, not a time series"),
        (
            [metric("m"), metric("n"), {"Id": "e", "Expression": "METRICS()"}],
            "must be one time series",
        ),
        ([metric("m"), {"Id": "e", "Expression": "m +"}], "Error in expression 'e'"),
        ([metric("m"), {"Id": "e", "Expression": "x + 1"}], "x is not the id of a query"),
        ([metric("m"), {"Id": "E", "Expression": "m"}], "Metrics.member.2.Id is not matching"),
        ([metric("m"), {"Id": "m", "Expression": "1"}], "are not unique"),
        ([metric("m", AccountId="1"), {"Id": "e", "Expression": "m"}], "no linked accounts"),
        (
            [*(metric(f"m{number}") for number in range(11)), {"Id": "e", "Expression": "m1"}],
            "at most 10 metrics and 10 expressions",
        ),
        (
            [metric("m"), {"Id": "e", "Expression": "m", "Period": 300}],
            "the result has the period of its metrics, 60",
        ),
    ],
)
def test_an_expression_that_cannot_be_evaluated_is_refused(
    client: Any, queries: list[dict[str, Any]], text: str
) -> None:
    with pytest.raises(ClientError) as caught:
        put_expression(client, *queries)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert text in caught.value.response["Error"]["Message"]


def test_the_usual_alarms_of_an_endpoint_can_be_put(client: Any) -> None:
    for _ in range(2):
        for asked in usual.alarms("fraud", "v", [TOPIC]):
            client.put_metric_alarm(**asked)
    found = client.describe_alarms(AlarmNamePrefix="fraud/v/", ActionPrefix=TOPIC)
    assert len(names(found)) == len(usual.WATCHES)


def test_a_command_of_the_settings_is_an_action(world: Any, client: Any) -> None:
    world.rooms.alarm_commands.append("page")
    action = "arn:aws:lambda:us-east-1:123456789012:function:page"
    put(client, AlarmActions=[action])
    assert described(client)["AlarmActions"] == [action]


def test_alarms_are_described_by_every_filter_in_pages(client: Any) -> None:
    for name in ("b-1", "a-2", "a-1"):
        put(client, name, AlarmActions=[TOPIC] if name == "a-2" else [])
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a-1) AND ALARM(a-2)")
    client.set_alarm_state(AlarmName="b-1", StateValue="OK", StateReason="fine")
    assert names(client.describe_alarms()) == ["a-1", "a-2", "b-1"]
    assert names(client.describe_alarms(AlarmTypes=["CompositeAlarm"])) == ["both"]
    assert names(client.describe_alarms(AlarmNamePrefix="a")) == ["a-1", "a-2"]
    assert names(client.describe_alarms(StateValue="OK")) == ["b-1"]
    assert names(client.describe_alarms(ActionPrefix=TOPIC[:20])) == ["a-2"]
    assert names(client.describe_alarms(AlarmNames=["b-1", "gone"])) == ["b-1"]
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmTypes=["MetricAlarm", "CompositeAlarm"], PaginationConfig={"PageSize": 2}
    )
    assert [names(page) for page in pages] == [["a-1", "a-2"], ["b-1", "both"]]
    children = client.describe_alarms(ChildrenOfAlarmName="both")
    assert names(children) == ["a-1", "a-2"]
    assert "Namespace" not in children["MetricAlarms"][0]
    parents = client.describe_alarms(ParentsOfAlarmName="a-1")
    assert [sorted(one) for one in parents["CompositeAlarms"]] == [["AlarmArn", "AlarmName"]]
    assert refusal(client.describe_alarms, NextToken="bad")[0] == "InvalidNextToken"
    beyond = base64.urlsafe_b64encode(f"[{2**63}]".encode()).decode()
    assert refusal(client.describe_alarm_history, NextToken=beyond)[0] == "InvalidNextToken"
    assert refusal(client.describe_alarms, AlarmNames=["a"], AlarmNamePrefix="a") == (
        "InvalidParameterCombination",
        "AlarmNames and AlarmNamePrefix are mutually exclusive.",
    )
    code, text = refusal(client.describe_alarms, ParentsOfAlarmName="a-1", StateValue="OK")
    assert (code, "no other parameter" in text) == ("ValidationError", True)


def test_alarms_of_a_metric(client: Any) -> None:
    put(client, "sum")
    put(client, "five", Period=300)
    put(client, "fine", Statistic=None, ExtendedStatistic="p99")
    put(client, "elsewhere", Dimensions=DIMENSIONS[:1])
    of = {"MetricName": ASKED["MetricName"], "Namespace": ASKED["Namespace"]}
    turned = {**of, "Dimensions": DIMENSIONS[::-1]}

    def found(**more: Any) -> list[str]:
        answer = client.describe_alarms_for_metric(**turned, **more)
        return [one["AlarmName"] for one in answer["MetricAlarms"]]

    assert found() == ["fine", "five", "sum"]
    assert found(Period=300) == ["five"]
    assert found(ExtendedStatistic="p99") == ["fine"]
    assert found(Unit="Seconds") == []
    assert client.describe_alarms_for_metric(**of)["MetricAlarms"] == []


def history(client: Any, **more: Any) -> list[str]:
    answer = client.describe_alarm_history(**more)
    return [item["HistorySummary"] for item in answer["AlarmHistoryItems"]]


def test_a_state_that_is_set_is_shown_and_written_down(world: Any, client: Any) -> None:
    put(client, AlarmActions=[TOPIC])
    data = json.dumps({"why": "test"})
    client.set_alarm_state(
        AlarmName="errors", StateValue="ALARM", StateReason="a test", StateReasonData=data
    )
    shown = described(client)
    assert [shown[f"State{each}"] for each in ("Value", "Reason", "ReasonData")] == [
        "ALARM",
        "a test",
        data,
    ]
    assert history(client, AlarmName="errors") == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        'Alarm "errors" created',
    ]
    client.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="again")
    assert len(history(client)) == 2
    assert world.wakes == [f"{ARN}:errors", STATE_SET]
    assert refusal(client.set_alarm_state, AlarmName="gone", StateValue="OK", StateReason="") == (
        "ResourceNotFound",
        "There is no alarm gone.",
    )
    for data in ("{", "[" * 4_000):
        code, _ = refusal(
            client.set_alarm_state,
            AlarmName="errors",
            StateValue="OK",
            StateReason="",
            StateReasonData=data,
        )
        assert code == "InvalidFormat"


@pytest.mark.parametrize("data", ["[1]", '{"triggeringAlarms": 1}', '{"triggeringAlarms": ["a"]}'])
def test_a_composite_alarms_state_may_be_set_with_any_data(client: Any, data: str) -> None:
    put(client)
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors)")
    client.set_alarm_state(
        AlarmName="both", StateValue="ALARM", StateReason="a test", StateReasonData=data
    )
    shown = client.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [each["StateReasonData"] for each in shown] == [data]


def test_history_is_told_by_type_time_and_pages_and_outlives_the_alarm(client: Any) -> None:
    put(client)
    put(client)
    client.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors)")
    client.delete_alarms(AlarmNames=["both", "errors"])
    assert history(client) == [
        'Alarm "errors" deleted',
        'Alarm "errors" updated',
        'Alarm "errors" created',
    ]
    assert history(client, AlarmTypes=["CompositeAlarm"])[-1] == 'Alarm "both" created'
    assert history(client, ScanBy="TimestampAscending")[0] == 'Alarm "errors" created'
    assert history(client, HistoryItemType="Action") == []
    pages = client.get_paginator("describe_alarm_history").paginate(
        AlarmName="errors", PaginationConfig={"PageSize": 2}
    )
    assert [len(page["AlarmHistoryItems"]) for page in pages] == [2, 1]
    (item,) = client.describe_alarm_history(MaxRecords=1)["AlarmHistoryItems"]
    assert json.loads(item["HistoryData"])["deletedAlarm"]["AlarmName"] == "errors"
    at = item["Timestamp"]
    assert history(client, StartDate=at, EndDate=at) == ['Alarm "errors" deleted']


def test_actions_are_disabled_and_enabled(client: Any) -> None:
    put(client)
    client.disable_alarm_actions(AlarmNames=["errors", "gone"])
    assert described(client)["ActionsEnabled"] is False
    client.enable_alarm_actions(AlarmNames=["errors"])
    assert described(client)["ActionsEnabled"] is True


def test_a_composite_alarm_needs_alarms_that_are_there_and_no_circle(client: Any) -> None:
    put(client, "a")
    make = client.put_composite_alarm
    make(AlarmName="one", AlarmRule=f'ALARM("{ARN}:a")', AlarmActions=[TOPIC])
    shown = described(client, "one")
    assert (shown["AlarmRule"], shown["AlarmActions"]) == (f'ALARM("{ARN}:a")', [TOPIC])
    make(AlarmName="two", AlarmRule="ALARM(one) OR OK(a)")
    for asked, text in (
        ({"AlarmRule": "ALARM(gone)"}, "as alarms [gone] in the alarm rule do not exist"),
        ({"AlarmRule": "ALARM(two)"}, "one would depend on its own state"),
        ({"AlarmRule": "ALARM(one)"}, "one would depend on its own state"),
        ({"AlarmRule": "ALARM(a) XOR"}, "'XOR' was not expected at character 9"),
        ({"AlarmRule": f'OK("{ARN.replace("east", "west")}:a")'}, "no alarm of this account"),
        ({"AlarmRule": "TRUE", "AlarmActions": [POLICY]}, "act on lambda, sns"),
        ({"AlarmRule": "TRUE", "ActionsSuppressor": "a"}, "say AND NOT ALARM"),
    ):
        code, message = refusal(make, AlarmName="one", **asked)
        assert code == "ValidationError"
        assert text in message
    assert "another type" in refusal(make, AlarmName="a", AlarmRule="TRUE")[1]


def test_what_a_composite_alarm_uses_goes_with_it_or_stays(client: Any) -> None:
    put(client, "a")
    client.put_composite_alarm(AlarmName="one", AlarmRule="ALARM(a)")
    client.put_composite_alarm(AlarmName="two", AlarmRule="TRUE")
    assert refusal(client.delete_alarms, AlarmNames=["a"]) == (
        "ValidationError",
        "Cannot delete a as there are composite alarm(s) depending on it.",
    )
    assert "At most one composite" in refusal(client.delete_alarms, AlarmNames=["one", "two"])[1]
    client.delete_alarms(AlarmNames=["a", "one", "gone"])
    assert names(client.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])) == ["two"]


def test_alarms_have_tags(client: Any) -> None:
    tags = [{"Key": "team", "Value": "rc"}]
    put(client, Tags=tags)
    arn = described(client)["AlarmArn"]
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags
    put(client, Tags=[{"Key": "other", "Value": "ignored: the alarm is there already"}])
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "env", "Value": "dev"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["team", "none"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "env", "Value": "dev"}
    ]
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert "at most 50" in refusal(client.tag_resource, ResourceARN=arn, Tags=many)[1]
    reserved = [{"Key": "aws:x", "Value": ""}]
    assert "reserved" in refusal(client.tag_resource, ResourceARN=arn, Tags=reserved)[1]
    client.delete_alarms(AlarmNames=["errors"])
    assert refusal(client.list_tags_for_resource, ResourceARN=arn)[0] == "ResourceNotFoundException"
    put(client)
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == []


def test_there_are_only_so_many(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "ALARMS_MAX", 1)
    put(client)
    put(client)
    assert refusal(client.put_metric_alarm, AlarmName="b", **ASKED)[0] == "LimitExceeded"


def test_who_may_put_and_tag_is_decided_for_the_alarm(world: Any) -> None:
    allowed = {
        "Effect": "Allow",
        "Action": ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms"],
        "Resource": f"{ARN}:team-*",
    }
    quiet = {
        "Effect": "Deny",
        "Action": "cloudwatch:PutMetricAlarm",
        "Resource": "*",
        "Condition": {"ForAnyValue:StringLike": {"cloudwatch:AlarmActions": "*:autoscaling:*"}},
    }
    key = world.user("kim", {"Version": "2012-10-17", "Statement": [allowed, quiet]})
    client = world.client("cloudwatch", key)
    client.put_metric_alarm(AlarmName="team-a", **ASKED)
    assert names(client.describe_alarms(AlarmNames=["team-a"])) == ["team-a"]
    for asked in (
        {"AlarmName": "other"},
        {"AlarmName": "team-b", "AlarmActions": [POLICY]},
        {"AlarmName": "team-b", "Tags": [{"Key": "k", "Value": "v"}]},
    ):
        assert refusal(client.put_metric_alarm, **asked, **ASKED)[0] == "AccessDeniedException"
    assert refusal(client.describe_alarms)[0] == "AccessDeniedException"


@pytest.mark.parametrize("protocol", ["query", "smithy-rpc-v2-cbor"])
def test_every_protocol_carries_alarms(world: Any, protocol: str) -> None:
    session = botocore.session.Session()
    session.register_component("data_loader", OnlyOne(protocol))
    client = world.client("cloudwatch", session=session)
    assert client.meta.service_model.resolved_protocol == protocol
    put(client, AlarmDescription="too many")
    shown = described(client)
    assert (shown["Threshold"], shown["Dimensions"]) == (1.0, DIMENSIONS)
    assert history(client) == ['Alarm "errors" created']
    assert refusal(client.put_metric_alarm, AlarmName="x", **{**ASKED, "Period": 7}) == (
        "ValidationError",
        "Period must be 10, 20, 30 or a multiple of 60",
    )
