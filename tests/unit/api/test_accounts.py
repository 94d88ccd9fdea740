"""Several accounts and regions on one server: each sees its own and nothing else."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from hostler.store import identities

OTHER = "111122223333"
ROLE = "arn:aws:iam::123456789012:role/SageMaker-Rc-Project-a-ExecutionRole"
TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
"Principal": {"Service": "sagemaker.amazonaws.com"}}]}"""
POLICY = """{"Version": "2012-10-17",
"Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}"""


@pytest.fixture
def theirs(world: Any) -> Any:
    """Makes clients of another account's root."""
    root = world.rooms.store.run(lambda tx: identities.ensure_root(tx, OTHER, 1.0), write=True)
    return lambda service, **options: world.client(service, root, **options)


@pytest.fixture
def ours(world: Any, sagemaker: Any, deployable: Any) -> Any:
    """A model, a config, an endpoint, tags, a log group, a user and a policy of the first."""
    deployable("rc")
    tags = [{"Key": "a", "Value": "b"}]
    sagemaker.create_endpoint(EndpointName="rc-ep", EndpointConfigName="rc-config", Tags=tags)
    world.client("logs").create_log_group(logGroupName="/aws/sagemaker/Endpoints/rc-ep")
    iam = world.client("iam")
    iam.create_user(UserName="kim")
    iam.create_policy(PolicyName="Nothing", PolicyDocument=POLICY)
    return sagemaker


def code(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


def nothing_of_hosting(client: Any, account: str, region: str) -> None:
    """No List shows, and no other operation finds, what another account or region has."""
    assert client.list_models()["Models"] == []
    assert client.list_endpoint_configs()["EndpointConfigs"] == []
    assert client.list_endpoints()["Endpoints"] == []
    absent = [
        (client.describe_model, {"ModelName": "rc-v1"}),
        (client.delete_model, {"ModelName": "rc-v1"}),
        (client.describe_endpoint_config, {"EndpointConfigName": "rc-config"}),
        (client.delete_endpoint_config, {"EndpointConfigName": "rc-config"}),
        (client.describe_endpoint, {"EndpointName": "rc-ep"}),
        (client.delete_endpoint, {"EndpointName": "rc-ep"}),
        (client.update_endpoint, {"EndpointName": "rc-ep", "EndpointConfigName": "rc-config"}),
        (client.create_endpoint, {"EndpointName": "rc-ep", "EndpointConfigName": "rc-config"}),
        (
            client.update_endpoint_weights_and_capacities,
            {
                "EndpointName": "rc-ep",
                "DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic"}],
            },
        ),
    ]
    for call, params in absent:
        with pytest.raises(ClientError) as caught:
            call(**params)
        said = caught.value.response["Error"]["Message"]
        assert said.startswith("Could not find"), said
        assert f":{region}:{account}:" in said, "the caller's own, not the one there is"


def test_another_account_sees_nothing(world: Any, ours: Any, theirs: Any) -> None:
    client = theirs("sagemaker")
    nothing_of_hosting(client, OTHER, "us-east-1")
    for kind, name in (("model", "rc-v1"), ("endpoint-config", "rc-config"), ("endpoint", "rc-ep")):
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}"
        assert code(client.list_tags, ResourceArn=arn) == "ValidationException"
        tags = [{"Key": "a", "Value": "c"}]
        assert code(client.add_tags, ResourceArn=arn, Tags=tags) == "ValidationException"
        assert code(client.delete_tags, ResourceArn=arn, TagKeys=["a"]) == "ValidationException"
    shown = ours.list_tags(ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:endpoint/rc-ep")
    assert shown["Tags"] == [{"Key": "a", "Value": "b"}]


def test_another_region_sees_nothing(world: Any, ours: Any) -> None:
    nothing_of_hosting(world.client("sagemaker", region="eu-west-1"), "123456789012", "eu-west-1")


def test_another_accounts_logs_are_closed(world: Any, ours: Any, theirs: Any) -> None:
    group = "/aws/sagemaker/Endpoints/rc-ep"
    for logs in (theirs("logs"), world.client("logs", region="eu-west-1")):
        assert logs.describe_log_groups()["logGroups"] == []
        assert code(logs.filter_log_events, logGroupName=group) == "ResourceNotFoundException"
        assert code(logs.delete_log_group, logGroupName=group) == "ResourceNotFoundException"


def test_another_accounts_identities_are_closed(world: Any, ours: Any, theirs: Any) -> None:
    iam = theirs("iam")
    policy = "arn:aws:iam::123456789012:policy/Nothing"
    user = "arn:aws:iam::123456789012:user/kim"
    assert iam.list_users()["Users"] == iam.list_roles()["Roles"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []
    assert code(iam.get_user, UserName="kim") == "NoSuchEntity"
    iam.create_user(UserName="lee")
    for call, params in [
        (iam.get_policy, {"PolicyArn": policy}),
        (iam.get_policy_version, {"PolicyArn": policy, "VersionId": "v1"}),
        (iam.list_policy_versions, {"PolicyArn": policy}),
        (iam.list_entities_for_policy, {"PolicyArn": policy}),
        (iam.create_policy_version, {"PolicyArn": policy, "PolicyDocument": POLICY}),
        (iam.delete_policy, {"PolicyArn": policy}),
        (iam.attach_user_policy, {"UserName": "lee", "PolicyArn": policy}),
        (
            iam.simulate_principal_policy,
            {"PolicySourceArn": user, "ActionNames": ["s3:GetObject"]},
        ),
    ]:
        assert code(call, **params) in ("NoSuchEntity", "AccessDenied", "InvalidInput"), call
    assert theirs("sts").get_caller_identity()["Account"] == OTHER


def test_names_are_free_in_every_account_and_region(world: Any, ours: Any, theirs: Any) -> None:
    role = theirs("iam").create_role(
        RoleName="Execution",
        AssumeRolePolicyDocument=TRUST,
    )["Role"]["Arn"]
    assert role == f"arn:aws:iam::{OTHER}:role/Execution"
    for client in (theirs("sagemaker"), theirs("sagemaker", region="eu-west-1")):
        answer = client.create_model(
            ModelName="rc-v1", PrimaryContainer={"Image": "image"}, ExecutionRoleArn=role
        )
        assert answer["ModelArn"].endswith(f":{OTHER}:model/rc-v1")
    assert len(ours.list_models()["Models"]) == 1


def test_a_role_of_another_account_is_not_passed(ours: Any, theirs: Any) -> None:
    with pytest.raises(ClientError) as caught:
        theirs("sagemaker").create_model(
            ModelName="m", PrimaryContainer={"Image": "image"}, ExecutionRoleArn=ROLE
        )
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"] == "Cross-account pass role is not allowed."
