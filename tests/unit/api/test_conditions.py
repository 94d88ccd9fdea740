"""Conditions of identity policies, with boto3: what a call tells the engine of itself."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "rc-fraud-ep"
ARN = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{NAME}"


@pytest.fixture
def endpoint(sagemaker: Any, deployable: Any) -> str:
    deployable("rc-fraud")
    sagemaker.create_endpoint(
        EndpointName=NAME,
        EndpointConfigName="rc-fraud-config",
        Tags=[{"Key": "Team", "Value": "rc"}],
    )
    return ARN


class User:
    """Somebody who may do everything, on one condition."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._number = 0

    def __call__(self, service: str = "sagemaker", *, resource: str = "*", **condition: Any) -> Any:
        self._number += 1
        region = condition.pop("region", "us-east-1")
        statement: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": resource}
        if condition:
            statement["Condition"] = condition
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        key = self._world.user(f"user-{self._number}", policy)
        return self._world.client(service, key, region=region)


@pytest.fixture
def user(world: Any) -> User:
    return User(world)


def refused(call: Any, **params: Any) -> None:
    with pytest.raises(ClientError, match="is not authorized to perform"):
        call(**params)


def test_tags_of_the_request(user: User, endpoint: str) -> None:
    given = user(
        StringEquals={"aws:RequestTag/Team": "rc"},
        **{"ForAllValues:StringEquals": {"aws:TagKeys": ["Team", "Cost"]}},
    )
    right, cost = {"Key": "Team", "Value": "rc"}, {"Key": "Cost", "Value": "1"}
    given.add_tags(ResourceArn=endpoint, Tags=[right])
    given.add_tags(ResourceArn=endpoint, Tags=[right, cost])
    refused(given.add_tags, ResourceArn=endpoint, Tags=[cost])
    refused(given.add_tags, ResourceArn=endpoint, Tags=[right, {"Key": "Other", "Value": "1"}])
    refused(given.describe_endpoint, EndpointName=NAME)
    untagging = user(**{"ForAllValues:StringEquals": {"aws:TagKeys": ["Cost"]}})
    untagging.delete_tags(ResourceArn=endpoint, TagKeys=["Cost"])
    refused(untagging.delete_tags, ResourceArn=endpoint, TagKeys=["Cost", "Team"])


@pytest.mark.parametrize("family", ["aws", "sagemaker"])
def test_tags_of_the_resource(user: User, endpoint: str, family: str) -> None:
    mine = user(StringEquals={f"{family}:ResourceTag/team": "rc"})
    assert mine.describe_endpoint(EndpointName=NAME)["EndpointArn"] == endpoint
    refused(mine.describe_endpoint_config, EndpointConfigName="rc-fraud-config")
    refused(mine.list_endpoints)
    others = user(StringNotEquals={f"{family}:ResourceTag/team": "rc"})
    refused(others.describe_endpoint, EndpointName=NAME)
    others.describe_endpoint_config(EndpointConfigName="rc-fraud-config")


def test_what_is_created_has_no_tags_that_anybody_knows(user: User, endpoint: str) -> None:
    given = user(StringNotEqualsIfExists={"aws:ResourceTag/Team": "other"})
    variant = {"VariantName": "v", "ModelName": "rc-fraud-v1", "InitialInstanceCount": 1}
    refused(
        given.create_endpoint_config,
        EndpointConfigName="another",
        ProductionVariants=[{**variant, "InstanceType": "ml.m5.large"}],
    )


def test_region_and_time(user: User) -> None:
    here = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    user(region="eu-west-1", **here).list_models()
    refused(user(**here).list_models)
    user(DateGreaterThan={"aws:CurrentTime": "2023-01-01T00:00:00Z"}).list_models()
    refused(user(DateLessThan={"aws:CurrentTime": "2023-01-01T00:00:00Z"}).list_models)
    user(NumericGreaterThan={"aws:EpochTime": "1600000000"}).list_models()


def test_iam_is_in_its_own_region(user: User) -> None:
    there = user("iam", region="eu-west-1", StringEquals={"aws:RequestedRegion": "us-east-1"})
    assert there.list_users()["Users"]


def test_who_calls(user: User, world: Any) -> None:
    own = user("iam", resource="arn:aws:iam::*:user/${aws:username}")
    assert own.list_access_keys(UserName="user-1")["AccessKeyMetadata"]
    world.client("iam").create_user(UserName="other")
    refused(own.list_access_keys, UserName="other")
    team = user(StringEquals={"aws:PrincipalTag/team": "red"})
    refused(team.list_models)
    world.client("iam").tag_user(UserName="user-2", Tags=[{"Key": "Team", "Value": "red"}])
    team.list_models()


def test_what_control_does_not_see_refuses(user: User) -> None:
    refused(user(IpAddress={"aws:SourceIp": "0.0.0.0/0"}).list_models)
    refused(user(NotIpAddress={"aws:SourceIp": "10.0.0.0/8"}).list_models)
    refused(user(Null={"aws:UserAgent": "true"}).list_models)
