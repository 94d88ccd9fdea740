"""What SEARCH's queries mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostler.telemetry.expressions import ExpressionError
from hostler.telemetry.metrics import Metric, metric
from hostler.telemetry.searches import parse, tokens


def named(name: str, namespace: str = "AWS/EC2", **dimensions: str) -> Metric:
    return metric("1", "r", namespace, name, dimensions.items())


CPU = named("CPUUtilization", InstanceId="i-0123abc")
MICRO = named("CPUUtilization", InstanceType="t2.micro")
OWN = named("CustomCount1", "Custom-Namespace", **{"Dimension Name": "My Value"})


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("CustomCount1", {"customcount1", "custom", "count", "1"}),
        ("SDBFailure", {"sdbfailure", "sdb", "failure"}),
        (
            "Project2-trial333",
            {"project2trial333", "project2", "trial333", "project", "2", "trial", "333"},
        ),
    ],
)
def test_tokens_as_the_page_of_aws_has_them(text: str, cut: set[str]) -> None:
    assert tokens(text) == cut


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('{AWS/EC2,InstanceId} MetricName="CPUUtilization"', [CPU]),
        ("{AWS/EC2,InstanceType}", [MICRO]),
        ("{AWS/EC2}", [CPU, MICRO]),
        ("{AWS/EC2} MetricName=CPU", [CPU, MICRO]),
        ("{AWS/EC2} utilization", [CPU, MICRO]),
        ("{AWS/EC2} util", []),
        ('"CPUUtil"', []),
        ("InstanceType=micro", [MICRO]),
        ('InstanceType="t2.micro"', [MICRO]),
        ('InstanceType=("t2.micro" OR "m4.large")', [MICRO]),
        ("MetricName=(CPU OR Count) NOT micro", [CPU, OWN]),
        ("CPU NOT InstanceId=0123", [MICRO]),
        ('{"Custom-Namespace","Dimension Name"} count', [OWN]),
        ('"Dimension Name"="My Value"', [OWN]),
        ("Namespace=custom AND (1 OR 2)", [OWN]),
        ("CPU OR Count", [CPU, MICRO, OWN]),
        ("{AWS/EC2,InstanceId}, CPU", [CPU]),
    ],
)
def test_what_is_found(query: str, found: list[Metric]) -> None:
    search = parse(query)
    assert [each for each in (CPU, MICRO, OWN) if search.finds(each)] == found


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "needs a metric schema"),
        ("{}", "a namespace and names"),
        ("{AWS/EC2", "'}' is missing"),
        ("a)", "')' was not expected"),
        ("= a", "'=' was not expected"),
        ("MetricName=", "what MetricName is to be is missing"),
        ('"a', "a quotation mark is missing"),
        ("a" * 1025, "at most 1024"),
        ("(" * 30, "nested deeper"),
        (":aws.AccountId=LOCAL", "no linked accounts"),
        ("NOT", "ends too early"),
    ],
)
def test_what_is_refused(query: str, text: str) -> None:
    with pytest.raises(ExpressionError, match=text.replace("(", r"\(").replace(")", r"\)")):
        parse(query)


@given(st.text(alphabet='abN OT"(){}=,-', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        search = parse(text)
    except ExpressionError:
        return
    for each in (CPU, MICRO, OWN):
        assert search.finds(each) in (True, False)


@given(st.text(min_size=1, max_size=20).filter(lambda text: '"' not in text and text.strip()))
def test_a_name_is_found_by_itself(text: str) -> None:
    assert parse(f'MetricName="{text}"').finds(named(text))
