"""AddTags, ListTags, DeleteTags."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from refusals import invalid

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-fraud-ep"
MODEL = "arn:aws:sagemaker:us-east-1:123456789012:model/rc-fraud-v1"


def pairs(answer: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}


@pytest.fixture
def endpoint(sagemaker: Any, deployable: Any) -> str:
    deployable("rc-fraud")
    sagemaker.create_endpoint(
        EndpointName="rc-fraud-ep",
        EndpointConfigName="rc-fraud-config",
        Tags=[{"Key": "Team", "Value": "rc"}, {"Key": "Environment", "Value": "dev"}],
    )
    return ARN


def test_tags_come_with_creation_and_are_overwritten(sagemaker: Any, endpoint: str) -> None:
    assert pairs(sagemaker.list_tags(ResourceArn=endpoint)) == {"Team": "rc", "Environment": "dev"}
    answer = sagemaker.add_tags(
        ResourceArn=endpoint,
        Tags=[{"Key": "Environment", "Value": "staging"}, {"Key": "Version", "Value": ""}],
    )
    expected = {"Team": "rc", "Environment": "staging", "Version": ""}
    assert pairs(answer) == pairs(sagemaker.list_tags(ResourceArn=endpoint)) == expected
    sagemaker.delete_tags(ResourceArn=endpoint, TagKeys=["Team", "absent"])
    assert set(pairs(sagemaker.list_tags(ResourceArn=endpoint))) == {"Environment", "Version"}


def test_an_endpoints_tags_travel_with_its_route(world: Any, sagemaker: Any, endpoint: str) -> None:
    _model, created = world.wakes
    world.wakes.clear()
    sagemaker.add_tags(ResourceArn=endpoint, Tags=[{"Key": "a", "Value": "b"}])
    assert world.wakes == [created]


def test_models_and_configs_have_tags_too(sagemaker: Any, endpoint: str) -> None:
    sagemaker.add_tags(ResourceArn=MODEL, Tags=[{"Key": "Model", "Value": "fraud"}])
    assert pairs(sagemaker.list_tags(ResourceArn=MODEL)) == {"Model": "fraud"}


def test_at_most_fifty(sagemaker: Any, endpoint: str) -> None:
    many = [{"Key": f"k{n}", "Value": "v"} for n in range(48)]
    sagemaker.add_tags(ResourceArn=endpoint, Tags=many)
    sagemaker.add_tags(ResourceArn=endpoint, Tags=many[:5])
    one_more = [{"Key": "k48", "Value": "v"}]
    assert "at most 50" in invalid(sagemaker.add_tags, ResourceArn=endpoint, Tags=one_more)
    assert len(sagemaker.list_tags(ResourceArn=endpoint)["Tags"]) == 50


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ([{"Key": "aws:x", "Value": "v"}], "reserved"),
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "Duplicate"),
        ([{"Key": "a" * 129, "Value": "1"}], "length less than or equal to 128"),
        ([{"Key": "a*", "Value": "1"}], "regular expression"),
    ],
)
def test_bad_tags_are_refused(
    sagemaker: Any, endpoint: str, tags: list[dict[str, str]], words: str
) -> None:
    assert words in invalid(sagemaker.add_tags, ResourceArn=endpoint, Tags=tags)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/absent",
        "arn:aws:sagemaker:us-east-1:999999999999:endpoint/rc-fraud-ep",
        "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/rc-fraud-ep",
        "arn:aws:sagemaker:us-east-1:123456789012:training-job/rc-fraud-ep",
    ],
)
def test_what_is_not_there_has_no_tags(sagemaker: Any, endpoint: str, arn: str) -> None:
    assert invalid(sagemaker.list_tags, ResourceArn=arn).startswith("Could not find")


def test_a_denied_resource_stays_denied_however_its_arn_is_spelt(world: Any, endpoint: str) -> None:
    """Found in review: the ARN as given was authorised, and the lower-cased one tagged."""
    statements = [
        {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "sagemaker:AddTags", "Resource": endpoint},
    ]
    user = world.user("kim", {"Version": "2012-10-17", "Statement": statements})
    client = world.client("sagemaker", user)
    shouted = endpoint.replace("rc-fraud-ep", "RC-FRAUD-EP")
    elsewhere = endpoint.replace("arn:aws:", "arn:aws-cn:")
    for arn, code in [
        (endpoint, "AccessDeniedException"),
        (shouted, "AccessDeniedException"),
        (elsewhere, "ValidationException"),
    ]:
        with pytest.raises(ClientError) as caught:
            client.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
        assert caught.value.response["Error"]["Code"] == code


def test_an_endpoint_is_looked_at_when_its_tags_change_and_not_when_they_are_read(
    world: Any, sagemaker: Any, endpoint: str
) -> None:
    world.wakes.clear()
    sagemaker.list_tags(ResourceArn=endpoint)
    assert world.wakes == []
    sagemaker.add_tags(ResourceArn=endpoint, Tags=[{"Key": "a", "Value": "b"}])
    sagemaker.delete_tags(ResourceArn=endpoint, TagKeys=["a"])
    assert len(world.wakes) == 2


def test_a_tag_that_hostler_would_act_on_and_cannot_is_refused(
    sagemaker: Any, endpoint: str
) -> None:
    tag = {"Key": "hostler:sticky-header", "Value": "not a header"}
    said = invalid(sagemaker.add_tags, ResourceArn=endpoint, Tags=[tag])
    assert said.startswith("The tag hostler:sticky-header must name a header")
