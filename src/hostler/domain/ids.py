"""Names, identifiers and ARNs: what they look like and how they are compared.

Invariant: a resource is found by ``name_key`` (SageMaker's names are unique regardless of case),
and its ARN carries the lower-cased name, while the case given at creation is kept: for display, and
because InvokeEndpoint, alone, asks for it (``gateway.route``).
"""

import hashlib
import re
from typing import NamedTuple, NewType

AccountId = NewType("AccountId", str)
Region = NewType("Region", str)
Arn = NewType("Arn", str)
EndpointId = NewType("EndpointId", str)
"""One life of an endpoint: deleting and creating the same name gives another id."""
DeploymentId = NewType("DeploymentId", str)
"""A config frozen, with its models, at the moment an endpoint was asked to run it."""
InstanceId = NewType("InstanceId", str)
"""``i-`` and 17 hexadecimal digits, as EC2 writes it; also the tail of the log stream's name."""

ACCOUNT_PATTERN = re.compile(r"[0-9]{12}")
REGION_PATTERN = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")

DEFAULT_ACCOUNT = AccountId("123456789012")
DEFAULT_REGION = Region("us-east-1")


class Home(NamedTuple):
    """Where resources are at home: an account, in a region."""

    account: AccountId
    region: Region


def name_key(name: str) -> str:
    """The form of a SageMaker name under which it is unique."""
    return name.lower()


def partition(region: str) -> str:
    """The ARN partition of a region.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def sagemaker_arn(region: str, account: str, kind: str, name: str) -> Arn:
    """The ARN of a resource; ``kind`` is ``model``, ``endpoint-config`` or ``endpoint``."""
    return Arn(f"arn:{partition(region)}:sagemaker:{region}:{account}:{kind}/{name_key(name)}")


def iam_arn(account: str, kind: str, path_and_name: str) -> Arn:
    """The ARN of an IAM entity; ``kind`` is ``user``, ``role`` or ``policy``."""
    return Arn(f"arn:aws:iam::{account}:{kind}/{path_and_name.lstrip('/')}")


def assumed_role_arn(account: str, role: str, session: str) -> Arn:
    """The ARN of an assumed role's session: the role's name stands there without its path."""
    return Arn(f"arn:aws:sts::{account}:assumed-role/{role}/{session}")


def root_arn(account: str) -> Arn:
    """The ARN of an account's root user."""
    return Arn(f"arn:aws:iam::{account}:root")


def log_group_arn(region: str, account: str, group: str) -> Arn:
    """The ARN of a CloudWatch Logs group, without the trailing ``:*``."""
    return Arn(f"arn:{partition(region)}:logs:{region}:{account}:log-group:{group}")


def bucket_arn(region: str, bucket: str) -> Arn:
    """The ARN of a bucket, as a client of the region has it."""
    return Arn(f"arn:{partition(region)}:s3:::{bucket}")


def object_arn(region: str, bucket: str, key: str) -> Arn:
    """The ARN of an object."""
    return Arn(f"{bucket_arn(region, bucket)}/{key}")


def endpoint_log_group(endpoint_name: str) -> str:
    """The log group SageMaker writes an endpoint's containers to."""
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def derived_id(kind: str, *parts: str) -> str:
    """The id that these parts make: ``kind`` and as many hexadecimal digits as EC2's ids have."""
    return f"{kind}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:17]}"
