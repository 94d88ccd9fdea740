"""Conditions of identity policies, with boto3: what a call tells the engine of itself."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "rc-fraud-ep"
ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
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


def test_what_a_config_asks_for(user: User, deployable: Any) -> None:
    deployable("rc-fraud")
    small = user(
        **{"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.t2.medium"]}},
        Null={"sagemaker:VolumeKmsKey": "true", "sagemaker:ServerlessMemorySize": "true"},
        ArnLike={"sagemaker:ModelArn": "arn:aws:sagemaker:*:*:model/rc-*"},
    )
    variant = {"VariantName": "v", "ModelName": "rc-fraud-v1", "InitialInstanceCount": 1}
    medium, large = (
        {**variant, "InstanceType": f"ml.{size}"} for size in ("t2.medium", "m5.large")
    )
    small.create_endpoint_config(EndpointConfigName="small", ProductionVariants=[medium])
    for variants in ([large], [medium, {**large, "VariantName": "w"}]):
        refused(
            small.create_endpoint_config, EndpointConfigName="large", ProductionVariants=variants
        )
    other = {**medium, "ModelName": "other"}
    refused(small.create_endpoint_config, EndpointConfigName="other", ProductionVariants=[other])


def test_network_isolation_that_is_not_said_is_not_known(user: User) -> None:
    model = {"ModelName": "m", "PrimaryContainer": {"Image": "i"}, "ExecutionRoleArn": ROLE}
    for value in ("true", "false"):
        isolated = user(Bool={"sagemaker:NetworkIsolation": value})
        refused(isolated.create_model, **model)
    # PassRole has no such key.
    passing = user(BoolIfExists={"sagemaker:NetworkIsolation": "true"})
    refused(passing.create_model, **model, EnableNetworkIsolation=True)


def test_tags_of_users_roles_and_policies(user: User, world: Any) -> None:
    iam = world.client("iam")
    team = [{"Key": "team", "Value": "rc"}]
    iam.create_user(UserName="kim", Tags=team)
    iam.create_policy(PolicyName="Own", PolicyDocument=json.dumps(POLICY), Tags=team)
    policy = "arn:aws:iam::123456789012:policy/Own"
    for family in ("aws", "iam"):
        mine = user("iam", StringEquals={f"{family}:ResourceTag/team": "rc"})
        mine.get_user(UserName="kim")
        mine.get_policy(PolicyArn=policy)
        refused(mine.get_role, RoleName=ROLE.rpartition("/")[2])
        iam.tag_role(RoleName=ROLE.rpartition("/")[2], Tags=team)
        mine.get_role(RoleName=ROLE.rpartition("/")[2])
        iam.untag_role(RoleName=ROLE.rpartition("/")[2], TagKeys=["team"])
    only = user("iam", ArnEquals={"iam:PolicyARN": policy})
    only.attach_user_policy(UserName="kim", PolicyArn=policy)
    refused(only.attach_user_policy, UserName="kim", PolicyArn="arn:aws:iam::aws:policy/ReadOnly")
    refused(only.get_policy, PolicyArn=policy)


def test_a_role_is_passed_by_its_tags(user: User, world: Any) -> None:
    passing = user(StringEquals={"iam:ResourceTag/for": "models"}, resource=ROLE)
    model = {"ModelName": "m", "PrimaryContainer": {"Image": "i"}, "ExecutionRoleArn": ROLE}
    with pytest.raises(ClientError, match="sagemaker:CreateModel"):
        passing.create_model(**model)
    statement = {"Effect": "Allow", "Action": "sagemaker:CreateModel", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam = world.client("iam")
    iam.put_user_policy(UserName="user-1", PolicyName="models", PolicyDocument=document)
    with pytest.raises(ClientError, match="iam:PassRole"):
        passing.create_model(**model)
    tags = [{"Key": "for", "Value": "models"}]
    iam.tag_role(RoleName=ROLE.rpartition("/")[2], Tags=tags)
    passing.create_model(**model)


def test_tags_that_come_with_a_creation_are_told_from_others(user: User, endpoint: str) -> None:
    creating = user(Null={"sagemaker:TaggingAction": "false"})
    refused(creating.add_tags, ResourceArn=endpoint, Tags=[{"Key": "a", "Value": "b"}])
    tagging = user(Null={"sagemaker:TaggingAction": "true"})
    tagging.add_tags(ResourceArn=endpoint, Tags=[{"Key": "a", "Value": "b"}])


def test_what_no_gateway_tells_refuses(user: User) -> None:
    refused(user(IpAddress={"aws:SourceIp": "0.0.0.0/0"}).list_models)
    refused(user(NotIpAddress={"aws:SourceIp": "10.0.0.0/8"}).list_models)
    refused(user(Bool={"aws:SecureTransport": "false"}).list_models)


def test_what_a_gateway_tells_decides(user: User) -> None:
    inside = user(IpAddress={"aws:SourceIp": "10.0.0.0/8"}, Bool={"aws:SecureTransport": "true"})
    told = iter(["10.1.2.3 1.3", "10.1.2.3 -", "192.0.2.1 1.3"])

    def tell(request: Any, **_: Any) -> None:
        request.headers["X-Hostler-Sender"] = next(told)

    inside.meta.events.register_first("before-send", tell)
    inside.list_models()
    refused(inside.list_models)
    refused(inside.list_models)


def test_the_clients_own_words(user: User) -> None:
    user(StringLike={"aws:UserAgent": "*Botocore/*"}, Null={"aws:Referer": "true"}).list_models()
    refused(user(Null={"aws:UserAgent": "true"}).list_models)
