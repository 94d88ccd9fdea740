"""ListModels, ListEndpointConfigs, ListEndpoints: filters, sorting, tokens."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
NAMES = ["Delta", "alpha", "Charlie", "bravo", "echo"]


@pytest.fixture
def listed(sagemaker: Any) -> Any:
    """Five models, in this order of creation."""
    for name in NAMES:
        sagemaker.create_model(
            ModelName=name, PrimaryContainer={"Image": "image"}, ExecutionRoleArn=ROLE
        )
    return sagemaker


def names(answer: Any) -> list[str]:
    return [model["ModelName"] for model in answer["Models"]]


def test_newest_first_and_no_token_at_the_end(listed: Any) -> None:
    answer = listed.list_models()
    assert names(answer) == NAMES[::-1]
    assert "NextToken" not in answer


def test_by_name_regardless_of_case(listed: Any) -> None:
    answer = listed.list_models(SortBy="Name", SortOrder="Ascending")
    assert names(answer) == ["alpha", "bravo", "Charlie", "Delta", "echo"]


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
@pytest.mark.parametrize("sort", ["Name", "CreationTime"])
def test_pages_make_the_whole(listed: Any, sort: str, order: str) -> None:
    whole = names(listed.list_models(SortBy=sort, SortOrder=order))
    pages = listed.get_paginator("list_models").paginate(
        SortBy=sort, SortOrder=order, PaginationConfig={"PageSize": 2}
    )
    assert [name for page in pages for name in names(page)] == whole


def test_a_page_holds_ten_by_default(listed: Any) -> None:
    for number in range(6):
        listed.create_model(
            ModelName=f"more-{number}", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE
        )
    answer = listed.list_models()
    assert len(answer["Models"]) == 10
    assert len(listed.list_models(NextToken=answer["NextToken"])["Models"]) == 1


def test_a_page_goes_on_where_it_ended_though_rows_come_and_go(listed: Any) -> None:
    first = listed.list_models(MaxResults=2)
    assert names(first) == ["echo", "bravo"]
    listed.delete_model(ModelName="bravo")
    listed.create_model(ModelName="newer", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)
    second = listed.list_models(MaxResults=2, NextToken=first["NextToken"])
    assert names(second) == ["Charlie", "alpha"]


def test_filters(listed: Any) -> None:
    assert names(listed.list_models(NameContains="R")) == ["bravo", "Charlie"]
    moments = {
        model["ModelName"]: model["CreationTime"] for model in listed.list_models()["Models"]
    }
    after = listed.list_models(CreationTimeAfter=moments["Charlie"], SortOrder="Ascending")
    assert names(after)[-2:] == ["bravo", "echo"]
    before = listed.list_models(CreationTimeBefore=datetime(2020, 1, 1, tzinfo=UTC))
    assert names(before) == []


@pytest.mark.parametrize("token", ["nonsense", "00ff", "", "5b5d"])
def test_a_token_of_nobody_is_refused(listed: Any, token: str) -> None:
    with pytest.raises(ClientError, match="NextToken is not valid"):
        listed.list_models(NextToken=token)


def test_a_token_belongs_to_its_list(listed: Any) -> None:
    token = listed.list_models(MaxResults=2)["NextToken"]
    for other in ({"SortBy": "Name"}, {"SortOrder": "Ascending"}, {"NameContains": "a"}):
        with pytest.raises(ClientError, match="with the same filters"):
            listed.list_models(MaxResults=2, NextToken=token, **other)
    with pytest.raises(ClientError, match="with the same filters"):
        listed.list_endpoints(NextToken=token)


def test_max_results_is_bounded(listed: Any) -> None:
    with pytest.raises(ClientError, match="less than or equal to 100"):
        listed.list_models(MaxResults=101)


def test_endpoints_by_status_and_name(sagemaker: Any, deployable: Any) -> None:
    deployable("rc")
    for name in ("b-dev-ep", "A-dev-ep", "c-ep"):
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName="rc-config")
    answer = sagemaker.list_endpoints(NameContains="-DEV-", SortBy="Name", SortOrder="Ascending")
    assert [one["EndpointName"] for one in answer["Endpoints"]] == ["A-dev-ep", "b-dev-ep"]
    assert sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"] == []
    first = sagemaker.list_endpoints(StatusEquals="Creating", SortBy="Status", MaxResults=2)
    rest = sagemaker.list_endpoints(
        StatusEquals="Creating", SortBy="Status", MaxResults=2, NextToken=first["NextToken"]
    )
    assert len(first["Endpoints"]) + len(rest["Endpoints"]) == 3
    assert "NextToken" not in rest


def test_configs(sagemaker: Any, deployable: Any) -> None:
    deployable("one")
    deployable("two")
    answer = sagemaker.list_endpoint_configs()
    assert [one["EndpointConfigName"] for one in answer["EndpointConfigs"]] == [
        "two-config",
        "one-config",
    ]


def test_another_region_is_another_world(world: Any, listed: Any) -> None:
    assert names(world.client("sagemaker", region="eu-west-1").list_models()) == []
