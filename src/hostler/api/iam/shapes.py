"""Identities and policies in the shapes of IAM's answers.

Invariant: policy documents leave as IAM writes them, URL-encoded (RFC 3986); clients decode them.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from hostler.store.identities.entities import Identity
from hostler.store.identities.policies import ManagedPolicy, Version

Shape = dict[str, Any]


def document(text: str) -> str:
    return quote(text, safe="")


def moment(seconds: float) -> int:
    """IAM's times have whole seconds."""
    return int(seconds)


def tag_list(tags: Mapping[str, str]) -> list[Shape]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def user(one: Identity, tags: Mapping[str, str] | None = None) -> Shape:
    return {
        "Path": one.path,
        "UserName": one.name,
        "UserId": one.id,
        "Arn": one.arn,
        "CreateDate": moment(one.created),
        **({"Tags": tag_list(tags)} if tags else {}),
    }


def group(one: Identity) -> Shape:
    return {
        "Path": one.path,
        "GroupName": one.name,
        "GroupId": one.id,
        "Arn": one.arn,
        "CreateDate": moment(one.created),
    }


def role(one: Identity, tags: Mapping[str, str] | None = None) -> Shape:
    return {
        "Path": one.path,
        "RoleName": one.name,
        "RoleId": one.id,
        "Arn": one.arn,
        "CreateDate": moment(one.created),
        "AssumeRolePolicyDocument": document(one.trust),
        **({"Description": one.description} if one.description else {}),
        "MaxSessionDuration": one.session_seconds_max,
        **({"Tags": tag_list(tags)} if tags else {}),
    }


def policy(
    one: ManagedPolicy, attachments: int, *, described: bool, tags: Mapping[str, str] | None = None
) -> Shape:
    return {
        "PolicyName": one.name,
        "PolicyId": one.id,
        "Arn": one.arn,
        "Path": one.path,
        "DefaultVersionId": version_id(one.default_version),
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        **({"Description": one.description} if described and one.description else {}),
        "CreateDate": moment(one.created),
        "UpdateDate": moment(one.updated),
        **({"Tags": tag_list(tags)} if tags else {}),
    }


def version(one: Version, default: int, *, with_document: bool) -> Shape:
    return {
        **({"Document": document(one.document)} if with_document else {}),
        "VersionId": version_id(one.number),
        "IsDefaultVersion": one.number == default,
        "CreateDate": moment(one.created),
    }


def version_id(number: int) -> str:
    return f"v{number}"
