"""Makes a project's bucket, execution role, users, policies and keys; again and again the same.

Invariant: each step looks first and changes only what differs, so that a run after a run, or after
half a run, ends in the same state.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from hostler.toolkit import policies
from hostler.toolkit.connection import Connection
from hostler.toolkit.credentials import Keeper, Key
from hostler.toolkit.naming import Project

KEYS_PER_USER = 2
"""IAM's quota of access keys for a user."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a project has now."""

    bucket: str
    role_arn: str
    deployer: Key
    caller: Key


def bootstrap(
    connection: Connection,
    keys: Keeper,
    project: Project,
    report: Callable[[str], None] = lambda _line: None,
) -> Result:
    """Bring a project's resources to their state; ``connection`` must be allowed to do so.

    The users' permissions are for the connection's region; bootstrapped again for another region,
    the project moves there.

    Args:
        connection: Usually root's.
        keys: Where the users' secrets are kept (AWS shows a secret once).
        project: Whose resources.
        report: Gets a line for each resource that is in place.
    """
    iam = connection.client("iam")
    account, region = connection.account, connection.region
    _bucket(connection.client("s3"), project.bucket, region)
    report(f"bucket {project.bucket}")
    role_arn = _role(iam, project, account, region)
    report(f"role {role_arn}")
    users = (
        (
            project.deployer,
            "deployer",
            {
                "EndpointManagement": policies.deployer(project, account, region),
                policies.COMPLETION: policies.completion(project, account, region),
            },
        ),
        (
            project.caller,
            "caller",
            {"AllowInvokeEndpoint": policies.caller(project, account, region)},
        ),
    )
    made: dict[str, Key] = {}
    for name, purpose, documents in users:
        _user(iam, name, documents)
        wanted = Key(name, purpose, "", "", project.bucket, region)
        made[purpose], change = _key(iam, keys, wanted)
        report(f"user {name} ({', '.join(documents)}){change}")
    return Result(project.bucket, role_arn, made["deployer"], made["caller"])


def _bucket(s3: Any, name: str, region: str) -> None:
    location = {} if region == "us-east-1" else {"LocationConstraint": region}
    options = {"CreateBucketConfiguration": location} if location else {}
    with _unless(s3, "BucketAlreadyOwnedByYou"):
        s3.create_bucket(Bucket=name, **options)


def _role(iam: Any, project: Project, account: str, region: str) -> str:
    name = project.execution_role
    trust = json.dumps(policies.trust())
    with _unless(iam, "EntityAlreadyExists"):
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=trust,
            Description=f"Execution role of {project.team}'s {project.project} endpoints",
        )
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    document = json.dumps(policies.execution(project, account, region))
    iam.put_role_policy(RoleName=name, PolicyName="Inference", PolicyDocument=document)
    arn: str = iam.get_role(RoleName=name)["Role"]["Arn"]
    return arn


def _user(iam: Any, name: str, documents: dict[str, policies.Document]) -> None:
    with _unless(iam, "EntityAlreadyExists"):
        iam.create_user(UserName=name)
    for policy, document in documents.items():
        iam.put_user_policy(
            UserName=name, PolicyName=policy, PolicyDocument=json.dumps(document, indent=2)
        )


def _key(iam: Any, keys: Keeper, wanted: Key) -> tuple[Key, str]:
    """The kept key if IAM still has it, else a new one, and what was done about it.

    A user may have two keys. When both are there and neither is ours, an inactive one makes room,
    else the older one: without the secret nobody here can use either.
    """
    user = wanted.user
    existing = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    active = {key["AccessKeyId"] for key in existing if key["Status"] == "Active"}
    kept = keys.user(user)
    if kept is not None and kept.access_key_id in active:
        current = replace(
            wanted, access_key_id=kept.access_key_id, secret_access_key=kept.secret_access_key
        )
        if current != kept:
            keys.keep(current)
        return current, ""
    gone = ""
    if len(existing) >= KEYS_PER_USER:
        oldest = min(existing, key=lambda each: (each["Status"] == "Active", each["CreateDate"]))
        iam.delete_access_key(UserName=user, AccessKeyId=oldest["AccessKeyId"])
        gone = f" in place of {oldest['AccessKeyId']}"
    made = iam.create_access_key(UserName=user)["AccessKey"]
    key = replace(
        wanted, access_key_id=made["AccessKeyId"], secret_access_key=made["SecretAccessKey"]
    )
    keys.keep(key)
    return key, f", new key {key.access_key_id}{gone}"


@contextmanager
def _unless(client: Any, code: str) -> Iterator[None]:
    """Let an error of that code pass: what was to be made is there already."""
    try:
        yield
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
