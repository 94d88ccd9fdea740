"""The page of who may do what is what boto3 meets at a running Hostler.

Here are the cells of what serves data, for all, and of the execution role, everywhere; those of
users on the control plane are met in the process of ``unit/api/test_permissions_table``.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from botocore.config import Config
from tools import permissions

from archives import ECHO, script
from deploying import deploy
from hostler.toolkit import policies
from permission_calls import SESSION, Cell, cells, code
from running import REGION, Running, hostler

KEY = permissions.sample(permissions.OWN)["Key"]
TAKING = ("DeleteObject", "DeleteObjects")


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with hostler() as running:
        running.run("account", "create", permissions.OTHER_ACCOUNT)
        location = {"LocationConstraint": REGION}
        running.client("s3").create_bucket(
            Bucket=permissions.OTHERS.bucket, CreateBucketConfiguration=location
        )
        deploy(running, permissions.MODEL, script(ECHO))
        yield running


def assumed(server: Running) -> dict[str, Any]:
    """Credentials of the project's role, whose trust lets a user of the test's assume it too."""
    iam, role = server.client("iam"), permissions.OWN.execution_role
    arn = iam.create_user(UserName="ann")["User"]["Arn"]
    trust = policies.trust()
    trust["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    )
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    sts = client(server, "sts", key)
    role_arn = iam.get_role(RoleName=role)["Role"]["Arn"]
    found: dict[str, Any] = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
    return found


def client(server: Running, service: str, key: Mapping[str, str]) -> Any:
    """Of the session that has loaded the models already."""
    return SESSION.create_client(
        service,
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key.get("SessionToken"),
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


@pytest.fixture(scope="module")
def client_of(server: Running) -> Callable[[Cell], Any]:
    keys: dict[str, Mapping[str, str]] = {"role": assumed(server)}
    names = {"deployer": "deployer", "caller": "caller", "stranger": permissions.OTHER_ACCOUNT}
    for who, name in names.items():
        exports = server.exports(name)
        keys[who] = {
            "AccessKeyId": exports["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": exports["AWS_SECRET_ACCESS_KEY"],
        }

    @cache
    def found(service: str, who: str) -> Any:
        return client(server, service, keys[who])

    return lambda cell: found(cell.service, cell.who)


def test_the_table_is_what_clients_of_the_data_plane_and_the_role_meet(
    server: Running, client_of: Callable[[Cell], Any]
) -> None:
    s3 = server.client("s3")
    for project in (permissions.OWN, permissions.OTHERS):
        for key in (KEY, "models/other"):
            s3.put_object(Bucket=project.bucket, Key=key, Body=b"model")
    looked_at = set()
    for cell in cells():
        if cell.who != "role" and cell.service not in ("s3", "sagemaker-runtime"):
            continue
        cell.check(code(client_of(cell), cell))
        looked_at.add((cell.service, cell.who, cell.project))
        if cell.operation in TAKING and cell.expected == "yes":
            s3.put_object(Bucket=cell.project.bucket, Key=KEY, Body=b"model")
    assert {who for _, who, _ in looked_at} == set(permissions.WHO)
    assert {service for service, *_ in looked_at} == set(permissions.ORDER)
